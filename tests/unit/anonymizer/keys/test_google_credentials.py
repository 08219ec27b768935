"""Google Cloud credentials: found where Google's libraries find them, and told at once where there are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials as UserCredentials

from anonymizer.internals import CredentialsError, default_credentials
from anonymizer.keys.google_credentials import on_google_machine
from tests.support.secret_server import token_server
from tests.support.service_accounts import service_account

ROOT = Path(__file__).resolve().parents[4]
#: tells each connection that is tried, then what default_credentials says
ASK = """
import sys
sys.addaudithook(lambda event, arguments: print("connects to", arguments[1]) if event == "socket.connect" else None)
from anonymizer.internals import CredentialsError, default_credentials
try:
    credentials, project = default_credentials()
    from google.auth.transport.requests import Request
    credentials.refresh(Request())
    print("token", credentials.token, "project", project)
except CredentialsError as error:
    print("error", error)
"""


def ask_in_a_new_process(home: Path, code: str = ASK, **environment: str) -> str:
    """What ``ASK`` prints where there is nothing but ``home`` and ``environment``."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without credentials; its gcloud folder."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    # gcloud itself, which google.auth asks for the project, is not to be found
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def authorized_user() -> dict[str, str]:
    """The content of the file that ``gcloud auth application-default login`` writes."""
    return {
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "none",
        "refresh_token": "refresh",
        "quota_project_id": "some-project",
    }


def test_a_machine_without_credentials_is_told_at_once(tmp_path: Path) -> None:
    begin = time.monotonic()
    lines = ask_in_a_new_process(tmp_path).splitlines()
    # google.auth alone takes 20 seconds and more here
    assert time.monotonic() - begin < 10
    assert lines.pop() == (
        "error no Google Cloud credentials were found: run `gcloud auth application-default login`, "
        "set GOOGLE_APPLICATION_CREDENTIALS or use --anonymous for public data"
    )
    # where the firmware tells nothing, the metadata server is asked once
    assert lines in ([], ["connects to ('169.254.169.254', 80)"])


