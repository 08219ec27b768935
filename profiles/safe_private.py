"""Safe private attributes (PS3.15 E.3.10): known by creator, group and element byte, never by their block."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from functools import cache
from io import StringIO

from .custom import read_source
from .errors import ProfileError
from .tables import read_rows

#: (private creator, group, low byte of the element)
PrivateKey = tuple[str, int, int]
#: a safe attribute and its VR, ``""`` where the list has none
SafeAttribute = tuple[PrivateKey, str]

_TAG = re.compile(r"\(?([0-9a-f]{4}),?xx([0-9a-f]{2})\)?", re.IGNORECASE)
_VR = re.compile(r"([A-Z]{2}(/[A-Z]{2})*)?")


@cache
def safe_private() -> dict[PrivateKey, str]:
    """Return Table E.3.10-1: safe private attributes and their VRs."""
    return {_key(row): row["vr"] for row in read_rows("safe_private.csv")}


def _key(row: dict[str, str]) -> PrivateKey:
    found = _TAG.fullmatch(row["tag"])
    if found is None or not int(found[1], 16) & 1:
        raise ValueError("not a private tag")
    return row["private_creator"].strip(), int(found[1], 16), int(found[2], 16)


def read_safe_private(source: str | os.PathLike[str]) -> tuple[SafeAttribute, ...]:
    """Return more safe attributes from a CSV file with the columns ``private_creator``, ``tag`` (``gggg,xxee``) and ``vr``.

    Raises:
        ProfileError: the file can't be read, or what is wrong in which line.
    """
    text, name = read_source(source)
    lines = csv.DictReader(StringIO(text))
    try:
        return tuple(_read(lines, name))
    except csv.Error:
        raise ProfileError(f"{name} line {lines.line_num}: this is no CSV") from None


def _read(lines: csv.DictReader[str], name: str) -> Iterator[SafeAttribute]:
    if not {"private_creator", "tag"} <= set(lines.fieldnames or ()):
        raise ProfileError(f"{name}: the columns private_creator, tag and vr are needed")
    for row in lines:
        where = f"{name} line {lines.line_num}"
        try:
            key = _key(row)
        except (ValueError, TypeError, AttributeError):
            raise ProfileError(f"{where}: a private tag is written as 0019,xx0c, its creator beside it") from None
        vr = (row.get("vr") or "").strip().upper()
        if not key[0] or not _VR.fullmatch(vr):
            raise ProfileError(f"{where}: a private creator is needed, and a VR or nothing")
        yield key, vr
