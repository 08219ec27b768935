"""Stretches of a header that were walked before: the instances of a series share most of theirs, byte for byte.

A stretch holds nothing but elements that stay, go or are replaced whatever the rest of the object says. Where the same bytes
follow the same element again, the same comes of them.
"""

from __future__ import annotations

from typing import NamedTuple

from profiles import Rule

from .files import Piece

#: bytes from which on a stretch ends with its element: short ones lose little where one element differs
STRETCH = 512
#: what is kept: no long values, and some for each of the series that take turns; a few megabytes at most
_LONGEST, _ALTERNATIVES, _MOST_ENDS = 4 * STRETCH, 6, 512

#: from and to, in bytes from the stretch's beginning, and what is put there
Edit = tuple[int, int, bytes]


class Stretch(NamedTuple):
    """A stretch of top-level elements and what came of it.

    Attributes:
        content: its bytes.
        edits: where it was changed.
        rules: of the elements that were not simply kept.
        last: tag of its last element.
    """

    content: bytes
    edits: tuple[Edit, ...]
    rules: tuple[Rule, ...]
    last: int


class FamiliarStretches:
    """The stretches that were met lately in objects of one plan and encoding, by the tag of the element before them."""

    def __init__(self) -> None:
        # never changed in place: threads share it
        self._after: dict[int, tuple[Stretch, ...]] = {}

    def walk(self, buffer: bytes, rules: list[Rule]) -> Walk:
        """A walk along the data set in ``buffer``; ``rules`` is where the walker puts those of what isn't simply kept."""
        return Walk(self, buffer, rules)

    def find(self, buffer: bytes, position: int, last: int, limit: int) -> Stretch | None:
        """The stretch that stands at ``position``, if it is familiar.

        Args:
            last: tag of the element before.
            limit: the highest tag that it may hold.
        """
        for stretch in self._after.get(last, ()):
            if stretch.last <= limit and buffer.startswith(stretch.content, position):
                return stretch
        return None

    def remember(self, after: int, stretch: Stretch) -> None:
        """Keep a stretch that was met behind the element ``after``."""
        if len(self._after) >= _MOST_ENDS:
            self._after.clear()
        self._after[after] = (stretch, *self._after.get(after, ())[: _ALTERNATIVES - 1])


class Walk:
    """One walk along a data set: goes over what is familiar, and remembers what wasn't.

    Attributes:
        edits: what changed since the present stretch began, by positions in the buffer; the walker appends.
    """

    __slots__ = ("_after", "_buffer", "_familiar", "_first_rule", "_rules", "_start", "edits")

    def __init__(self, familiar: FamiliarStretches, buffer: bytes, rules: list[Rule]) -> None:
        self._familiar = familiar
        self._buffer = buffer
        self._rules = rules
        self._start: int | None = None
        self._after = self._first_rule = 0
        self.edits: list[Edit] = []

    def skip(self, position: int, last: int, run: int, limit: int, pieces: list[Piece]) -> tuple[int, int, int]:
        """End the present stretch, go over those that follow and are familiar, and begin a new one.

        Args:
            position, last, run: where the walker is, the tag of the element before, and from where on nothing is in ``pieces``.
            limit: the highest tag up to which it may go.

        Returns:
            The new ``position``, ``last`` and ``run``.
        """
        if self._start is not None:
            self.stop(position, last)
        while stretch := self._familiar.find(self._buffer, position, last, limit):
            for begin, end, new in stretch.edits:
                if run < position + begin:
                    pieces.append(memoryview(self._buffer)[run : position + begin])
                if new:
                    pieces.append(new)
                run = position + end
            self._rules.extend(stretch.rules)
            last = stretch.last
            position += len(stretch.content)
        self._start, self._after, self._first_rule = position, last, len(self._rules)
        self.edits.clear()
        return position, last, run

    def stop(self, position: int, last: int) -> None:
        """The present stretch, if there is one, ends at ``position``: what follows depends on more than its bytes."""
        start, self._start = self._start, None
        if start is not None and start < position <= start + _LONGEST:
            merged: list[Edit] = []
            for begin, end, new in self.edits:
                if merged and merged[-1][1] == begin - start:
                    earlier = merged.pop()
                    merged.append((earlier[0], end - start, earlier[2] + new))
                else:
                    merged.append((begin - start, end - start, new))
            rules = tuple(self._rules[self._first_rule :])
            self._familiar.remember(self._after, Stretch(self._buffer[start:position], tuple(merged), rules, last))
