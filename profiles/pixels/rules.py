"""Pixel rules: which objects they mean, and what is done with the pixels of those."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import islice

from ..conditions import Condition, Values
from ..errors import PixelSizeError, ProfileError
from .findings import Finding
from .rectangles import Area, Rectangle, resolve

ROWS, COLUMNS = 0x00280010, 0x00280011
#: the kind of the project's own rules
BUILT_IN = "built-in"
#: names stand in audit tables
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Rows and Columns are two bytes each
MAX_SIZE = 0xFFFF
#: areas of a rule or line: each object that it means is blanked in all of them
MAX_AREAS = 256


class Outcome(Enum):
    """Outcomes for an object: the later ones are stricter."""

    KEEP = "keep"
    CLEAN = "clean"
    QUARANTINE = "quarantine"
    DROP = "drop"

    @property
    def strictness(self) -> int:
        """Its rank: the larger one wins."""
        return list(Outcome).index(self)


class Semantics(Enum):
    """The rules of a source that apply to an object, and how their areas are combined."""

    #: the first rule that matches, and no other (CTP)
    FIRST = "first"
    #: every rule that matches; their blanked pixels are united (the project's own files)
    ALL = "all"
    #: every rule that matches; their areas are applied to one frame in the order of the rules, so that a later one may keep what
    #: an earlier one blanks (deid)
    IN_ORDER = "in order"


@dataclass(frozen=True, slots=True)
class PixelRule:
    """A rule: objects that it means, and their outcome.

    Attributes:
        name: of letters, digits, ``.``, ``_`` and ``-``; it stands in audit tables.
        condition: on the object's original attributes; None: any object.
        rows, columns: the size of the images that it means; None: any.
        areas: of a rule that cleans, in the order in which they are applied.
        provenance: who decided it, and by what.
        clips: whether areas may reach beyond the right and bottom edges of an image.

    Raises:
        ProfileError: a name or size that is none, or areas of a rule that doesn't clean.
    """

    name: str
    condition: Condition | None
    rows: int | None
    columns: int | None
    outcome: Outcome
    areas: tuple[Area, ...] = ()
    provenance: str = ""
    clips: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ProfileError("a pixel rule's name has 1 to 64 letters, digits, '.', '_' and '-'")
        if (self.rows is None) != (self.columns is None):
            raise ProfileError("a pixel rule has both rows and columns, or neither")
        if not all(size is None or 0 < size <= MAX_SIZE for size in (self.rows, self.columns)):
            raise ProfileError(f"rows and columns are 1 to {MAX_SIZE}")
        if len(self.areas) > MAX_AREAS:
            raise ProfileError(f"a pixel rule has at most {MAX_AREAS} rectangles")
        if self.areas and self.outcome is not Outcome.CLEAN:
            raise ProfileError("only a rule that cleans has areas")

    def matches(self, values: Values, rows: int, columns: int) -> bool:
        """Return whether it means an object with these values and an image of this size."""
        if self.rows is not None and (self.rows, self.columns) != (rows, columns):
            return False
        return self.condition is None or self.condition.holds(values)

    @property
    def decisive(self) -> tuple[object, ...]:
        """All of it that decides something, in a form whose repr is stable."""
        text = self.condition.text if self.condition is not None else None
        return self.name, text, self.rows, self.columns, self.outcome.value, tuple(map(tuple, self.areas)), self.clips


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """A rule that means an object.

    Attributes:
        rule: its name.
        rectangles: the pixels that it blanks.
    """

    rule: str
    outcome: Outcome
    rectangles: tuple[Rectangle, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSource:
    """The rules of one file.

    Attributes:
        kind: ``built-in``, ``own``, ``ctp`` or ``deid``.
        findings: what the lint found, accepted or not in need of it.
        accepted: the names of accepted rules, in their order in the file.
        digest: of the file, SHA-256 in hex digits.
    """

    kind: str
    semantics: Semantics
    rules: tuple[PixelRule, ...]
    findings: tuple[Finding, ...] = ()
    accepted: tuple[str, ...] = ()
    digest: str = ""

    @property
    def _most(self) -> int | None:
        """The number of rules that may apply to one object; None: all."""
        return 1 if self.semantics is Semantics.FIRST else None

    def match(self, values: Values, rows: int, columns: int) -> Iterator[RuleMatch]:
        """Yield the rules that apply to an object, with the pixels that each of them blanks.

        Raises:
            PixelSizeError: a rule's area doesn't fit into the image.
        """
        matching = [*islice((rule for rule in self.rules if rule.matches(values, rows, columns)), self._most)]
        if self.semantics is not Semantics.IN_ORDER:
            yield from (RuleMatch(rule.name, rule.outcome, _resolved(rule, rule.areas, rows, columns)) for rule in matching)
            return
        later: list[Area] = []
        found: list[RuleMatch] = []
        for rule in reversed(matching):
            # a pixel is as its last area has it, and counts for the rule with that area
            found.append(RuleMatch(rule.name, rule.outcome, _resolved(rule, (*rule.areas, *later), rows, columns)))
            later = [*(area._replace(blank=False) for area in rule.areas), *later]
        yield from reversed(found)


def _resolved(rule: PixelRule, areas: Sequence[Area], rows: int, columns: int) -> tuple[Rectangle, ...]:
    try:
        return resolve(areas, rows, columns, clip=rule.clips)
    except PixelSizeError:
        raise PixelSizeError(f"pixel rule {rule.name}: a rectangle isn't inside the image") from None


@dataclass(frozen=True)
class PixelRules:
    """The rules of several files. Each file only adds: what one of them blanks is blanked.

    Raises:
        ProfileError: two rules with one name.
    """

    sources: tuple[RuleSource, ...] = ()

    def __post_init__(self) -> None:
        names: set[str] = set()
        for rule in self.rules:
            if rule.name in names:
                raise ProfileError(f"two files have a pixel rule {rule.name}: rename one of them")
            names.add(rule.name)

    def __getstate__(self) -> dict[str, object]:
        # what was computed stays behind
        return {"sources": self.sources}

    @property
    def rules(self) -> Iterator[PixelRule]:
        """All rules, file by file."""
        return (rule for source in self.sources for rule in source.rules)

    @cached_property
    def tags(self) -> frozenset[int]:
        """The top-level attributes whose original values ``match`` needs."""
        conditions = (rule.condition for rule in self.rules if rule.condition is not None)
        return frozenset(test.tag for condition in conditions for test in condition.tests())

    @cached_property
    def watched(self) -> frozenset[int]:
        """``tags``, and those of the size of the image: all by which a rule means an object. None where there are no rules."""
        return self.tags | {ROWS, COLUMNS} if self.sources else frozenset()

    @cached_property
    def of_files(self) -> PixelRules:
        """The rules of a site's own files: they mean any object with pixels, and the project's own only those at risk."""
        return PixelRules(tuple(source for source in self.sources if source.kind != BUILT_IN))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of all that decides: equal ones match alike."""
        content = hashlib.sha256()
        for source in self.sources:
            content.update(f"{source.semantics.value}\n".encode())
            for rule in source.rules:
                content.update(f"{rule.decisive!r}\n".encode())
        return content.hexdigest()

    def of_other_sizes(self, values: Values, rows: int, columns: int) -> Iterator[PixelRule]:
        """Yield the rules that would mean an object if its image were of the size that they give; arguments as for ``match``."""
        values = self._with_size(values, rows, columns)
        for rule in self.rules:
            other_size = rule.rows is not None and (rule.rows, rule.columns) != (rows, columns)
            if other_size and rule.condition is not None and rule.condition.holds(values):
                yield rule

    def _with_size(self, values: Values, rows: int, columns: int) -> Values:
        if self.tags.isdisjoint((ROWS, COLUMNS)):
            return values
        return {**values, ROWS: (str(rows),), COLUMNS: (str(columns),)}

    def match(self, values: Values, rows: int, columns: int) -> tuple[RuleMatch, ...]:
        """Return the rules that apply to an object, in the order of the files.

        Args:
            values: of the attributes in ``tags``; missing ones are absent. Rows and Columns are taken from the next two.
            rows, columns: of the image, in pixels.

        Raises:
            PixelSizeError: a rule's area doesn't fit into the image.
        """
        values = self._with_size(values, rows, columns)
        return tuple(match for source in self.sources for match in source.match(values, rows, columns))


def decide(matches: Iterable[RuleMatch]) -> Outcome | None:
    """Return the strictest outcome: drop, then quarantine, clean, keep. None: nothing is said about the object.

    A match that cleans and blanks no pixel says nothing: nobody has looked at the rest of the image by it. It isn't kept either.
    """
    found = list(matches)
    outcome = max((match.outcome for match in found), key=lambda outcome: outcome.strictness, default=None)
    if outcome is Outcome.CLEAN and not any(match.rectangles for match in found):
        return None
    return outcome
