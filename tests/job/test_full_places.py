"""Disks that fill up, fail or vanish while a run is at work: it ends at once with code 4, and the same command goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage import TEMPORARY
from tests.engine.test_killed_workers import LOCAL
from tests.server.test_object_storage import same
from tests.support.limits import OwnMounts
from tests.support.objects import Element
from tests.support.processes import need
from tests.support.runs import ROOT, Run, deidentify, write_studies

MANY = 400
PROCESSES = pytest.mark.parametrize("flags", [(), LOCAL], ids=["one process", "two"])
COMMAND = [sys.executable, "-m", "pipeline", "run"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("SECRETNAME")
    write_studies(
        folder, (f"SECRETNAME-{number}" for number in range(MANY)), lambda number: [Element(0x7FE00010, "OW", bytes(50_000))]
    )
    return folder


@pytest.fixture(scope="module")
def undisturbed(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(archive, tmp_path_factory.mktemp("undisturbed") / "output", key_file)


def assert_ended(code: int, log: str, *words: str) -> None:
    """One sentence, and the code that says: run again."""
    lines = [line for line in log.splitlines() if line.startswith(("Failed:", "Error:"))]
    assert code == 4 and len(lines) == 1, (code, log)
    assert "Traceback" not in log and "SECRETNAME" not in log, log
    assert "start the same command again" in lines[0], lines
    for word in words:
        assert word in lines[0], lines


@PROCESSES
@pytest.mark.parametrize("audit_is_full", [False, True])
def test_a_disk_fills_up_and_then_has_room(
    audit_is_full: bool, flags: tuple[str, ...], archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    """The next run ends as if nothing had happened."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "result").mkdir()
    disk, result = tmp_path / "disk", tmp_path / "result"
    output = disk / "output"
    audit = disk / "output-audit" if audit_is_full else result / "output-audit"
    run = ["run", "--input", str(archive), "--output", str(output), "--audit", str(audit), "--key", f"file:{key_file}", *flags]
    with OwnMounts() as place:
        place.shell('mount -t tmpfs -o size=12m none "$1"', disk)
        assert_ended(*place.run(*run), "no space left")
        assert TEMPORARY not in place.shell('ls -A "$1"', output).splitlines()
        place.shell('mount -o remount,size=200m "$1"', disk)
        code, again = place.run(*run)
        assert code == 0, again
        place.shell('cp -a "$1/." "$2"', disk, result)
    assert same(Run(result / "output", 0, again), undisturbed)
    assert not [path.name for path in (result / "output-audit").iterdir() if path.name.startswith("ledger")]


def test_a_disk_that_is_full_before_the_run(archive: Path, key_file: Path, tmp_path: Path) -> None:
    run = ["run", "--input", str(archive), "--output", str(tmp_path / "output"), "--key", f"file:{key_file}"]
    for size in ("4k", "16k", "60k"):
        with OwnMounts() as place:
            place.shell('mount -t tmpfs -o size="$2" none "$1"', tmp_path, size)
            assert_ended(*place.run(*run), "no space left")


@pytest.mark.parametrize(
    ("error", "words", "flags"),
    [
        ("EIO", "Input/output error", ()),
        ("EIO", "Input/output error", LOCAL),
        ("EDQUOT", "quota", ()),
        ("ESTALE", "Stale file", LOCAL),
    ],
)
def test_a_disk_that_fails(
    error: str, words: str, flags: tuple[str, ...], archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    """Each thread's writes fail from some moment on, as those of a disk that is broken for all."""
    output = tmp_path / "output"
    run = [*COMMAND, "--input", str(archive), "--output", str(output), "--key", f"file:{key_file}", *flags]
    strace = [need("strace"), "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", "trace=writev"]
    strace += ["-e", f"inject=writev:error={error}:when=150+"]
    done = subprocess.run(
        [*strace, *run], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=200, check=False
    )
    assert_ended(done.returncode, done.stderr, words)
    assert not (output / TEMPORARY).exists()
    again = deidentify(archive, output, key_file, *flags)
    assert again.code == 0, again.log
    assert same(again, undisturbed)


@PROCESSES
@pytest.mark.parametrize("how", ['umount -l "$1"', 'rm -r "$1"/*'], ids=["umount -l", "rm -r"])
def test_an_input_that_vanishes(
    how: str, flags: tuple[str, ...], archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    """Nothing of it is quarantined: the run ends, and goes on when it is there again."""
    source, output = tmp_path / "SECRETNAME" / "in", tmp_path / "output"
    source.mkdir(parents=True)
    run = ["run", "--input", str(source), "--output", str(output), "--key", f"file:{key_file}", *flags]
    fill = 'mount -t tmpfs none "$2" && cp -a "$1/." "$2"'
    with OwnMounts() as place:
        place.shell(fill, archive, source)
        process = place.start(*run)
        while not list(output.glob("2.25*")):
            assert process.poll() is None
            time.sleep(0.05)
        place.shell(how, source)
        since = time.monotonic()
        _, log = process.communicate()
        assert time.monotonic() - since < 10
        assert_ended(process.wait(), log, "the folder of an input is gone")
        place.shell('umount -l "$2"; ' * how.startswith("rm") + fill, archive, source)
        code, again = place.run(*run)
    assert code == 0, again
    assert same(Run(output, 0, again), undisturbed)


def test_a_folder_that_cannot_be_written_is_the_objects_own_fault(
    archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    """Others go on."""
    output = tmp_path / "output"
    study = next(iter(undisturbed.objects())).partition("/")[0]
    output.mkdir()
    assert deidentify(archive, output, key_file).code == 0
    for path in (output / study).rglob("*.dcm"):
        path.unlink()
    for series in (output / study).iterdir():
        series.rmdir()
    (output / study).rmdir()
    # no folder can be made in the place of a file
    (output / study).write_bytes(b"")
    again = deidentify(archive, output, key_file)
    assert again.code == 3, again.log
    assert set(again.report["reasons"]) == {"output-unwritable"}


def test_a_run_that_is_stopped_by_a_full_disk_takes_seconds(archive: Path, key_file: Path, tmp_path: Path) -> None:
    """Also where another worker is at a huge object."""
    huge = tmp_path / "in"
    huge.mkdir()
    for path in archive.iterdir():
        (huge / path.name).symlink_to(path)
    content = (archive / "SECRETNAME-0").read_bytes()
    at = content.index(b"\xe0\x7f\x10\x00OW") + 8
    size = 3_000_000_000
    sparse = huge / "SECRETNAME-huge"
    # of another study
    sparse.write_bytes(content.replace(b"1.2.3.0", b"1.2.4.0"))
    with sparse.open("r+b") as file:
        file.seek(at)
        file.write(size.to_bytes(4, "little"))
        file.truncate(at + 4 + size)
    disk = tmp_path / "disk"
    disk.mkdir()
    with OwnMounts() as place:
        place.shell('mount -t tmpfs -o size=300m none "$1"', disk)
        since = time.monotonic()
        run = ["run", "--input", str(huge), "--output", str(disk / "output"), "--key", f"file:{key_file}", *LOCAL]
        assert_ended(*place.run(*run), "no space left")
    assert time.monotonic() - since < 60
