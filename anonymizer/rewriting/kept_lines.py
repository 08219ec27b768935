"""Lines of text in pixels that may stay: measurements, with words that the description vocabulary knows as harmless."""

from __future__ import annotations

import re
from collections.abc import Callable

from profiles import identity_kinds

from ..identity.known_values import known_values, known_words
from .object_state import ObjectState

#: score of reading from which on a line may stay
_CERTAIN = 0.9
#: digits in a row, or with signs between them, that may be a number of somebody or a date
_DIGIT = re.compile("[0-9]")
_LONG_NUMBER = re.compile(r"[0-9](?:[-/.:^ ]?[0-9]){4}")


def keeps_measurements(state: ObjectState) -> Callable[[str, float], bool]:
    """Return whether a line stays, by its text and the score of that: it has a number, and all of its words are harmless.

    None is one of the patient's. A line without a number may be somebody's name: many are words of the vocabulary, too.

    Args:
        state: of an object whose header was walked: all of it is in the buffer.
    """
    # here, for few profiles look for text, and reading the vocabulary takes a while
    from ..descriptors.cleaner import DescriptorCleaner

    known = list(known_values(state.buffer, state.start, state.encoding, identity_kinds()))
    words = known_words(known, state.charset)
    cleaner = DescriptorCleaner(lambda word: word in words)

    def keeps(text: str, score: float) -> bool:
        line = " ".join(text.split())
        is_measured = _DIGIT.search(line) is not None and _LONG_NUMBER.search(line) is None
        return score >= _CERTAIN and is_measured and cleaner.clean(line) == line

    return keeps
