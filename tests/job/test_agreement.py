"""A run and the same engine on one file agree: on what is written, and on why not; and rows say what was refused."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from anonymizer import Anonymizer, DeidentificationError, Key, Reason
from anonymizer.internals import Pseudonyms
from profiles import ConfidentialityProfile
from tests.fuzzing.mutations import mutate
from tests.support.objects import Element, bundled_files, ct, part10, read
from tests.support.runs import Run, ct_file, deidentify

#: what only a run can say: it knows other objects, containers and outputs
OF_RUNS = {
    *(Reason.DUPLICATE_INSTANCE, Reason.OTHER_CONTENT_KEPT, Reason.SOP_INSTANCE_CONFLICT, Reason.OUTPUT_CONFLICT),
    *(Reason.OUTPUT_IN_USE, Reason.OUTPUT_UNWRITABLE, Reason.UID_NOT_IN_MAP, Reason.CHANGED_DURING_RUN),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "": {},
    "--options=CleanDesc,CleanGraph,CleanStructdCont,RetainLongModifDates,RetainSafePrivate --cap-ages": {
        "options": "CleanDesc,CleanGraph,CleanStructdCont,RetainLongModifDates,RetainSafePrivate",
        "cap_ages": True,
    },
    "--options=RetainUIDs --strict --pixels=keep": {"options": "RetainUIDs", "strict": True, "pixels": "keep"},
}
SECRET = "SECRETNAME"
HANGING_PROTOCOL = "1.2.840.10008.5.1.4.38.1"
MISSING = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00100020, 0x7FE00010)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects of many kinds, whole, without something, and with something in them gone wrong."""
    folder = tmp_path_factory.mktemp("hostile")
    whole = [path.read_bytes() for path in bundled_files() if path.stat().st_size < 200_000]
    for number, content in enumerate(whole):
        (folder / f"whole-{number}").write_bytes(content)
    for tag in MISSING:
        (folder / f"without-{tag:08x}").write_bytes(part10(ct(without=[tag])))
    for number in range(60):
        random = Random(number)
        (folder / f"mutant-{number}").write_bytes(mutate(ct_file(f"1.2.3.4.{number}"), random, whole))
    return folder


def rows_by_name(run: Run, folder: Path, key: Path) -> dict[str, dict[str, Any]]:
    source_id = Pseudonyms(Key.load(f"file:{key}", "")).source_id
    rows = {row["source_id"]: row for row in run.table("instances")}
    return {path.name: rows[source_id(path.name.encode())] for path in folder.iterdir()}


@pytest.mark.parametrize("flags", SETTINGS)
def test_a_run_and_one_file_end_alike(flags: str, hostile: Path, key_file: Path, tmp_path: Path) -> None:
    run = deidentify(hostile, tmp_path / "out", key_file, *flags.split())
    assert run.code == 3, run.log
    settings = dict(SETTINGS[flags])
    anonymizer = Anonymizer(ConfidentialityProfile.default(settings.pop("options", None), **settings), f"file:{key_file}")
    differing, compared = {}, 0
    for name, row in rows_by_name(run, hostile, key_file).items():
        if row["reason"] is not None and Reason(row["reason"]) in OF_RUNS:
            continue
        compared += 1
        try:
            anonymizer.anonymize_file(hostile / name, tmp_path / "one.dcm")
            alone = ("written", None, None)
        except DeidentificationError as error:
            alone = ("filtered" if row["status"] == "filtered" else "quarantined", error.reason.value, error.tag or None)
        if row["reason"] == Reason.IDENTIFIER_LEFT.value and alone[0] == "written":
            # whom it names, only other objects of the patient tell
            continue
        if alone != (of_run := (row["status"], row["reason"], row["reason_tag"])):
            differing[name] = (of_run, alone)
    assert not differing and compared > 60


#: what is refused, by the pass that refuses it; each has all that a written one has
REFUSED = {
    "pass 1, risk": ct_file("1.2.3.1.1", Element(0x00280301, "CS", "YES"), Element(0x00100020, "LO", f"{SECRET}1")),
    "pass 1, text": ct_file("1.2.3.1.2", Element(0x00080070, "LO", b"\x01\x02"), Element(0x00100020, "LO", f"{SECRET}1")),
    "pass 2, truncated": ct_file("1.2.3.1.3", Element(0x00100020, "LO", f"{SECRET}1"))[:-9],
    "conflict": ct_file("1.2.3.1.4", Element(0x00100020, "LO", f"{SECRET}1"), Element(0x00200013, "IS", "1")),
    "conflict too": ct_file("1.2.3.1.4", Element(0x00100020, "LO", f"{SECRET}1"), Element(0x00200013, "IS", "2")),
}
TOLD = (
    "study_instance_uid",
    "series_instance_uid",
    "sop_class_uid",
    "transfer_syntax_uid",
    "modality",
    "patient_id",
    "study_hash",
)


