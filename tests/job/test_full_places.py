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
from tests.support.limits import can_mount
from tests.support.objects import Element
from tests.support.processes import need
from tests.support.runs import ROOT, Run, deidentify, write_studies

MANY = 600
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


def in_mounts_of_its_own(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A shell script that may mount: ``$1`` and so on are its arguments."""
    if not can_mount():
        pytest.skip("nothing can be mounted here")
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


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
    run = [*COMMAND, "--input", str(archive), "--output", str(output), "--audit", str(audit), "--key", f"file:{key_file}", *flags]
    script = """
        disk=$1 result=$2; shift 2
        mount -t tmpfs -o size=12m none "$disk"
        "$@"; echo "first $?" >&2
        ls -A "$disk/output" | grep -v '^2.25' | sed 's/^/left /' >&2
        mount -o remount,size=200m "$disk"
        "$@" >&2; echo "second $?" >&2
        cp -a "$disk/." "$result"
    """
    done = in_mounts_of_its_own(script, disk, result, *run)
    log, _, again = done.stderr.partition("first ")
    assert_ended(int(again.split()[0]), log, "no space left")
    assert f"left {TEMPORARY}" not in again
    assert "second 0" in again, again
    assert same(Run(result / "output", 0, again), undisturbed)
    assert not [path.name for path in (result / "output-audit").iterdir() if path.name.startswith("ledger")]


def test_a_disk_that_is_full_before_the_run(archive: Path, key_file: Path, tmp_path: Path) -> None:
    for size in ("4k", "16k", "60k"):
        script = """
            disk=$1 size=$2; shift 2
            mount -t tmpfs -o size=$size none "$disk"
            "$@"; echo "first $?" >&2
        """
        run = [*COMMAND, "--input", str(archive), "--output", str(tmp_path / "output"), "--key", f"file:{key_file}"]
        done = in_mounts_of_its_own(script, tmp_path, size, *run)
        log, _, code = done.stderr.partition("first ")
        assert_ended(int(code), log, "no space left")


@PROCESSES
@pytest.mark.parametrize(("error", "words"), [("EIO", "Input/output error"), ("EDQUOT", "quota"), ("ESTALE", "Stale file")])
def test_a_disk_that_fails(
    error: str, words: str, flags: tuple[str, ...], archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    """Each thread's writes fail from some moment on, as those of a disk that is broken for all."""
    output = tmp_path / "output"
    run = [*COMMAND, "--input", str(archive), "--output", str(output), "--key", f"file:{key_file}", *flags]
    strace = [need("strace"), "-f", "-qqq", "-o", "/dev/null", "-e", "trace=writev"]
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
@pytest.mark.parametrize("how", ["umount -l", "rm -r"])
def test_an_input_that_vanishes(
    how: str, flags: tuple[str, ...], archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    """Nothing of it is quarantined: the run ends, and goes on when it is there again."""
    source, output = tmp_path / "SECRETNAME" / "in", tmp_path / "output"
    source.mkdir(parents=True)
    run = [*COMMAND, "--input", str(source), "--output", str(output), "--key", f"file:{key_file}", *flags]
    script = """
        archive=$1 source=$2 output=$3 how=$4; shift 4
        mount -t tmpfs none "$source"
        cp -a "$archive/." "$source"
        "$@" & pid=$!
        while [ -z "$(ls "$output"/2.25* 2>/dev/null)" ]; do kill -0 $pid || exit 99; sleep 0.05; done
        case $how in umount*) umount -l "$source";; *) rm -r "$source"/*; esac
        since=$(date +%s); wait $pid; echo "first $? after $(($(date +%s) - since))" >&2
        umount -l "$source"
        mount -t tmpfs none "$source"
        cp -a "$archive/." "$source"
        "$@" >&2; echo "second $?" >&2
    """
    done = in_mounts_of_its_own(script, archive, source, output, how, *run)
    log, _, again = done.stderr.partition("first ")
    code, _, seconds = again.split()[:3]
    assert_ended(int(code), log, "the folder of an input is gone")
    assert int(seconds) <= 10
    assert "second 0" in again, again
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
    run = [*COMMAND, "--input", str(huge), "--output", str(tmp_path / "disk" / "output"), "--key", f"file:{key_file}", *LOCAL]
    (tmp_path / "disk").mkdir()
    script = 'disk=$1; shift; mount -t tmpfs -o size=300m none "$disk"; "$@"; echo "first $?" >&2'
    since = time.monotonic()
    done = in_mounts_of_its_own(script, tmp_path / "disk", *run)
    log, _, code = done.stderr.partition("first ")
    assert_ended(int(code), log, "no space left")
    assert time.monotonic() - since < 60
