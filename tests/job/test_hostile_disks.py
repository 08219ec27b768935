"""Files that can't be read or disappear, places that can't be written to: right sums or one plain sentence, no traceback."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.forked import Logged
from tests.support.limits import COMMAND, Ended, on_own_disk, run_measured, without_rights
from tests.support.objects import Element
from tests.support.runs import Run, ct_file
from tests.support.tokens import Tokens

FEW, MANY = 4, 3000


def archive(folder: Path, count: int, size: int = 600, tokens: Tokens | None = None, first: int = 0) -> list[Path]:
    """Objects of ``size`` bytes and more, numbered from ``first`` on, with names that are tokens."""
    folder.mkdir(parents=True)
    tokens = tokens or Tokens()
    paths = []
    for number in range(first, first + count):
        path = folder / f"{tokens.text()}.dcm"
        path.write_bytes(ct_file(f"1.2.3.{number}", Element(0x7FE00010, "OW", bytes(size)), study=f"1.2.3.{number // 100}.1"))
        paths.append(path)
    return paths


def command(source: Path, output: Path, key: Path, *more: str) -> list[str]:
    return [*COMMAND, "run", "--input", str(source), "--output", str(output), "--key", f"file:{key}", *more]


def start(source: Path, output: Path, key: Path, *more: str, before: str = "") -> Logged:
    return Logged(*command(source, output, key, *more)[len(COMMAND) :], before=before)


def sums(output: Path, ended: Ended, listed: int, audit: Path | None = None) -> dict[str, int]:
    """The reasons; all else must add up."""
    assert "Traceback" not in ended.log and ended.code in (0, 3), ended.log
    run = Run(audit.with_name(audit.name.removesuffix("-audit")) if audit else output, ended.code, ended.log)
    counts = run.report["counts"]
    assert run.report["listed"] == sum(counts.values()) == len(run.table("instances")) == listed
    assert ended.code == (3 if counts["quarantined"] else 0)
    if audit is None:
        assert counts["written"] == len(run.objects())
    assert sum(run.report["reasons"].values()) == listed - counts["written"]
    return dict(run.report["reasons"])


def told(ended: Ended, code: int, *words: str) -> None:
    """The command ended with ``code`` and one sentence with ``words``."""
    lines = [line for line in ended.log.splitlines() if line.startswith(("Failed:", "Error:"))]
    assert ended.code == code and "Traceback" not in ended.log and len(lines) == 1, ended.log
    for word in words:
        assert word in lines[0], lines


# -- what can't be read ---------------------------------------------------------------------------------------------------


def test_files_and_folders_without_permission(tmp_path: Path, key_file: Path) -> None:
    rights, tokens = without_rights(), Tokens()
    paths = archive(tmp_path / "in", FEW, tokens=tokens)
    closed = tmp_path / "in" / tokens.text()
    archive(closed, 2, first=FEW)
    paths[0].chmod(0)
    closed.chmod(0)
    try:
        ended = run_measured(*command(tmp_path / "in", tmp_path / "out", key_file), before=rights)
    finally:
        closed.chmod(0o755)
    assert sums(tmp_path / "out", ended, FEW + 1) == {"unreadable": 2}
    assert tokens.found_in(ended.log.encode()) == []


def test_an_input_without_permission(tmp_path: Path, key_file: Path) -> None:
    rights, tokens = without_rights(), Tokens()
    closed = tmp_path / tokens.text()
    archive(closed, 1)
    closed.chmod(0)
    try:
        ended = run_measured(*command(closed, tmp_path / "out", key_file), before=rights)
    finally:
        closed.chmod(0o755)
    told(ended, 2, "--input can't be read: Permission denied")
    assert tokens.found_in(ended.log.encode()) == []


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no /proc")
def test_a_device_that_fails_and_what_is_no_file(tmp_path: Path, key_file: Path) -> None:
    archive(tmp_path / "in", FEW)
    # its first page can't be read: an input/output error from the system itself
    (tmp_path / "in" / "broken disk").symlink_to("/proc/self/mem")
    (tmp_path / "in" / "endless").symlink_to("/dev/zero")
    (tmp_path / "in" / "full").symlink_to("/dev/full")
    os.mkfifo(tmp_path / "in" / "pipe")
    ended = run_measured(*command(tmp_path / "in", tmp_path / "out", key_file))
    assert sums(tmp_path / "out", ended, FEW + 4) == {"unreadable": 4}


# -- what changes under the run -------------------------------------------------------------------------------------------


def _become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _become_another(path: Path) -> None:
    other = path.parent.with_name("other")
    other.write_bytes(path.read_bytes() + b"more")
    # at no moment is there none
    other.replace(path)


@pytest.mark.parametrize("change", [_become_a_folder, _become_another])
def test_inputs_that_change_once_the_run_writes(tmp_path: Path, key_file: Path, change: Callable[[Path], None]) -> None:
    paths = archive(tmp_path / "in", MANY)
    running = start(tmp_path / "in", tmp_path / "out", key_file, "--direct_num_workers=1")
    until(lambda: any((tmp_path / "out").glob("2.25*/*/*.dcm")), running)
    for path in paths:
        change(path)
    _, log = running.communicate(timeout=120)
    reasons = sums(tmp_path / "out", Ended(running.wait(), log, 0, 0), MANY)
    expected = {_become_a_folder: "unreadable", _become_another: "changed-during-run"}[change]
    assert set(reasons) == {expected}, "the run was over before anything changed"


def test_an_input_folder_that_disappears(tmp_path: Path, key_file: Path) -> None:
    tokens = Tokens()
    archive(tmp_path / "in" / tokens.text(), MANY, tokens=tokens)
    running = start(tmp_path / "in", tmp_path / "out", key_file)
    until((tmp_path / "out-audit" / "output.json").exists, running)
    # in one moment, as a disk that is taken away
    (tmp_path / "in").rename(tmp_path / "gone")
    _, log = running.communicate(timeout=120)
    told(Ended(running.wait(), log, 0, 0), 4, "the folder of an input is gone")
    assert tokens.found_in(log.encode()) == []


def until(holds: Callable[[], bool], running: Logged) -> None:
    """Wait until something holds, while a command runs."""
    while not holds():
        assert running.poll() is None, "it ended before"
        time.sleep(0.001)


# -- what can't be written to ---------------------------------------------------------------------------------------------


def test_a_full_disk_for_the_objects(tmp_path: Path, key_file: Path) -> None:
    """The audit is on another disk: the run ends all the same, and quarantines nothing."""
    archive(tmp_path / "in", 8, 500_000)
    (tmp_path / "disk").mkdir()
    disk = on_own_disk(tmp_path / "disk", "2m")
    audit = tmp_path / "account" / "out-audit"
    ended = run_measured(*command(tmp_path / "in", tmp_path / "disk" / "out", key_file, "--audit", str(audit)), before=disk)
    told(ended, 4, "there is no space left")
    assert not (audit / "run.json").exists()


@pytest.mark.parametrize("size", ["8k", "12k", "2m"])
def test_a_full_disk_for_the_account(tmp_path: Path, key_file: Path, size: str) -> None:
    archive(tmp_path / "in", 8, 500_000)
    (tmp_path / "disk").mkdir()
    disk = on_own_disk(tmp_path / "disk", size)
    ended = run_measured(*command(tmp_path / "in", tmp_path / "disk" / "out", key_file), before=disk)
    told(ended, 4, "there is no space left")


def test_a_limit_for_the_size_of_files(tmp_path: Path, key_file: Path) -> None:
    archive(tmp_path / "in", 2, 500_000)
    archive(tmp_path / "in" / "small", FEW, first=2)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000,) * 2)"
    ended = run_measured(*command(tmp_path / "in", tmp_path / "out", key_file), before=limit)
    assert sums(tmp_path / "out", ended, FEW + 2) == {"output-unwritable": 2}


def test_a_read_only_output(tmp_path: Path, key_file: Path) -> None:
    archive(tmp_path / "in", FEW)
    (tmp_path / "disk").mkdir()
    disk = on_own_disk(tmp_path / "disk", "2m", prepare='mkdir "$1/out" && mount -o remount,ro "$1"')
    for output in ("out", "another/out"):
        ended = run_measured(*command(tmp_path / "in", tmp_path / "disk" / output, key_file), before=disk)
        told(ended, 2, "Read-only file system")


def test_an_output_without_permission(tmp_path: Path, key_file: Path) -> None:
    rights = without_rights()
    archive(tmp_path / "in", FEW)
    (tmp_path / "out").mkdir(mode=0o555)
    ended = run_measured(*command(tmp_path / "in", tmp_path / "out", key_file), before=rights)
    told(ended, 2, "Permission denied")
    # only the objects' own folders: the audit can be written, and says so
    (tmp_path / "out").chmod(0o755)
    ended = run_measured(*command(tmp_path / "in", tmp_path / "out", key_file), before=rights)
    assert sums(tmp_path / "out", ended, FEW) == {}
    (study,) = (tmp_path / "out").glob("2.25*")
    (tmp_path / "in" / "later").write_bytes(ct_file("1.2.3.99", study="1.2.3.0.1"))
    (series,) = study.iterdir()
    series.chmod(0o555)
    ended = run_measured(*command(tmp_path / "in", tmp_path / "out", key_file), before=rights)
    assert sums(tmp_path / "out", ended, FEW + 1) == {"output-unwritable": 1}


def test_an_audit_that_is_closed_while_the_run_works(tmp_path: Path, key_file: Path) -> None:
    rights = without_rights()
    archive(tmp_path / "in", MANY)
    running = start(tmp_path / "in", tmp_path / "out", key_file, "--direct_num_workers=1", before=rights)
    until(lambda: any((tmp_path / "out").glob("2.25*/*/*.dcm")), running)
    (tmp_path / "out-audit").chmod(0o555)
    _, log = running.communicate(timeout=120)
    (tmp_path / "out-audit").chmod(0o700)
    told(Ended(running.wait(), log, 0, 0), 1, "Permission denied")


def test_one_file_to_a_full_or_closed_place(tmp_path: Path, key_file: Path) -> None:
    rights = without_rights()
    (path,) = archive(tmp_path / "in", 1, 500_000)
    (tmp_path / "disk").mkdir()
    one = [*COMMAND, "file", str(path), str(tmp_path / "disk" / "out.dcm"), "--key", f"file:{key_file}"]
    told(run_measured(*one, before=on_own_disk(tmp_path / "disk", "100k")), 4, "No space left on device")
    (tmp_path / "disk").chmod(0o555)
    told(run_measured(*one, before=rights), 1, "Permission denied")
    (tmp_path / "disk").chmod(0o755)
    path.chmod(0)
    told(run_measured(*one, before=rights), 1, "Permission denied")
    assert list((tmp_path / "disk").iterdir()) == []
