"""CSV that people open in spreadsheets, which run what looks like a formula: no cell of ours does."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import TextIO

#: where a spreadsheet may begin to read a formula, in whatever country's separators, and what makes it one: the signs that OWASP
#: names, and their wide forms; also behind blanks, quotes and what isn't seen
_BEGINS = re.compile(
    "^(?=[\t\r\n])|(?:^|[;|\t\r\n])(?=[\\s\"'`\x00-\x1f\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff0b\uff0d\uff1d\uff20])"
)

#: for the help of commands
HELP = "Cells that a spreadsheet might run have an apostrophe in front."


def defused(text: str) -> str:
    """``text`` with an apostrophe in front of what a spreadsheet might run."""
    return _BEGINS.sub(r"\g<0>'", text)


def write_csv(stream: TextIO, rows: Iterable[Iterable[object]], *, quoted: bool = False) -> None:
    """Write ``rows`` to ``stream``, texts defused.

    Args:
        quoted: whether all cells stand in quotes.
    """
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([defused(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
