"""CSV of the commands: a spreadsheet that opens it runs nothing."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.safe_csv import HELP, write_csv
from profiles import escape_formulas

FORMULAS = [
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(1)",
    "\tx",
    "\r=1",
    "\n=1",
    " =1",
    '"=1',
    "'=1",
    "\ufeff=1",
    "\uff1d1",
    "\x0b=1",
    "\u200b=1",
]
#: what a program with another separator sees as a cell of its own
WITHIN = ["Doe;=1+1", "Doe|@x", "Doe\n=1", "Doe\t -1", 'Doe;"=1']
HARMLESS = [
    "",
    "2.25.1",
    "Doe^Jane",
    "a=b",
    "a-b",
    "a@b.example",
    "1.5",
    "(0010,0010)",
    "a;b",
    "line\nline",
    "O'Neil",
    "A\r\n[red]\"B,'",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_begins_like_a_formula_has_an_apostrophe_in_front(text: str) -> None:
    assert escape_formulas(text)[0] == "'" and escape_formulas(text).replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("text", WITHIN)
def test_so_has_what_looks_like_a_cell_within_one(text: str) -> None:
    assert escape_formulas(text) == text.replace("Doe" + text[3], "Doe" + text[3] + "'")


@pytest.mark.parametrize("text", HARMLESS)
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert escape_formulas(text) == text


def test_numbers_of_our_own_are_no_texts() -> None:
    stream = StringIO()
    write_csv(stream, [["a", "b"], [-1.5, "-1.5"]])
    assert stream.getvalue() == "a,b\n-1.5,'-1.5\n"


def test_explain_shows_rules_of_others_and_runs_none(tmp_path: Path) -> None:
    rules = tmp_path / "=cmd|' calc'!A0.csv"
    rules.write_text("PatientComments;Z\n")
    done = CliRunner().invoke(main, ["explain", "--csv", "--profile", str(rules)])
    assert done.exit_code == 0, done.output
    cells = [cell for row in csv.reader(StringIO(done.output)) for cell in row]
    assert [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))] == []
    assert [cell for cell in cells if cell.startswith("'=cmd|")]


@pytest.mark.parametrize("command", ["explain", "reidentify"])
def test_the_help_says_so(command: str) -> None:
    shown = CliRunner().invoke(main, [command, "--help"]).output
    assert HELP in " ".join(shown.split())
