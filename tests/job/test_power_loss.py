"""The power fails at any moment: the next run ends in the state of one that nobody disturbed, whatever the disk has kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from random import Random

import google_crc32c
import msgpack
import pyarrow.parquet as pq
import pytest

from anonymizer import Key
from anonymizer.internals import SEAL_SIZE, Seal
from storage import TEMPORARY
from tests.support.depth import DEEP
from tests.support.objects import Element
from tests.support.power_loss import STRACE, Disk, Keeps, calls
from tests.support.runs import ROOT, Run, audit_of, ct_file, deidentify, write_studies
from transforms import Status, unpack_entries

MANY, NEW = 140, 20
#: moments at which the power fails
CUTS = 12 * DEEP


def traced(folder: Path, archive: Path, key: Path, *flags: str) -> list[tuple[str, str, int]]:
    """The calls of the command."""
    trace = folder / "trace"
    places = (f"--input={archive}", f"--output={folder / 'disk' / 'out'}", f"--key=file:{key}", "--direct_num_workers=1")
    done = subprocess.run(
        [*STRACE, "-o", str(trace), sys.executable, "-m", "pipeline", "run", *places, *flags],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode in (0, 3), done.stderr
    return list(calls(trace.read_text()))


def outcome(run: Run) -> dict[str, tuple[object, ...]]:
    """What became of each source; what one night writes the next one skips."""
    columns = ("reason", "output_name", "size", "crc32c", "notes")
    return {
        row["source_id"]: ("skipped" if row["status"] == "written" else row["status"], *(row[column] for column in columns))
        for row in run.table("instances")
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_studies(folder, (f"{number}" for number in range(MANY)), lambda number: [Element(0x7FE00010, "OW", bytes(3000))])
    (folder / "copy").write_bytes((folder / "0").read_bytes())
    (folder / "text").write_bytes(b"no DICOM")
    return folder


def cuts(disk: Disk, found: list[tuple[str, str, int]], folder: Path, count: int) -> Iterator[tuple[str, Path]]:
    """Disks as they are after the power failed at some moments, all ways of keeping things among them."""
    chance = Random(19)
    whole = sum("sync" in name or name in ("write", "writev", "link", "linkat") for name, _, _ in found)
    # one in each part of the run
    moments = [int((part + chance.random()) * whole / count) for part in range(count)]
    done, number = 0, 0
    for name, arguments, result in found:
        disk.apply(name, arguments, result)
        done += "sync" in name or name in ("write", "writev", "link", "linkat")
        while number < count and done > moments[number]:
            keeps = list(Keeps)[number % 3]
            target = folder / f"cut-{number}"
            disk.survive(target, keeps, chance)
            yield f"{number}: {keeps.value}, after {moments[number]} of {whole}", target
            number += 1


def outputs_recorded(output: Path, key: Path, replaced: str = "") -> int:
    """How many objects ledgers and ``run.json`` tell of, on a disk after a power cut: each is there whole.

    Args:
        replaced: the name of one that the run replaced, which may be another by now than the last ``run.json`` says.
    """
    seal = Seal(Key.load(f"file:{key}", ""))
    told: list[tuple[str, int, str]] = []
    audit = audit_of(output)
    for path in audit.glob("ledger-*"):
        content = path.read_bytes()
        # one that isn't whole tells nothing
        if seal.fits(path.name, content[SEAL_SIZE:], content[:SEAL_SIZE]):
            rows = unpack_entries(msgpack.unpackb(content[SEAL_SIZE:])[-1]).rows
            told += [(row.output_name, row.size, row.crc32c) for row in rows if row.status is Status.WRITTEN]
    if (audit / "run.json").is_file():
        report = json.loads((audit / "run.json").read_text())
        places = [audit, audit / "earlier" / report["run_id"]]
        for table, digest in report["table_digests"].items():
            # while tables are put aside, they are in one place or the other
            content = next((place / table).read_bytes() for place in places if (place / table).is_file())
            assert sha256(content).hexdigest() == digest
            rows = pq.read_table(BytesIO(content)).to_pylist() if table.startswith("instances") else []
            told += [(row["output_name"], row["size"], row["crc32c"]) for row in rows if row["status"] in ("written", "skipped")]
    for name, size, crc32c in told:
        content = (output / name).read_bytes()
        assert name == replaced or (len(content), f"{google_crc32c.value(content):08x}") == (size, crc32c)
    return len(told)


def check(again: Run, expected: Run, where: str) -> None:
    assert again.objects() == expected.objects(), where
    assert outcome(again) == outcome(expected), where
    # nothing is left for the night after to guess
    assert not (again.output / TEMPORARY).exists(), where
    account = {"earlier", "run.json", "run-restricted.json", "output.json", "report.html", "report-review.html"}
    left = {path.name for path in again.audit.iterdir()} - {*account, *again.report["tables"]}
    assert not left, where


def test_a_first_run(archive: Path, key_file: Path, tmp_path: Path) -> None:
    expected = deidentify(archive, tmp_path / "expected" / "out", key_file)
    (tmp_path / "disk").mkdir()
    disk = Disk(tmp_path / "disk")
    found = traced(tmp_path, archive, key_file)
    assert Run(tmp_path / "disk" / "out", 0, "").objects() == expected.objects()
    told = []
    for where, folder in cuts(disk, found, tmp_path, CUTS):
        told.append(outputs_recorded(folder / "out", key_file))
        check(deidentify(archive, folder / "out", key_file), expected, where)
    # work was gone on with, and not just done again
    assert any(0 < count < MANY for count in told)


def test_a_night(archive: Path, key_file: Path, tmp_path: Path) -> None:
    """Changed and new objects; the account of the night before is put aside."""
    night = tmp_path / "night"
    night.mkdir()
    for path in archive.iterdir():
        (night / path.name).symlink_to(path)
    flags = ("--resume", "--replace-changed")
    for place in ("disk", "expected"):
        deidentify(night, tmp_path / place / "out", key_file)
    for number in range(NEW):
        study = f"1.2.3.{number % 2}"
        (night / f"new-{number}").write_bytes(
            ct_file(f"{study}.9.77.{number}", Element(0x0020000E, "UI", f"{study}.1"), study=study)
        )
    (night / "3").unlink()
    (night / "3").write_bytes(ct_file("1.2.3.0.9.3", Element(0x0020000E, "UI", "1.2.3.0.1"), study="1.2.3.0"))
    (night / "4").unlink()
    disk = Disk(tmp_path / "disk")
    disk.load()
    expected = deidentify(night, tmp_path / "expected" / "out", key_file, *flags)
    assert expected.report["counts"]["written"] == NEW + 1
    (replaced,) = (row for row in expected.table("instances") if row["notes"])
    found = traced(tmp_path, night, key_file, *flags)
    for where, folder in cuts(disk, found, tmp_path, CUTS):
        assert outputs_recorded(folder / "out", key_file, replaced["output_name"]) >= MANY - 1
        check(deidentify(night, folder / "out", key_file, *flags), expected, where)
