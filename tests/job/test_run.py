"""The main job, by its real command, over real files with planted identifiers."""

from __future__ import annotations

import contextlib
from collections import Counter

import pydicom
import pytest

from anonymizer import Anonymizer, DeidentificationError, Key
from anonymizer.internals import Pseudonyms
from profiles import KEEP, QUARANTINE, ConfidentialityProfile
from tests.support.objects import data_set_of
from tests.support.planting import uids_of
from tests.support.runs import PlantedArchive, Run, deidentify

DEFLATED = b"1.2.840.10008.1.2.1.99"


@pytest.fixture(params=[QUARANTINE, KEEP])
def pixels(request: pytest.FixtureRequest) -> str:
    """What is done with objects whose pixels may show who somebody is."""
    setting: str = request.param
    return setting


@pytest.fixture
def either_run(pixels: str, request: pytest.FixtureRequest) -> Run:
    """The run by default, or the one that writes what that refuses."""
    run: Run = request.getfixturevalue("planted_kept" if pixels == KEEP else "planted_run")
    return run


def test_no_token_is_in_any_object(planted_archive: PlantedArchive, either_run: Run, pixels: str) -> None:
    originals = b"".join(path.read_bytes() for path in planted_archive.folder.rglob("*.dcm"))
    assert len(planted_archive.tokens.found_in(originals)) > 1000, "the search finds what was planted"
    objects = either_run.objects()
    assert len(objects) == (planted_archive.readable if pixels == KEEP else planted_archive.passing)
    leaks = {}
    for name, content in objects.items():
        searched = content + data_set_of(content) if DEFLATED in content[:400] else content
        if found := planted_archive.tokens.found_in(searched):
            leaks[name] = found
    assert leaks == {}


def test_no_token_is_in_tables_logs_or_names(planted_archive: PlantedArchive, either_run: Run) -> None:
    tokens = planted_archive.tokens
    assert tokens.found_in(either_run.log.encode()) == []
    for folder in (either_run.output, either_run.audit):
        for path in folder.rglob("*"):
            assert tokens.found_in(str(path.relative_to(folder)).encode()) == []
    for name in ("instances", "uid_map"):
        assert tokens.found_in(repr(either_run.table(name)).encode()) == []
    for path in either_run.audit.iterdir():
        assert tokens.found_in(path.read_bytes()) == [], path.name


def test_each_listed_object_has_one_row_and_the_counts_add_up(
    planted_archive: PlantedArchive, either_run: Run, pixels: str
) -> None:
    assert either_run.code == 3
    report = either_run.report
    rows = either_run.table("instances")
    written, quarantined = (20, 3) if pixels == KEEP else (12, 11)
    assert report["listed"] == len(rows) == planted_archive.files
    assert report["counts"] == {
        "written": written,
        "skipped": 0,
        "duplicate": 0,
        "filtered": 2,
        "quarantined": quarantined,
    }
    assert Counter(row["status"] for row in rows) == {"written": written, "filtered": 2, "quarantined": quarantined}
    at_risk = {"burned-in-annotation": 1, "pixel-risk-secondary-capture": 4, "pixel-risk-ultrasound": 3}
    assert report["reasons"] == {
        **(at_risk if pixels == QUARANTINE else {}),
        "missing-sop-instance-uid": 1,
        "nesting-too-deep": 1,
        "not-dicom": 2,
        "truncated": 1,
    }
    done = {QUARANTINE: "quarantined", KEEP: "kept"}[pixels]
    assert report["pixel_risks"] == {risk: {"quarantined": 0, "kept": 0} | {done: count} for risk, count in at_risk.items()}
    pseudonyms = Pseudonyms(Key(planted_archive.key.read_bytes()))
    names = (path.relative_to(planted_archive.folder) for path in planted_archive.folder.rglob("*") if path.is_file())
    assert {row["source_id"] for row in rows} == {pseudonyms.source_id(bytes(name)) for name in names}


def test_rows_describe_the_written_objects(either_run: Run) -> None:
    objects = either_run.objects()
    written = [row for row in either_run.table("instances") if row["status"] == "written"]
    assert {row["output_name"] for row in written} == objects.keys()
    for row in written:
        dataset = pydicom.dcmread(either_run.output / row["output_name"])
        assert row["size"] == len(objects[row["output_name"]])
        assert row["crc32c"] == f"{_crc32c(objects[row['output_name']]):08x}"
        assert row["sop_instance_uid"] == dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID
        assert row["sop_class_uid"] == dataset.SOPClassUID
        assert row["output_name"] == f"{dataset.StudyInstanceUID}/{dataset.SeriesInstanceUID}/{dataset.SOPInstanceUID}.dcm"
        actions = {action["path"]: action for action in row["actions"]}
        assert actions["(0010,0010)"] == {
            "path": "(0010,0010)",
            "keyword": "PatientName",
            "action": "Z",
            "count": 1,
            "reason": "",
        }
        if row["pixel_risks"] == ["burned-in-annotation"]:
            # a small CT in which only names were planted
            continue
        assert actions["(private)"]["action"] == "X"
        assert actions["(0008,1115)>(0008,1115)>(0010,0030)"]["keyword"] == "PatientBirthDate"


def test_the_job_and_the_python_api_give_the_same_bytes(planted_archive: PlantedArchive, either_run: Run, pixels: str) -> None:
    anonymizer = Anonymizer(ConfidentialityProfile.default(pixels=pixels), key=f"file:{planted_archive.key}")
    written = set(either_run.objects().values())
    again = set()
    for path in planted_archive.folder.rglob("*.dcm"):
        with contextlib.suppress(DeidentificationError):
            again.add(anonymizer.anonymize(path.read_bytes()))
    assert again == written


def test_each_uid_maps_to_one_new_uid_and_back(planted_archive: PlantedArchive, either_run: Run) -> None:
    mapping = either_run.table("uid_map")
    assert len({row["uid_hash"] for row in mapping}) == len({row["new_uid"] for row in mapping}) == len(mapping)
    assert all(len(row["uid_hash"]) == 32 and len(row["new_uid"]) <= 64 for row in mapping)
    new = {row["new_uid"] for row in mapping}
    originals = set()
    for path in planted_archive.folder.rglob("*.dcm"):
        if path.stat().st_size > 1000:
            originals.update(uids_of(pydicom.dcmread(path, force=True)))
    assert new.isdisjoint(originals)
    used = {uid for path in either_run.output.rglob("*.dcm") for uid in uids_of(pydicom.dcmread(path)) if uid.startswith("2.25.")}
    assert used - new == set()


def test_a_second_run_changes_nothing(planted_archive: PlantedArchive, either_run: Run, pixels: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in either_run.output.rglob("*.dcm")}
    rows = either_run.table("instances")
    again = deidentify(planted_archive.folder, either_run.output, planted_archive.key, f"--pixels={pixels}")
    assert again.code == 3
    assert {path: path.stat().st_mtime_ns for path in either_run.output.rglob("*.dcm")} == before
    found, expected = (sorted(repr({**row, "since": None}) for row in table) for table in (again.table("instances"), rows))
    assert found == expected
    tables = {path.name for path in either_run.audit.glob("*.parquet")}
    assert tables == set(again.report["tables"]), "tables of the first run were left behind"


def _crc32c(content: bytes) -> int:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
