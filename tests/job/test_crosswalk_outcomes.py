"""The restricted crosswalk says of each listed object what became of it, as the audit does: by the real commands."""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer.internals import UNFINISHED
from tests.engine.test_killed_workers import LOCAL, at_work
from tests.server.test_restart import kill_all
from tests.support.certificates import key_pair
from tests.support.objects import Element
from tests.support.runs import Run, ct_file, deidentify, run_command
from transforms import CROSSWALK_SCHEMA

Outcome = tuple[str, str, str]
BURNED_IN = Element(0x00280301, "CS", "YES")


def fill(archive: Path) -> None:
    """Good, bad, equal, conflicting and risky objects, in folders, zips and tars, whole and broken ones."""
    archive.mkdir()
    one, two, risky = ct_file("1.2.3.1"), ct_file("1.2.3.2"), ct_file("1.2.3.3", BURNED_IN)
    contents = {
        *(("one", one), ("equal", one), ("risky", risky), ("text.txt", b"no DICOM"), ("empty", b""), ("cut", two[:-7])),
        *(("a", ct_file("1.2.3.4")), ("b", ct_file("1.2.3.4", Element(0x00081030, "LO", "other")))),
        *(("elsewhere", ct_file("1.2.3.5", study="1.2.9")), ("moved", ct_file("1.2.3.5", study="1.2.8"))),
    }
    for name, content in contents:
        (archive / name).write_bytes(content)
    with zipfile.ZipFile(archive / "some.zip", "w") as packed:
        packed.writestr("two", two)
        packed.writestr("risky", ct_file("1.2.3.6", BURNED_IN))
        packed.writestr("text", b"no DICOM")
    with tarfile.open(archive / "cut.tar", "w") as target:
        for number in (7, 8):
            content = ct_file(f"1.2.3.{number}")
            info = tarfile.TarInfo(str(number))
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    content = (archive / "cut.tar").read_bytes()
    (archive / "cut.tar").write_bytes(content[: len(ct_file("1.2.3.7")) + 2000])
    (archive / "broken.zip").write_bytes(b"PK\3\4 no zip")


def shown(crosswalk: Path, key: Path, *arguments: str) -> list[dict[str, str]]:
    done = run_command("reidentify", "--crosswalk", str(crosswalk), "--key", f"file:{key}", "--csv", *arguments)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def outcome(row: dict[str, str]) -> Outcome:
    return row["status"], row["reason"], row["reason_tag"]


def in_audit(run: Run) -> dict[str, Outcome]:
    """What became of each object, by its source id; who was skipped was written."""
    rows = run.table("instances")
    said = {row["source_id"]: (row["status"], row["reason"] or "", row["reason_tag"] or "") for row in rows}
    assert len(said) == len(rows)
    return {source_id: ("written" if status == "skipped" else status, *more) for source_id, (status, *more) in said.items()}


def agrees(run: Run, crosswalk: Path, key: Path, *arguments: str) -> list[dict[str, str]]:
    """The rows, once they say the same as the audit, of each object once."""
    rows = shown(crosswalk, key, *arguments)
    assert {row["source_id"]: outcome(row) for row in rows} == in_audit(run)
    # of one that was something else before, that is known, too
    assert len({(row["source_id"], row["sop_instance_uid"]) for row in rows}) == len(rows)
    assert all(row["source"] for row in rows)
    return rows


@pytest.mark.parametrize(
    "flags",
    [(), LOCAL, ("--options=CleanDesc,CleanGraph", "--faces=quarantine"), ("--conflicts=keep-one", "--pixels=keep")],
    ids=["default", "two processes", "cleaned", "kept"],
)
def test_each_listed_object_has_its_outcome(flags: tuple[str, ...], tmp_path: Path, key_file: Path) -> None:
    archive, crosswalk = tmp_path / "in", tmp_path / "crosswalk"
    fill(archive)
    run = deidentify(archive, tmp_path / "out", key_file, "--crosswalk", str(crosswalk), *flags)
    assert run.code == 3, run.log
    rows = agrees(run, crosswalk, key_file)
    # of a head, nothing is written
    assert {"quarantined", "filtered" if "--faces=quarantine" in flags else "written"} <= {row["status"] for row in rows}
    by_name = {row["source"]: row for row in rows}
    assert by_name["broken.zip"]["status"] == by_name["cut.tar"]["status"] == "quarantined"
    assert by_name["some.zip!/text"]["reason"] == by_name["text.txt"]["reason"] == "not-dicom"
    assert by_name["a"]["sop_instance_uid"] == "1.2.3.4" and not by_name["text.txt"]["sop_instance_uid"]
    assert {row["status_run_id"] for row in rows} == {run.report["run_id"]}
    for name in ("risky", "one"):
        told = [by_name[name][column] for column in ("patient_id", "patient_name", "study_instance_uid", "sop_instance_uid")]
        assert all(told) and by_name[name]["new_patient_id"], name


