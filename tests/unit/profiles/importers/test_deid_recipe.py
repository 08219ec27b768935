"""Recipes of deid: what their labels mean, compared with what the package itself does where it is at hand."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import (
    Outcome,
    PixelRules,
    PixelSizeError,
    ProfileError,
    Rectangle,
    decide,
    lint_pixel_rules,
    read_pixel_rules,
    tags,
)
from profiles.importers import read_deid_recipe
from tests.support.running import budget

SIZE = "equals Rows 480\n+ equals Columns 640\n"
OBJECT = {"Modality": "CT", "Manufacturer": "ACME Medical+", "ImageType": ["DERIVED", "SECONDARY"], "SeriesNumber": "12"}


def values(**changes: Any) -> dict[int, tuple[str, ...]]:
    given = {**OBJECT, **changes}
    return {tags()[key]: tuple(value) if isinstance(value, list) else (str(value),) for key, value in given.items()}


def recipe(text: str, *accept: str) -> PixelRules:
    stream = io.StringIO("FORMAT dicom\n" + text)
    stream.name = "deid.site"  # type: ignore[misc]
    return PixelRules((read_pixel_rules(stream, accept),))


def findings(text: str) -> list[tuple[str, str, int]]:
    stream = io.StringIO("FORMAT dicom\n" + text)
    stream.name = "deid.site"  # type: ignore[misc]
    return [(finding.kind, finding.rule, finding.line) for finding in lint_pixel_rules(stream)]


def matching(criteria: str, **changes: Any) -> bool:
    text = f"%filter graylist\nLABEL one # somebody\n{criteria}\n  coordinates all\n"
    return bool(recipe(text).match(values(**changes), 480, 640))


@pytest.mark.parametrize(
    "criteria",
    [
        "contains Modality ct",
        "contains Modality CT|MR",
        "equals Modality ct",
        "contains Manufacturer medical+",
        "contains Manufacturer ^acme",
        "contains ImageType SECOND",
        "contains ImageType DERIVED.*SECONDARY",
        "notcontains ImageType ORIGINAL",
        "notcontains StationName X",
        "notequals ImageType DERIVED",
        "notequals StationName X",
        "missing StationName",
        "empty StationName",
        "present Modality",
        "contains 0x00080060 CT",
        "contains SeriesNumber 1",
        "equals SeriesNumber 12",
        "contains Modality MR || contains ImageType DERIVED",
        "contains Modality MR || contains ImageType DERIVED + contains Manufacturer acme",
        "contains Modality CT\n+ contains Manufacturer ACME",
        "contains Modality CT\ncontains Manufacturer ACME",
        "contains Modality MR\n|| contains Manufacturer ACME",
        "# nothing\ncontains Modality CT\n+ # nothing\n",
        "CONTAINS Modality CT",
    ],
)
def test_what_matches(criteria: str) -> None:
    assert matching(criteria)


@pytest.mark.parametrize(
    "criteria",
    [
        "contains Modality MR",
        "contains StationName X",
        "equals ImageType DERIVED",
        "contains Modality CT\n+ contains Manufacturer Other",
        "contains Modality CT\ncontains Manufacturer Other",
        "contains Modality MR || contains ImageType DERIVED + contains Manufacturer other",
        "missing Modality",
        "present StationName",
        "notcontains Modality C.",
    ],
)
def test_what_does_not_match(criteria: str) -> None:
    assert not matching(criteria)


def test_rectangles_are_half_open_and_cut_off() -> None:
    text = (
        f"%filter graylist\nLABEL one\n{SIZE}coordinates 10,20,30,40\n ctpcoordinates 100,0,50,10\ncoordinates 600,470, 700,500"
    )
    assert recipe(text).match({}, 480, 640)[0].rectangles == (
        Rectangle(100, 0, 150, 10),
        Rectangle(10, 20, 30, 40),
        Rectangle(600, 470, 640, 480),
    )


def test_areas_apply_in_their_order_within_and_across_labels() -> None:
    text = f"%filter graylist\nLABEL a\n{SIZE}coordinates all\nkeepcoordinates 0,10,640,480\ncoordinates 0,470,640,480\n"
    later = f"LABEL b\n{SIZE}keepcoordinates 0,0,640,5\n"
    assert recipe(text).match({}, 480, 640)[0].rectangles == (Rectangle(0, 0, 640, 10), Rectangle(0, 470, 640, 480))
    matches = recipe(text + later).match({}, 480, 640)
    assert [match.rectangles for match in matches] == [(Rectangle(0, 5, 640, 10), Rectangle(0, 470, 640, 480)), ()]


def test_filters_have_their_outcomes() -> None:
    text = """
    %filter whitelist
    LABEL fine
    contains Modality CT
    %filter blacklist
    LABEL bad
    contains Modality MR
    coordinates 0,0,9,9
    %filter graylist
    LABEL to clean
    contains Modality US
    coordinates all
    LABEL flag only
    contains Modality XA
    %filter Own List!
    LABEL with coordinates
    contains Modality CR
    coordinates all
    LABEL without
    contains Modality DX
    %header
    REMOVE PatientName
    LABEL nothing
    """
    found = recipe(text)
    assert [rule.name for rule in found.rules] == [
        "deid-whitelist-0001",
        "deid-blacklist-0001",
        "deid-graylist-0001",
        "deid-graylist-0002",
        "deid-own-list-0001",
        "deid-own-list-0002",
    ]
    outcomes = {"CT": Outcome.KEEP, "MR": Outcome.QUARANTINE, "US": Outcome.CLEAN, "XA": None, "CR": Outcome.CLEAN}
    for modality, outcome in {**outcomes, "DX": Outcome.QUARANTINE, "PT": None}.items():
        assert decide(found.match(values(Modality=modality), 480, 640)) is outcome


@pytest.mark.parametrize(
    "lines",
    [
        "contains Nonsense X",
        "contains 0x00291010 X",
        "contains RequestAttributesSequence X",
        "contains TransferSyntaxUID 1.2",
        "contains Modality",
        "equal Modality CT",
        "contains Modality (?!CT)",
        "contains Modality \\S+",
        "contains Modality CT # somebody",
        "contains Modality C)(T",
        "contains X AS+ || contains Modality b",
        "coordinates 0,0,5",
        "coordinates 0,0,5,x",
        "coordinates 5,0,5,5",
        "coordinates -5,0,0,5",
        "coordinates from:SequenceOfUltrasoundRegions",
        "keepcoordinates from:Modality",
        "",
    ],
)
def test_what_cannot_be_taken_over_must_be_accepted_and_is_then_left_out(lines: str) -> None:
    text = f"%filter graylist\nLABEL one\n{lines}\nLABEL two\n{SIZE}coordinates 0,0,5,5\n"
    assert findings(text)[0] == ("untranslated", "deid-graylist-0001", 3)
    with pytest.raises(ProfileError, match=r"^deid\.site line 3: deid-graylist-0001: untranslated: "):
        recipe(text)
    assert [rule.name for rule in recipe(text, "deid-graylist-0001").rules] == ["deid-graylist-0002"]


def test_rectangles_for_any_size_must_be_accepted() -> None:
    text = "%filter graylist\nLABEL one\ncontains Modality CT\n+ equals Rows 480\ncoordinates 0,0,900,10\n"
    assert findings(text) == [("unguarded-size", "deid-graylist-0001", 3)]
    assert recipe(text, "deid-graylist-0001").match(values(), 480, 640)[0].rectangles == (Rectangle(0, 0, 640, 10),)


@pytest.mark.parametrize(
    "lines",
    [
        "contains Modality MR\n|| contains Modality CT\ncoordinates all",
        "missing StationName || contains Modality MR\ncoordinates all",
        f"{SIZE}ctpcoordinates -10,0,10,5",
        "present Modality\ncoordinates all",
        "present SequenceOfUltrasoundRegions\nkeepcoordinates from:SequenceOfUltrasoundRegions",
    ],
)
def test_what_is_read_otherwise_than_the_code_does_is_told(lines: str) -> None:
    found = findings(f"%filter graylist\nLABEL one\n{lines}\n")
    assert ("reading", "deid-graylist-0001", 3) in found
    recipe(f"%filter graylist\nLABEL one\n{lines}\n")


@pytest.mark.parametrize("lines", ["contains Modality MR\n|| contains Modality CT", "missing StationName", "present Modality"])
def test_nothing_is_kept_on_a_reading_that_is_not_the_packages(lines: str) -> None:
    text = f"%filter whitelist\nLABEL one\n{lines}\n"
    assert findings(text)[0] == ("untranslated", "deid-whitelist-0001", 3)
    with pytest.raises(ProfileError, match="untranslated"):
        recipe(text)


def test_the_name_deid_is_the_installed_packages_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("deid") is None:
        with pytest.raises(ProfileError, match=r"the Python package of that name isn't installed; \./deid names a file"):
            read_pixel_rules("deid")
    folder = tmp_path / "deid" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "deid" / "__init__.py").write_text("raise RuntimeError('nothing of it is run')")
    (folder / "deid.dicom").write_text(f"FORMAT dicom\n%filter graylist\nLABEL a\n{SIZE}coordinates 0,0,5,5\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [rule.name for rule in read_pixel_rules("deid").rules] == ["deid-graylist-0001"]


WORDS = [
    "FORMAT dicom",
    "%filter graylist",
    "%filter",
    "% x",
    "LABEL a",
    "LABEL",
    "contains",
    "Modality",
    "CT",
    "+",
    "||",
    "\n",
    " ",
]
WORDS += [
    "coordinates",
    "keepcoordinates",
    "all",
    "0,0,5,5",
    "-5,0,0,9",
    "from:",
    "missing",
    "(",
    "[",
    "#",
    "0x00080060",
    "é",
    "\r\n",
]


@budget(500)
@given(st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join))
def test_any_text_is_read_or_its_rules_are_refused(text: str) -> None:
    drafts = list(read_deid_recipe(text))
    with contextlib.suppress(ProfileError):
        found = recipe(text, *(draft.name for draft in drafts))
        found.match(values(), 480, 640)
    assert len({draft.name for draft in drafts}) == len(drafts)


# -- the package itself ----------------------------------------------------------------------------------------------

ROWS, COLUMNS = 12, 16
FIELDS = ["Modality", "Manufacturer", "ImageType", "StationName", "SeriesNumber"]
PATTERNS = ["CT", "acme", "DERIVED|ORIGINAL", "medical+", "S.*Y", "1", "[a-c]t", "AS+", "x"]


def random_criterion(chance: random.Random, *, wild: bool) -> str:
    field = chance.choice(FIELDS)
    verbs = ["contains", "contains", "equals", "notcontains", "notequals"] + ["missing", "present", "empty"] * wild
    verb = chance.choice(verbs)
    return f"{verb} {field} {chance.choice(PATTERNS)}" if verb.endswith(("contains", "equals")) else f"{verb} {field}"


def random_coordinates(chance: random.Random, *, wild: bool) -> str:
    verb = chance.choice(["coordinates", "coordinates", "keepcoordinates", "ctpcoordinates"])
    if chance.random() < 0.2:
        return f"{verb} all"
    if wild:
        return f"{verb} {','.join(str(chance.randint(-4, 15)) for _ in range(4))}"
    x0, y0 = chance.randint(0, COLUMNS - 2), chance.randint(0, ROWS - 2)
    if verb == "ctpcoordinates":
        # beyond the edge it is cut off
        return f"{verb} {x0},{y0},{chance.randint(1, 20)},{chance.randint(1, 20)}"
    sides = [x0, y0, chance.randint(x0 + 1, COLUMNS + 3), chance.randint(y0 + 1, ROWS + 3)]
    for place, size in ((0, COLUMNS), (1, ROWS), (2, COLUMNS), (3, ROWS)):
        if sides[place] < size and chance.random() < 0.2:
            sides[place] -= size
    return f"{verb} {', '.join(map(str, sides))}"


def random_recipe(chance: random.Random) -> str:
    wild = chance.random() < 0.2
    lines = ["FORMAT dicom"]
    for section in chance.sample(["graylist", "blacklist", "whitelist", "mine"], chance.randint(1, 3)):
        lines.append(f"%filter {section}")
        for _ in range(chance.randint(1, 3)):
            lines.append("LABEL one # two")
            criteria = chance.randint(1, 3)
            for number in range(criteria):
                sign = chance.choice(["+ ", "", "|| " if wild else "+ "]) if number else ""
                parts = [random_criterion(chance, wild=wild) for _ in range(chance.choice([1, 1, 2, 3]))]
                lines.append(
                    sign + "".join(f"{part.rstrip('+')} {chance.choice(['+', '||'])} " for part in parts[:-1]) + parts[-1]
                )
            lines += (random_coordinates(chance, wild=wild) for _ in range(chance.randint(0, 3)))
    return "\n".join(lines) + "\n"


def random_object(chance: random.Random) -> dict[str, Any]:
    choices: dict[str, list[Any]] = {
        "Modality": ["CT", "MR"],
        "Manufacturer": ["ACME Medical+", "Other AS", "x"],
        "ImageType": [["DERIVED", "SECONDARY"], ["ORIGINAL", "PRIMARY", "AXIAL"], "DERIVED"],
        "StationName": ["X", "CT1"],
        "SeriesNumber": ["1", "12"],
    }
    return {key: chance.choice(options) for key, options in choices.items() if chance.random() < 0.8}


def interpreter() -> str:
    """An interpreter with the package: this one, or that of DEID_PYTHON."""
    if given := os.environ.get("DEID_PYTHON"):
        return given
    if importlib.util.find_spec("deid") is None:
        pytest.skip("the package deid isn't installed, and DEID_PYTHON names no interpreter that has it")
    return sys.executable


def test_the_package_does_the_same() -> None:
    chance = random.Random(25)
    cases = [
        {"recipe": random_recipe(chance), "object": random_object(chance), "rows": ROWS, "columns": COLUMNS} for _ in range(1500)
    ]
    oracle = Path(__file__).parents[3] / "support" / "deid_oracle.py"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [interpreter(), str(oracle)], input=json.dumps(cases), capture_output=True, text=True, check=True, env=environment
    )
    counts = {"same": 0, "read otherwise": 0, "refused": 0, "the package fails": 0}
    for case, expected in zip(cases, json.loads(done.stdout), strict=True):
        counts[compared(case, expected)] += 1
    print(counts)
    assert counts["same"] > 500 and counts["read otherwise"] > 20


def compared(case: dict[str, Any], expected: dict[str, Any]) -> str:
    source = read_pixel_rules(io.StringIO(case["recipe"]), [draft.name for draft in read_deid_recipe(case["recipe"])])
    if any(finding.kind == "untranslated" for finding in source.findings):
        return "refused"
    rules = PixelRules((source,))
    given = {tags()[key]: tuple(value) if isinstance(value, list) else (value,) for key, value in case["object"].items()}
    try:
        matches = rules.match(given, ROWS, COLUMNS)
    except PixelSizeError:
        return "refused"
    if "error" in expected:
        return "the package fails"
    blanked = [[0] * COLUMNS for _ in range(ROWS)]
    for match in matches:
        for x0, y0, x1, y1 in match.rectangles:
            for y in range(y0, y1):
                blanked[y][x0:x1] = [1] * (x1 - x0)
    theirs = [[1 - kept for kept in line] for line in expected["mask"]]
    names = [match.rule.split("-")[1] for match in matches]
    if not any(finding.kind == "reading" for finding in source.findings):
        assert names == expected["filters"], case
        # nothing is blanked by labels of a blacklist, for their objects are refused
        assert blanked == theirs or "blacklist" in names, (case, expected)
        return "same"
    if "not" not in case["recipe"] and "keep" not in case["recipe"] and "blacklist" not in case["recipe"]:
        assert all(own >= other for lines in zip(blanked, theirs, strict=True) for own, other in zip(*lines, strict=True)), case
    return "read otherwise"
