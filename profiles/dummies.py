"""Dummy values: legal for their VR (PS3.5 6.2) and the same wherever they stand, so that all instances agree."""

from __future__ import annotations

from functools import cache
from typing import Any

from .tables import DATA
from .terms import is_enumerated

DUMMY_TEXT = "ANONYMIZED"

_BY_VR: dict[str, Any] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), DUMMY_TEXT),
    "AS": "000Y",
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "DS": "0",
    "IS": "0",
    "UR": "http://anonymized.invalid",
    **dict.fromkeys(("OB", "OW", "UN"), b"\0\0"),
    **dict.fromkeys(("OL", "OF"), b"\0" * 4),
    **dict.fromkeys(("OD", "OV"), b"\0" * 8),
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV"), 0),
    **dict.fromkeys(("FL", "FD"), 0.0),
    "AT": 0,
}

#: attributes whose legal values are narrower than their VR
_BY_KEYWORD: dict[str, Any] = {
    "TimezoneOffsetFromUTC": "+0000",
    "ReasonForTheAttributeModification": "CORRECT",
    "FrameOriginTimestamp": b"\0" * 8,
}

#: SOP class -> file with a small legal document of the class's type (PS3.3 A.45, A.85, A.98, A.104)
_DOCUMENTS = {
    "1.2.840.10008.5.1.4.1.1.104.1": "dummy.pdf",
    "1.2.840.10008.5.1.4.1.1.104.2": "dummy_cda.xml",
    "1.2.840.10008.5.1.4.1.1.104.3": "dummy.stl",
    "1.2.840.10008.5.1.4.1.1.104.4": "dummy.obj",
    "1.2.840.10008.5.1.4.1.1.104.5": "dummy.mtl",
}


#: values that have a legal dummy which breaks nothing
_HARMLESS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "PN", "CS", "AE", "UR", "DA", "TM", "DT", "AS"})
#: what says what the object is, beside group 0028: ImageType, SpecificCharacterSet, Modality
_OF_OBJECT = frozenset({0x00080008, 0x00080005, 0x00080060})
_PIXEL_GROUP = 0x0028


def has_harmless_dummy(tag: int, vr: str) -> bool:
    """Return whether a dummy in the attribute says nothing untrue of the object or its pixels."""
    return vr in _HARMLESS and tag >> 16 != _PIXEL_GROUP and tag not in _OF_OBJECT and not is_enumerated(tag)


def concrete_vr(vr: str) -> str:
    """Return one VR of ``US or SS`` or ``OB/OW``: where the data set decides, a new value may have either."""
    return vr.split(" or ")[0].split("/")[0]


@cache
def _document(name: str) -> bytes:
    content = (DATA / "documents" / name).read_bytes()
    return content + b"\0" * (len(content) % 2)


def dummy_value(keyword: str, vr: str, sop_class_uid: str) -> Any:
    """Return the dummy for an attribute: a str, bytes or number that pydicom encodes with ``vr``.

    An EncapsulatedDocument gets a small document of the type that the SOP class declares, so that viewers still open it.
    """
    if keyword == "EncapsulatedDocument" and sop_class_uid in _DOCUMENTS:
        return _document(_DOCUMENTS[sop_class_uid])
    return _BY_KEYWORD.get(keyword, _BY_VR[concrete_vr(vr)])