def test_who_is_named_is_told_what_became_of_it(tmp_path: Path, key_file: Path) -> None:
    archive, crosswalk = tmp_path / "in", tmp_path / "crosswalk"
    fill(archive)
    run = deidentify(archive, tmp_path / "out", key_file, "--crosswalk", str(crosswalk))
    rows = shown(crosswalk, key_file)
    by_name = {row["source"]: row for row in rows}
    for name in ("one", "equal", "a", "text.txt", "some.zip!/two", "broken.zip"):
        assert shown(crosswalk, key_file, by_name[name]["source_id"]) == [by_name[name]]
    # what of a refused object is known can be named, too
    assert by_name["risky"]["reason"] == "burned-in-annotation" and by_name["risky"]["new_sop_instance_uid"]
    assert by_name["risky"] in shown(crosswalk, key_file, by_name["risky"]["new_sop_instance_uid"])
    refused = shown(crosswalk, key_file, "--reason", "not-dicom", "--status", "filtered")
    assert {row["reason"] for row in refused} == {"not-dicom"}
    assert len(refused) == sum(row["reason"] == "not-dicom" for row in rows)
    # found, though not shown
    assert shown(crosswalk, key_file, "--status", "quarantined", by_name["one"]["source_id"]) == [
        row for row in [by_name["one"]] if row["status"] == "quarantined"
    ]
    bad = run_command("reidentify", "--crosswalk", str(crosswalk), "--unchecked", "--reason", "nonsense")
    assert (bad.returncode, "there is no such reason code" in bad.stderr) == (2, True), bad.stderr
    table = run_command("reidentify", "--crosswalk", str(crosswalk), "--unchecked")
    assert "burned-in-annotation" in table.stdout and "written" in table.stdout
    for path in run.audit.rglob("*"):
        assert path.is_dir() or b"some.zip" not in path.read_bytes()


def test_nights_that_go_on_keep_the_outcomes_of_those_before(tmp_path: Path, key_file: Path) -> None:
    archive, crosswalk = tmp_path / "in", tmp_path / "crosswalk"
    pair = key_pair(tmp_path)
    fill(archive)
    flags = ("--crosswalk", str(crosswalk), "--crosswalk-certificate", str(pair.certificate))
    opening = ("--private-key", str(pair.private_key))
    first = deidentify(archive, tmp_path / "out", key_file, *flags)
    agrees(first, crosswalk, key_file, *opening)
    runs = [first.report["run_id"]]
    (archive / "new").write_bytes(ct_file("1.2.3.20"))
    (archive / "bad").write_bytes(b"none")
    # understood now
    (archive / "cut").write_bytes(ct_file("1.2.3.21"))
    # and no more
    (archive / "elsewhere").write_bytes(b"not any more")
    second = deidentify(archive, tmp_path / "out", key_file, "--resume", *flags)
    assert second.report["counts"]["skipped"] and second.report["counts"]["written"] == 2, second.log
    found = agrees(second, crosswalk, key_file, *opening)
    assert {row["sop_instance_uid"] for row in found if row["source"] == "cut"} == {"1.2.3.2", "1.2.3.21"}
    rows = {row["source"]: row for row in found if (row["source"], row["sop_instance_uid"]) != ("cut", "1.2.3.2")}
    runs.append(second.report["run_id"])
    assert (rows["some.zip!/two"]["status_run_id"], rows["new"]["status_run_id"]) == (runs[0], runs[1])
    assert (rows["cut"]["status"], rows["cut"]["sop_instance_uid"]) == ("written", "1.2.3.21")
    # who it was stays known, for its output may be there
    assert (rows["elsewhere"]["reason"], rows["elsewhere"]["sop_instance_uid"]) == ("not-dicom", "1.2.3.5")


@pytest.mark.parametrize("stage", ["scanned", "finished"])
def test_what_a_killed_run_had_done_has_its_outcome(stage: str, tmp_path: Path, key_file: Path) -> None:
    archive, crosswalk = tmp_path / "in", tmp_path / "crosswalk"
    fill(archive)
    for number in range(600):
        study = f"1.2.4.{number // 50}"
        content = ct_file(f"{study}.9.{number}", study=study) if number % 7 else b"none"
        (archive / f"more-{number}").write_bytes(content)
    flags = ("--crosswalk", str(crosswalk))
    with at_work(archive, tmp_path, key_file, *flags) as run:
        run.wait_for(stage, 400)
        kill_all(run)
    done = deidentify(archive, run.output, key_file, *flags)
    assert done.code == 3, done.log
    # what was being written when it was killed has no name of its own
    assert len({path.name.split("-")[1] for path in crosswalk.iterdir() if not path.name.startswith(UNFINISHED)}) == 2
    agrees(done, crosswalk, key_file)


def test_files_without_outcomes_are_read_still(tmp_path: Path, key_file: Path) -> None:
    archive, crosswalk, old = tmp_path / "in", tmp_path / "crosswalk", tmp_path / "old"
    fill(archive)
    old.mkdir()
    deidentify(archive, tmp_path / "out", key_file, "--crosswalk", str(crosswalk))
    tables = [pq.read_table(path) for path in sorted(crosswalk.iterdir())]
    rows = [row for table in tables for row in table.to_pylist() if row["status"] is None]
    before = pa.schema([field for field in CROSSWALK_SCHEMA if field.name not in ("status", "reason", "reason_tag")])
    pq.write_table(pa.Table.from_pylist(rows, schema=before), old / f"crosswalk-0123abcd-{'0' * 32}.parquet")
    done = run_command("reidentify", "--crosswalk", str(old), "--unchecked", "--csv")
    assert done.returncode == 0, done.stderr
    found = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert sorted(row["source_id"] for row in found) == sorted(row["source_id"] for row in rows)
    assert {row["status"] for row in found} == {""}
    # beside new ones, they add nothing
    (old / f"crosswalk-0123abcd-{'0' * 32}.parquet").rename(crosswalk / f"crosswalk-0123abcd-{'0' * 32}.parquet")
    both = run_command("reidentify", "--crosswalk", str(crosswalk), "--unchecked", "--csv")
    assert both.returncode == 0 and all(row["status"] for row in csv.DictReader(io.StringIO(both.stdout, newline="")))
