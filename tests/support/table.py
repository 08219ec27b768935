"""What PS3.15 asks for, read from the tables with plain csv: none of it comes from the code under test."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path

_DATA = Path(__file__).resolve().parents[2] / "profiles" / "data"

#: the columns of Table E.1-1, as the public API calls them
OPTIONS = (
    "RetainSafePrivate",
    "RetainUIDs",
    "RetainDeviceIdent",
    "RetainInstitutionIdent",
    "RetainPatientChars",
    "RetainLongFullDates",
    "RetainLongModifDates",
    "CleanDesc",
    "CleanStructdCont",
    "CleanGraph",
)
_DATES = ("DA", "DT", "TM")
_MOVED = "RetainLongModifDates"
_EXCLUDE_EACH_OTHER = {"RetainLongFullDates", "RetainLongModifDates"}

Combination = tuple[str, ...]
TagPath = tuple[int, ...]

_STRICTEST_FIRST = ("1", "1C", "2", "2C", "3")
#: compound code -> what it comes to where the attribute is of type 1, 2, 3, and where the IOD is unknown
_COMPOUND = {
    "X/Z": "DZXZ",
    "X/D": "DZXD",
    "X/Z/D": "DZXD",
    "Z/D": "DZZD",
    "X/Z/U*": "UUXU",
}


def option_sets() -> list[Combination]:
    """No option, each alone, and all pairs but the two that exclude each other."""
    pairs = [pair for pair in combinations(OPTIONS, 2) if set(pair) != _EXCLUDE_EACH_OTHER]
    return [(), *((option,) for option in OPTIONS), *pairs]


def name_of(options: Combination) -> str:
    """A test's name for a combination."""
    return "+".join(options) or "Basic"


@dataclass(frozen=True)
class Row:
    """A row of Table E.1-1.

    Attributes:
        tag: of a repeating group, its first; 0 for the row of all private attributes.
        codes: option -> K or C, where the option changes anything.
    """

    tag: int
    keyword: str
    vr: str
    basic: str
    codes: dict[str, str] = field(hash=False)

    def code(self, options: Iterable[str]) -> tuple[str, str]:
        """The code under ``options``, and the options it comes from.

        What one option keeps another doesn't clean, but for dates: a true one among shifted ones tells by how much they were.
        """
        by_option = {option: self.codes[option] for option in options if option in self.codes}
        if _MOVED in by_option and self.keyword in shared_keywords():
            return self.basic, ""
        for code in ("C", "K") if self.vr in _DATES else ("K", "C"):
            if found := [option for option, its_code in by_option.items() if its_code == code]:
                return code, "+".join(found)
        return self.basic, ""


@cache
def shared_dates() -> list[dict[str, str]]:
    """What this project thinks of dates that may be shared by patients."""
    with (_DATA / "shared_dates.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@cache
def shared_keywords() -> frozenset[str]:
    """Those that are: keywords, and concepts as ``113723 DCM``."""
    return frozenset(row["keyword"] for row in shared_dates() if row["whose"] != "patient")


@cache
def rows() -> tuple[Row, ...]:
    """Table E.1-1, in its order."""
    read = []
    with (_DATA / "e1_1.csv").open(newline="") as stream:
        for line in csv.DictReader(stream):
            digits = line["tag"].strip("()").replace(",", "").replace("x", "0")
            codes = {option: line[option] for option in OPTIONS if line[option]}
            read.append(Row(0 if "g" in digits else int(digits, 16), line["keyword"], line["vr"], line["BasicProfile"], codes))
    return tuple(read)


@cache
def attribute_rows() -> dict[int, Row]:
    """The rows of single attributes of data sets: no commands, file meta, directories, curves, overlays or private attributes."""
    return {row.tag: row for row in rows() if row.tag >> 16 >= 8 and row.tag >> 24 not in (0x50, 0x60)}


@cache
def types_of(sop_class: str) -> dict[TagPath, str] | None:
    """The type of each attribute that PS3.3 requires in objects of ``sop_class``, by path; None for a class of an unknown IOD."""
    with (_DATA / "iods.csv").open(newline="") as stream:
        iods = {line["sop_class_uid"]: line["modules"] for line in csv.DictReader(stream)}
    if sop_class not in iods:
        return None
    modules = {name.split("/")[0] for name in iods[sop_class].split()}
    types: dict[TagPath, str] = {}
    with (_DATA / "iod_types.csv").open(newline="") as stream:
        for line in csv.DictReader(stream):
            if line["module"] in modules:
                path = tuple(int(part.strip("()").replace(",", "").replace("x", "0"), 16) for part in line["path"].split(">"))
                types[path] = min(line["type"], types.get(path, "3"), key=_STRICTEST_FIRST.index)
    return types


def resolved(code: str, attribute_type: str | None) -> str:
    """The one letter that ``code`` comes to for an attribute of ``attribute_type`` (PS3.15 E.1.1: the IOD stays intact)."""
    column = 3 if attribute_type is None else "123".index(attribute_type[0])
    if code in _COMPOUND:
        return _COMPOUND[code][column]
    if attribute_type == "1" and code in ("X", "Z"):
        return "D"
    if attribute_type == "1C" and code == "Z":
        return "D"
    if column == 1 and code == "X":
        return "Z"
    return code


@dataclass(frozen=True)
class ConceptRow:
    """A row of Table E.3.4-1: a content item of structured reports, by concept name and value type."""

    code_value: str
    scheme: str
    retired_code: str
    value_type: str
    meaning: str
    basic: str
    codes: dict[str, str] = field(hash=False)

    def code(self, options: Iterable[str]) -> tuple[str, str]:
        """The code under ``options``, and the options it comes from: no row is both kept and cleaned."""
        return Row(0, f"{self.code_value} {self.scheme}", "", self.basic, self.codes).code(options)


@cache
def concept_rows() -> tuple[ConceptRow, ...]:
    """Table E.3.4-1."""
    with (_DATA / "e3_4_1.csv").open(newline="") as stream:
        return tuple(
            ConceptRow(
                line["code_value"],
                line["coding_scheme"],
                line["retired_code"],
                line["value_type"],
                line["code_meaning"],
                line["BasicProfile"],
                {option: line[option] for option in OPTIONS if line[option]},
            )
            for line in csv.DictReader(stream)
        )


@dataclass(frozen=True)
class SafeRow:
    """A row of Table E.3.10-1: a private attribute that is known to be safe."""

    creator: str
    group: int
    element: int
    vr: str


@cache
def safe_rows() -> tuple[SafeRow, ...]:
    """Table E.3.10-1."""
    with (_DATA / "safe_private.csv").open(newline="") as stream:
        return tuple(
            SafeRow(line["private_creator"], int(line["tag"][1:5], 16), int(line["tag"][-3:-1], 16), line["vr"])
            for line in csv.DictReader(stream)
        )
