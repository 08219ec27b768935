"""What becomes of objects that say the same, or contradict each other, or refer to each other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pydicom
import pytest

from tests.support.objects import Element, part10
from tests.support.runs import Run, ct_file, deidentify

HANGING_PROTOCOL = "1.2.840.10008.5.1.4.38.1"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> Run:
    archive = tmp_path_factory.mktemp("archive")
    reference = Element(
        0x00082112, "SQ", [[Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), Element(0x00081155, "UI", "1.2.3.1")]]
    )
    evidence = Element(
        0x00081115,
        "SQ",
        [[Element(0x0008114A, "SQ", [[Element(0x00081155, "UI", "1.2.3.1")]]), Element(0x0020000E, "UI", "1.2.3.9")]],
    )
    files = {
        "a": ct_file("1.2.3.1"),
        "a again": ct_file("1.2.3.1"),
        "a, another name of the patient": ct_file("1.2.3.1", Element(0x00100010, "PN", "Doe^Janet")),
        "b": ct_file("1.2.3.2", Element(0x00280010, "US", 2)),
        "b, other pixels": ct_file("1.2.3.2", Element(0x7FE00010, "OW", b"\x08\7\6\5\4\3\2\1")),
        "c": ct_file("1.2.3.3"),
        "c in another study": ct_file("1.2.3.3", study="1.2.826.0.1.999.1.77"),
        "refers to a": ct_file("1.2.3.4", reference, evidence),
        "no study": part10(
            [
                Element(0x00080016, "UI", HANGING_PROTOCOL),
                Element(0x00080018, "UI", "1.2.3.5"),
                Element(0x00720002, "SH", "PROTOCOL"),
            ],
            sop_class=HANGING_PROTOCOL,
        ),
    }
    for name, content in files.items():
        (archive / name).write_bytes(content)
    return deidentify(archive, tmp_path_factory.mktemp("out"), key_file)


def test_identical_instances_are_written_once(run: Run) -> None:
    # what differed was an identifier, and is gone: three files, one output
    assert run.report["counts"]["duplicate"] == 2
    assert run.report["reasons"]["duplicate-instance"] == 2


def test_of_contradicting_instances_none_is_written(run: Run) -> None:
    assert run.report["reasons"]["sop-instance-conflict"] == 4
    assert run.report["counts"]["quarantined"] == 4


def test_all_others_are_written_and_the_sums_hold(run: Run) -> None:
    assert run.report["counts"]["written"] == 3
    assert sum(run.report["counts"].values()) == run.report["listed"] == 9
    assert Counter(row["status"] for row in run.table("instances"))["written"] == 3


def test_references_resolve_in_the_output(run: Run) -> None:
    datasets = [pydicom.dcmread(path) for path in run.output.rglob("*.dcm")]
    referring = next(dataset for dataset in datasets if "ReferencedSeriesSequence" in dataset)
    referenced = referring.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
    assert referenced in {dataset.SOPInstanceUID for dataset in datasets if dataset is not referring}


def test_objects_outside_of_studies_have_a_place(run: Run) -> None:
    assert len(list((run.output / "no-study" / "no-series").glob("2.25.*.dcm"))) == 1


def test_an_output_of_other_content_is_left_alone(tmp_path: Path, key_file: Path) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    archive.mkdir()
    (archive / "a").write_bytes(ct_file("1.2.3.1"))
    deidentify(archive, output, key_file)
    (written,) = output.rglob("*.dcm")
    written.write_bytes(b"something else")
    again = deidentify(archive, output, key_file)
    assert again.code == 3
    assert again.report["reasons"] == {"output-conflict": 1}
    assert written.read_bytes() == b"something else"


def test_an_archive_with_outputs_of_the_same_key_fails_before_anything_is_written(tmp_path: Path, key_file: Path) -> None:
    archive, output, second = tmp_path / "in", tmp_path / "out", tmp_path / "second"
    archive.mkdir()
    (archive / "a").write_bytes(ct_file("1.2.3.1"))
    deidentify(archive, output, key_file)
    (written,) = output.rglob("*.dcm")
    (archive / "b").write_bytes(written.read_bytes())
    again = deidentify(archive, second, key_file)
    assert again.code == 1
    assert "already in the archive" in again.log
    assert "1.2.3.1" not in again.log
    assert list(second.rglob("*.dcm")) == []


def test_names_may_be_anything(tmp_path: Path, key_file: Path) -> None:
    archive = tmp_path / "in"
    for name in (b"line\nbreak", b"latin\xe9", "ünï \U0001f600".encode(), b"$(touch x) '\"`", b"*"):
        folder = archive / "folder"
        folder.mkdir(parents=True, exist_ok=True)
        with open(bytes(folder) + b"/" + name, "wb") as stream:
            stream.write(ct_file(f"1.2.3.{len(name)}.{name[0]}"))
    run = deidentify(archive, tmp_path / "out", key_file)
    assert run.code == 0, run.log
    assert run.report["counts"]["written"] == 5


def test_retained_uids_never_lead_out_of_the_output(tmp_path: Path, key_file: Path) -> None:
    archive = tmp_path / "in"
    archive.mkdir()
    (archive / "a").write_bytes(ct_file("../../../escaped"))
    (archive / "b").write_bytes(ct_file(".."))
    (archive / "c").write_bytes(ct_file("1.2.3.4"))
    run = deidentify(archive, tmp_path / "out", key_file, "--options", "RetainUIDs")
    assert run.report["reasons"] == {"invalid-uid": 2}
    assert [path.name for path in tmp_path.rglob("*.dcm")] == ["1.2.3.4.dcm"]


def test_an_empty_folder_that_may_be_empty_is_a_run_of_nothing(tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "in").mkdir()
    run = deidentify(tmp_path / "in", tmp_path / "out", key_file, "--allow-empty")
    assert run.code == 0, run.log
    assert run.report["listed"] == 0
    assert set(run.report["counts"].values()) == {0}
