"""Findings of the lint: things about a pixel rule that its author should know."""

from __future__ import annotations

from dataclasses import dataclass

#: rectangles of an imported rule whose condition doesn't say for which size of image they are
UNGUARDED_SIZE = "unguarded-size"
#: something of the rule can't be taken over
UNTRANSLATED = "untranslated"
#: an earlier rule always applies before it
SHADOWED = "shadowed"
#: it blanks no pixel: alone it lets no object pass
NO_AREAS = "no-areas"
#: it is read otherwise than the tool's code does
READING = "reading"
#: the program proposed it, and nobody says that the images were looked at
UNREVIEWED = "unreviewed"
FINDING_KINDS = (UNGUARDED_SIZE, UNTRANSLATED, SHADOWED, NO_AREAS, READING, UNREVIEWED)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the lint found about a rule.

    Attributes:
        kind: one of ``FINDING_KINDS``.
        rule: the rule's name, by which a finding is accepted.
        line: of the file, from 1 on; of JSON, the number of the item.
        sentence: for people.
    """

    kind: str
    rule: str
    line: int
    sentence: str

    @property
    def must_be_accepted(self) -> bool:
        """True if a file with it is refused unless the rule is accepted by name."""
        return self.kind in (UNGUARDED_SIZE, UNTRANSLATED, UNREVIEWED)

    def __str__(self) -> str:
        return f"line {self.line}: {self.rule}: {self.kind}: {self.sentence}"
