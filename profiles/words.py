"""The word lists of ``profiles/data`` by which descriptions are cleaned (PS3.15 E.3.5), read once per process."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from .tables import DATA


@dataclass(frozen=True, slots=True)
class DescriptorWords:
    """The lists of known words; all are in lower case, without diacritics.

    Attributes:
        vocabulary: clinical and technical words that may stay.
        technique: those among them, and tokens with digits and signs, that say how an image was made.
        names: those of the vocabulary that are names of people or places, too.
        traits: words on patient characteristics (PS3.15 E.3.7).
        phrases: pairs of words that may stay side by side though one of them isn't in the vocabulary.
        context: words that say what stands beside them (a person, an address, ...), with the kinds of each.
    """

    vocabulary: frozenset[str]
    technique: frozenset[str]
    names: frozenset[str]
    traits: frozenset[str]
    phrases: frozenset[tuple[str, str]]
    context: Mapping[str, frozenset[str]]


def _lines(name: str) -> Iterator[str]:
    with (DATA / name).open(encoding="ascii") as stream:
        yield from (line.strip() for line in stream if not line.startswith("#"))


@cache
def descriptor_words() -> DescriptorWords:
    """Return the built-in word lists."""
    technique = frozenset(_lines("technique_words.txt"))
    context: dict[str, frozenset[str]] = {}
    with (DATA / "context_words.csv").open(newline="", encoding="ascii") as stream:
        for row in csv.DictReader(stream):
            context[row["word"]] = context.get(row["word"], frozenset()) | {row["kind"]}
    return DescriptorWords(
        vocabulary=frozenset(_lines("clinical_words.txt")) | technique,
        technique=technique,
        names=frozenset(_lines("name_words.txt")),
        traits=frozenset(_lines("trait_words.txt")),
        phrases=frozenset((first, second) for first, second in map(str.split, _lines("clinical_phrases.txt"))),
        context=context,
    )
