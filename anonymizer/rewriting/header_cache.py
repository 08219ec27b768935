"""Stretches of a header that were walked before: the instances of a series share most of theirs, byte for byte.

A stretch holds nothing but elements that stay, go or are replaced whatever the rest of the object says. Where the same bytes
follow the same element again, the same comes of them.
"""

from __future__ import annotations

from profiles import Rule

from ..files.pieces import Piece
from ..identity.known_values import KnownValue

#: a stretch ends with the element at which it has so many bytes; where it keeps differing, with an earlier one
_SPAN = 512
#: what is kept: no long values, and some for each of the series that take turns; a few megabytes at most
_LONGEST, _ALTERNATIVES, _MOST_SLOTS = 4 * _SPAN, 6, 512
#: where nothing is familiar in so many objects, one after the other, only one stretch in so many is kept and looked for
_PATIENCE = 32

#: a tag and what was noted of its element
Noted = tuple[int, bytes]
#: from and to, in bytes from the stretch's beginning, and what is put there
Edit = tuple[int, int, bytes]


#: a stretch of top-level elements and what came of it: its bytes; where it was changed; rules of the elements that were not
#: simply kept; tag of its last element; what was noted of those by which the object is judged, and of those that identify
#: somebody. A plain tuple: Python takes it apart several times as fast as a named one, some dozen times for each object
Stretch = tuple[bytes, tuple[Edit, ...], tuple[Rule, ...], int, tuple[Noted, ...], tuple[KnownValue, ...]]


class CacheSlot:
    """A place where a stretch begins, and those that were met there lately.

    Attributes:
        span: how long the next one is to be. Where instances differ all the time it shrinks, until what differs is by itself.
        misses: how often none of them was met, one object after the other.
    """

    __slots__ = ("misses", "span", "stretches")

    def __init__(self) -> None:
        # never changed in place: threads share it
        self.stretches: tuple[Stretch, ...] = ()
        self.misses = 0
        self.span = _SPAN

    def give_up(self) -> None:
        """Make less of the slot, none of whose stretches stood here several times, one after the other."""
        self.span = self.span // 4 or 1
        if self.misses > _PATIENCE:
            self.stretches = ()

    def remember(self, stretch: Stretch) -> None:
        """Keep a stretch that was met here."""
        self.stretches = (stretch, *self.stretches[: _ALTERNATIVES - 1])


class HeaderCache:
    """A memory of what was met lately in objects of one plan and encoding."""

    def __init__(self) -> None:
        #: by the tag of the element before
        self.slots: dict[int, CacheSlot] = {}

    def walk(self, buffer: bytes, rules: list[Rule], judged_by: dict[int, bytes], known: list[KnownValue]) -> CachedWalk:
        """Begin a walk along the data set in ``buffer``.

        Args:
            rules: where the walker puts those of what isn't simply kept.
            judged_by, known: and where what it notes.
        """
        return CachedWalk(self, buffer, rules, judged_by, known)

    def slot(self, after: int) -> CacheSlot:
        """Return the slot of what stands behind the element ``after``."""
        found = self.slots.get(after)
        if found is None:
            if len(self.slots) >= _MOST_SLOTS:
                self.slots.clear()
            found = self.slots[after] = CacheSlot()
        return found


class CachedWalk:
    """One walk along a data set: goes over what is familiar, and remembers what wasn't.

    Attributes:
        edits: what changed since the present stretch began, by positions in the buffer; the walker appends.
    """

    __slots__ = (
        "_buffer",
        "_cache",
        "_first_known",
        "_first_note",
        "_first_rule",
        "_judged_by",
        "_known",
        "_rules",
        "_slot",
        "_start",
        "_view",
        "edits",
    )

    def __init__(
        self,
        cache: HeaderCache,
        buffer: bytes,
        rules: list[Rule],
        judged_by: dict[int, bytes],
        known: list[KnownValue],
    ) -> None:
        self._cache = cache
        self._buffer = buffer
        self._view = memoryview(buffer)
        self._rules = rules
        self._slot: CacheSlot | None = None
        self._start = self._first_rule = self._first_note = self._first_known = 0
        self._judged_by = judged_by
        self._known = known
        self.edits: list[Edit] = []

    def skip(self, position: int, last: int, run: int, limit: int, pieces: list[Piece]) -> tuple[int, int, int, int]:
        """End the present stretch, go over those that follow and are familiar, and begin a new one.

        Args:
            position, last, run: where the walker is, the tag of the element before, and from where on nothing is in ``pieces``.
            limit: the highest tag up to which it may go.

        Returns:
            The new ``position``, ``last`` and ``run``, and where the new stretch is to end.
        """
        present = self._slot
        if present is not None and (present.misses <= _PATIENCE or not present.misses % _PATIENCE):
            self.stop(position, last)
        # as many turns as there are stretches, for every object: no calls but the one that compares
        begins_with, slots = self._buffer.startswith, self._cache.slots
        while True:
            slot = slots.get(last) or self._cache.slot(last)
            for stretch in slot.stretches:
                content, edits, rules, end_tag, notes, known = stretch
                if end_tag <= limit and begins_with(content, position):
                    break
            else:
                slot.misses += 1
                # one miss may be another series, or two; where it is given up already, there is nothing to call for
                if slot.misses > 2 and (slot.stretches or slot.span > 1):
                    slot.give_up()
                break
            slot.misses = 0
            for begin, end, new in edits:
                if run < position + begin:
                    pieces.append(self._view[run : position + begin])
                if new:
                    pieces.append(new)
                run = position + end
            self._rules.extend(rules)
            if notes:
                self._judged_by.update(notes)
            if known:
                self._known.extend(known)
            last = end_tag
            position += len(content)
        self._slot, self._start, self._first_rule = slot, position, len(self._rules)
        self._first_note, self._first_known = len(self._judged_by), len(self._known)
        self.edits.clear()
        return position, last, run, position + slot.span

    def stop(self, position: int, last: int) -> None:
        """End the present stretch, if there is one, at ``position``: what follows depends on more than its bytes."""
        slot, start = self._slot, self._start
        self._slot = None
        if (
            slot is not None
            and start < position <= start + _LONGEST
            and (slot.misses <= _PATIENCE or not slot.misses % _PATIENCE)
        ):
            merged: list[Edit] = []
            for begin, end, new in self.edits:
                if merged and merged[-1][1] == begin - start:
                    earlier = merged.pop()
                    merged.append((earlier[0], end - start, earlier[2] + new))
                else:
                    merged.append((begin - start, end - start, new))
            rules = tuple(self._rules[self._first_rule :])
            notes: tuple[Noted, ...] = ()
            if len(self._judged_by) > self._first_note:
                notes = tuple(self._judged_by.items())[self._first_note :]
                # an element that ends the stretch was noted before it was known to be none of it
                notes = notes if notes[-1][0] <= last else notes[:-1]
            known = self._known[self._first_known :]
            while known and known[-1].tag > last:
                known.pop()
            slot.remember((self._buffer[start:position], tuple(merged), rules, last, notes, tuple(known)))