def test_a_service_account_gets_its_token(no_credentials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    with token_server(lambda path, body: (asked.append(body), (200, {"access_token": "T1", "expires_in": 3600}))[1]) as address:
        path = no_credentials / "account.json"
        path.write_text(json.dumps(service_account(f"http://{address}/token")))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        credentials, project = default_credentials(["https://www.googleapis.com/auth/devstorage.read_only"])
        credentials.refresh(Request())
    assert (credentials.token, project) == ("T1", "some-project")
    assert credentials.scopes == ["https://www.googleapis.com/auth/devstorage.read_only"]  # type: ignore[attr-defined]
    assert "assertion=" in asked[0]


@pytest.mark.parametrize("named", [True, False], ids=["named by the variable", "where gcloud leaves it"])
def test_a_users_login_gets_its_token(no_credentials: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    path = no_credentials / ("user.json" if named else "application_default_credentials.json")
    path.write_text(json.dumps(authorized_user()))
    if named:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    found, project = default_credentials()
    assert isinstance(found, UserCredentials) and project is None
    asked = []
    with token_server(lambda path, body: (asked.append(body), (200, {"access_token": "T2", "expires_in": 3600}))[1]) as address:
        # the file can't name another server than Google's
        credentials = found.with_token_uri(f"http://{address}/token")
        credentials.refresh(Request())
    assert credentials.token == "T2"
    assert "refresh_token=refresh" in asked[0]


def test_a_login_is_found_in_the_home_folder(tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    (folder / "application_default_credentials.json").write_text(json.dumps(authorized_user()))
    said = ask_in_a_new_process(tmp_path, ASK.replace("credentials.refresh(Request())", ""), PATH=str(tmp_path))
    # found without asking anyone
    assert said == "token None project None\n"


def test_a_machine_of_googles_gets_its_token_from_the_metadata_server(tmp_path: Path) -> None:
    def answer(path: str, body: str) -> tuple[int, dict[str, object] | str]:
        if path.startswith("/computeMetadata/v1/instance/service-accounts/") and "/token" in path:
            return 200, {"access_token": "T4", "expires_in": 3600, "token_type": "Bearer"}
        if path.startswith("/computeMetadata/v1/instance/service-accounts/"):
            return 200, {"email": "default", "scopes": ["https://www.googleapis.com/auth/cloud-platform"], "aliases": []}
        return 200, "metadata-project"

    with token_server(answer) as address:
        said = ask_in_a_new_process(tmp_path, GCE_METADATA_HOST=address, GCE_METADATA_IP=address)
    assert said.splitlines()[-1] == "token T4 project metadata-project"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the file that GOOGLE_APPLICATION_CREDENTIALS names can't be read: No such file or directory"),
        (b"hunter2", "the file that GOOGLE_APPLICATION_CREDENTIALS names is not JSON"),
        (b"\xff\xfe\x00\x00\x00", "the file that GOOGLE_APPLICATION_CREDENTIALS names is not JSON"),
        (b'["hunter2"]', "the file that GOOGLE_APPLICATION_CREDENTIALS names holds no credentials"),
        (b'{"hunter2": 1}', "the file that GOOGLE_APPLICATION_CREDENTIALS names holds no credentials"),
        (b'{"type": "hunter2"}', "Google Cloud credentials can't be used: their file is incomplete or of no known type"),
        (b'{"type": "service_account"}', "Google Cloud credentials can't be used: their file is incomplete or of no known type"),
        (
            b'{"type": "service_account", "client_email": "hunter2", "token_uri": "", "private_key": "hunter2"}',
            "Google Cloud credentials can't be used: their file is incomplete or of no known type",
        ),
        (b'{"type": "external_account", "credential_source": "hunter2"}', "Google Cloud credentials can't be used"),
    ],
)
def test_a_file_that_holds_no_credentials_is_told_without_its_name_or_content(
    no_credentials: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, message: str
) -> None:
    path = no_credentials / "hunter2.json"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(CredentialsError, match=message) as caught:
        default_credentials()
    assert "hunter2" not in str(caught.value)
    # no traceback shows Google's own text, which repeats the path
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_gclouds_own_file_may_be_broken_too(no_credentials: Path) -> None:
    for content, message in ((b"{", "gcloud's .* is not JSON"), (b'{"type": "authorized_user"}', "incomplete")):
        (no_credentials / "application_default_credentials.json").write_bytes(content)
        with pytest.raises(CredentialsError, match=message):
            default_credentials()


def test_the_hint_is_the_callers(no_credentials: Path) -> None:
    with pytest.raises(CredentialsError) as caught:
        default_credentials(hint="")
    assert str(caught.value).endswith("run `gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS")


def never() -> NoReturn:
    """No ping is due."""
    raise AssertionError("the metadata server is asked")


@pytest.mark.parametrize(
    ("environment", "product", "expected"),
    [
        ({}, "Google Compute Engine\n", True),
        ({}, "Google\n", True),
        ({}, "Standard PC (Q35 + ICH9, 2009)\n", False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "m5.large\n", False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, None, True),
        ({"K_SERVICE": "some"}, None, True),
        ({"CLOUD_RUN_JOB": "some"}, None, True),
        ({"GCE_METADATA_HOST": "localhost:1"}, "Standard PC\n", True),
        ({"NO_GCE_CHECK": "true"}, "Google\n", False),
        ({"NO_GCE_CHECK": "true"}, None, False),
    ],
)
def test_whose_machine_this_is_shows_without_asking(
    tmp_path: Path, environment: dict[str, str], product: str | None, expected: bool
) -> None:
    if product is not None:
        (tmp_path / "product_name").write_text(product)
    assert on_google_machine(environment, tmp_path / "product_name", never) is expected


@pytest.mark.parametrize("product", [None, "", "\n"])
@pytest.mark.parametrize("answers", [True, False])
def test_where_nothing_shows_the_metadata_server_is_asked(tmp_path: Path, product: str | None, answers: bool) -> None:
    if product is not None:
        (tmp_path / "product_name").write_text(product)
    assert on_google_machine({}, tmp_path / "product_name", lambda: answers) is answers


def test_importing_it_imports_nothing_of_googles() -> None:
    code = "import sys, anonymizer.keys.google_credentials; sys.exit('google.auth' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ, check=False).returncode == 0
