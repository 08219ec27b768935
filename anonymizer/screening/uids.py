"""Original UIDs: a UID-shaped string of the output must be none of the input's."""

from __future__ import annotations

import re
from collections.abc import Collection

from profiles import attribute_vr

from ..dicom.encoding import Encoding
from ..identity.uids import is_well_known

_DIGITS = frozenset(b"0123456789")
_OF_UIDS = frozenset(b"0123456789.\\")
#: from the first dot on, for which the search needn't try each digit
_SHAPED = re.compile(rb"\.[0-9.]{5,}\.[0-9]+")
#: dots of a UID; versions have fewer
_DOTS = 4


def uid_shaped(content: bytes) -> set[bytes]:
    """The strings in ``content`` that are formed like UIDs (PS3.5 9.1), but for those of PS3.6 Annex A."""
    found = set()
    for match in _SHAPED.finditer(content):
        start, end = match.span()
        while start and content[start - 1] in _DIGITS:
            start -= 1
        uid = content[start:end]
        if uid.count(b".") >= _DOTS and not is_well_known(uid):
            found.add(uid)
    return found


def uids_left(content: bytes, new: Collection[bytes]) -> set[bytes]:
    """UID-shaped strings of an output that aren't new.

    Args:
        new: the UIDs that took the place of originals.
    """
    found = uid_shaped(content)
    found.difference_update(new)
    return found


def stands_as_uid(uid: bytes, source: bytes, encoding: Encoding) -> bool:
    """Whether ``uid`` is a value, or one of several, of an attribute of VR UI in ``source``."""
    for match in re.finditer(rb"(?<![0-9.])" + re.escape(uid) + rb"(?![0-9.])", source):
        start = match.start()
        while start and source[start - 1] in _OF_UIDS:
            start -= 1
        # the last byte of a length may look like a digit
        for at in range(start, match.start() + 1):
            if encoding.explicit:
                if source[max(at - 4, 0) : at - 2] == b"UI":
                    return True
            elif at >= 8:
                group, element, _ = encoding.header.unpack_from(source, at - 8)
                if attribute_vr(group << 16 | element) == "UI":
                    return True
    return False
