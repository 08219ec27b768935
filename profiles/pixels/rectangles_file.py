"""Rectangles that people decided on, object by object or series by series: a CSV file of up to millions of lines."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import struct
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, NamedTuple

from ..custom import ProfileSource
from ..errors import MAX_NAME, ProfileError
from .cells import areas_of, check_columns, size_of
from .rectangles import Rectangle, resolve, union
from .rules import MAX_SIZE, Outcome, RuleMatch, decide

_IDENTIFIERS = ("sop_instance_uid", "series_instance_uid", "instance_hash")
REVIEWED_COLUMNS = (*_IDENTIFIERS, "rows", "columns", "blank", "keep", "outcome", "reviewer")
_NEEDED = frozenset(("rows", "columns", "reviewer"))
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_MAX_UID = 64
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_MAX_REVIEWER = 64
#: the place of the outcome, of what a line says beside its identifier
_OUTCOME = -2
_MAX_REVIEWERS = 1000
#: bytes of the digest that stands for an identifier, and of the place of its decision
_KEY, _PLACE = 16, 8
#: rows, columns, outcome, number of rectangles
_HEAD = struct.Struct("<HHBH")
#: characters of a line
_LONGEST_LINE = 1 << 20
#: decisions of lines that are alike are kept once, as far as so many are remembered
_REMEMBERED = 100_000


HashOf = Callable[[bytes], bytes]


#: kinds of identifiers, in the order of their columns
_KINDS = _INSTANCE, _SERIES, _HASHED = b"i", b"s", b"h"


class Reviewed(NamedTuple):
    """A decision of people about an object.

    Attributes:
        outcome: None where ``mismatch``.
        rectangles: what is blanked.
        mismatch: the file has the object, with another image size: it must not pass.
    """

    outcome: Outcome | None
    rectangles: tuple[Rectangle, ...] = ()
    mismatch: bool = False


class _Decision(NamedTuple):
    """A decision of a line."""

    rows: int
    columns: int
    outcome: Outcome
    rectangles: tuple[Rectangle, ...]

    def packed(self) -> bytes:
        """Return it in 7 bytes, and 8 for each rectangle."""
        sides = [side for rectangle in self.rectangles for side in rectangle]
        head = _HEAD.pack(self.rows, self.columns, self.outcome.strictness, len(self.rectangles))
        return head + struct.pack(f"<{len(sides)}H", *sides)

    @classmethod
    def unpacked(cls, content: bytes, start: int) -> _Decision:
        """Return the decision that begins at ``start``."""
        rows, columns, outcome, count = _HEAD.unpack_from(content, start)
        sides = struct.unpack_from(f"<{4 * count}H", content, start + _HEAD.size)
        rectangles = tuple(Rectangle(*sides[place : place + 4]) for place in range(0, 4 * count, 4))
        return cls(rows, columns, list(Outcome)[outcome], rectangles)


class _Lines(NamedTuple):
    """Lines of a file, packed: one takes 24 bytes, its decision 7 and 8 for each rectangle.

    Attributes:
        decisions: packed, one after the other.
        keys: sorted digests of identifiers.
        places: of the decision of each.
    """

    decisions: bytes
    keys: bytes
    places: bytes


@dataclass(frozen=True, repr=False)
class ReviewedRectangles:
    """The lines of a file, found by identifier.

    Attributes:
        digest: of the file, SHA-256 in hex digits. Two with one digest decide alike.
        count: lines.
        reviewers: who decided, in alphabetical order.
        undecided: lines without a reviewer, such as those of contact sheets: they say nothing until somebody decides.
    """

    digest: str
    count: int = field(compare=False)
    reviewers: tuple[str, ...] = field(compare=False)
    #: the kinds of identifiers in it: others need not be looked for
    _kinds: frozenset[bytes] = field(compare=False)
    #: None: they are stored elsewhere
    _lines: _Lines | None = field(compare=False)
    #: the identifiers are found by keyed hashes
    is_keyed: bool = field(compare=False, default=False, kw_only=True)
    undecided: int = field(compare=False, default=0, kw_only=True)

    def __repr__(self) -> str:
        return f"<ReviewedRectangles: {self.count} lines>"

    @classmethod
    def read(cls, source: ProfileSource) -> ReviewedRectangles:
        """Read a CSV file.

        Args:
            source: a path, or an open stream of text or bytes.

        Raises:
            ProfileError: the file can't be read, or which line is wrong and why, without the identifier in it.
        """
        return _Reading(source).result()

    @property
    def has_hashes(self) -> bool:
        """True if lines name objects by ``instance_hash``."""
        return _HASHED in self._kinds

    def keyed(self, hash_of: HashOf) -> tuple[ReviewedRectangles, bytes]:
        """Return the same decisions for whoever has the key, without lines, and the lines as bytes for ``with_lines``.

        Args:
            hash_of: returns the keyed hash of a digest, 16 bytes or more.
        """
        decisions, keys, places = self._there
        hashes = [hash_of(keys[at : at + _KEY])[:_KEY] for at in range(0, len(keys), _KEY)]
        each = [places[at : at + _PLACE] for at in range(0, len(places), _PLACE)]
        ordered = sorted(zip(hashes, each, strict=True))
        stored = b"".join((*(key for key, _ in ordered), *(place for _, place in ordered), decisions))
        return replace(self, _lines=None, is_keyed=True), stored

    def with_lines(self, stored: bytes) -> ReviewedRectangles:
        """Return decisions with the lines that ``keyed`` took out of them."""
        keys, places = self.count * _KEY, self.count * (_KEY + _PLACE)
        return replace(self, _lines=_Lines(stored[places:], stored[:keys], stored[keys:places]))

    @property
    def _there(self) -> _Lines:
        if self._lines is None:
            # an object must not pass because they are not at hand
            raise RuntimeError("the lines are stored elsewhere")
        return self._lines

    def find(
        self,
        sop_instance_uid: str,
        series_instance_uid: str,
        instance_hash: bytes | None,
        rows: int,
        columns: int,
        hash_of: HashOf | None = None,
    ) -> Reviewed | None:
        """Return what the file says about an object; None: nothing.

        The lines of the object itself must be of its size. Those of its series that are of another size are of other images,
        but for an object that has no line of its size at all. The strictest outcome counts, and all rectangles of its lines.

        Args:
            sop_instance_uid, series_instance_uid: the original ones; ``""``: none.
            instance_hash: the audit's keyed hash; None: it isn't known.
            rows, columns: of the image, in pixels.
            hash_of: as ``keyed`` was given it, where this is its result with its lines.

        Raises:
            RuntimeError: its lines are stored elsewhere.
        """
        own = [*self._of(_INSTANCE, sop_instance_uid, hash_of)]
        if instance_hash is not None:
            own += self._of(_HASHED, instance_hash.hex(), hash_of)
        of_series = [*self._of(_SERIES, series_instance_uid, hash_of)]
        if not own and not of_series:
            return None
        fitting = [decision for decision in (*own, *of_series) if (decision.rows, decision.columns) == (rows, columns)]
        if not fitting or (own and not any((one.rows, one.columns) == (rows, columns) for one in own)):
            return Reviewed(None, mismatch=True)
        # an own decision to blank may leave all as it is: somebody has looked at it
        outcome = decide(RuleMatch("", one.outcome, one.rectangles) for one in fitting) or Outcome.KEEP
        if outcome is not Outcome.CLEAN:
            return Reviewed(outcome)
        return Reviewed(outcome, union((one.rectangles for one in fitting), rows, columns))

    def _of(self, kind: bytes, identifier: str, hash_of: HashOf | None) -> Iterator[_Decision]:
        """Yield the decisions about an identifier."""
        decisions, keys, places = self._there
        if not identifier or kind not in self._kinds:
            return
        key = _key(kind, identifier)
        if self.is_keyed:
            assert hash_of is not None
            key = hash_of(key)[:_KEY]
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if keys[middle * _KEY : (middle + 1) * _KEY] < key:
                low = middle + 1
            else:
                high = middle
        while keys[low * _KEY : (low + 1) * _KEY] == key:
            yield _Decision.unpacked(decisions, int.from_bytes(places[low * _PLACE : (low + 1) * _PLACE], "little"))
            low += 1


def _key(kind: bytes, identifier: str) -> bytes:
    return hashlib.blake2b(identifier.encode(), digest_size=_KEY, person=kind).digest()


class _Reading:
    """A reader of one file, line by line."""

    def __init__(self, source: ProfileSource) -> None:
        path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
        name = os.path.basename(os.fspath(path))[:MAX_NAME] if isinstance(path, str | os.PathLike) else ""
        self._name = (name if name.isprintable() else ascii(name)) or "rectangles"
        self._source = source
        self._digest = hashlib.sha256()
        self._keys = bytearray()
        self._decisions = bytearray()
        self._places, self._lines_of, self._sizes = array("Q"), array("Q"), array("Q")
        self._known: dict[tuple[str, ...], int] = {}
        self._reviewers: set[str] = set()
        self._kinds: set[bytes] = set()
        self._undecided = 0

    def result(self) -> ReviewedRectangles:
        try:
            if isinstance(self._source, str | os.PathLike):
                with open(self._source, "rb") as stream:
                    self._read(stream)
            else:
                self._read(self._source)
        except UnicodeDecodeError:
            raise ProfileError(f"{self._name}: not UTF-8") from None
        except csv.Error:
            raise ProfileError(f"{self._name}: this is no CSV") from None
        except ProfileError:
            raise
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise ProfileError(f"{self._name}: can't be read: {getattr(error, 'strerror', None) or 'not an open file'}") from None
        return self._sorted()

    def _lines(self, stream: IO[str] | IO[bytes]) -> Iterator[str]:
        first = True
        while line := stream.readline(_LONGEST_LINE):
            if len(line) == _LONGEST_LINE:
                raise ProfileError(f"{self._name}: a line is too long")
            text = line if isinstance(line, str) else line.decode()
            if first:
                text = text.removeprefix("\ufeff")
                first = False
            self._digest.update(text.encode())
            yield text

    def _read(self, stream: IO[str] | IO[bytes]) -> None:
        rows = csv.reader(self._lines(stream))
        head = [cell.strip() for cell in next(rows, [])]
        check_columns(head, REVIEWED_COLUMNS, _NEEDED, self._name)
        if set(_IDENTIFIERS).isdisjoint(head):
            raise ProfileError(f"{self._name}: the columns are {', '.join(REVIEWED_COLUMNS)}; one of the first three is needed")
        places = [head.index(column) if column in head else -1 for column in REVIEWED_COLUMNS]
        for cells in rows:
            if not cells:
                continue
            where = f"{self._name} line {rows.line_num}"
            if len(cells) != len(head):
                raise ProfileError(f"{where}: it has not as many cells as the head")
            self._line([cells[place].strip() if place >= 0 else "" for place in places], rows.line_num, where)
        if not self._places:
            left = "no lines in it" if not self._undecided else "no line has a reviewer: nobody has decided on any yet"
            raise ProfileError(f"{self._name}: {left}")

    def _line(self, cells: list[str], line: int, where: str) -> None:
        identifiers, said = cells[: len(_IDENTIFIERS)], tuple(cells[len(_IDENTIFIERS) :])
        if not said[-1]:
            # a line that the program proposed: it must not act before somebody has looked
            self._undecided += 1
            if said[_OUTCOME] in (Outcome.QUARANTINE.value, Outcome.DROP.value):
                # the program proposes no such outcome: somebody has decided, and the object must not pass for want of a name
                raise ProfileError(f"{where}: it refuses the object, and has no reviewer: say who decided")
            return
        place = self._known.get(said)
        if place is None:
            place = len(self._decisions)
            self._decisions += self._decision(said, where).packed()
            if len(self._known) < _REMEMBERED:
                self._known[said] = place
        self._keys += self._identifier(identifiers, where)
        self._places.append(place)
        self._lines_of.append(line)
        rows, columns, *_ = _HEAD.unpack_from(self._decisions, place)
        self._sizes.append(rows << 16 | columns)

    def _identifier(self, identifiers: list[str], where: str) -> bytes:
        given = [(kind, text) for kind, text in zip(_KINDS, identifiers, strict=True) if text]
        if len(given) != 1:
            raise ProfileError(f"{where}: one of {', '.join(_IDENTIFIERS)} is needed, and no other")
        ((kind, text),) = given
        self._kinds.add(kind)
        if kind is _HASHED:
            if not _HASH.fullmatch(text):
                raise ProfileError(f"{where}: the instance_hash has 64 hex digits")
            return _key(kind, text.lower())
        if len(text) > _MAX_UID or not _UID.fullmatch(text):
            raise ProfileError(f"{where}: this is no UID")
        return _key(kind, text)

    def _decision(self, said: tuple[str, ...], where: str) -> _Decision:
        rows, columns, blank, keep, outcome_text, reviewer = said
        if len(reviewer) > _MAX_REVIEWER or not reviewer.isprintable():
            raise ProfileError(f"{where}: a reviewer has {_MAX_REVIEWER} printable characters at most")
        try:
            outcome = Outcome(outcome_text or Outcome.CLEAN.value)
        except ValueError:
            raise ProfileError(f"{where}: the outcome is {', '.join(outcome.value for outcome in Outcome)}") from None
        size = size_of(rows, columns, where)
        if size is None:
            raise ProfileError(f"{where}: rows and columns of the image are needed")
        self._reviewers.add(reviewer)
        if len(self._reviewers) > _MAX_REVIEWERS:
            raise ProfileError(f"{self._name}: more than {_MAX_REVIEWERS} reviewers")
        rectangles = resolve(areas_of(blank, keep, size, outcome, where), *size)
        if len(rectangles) > MAX_SIZE:
            raise ProfileError(f"{where}: more than {MAX_SIZE} rectangles")
        return _Decision(*size, outcome, rectangles)

    def _sorted(self) -> ReviewedRectangles:
        # here, for few runs have such a file
        import numpy as np

        halves = np.frombuffer(self._keys, ">u8").reshape(-1, 2)
        sizes, lines = (np.frombuffer(numbers, "u8") for numbers in (self._sizes, self._lines_of))
        order = np.lexsort((sizes, halves[:, 1], halves[:, 0]))
        halves, sizes = halves[order], sizes[order]
        repeated = np.flatnonzero((halves[1:] == halves[:-1]).all(axis=1) & (sizes[1:] == sizes[:-1]))
        if repeated.size:
            # nobody could tell which of them counts
            first, second = sorted(int(lines[order[place]]) for place in (repeated[0], repeated[0] + 1))
            raise ProfileError(f"{self._name} line {second}: the object and size of line {first} again")
        places = np.frombuffer(self._places, "u8")[order].astype("<u8")
        reviewers = tuple(sorted(self._reviewers))
        packed = _Lines(bytes(self._decisions), halves.tobytes(), places.tobytes())
        return ReviewedRectangles(
            self._digest.hexdigest(), len(places), reviewers, frozenset(self._kinds), packed, undecided=self._undecided
        )
