"""What is known of an object on its way through the rewriter."""

from __future__ import annotations

from dataclasses import dataclass, field

from profiles import Rule

from .errors import Note
from .stamps import Stamps


@dataclass(slots=True)
class Progress:
    """What is known of an object so far: all of the rewriter's state between two buffers.

    Attributes:
        last: tag of the last top-level element.
        charset: SpecificCharacterSet in force.
        rules: the rule of each element that was not simply kept, in order.
        uids: top-level UIDs by tag: (original, new), without padding.
    """

    last: int = -1
    charset: str = ""
    rules: list[Rule] = field(default_factory=list)
    uids: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    notes: set[Note] = field(default_factory=set)
    stamps: Stamps = field(default_factory=Stamps)

    def copy(self) -> Progress:
        """A copy to go back to."""
        return Progress(self.last, self.charset, self.rules.copy(), self.uids.copy(), self.notes.copy(), self.stamps.copy())
