"""Names and values on a terminal: complete, and without control characters."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

import click

#: control and invisible characters, and surrogates, which can't be printed
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """Return ``text`` with escapes for control and invisible characters."""
    return _INVISIBLE.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def text_of(name: bytes) -> str:
    """Return a name as text, with escapes for bytes that aren't UTF-8."""
    return name.decode("utf-8", "backslashreplace")


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield one line for each row, with aligned columns, so that programs can search lines."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: framed on a terminal, with nothing cut; else one line for each row.

    Args:
        rows: cells of ``visible`` texts. A cell may have several, one per line.
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
        # as Text, so that rich doesn't read brackets in names as markup
        table.add_row(*map(Text, row))
    Console().print(table)
