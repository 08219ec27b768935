"""What other settings made, and what is new: an output that goes on is told apart, and made anew on request."""

from __future__ import annotations

from pathlib import Path

import pytest

from anonymizer import Key
from anonymizer.internals import Pseudonyms
from tests.job.test_resume import Finished
from tests.support.objects import Element, read
from tests.support.runs import ct_file, deidentify

DESCRIPTION = Element(0x00081030, "LO", "MRI chest without contrast")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.1.{number}", DESCRIPTION))
    (folder / "twice.dcm").write_bytes((folder / "0.dcm").read_bytes())
    (folder / "burned-in.dcm").write_bytes(ct_file("1.2.3.9.1", Element(0x00280301, "CS", "YES"), study="1.2.3.9"))
    return folder


def night(archive: Path, key: Path, *flags: str) -> Finished:
    """A run, as it was when it ended."""
    return Finished(deidentify(archive, archive.parent / "out", key, *flags))


def descriptions(run: Finished) -> set[str]:
    return {str(read(content).get("StudyDescription", "")) for content in run.objects().values()}


def test_outputs_of_other_settings_are_refused_counted_and_made_anew(archive: Path, key_file: Path) -> None:
    first = night(archive, key_file)
    assert first.report["other_settings"] == {"versions": 0, "settings": 0} and descriptions(first) == {""}
    other = "--options=CleanDesc"
    assert night(archive, key_file, "--resume", other).code == 2
    mixed = night(archive, key_file, "--resume", other, "--mixed-output")
    assert mixed.code == 3, mixed.log
    assert mixed.report["other_settings"] == {"versions": 0, "settings": 3} and descriptions(mixed) == {""}
    assert "written with other settings" in mixed.log
    again = night(archive, key_file, "--resume", other, "--recheck")
    assert again.code == 3, again.log
    assert again.report["counts"] == {"written": 3, "skipped": 0, "duplicate": 1, "filtered": 0, "quarantined": 1}
    assert again.report["other_settings"] == {"versions": 0, "settings": 0}
    assert descriptions(again) == {"MRI chest without contrast"}
    notes = [row["notes"] for row in again.table("instances") if row["status"] == "written"]
    assert notes == [["output-replaced"]] * 3
    # the output is one of these settings now
    last = night(archive, key_file, "--resume", other)
    assert last.code == 3, last.log
    assert last.report["counts"]["skipped"] == 3
    assert night(archive, key_file, "--resume").code == 2


def test_nothing_that_is_as_it_would_be_made_is_made_anew(archive: Path, key_file: Path) -> None:
    night(archive, key_file)
    again = night(archive, key_file, "--resume", "--recheck")
    assert again.report["counts"] == {"written": 0, "skipped": 3, "duplicate": 1, "filtered": 0, "quarantined": 1}


def test_settings_that_give_other_names_are_refused(archive: Path, key_file: Path) -> None:
    night(archive, key_file)
    for other in (["--options=RetainUIDs"], ["--uid-root=1.2.3.4"]):
        found = night(archive, key_file, "--resume", "--recheck", *other)
        assert found.code == 2 and "choose another --output" in found.log
    assert "needs --resume" in night(archive, key_file, "--recheck").log


def test_what_is_refused_now_is_told_with_the_output_that_is_still_there(archive: Path, key_file: Path) -> None:
    kept = night(archive, key_file, "--pixels=keep")
    assert kept.report["counts"]["quarantined"] == 0
    found = night(archive, key_file, "--resume", "--recheck")
    assert found.code == 3, found.log
    (row,) = (row for row in found.table("instances") if row["status"] == "quarantined")
    assert (row["reason"], row["since"], row["written_in"]) == (
        "burned-in-annotation",
        found.report["run_id"],
        kept.report["run_id"],
    )
    assert row["output_name"] in found.objects() and found.report["superseded"] == 1
    assert "refused, with an earlier output" in found.log
    # once a person has removed it, nothing is told of it any more
    (archive.parent / "out" / row["output_name"]).unlink()
    last = night(archive, key_file, "--resume")
    assert last.report["superseded"] == 0 and last.report["new_quarantined"] == {}


