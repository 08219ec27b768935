"""Descriptions with identifiers of every kind, each labelled: which words identify, which are clinical. Seeded, no network."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import NamedTuple

from anonymizer.descriptors.words import identifying_words, normal_word

from .identifiers import KNOWN, MAKERS, TEMPLATES

_WORD = re.compile(r"\{(\w+)\}|\[([^\]]*)\]|([^\s{}\[\]]+)")
_RUN = re.compile(r"[^\W\d_]{2,}|\d{3,}")


class Identifier(NamedTuple):
    """A span that identifies somebody.

    Attributes:
        kind: the placeholder it stands for.
        clinical_name: a surname that is a clinical word, with nothing before it that says so.
    """

    kind: str
    text: str
    clinical_name: bool = False

    @property
    def words(self) -> set[str]:
        """Its words of two letters or more and runs of three digits or more."""
        return {normal_word(word) for word in _RUN.findall(self.text)}


class Description(NamedTuple):
    """A labelled description.

    Attributes:
        clinical: its clinical words, as they stand there.
        denied: the patient's own words, as far as the cleaner knows them.
    """

    text: str
    identifiers: tuple[Identifier, ...]
    clinical: tuple[str, ...]
    denied: frozenset[str]


class Result(NamedTuple):
    """How well descriptions were cleaned."""

    identifiers: int
    left: tuple[Identifier, ...]
    clinical: int
    kept: int

    @property
    def recall(self) -> float:
        return 1 - len(self.left) / self.identifiers

    @property
    def share(self) -> float:
        return self.kept / self.clinical


def descriptions(known: bool, count: int = 400, seed: int = 2026) -> list[Description]:
    """``count`` descriptions, always the same for a seed; ``known``: the cleaner knows the patient's names, ids and places."""
    source = random.Random(f"{seed} {known}")
    made: list[Description] = []
    while len(made) < count:
        template = TEMPLATES[len(made) % len(TEMPLATES)]
        while (description := _filled(template, known, source)) is None:
            pass
        made.append(description)
    return made


def measured(made: list[Description], clean: Callable[[Description], str]) -> Result:
    """What ``clean`` leaves of identifiers and of clinical words.

    An identifier is left when any of its words of two letters or more, or of its runs of three digits or more, is.
    """
    left: list[Identifier] = []
    clinical = kept = 0
    for description in made:
        output = clean(description)
        words = {normal_word(word) for word in _RUN.findall(output)}
        left += [identifier for identifier in description.identifiers if identifier.words & words]
        remaining = [bare(token) for token in output.split()]
        clinical += len(description.clinical)
        for word in description.clinical:
            if word in remaining:
                remaining.remove(word)
                kept += 1
    return Result(sum(len(description.identifiers) for description in made), tuple(left), clinical, kept)


def bare(token: str) -> str:
    """A token without punctuation around it."""
    return token.strip(".,;:()?!\"'<>")


def _filled(template: str, known: bool, source: random.Random) -> Description | None:
    """The template with identifiers in it; None if one of them shares a word with the clinical text."""
    case = source.choice([str, str, str.upper, str.lower])
    identifiers: list[Identifier] = []
    clinical: list[str] = []

    def put(match: re.Match[str]) -> str:
        placeholder, scaffold, word = match.groups()
        if placeholder:
            text = case(MAKERS[placeholder](source))
            identifiers.append(Identifier(placeholder, text, placeholder == "hard"))
            return text
        if scaffold is not None:
            return str(case(scaffold))
        word = case(word)
        if len(re.sub(r"[\W\d_]", "", word)) > 1:
            clinical.append(bare(word))
        return word

    text = _WORD.sub(put, template)
    own = {word for identifier in identifiers for word in identifier.words}
    if own & {normal_word(run) for word in clinical for run in _RUN.findall(word)}:
        return None
    denied = frozenset().union(*(identifying_words(found.text) for found in identifiers if known and found.kind in KNOWN))
    return Description(text, tuple(identifiers), tuple(clinical), denied)
