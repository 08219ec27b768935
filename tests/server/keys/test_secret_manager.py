"""Keys in Google Secret Manager, read from a server on this machine that speaks its API."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from anonymizer import Key, SecretError
from anonymizer.keys.secret_manager import read_secret
from tests.support.keys import KEY, OTHER_KEY, OTHER_KEY_TEXT
from tests.support.running import SECRET
from tests.support.secret_server import Fault, SecretServer, proxy_to, serving, token_server
from tests.support.service_accounts import service_account

ROOT = Path(__file__).resolve().parents[3]
NAME = "projects/hunter2-project/secrets/hunter2/versions/7"
REGIONAL = "projects/hunter2-project/locations/europe-west3/secrets/hunter2/versions/7"
SHORT = "projects/hunter2-project/secrets/short/versions/1"
WEAK = "projects/hunter2-project/secrets/weak/versions/1"
LONG = "projects/hunter2-project/secrets/long/versions/1"
SECRETS = {
    NAME: SECRET,
    REGIONAL: SECRET[::-1],
    "projects/1234567890/secrets/text/versions/latest": KEY + b"\n",
    "projects/example.com:old/secrets/text/versions/production": OTHER_KEY,
    SHORT: b"hunter2",
    WEAK: b"hunter2, " * 2 + b"and a few other words behind it\n",
    LONG: hashlib.shake_256(b"long").digest((64 << 10) + 1),
}
#: prints the key's id, or the error
LOAD = """
import sys
from anonymizer import Key, SecretError
try:
    print("key", Key.load(sys.argv[1]).key_id)
except SecretError as error:
    print("error", error)
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretServer]:
    """The local server, in the place of Google's."""
    with serving(SecretServer(dict(SECRETS))) as running:
        monkeypatch.setenv("SECRET_MANAGER_EMULATOR_HOST", running.address)
        yield running


def load_in_a_new_process(name: str, environment: dict[str, str], code: str = LOAD) -> subprocess.CompletedProcess[str]:
    """``Key.load`` where there is nothing but ``environment``."""
    return subprocess.run(
        [sys.executable, "-c", code, f"gcp-secret:{name}"],
        cwd=ROOT,
        env={"PATH": "/nowhere", "HOME": "/nowhere", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
    )


def test_a_key_comes_from_secret_manager(server: SecretServer) -> None:
    assert Key.load(f"gcp-secret:{NAME}", "scope").key_id == Key(SECRET, "scope").key_id
    # the header by which Google leads the call to the right place
    assert [(call["name"], call["x-goog-request-params"]) for call in server.calls] == [(NAME, f"name={NAME}")]


@pytest.mark.parametrize("name", [name for name in SECRETS if name not in (SHORT, WEAK, LONG)])
def test_projects_regions_and_aliases_have_their_names(server: SecretServer, name: str) -> None:
    assert Key.load(f"gcp-secret:{name}").key_id == Key(SECRETS[name].rstrip(b"\n")).key_id


@pytest.mark.parametrize(
    "name",
    [
        "hunter2",
        "projects/hunter2/secrets/s",
        "projects/p/secrets/hunter2/versions/",
        "projects/p/secrets/../versions/hunter2",
        "projects/p/locations/evil.example/secrets/hunter2/versions/1",
        f"{NAME}\n",
        f"/{NAME}",
        f"//secretmanager.googleapis.com/{NAME}",
    ],
)
def test_another_form_of_name_is_refused_before_any_call(server: SecretServer, name: str) -> None:
    with pytest.raises(SecretError, match="projects/P/secrets/S/versions/V") as caught:
        Key.load(f"gcp-secret:{name}")
    assert "hunter2" not in str(caught.value) and server.calls == []


@pytest.mark.parametrize(
    "faults",
    [
        [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE],
        [grpc.StatusCode.RESOURCE_EXHAUSTED],
        ["damaged"],
        ["no checksum"],
        [grpc.StatusCode.UNAVAILABLE, "damaged"],
        [2.5],
    ],
    ids=str,
)
def test_a_passing_fault_is_survived(server: SecretServer, faults: list[Fault]) -> None:
    server.faults = list(faults)
    assert read_secret(NAME, timeout=6.0) == SECRET
    assert len(server.calls) == len(faults) + 1


@pytest.mark.parametrize(
    ("faults", "message", "calls"),
    [
        ([grpc.StatusCode.PERMISSION_DENIED], "denies access to the key", 1),
        ([grpc.StatusCode.UNAUTHENTICATED], "doesn't accept these credentials", 1),
        ([grpc.StatusCode.FAILED_PRECONDITION], "disabled or destroyed", 1),
        ([grpc.StatusCode.NOT_FOUND], "no such secret", 1),
        ([grpc.StatusCode.INVALID_ARGUMENT], "names a key as projects/P/", 1),
        ([grpc.StatusCode.INTERNAL], r"fails \(InternalServerError\)", 1),
        (["damaged", "damaged"], "its checksum is another", 2),
        (["no checksum", "no checksum"], "its checksum is another", 2),
    ],
    ids=str,
)
def test_a_lasting_fault_is_told_without_the_name(server: SecretServer, faults: list[Fault], message: str, calls: int) -> None:
    server.faults = list(faults)
    with pytest.raises(SecretError, match=message) as caught:
        Key.load(f"gcp-secret:{NAME}")
    assert "hunter2" not in str(caught.value) and len(server.calls) == calls
    # no traceback shows Google's own text, which repeats the name
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (grpc.StatusCode.UNAVAILABLE, "can't be reached"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "quota"),
        (3.0, "doesn't answer in time"),
    ],
    ids=str,
)
def test_patience_ends(server: SecretServer, fault: Fault, message: str) -> None:
    server.faults = [fault] * 100
    with pytest.raises(SecretError, match=message):
        read_secret(NAME, timeout=1.8)
    assert 1 < len(server.calls) < 100


