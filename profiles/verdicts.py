"""Verdicts of people on values that stay, or that cleaning changes: a CSV file, one (attribute, value) in each line."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

from .custom import ProfileSource, read_source
from .errors import ProfileError
from .spreadsheets import unescape_formulas

#: columns of a census, as a reviewer gets it; those that a file of verdicts may have
CENSUS_COLUMNS = (
    *("attribute", "keyword", "vr", "value", "before", "patients", "instances"),
    *("verdict", "reviewer", "value_hash"),
)
#: bytes of the keyed hash of a value
VALUE_HASH_SIZE = 16
#: bytes of the code behind it, by which a hash that another key made is known
VALUE_CODE_SIZE = 4
_HASH = re.compile(f"[0-9a-fA-F]{{{2 * (VALUE_HASH_SIZE + VALUE_CODE_SIZE)}}}")
#: characters of a text in a census: of a longer one, its beginning
MOST_SHOWN = 2000
_CUT = re.compile(f".{{{MOST_SHOWN}}}\\.\\.\\. \\([0-9]+ characters\\)", re.DOTALL)
#: an attribute at its place, as actions name it
_TAG = r"\([0-9a-fA-F]{4},(?:[0-9a-fA-F]{4}|(?:\"[^\"]*\"|private),[0-9a-fA-F]{2})\)"
_ATTRIBUTE = re.compile(f"{_TAG}(?:>{_TAG})*")
_MAX_REVIEWER = 64
_MAX_REVIEWERS = 1000
#: characters of a cell: UT has no limit of its own
_LONGEST_CELL = 1 << 20
_RECORD = VALUE_HASH_SIZE + 1

#: returns the keyed hash of the digest of a value, or the keyed code of such a hash: 16 bytes or more
HashOf = Callable[[bytes], bytes]


class Verdict(IntEnum):
    """Decisions of people on a value. Of several on one value the greatest counts."""

    ALLOW = 1
    DUMMY = 2
    REMOVE = 3


#: names of verdicts in a file
VERDICTS = {verdict.name.lower(): verdict for verdict in Verdict}


class ValueId(NamedTuple):
    """A value at its place.

    Attributes:
        attribute: the path, as actions name it; private attributes by their creator, ``(0019,"SIEMENS MR HEADER",0c)``.
        value: as it stands in the output, without padding; ``""``: nothing stays of it.
        before: the original, of a text that was cleaned; None: the value is the original.
    """

    attribute: str
    value: str
    before: str | None = None

    def digest(self) -> bytes:
        """Return a digest without a key, 16 bytes. It can be guessed: it stands in memory only."""
        parts = [self.attribute, self.value] if self.before is None else [self.attribute, self.value, self.before]
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        message = b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
        return hashlib.blake2b(message, digest_size=VALUE_HASH_SIZE, person=b"value").digest()


class _Line(NamedTuple):
    """A verdict.

    Attributes:
        where: file and line, for messages.
        value_hash: keyed hash and code of the value, 20 bytes; empty: the value is found by ``digests``.
        digests: of the value as the line has it, and as it was if its cells were written for a spreadsheet; none: the line has no
            whole value.
    """

    where: str
    verdict: Verdict
    value_hash: bytes
    digests: tuple[bytes, ...]


@dataclass(frozen=True, repr=False)
class Verdicts:
    """The verdicts of a file.

    Attributes:
        digest: of the file, SHA-256 in hex digits. Two with one digest say the same.
        count: lines with a verdict.
        allowed: lines that allow a text that cleaning would change: each leaves more than the profile does.
        reviewers: who decided, in alphabetical order.
    """

    digest: str
    count: int = field(compare=False)
    allowed: int = field(compare=False)
    reviewers: tuple[str, ...] = field(compare=False)
    #: None: they are stored elsewhere
    _lines: tuple[_Line, ...] | None = field(compare=False)
    #: records of keyed hash and verdict; None: they are lines still
    _stored: bytes | None = field(compare=False, default=None, kw_only=True)

    def __repr__(self) -> str:
        return f"<Verdicts: {self.count} values>"

    @classmethod
    def read(cls, source: ProfileSource) -> Verdicts:
        """Read a CSV file with some of ``CENSUS_COLUMNS``.

        A line is about the value of its ``value_hash``, or without one of its ``attribute``, ``value`` and ``before``. Lines
        without a verdict say nothing.

        Args:
            source: a path, or an open stream of text or bytes.

        Raises:
            ProfileError: the file can't be read, or which line is wrong and why, without the value in it.
        """
        text, name = read_source(source)
        lines, reviewers, count, allowed = list[_Line](), set[str](), 0, 0
        for line, is_cleaned in _lines(text, name, reviewers):
            count += 1
            if line.verdict is Verdict.ALLOW:
                if not is_cleaned:
                    # it stays anyway; and what cleaning changes is allowed by who has seen both texts
                    continue
                allowed += 1
            lines.append(line)
        if not count:
            raise ProfileError(f"{name}: no line has a verdict: nobody has decided on any value yet")
        digest = hashlib.sha256(text.encode()).hexdigest()
        return cls(digest, count, allowed, tuple(sorted(reviewers)), tuple(lines))

    def keyed(self, hash_of: HashOf) -> tuple[Verdicts, bytes]:
        """Return the same verdicts without lines, and the lines by keyed hashes, as bytes for ``with_lines``."""
        table = self.table(hash_of)
        return replace(self, _lines=None), b"".join(key + bytes((verdict,)) for key, verdict in sorted(table.items()))

    def with_lines(self, stored: bytes) -> Verdicts:
        """Return verdicts with the lines that ``keyed`` took out of them."""
        return replace(self, _stored=stored)

    def table(self, hash_of: HashOf) -> Mapping[bytes, Verdict]:
        """Return the verdicts by the keyed hashes of their values.

        Raises:
            ProfileError: the hash of a line was made with another key, or is that of another value than the line has.
            RuntimeError: the lines are stored elsewhere.
        """
        found: dict[bytes, Verdict] = {}
        if self._stored is not None:
            for at in range(0, len(self._stored), _RECORD):
                found[self._stored[at : at + VALUE_HASH_SIZE]] = Verdict(self._stored[at + VALUE_HASH_SIZE])
            return found
        if self._lines is None:
            # a value must not pass because they are not at hand
            raise RuntimeError("the lines are stored elsewhere")
        for line in self._lines:
            hashes = [hash_of(digest)[:VALUE_HASH_SIZE] for digest in line.digests]
            if line.value_hash:
                value_hash, code = line.value_hash[:VALUE_HASH_SIZE], line.value_hash[VALUE_HASH_SIZE:]
                if hash_of(value_hash)[:VALUE_CODE_SIZE] != code:
                    raise ProfileError(f"{line.where}: value_hash was made with another key or scope, or was changed")
                if hashes and value_hash not in hashes:
                    raise ProfileError(
                        f"{line.where}: value_hash is that of another value: cells were changed or moved. Restore the line, or "
                        "empty its attribute, value and before to go by value_hash alone"
                    )
                hashes = [value_hash]
            for value_hash in hashes:
                found[value_hash] = max(line.verdict, found.get(value_hash, line.verdict))
        return found


def _lines(text: str, name: str, reviewers: set[str]) -> Iterator[tuple[_Line, bool]]:
    """Yield verdicts, each with whether it is about a text that cleaning changes, and add who decided to ``reviewers``."""
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        text = text.removeprefix("\ufeff")
        first = text.split("\n", 1)[0]
        # spreadsheets write what their language has for a comma
        delimiter = max(",;\t", key=first.count)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        head = [cell.strip() for cell in next(rows, [])]
        _check_head(head, name)
        for cells in rows:
            if not cells:
                continue
            where = f"{name} line {rows.line_num}"
            if len(cells) != len(head):
                raise ProfileError(f"{where}: it has not as many cells as the head")
            row = dict(zip(head, cells, strict=True))
            if row.get("verdict", "").strip():
                yield _line(row, where, reviewers)
    except csv.Error:
        raise ProfileError(f"{name}: this is no CSV") from None
    finally:
        csv.field_size_limit(limit)


def _check_head(head: list[str], name: str) -> None:
    columns = ", ".join(CENSUS_COLUMNS)
    if unknown := [column for column in head if column not in CENSUS_COLUMNS]:
        # a column's name may hold anything
        raise ProfileError(f"{name}: {len(unknown)} columns are not known: there are {columns}")
    if len(set(head)) != len(head):
        raise ProfileError(f"{name}: a column stands there twice")
    if not {"verdict", "reviewer"} <= set(head) or not ("value_hash" in head or {"attribute", "value"} <= set(head)):
        raise ProfileError(
            f"{name}: verdict, reviewer, and value_hash or attribute and value are needed: the columns are {columns}"
        )


def _line(row: Mapping[str, str], where: str, reviewers: set[str]) -> tuple[_Line, bool]:
    verdict = VERDICTS.get(row["verdict"].strip().lower())
    if verdict is None:
        raise ProfileError(f"{where}: verdict: {', '.join(VERDICTS)} are possible, or nothing")
    reviewer = row["reviewer"].strip()
    if not reviewer:
        raise ProfileError(f"{where}: a verdict needs a reviewer")
    if len(reviewer) > _MAX_REVIEWER or not reviewer.isprintable():
        raise ProfileError(f"{where}: reviewer: up to {_MAX_REVIEWER} printable characters")
    reviewers.add(reviewer)
    if len(reviewers) > _MAX_REVIEWERS:
        raise ProfileError(f"{where}: more than {_MAX_REVIEWERS} reviewers")
    value_hash, attribute = row.get("value_hash", "").strip(), row.get("attribute", "").strip()
    value, before = row.get("value", ""), row.get("before", "")
    if value_hash and not _HASH.fullmatch(value_hash):
        raise ProfileError(f"{where}: value_hash: {2 * (VALUE_HASH_SIZE + VALUE_CODE_SIZE)} hex digits, as a census has them")
    is_whole = not (_CUT.fullmatch(value) or _CUT.fullmatch(before))
    digests: tuple[bytes, ...] = ()
    if attribute and is_whole and (value or before):
        if not value_hash and not _ATTRIBUTE.fullmatch(attribute):
            raise ProfileError(f"{where}: attribute: its path is needed, such as (0008,1030) or (0040,a730)>(0040,a160)")
        digests = _digests(attribute, value, before)
    if not value_hash and not digests:
        needed = "attribute and value are needed" if is_whole else "value_hash is needed, for the value is cut"
        raise ProfileError(f"{where}: {needed}")
    return _Line(where, verdict, bytes.fromhex(value_hash), digests), bool(before)


def _digests(attribute: str, value: str, before: str) -> tuple[bytes, ...]:
    attribute = attribute.lower() if '"' not in attribute else attribute
    values, befores = ({text, unescape_formulas(text)} for text in (value, before))
    return tuple(ValueId(attribute, one, other or None).digest() for one in sorted(values) for other in sorted(befores))
