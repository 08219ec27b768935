"""The tables of ``profiles/data``, read once per process."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .actions import Action
from .options import TABLE_OPTIONS, ProfileOptions

DATA = Path(__file__).parent / "data"

#: edition of PS3.15 whose Table E.1-1 is built in
EDITION = "2026d"

#: VRs whose unlisted attributes are treated as if they were listed, by type (DESIGN: policy for what the table lacks)
UNLISTED_VRS = frozenset({"PN", "AE", "DA", "TM", "DT", "ST", "LT", "UT", "UC", "UR"})

DATE_VRS = frozenset({"DA", "TM", "DT"})
#: text of any length, which CleanDesc cleans also where it is not listed
FREE_TEXT_VRS = frozenset({"ST", "LT", "UT", "UC"})
#: VRs whose retired attributes go: no edition says any more what may stand there
RETIRED_TEXT_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "PN"})
#: text that can be cleaned
CLEANABLE_VRS = FREE_TEXT_VRS | {"LO", "SH"}

#: repeating groups whose attributes are listed as a whole (PS3.5 7.6), by group & 0xFF00
CURVES, OVERLAYS = 0x5000, 0x6000


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of Table E.1-1: the Basic Profile's code and those of the options."""

    tag: str
    keyword: str
    vr: str
    basic: Action
    options: tuple[tuple[ProfileOptions, Action], ...]


@dataclass(frozen=True, slots=True)
class UnlistedRow:
    """A standard attribute that Table E.1-1 lacks and this project names, with the reason.

    Attributes:
        options: what options put in the action's place, as if the attribute were listed.
        terms: in capitals, what stays whatever the action: the terms that the standard defines or devices write.
    """

    tag: int
    keyword: str
    action: Action
    options: tuple[tuple[ProfileOptions, Action], ...]
    terms: frozenset[bytes]
    reason: str


@dataclass(frozen=True, slots=True)
class MethodCode:
    """A code of PS3.16 CID 7050 De-identification Method."""

    code_value: str
    coding_scheme: str
    code_meaning: str


def tag_text(tag: int) -> str:
    """Return a tag as text: ``0x00080018`` -> ``(0008,0018)``."""
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def parse_tag(text: str) -> int:
    """Return the tag of a text: ``(0008,0018)`` -> ``0x00080018``; of a repeating group, its first."""
    return int((text[1:5] + text[6:10]).replace("x", "0"), 16)


def tag_and_mask(digits: str) -> tuple[int, int]:
    """Return the tag of eight digits, with zeros where ``x`` stands for any digit, and a mask with bits where none does."""
    digits = digits.lower()
    return int(digits.replace("x", "0"), 16), int("".join("0" if digit == "x" else "f" for digit in digits), 16)


def read_lines(name: str) -> Iterator[list[str]]:
    """Yield the lines of a table of ``profiles/data``, its head first."""
    with (DATA / name).open(newline="", encoding="ascii") as stream:
        yield from csv.reader(stream)


@cache
def modalities() -> frozenset[str]:
    """Return the Defined Terms of Modality (PS3.3 C.7.3.1.1.1), retired ones among them."""
    return frozenset(row["modality"] for row in read_rows("modalities.csv"))


