"""The census by the real command: held against the outputs as pydicom reads them, and given back as verdicts."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import stat
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from tests.support.certificates import key_pair
from tests.support.graphs import submitted
from tests.support.keys import write_key
from tests.support.objects import BIG, EXPLICIT, Element
from tests.support.runs import Run, ct_file, deidentify, run_command, run_in_process

OPTIONS = "--options=CleanDesc,CleanStructdCont,RetainSafePrivate,RetainPatientChars"
FILES = (
    *("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "reportsi.dcm", "test-SR.dcm", "MR_small_implicit.dcm", "rtdose.dcm"),
    *("liver.dcm", "rtstruct.dcm", "MR_small_bigendian.dcm", "693_J2KI.dcm"),
)
TEXTS = frozenset(("AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
#: SpecificCharacterSet and what the program says itself
OWN = frozenset((0x00080005, 0x00120062, 0x00120063, 0x00280303))
DEPARTMENT, WARD = "Neuroradiology Test", "Head CT for Ward Kestrel"


def texts_of(dataset: Dataset, above: str = "") -> Iterator[tuple[str, str]]:
    """Each text of a data set as pydicom reads it: path and value."""
    for element in dataset:
        tag = element.tag
        if tag.is_private_creator or int(tag) in OWN:
            continue
        own = f"({tag.group:04x},{tag.element:04x})"
        if tag.is_private:
            own = f'({tag.group:04x},"{element.private_creator}",{tag.element & 0xFF:02x})'
        path = f"{above}>{own}" if above else own
        if element.VR == "SQ":
            for item in element.value:
                yield from texts_of(item, path)
        elif element.VR in TEXTS and element.value not in (None, ""):
            values = element.value if isinstance(element.value, (list, tuple)) or element.VM > 1 else [element.value]
            yield path, "\\".join(map(str, values)).strip(" ")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("census") / "in"
    folder.mkdir()
    for name in FILES:
        path = get_testdata_file(name, download=False)
        if isinstance(path, str):
            shutil.copy(path, folder / name)
    for number in range(5):
        extra = (
            Element(0x00080060, "CS", "CT"),
            Element(0x00081030, "LO", WARD if number < 3 else "Head CT"),
            Element(0x00100020, "LO", f"MRN-{number // 2}"),
            Element(0x00181030, "LO", "Neck" if number else "Neck of Kestrel"),
            Element(0x00190010, "LO", "GEMS_ACQU_01"),
            Element(0x0019109E, "LO", "EFGRE3D"),
            Element(0x0019109F, "LO", "not safe"),
        )
        (folder / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}", *extra, study=f"1.2.{number // 2}"))
    return folder


@pytest.fixture(scope="module")
def counted(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("counted")
    arguments = (OPTIONS, f"--census={folder / 'census'}", f"--crosswalk={folder / 'crosswalk'}")
    run = deidentify(archive, folder / "out", key_file, *arguments)
    assert run.code in (0, 3), run.log
    return run, folder


def census_of(folder: Path, key_file: Path, *arguments: str) -> list[dict[str, str]]:
    done = run_command("census", f"--census={folder}", f"--key=file:{key_file}", "--csv", *arguments)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_it_has_each_kept_text_as_another_program_reads_it(counted: tuple[Run, Path], archive: Path, key_file: Path) -> None:
    run, folder = counted
    lines = {(line["attribute"], line["value"]): line for line in census_of(folder / "census", key_file) if line["value"]}
    rows = [row for path in (folder / "crosswalk").iterdir() for row in pq.read_table(path).to_pylist()]
    sources = {row["new_sop_instance_uid"]: archive / row["source"] for row in rows if row["source"] and not row["status"]}
    in_outputs: dict[tuple[str, str], set[str]] = defaultdict(set)
    patients: dict[tuple[str, str], set[str]] = defaultdict(set)
    checked = 0
    for path in run.output.rglob("*.dcm"):
        output = dcmread(path, stop_before_pixels=True)
        original = set(texts_of(dcmread(sources[output.SOPInstanceUID], stop_before_pixels=True, force=True)))
        for found in set(texts_of(output)):
            in_outputs[found].add(path.name)
            patients[found].add(output.get("PatientID") or output.StudyInstanceUID)
            if found in original:
                assert found in lines, f"{found[0]} stays, and the census lacks it"
                checked += 1
    assert checked > 150
    instances: Counter[tuple[str, str]] = Counter()
    for line in census_of(folder / "census", key_file):
        instances[line["attribute"], line["value"]] += int(line["instances"])
    counted_well = 0
    for (attribute, value), line in lines.items():
        if line["vr"] in TEXTS and "private" not in attribute:
            assert instances[attribute, value] == len(in_outputs[attribute, value]), attribute
            if instances[attribute, value] == int(line["instances"]):
                assert int(line["patients"]) == len(patients[attribute, value]), attribute
                counted_well += 1
    assert counted_well > 100
    totals = run.report["census"]
    assert totals == {"values": len(census_of(folder / "census", key_file)), "objects": run.report["counts"]["written"]}


def test_the_rarest_come_first_with_cleaned_texts_before_and_after(counted: tuple[Run, Path], key_file: Path) -> None:
    _, folder = counted
    lines = census_of(folder / "census", key_file)
    numbers = [(int(line["patients"]), int(line["instances"])) for line in lines]
    assert numbers == sorted(numbers)
    by_before = {(line["attribute"], line["before"]): line for line in lines}
    ward = by_before["(0008,1030)", WARD]
    assert (ward["value"], ward["patients"], ward["instances"]) == ("Head CT", "2", "3")
    assert by_before["(0008,1030)", ""]["value"] == "Head CT", "one that cleaning left as it was"
    private = {line["attribute"]: line for line in lines if "GEMS_ACQU_01" in line["attribute"]}
    assert private['(0019,"GEMS_ACQU_01",9e)']["value"] == "EFGRE3D"
    assert not any(line["value"] == "not safe" for line in lines)
    few = census_of(folder / "census", key_file, "--most=3")
    assert len(few) == 3 and all((int(line["patients"]), int(line["instances"])) == numbers[0] for line in few)


def test_nothing_of_it_stands_elsewhere(counted: tuple[Run, Path], archive: Path, key_file: Path) -> None:
    run, folder = counted
    audit = b"".join(path.read_bytes() for path in run.audit.rglob("*") if path.is_file() and "restricted" not in path.name)
    assert WARD.encode() not in audit and b"Neck of Kestrel" not in audit and "Kestrel" not in run.log
    assert str(folder / "census") not in audit.decode("latin-1")
    for path in (folder / "census").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "census").stat().st_mode) == 0o700
    assert str(folder / "census") in (run.audit / "run-restricted.json").read_text()


def verdicts(folder: Path, lines: list[dict[str, str]], decide: dict[tuple[str, str, str], str]) -> Path:
    path = folder / "verdicts.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, lines[0])
        writer.writeheader()
        for line in lines:
            verdict = decide.get((line["attribute"], line["value"], line["before"]), "")
            writer.writerow({**line, "verdict": verdict, "reviewer": "A. Reviewer" if verdict else ""})
    return path


def test_verdicts_go_back_into_the_next_run(counted: tuple[Run, Path], archive: Path, key_file: Path, tmp_path: Path) -> None:
    _, folder = counted
    file = verdicts(
        tmp_path,
        census_of(folder / "census", key_file),
        {
            ("(0008,1030)", "Head CT", WARD): "allow",
            ("(0018,1030)", "Neck", ""): "remove",
            ('(0019,"GEMS_ACQU_01",9e)', "EFGRE3D", ""): "remove",
            ("(0008,0070)", "GE MEDICAL SYSTEMS", ""): "dummy",
        },
    )
    arguments = (OPTIONS, f"--verdicts={file}", f"--census={tmp_path / 'census'}")
    run = deidentify(archive, tmp_path / "out", key_file, *arguments)
    objects = [dcmread(path, stop_before_pixels=True) for path in run.output.rglob("*.dcm")]
    allowed = [one for one in objects if one.get("StudyDescription") == WARD]
    assert len(allowed) == 3 and {one.PatientIdentityRemoved for one in allowed} == {"NO"}, "an object says what was left in it"
    meanings = {item.CodeValue for one in allowed for item in one.get("DeidentificationMethodCodeSequence", ())}
    assert not meanings & {"113100", "113105"}, "it claims neither the profile nor the cleaning"
    others = [one for one in objects if one.get("StudyDescription") == "Head CT"]
    assert len(others) == 2 and {one.PatientIdentityRemoved for one in others} == {"YES"}
    left = {(line["attribute"], line["value"], line["before"]) for line in census_of(tmp_path / "census", key_file)}
    assert ("(0018,1030)", "Neck", "") not in left and ("(0008,1030)", WARD, "") in left
    assert all((0x0019, 0x109E) not in one for one in objects)
    assert "GE MEDICAL SYSTEMS" not in {one.get("Manufacturer") for one in objects}
    assert "ANONYMIZED" in {one.get("Manufacturer") for one in objects}
    settings = run.report["settings"]
    assert settings["verdicts"]["values"] == 4 and settings["verdicts"]["reviewers"] == ["A. Reviewer"]
    assert settings["weakening_rules"] == settings["verdicts"]["allowed"] == 1
    actions = [action for row in run.table("instances") for action in row["actions"] if action["reason"] == "verdict"]
    assert {("StudyDescription", "K"), ("Manufacturer", "D")} <= {(action["keyword"], action["action"]) for action in actions}
    assert WARD not in json.dumps(run.report)


def test_private_attributes_stand_by_their_creators_at_each_depth(key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    rules = tmp_path / "rules.csv"
    rules.write_text("0009{ONE}01;K!\n0009{TWO}01;K!\n0009{IN}01;K!\n")
    for number, creator in enumerate(("ONE", "TWO")):
        inner = [Element(0x00090010, "LO", "IN"), Element(0x00091001, "LO", "same"), Element(0x00091002, "LO", "gone")]
        extra = (
            *(Element(0x00090010, "LO", creator), Element(0x00091001, "SQ", [inner])),
            *(Element(0x00081032, "SQ", [[Element(0x00080100, "SH", "LOCAL"), Element(0x00080104, "LO", "Head")]]),),
        )
        content = ct_file(f"1.2.{number}", *extra, study=f"1.2.9.{number}", syntax=(EXPLICIT, BIG)[number])
        (folder / f"{number}").write_bytes(content)
    run = deidentify(folder, tmp_path / "out", key_file, f"--profile={rules}", f"--census={tmp_path / 'census'}")
    assert run.code == 0, run.log
    lines = census_of(tmp_path / "census", key_file)
    assert {line["attribute"] for line in lines if line["value"] == "same"} == {
        '(0009,"ONE",01)>(0009,"IN",01)',
        '(0009,"TWO",01)>(0009,"IN",01)',
    }
    assert not [line for line in lines if line["attribute"].startswith("(0012,") or line["value"] == "ANONYMIZED"]


def test_a_value_goes_whatever_cleaning_made_it_of(
    counted: tuple[Run, Path], archive: Path, key_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "verdicts.csv"
    file.write_text('attribute,value,before,verdict,reviewer\n"(0018,1030)",Neck,,remove,R\n')
    run = deidentify(archive, tmp_path / "out", key_file, OPTIONS, f"--verdicts={file}")
    assert run.code in (0, 3), run.log
    assert "Neck" not in {dcmread(path, stop_before_pixels=True).get("ProtocolName") for path in run.output.rglob("*.dcm")}


def test_a_file_of_another_key_is_refused(counted: tuple[Run, Path], archive: Path, tmp_path: Path, key_file: Path) -> None:
    _, folder = counted
    lines = census_of(folder / "census", key_file)
    file = verdicts(tmp_path, lines, {(lines[0]["attribute"], lines[0]["value"], lines[0]["before"]): "remove"})
    other = write_key(tmp_path / "other", hashlib.sha256(b"another key").hexdigest())
    run = deidentify(archive, tmp_path / "out", other, OPTIONS, f"--verdicts={file}")
    assert run.code == 2 and "value_hash was made with another key" in run.log and not run.objects()
    places = str(archive / "1.dcm"), str(tmp_path / "x.dcm")
    done = run_in_process("file", *places, f"--key=file:{other}", "--options=CleanDesc", f"--verdicts={file}")
    assert done.returncode == 2 and "value_hash was made with another key" in done.stderr


def test_no_verdict_overrides_the_screen(key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    described = Element(0x00081030, "LO", "Head of Quillfeather")
    named = (Element(0x00100010, "PN", "Quillfeather^Ann"), Element(0x00100020, "LO", "MRN-9"))
    (folder / "1.dcm").write_bytes(ct_file("1.2.3", described, Element(0x00100010, "PN", "Other^Name")))
    (folder / "2.dcm").write_bytes(ct_file("1.2.4", described, *named, study="1.2.9"))
    file = tmp_path / "verdicts.csv"
    file.write_text('attribute,value,before,verdict,reviewer\n"(0008,1030)",Head,Head of Quillfeather,allow,R\n')
    run = deidentify(folder, tmp_path / "out", key_file, "--options=CleanDesc", f"--verdicts={file}")
    found = {dcmread(path).get("StudyDescription") for path in run.output.rglob("*.dcm")}
    assert "Head of Quillfeather" in found, "allowed where it names nobody"
    assert len(run.objects()) == 2 and sum(b"Quillfeather" in content for content in run.objects().values()) == 1


def test_an_encrypted_census_is_read_with_the_private_key(archive: Path, key_file: Path, tmp_path: Path) -> None:
    pair = key_pair(tmp_path)
    census = tmp_path / "census"
    run = deidentify(
        archive, tmp_path / "out", key_file, OPTIONS, f"--census={census}", f"--census-certificate={pair.certificate}"
    )
    assert run.code in (0, 3), run.log
    assert all(path.name.endswith(".p7m") and b"Kestrel" not in path.read_bytes() for path in census.iterdir())
    refused = run_in_process("census", f"--census={census}", f"--key=file:{key_file}")
    assert refused.returncode == 2 and "--private-key" in refused.stderr
    lines = census_of(census, key_file, f"--private-key={pair.private_key}")
    assert any(line["before"] == WARD for line in lines)


def test_a_changed_or_missing_file_is_refused(counted: tuple[Run, Path], key_file: Path, tmp_path: Path) -> None:
    _, folder = counted
    for kind, said in (("census-values-", "not whole"), ("census-counts-", "has no census")):
        copied = tmp_path / kind
        shutil.copytree(folder / "census", copied)
        for path in copied.glob(f"{kind}*"):
            path.unlink()
        done = run_in_process("census", f"--census={copied}", f"--key=file:{key_file}")
        assert done.returncode in (1, 2) and said in done.stderr
    copied = tmp_path / "changed"
    shutil.copytree(folder / "census", copied)
    path = next(copied.glob("census-values-*"))
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    done = run_in_process("census", f"--census={copied}", f"--key=file:{key_file}")
    assert done.returncode == 1 and "was not written by a run with this key" in done.stderr


def test_places_where_others_could_read_it_are_refused(archive: Path, key_file: Path, tmp_path: Path) -> None:
    for place, said in ((tmp_path / "out" / "census", "must lie apart"), (archive / "census", "must lie apart")):
        run = deidentify(archive, tmp_path / "out", key_file, f"--census={place}")
        assert run.code == 2 and "--census and" in run.log and said in run.log
    run = deidentify(archive, tmp_path / "out", key_file, "--census-certificate=x")
    assert run.code == 2 and "--census-certificate needs --census" in run.log


def test_the_graph_holds_no_verdict(archive: Path, key_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "verdicts.csv"
    file.write_text('attribute,value,before,verdict,reviewer\n"(0008,1030)",Quillfeather,,remove,R\n')
    graph = submitted(archive, tmp_path / "out", key_file, f"--verdicts={file}")
    assert not any(b"Quillfeather" in content for content in (graph.serialized, *graph.pickles()))
