"""The attributes that say what was done: (0012,0062), (0012,0063), (0012,0064) and (0028,0303) (PS3.15 E.1.1, E.2, E.3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from profiles import STAMPED, ConfidentialityProfile

from ..dicom.encoding import Encoding, encode_value, pad_text
from ..dicom.quiet_pydicom import silence
from ..dicom.tags import METHOD
from ..errors import DeidentificationError, Reason

if TYPE_CHECKING:
    from pydicom import Dataset

_IDENTITY_REMOVED, _METHOD, _METHOD_CODES, _LONGITUDINAL = STAMPED
_NO_MORE = 0x1_0000_0000
#: code of the Basic Application Confidentiality Profile (PS3.16 CID 7050)
_BASIC = "113100", "DCM"
#: bytes of earlier codes: some hundreds of them. pydicom takes many times as much memory as they do
_LONGEST = 64 << 10
#: an earlier de-identification can't be undone: what it took out of the dates stays out
_TEMPORAL_LOSS = ("UNMODIFIED", "MODIFIED", "REMOVED")


class Stamping:
    """What the objects of one profile will say of themselves.

    Attributes:
        profile: the profile.
        identity_removed: whether PatientIdentityRemoved is YES. Where it is NO, the Basic Profile isn't claimed.
    """

    def __init__(self, profile: ConfidentialityProfile, *, identity_removed: bool = True) -> None:
        self.profile = profile
        self.identity_removed = identity_removed
        self._constants: dict[Encoding, dict[int, bytes]] = {}

    def constants(self, encoding: Encoding) -> dict[int, bytes]:
        """The stamps of objects that no earlier de-identification has left any, by tag; empty for one that they don't have."""
        found = self._constants.get(encoding)
        if found is None:
            codes = self.codes()
            found = self._constants[encoding] = {
                _IDENTITY_REMOVED: encode_value(_IDENTITY_REMOVED, "CS", "YES" if self.identity_removed else "NO", encoding),
                _METHOD: encode_value(_METHOD, "LO", METHOD.decode(), encoding),
                # an empty sequence would be none that the standard allows
                _METHOD_CODES: encode_value(_METHOD_CODES, "SQ", codes, encoding) if codes else b"",
                _LONGITUDINAL: encode_value(_LONGITUDINAL, "CS", self.profile.longitudinal, encoding),
            }
        return found

    def codes(self) -> list[dict[str, Any]]:
        """The items of DeidentificationMethodCodeSequence, keyword -> value."""
        return [
            {"CodeValue": code.code_value, "CodingSchemeDesignator": code.coding_scheme, "CodeMeaning": code.code_meaning}
            for code in self.profile.method_codes
            if self.identity_removed or (code.code_value, code.coding_scheme) != _BASIC
        ]


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

    def take(self, tag: int, stamping: Stamping, encoding: Encoding) -> list[bytes]:
        """The elements that stand before ``tag`` and were not yet taken, in order."""
        taken: list[bytes] = []
        constants = stamping.constants(encoding)
        while self.next_tag < tag:
            taken.append(self._with_earlier(self.next_tag, stamping, encoding) or constants[self.next_tag])
            self._index += 1
            self.next_tag = STAMPED[self._index] if self._index < len(STAMPED) else _NO_MORE
        return taken

    def _with_earlier(self, tag: int, stamping: Stamping, encoding: Encoding) -> bytes | None:
        """The element, if what an earlier de-identification left has a say in it."""
        if tag == _METHOD and self._methods:
            methods = self._methods.split(b"\\")
            value = b"\\".join(methods if METHOD in methods else [*methods, METHOD])
            return encoding.element(tag, "LO", pad_text(value))
        if tag == _METHOD_CODES and self._codes:
            return _merged_codes(*self._codes, stamping, encoding)
        if tag == _LONGITUDINAL and self._longitudinal:
            earlier = [value.strip().upper().decode("latin-1") for value in self._longitudinal.split(b"\\")]
            # whatever it was called, something was done to the dates
            losses = [value if value in _TEMPORAL_LOSS else "MODIFIED" for value in (*earlier, stamping.profile.longitudinal)]
            return encode_value(tag, "CS", max(losses, key=_TEMPORAL_LOSS.index), encoding)
        return None


def _merged_codes(items: bytes, inner: Encoding, stamping: Stamping, encoding: Encoding) -> bytes:
    """The earlier codes and, behind them, those that apply now and are not among them."""
    # here, for few objects were de-identified before, and pydicom's import takes long
    from ..pydicom_data_sets.datasets import encode_items, read_items

    if len(items) > _LONGEST:
        raise DeidentificationError(Reason.INVALID_ITEM, _METHOD_CODES)
    try:
        with silence():
            earlier = [(_code_of(item), item) for item in read_items(items, inner)]
            if not stamping.identity_removed:
                # whatever scheme it names: nothing else has this value
                earlier = [(code, item) for code, item in earlier if code[0].strip() != _BASIC[0]]
            present = {code for code, _ in earlier}
            added = [item for item in stamping.codes() if (item["CodeValue"], item["CodingSchemeDesignator"]) not in present]
            return encode_items(_METHOD_CODES, [item for _, item in earlier], added, encoding) if earlier or added else b""
    except Exception:
        # whatever pydicom objects to in the earlier codes: they can't be carried on
        raise DeidentificationError(Reason.INVALID_ITEM, _METHOD_CODES) from None


def _code_of(item: Dataset) -> tuple[str, str]:
    return str(item.get("CodeValue", "")), str(item.get("CodingSchemeDesignator", ""))
