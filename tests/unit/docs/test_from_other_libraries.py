"""``docs/reference/from-aspose-and-fo-dicom.md``: each name of ours exists, each pair has our side, and that runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

import anonymizer
import profiles
from profiles import ConfidentialityProfile, ProfileOptions
from tests.support.keys import write_key

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "reference" / "from-aspose-and-fo-dicom.md").read_text()
ROWS = re.findall(r"(?m)^\| (.*) \| (.*?) ?\| (.*) \|$", PAGE.split("## Names\n")[1].split("\n## ")[0])
PAIRS = {pair.split("\n")[0]: pair for pair in PAGE.split("## Pairs\n")[1].split("### ")[1:]}
SAMPLE = Path(str(get_testdata_file("CT_small.dcm")))


def fences(language: str, text: str) -> list[str]:
    """The blocks of code in a language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the page's code reads."""
    monkeypatch.chdir(tmp_path)
    sample = dcmread(SAMPLE)
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sample.SOPClassUID, "1.2.3"
    sample.ReferencedImageSequence = [reference]
    sample.PatientTelephoneNumbers, sample.StationName = "555-4711", "DOE-CT"
    sample.save_as("in.dcm")
    (tmp_path / "study").mkdir()
    sample.save_as("study/1.dcm")
    sample.SOPInstanceUID = sample.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    sample.save_as("study/2.dcm")
    sample.BurnedInAnnotation, sample.SOPInstanceUID = "YES", "1.2.4"
    sample.save_as("study/3.dcm")
    (tmp_path / "rules.csv").write_text("TagPattern;Action\n0010,0010;Z  // PatientName\n0010,0020;D\n0020,000D;U\n")
    write_key(tmp_path / "key")
    return tmp_path


def one_file(done: dict[str, Any]) -> None:
    assert dcmread("out.dcm").SOPInstanceUID == done["report"].sop_instance_uid
    assert dcmread("out.dcm").PatientName == ""


def a_data_set(done: dict[str, Any]) -> None:
    assert done["copy"] == done["dataset"] and done["copy"].PatientName == ""


def options(done: dict[str, Any]) -> None:
    assert done["dataset"].SOPInstanceUID == dcmread("in.dcm").SOPInstanceUID and done["dataset"].PatientSex == "O"
    assert ProfileOptions.BasicProfile in done["anonymizer"].profile.options


def a_name(done: dict[str, Any]) -> None:
    assert (done["dataset"].PatientName, done["dataset"].PatientID) == ("ANONYMOUS PATIENT", "00000000")


def a_file_of_rules(done: dict[str, Any]) -> None:
    assert len(done["profile"].custom) == 3 and done["dataset"].PatientName == ""


def rules_in_code(done: dict[str, Any]) -> None:
    dataset = done["dataset"]
    reference = dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID
    assert reference.startswith("2.25.")
    assert "PatientTelephoneNumbers" not in dataset and dataset.StationName == "SCANNER"
    assert dataset.PatientIdentityRemoved == "YES"


def a_study(done: dict[str, Any]) -> None:
    written = [dcmread(path) for path in Path("anonymized").iterdir()]
    assert len(written) == 2 and len({dataset.StudyInstanceUID for dataset in written}) == 1
    assert {path.stem for path in Path("anonymized").iterdir()} == {dataset.SOPInstanceUID for dataset in written}


EXPECTED: dict[str, Callable[[dict[str, Any]], None]] = {
    "One file": one_file,
    "A data set, copied or changed in place": a_data_set,
    "Options": options,
    "A name and an ID of your own": a_name,
    "A file of rules": a_file_of_rules,
    "Rules in code": rules_in_code,
    "All files of a study": a_study,
}


def test_each_pair_is_tested() -> None:
    assert list(PAIRS) == list(EXPECTED)


@pytest.mark.parametrize("name", PAIRS)
def test_our_side_of_a_pair_runs(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fences("csharp", PAIRS[name])
    (code,) = fences("python", PAIRS[name])
    done: dict[str, Any] = {}
    exec(compile(code, name, "exec"), done)
    EXPECTED[name](done)
    assert capsys.readouterr().out == ("refused: burned-in-annotation\n" if name == "All files of a study" else "")


@pytest.mark.parametrize("ours", [row[2] for row in ROWS[2:]])
def test_our_names_exist(ours: str) -> None:
    code = re.match(r"`([\w.]+)", ours)
    assert code, ours
    name, *attributes = code[1].split(".")
    assert name in {*anonymizer.__all__, *profiles.__all__}
    found = getattr(anonymizer, name, None) or getattr(profiles, name)
    for attribute in attributes:
        # those of an instance are documented
        assert hasattr(found, attribute) or f"{attribute}: " in found.__doc__, ours


def test_the_table_has_all_ways_to_make_a_profile() -> None:
    ways = {name for name in vars(ConfidentialityProfile) if name.startswith(("from_", "with_")) or name == "default"}
    assert {way for way in ways if f"ConfidentialityProfile.{way}(" in PAGE} == ways - {"from_file"}
    assert "from_file" in PAGE and all(f"`{option.name}`" in PAGE for option in ProfileOptions)
    assert len(ROWS) > 20
