"""The attributes that say what was done: (0012,0062), (0012,0063), (0012,0064) and (0028,0303) (PS3.15 E.1.1, E.2, E.3.6)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from profiles import EDITION, STAMPED, ConfidentialityProfile

from .encoding import Encoding, encode_value, pad_text
from .errors import DeidentificationError, Reason
from .silence import silence

METHOD = f"DICOM PS3.15 {EDITION} Annex E, by dicom-deid".encode()

_IDENTITY_REMOVED, _METHOD, _METHOD_CODES, _LONGITUDINAL = STAMPED
_NO_MORE = 0x1_0000_0000
#: bytes of earlier codes: some hundreds of them. pydicom takes many times as much memory as they do
_LONGEST = 64 << 10
#: an earlier de-identification can't be undone: what it took out of the dates stays out
_TEMPORAL_LOSS = ("UNMODIFIED", "MODIFIED", "REMOVED")


class Stamps:
    """The stamps of one object: what an earlier de-identification left, and which are still to be written.

    Attributes:
        next_tag: the next stamp's tag; elements behind it come after it.
    """

    __slots__ = ("_codes", "_index", "_longitudinal", "_methods", "next_tag")

    def __init__(self) -> None:
        self._index = 0
        self.next_tag = STAMPED[0]
        self._methods: bytes | None = None
        self._codes: tuple[bytes, Encoding] | None = None
        self._longitudinal: bytes | None = None

    def copy(self) -> Stamps:
        """A copy to go back to."""
        twin = Stamps()
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    def found(self, tag: int, content: bytes) -> None:
        """Remember an earlier value of DeidentificationMethod or LongitudinalTemporalInformationModified."""
        if tag == _METHOD:
            self._methods = b"\\".join(filter(None, content.split(b"\\")))
        elif tag == _LONGITUDINAL:
            self._longitudinal = content

    def found_items(self, items: bytes, encoding: Encoding) -> None:
        """Remember the items of an earlier DeidentificationMethodCodeSequence (already de-identified)."""
        self._codes = (items, encoding)

    def take(self, tag: int, profile: ConfidentialityProfile, encoding: Encoding) -> list[bytes]:
        """The elements that stand before ``tag`` and were not yet taken, in order."""
        taken: list[bytes] = []
        constants = _constants(profile, encoding, profile.longitudinal)
        while self.next_tag < tag:
            taken.append(self._with_earlier(self.next_tag, profile, encoding) or constants[self.next_tag])
            self._index += 1
            self.next_tag = STAMPED[self._index] if self._index < len(STAMPED) else _NO_MORE
        return taken

    def _with_earlier(self, tag: int, profile: ConfidentialityProfile, encoding: Encoding) -> bytes | None:
        """The element, if what an earlier de-identification left has a say in it."""
        if tag == _METHOD and self._methods:
            methods = self._methods.split(b"\\")
            value = b"\\".join(methods if METHOD in methods else [*methods, METHOD])
            return encoding.element(tag, "LO", pad_text(value))
        if tag == _METHOD_CODES and self._codes:
            return _merged_codes(*self._codes, profile, encoding)
        if tag == _LONGITUDINAL and self._longitudinal:
            earlier = [value.strip().upper().decode("latin-1") for value in self._longitudinal.split(b"\\")]
            # whatever it was called, something was done to the dates
            losses = [value if value in _TEMPORAL_LOSS else "MODIFIED" for value in (*earlier, profile.longitudinal)]
            return _constants(profile, encoding, max(losses, key=_TEMPORAL_LOSS.index))[tag]
        return None


def _code_items(profile: ConfidentialityProfile) -> list[dict[str, Any]]:
    return [
        {"CodeValue": code.code_value, "CodingSchemeDesignator": code.coding_scheme, "CodeMeaning": code.code_meaning}
        for code in profile.method_codes
    ]


@lru_cache(maxsize=64)
def _constants(profile: ConfidentialityProfile, encoding: Encoding, longitudinal: str) -> dict[int, bytes]:
    return {
        _IDENTITY_REMOVED: encode_value(_IDENTITY_REMOVED, "CS", "YES", encoding),
        _METHOD: encode_value(_METHOD, "LO", METHOD.decode(), encoding),
        _METHOD_CODES: encode_value(_METHOD_CODES, "SQ", _code_items(profile), encoding),
        _LONGITUDINAL: encode_value(_LONGITUDINAL, "CS", longitudinal, encoding),
    }


def _merged_codes(items: bytes, inner: Encoding, profile: ConfidentialityProfile, encoding: Encoding) -> bytes:
    """The earlier codes and, behind them, those of ``profile`` that are not among them."""
    # here, for few objects were de-identified before, and pydicom's import takes long
    from .datasets import encode_items, read_items

    if len(items) > _LONGEST:
        raise DeidentificationError(Reason.INVALID_ITEM, _METHOD_CODES)
    try:
        with silence():
            earlier = read_items(items, inner)
            present = {(str(item.get("CodeValue", "")), str(item.get("CodingSchemeDesignator", ""))) for item in earlier}
            added = [item for item in _code_items(profile) if (item["CodeValue"], item["CodingSchemeDesignator"]) not in present]
            return encode_items(_METHOD_CODES, earlier, added, encoding)
    except Exception:
        # whatever pydicom objects to in the earlier codes: they can't be carried on
        raise DeidentificationError(Reason.INVALID_ITEM, _METHOD_CODES) from None
