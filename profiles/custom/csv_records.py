"""The lines of a profile in CSV: cells, comments, and tags whose comma is no separator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import ProfileError

_LINE_END = re.compile(r"\r\n|\r|\n")
_COMMENT = ("//", "#")
#: there are less than a dozen options
_MAX_CELLS = 256
#: whichever begins first: a quoted cell may hold what looks like a comment, and a comment may hold quotes
_QUOTED_OR_COMMENT = re.compile(
    r'(?:^|(?<=[;,\t]))[ \t]*"(?:[^"]|"")*"|(?:^|(?<=[ \t;,]))(?://|#)[^\n]*',
    re.MULTILINE,
)
_QUOTED = re.compile(r'(?:[^"]|"")*')
_STEP = r"(?:\(?[0-9a-fx]{4}, ?[0-9a-fx]{4}\)?|[0-9a-fx]{4}\{[^{}]*\}[0-9a-fx]{2}|[^,>]*)"
#: a pattern that isn't quoted in a file whose cells are divided by commas: tags have one, and creators may have some
_PATTERN = re.compile(rf"{_STEP}(?:>{_STEP})*(?=[ \t]*,|[ \t]*$|[ \t]+(?://|#))", re.IGNORECASE)


class Record(NamedTuple):
    """A line of a CSV file, or several where a quoted cell goes on.

    Attributes:
        line: its number, from 1.
        cells: without quotes, and without the blanks around them.
        uncertain: the index of a cell of which a comment may be a part: it stands right behind a text, or where one could begin.
    """

    line: int
    cells: tuple[str, ...]
    uncertain: int | None


def plain_lines(text: str) -> list[str]:
    """Return the lines of ``text`` that aren't empty, without comments and quoted cells, to see by what cells are divided."""
    plain = _QUOTED_OR_COMMENT.sub("", "\n".join(_LINE_END.split(text)))
    return [line for line in map(str.strip, plain.split("\n")) if line]


def records(text: str, separator: str, pattern_column: int = 0) -> Iterator[Record]:
    """Yield the records of a CSV file, without empty lines and comments: from ``//`` or ``#`` on, at the start or behind a blank.

    Args:
        pattern_column: the index of the cell with the tag pattern, whose commas don't divide it.

    Raises:
        ProfileError: line and what is wrong with its quotes.
    """
    lines = _LINE_END.split(text)
    number = 0
    while number < len(lines):
        if lines[number].strip() == "" or lines[number].lstrip().startswith(_COMMENT):
            number += 1
            continue
        line = _Line(lines, number, separator, pattern_column)
        yield line.record()
        number = line.next


class _Line:
    """A reader of one record; ``next`` is the index of the line behind it."""

    def __init__(self, lines: list[str], number: int, separator: str, pattern_column: int) -> None:
        self.next = number + 1
        self._lines = lines
        self._first = number + 1
        self._separator = separator
        self._pattern_column = pattern_column
        self._end = re.compile(rf"{separator}|(?<![^ \t{separator}])(?://|#)")
        self._blank = re.compile(r" *" if separator == "\t" else r"[ \t]*")
        self._line = lines[number]
        self._position = 0

    def record(self) -> Record:
        cells: list[str] = []
        uncertain = None
        more = True
        while more:
            if len(cells) == _MAX_CELLS:
                raise ProfileError(f"line {self._first}: more than {_MAX_CELLS} cells")
            self._skip_blanks()
            if self._line.startswith('"', self._position):
                cells.append(self._quoted())
                more = self._step_over_separator()
                continue
            start = self._position
            end = self._cell_end(len(cells))
            cells.append(self._line[start:end].strip())
            self._position = end
            more = self._line.startswith(self._separator, end)
            self._position += more
            if not more and end < len(self._line) and (cells[-1] or self._line[end - 1] == self._separator):
                uncertain = len(cells) - 1
        return Record(self._first, tuple(cells), uncertain)

    def _skip_blanks(self) -> None:
        found = self._blank.match(self._line, self._position)
        assert found is not None
        self._position = found.end()

    def _cell_end(self, column: int) -> int:
        start = self._position
        if self._separator == "," and column == self._pattern_column and (pattern := _PATTERN.match(self._line, start)):
            start = pattern.end()
        found = self._end.search(self._line, start)
        return found.start() if found else len(self._line)

    def _quoted(self) -> str:
        content = ""
        self._position += 1
        while True:
            found = _QUOTED.match(self._line, self._position)
            assert found is not None
            content += found[0].replace('""', '"')
            self._position = found.end()
            if self._position < len(self._line):
                self._position += 1
                return content.strip()
            if self.next == len(self._lines):
                raise ProfileError(f"line {self._first}: a quoted cell has no end")
            content += "\n"
            self._line = self._lines[self.next]
            self._position = 0
            self.next += 1

    def _step_over_separator(self) -> bool:
        """Go to the next cell behind a quoted one, and return whether there is one."""
        self._skip_blanks()
        rest = self._line[self._position :]
        if rest == "" or rest.startswith(_COMMENT):
            return False
        if not rest.startswith(self._separator):
            raise ProfileError(f"line {self._first}: something stands behind a quoted cell; within it, quotes are doubled")
        self._position += 1
        return True