def read_rows(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a table of ``profiles/data``: column -> text."""
    lines = read_lines(name)
    head = next(lines)
    for line in lines:
        yield dict(zip(head, line, strict=True))


def option_actions(row: dict[str, str]) -> tuple[tuple[ProfileOptions, Action], ...]:
    """Return the option columns of ``row`` that are filled, in the standard's order."""
    columns = (option for option in TABLE_OPTIONS if option is not ProfileOptions.BasicProfile)
    return tuple((option, Action(row[str(option.name)])) for option in columns if row.get(str(option.name)))


@cache
def table_rows() -> tuple[TableRow, ...]:
    """Return all rows of Table E.1-1 (PS3.15, edition ``EDITION``), repeating groups and the private row included."""
    return tuple(
        TableRow(
            tag=row["tag"],
            keyword=row["keyword"],
            vr=row["vr"],
            basic=Action(row["BasicProfile"]),
            options=option_actions(row),
        )
        for row in read_rows("e1_1.csv")
    )


@cache
def listed() -> dict[int, TableRow]:
    """Return the rows of single attributes by tag: all but those of repeating groups and of the private attributes."""
    return {parse_tag(row.tag): row for row in table_rows() if "x" not in row.tag and "g" not in row.tag}


@cache
def present_with() -> dict[int, int]:
    """Return attributes that may only be present where another one is (type 1C in PS3.3): tag -> that other one."""
    return {parse_tag(row["tag"]): parse_tag(row["needs"]) for row in read_rows("present_with.csv")}


@cache
def unlisted() -> dict[int, UnlistedRow]:
    """Return the standard attributes outside Table E.1-1 that have a rule of their own."""
    rows = (
        UnlistedRow(
            tag=parse_tag(row["tag"]),
            keyword=row["keyword"],
            action=Action(row["action"]),
            options=option_actions(row),
            terms=frozenset(term.upper().encode() for term in row["terms"].split("\\") if term),
            reason=row["reason"],
        )
        for row in read_rows("unlisted.csv")
    )
    return {row.tag: row for row in rows}


@cache
def method_codes() -> dict[ProfileOptions, MethodCode]:
    """Return the CID 7050 code of the profile and of each option."""
    return {
        ProfileOptions[row["option"]]: MethodCode(row["code_value"], row["coding_scheme"], row["code_meaning"])
        for row in read_rows("cid7050.csv")
    }


@cache
def dummy_items() -> dict[str, list[dict[str, Any]]]:
    """Return dummy items of sequences whose code is D: keyword -> items as keyword -> value."""
    items: dict[str, list[dict[str, Any]]] = json.loads((DATA / "dummy_items.json").read_text(encoding="ascii"))
    return items


@cache
def shared_dates() -> dict[int, str]:
    """Return dates and times that patients share, of devices, sources, products, protocols: tag -> reason.

    Whoever knows a true one, from any patient's visit, would know from a moved one how far all other dates moved.
    """
    return {parse_tag(row["tag"]): row["reason"] for row in _shared_dates() if row["tag"]}


@cache
def shared_date_concepts() -> frozenset[tuple[str, str]]:
    """Return the concept names of content items that hold such dates: code value and coding scheme."""
    return frozenset((row["keyword"].split()[0], row["keyword"].split()[1]) for row in _shared_dates() if not row["tag"])


def _shared_dates() -> Iterator[dict[str, str]]:
    """Yield the rows of the table without those that were judged to be a patient's own."""
    return (row for row in read_rows("shared_dates.csv") if row["whose"] != "patient")


@cache
def sop_class_modules() -> dict[str, tuple[str, ...]]:
    """Return the modules of each storage SOP class's IOD (PS3.3 A.1), mandatory or not."""
    return {
        row["sop_class_uid"]: tuple(module.split("/")[0] for module in row["modules"].split()) for row in read_rows("iods.csv")
    }


@cache
def required_types() -> dict[str, dict[tuple[int, bool], str]]:
    """Return for each module: (tag, whether it stands in an item) -> the attribute's strictest type there, 1, 1C, 2 or 2C."""
    types: dict[str, dict[tuple[int, bool], str]] = {}
    # the strictest last
    for row in sorted(read_rows("required.csv"), key=lambda row: row["type"], reverse=True):
        of_module = types.setdefault(row["module"], {})
        of_module.update(((int(tag, 16), bool(row["nested"])), row["type"]) for tag in row["tags"].split())
    return types


@cache
def module_types() -> dict[str, tuple[tuple[tuple[int, ...], str], ...]]:
    """Return for each module: (path of tags, type) of the attributes whose type is 1, 1C, 2 or 2C and can change an action."""
    types: dict[str, list[tuple[tuple[int, ...], str]]] = {}
    for row in read_rows("iod_types.csv"):
        path = tuple(parse_tag(part) for part in row["path"].split(">"))
        types.setdefault(row["module"], []).append((path, row["type"]))
    return {module: tuple(rows) for module, rows in types.items()}
