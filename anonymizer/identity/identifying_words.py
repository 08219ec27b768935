"""Hashes of identifying words; those that leave a worker's memory can't link one patient to another."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from ..keys.key import Key
from ..keys.keyed_hash import KeyedHash
from ..keys.purposes import Purpose

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

#: bytes of a word's hash
WORD_SIZE = 8
#: maximum number of cached words: those of a study repeat
_MOST_KNOWN = 20_000
#: maximum number of cached word sets of objects
_MOST_COMPARED = 64


class IdentifyingWords:
    """Hashes of words, in three forms.

    The hash of a word alone is equal for all persons who have the word. Many of these hashes reveal names by their frequency,
    even without the key, so they stay in memory. Hashes that leave it are *bound* to a person or study, and differ between any
    two of these. All words of some objects are *sealed* together where they are bound later.
    """

    def __init__(self, key: Key) -> None:
        self._hash = KeyedHash(key.derive(Purpose.WORD)).digest
        self._bound = KeyedHash(key.derive(Purpose.BOUND_WORD)).digest
        self._sealing_key = key.derive(Purpose.SEALED_WORDS)
        self._known: dict[str, bytes] = {}

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")

    def hash(self, word: str) -> bytes:
        """Return the 8-byte hash of a word alone, which must enter no file and no shuffle."""
        found = self._known.get(word)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[word] = self._hash(word.encode())[:WORD_SIZE]
        return found

    def bind(self, who: bytes, hashes: Iterable[bytes]) -> bytes:
        """Bind hashes of words to a person or study.

        Args:
            who: 16 or 32 bytes that identify the person or study.
            hashes: hashes of words alone.

        Returns:
            The bound hashes, 8 bytes each, sorted and concatenated.
        """
        bound = self._bound
        # sorted after binding: the order of the hashes before would reveal something about them
        return b"".join(sorted([bound(who + one)[:WORD_SIZE] for one in hashes]))

    def is_bound(self, word: str, bound: Iterable[tuple[bytes, frozenset[bytes]]]) -> bool:
        """Return whether the word is bound to one of some persons or studies.

        Args:
            bound: pairs of a person or study and the hashes bound to it.
        """
        hashed, bound_hash = self.hash(word), self._bound
        # no generator: called for each word of each new text
        for who, hashes in bound:  # noqa: SIM110
            if bound_hash(who + hashed)[:WORD_SIZE] in hashes:
                return True
        return False

    def seal(self, whose: tuple[bytes, ...], hashes: Iterable[bytes]) -> bytes:
        """Encrypt hashes together; the result is equal for equal ``whose`` and hashes, and empty for no hashes.

        Args:
            whose: the associated data, to which the result is bound.
            hashes: hashes of words alone.
        """
        joined = b"".join(sorted(hashes))
        return self._seal.encrypt(joined, list(whose)) if joined else b""

    def unseal(self, whose: tuple[bytes, ...], sealed: bytes) -> frozenset[bytes]:
        """Return the hashes that were sealed.

        Raises:
            cryptography.exceptions.InvalidTag: they were sealed by another key, or for another ``whose``.
        """
        return split_words(self._seal.decrypt(sealed, list(whose))) if sealed else frozenset()

    @cached_property
    def _seal(self) -> AESSIV:
        # imported here: few profiles clean text
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        # deterministic (RFC 5297): equal sets of words are shuffled once
        return AESSIV(self._sealing_key)

    def known(self, bound: Mapping[bytes, frozenset[bytes]]) -> Container[str]:
        """Return a container of the words that are bound to some persons or studies.

        Args:
            bound: bound hashes by person or study.
        """
        return KnownWords(self, bound) if bound else frozenset()


class KnownWords:
    """A container of words known by their bound hashes. Answers are cached, because the objects of a study repeat words."""

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
        """Return whether the container has words other than ``own``, the words of an object itself."""
        found = self._compared.get(own)
        if found is None:
            if len(self._compared) >= _MOST_COMPARED:
                self._compared.clear()
            hashes = [self._words.hash(word) for word in own]
            found = any(bound - split_words(self._words.bind(who, hashes)) for who, bound in self._bound)
            self._compared[own] = found
        return found


def split_words(words: bytes) -> frozenset[bytes]:
    """Split concatenated hashes of 8 bytes each."""
    return frozenset(words[at : at + WORD_SIZE] for at in range(0, len(words), WORD_SIZE))
