"""The attributes that say what was done: (0012,0062), (0012,0063), (0012,0064) and (0028,0303) (PS3.15 E.1.1, E.2, E.3.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Flag, auto
from functools import cache
from typing import NamedTuple

from profiles import (
    BURNED_IN_ANNOTATION,
    CODE_VALUE,
    CODING_SCHEME,
    DATE_VRS,
    DERIVATION_DESCRIPTION,
    STAMPED,
    ConfidentialityProfile,
    MethodCode,
    Operation,
    Plan,
    ProfileOptions,
    Rule,
    method_codes,
)

from ..dicom.buffer import Buffer
from ..dicom.encoding import Encoding, encode_value
from ..dicom.tags import METHOD

_IDENTITY_REMOVED, _METHOD, _METHOD_CODES, _LONGITUDINAL = STAMPED
_NO_MORE = 0x1_0000_0000
_CODE = frozenset({CODE_VALUE, CODING_SCHEME})
#: the scheme of CID 7050
_DCM = b"DCM"
#: bytes of earlier codes: some hundreds of them; no object needs more
_LONGEST = 64 << 10
_REMOVING = (Operation.REMOVE, Operation.EMPTY, Operation.REPLACE)
_UNMODIFIED, _MODIFIED, _REMOVED = "UNMODIFIED", "MODIFIED", "REMOVED"
#: what an image says of its pixels in which something was blanked
_DERIVATION = "Burned-in annotation blanked (PS3.15 E.3.1)"
_OF_DATES = ProfileOptions.RetainLongFullDates | ProfileOptions.RetainLongModifDates


class DateHandling(Flag):
    """Ways in which the dates and times of an object were treated: kept by a custom rule, moved, retained by an option."""

    KEPT = auto()
    MOVED = auto()
    RETAINED = auto()


class Statement(NamedTuple):
    """A statement of an object, of what was done to it.

    Attributes:
        options: the profile and the options whose codes it has.
        longitudinal: LongitudinalTemporalInformationModified.
        is_blanked: something was blanked in its pixels.
    """

    options: ProfileOptions
    longitudinal: str
    is_blanked: bool = False

    @property
    def identity_removed(self) -> bool:
        """PatientIdentityRemoved: nothing that identifies was kept but by the options."""
        return ProfileOptions.BasicProfile in self.options


class PixelState(NamedTuple):
    """The state of an object's pixels as it will be written.

    Attributes:
        has_pixels: there are some.
        is_kept_at_risk: they may identify a person, and are kept in spite of that.
        is_blanked: something was blanked in them.
    """

    has_pixels: bool
    is_kept_at_risk: bool = False
    is_blanked: bool = False


class Stamping:
    """Writes one statement.

    Attributes:
        identity_removed: whether it says PatientIdentityRemoved YES.
    """

    def __init__(self, statement: Statement) -> None:
        self._longitudinal = statement.longitudinal
        self._codes = frozenset(code for option, code in method_codes().items() if option in statement.options)
        self.identity_removed = statement.identity_removed
        self._burned_in = "NO" if ProfileOptions.CleanPixelData in statement.options else ""
        self._derivation = _DERIVATION if statement.is_blanked else ""
        self._elements: dict[tuple[Encoding, frozenset[MethodCode], bool], dict[int, bytes]] = {}

    def elements(self, encoding: Encoding, codes: frozenset[MethodCode], *, changed_before: bool) -> dict[int, bytes]:
        """Return the elements by tag, ``b""`` for one that the object doesn't get.

        Args:
            codes: those of an earlier de-identification that still hold.
            changed_before: whether that changed dates: whatever it did to them can't be undone.
        """
        key = encoding, codes, changed_before
        found = self._elements.get(key)
        if found is None:
            lost = changed_before and self._longitudinal == _UNMODIFIED
            found = self._elements[key] = {
                _IDENTITY_REMOVED: encode_value(_IDENTITY_REMOVED, "CS", "YES" if self.identity_removed else "NO", encoding),
                _METHOD: encode_value(_METHOD, "LO", METHOD.decode(), encoding),
                _METHOD_CODES: _encoded_codes(self._codes | codes, encoding),
                _LONGITUDINAL: encode_value(_LONGITUDINAL, "CS", _MODIFIED if lost else self._longitudinal, encoding),
                BURNED_IN_ANNOTATION: _if_any(BURNED_IN_ANNOTATION, "CS", self._burned_in, encoding),
                DERIVATION_DESCRIPTION: _if_any(DERIVATION_DESCRIPTION, "ST", self._derivation, encoding),
            }
        return found


def _if_any(tag: int, vr: str, value: str, encoding: Encoding) -> bytes:
    return encode_value(tag, vr, value, encoding) if value else b""


def _encoded_codes(codes: frozenset[MethodCode], encoding: Encoding) -> bytes:
    items = [
        {"CodeValue": code.code_value, "CodingSchemeDesignator": code.coding_scheme, "CodeMeaning": code.code_meaning}
        for code in sorted(codes, key=lambda code: code.code_value)
    ]
    # an empty sequence would be none that the standard allows
    return encode_value(_METHOD_CODES, "SQ", items, encoding) if items else b""


class Statements:
    """The statements of the objects of one profile.

    Attributes:
        depends: whether that depends on what was done to each of them; else only on the state of its pixels.
    """

    def __init__(self, profile: ConfidentialityProfile) -> None:
        self._profile = profile
        self.depends = profile.statement_depends
        # what isn't screened may name somebody, and what comes behind the pixels comes too late
        undone = not profile.screen or profile.weakens_behind_pixels
        removed = ProfileOptions.BasicProfile
        self._options = profile.options & ~removed if undone else profile.options
        self._longitudinally = profile.longitudinal
        self._expected = tuple(self._statement(PixelState(has_pixels=has_pixels)) for has_pixels in (False, True))
        self._stampings: dict[Statement, Stamping] = {}
        self._expected_stampings = tuple(map(self._stamping, self._expected))

    def expected(self, plan: Plan) -> Statement:
        """Return the statement of an object of the plan's class to which nothing unusual is done."""
        return self._expected[plan.has_pixels]

    def _statement(self, pixels: PixelState) -> Statement:
        options = self._options
        if pixels.is_kept_at_risk:
            options &= ~ProfileOptions.BasicProfile
        if not pixels.has_pixels:
            # nothing was there to be cleaned
            options &= ~ProfileOptions.CleanPixelData
        return Statement(options, self._longitudinally, pixels.is_blanked)

    def of(self, rules: Sequence[Rule], undone: ProfileOptions, dates: DateHandling, pixels: PixelState) -> Statement:
        """Return the statement of an object to which ``rules`` were applied.

        Args:
            undone: options that a custom rule went against, by something that it kept.
            dates: what was done to dates.
            pixels: the state of its pixels.
        """
        statement = self._statement(pixels)
        if not self.depends:
            return statement
        longitudinal = self._longitudinal(rules, dates)
        options = statement.options & ~undone
        if longitudinal == _REMOVED:
            # none is left that an option would have retained
            options &= ~_OF_DATES
        return statement._replace(options=options, longitudinal=longitudinal)

    def _longitudinal(self, rules: Sequence[Rule], dates: DateHandling) -> str:
        """Return LongitudinalTemporalInformationModified of an object whose dates custom rules may keep, move or take out."""
        own = self._profile.longitudinal
        taken_out = any(rule.undated for rule in rules)
        if taken_out and not dates:
            return _REMOVED
        if own == _UNMODIFIED:
            return _MODIFIED if taken_out or DateHandling.MOVED in dates else own
        if not dates & (DateHandling.KEPT | DateHandling.MOVED):
            return own
        some_went = any(rule.vr in DATE_VRS and rule.operation in _REMOVING for rule in rules)
        return _MODIFIED if some_went or DateHandling.MOVED in dates else _UNMODIFIED

    def stamping(self, plan: Plan, statement: Statement | None) -> Stamping:
        """Return what writes ``statement``; None: what is expected of objects of the plan's class."""
        return self._expected_stampings[plan.has_pixels] if statement is None else self._stamping(statement)

    def _stamping(self, statement: Statement) -> Stamping:
        found = self._stampings.get(statement)
        if found is None:
            found = self._stampings[statement] = Stamping(statement)
        return found