@pytest.mark.parametrize("flags", ["", "--options=RetainUIDs"])
def test_a_refused_object_is_described_as_a_written_one_of_its_study_is(flags: str, tmp_path: Path, key_file: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in REFUSED.items():
        (folder / name).write_bytes(content)
    (folder / "written").write_bytes(ct_file("1.2.3.1.9", Element(0x00100020, "LO", f"{SECRET}1")))
    (folder / "duplicate").write_bytes((folder / "written").read_bytes())
    run = deidentify(folder, tmp_path / "out", key_file, *flags.split())
    assert run.code == 3, run.log
    rows = rows_by_name(run, folder, key_file)
    written = next(row for name, row in rows.items() if row["status"] == "written")
    (output,) = map(read, run.objects().values())
    assert (written["patient_id"], written["modality"]) == (output.PatientID, output.Modality)
    for name, row in rows.items():
        assert {column: row[column] for column in TOLD} == {column: written[column] for column in TOLD}, name
        assert row["source_size"] == (folder / name).stat().st_size
        assert row["sop_instance_uid"] and row["instance_hash"], name
    assert rows["conflict"]["sop_instance_uid"] == rows["conflict too"]["sop_instance_uid"] != written["sop_instance_uid"]
    assert (run.report["incomplete_studies"], run.report["quarantined_without_study"]) == (1, 0)
    tables = b"".join(path.read_bytes() for path in run.audit.glob("*.parquet"))
    assert SECRET.encode() not in tables and SECRET not in str(rows)


def test_what_stands_in_the_place_of_codes_and_uids_is_not_told(tmp_path: Path, key_file: Path) -> None:
    """Values of attributes that rows tell of may be anything in a hostile object."""
    folder = tmp_path / "in"
    folder.mkdir()
    name = f"{SECRET}^X"
    refuse = Element(0x00280301, "CS", "YES")
    for number, tag in enumerate((0x00080016, 0x00080018, 0x0020000D, 0x0020000E)):
        for vr in ("UI", "LO"):
            (folder / f"uid-{number}-{vr}").write_bytes(part10(ct(Element(tag, vr, name), refuse, without=[tag])))
    for value in (name, SECRET):
        (folder / f"modality-{len(value)}").write_bytes(
            part10(ct(Element(0x00080060, "CS", value), refuse, without=[0x00080060]))
        )
        (folder / f"written-{len(value)}").write_bytes(ct_file(f"1.2.{len(value)}", Element(0x00080060, "CS", value)))
    (folder / "class").write_bytes(part10(ct(sop_class="1.2.3.19500102"), sop_class="1.2.3.19500102"))
    rules = tmp_path / "rules.csv"
    rules.write_text("PatientID;K!\n")
    for number, flags in enumerate(("", "--options=RetainUIDs", f"--profile={rules}")):
        run = deidentify(folder, tmp_path / str(number), key_file, *flags.split())
        assert run.code == 3, run.log
        told = str([{**row, "output_name": None} for row in run.table("instances")])
        assert SECRET not in told and "19500102" not in told
        if number == 2:
            assert {row["patient_id"] for row in run.table("instances")} == {None}


def test_what_is_in_no_study_makes_none_incomplete(tmp_path: Path, key_file: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    of_no_study = [0x0020000D, 0x0020000E, 0x00100010, 0x00100020]
    for priors, (name, instance) in enumerate((("one", "1.2.3.1"), ("other", "1.2.3.1"), ("written", "1.2.3.2"))):
        elements = [Element(0x00080018, "UI", instance), Element(0x00720014, "US", priors)]
        protocol = ct(*elements, sop_class=HANGING_PROTOCOL, without=of_no_study)
        (folder / name).write_bytes(part10(protocol, sop_class=HANGING_PROTOCOL))
    run = deidentify(folder, tmp_path / "out", key_file)
    assert run.report["reasons"] == {"sop-instance-conflict": 2}, run.log
    assert (run.report["incomplete_studies"], run.report["quarantined_without_study"]) == (0, 2)
    assert [row["study_hash"] for row in run.table("instances") if row["status"] == "quarantined"] == [None, None]
