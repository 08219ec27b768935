"""Reference closure: what points outside the archive and what joins two patients, from the real command."""

from __future__ import annotations

from pathlib import Path

from anonymizer import Key
from anonymizer.internals import KeyedUids
from tests.support.objects import Element
from tests.support.runs import ct_file, deidentify

STUDY, OTHER_STUDY, THERE, MISSING = "1.2.3.1", "1.2.3.2", "1.2.3.1.5", "1.2.3.1.6"
FRAME = "1.2.3.9"


def refers_to(instance: str) -> Element:
    """ReferencedSeriesSequence, which stays in an image that has it."""
    item = [Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), Element(0x00081155, "UI", instance)]
    return Element(0x00081115, "SQ", [[Element(0x0008114A, "SQ", [item]), Element(0x0020000E, "UI", "1.2.3.1.1")]])


def test_references_that_lead_nowhere_or_to_somebody_else_are_told(tmp_path: Path, key_file: Path) -> None:
    archive = tmp_path / "in"
    archive.mkdir()
    patient, other = Element(0x00100020, "LO", "MRN1"), Element(0x00100020, "LO", "MRN2")
    frame = Element(0x00200052, "UI", FRAME)
    series, other_series = Element(0x0020000E, "UI", "1.2.3.1.1"), Element(0x0020000E, "UI", "1.2.3.2.1")
    (archive / "1").write_bytes(ct_file(THERE, patient, series, frame, study=STUDY))
    (archive / "2").write_bytes(ct_file("1.2.3.1.7", patient, series, refers_to(THERE), study=STUDY))
    (archive / "3").write_bytes(ct_file("1.2.3.1.8", patient, series, refers_to(MISSING), study=STUDY))
    # another patient in the same frame of reference
    (archive / "4").write_bytes(ct_file("1.2.3.2.5", other, other_series, frame, study=OTHER_STUDY))
    run = deidentify(archive, tmp_path / "out", key_file)
    assert run.code == 0, run.log
    uids = KeyedUids(Key.load(f"file:{key_file}", ""))
    studies = {uid: uids.hash(uid.encode())[:8].hex() for uid in (STUDY, OTHER_STUDY)}
    assert {row["study_hash"] for row in run.table("instances")} == set(studies.values())
    found = {row["uid_hash"]: row for row in run.table("references")}
    assert found.keys() == {uids.hash(MISSING.encode()), uids.hash(FRAME.encode())}
    outside, joins = found[uids.hash(MISSING.encode())], found[uids.hash(FRAME.encode())]
    assert (outside["outside"], outside["joins_patients"], outside["role"]) == (True, False, "instance")
    assert outside["study_hashes"] == [studies[STUDY]]
    assert (joins["outside"], joins["joins_patients"], joins["role"]) == (False, True, "frame_of_reference")
    assert joins["study_hashes"] == sorted(studies.values())
    assert joins["new_uid"] == uids.new_uid(FRAME.encode(), 0x00200052).decode()
    assert run.report["references"] == {"outside": 1, "joining_patients": 1}
    assert "UIDs that refer to objects outside the archive" in run.log and "UIDs that link two patients" in run.log
