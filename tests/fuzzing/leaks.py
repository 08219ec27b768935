"""Where planted identifiers are in an output, as pydicom reads it, and whether they may be there."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from io import BytesIO

import pydicom.config
from pydicom import Dataset, dcmread
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence

from profiles import ConfidentialityProfile
from tests.support.objects import BIG
from tests.support.table import attribute_rows

from .marks import fragments
from .structure import UNDEFINED, read

# a number of a wrong length stays as wrong as it was
pydicom.config.convert_wrong_length_to_UN = True
_NEVER = frozenset(["AE", "DA", "DT", "LT", "PN", "ST", "TM", "UC", "UI", "UR", "UT"])


@cache
def _unlisted() -> tuple[frozenset[int], frozenset[int]]:
    """Attributes outside of Table E.1-1 that docs/reference/attributes.md says are changed, and those that it says are kept."""
    changed, kept = set(), set()
    for row in ConfidentialityProfile().explain():
        if row.tag.strip("(),x").replace(",", "").isalnum() and "x" not in row.tag and "g" not in row.tag:
            tag = int(row.tag.strip("()").replace(",", ""), 16)
            (kept if row.action == "K" else changed).add(tag)
    return frozenset(changed), frozenset(kept - attribute_rows().keys())


@cache
def is_kept(tag: int) -> bool:
    """Whether the Basic Profile keeps the value of the attribute as it is: then a token that a mutation moved there stays."""
    changed, kept = _unlisted()
    if tag in kept:
        return True
    group = tag >> 16
    if group & 1 or group < 8 or group & 0xFF00 in (0x5000, 0x6000) or tag & 0xFFFF == 0:
        return False
    entry = DicomDictionary.get(tag)
    if entry is not None and entry[3] and entry[0] in ("LO", "SH"):
        return False
    return entry is not None and tag not in attribute_rows() and tag not in changed and entry[0].split(" ")[0] not in _NEVER


def leaves(dataset: Dataset) -> Iterator[tuple[int, bytes]]:
    """Each value at every depth, as it stands there.

    Raises:
        Exception: pydicom can't read an item.
    """
    for tag in list(dataset.keys()):
        raw = dataset.get_item(tag)
        if isinstance(raw, RawDataElement):
            entry = DicomDictionary.get(int(tag))
            is_sequence = raw.VR == "SQ" or (raw.VR in (None, "UN") and entry is not None and entry[0] == "SQ")
            if not is_sequence:
                yield int(tag), raw.value or b""
                continue
        value = dataset[tag].value
        if isinstance(value, Sequence):
            for item in value:
                yield from leaves(item)
        elif isinstance(value, bytes):
            yield int(tag), value
        elif value:
            # another VR than the dictionary's, which pydicom has taken at its word
            yield int(tag), str(value).encode("latin-1", "replace")


def leaks(output: bytes) -> tuple[list[str], int]:
    """What is wrong with an output; and how many tokens stand where values are kept, because a mutation put them there.

    The output is read to its end by pydicom, and by this room's own reader. A token counts as moved only in the value of an
    attribute that is kept: in any other one, by either reader, or in bytes that belong to no value, it is a leak.
    """
    file = read(output)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = list(leaves(dcmread(BytesIO(output))))
    except Exception as error:
        if not (file.syntax == BIG and any(place.vr == b"UN" and place.length == UNDEFINED for place in file.places)):
            return [f"pydicom can't read it: {type(error).__name__}"], 0
        # UN holds little endian whatever is around it, which pydicom doesn't read
        values = []
    total = len(fragments(file.shell)) + len(fragments(file.content))
    if not total:
        return [], 0
    found, moved = [], 0
    # pydicom makes numbers of some values
    own = [(place.tag, file.content[place.value : place.end]) for place in file.places if not place.holds_items]
    for reader in (values, own):
        counts = [(tag, len(fragments(value))) for tag, value in reader]
        moved = max(moved, sum(count for _, count in counts))
        found += [f"a token in ({tag >> 16:04x},{tag & 0xFFFF:04x})" for tag, count in counts if count and not is_kept(tag)]
    if moved < total:
        found.append("a token outside of any value")
    return found, moved
