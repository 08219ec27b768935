"""Files that somebody may hand in for a profile: whatever is in them, what is wrong is one sentence and not long."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from anonymizer import PatientTable, PatientTableError
from pipeline.cli import main
from profiles import ConfidentialityProfile, ProfileError, ReviewedRectangles, read_pixel_rules

DEEP = 100_000
DIGITS = "9" * 10_000
CONDITION = "reason,sop_classes,condition\npixel-risk-ultrasound,any,"

JSON = {
    "deep lists": "[" * DEEP + "]" * DEEP,
    "deep objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "a deep rule": '[{"Tag":' + "[" * DEEP + "]" * DEEP + "}]",
    "no end": "[" * DEEP,
    "a huge number": DIGITS * 10,
    "a huge number as action": f'[{{"Tag":"PatientName","Action":{DIGITS}}}]',
    "no numbers": "[NaN, Infinity]",
    "NaN as tag": '[{"Tag":NaN,"Action":"Z"}]',
    "a key twice": '[{"Tag":"0010,0010","Tag":"0010,0020","Action":"Z"}]',
    "no UTF-8": b'\xff\xfe[{"Tag":"0010,0010"}]',
    "UTF-16": '[{"Tag":"0010,0010","Action":"Z"}]'.encode("utf-16"),
    "half a character": '[{"Tag":"PatientName","Action":"D","Value":"\\ud800"}]',
    "NULs": "\0" * 1000,
    "nothing": "",
}
XML = {
    "deep": "<a>" * DEEP,
    "deep items": "<root><item>" + "<a>" * DEEP + "</a>" * DEEP + "</item></root>",
    "many attributes": "<root " + " ".join(f'a{number}="1"' for number in range(DEEP)) + "/>",
    "entities": '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>',
    "a long name": f"<{'a' * 1_000_000}/>",
    "no UTF-8": b"<root>\xff</root>",
}
CSV = {
    "quotes": '"' * DEEP,
    "a long line": "a" * 1_000_000,
    "many lines": "a\n" * 1_000_000,
    "many cells": ";" * 1_000_000,
    "many rules": "PatientName;Z\n" * 300_000,
    "a deep path": "0010,0010>" * 50_000 + "0010,0010;Z\n",
    "a deep expression": "0010,(0010|" * 20_000 + ";Z\n",
    "a long action": f"PatientName;{DIGITS}\n",
    "a huge number": f"PatientWeight;D;{DIGITS}\n",
    "a huge integer": f"Rows;D;{DIGITS}\n",
}
LISTS = {
    "a long cell": f'private_creator,tag,vr\n{"a" * 200_000},"(0029,xx10)",LO\n',
    "a long head": "a" * 1_000_000,
    "quotes": '"' * DEEP,
}
RISKS = {
    "deep brackets": f"{CONDITION}{'(' * DEEP}\n",
    "deep negations": f"{CONDITION}{'not ' * 25_000}Rows = 1\n",
    "a huge place": f"{CONDITION}Rows[{DIGITS}] = 1\n",
    "a NUL": f'{CONDITION}"Rows\0 = 1"\n',
    "a long cell": f"{CONDITION}{'a' * 200_000}\n",
}
PIXEL_RULES = {
    "open braces.script": "{" * DEEP,
    "open brackets.script": '{Modality.equals("US")}' + "(" * DEEP + "(0,0,9,9)" + "(" * DEEP,
    "brackets within.script": "{" + "(" * DEEP + "}",
    "negations.script": "{" + "!" * DEEP + 'Modality.equals("US")}',
    "a long condition.script": "{" + 'Modality.equals("US") * ' * 50_000 + "true}",
    "many signatures.script": '{Modality.equals("US")}(0,0,9,9)\n' * 100_000,
    "many rectangles.script": '{Modality.equals("US")}' + "(0,0,9,9)" * DEEP,
    "unknown": "{" * DEEP + "." * DEEP,
    "a long line.deid": "FORMAT dicom\n%filter graylist\nLABEL a\n" + "contains Modality x + " * 50_000,
    "many lines.deid": "FORMAT dicom\n%filter graylist\nLABEL a\n" + "contains Modality x\n" * 300_000,
    "many labels.deid": "FORMAT dicom\n%filter graylist\n" + "LABEL a\ncontains Modality x\n" * 100_000,
    "a long name.deid": f"FORMAT dicom\n%filter {'a' * 1_000_000}\nLABEL a\n",
    "quotes.csv": '"' * DEEP,
    "a long cell.csv": f"name,condition,outcome,provenance\na,{'a' * 200_000},drop,b\n",
    "many rectangles.csv": 'name,rows,columns,outcome,blank,provenance\na,9,9,clean,"' + "0,0,1,1;" * 10_000 + '",b\n',
    "deep.json": "[" * DEEP,
    "a huge number.json": f'[{{"name": "a", "rows": {DIGITS}, "outcome": "drop", "provenance": "b"}}]',
}
REVIEWED = {
    "quotes": '"' * DEEP,
    "a long cell": "a" * 200_000,
    "many rectangles": 'sop_instance_uid,rows,columns,blank,reviewer\n1.2,9,9,"' + "0,0,1,1;" * 10_000 + '",b\n',
}
TABLES = {
    "a long cell": f"PatientID,NewPatientID\n{'a' * 200_000},b\n",
    "a NUL": "PatientID,NewPatientID\na\0,b\n",
    "half a character": b"PatientID,NewPatientID\n\xed\xa0\x80,b\n",
    "no Parquet": b"PAR1" + b"\xff" * 1000 + b"PAR1",
    "a Parquet file's first bytes": b"PAR1",
    "quotes": '"' * DEEP,
}


def said(error: Exception, since: float) -> str:
    """The error's message, once it was seen to be one sentence that came soon."""
    message = str(error)
    assert message and "\n" not in message and len(message) < 1000
    assert time.process_time() - since < 20
    return message


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path: Path, **settings: object) -> str:
    since = time.process_time()
    read = partial(ConfidentialityProfile.from_file, path)
    if settings:
        read = partial(ConfidentialityProfile.default, "RetainSafePrivate", **dict.fromkeys(settings, path))
    with pytest.raises(ProfileError) as caught:
        read()
    return said(caught.value, since)


