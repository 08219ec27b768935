"""SIGKILL of the whole process tree at any moment; the same command, started again, goes on where it was."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.engine.test_killed_workers import LOCAL, AtWork, at_work, below, finished_again
from tests.server.test_object_storage import same, written_to
from tests.support.depth import DEEP
from tests.support.objects import Element
from tests.support.runs import Run, ct_file, deidentify, write_studies
from tests.support.servers import GcsServer
from tests.support.stores import new_bucket

MANY = 1000


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand objects: studies of 50, duplicates, conflicts within and between studies, and files that are none."""
    folder = tmp_path_factory.mktemp("SECRETNAME")
    names = (f"SECRETNAME-{number}" for number in range(MANY - 60))
    write_studies(folder, names, lambda number: [Element(0x7FE00010, "OW", bytes(20_000))])
    for number in range(20):
        # equal to one of those, equal but for its study, and equal but for its content
        original = (folder / f"SECRETNAME-{number * 40}").read_bytes()
        (folder / f"copy-{number}").write_bytes(original)
        study = f"1.2.3.{number * 40 // 50 + 1}"
        (folder / f"moved-{number}").write_bytes(ct_file(f"1.2.3.{(number * 40 + 1) // 50}.9.{number * 40 + 1}", study=study))
        (folder / f"other-{number}").write_bytes(b"no DICOM" * number)
    return folder


@pytest.fixture(scope="module")
def undisturbed(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = deidentify(archive, tmp_path_factory.mktemp("undisturbed") / "output", key_file)
    assert {status: count for status, count in run.report["counts"].items() if not count} == {"skipped": 0}
    return run


def kill_all(run: AtWork) -> None:
    """SIGKILL for the command and all its processes at once."""
    for pid in (run.process.pid, *below(run.process.pid)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    run.process.wait()


@pytest.mark.parametrize("seed", range(6 * DEEP))
def test_the_end_is_that_of_an_undisturbed_run(
    seed: int, archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    moments = random.Random(seed)
    flags = LOCAL if seed % 2 else ()
    with at_work(archive, tmp_path, key_file, *flags) as run:
        stage = moments.choice(["listed", "scanned", "finished", "finished", "finished"])
        run.wait_for(stage, moments.randrange(MANY))
        time.sleep(moments.random() / 100)
        kill_all(run)
    # whatever is there is whole
    assert Run(run.output, 1, "").objects().items() <= undisturbed.objects().items()
    assert finished_again(run, archive, key_file, undisturbed, *flags)


@pytest.mark.parametrize("flags", [(), LOCAL])
@pytest.mark.parametrize("count", [300, 600])
def test_little_is_done_again(count: int, flags: tuple[str, ...], archive: Path, key_file: Path, tmp_path: Path) -> None:
    """What the second run reads can be seen where the sources turn into something else behind its back."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in archive.glob("SECRETNAME-*"):
        (copy / path.name).write_bytes(path.read_bytes())
    listed = len(list(copy.iterdir()))
    with at_work(copy, tmp_path, key_file, *flags) as run:
        run.wait_for("finished", count)
        kill_all(run)
    done = len(list(run.output.rglob("*.dcm")))
    assert count - 60 <= done < listed
    for path in copy.iterdir():
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    again = deidentify(copy, run.output, key_file, *flags)
    # those that were finished are taken as they are; what was not is read, and is no DICOM any more
    counts = again.report["counts"]
    assert counts["written"] + counts["quarantined"] + counts["filtered"] == listed
    in_flight = 32 * max(1, len(flags))
    assert done - counts["written"] <= done // 10 + in_flight


def test_an_output_on_object_storage_goes_on_too(
    archive: Path,
    undisturbed: Run,
    gcs_server: GcsServer,
    key_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    research = new_bucket(gcs_server, "research")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    flags = (f"--output=gs://{research}/out",)
    with at_work(archive, tmp_path, key_file, *flags) as run:
        run.wait_for("finished", 600)
        kill_all(run)
    left = gcs_server.objects(research)
    assert any("/ledger-" in name for name in left)
    assert not any("SECRETNAME" in name or b"SECRETNAME" in content for name, content in left.items())
    again = deidentify(archive, tmp_path / "unused", key_file, *flags)
    assert again.code == undisturbed.code, again.log
    found = written_to(gcs_server, research, "out")
    assert same(found, undisturbed)
    assert found.report["origin"]["takes_up"]
    assert found.audit.keys() == {*found.report["tables"], "run.json", "output.json", "report.html"}
