"""Key files: nobody else's, regular, and never waited for."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anonymizer import Anonymizer, Key, SecretError, create_key_file
from tests.support.keys import KEY, write_key

ROOT = Path(__file__).resolve().parents[4]


def error_of(path: Path | str) -> str:
    """Why a key file is refused; that must be soon."""
    began = time.monotonic()
    with pytest.raises(SecretError) as caught:
        Key.load(f"file:{path}")
    assert time.monotonic() - began < 5
    # no traceback shows the path or the content
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    told = str(caught.value)
    assert str(path) not in told and KEY.decode() not in told
    with pytest.raises(SecretError, match=re.escape(told)):
        Anonymizer(key=Path(path))
    return told


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640, 0o660, 0o700, 0o601])
def test_a_file_that_others_can_neither_read_nor_write_is_taken(tmp_path: Path, mode: int) -> None:
    path = write_key(tmp_path / "key")
    path.chmod(mode)
    assert Key.load(f"file:{path}").key_id == Anonymizer(key=path).key.key_id == Key(KEY).key_id


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o606, 0o664, 0o666, 0o777])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = write_key(tmp_path / "key")
    path.chmod(mode)
    told = error_of(path)
    assert "chmod 600" in told and "defaultMode: 0400" in told and "umask=077" in told
    # a link doesn't hide it
    (tmp_path / "link").symlink_to(path)
    assert error_of(tmp_path / "link") == told


def test_a_secret_as_kubernetes_mounts_it(tmp_path: Path) -> None:
    # ..data leads to a folder with a date as its name, and each file to ..data/FILE
    folder = tmp_path / "..2026_01_01_00_00_00.123456789"
    folder.mkdir()
    write_key(folder / "key").chmod(0o440)
    (tmp_path / "..data").symlink_to(folder.name)
    (tmp_path / "key").symlink_to("..data/key")
    assert Key.load(f"file:{tmp_path / 'key'}").key_id == Key(KEY).key_id
    (folder / "key").chmod(0o644)
    assert "defaultMode: 0400" in error_of(tmp_path / "key")


def a_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def a_folder(path: Path) -> None:
    path.mkdir(0o700)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [a_pipe, a_folder, a_device])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "key")
    assert "no folder, pipe or device" in error_of(tmp_path / "key")


def test_a_pipe_with_a_key_in_it_is_refused() -> None:
    # as the shell's <(...) is one
    readable, writable = os.pipe()
    try:
        os.write(writable, KEY)
        assert "no folder, pipe or device" in error_of(f"/dev/fd/{readable}")
    finally:
        os.close(readable)
        os.close(writable)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # addresses of sockets are short
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("a socket")
        assert "can't be read" in error_of("a socket")


@pytest.mark.parametrize("name", ["no such", "a\0b", "x" * 300, "file/key"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SecretError, match="key file can't be read"):
        Key.load(f"file:{tmp_path / name}")


def test_a_file_of_more_than_64_kib_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = write_key(tmp_path / "key", KEY + os.urandom((64 << 10) - len(KEY)))
    assert Key.load(f"file:{path}").key_id == Key(path.read_bytes()).key_id
    os.truncate(path, (64 << 10) + 1)
    assert "64 KiB" in error_of(path)
    os.truncate(path, 1 << 40)
    assert "64 KiB" in error_of(path)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    write_key(tmp_path / "key")
    a_pipe(tmp_path / "pipe")
    before = os.listdir("/dev/fd")
    Key.load(f"file:{tmp_path / 'key'}")
    error_of(tmp_path / "pipe")
    error_of(tmp_path)
    create_key_file(tmp_path / "new")
    assert os.listdir("/dev/fd") == before


# -- new ones ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def any_umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277, 0o777])
def test_a_new_key_file_is_its_owners_alone(tmp_path: Path, any_umask: Callable[[int], int], umask: int) -> None:
    any_umask(umask)
    create_key_file(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    content = (tmp_path / "key").read_bytes()
    assert re.fullmatch(rb"[0-9a-f]{64}\n", content)
    assert Key.load(f"file:{tmp_path / 'key'}").key_id == Key(content[:64]).key_id


def test_each_new_key_is_another(tmp_path: Path) -> None:
    for name in "ab":
        create_key_file(str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("make", [write_key, a_pipe, a_folder, lambda path: path.symlink_to("nowhere")])
def test_what_is_there_is_never_overwritten(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "key")
    before = os.lstat(tmp_path / "key")
    with pytest.raises(FileExistsError):
        create_key_file(tmp_path / "key")
    assert os.lstat(tmp_path / "key")[:9] == before[:9]
    assert os.listdir(tmp_path) == ["key"]


def test_a_new_key_file_is_durable_with_its_name(tmp_path: Path) -> None:
    code = f"from anonymizer import create_key_file; create_key_file({str(tmp_path / 'key')!r})"
    calls = "open,openat,write,writev,fchmod,fsync,fdatasync,close"
    log = tmp_path / "log"
    try:
        subprocess.run(["strace", "-y", "-e", f"trace={calls}", "-o", log, sys.executable, "-c", code], cwd=ROOT, check=True)
    except FileNotFoundError:
        pytest.skip("no strace here")
    lines = [line for line in log.read_text().splitlines() if str(tmp_path) in line]
    found = [line.split("(")[0] for line in lines]
    assert found == ["openat", "fchmod", "writev", "fsync", "close", "openat", "fsync", "close"]
    assert "O_EXCL" in lines[0] and "0600" in lines[0]
    assert f"<{tmp_path}/key>" in lines[3] and f"<{tmp_path}>" in lines[6]


def test_what_can_not_be_written_whole_leaves_no_file(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from anonymizer import create_key_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
try:
    create_key_file(sys.argv[1])
except OSError as error:
    print(error.strerror)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "key")], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "File too large\n" and os.listdir(tmp_path) == []


def test_a_file_system_without_permissions_gets_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # as vfat and mounts of Windows shares have it: all files have one mode
    change = os.fchmod
    monkeypatch.setattr(os, "fchmod", lambda handle, mode: change(handle, 0o777))
    with pytest.raises(SecretError, match="umask=077"):
        create_key_file(tmp_path / "key")
    assert os.listdir(tmp_path) == []
