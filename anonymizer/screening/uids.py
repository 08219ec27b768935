"""Original UIDs of the input, none of which may remain in the output."""

from __future__ import annotations

import re
import struct
from collections.abc import Collection

from profiles import attribute_vr

from ..dicom.encoding import Encoding
from ..identity.uids import is_well_known

_DOT = ord(".")
_DIGITS = frozenset(b"0123456789")
#: one or several UIDs
_RUN = re.compile(rb"[0-9.\\]{9,}")
#: a UID from its first dot on, so that the search skips digits quickly; no UID is shorter
_SHAPED = re.compile(rb"\.[0-9][0-9.]{6,}")
#: text and its padding, written so that there is but one way to match
_PADDED_TEXT = re.compile(rb"[ -~]*(?:\0[\0 ]*)?")
#: minimum dots of a UID, and minimum length of a UUID-derived one (PS3.5 B.2); version numbers have fewer
_DOTS, _OF_UUID = 3, 20
_UUID_ROOT = b"2.25."


def uids_left(content: bytes, new: Collection[bytes] = ()) -> set[bytes]:
    """Return the strings in ``content`` that have the form of UIDs (PS3.5 9.1), except those of PS3.6 Annex A and new ones.

    Args:
        new: the UIDs that replaced originals.
    """
    # compared from the first dot on: objects may have thousands of UIDs, nearly all of them new
    others = set(_SHAPED.findall(content))
    others.difference_update([uid[1:] if uid[1] == _DOT else uid[uid.find(b".") :] for uid in new])
    others = {rest for rest in others if not is_well_known(b"1" + rest)}
    found: set[bytes] = set()
    for match in _SHAPED.finditer(content) if others else ():
        if match[0] not in others:
            continue
        start, end = match.span()
        while start and content[start - 1] in _DIGITS:
            start -= 1
        readings = _readings(content, start, end)
        if not any(uid in new or is_well_known(uid) for uid in readings):
            found.update(readings)
    return found


def uids_of(source: bytes, encoding: Encoding) -> set[bytes]:
    """Return the values of all attributes of VR UI in ``source``, at any nesting, except those of PS3.6 Annex A."""
    found: set[bytes] = set()
    for run in _RUN.finditer(source):
        # the first digit may be the last byte of a length
        if not any(_is_of_uid(source, start, run.end(), encoding) for start in (run.start(), run.start() + 1)):
            continue
        for match in _SHAPED.finditer(source, *run.span()):
            start, end = match.span()
            while start and source[start - 1] in _DIGITS:
                start -= 1
            readings = _readings(source, start, end)
            if not any(map(is_well_known, readings)):
                found.update(readings)
    return found


def _readings(content: bytes, start: int, end: int) -> list[bytes]:
    """Return the possible readings of a string of digits and dots that have the form of a UID.

    A digit beside a NUL may be the second byte of a length, or the first byte of the next element's group.
    """
    uids = [content[start:end].strip(b".")]
    if start and content[start - 1] == 0 and uids[0][1] in _DIGITS:
        uids.append(uids[0][1:])
    if content[end : end + 1] == b"\0" and uids[0][-2] in _DIGITS:
        uids += [uid[:-1] for uid in uids]
    return [uid for uid in uids if uid.count(b".") >= _DOTS or (uid.startswith(_UUID_ROOT) and len(uid) >= _OF_UUID)]


def _is_of_uid(source: bytes, start: int, end: int, encoding: Encoding) -> bool:
    """Return whether the value at ``start`` has VR UI, also if written as UN or in implicit VR within UN (PS3.5 6.2.2).

    Args:
        end: of its digits, dots and backslashes.
    """
    # checked for implicit VR, too: implicit data sets may have explicit items
    if source[max(start - 4, 0) : max(start - 2, 0)] == b"UI":
        return _is_whole(source, start, end, 2, encoding.little)
    if encoding.explicit and source[max(start - 8, 0) : max(start - 6, 0)] == b"UN":
        header, little = start - 12, encoding.little
    else:
        header, little = start - 8, True
    return header >= 0 and _is_uid_attribute(source, header, little) and _is_whole(source, start, end, 4, little)


def _is_whole(source: bytes, start: int, end: int, size: int, little: bool) -> bool:
    """Return whether a value is text to its end: the beginning of an element may stand in a binary value.

    Args:
        size: of the length that stands before the value, in bytes.
    """
    stop = start + int.from_bytes(source[start - size : start], "little" if little else "big")
    return stop <= len(source) and _PADDED_TEXT.fullmatch(source, min(end, stop), stop) is not None


def _is_uid_attribute(source: bytes, position: int, little: bool) -> bool:
    group, element = struct.unpack_from("<HH" if little else ">HH", source, position)
    return attribute_vr(group << 16 | element) == "UI"
