"""The data dictionary (PS3.6): standard attributes by tag, repeating groups, and registered UIDs; read once per process.

A table of the project's own: what is done to an attribute doesn't depend on which pydicom is installed, and pydicom, whose
import takes longer than the de-identification of a thousand images, is loaded only where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple

from .tables import parse_tag, read_lines, tag_and_mask


class DictionaryEntry(NamedTuple):
    """An attribute of PS3.6 section 6 or 7.

    Attributes:
        keyword: ``""`` for some that are retired.
        vr: also ``US or SS`` and the like.
        vm: the value multiplicity, as ``1``, ``1-n`` or ``2-2n``.
        retired: no longer in the standard's care.
    """

    keyword: str
    vr: str
    vm: str
    retired: bool = False

    @classmethod
    def of_line(cls, keyword: str, vr: str, vm: str, retired: str) -> DictionaryEntry:
        """Return the attribute of a table's line."""
        return cls(keyword, vr, vm, retired == "Y")


class RepeatingEntry(NamedTuple):
    """Attributes of a repeating group, or that repeat within one (PS3.5 7.6).

    Attributes:
        tag, mask: those whose digits are ``tag``'s where ``mask`` has bits; only even groups are meant.
        entry: what all of them are.
    """

    tag: int
    mask: int
    entry: DictionaryEntry

    @property
    def text(self) -> str:
        """The tag with x for digits that vary, ``(60xx,3000)``."""
        digits = "".join(digit if free == "f" else "x" for digit, free in zip(f"{self.tag:08x}", f"{self.mask:08x}", strict=True))
        return f"({digits[:4]},{digits[4:]})"


@cache
def dictionary() -> dict[int, DictionaryEntry]:
    """Return the attributes with a tag of their own."""
    return {parse_tag(tag): DictionaryEntry.of_line(*entry) for tag, *entry in islice(read_lines("dictionary.csv"), 1, None)}


@cache
def repeating() -> tuple[RepeatingEntry, ...]:
    """Return the attributes that repeat."""
    found = []
    for text, *entry in islice(read_lines("repeating.csv"), 1, None):
        tag, mask = tag_and_mask(text[1:5] + text[6:10])
        found.append(RepeatingEntry(tag, mask | 0x10000, DictionaryEntry.of_line(*entry)))
    return tuple(found)


def entry_of(tag: int) -> DictionaryEntry | None:
    """Return the attribute ``tag``, repeating or not; None: the standard has none."""
    found = dictionary().get(tag)
    if found is None and not tag & 0x10000:
        found = next((row.entry for row in repeating() if tag & row.mask == row.tag), None)
    return found


@cache
def tags() -> dict[str, int]:
    """Return keyword -> tag of the attributes with a tag of their own."""
    return {entry.keyword: tag for tag, entry in dictionary().items() if entry.keyword}


@cache
def vrs() -> frozenset[str]:
    """Return the value representations (PS3.5 6.2)."""
    # delimiters have none
    return frozenset({"UN", *(vr for entry in dictionary().values() for vr in entry.vr.split(" or "))} - {"NONE"})


@cache
def registered_uids() -> dict[str, str]:
    """Return the UIDs of PS3.6 Annex A -> their UID types: ``SOP Class``, ``Transfer Syntax``, ..."""
    return {uid: kind for uid, kind, _ in _uids()}


@cache
def uids_by_keyword() -> dict[str, str]:
    """Return keyword -> UID, such as ``CTImageStorage``."""
    return {keyword: uid for uid, _, keyword in _uids() if keyword}


def _uids() -> Iterator[list[str]]:
    return islice(read_lines("uids.csv"), 1, None)
