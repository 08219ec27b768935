"""Values that stay and aren't what their VR says: what of them stays all the same, for nothing else could take their place."""

from __future__ import annotations

from profiles import DUMMY_TEXT, Operation, Rule, is_legal, number_before_unit

from ..errors import DeidentificationError
from ..reasons import Reason

_NUMBERS = ("DS", "IS")
#: better no object than one without: ImagerPixelSpacing, NominalScannedPixelSpacing, ImagePositionPatient,
#: ImageOrientationPatient, PixelSpacing, RescaleIntercept, RescaleSlope
_GEOMETRY = frozenset({0x00181164, 0x00182010, 0x00200032, 0x00200037, 0x00280030, 0x00281052, 0x00281053})
#: it says how pixels are to be read
_PIXEL_GROUP = 0x0028


def legal_part(rule: Rule, new: Rule, text: bytes) -> bytes | None:
    """Return what stays of an illegal value: of several terms the legal ones, of numbers that can't be missed the numbers.

    Args:
        new: the rule for the value if nothing stays.
        text: without padding.

    Returns:
        None where ``new`` is to be applied.

    Raises:
        DeidentificationError: neither is possible: any other value would say what isn't true.
    """
    parts = text.split(b"\\")
    if rule.vr == "CS":
        legal = [is_legal(rule.tag, rule.vr, part) for part in parts]
        if any(ok and part.strip() for ok, part in zip(legal, parts, strict=True)):
            return b"\\".join([part if ok else DUMMY_TEXT.encode() for ok, part in zip(legal, parts, strict=True)])
    if rule.vr in _NUMBERS and (new.operation is Operation.REPLACE or rule.tag in _GEOMETRY):
        numbers = list(map(number_before_unit, parts))
        if None in numbers:
            raise DeidentificationError(Reason.INVALID_VALUE, rule.tag)
        return b"\\".join(filter(None, numbers))
    if new.operation is Operation.REPLACE and rule.tag >> 16 == _PIXEL_GROUP:
        raise DeidentificationError(Reason.INVALID_VALUE, rule.tag)
    return None
