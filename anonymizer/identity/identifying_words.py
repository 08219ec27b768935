"""Words that identify somebody, as hashes: what leaves a worker's memory can't be followed from one patient to another."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from ..keys.key import Key, Purpose
from ..keys.keyed_hash import KeyedHash

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

#: bytes of a word's hash
WORD_SIZE = 8
#: words that are kept in mind: those of a study come again and again
_MOST_KNOWN = 20_000
#: objects of a study with words of their own that are kept in mind
_MOST_COMPARED = 64


class IdentifyingWords:
    """Hashes of words, in three forms.

    The hash of a word alone is the same for all who have the word. Whoever sees many of these can tell names by how often they
    occur, without the key: it stays in memory. What goes further is *bound* to somebody (a person, a study), and equal for no two
    of these; or all words of some objects are *sealed* in one, where they are to be bound to others later.
    """

    def __init__(self, key: Key) -> None:
        self._hash = KeyedHash(key.derive(Purpose.WORD)).digest
        self._bound = KeyedHash(key.derive(Purpose.BOUND_WORD)).digest
        self._sealing_key = key.derive(Purpose.SEALED_WORDS)
        self._known: dict[str, bytes] = {}

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")

    def hash(self, word: str) -> bytes:
        """The hash of a word alone, 8 bytes: for no file and no shuffle."""
        found = self._known.get(word)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[word] = self._hash(word.encode())[:WORD_SIZE]
        return found

    def bind(self, who: bytes, hashes: Iterable[bytes]) -> bytes:
        """The words of these hashes bound to somebody: 8 bytes each, sorted, one behind the other.

        Args:
            who: tells one from others, by 16 bytes or 32.
        """
        bound = self._bound
        # sorted as they are now: the order of what they come from would tell of it
        return b"".join(sorted([bound(who + one)[:WORD_SIZE] for one in hashes]))

    def is_bound(self, word: str, bound: Iterable[tuple[bytes, frozenset[bytes]]]) -> bool:
        """Whether the word is bound to somebody.

        Args:
            bound: who, and hashes that are bound to them.
        """
        hashed, bound_hash = self.hash(word), self._bound
        # no generator: this is asked for each word of each new text
        for who, hashes in bound:  # noqa: SIM110
            if bound_hash(who + hashed)[:WORD_SIZE] in hashes:
                return True
        return False

    def seal(self, whose: tuple[bytes, ...], hashes: Iterable[bytes]) -> bytes:
        """All of these hashes in one; equal where ``whose`` and all words are. Nothing, where there are none."""
        joined = b"".join(sorted(hashes))
        return self._seal.encrypt(joined, list(whose)) if joined else b""

    def unseal(self, whose: tuple[bytes, ...], sealed: bytes) -> frozenset[bytes]:
        """The hashes that were sealed.

        Raises:
            cryptography.exceptions.InvalidTag: not by this key, or for somebody else.
        """
        return split_words(self._seal.decrypt(sealed, list(whose))) if sealed else frozenset()

    @cached_property
    def _seal(self) -> AESSIV:
        # here, for few profiles clean text
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        # RFC 5297: the same bytes each time, which are shuffled but once
        return AESSIV(self._sealing_key)

    def known(self, bound: Mapping[bytes, frozenset[bytes]]) -> Container[str]:
        """The words that are bound to somebody.

        Args:
            bound: hashes by those whom they are bound to.
        """
        return KnownWords(self, bound) if bound else frozenset()


class KnownWords:
    """Words of which there are bound hashes. Those of a study's objects are asked for again with each object."""

    def __init__(self, words: IdentifyingWords, bound: Mapping[bytes, frozenset[bytes]]) -> None:
        self._words = words
        self._bound = list(bound.items())
        self._asked: dict[object, bool] = {}
        self._compared: dict[frozenset[str], bool] = {}

    def __contains__(self, word: object) -> bool:
        found = self._asked.get(word)
        if found is None:
            if len(self._asked) >= _MOST_KNOWN:
                self._asked.clear()
            found = self._asked[word] = isinstance(word, str) and self._words.is_bound(word, self._bound)
        return found

    def knows_more(self, own: frozenset[str]) -> bool:
        """Whether there are words beyond ``own``, those of an object itself."""
        found = self._compared.get(own)
        if found is None:
            if len(self._compared) >= _MOST_COMPARED:
                self._compared.clear()
            hashes = [self._words.hash(word) for word in own]
            found = any(bound - split_words(self._words.bind(who, hashes)) for who, bound in self._bound)
            self._compared[own] = found
        return found


def split_words(words: bytes) -> frozenset[bytes]:
    """The hashes in ``words``, which stand one behind the other."""
    return frozenset(words[at : at + WORD_SIZE] for at in range(0, len(words), WORD_SIZE))
