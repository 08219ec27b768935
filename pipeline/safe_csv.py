"""CSV for people who open it in spreadsheets: no cell can run as a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import TextIO

#: places where a spreadsheet may begin to read a formula, whatever its separators are. A formula begins with one of the signs
#: that OWASP names, or its wide form, also behind blanks, quotes and invisible characters
_BEGINS = re.compile(
    "^(?=[\t\r\n])|(?:^|[;|\t\r\n])(?=[\\s\"'`\x00-\x1f\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff0b\uff0d\uff1d\uff20])"
)

#: sentence for the help of commands that print CSV
HELP = "An apostrophe precedes cells that a spreadsheet might run."


def escape_formulas(text: str) -> str:
    """Return ``text`` with an apostrophe before each place where a spreadsheet might begin a formula."""
    return _BEGINS.sub(r"\g<0>'", text)


def write_csv(stream: TextIO, rows: Iterable[Iterable[object]], *, quoted: bool = False) -> None:
    """Write ``rows`` to ``stream``, without formulas.

    Args:
        quoted: put all cells in quotes.
    """
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([escape_formulas(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
