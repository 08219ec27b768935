"""Attributes that identify a patient, a place or the staff: their values must stand nowhere else in an output."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache

from .dictionary import dictionary
from .tables import parse_tag, read_rows

#: no attribute that identifies somebody stands behind (PS3.6)
BEHIND_IDENTITY = 0x50000000


class IdentityKind(Enum):
    """A kind of identifying value; it decides in which forms the value is recognised elsewhere."""

    NAME = "name"
    IDENTIFIER = "id"
    PHONE = "phone"
    PLACE = "place"
    DATE = "date"


@cache
def identity_kinds() -> Mapping[int, IdentityKind]:
    """Return the kind of each identifying attribute by tag: those of ``identity_attributes.csv``, and all of VR PN."""
    names = {tag: IdentityKind.NAME for tag, entry in dictionary().items() if entry.vr == "PN"}
    return names | {parse_tag(row["tag"]): IdentityKind(row["kind"]) for row in read_rows("identity_attributes.csv")}


@cache
def identity_attributes() -> frozenset[int]:
    """Return the attributes whose words cleaned text must not repeat (PS3.15 E.3.5); numbers and dates never stay in it."""
    return frozenset(tag for tag, kind in identity_kinds().items() if kind is not IdentityKind.DATE)
