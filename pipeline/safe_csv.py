"""CSV for people who open it in spreadsheets: no cell can run as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TextIO

#: sentence for the help of commands that print CSV
HELP = "An apostrophe precedes cells that a spreadsheet might run."


def write_csv(stream: TextIO, rows: Iterable[Iterable[object]], *, quoted: bool = False) -> None:
    """Write ``rows`` to ``stream``, without formulas.

    Args:
        quoted: put all cells in quotes.
    """
    # here, for few commands write any, and the policy takes a while to load
    from profiles import escape_formulas

    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([escape_formulas(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
