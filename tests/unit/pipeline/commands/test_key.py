"""``dicom-deid key new``, and that no run takes a weak key."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from anonymizer import Key
from tests.support.keys import write_key
from tests.support.runs import ct_file, run_in_process


def test_a_new_key_is_made_told_and_used(tmp_path: Path) -> None:
    path = tmp_path / "key"
    before = os.umask(0)
    try:
        done = run_in_process("key", "new", str(path))
    finally:
        os.umask(before)
    assert done.returncode == 0 and done.stderr == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key_id, advice = done.stdout.splitlines()
    assert key_id == f"Key id: {Key.load(f'file:{path}').key_id}" and "Keep a copy" in advice
    assert path.read_text().strip() not in done.stdout
    (tmp_path / "in.dcm").write_bytes(ct_file("1.2.3"))
    done = run_in_process("file", str(tmp_path / "in.dcm"), str(tmp_path / "out.dcm"), "--key", f"file:{path}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("there", "FILE exists"),
        ("link", "FILE exists"),
        ("folder", "FILE exists"),
        ("missing/key", "the folder of FILE doesn't exist"),
        ("there/key", "the folder of FILE doesn't exist"),
        ("new/", "the folder of FILE doesn't exist"),
        ("-", "a path on this machine"),
        ("", "a path on this machine"),
        ("file:key", "a path on this machine"),
        ("env:KEY", "a path on this machine"),
        ("gs://bucket/key", "a path on this machine"),
        ("s3://bucket/key", "a path on this machine"),
        ("gcp-secret:projects/p/secrets/s/versions/1", "a path on this machine"),
    ],
)
def test_a_place_for_no_key_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").write_text("mine")
    Path("link").symlink_to("nowhere")
    Path("folder").mkdir()
    done = run_in_process("key", "new", name)
    assert done.returncode == 2 and message in done.stderr and done.stdout == ""
    assert sorted(os.listdir()) == ["folder", "link", "there"] and Path("there").read_text() == "mine"


def test_a_key_that_can_not_be_written_has_failed() -> None:
    # nobody, not even root, makes a file there
    done = run_in_process("key", "new", "/proc/key")
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr and done.stdout == ""
    done = run_in_process("key", "new", f"/tmp/{'x' * 300}")
    assert done.returncode == 1 and done.stderr.startswith("Failed: the key can't be written: ")


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        ("hunter2 and a dozen other words behind it", 0o600, "no passphrase"),
        (bytes(range(32)), 0o644, "chmod 600"),
        (b"\0" * 32, 0o600, "32 bytes or more"),
    ],
)
def test_no_command_takes_a_weak_key(tmp_path: Path, content: bytes | str, mode: int, message: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(ct_file("1.2.3"))
    write_key(tmp_path / "key", content).chmod(mode)
    option = ("--key", f"file:{tmp_path / 'key'}")
    for arguments in (
        ("run", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"), *option),
        ("file", str(tmp_path / "in" / "a.dcm"), str(tmp_path / "out"), *option),
    ):
        done = run_in_process(*arguments)
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
        assert "hunter2" not in done.stderr and str(tmp_path) not in done.stderr
    assert not (tmp_path / "out").exists()