@pytest.mark.parametrize("kind", JSON)
def test_json(tmp_path: Path, kind: str) -> None:
    refused(write(tmp_path / "rules.json", JSON[kind]))


@pytest.mark.parametrize("kind", XML)
def test_xml(tmp_path: Path, kind: str) -> None:
    refused(write(tmp_path / "rules.xml", XML[kind]))


@pytest.mark.parametrize("kind", CSV)
def test_csv(tmp_path: Path, kind: str) -> None:
    refused(write(tmp_path / "rules.csv", CSV[kind]))


@pytest.mark.parametrize("kind", LISTS)
def test_lists_of_safe_private_attributes(tmp_path: Path, kind: str) -> None:
    refused(write(tmp_path / "safe.csv", LISTS[kind]), safe_private=True)


@pytest.mark.parametrize("kind", RISKS)
def test_rows_of_pixel_risks(tmp_path: Path, kind: str) -> None:
    refused(write(tmp_path / "risks.csv", RISKS[kind]), pixel_risk=True)


@pytest.mark.parametrize("name", PIXEL_RULES)
def test_pixel_rules(tmp_path: Path, name: str) -> None:
    since = time.process_time()
    with pytest.raises(ProfileError) as caught:
        read_pixel_rules(write(tmp_path / name, PIXEL_RULES[name]))
    said(caught.value, since)


@pytest.mark.parametrize("kind", [*REVIEWED, "a gigabyte"])
def test_reviewed_rectangles(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "reviewed.csv", REVIEWED.get(kind, ""))
    if kind == "a gigabyte":
        os.truncate(path, 1 << 30)
    since = time.process_time()
    with pytest.raises(ProfileError) as caught:
        ReviewedRectangles.read(path)
    said(caught.value, since)


@pytest.mark.parametrize("kind", TABLES)
def test_patient_tables(tmp_path: Path, kind: str) -> None:
    since = time.process_time()
    with pytest.raises(PatientTableError) as caught:
        PatientTable.load(write(tmp_path / "patients.csv", TABLES[kind]))
    said(caught.value, since)


@pytest.mark.parametrize("name", ["rules.json", "rules.xml", "rules.csv", "safe.csv", "risks.csv", "patients.csv"])
def test_a_file_of_a_gigabyte_is_not_read_to_its_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as stream:
        stream.truncate(1 << 30)
    if name == "patients.csv":
        since = time.process_time()
        with pytest.raises(PatientTableError) as caught:
            PatientTable.load(path)
        said(caught.value, since)
    else:
        settings = {"safe.csv": {"safe_private": True}, "risks.csv": {"pixel_risk": True}}.get(name, {})
        assert "too large" in refused(path, **settings)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rules.json", JSON["deep lists"]),
        ("rules.xml", XML["deep"]),
        ("rules.csv", CSV["a deep path"]),
        ("rules.json", JSON["NULs"]),
    ],
)
def test_the_command_says_it_in_one_sentence(tmp_path: Path, name: str, content: str) -> None:
    done = CliRunner().invoke(main, ["explain", "--profile", str(write(tmp_path / name, content))])
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit)
    assert done.output.startswith("Error: ") and done.output.count("\n") == 1
