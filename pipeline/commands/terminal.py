"""Names and values on a terminal: in full, and never as orders to it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

import click

#: what a terminal may take for an order, or doesn't show; half pairs can't be printed at all
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """``text`` with escapes for what isn't seen."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def text_of(name: bytes) -> str:
    """A name as text; bytes that are no UTF-8 as escapes."""
    return name.decode("utf-8", "backslashreplace")


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A line for each row, whatever its length: programs look for something in it."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with a frame on a terminal, nothing cut; else a line for each row.

    Args:
        rows: of ``visible`` texts; a cell may have several, one on a line.
    """
    if not sys.stdout.isatty():
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        lines = aligned(titles, [[" ".join(cell.split("\n")) for cell in row] for row in rows])
        click.echo("\n".join(lines))
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*titles)
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        # as Text: brackets in a name are no orders to rich
        table.add_row(*map(Text, row))
    Console().print(table)
