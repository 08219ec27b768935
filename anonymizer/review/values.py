"""Values as a census has them, and their keyed hashes."""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from profiles import VALUE_CODE_SIZE, VALUE_HASH_SIZE, Rule, ValueId, tag_text

from ..keys.key import Key
from ..keys.keyed_hash import KeyedHash
from ..keys.purposes import Purpose

#: hashes that are remembered: the objects of a series share most values
_MOST_KNOWN = 50_000
#: characters of a longer value are not remembered
_LONGEST_KNOWN = 1024


class KeptValue(NamedTuple):
    """A value that stays in an object.

    Attributes:
        hash: its keyed hash, 16 bytes.
        id: the attribute, the value, and the text that it was before it was cleaned. Texts beyond ASCII are decoded by
            SpecificCharacterSet; binary values are hex digits.
        keyword: of the attribute; ``""`` of private ones.
        vr: by which the value is read.
    """

    hash: bytes
    id: ValueId
    keyword: str
    vr: str


class CleanedText(NamedTuple):
    """A text that was cleaned. Texts are without padding.

    Attributes:
        rule: of the attribute.
        before: the original.
        after: what stays of it; ``""``: nothing.
    """

    rule: Rule
    before: str
    after: str


class ValueHashes:
    """Keyed hashes of values."""

    def __init__(self, key: Key) -> None:
        self._hash = KeyedHash(key.derive(Purpose.VALUE)).digest
        self._known: dict[ValueId, bytes] = {}

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")

    def of_digest(self, digest: bytes) -> bytes:
        """Return the keyed hash of ``ValueId.digest``, 16 bytes."""
        return self._hash(digest)[:VALUE_HASH_SIZE]

    def with_code(self, value_hash: bytes) -> bytes:
        """Return a keyed hash with the code by which files of verdicts prove that this key made it, 20 bytes."""
        return value_hash + self._hash(value_hash)[:VALUE_CODE_SIZE]

    def of(self, value: ValueId) -> bytes:
        """Return the keyed hash of a value, 16 bytes."""
        found = self._known.get(value)
        if found is None:
            found = self.of_digest(value.digest())
            if len(value.value) <= _LONGEST_KNOWN:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[value] = found
        return found


def attribute_of(rule: Rule) -> str:
    """Return the attribute of a rule at its place, as actions name it; a private one by its creator in any case."""
    above, _, _ = rule.label.rpartition(">")
    return f"{above}>{own_attribute(rule)}" if above else own_attribute(rule)


def own_attribute(rule: Rule) -> str:
    """Return the attribute of a rule without its place."""
    if not rule.creator:
        return tag_text(rule.tag)
    return f'({rule.tag >> 16:04x},"{rule.creator}",{rule.tag & 0xFF:02x})'
