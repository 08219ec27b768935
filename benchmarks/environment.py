"""The conditions of a measurement: an environment for the peers, a certificate for gdcmanon, and facts of the machine."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

#: as they were in July 2026; all but dcmanon stand on pydicom
PEERS = {"dicognito": "0.19.0", "dicom-anonymizer": "2.1.0", "deid": "0.4.13", "dcmanon": "0.3.1"}
PYDICOM = "3.0.2"
#: those that clean pixels, with what pydicom decodes and encodes by: all such packages but the one that is GPL. Apart from the
#: others, which would find these packages and load them
PIXEL_PEERS = {
    "deid": PEERS["deid"],
    "python-gdcm": "3.2.6",
    "pyjpegls": "1.5.1",
    "pylibjpeg": "2.1.0",
    "pylibjpeg-openjpeg": "2.6.0",
    "pylibjpeg-rle": "2.2.0",
}


@dataclass(frozen=True)
class PeersEnvironment:
    """The place of the peers.

    Attributes:
        python: of their environment.
        missing: those that couldn't be installed there.
        gdcmanon: the program, empty where there is none.
    """

    python: str
    missing: frozenset[str]
    gdcmanon: str


#: for works that no peer does
NO_PEERS = PeersEnvironment("", frozenset(PEERS), "")


def peers_environment(peers: Mapping[str, str] = PEERS) -> PeersEnvironment:
    """Return the environment of peers, by their versions, made now where it isn't there yet."""
    wanted = [f"{name}=={version}" for name, version in peers.items()]
    digest = hashlib.sha256(" ".join([sys.version, PYDICOM, *wanted]).encode()).hexdigest()[:12]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache) / "dicom-deid-benchmarks" / f"peers-{digest}"
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        print(f"installing {', '.join(wanted)} into an environment of their own", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        # one after the other: one that can't be had must not take the rest with it
        done = [_install(python, f"pydicom=={PYDICOM}", peer) for peer in wanted]
        if all(done):
            (folder / "whole").touch()
    missing = frozenset(name for name, version in peers.items() if _version(python, name) != version)
    return PeersEnvironment(str(python), missing, shutil.which("gdcmanon") or "")


def _install(python: Path, *requirements: str) -> bool:
    return subprocess.run([python, "-m", "pip", "install", "-q", *requirements], check=False).returncode == 0


def _version(python: Path, name: str) -> str:
    code = "import sys, importlib.metadata; print(importlib.metadata.version(sys.argv[1]))"
    done = subprocess.run([python, "-I", "-c", code, name], check=False, capture_output=True, text=True)
    return done.stdout.strip()


def write_certificate(path: Path) -> None:
    """Write the certificate for which gdcmanon encrypts the original values; nobody keeps its private key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark")])
    began = datetime(2026, 1, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def machine() -> dict[str, str]:
    """Return what the figures depend on: cores, processor, memory, kernel, Python. No name, no path."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _fact("/proc/cpuinfo", "model name") or platform.machine(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        # without a distribution's own suffixes
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
    }


def _fact(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def file_system(folder: Path) -> str:
    """Return the kind of file system that ``folder`` lies on, such as ext4."""
    path = str(folder.resolve())
    found = ("", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        place, kind = line.split()[1:3]
        # the innermost; of several in one place the last is seen
        if f"{path}/".startswith(f"{place.rstrip('/')}/") and len(place) >= len(found[0]):
            found = (place, kind)
    return found[1]