class Stamps:
    """Elements that are added to one object: the stamps, with what an earlier de-identification left, and what it lacks.

    Attributes:
        next_tag: the tag of the next element; elements behind it come after it.
    """

    __slots__ = ("_changed_before", "_codes", "_elements", "_index", "_tags", "next_tag")

    def __init__(self, tags: tuple[int, ...] = STAMPED, added: Mapping[int, bytes] | None = None) -> None:
        """
        Args:
            tags: the attributes that are set anew, sorted.
            added: elements that the object lacks, by tag.
        """
        self._elements = added or {}
        # nearly all objects lack nothing
        self._tags = tuple(sorted((*added, *tags))) if added else tags
        self._index = 0
        self.next_tag = self._tags[0]
        self._codes = frozenset[MethodCode]()
        self._changed_before = False

    def copy(self) -> Stamps:
        """Return a copy to go back to."""
        twin = Stamps()
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    def read_earlier(self, tag: int, content: bytes) -> None:
        """Remember an earlier LongitudinalTemporalInformationModified; earlier methods are free text, and nothing tells whose."""
        if tag == _LONGITUDINAL:
            self._changed_before = content.strip(b" ").upper() not in (b"", _UNMODIFIED.encode())

    def read_earlier_codes(self, buffer: Buffer, position: int, end: int, encoding: Encoding) -> None:
        """Remember the codes of an earlier DeidentificationMethodCodeSequence between ``position`` and ``end``."""
        if end - position > _LONGEST:
            return
        self._codes = frozenset(_earlier_codes(buffer, position, end, encoding))

    def take(self, tag: int, stamping: Stamping, encoding: Encoding) -> list[bytes]:
        """Take the elements that stand before ``tag`` and were not yet taken, in order."""
        taken: list[bytes] = []
        stamps = stamping.elements(encoding, self._codes, changed_before=self._changed_before)
        while self.next_tag < tag:
            taken.append(self._elements.get(self.next_tag) or stamps[self.next_tag])
            self._index += 1
            self.next_tag = self._tags[self._index] if self._index < len(self._tags) else _NO_MORE
        return taken


@cache
def _carried() -> dict[bytes, MethodCode]:
    """Return the codes that still hold: those of options. The Basic Profile's and those of pixels hold by what is done now."""
    anew = ProfileOptions.BasicProfile | ProfileOptions.CleanPixelData
    return {code.code_value.encode(): code for option, code in method_codes().items() if option not in anew}


def _earlier_codes(buffer: Buffer, position: int, end: int, encoding: Encoding) -> Iterator[MethodCode]:
    for start, stop, inner in buffer.items(position, end, encoding, _METHOD_CODES):
        found = buffer.find(start, stop, _CODE, inner)
        code = _carried().get(buffer.text(found.get(CODE_VALUE)))
        if code is not None and buffer.text(found.get(CODING_SCHEME)) == _DCM:
            yield code
