"""The data dictionary (PS3.6): standard attributes by tag, repeating groups, and registered UIDs; read once per process.

A table of the project's own: what is done to an attribute doesn't depend on which pydicom is installed, and pydicom, whose
import takes longer than the de-identification of a thousand images, is loaded only where it is needed.
"""

from __future__ import annotations

import csv
from functools import cache
from typing import NamedTuple

from .tables import DATA, parse_tag


class DictionaryEntry(NamedTuple):
    """An attribute of PS3.6 section 6 or 7.

    Attributes:
        keyword: ``""`` for some that are retired.
        vr: also ``US or SS`` and the like.
        vm: the value multiplicity, as ``1``, ``1-n`` or ``2-2n``.
    """

    keyword: str
    vr: str
    vm: str


class RepeatingEntry(NamedTuple):
    """Attributes of a repeating group, or that repeat within one (PS3.5 7.6).

    Attributes:
        tag, mask: those whose digits are ``tag``'s where ``mask`` has bits; only even groups are meant.
        entry: what all of them are.
    """

    tag: int
    mask: int
    entry: DictionaryEntry


def _rows(name: str) -> list[list[str]]:
    with (DATA / name).open(newline="", encoding="ascii") as stream:
        rows = csv.reader(stream)
        next(rows)
        return list(rows)


@cache
def dictionary() -> dict[int, DictionaryEntry]:
    """The attributes with a tag of their own."""
    return {int(tag[1:5] + tag[6:10], 16): DictionaryEntry._make(entry) for tag, *entry in _rows("dictionary.csv")}


@cache
def repeating() -> tuple[RepeatingEntry, ...]:
    """The attributes that repeat."""
    found = []
    for tag, *entry in _rows("repeating.csv"):
        digits = tag[1:5] + tag[6:10]
        mask = int("".join("0" if digit == "x" else "f" for digit in digits), 16) | 0x10000
        found.append(RepeatingEntry(parse_tag(tag), mask, DictionaryEntry._make(entry)))
    return tuple(found)


def entry_of(tag: int) -> DictionaryEntry | None:
    """The attribute ``tag``, repeating or not; None: the standard has none."""
    found = dictionary().get(tag)
    if found is None and not tag & 0x10000:
        found = next((row.entry for row in repeating() if tag & row.mask == row.tag), None)
    return found


@cache
def tags() -> dict[str, int]:
    """Keyword -> tag, of the attributes with a tag of their own."""
    return {entry.keyword: tag for tag, entry in dictionary().items() if entry.keyword}


@cache
def vrs() -> frozenset[str]:
    """The value representations (PS3.5 6.2)."""
    # delimiters have none
    return frozenset({"UN", *(vr for entry in dictionary().values() for vr in entry.vr.split(" or "))} - {"NONE"})


@cache
def registered_uids() -> dict[str, str]:
    """The UIDs of PS3.6 Annex A -> what they name: ``SOP Class``, ``Transfer Syntax``, ..."""
    return dict(_rows("uids.csv"))
