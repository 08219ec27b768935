"""The review of one object: which values stay in what is written, and which of them go because people decided so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from profiles import DUMMY_TEXT, PROTECTED, Operation, Rule, RuleNode, ValueId, Verdict, has_harmless_dummy

from ..dicom.character_sets import best_text
from ..dicom.encoding import NUMBER_CODES, Encoding
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..pixels.notes import noted_value
from ..reasons import Reason
from ..screening.header_walk import DeclaredBy, HeaderWalk, Place
from .values import CleanedText, KeptValue, ValueHashes, attribute_of, own_attribute

#: operations that may leave the original value, or a part of it
_KEEPING = frozenset(
    {
        Operation.KEEP,
        Operation.KEEP_TERMS,
        Operation.KEEP_SCHEME,
        Operation.KEEP_REPEATED,
        Operation.CAP_AGE,
        Operation.DERIVE,
    }
)
#: VRs of text and codes (PS3.5 6.2): values of standard attributes of others are numbers, dates, UIDs
_TEXTS = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
#: VRs of values that are read as text in private attributes, too
_READABLE = _TEXTS | {"DA", "DS", "DT", "IS", "TM", "UI"}
#: DeidentificationMethodCodeSequence, which the program writes itself
_METHODS = "(0012,0064)"
#: bytes of a binary value that are shown; of a longer one, its beginning, its size and its digest
_SHOWN = 64


class ReviewRules:
    """Verdicts and hashes that the reviews of all objects share.

    Attributes:
        hashes: the keyed hashes of values.
        verdicts: what people decided, by the hashes of values.
    """

    def __init__(self, hashes: ValueHashes, verdicts: Mapping[bytes, Verdict]) -> None:
        self.hashes = hashes
        self.verdicts = verdicts

    def verdict(self, value: ValueId) -> Verdict | None:
        """Return what people decided on a value; None: nothing."""
        return self.verdicts.get(self.hashes.of(value)) if self.verdicts else None

    def verdict_on_text(self, rule: Rule, before: str, after: str) -> Verdict | None:
        """Return what people decided on a text that is cleaned; None: nothing.

        Args:
            rule: of the attribute.
            before, after: the texts without padding; ``after`` empty: nothing stays.
        """
        verdict = self.verdict(_id_of_text(rule, before, after))
        if after and before != after:
            # what is to go of an attribute goes, whatever cleaning made it of
            of_value = self.verdict(ValueId(attribute_of(rule), after))
            if of_value is not None:
                return of_value if verdict is None else max(verdict, of_value)
        return verdict


class ObjectReview:
    """The review of one object.

    Attributes:
        kept: the values that stay, each once, by their hashes.
        gone: for each value that went, its original rule and the rule that replaced it.
    """

    def __init__(self, rules: ReviewRules) -> None:
        self._rules = rules
        self.kept: dict[bytes, KeptValue] = {}
        self.gone: list[tuple[Rule, Rule]] = []
        #: texts that were cleaned and stand in what was reviewed, by the labels of their rules
        self._cleaned: set[tuple[str, str]] = set()

    def review(self, pieces: list[Piece], root: RuleNode, encoding: Encoding, charset: str, declared: DeclaredBy) -> list[Piece]:
        """Note the values of elements that are to be written, and return the elements without what goes.

        Args:
            pieces: elements of the top-level data set; the last may lack its value.
            root: the rules by which they were de-identified.
            charset: the SpecificCharacterSet in force at their beginning.
            declared: as for HeaderWalk.

        Raises:
            DeidentificationError: a value that is to go is required, and any dummy would be a false statement.
        """
        walk = _ReviewWalk(b"".join(pieces), declared, self._rules, self.kept)
        content = walk.walk(root, encoding, charset)
        self.gone += walk.gone
        self._cleaned |= walk.cleaned
        return [content] if walk.gone else pieces

    def note_cleaned(self, texts: Iterable[CleanedText]) -> None:
        """Note texts that were cleaned in what was reviewed since the last call."""
        for rule, before, after in texts:
            # the screen may have taken it away since
            left = after if (rule.label, after) in self._cleaned else ""
            _note(self.kept, self._rules.hashes, _id_of_text(rule, before, left), rule.keyword, rule.vr)
        self._cleaned.clear()


class _ReviewWalk(HeaderWalk):
    def __init__(self, content: bytes, declared: DeclaredBy, rules: ReviewRules, kept: dict[bytes, KeptValue]) -> None:
        super().__init__(content, declared)
        self._rules = rules
        self._kept = kept
        #: texts that were cleaned, by the labels of their rules
        self.cleaned: set[tuple[str, str]] = set()
        #: the sequences around the element at hand
        self._own: list[str] = []

    def enter(self, rule: Rule) -> None:
        """Note the sequence whose items are walked next."""
        self._own.append(own_attribute(rule))

    def leave(self) -> None:
        """Note that the items of the last sequence were walked."""
        self._own.pop()

    def value(self, place: Place, element: Piece, value: bytes) -> list[Piece]:
        """Return an element that stays, or what takes its place."""
        rule, vr = place.rule, place.value_vr
        if rule.operation is Operation.CLEAN_TEXT:
            self.cleaned.add((rule.label, _text_of(value, vr, place.charset, place.encoding)))
            return [element]
        if rule.operation not in _KEEPING or rule.tag in PROTECTED or not (vr in _TEXTS or rule.tag >> 16 & 1):
            return [element]
        text = _text_of(value, vr, place.charset, place.encoding)
        if not text or text == DUMMY_TEXT or self._own[:1] == [_METHODS]:
            # nothing of the original, or the program's own statement
            return [element]
        found = ValueId(">".join((*self._own, own_attribute(rule))), text)
        verdict = self._rules.verdict(found)
        if verdict in (Verdict.REMOVE, Verdict.DUMMY):
            assert verdict is not None
            return self.without(place, _rule_without(place, verdict))
        _note(self._kept, self._rules.hashes, found, rule.keyword, vr)
        return [element]


def _rule_without(place: Place, verdict: Verdict) -> Rule:
    """Return the rule that takes the place of that of a value which goes.

    Raises:
        DeidentificationError: the attribute needs a value, and it is a code: readers know no other than its own terms.
    """
    rule, node = place.rule, place.node
    new = node.reviewed(rule, verdict)
    if new.operation is not Operation.REPLACE or (place.value_vr != "CS" and has_harmless_dummy(rule.tag, rule.vr)):
        return new
    new = node.reviewed(rule, Verdict.REMOVE)
    if new.operation is Operation.REPLACE:
        raise DeidentificationError(Reason.IDENTIFIER_LEFT, rule.tag)
    return new


def _note(kept: dict[bytes, KeptValue], hashes: ValueHashes, value: ValueId, keyword: str, vr: str) -> None:
    value_hash = hashes.of(value)
    if value_hash not in kept:
        kept[value_hash] = KeptValue(value_hash, value, keyword, vr)


def _id_of_text(rule: Rule, before: str, after: str) -> ValueId:
    """Return a text that was cleaned as a value; where it stays as it was, as any that stays."""
    return ValueId(attribute_of(rule), after, None if after == before else before)


def _text_of(value: bytes, vr: str, charset: str, encoding: Encoding) -> str:
    """Return a value as text, without padding: numbers in decimal digits, other binary values in hexadecimal ones."""
    if vr in _READABLE:
        return best_text(value.rstrip(b"\0 "), charset).strip(" ")
    if len(value) > _SHOWN:
        return f"{value[:_SHOWN].hex()}... {len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()}"
    return noted_value(vr, value, 0, len(value), encoding).decode("ascii") if vr in NUMBER_CODES else value.hex()