def test_what_is_no_object_any_more_is_told_with_its_output_too(archive: Path, key_file: Path) -> None:
    night(archive, key_file)
    (archive / "1.dcm").write_bytes(b"")
    found = night(archive, key_file, "--resume")
    (row,) = (row for row in found.table("instances") if row["status"] == "filtered")
    assert row["output_name"] in found.objects() and found.report["superseded"] == 1


def test_what_was_refused_for_another_object_is_looked_at_again(archive: Path, key_file: Path) -> None:
    for name, rows in (("one", 1), ("other", 3)):
        (archive / name).write_bytes(ct_file("1.2.3.7", Element(0x00280010, "US", rows), study="1.2.3.8"))
    first = night(archive, key_file)
    assert first.report["reasons"]["sop-instance-conflict"] == 2
    (archive / "other").unlink()
    # of two that are equal, the one that was written, with its output
    source_id = Pseudonyms(Key.load(f"file:{key_file}")).source_id
    written = {row["source_id"]: row["output_name"] for row in first.table("instances") if row["status"] == "written"}
    (twin,) = (name for name in ("0.dcm", "twice.dcm") if source_id(name.encode()) in written)
    (archive / twin).unlink()
    (archive.parent / "out" / written[source_id(twin.encode())]).unlink()
    assert night(archive, key_file, "--resume", "--max-gone=100").report["counts"]["written"] == 0
    again = night(archive, key_file, "--resume", "--recheck", "--max-gone=100")
    assert again.report["counts"] == {"written": 2, "skipped": 2, "duplicate": 0, "filtered": 0, "quarantined": 1}


def test_what_is_new_is_told_apart_from_what_is_known(archive: Path, key_file: Path) -> None:
    first = night(archive, key_file)
    assert (first.report["new_since"], first.report["new_quarantined"]) == (None, {"burned-in-annotation": 1})
    (archive / "new.dcm").write_bytes(ct_file("1.2.3.9.2", Element(0x00280301, "CS", "YES"), study="1.2.3.9"))
    second = night(archive, key_file, "--resume")
    assert second.report["new_since"] == first.report["run_id"]
    assert (second.report["reasons"], second.report["new_quarantined"]) == (
        {"burned-in-annotation": 2, "duplicate-instance": 1},
        {"burned-in-annotation": 1},
    )
    # in another version, it is refused for the same
    (archive / "new.dcm").write_bytes(ct_file("1.2.3.9.3", Element(0x00280301, "CS", "YES"), study="1.2.3.9"))
    third = night(archive, key_file, "--resume")
    assert third.report["new_quarantined"] == {} and third.report["incomplete_studies"] == 1
    since = {row["source_id"]: row["since"] for row in third.table("instances") if row["status"] == "quarantined"}
    assert sorted(since.values()) == sorted([first.report["run_id"], second.report["run_id"]])


@pytest.mark.parametrize("flags", [(), ("--recheck",)], ids=["refused once", "refused twice"])
def test_what_was_refused_in_between_is_made_anew_in_place_of_its_old_output(
    flags: tuple[str, ...], archive: Path, key_file: Path, tmp_path: Path
) -> None:
    """What lies there is of settings that were given up since."""
    rules = tmp_path / "rules.csv"
    rules.write_text("name,condition,outcome,blank,provenance\nall,Modality = CT,quarantine,,the tests\n")
    cleaning = "--options=CleanPixelData"
    first = night(archive, key_file, cleaning)
    assert (first.report["counts"]["written"], descriptions(first)) == (3, {""}), first.log
    for _ in (0, *flags):
        refused = night(archive, key_file, "--resume", "--recheck", cleaning, f"--pixel-rules={rules}")
        assert (refused.report["superseded"], descriptions(refused)) == (3, {""}), refused.log
    again = night(archive, key_file, "--resume", "--recheck", f"{cleaning},CleanDesc")
    assert (again.report["superseded"], again.report["counts"]["written"]) == (0, 3), again.log
    assert descriptions(again) == {"MRI chest without contrast"}
