"""Rules that can never act say so when they are loaded."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from profiles import ConfidentialityProfile, ProfileWarning


def said(rules: str, options: str = "") -> list[str]:
    """What loading ``rules`` says, without the source's name."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ConfidentialityProfile.from_csv_string(rules, options)
    assert all(warning.category is ProfileWarning for warning in caught)
    return [str(warning.message).replace("CSV text ", "") for warning in caught]


@pytest.mark.parametrize(
    ("rules", "idle"),
    [
        ("PatientName;D\nPatientName;Z", {2: 1}),
        ("*Date;K!\nStudyDate;X", {2: 1}),
        ("{PN};X\nOperatorsName;D\nPatientID;D", {2: 1}),
        ("0010,xxxx;X\nPatientComments;D\n0020,4000;D", {2: 1}),
        ("Manufacturer;X\nReferencedStudySequence>Manufacturer;D", {2: 1}),
        ("0029{ACME}10;K!\n0029{ACME}10;X", {2: 1}),
        ("StudyDate;X\n*Date;K!", {}),
        ("ReferencedStudySequence>Manufacturer;D\nManufacturer;X", {}),
        (">Manufacturer;D\nManufacturer;X", {}),
        ("0029{ACME}10;K!\n0029{ACME 2}10;X\ngggg,eeee;X", {}),
        ("0029{ACME}xx;X\n0029{ACME}01;K!\n0029{OTHER}01;K!", {2: 1}),
        ("gggg,eeee;X\n0029{ACME}01;K!", {2: 1}),
        ("PatientName;D\n{PN};X", {}),
        ("{PN};X\n{PN};D\nPatientName;K!", {2: 1, 3: 1}),
        ("^0010,;X\n0010,0010;D", {2: 1}),
    ],
)
def test_an_earlier_rule_that_decides_on_all_is_named(rules: str, idle: dict[int, int]) -> None:
    lines = rules.split("\n")
    assert said(rules) == [
        f"line {line}: {lines[line - 1]}: this rule can never act: before it, "
        f"line {before}: {lines[before - 1]} decides on all that it is for"
        for line, before in idle.items()
    ]


@pytest.mark.parametrize("rule", ["0002,0010;X", "0008,0000;X", "0004,1220;D", "FFFE,E000;X", "0029,0010;X", "0029,00xx;X"])
def test_a_rule_for_what_the_engine_decides_is_named(rule: str) -> None:
    assert said(rule) == [f"line 1: {rule}: this rule can never act: the engine itself decides on all that it is for"]


def test_a_rule_of_another_option_may_act_another_time() -> None:
    columns = "Tag;BasicProfile;RetainUIDs\nPatientName;;Z\nPatientName;D;\nPatientName;X;"
    (line,) = said(columns)
    assert line.startswith("line 4: PatientName;X: this rule can never act: before it, line 3")


def test_commands_say_it_in_their_own_way(tmp_path: Path) -> None:
    rules = tmp_path / "mine.csv"
    rules.write_text("{PN};X\nPatientName;D\n")
    for arguments in (["explain", "--profile", str(rules), "--attribute", "PatientName"],):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0
        assert "Warning: mine.csv line 2: PatientName;D: this rule can never act" in result.output