def test_a_server_that_is_nowhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_MANAGER_EMULATOR_HOST", "127.0.0.1:1")
    with pytest.raises(SecretError, match="can't be reached"):
        read_secret(NAME, timeout=1.8)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("projects/p/secrets/hunter2/versions/1", "no such secret"),
        (SHORT, "32 bytes"),
        (WEAK, "hex or base64"),
        (LONG, "64 KiB"),
    ],
)
def test_a_secret_that_is_missing_or_weak_is_refused(server: SecretServer, name: str, message: str) -> None:
    with pytest.raises(SecretError, match=message) as caught:
        Key.load(f"gcp-secret:{name}")
    assert "hunter2" not in str(caught.value)


def test_the_librarys_own_log_never_shows_the_secret(server: SecretServer) -> None:
    name = "projects/example.com:old/secrets/text/versions/production"
    code = f"import logging; logging.basicConfig(level='DEBUG')\n{LOAD}"
    for scope in ("google", "google.cloud.secretmanager_v1", ""):
        environment = {"SECRET_MANAGER_EMULATOR_HOST": server.address, "GOOGLE_SDK_PYTHON_LOGGING_SCOPE": scope}
        done = load_in_a_new_process(name, environment, code)
        assert done.stdout == f"key {Key(OTHER_KEY).key_id}\n"
        # plain, or in base64 as JSON has bytes
        assert OTHER_KEY_TEXT[:8] not in done.stderr and base64.b64encode(OTHER_KEY)[:8].decode() not in done.stderr


def test_without_credentials_the_error_says_what_to_do() -> None:
    done = load_in_a_new_process(NAME, {"NO_GCE_CHECK": "true"})
    assert done.stdout == (
        "error no Google Cloud credentials were found: "
        "run `gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS\n"
    )


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (400, {"error": "invalid_grant", "error_description": "Token of hunter2 has been revoked."}, "refuses the credentials"),
        (None, {}, "can't be reached"),
    ],
    ids=["refused", "nobody there"],
)
def test_credentials_that_are_refused_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int | None, content: dict[str, object], message: str
) -> None:
    # a login of the workforce identity federation: of a plain one google.auth overrides the address
    login = {"type": "external_account_authorized_user", "client_id": "c", "client_secret": "none", "refresh_token": "r"}
    path = tmp_path / "login.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.delenv("SECRET_MANAGER_EMULATOR_HOST", raising=False)
    with token_server(lambda *_: (status or 200, content)) as address:
        path.write_text(json.dumps({**login, "token_url": f"http://{address if status else '127.0.0.1:1'}/token"}))
        with pytest.raises(SecretError, match=message) as caught:
            Key.load(f"gcp-secret:{NAME}")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "host"), [(NAME, "secretmanager.googleapis.com"), (REGIONAL, "secretmanager.europe-west3.rep.googleapis.com")]
)
def test_googles_own_servers_are_asked_over_tls_with_the_credentials(tmp_path: Path, name: str, host: str) -> None:
    asked: list[str] = []
    key, certificate = a_certificate(host)
    (tmp_path / "roots.pem").write_bytes(certificate)
    (tmp_path / "account.json").write_text(json.dumps(service_account("http://127.0.0.1:1/token")))
    with (
        serving(SecretServer(dict(SECRETS)), grpc.ssl_server_credentials([(key, certificate)])) as server,
        proxy_to(server.port, asked) as proxy,
    ):
        environment = {
            "https_proxy": proxy,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(tmp_path / "roots.pem"),
            "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "account.json"),
        }
        done = load_in_a_new_process(name, environment)
    assert done.stdout == f"key {Key(SECRETS[name]).key_id}\n", done.stderr
    # google.auth asks on its own, beside the call, where else the account may be used
    assert [asked_for for asked_for in asked if not asked_for.startswith("iamcredentials.")] == [f"{host}:443"]
    assert [call["authorization"][:10] for call in server.calls] == ["Bearer eyJ"]


def test_without_the_library_the_error_names_the_extra() -> None:
    code = f"import sys; sys.modules['google.cloud.secretmanager_v1'] = None\n{LOAD}"
    done = load_in_a_new_process(NAME, {}, code)
    assert "pip install -e '.[gcp]'" in done.stdout


def a_certificate(host: str) -> tuple[bytes, bytes]:
    """A private key and a certificate that it has signed for ``host``, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)
