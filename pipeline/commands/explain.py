"""``dicom-deid explain``: what a profile does to each attribute, and what decides that."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from typing import TYPE_CHECKING

import click

from ..safe_csv import HELP, write_csv
from .command_errors import usage_error
from .grouped_help import GroupedCommand
from .profile_options import load_profile, with_profile
from .terminal import aligned, visible

if TYPE_CHECKING:
    from profiles import ConfidentialityProfile, ExplainedAttribute

_HEADER = ("tag", "keyword", "vr", "action", "meaning", "decided by")
_DIFF_HEADER = ("tag", "keyword", "vr", "action", "decided by", "other action", "other decided by")
#: on a terminal: the tag's and the action's columns, and how far names reach before the meaning goes to a line of its own
_TAG_WIDTH, _ACTION_WIDTH, _NAME_WIDTH = 11, 6, 42
_NARROWEST = 40
_INDENT = " " * (_TAG_WIDTH + _ACTION_WIDTH + 4)


@click.command(cls=GroupedCommand, example="dicom-deid explain --options CleanDesc --attribute StudyDescription")
@with_profile
@click.option("--csv", "as_csv", is_flag=True, help=f"Print CSV instead of a table. {HELP}")
@click.option(
    "--attribute",
    metavar="NAME",
    help="Show one: its keyword, its tag (0010,0010, 60xx,3000), or 0019{CREATOR}0c where it is private.",
)
@click.option("--diff", "other", metavar="basic|FILE", help="Show only where this other profile differs.")
@click.option("--diff-options", default="", metavar="NAME,...", help="Options of the other profile.")
def explain(profile: ConfidentialityProfile, as_csv: bool, attribute: str | None, other: str | None, diff_options: str) -> None:
    """Show what the chosen profile does to each attribute of the dictionary, and which rule decides it.

    Attributes come by tag, then rules that are for no one attribute, and for whole objects. A pipe gets a line for each.
    """
    from profiles import diff

    comparing = other is not None or bool(diff_options)
    if attribute is not None:
        if comparing:
            usage_error("--attribute and --diff: one of both")
        _explain_one(profile, attribute, as_csv=as_csv)
        return
    if comparing:
        rows = [_difference(*pair) for pair in diff(profile, load_profile(other or "basic", diff_options))]
        _print(_DIFF_HEADER, rows, as_csv=as_csv)
    else:
        _print(_HEADER, map(astuple, profile.explain_all()), as_csv=as_csv)


def _difference(one: ExplainedAttribute | None, other: ExplainedAttribute | None) -> tuple[str, ...]:
    named = one or other
    assert named is not None
    ends = [(row.action, row.decided_by) if row is not None else ("", "") for row in (one, other)]
    return (named.tag, named.keyword, named.vr, *ends[0], *ends[1])


def _print(header: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, as_csv: bool) -> None:
    if as_csv:
        write_csv(sys.stdout, [header, *rows])
        return
    shown = [tuple(map(visible, row)) for row in rows]
    # names of files with rules may have letters that the terminal has not
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # one write: line by line, five thousand of them would take a second
    click.echo("\n".join(_folded(header, shown) if sys.stdout.isatty() else aligned(header, shown)))


def _folded(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Rows as wide as the terminal: tag, action and name in a line, and what they mean beside or below them, in full."""
    width = max(shutil.get_terminal_size().columns - 1, _NARROWEST)
    if header == _HEADER:
        yield from _entry("tag", "action", "keyword (VR)", "meaning; decided by", width)
    for row in rows:
        tag, keyword, vr, action = row[:4]
        name = " ".join(filter(None, (keyword, f"({vr})" if vr else "")))
        if header == _HEADER:
            text = f"{row[4]}; {row[5]}"
        else:
            text = f"by {row[4] or 'no rule'}; other: {' by '.join(filter(None, row[5:])) or 'no rule'}"
        yield from _entry(tag, action, name, text, width)


def _entry(tag: str, action: str, name: str, text: str, width: int) -> Iterator[str]:
    head = f"{tag:<{_TAG_WIDTH}} {action:<{_ACTION_WIDTH}} {name}".rstrip()
    column = _TAG_WIDTH + _ACTION_WIDTH + _NAME_WIDTH + 3
    if len(head) < column and column + len(text) <= width:
        yield f"{head:<{column}}{text}"
        return
    if len(head) <= width:
        yield head
    else:
        # neither tag nor keyword is ever cut, or broken by the terminal where it needn't be
        name, _, vr = name.partition(" (")
        yield f"{tag:<{_TAG_WIDTH}} {action:<{_ACTION_WIDTH}} {'(' * bool(vr)}{vr}".rstrip()
        yield f"{'':<{_TAG_WIDTH}} {name}"
    yield from _wrapped(text, _INDENT, width)


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _explain_one(profile: ConfidentialityProfile, name: str, *, as_csv: bool) -> None:
    from profiles import ProfileError, explain_attribute, find_attribute

    try:
        named = find_attribute(name)
    except ProfileError as error:
        usage_error(f"--attribute: {error}")
    found = explain_attribute(profile, named)
    if as_csv:
        write_csv(sys.stdout, [_HEADER, astuple(found.line)])
        return
    line = found.line
    unnamed = "(private attribute)" if named.is_private else "(unknown attribute)"
    facts = [
        ("tag", line.tag),
        ("keyword", line.keyword or unnamed),
        ("VR", line.vr or "unknown"),
        ("action", line.action),
        ("meaning", line.meaning),
        ("decided by", line.decided_by),
    ]
    facts += [(f"inside {place}", _outcome(there)) for place, there in found.inside.items()]
    facts.append(("Basic Profile", _outcome(found.basic)))
    facts += [(f"with {option}", _outcome(there)) for option, there in found.options.items()]
    facts.append(("with other options" if found.options else "with any option", "as the Basic Profile"))
    _print_facts([(visible(label), visible(text)) for label, text in facts])


def _outcome(line: ExplainedAttribute) -> str:
    return f"{line.action}  {line.meaning}; {line.decided_by}"


def _print_facts(facts: list[tuple[str, str]]) -> None:
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    column = max(len(label) for label, _ in facts) + 2
    width = max(shutil.get_terminal_size().columns - 1, column + _NARROWEST)
    for label, text in facts:
        if not sys.stdout.isatty():
            click.echo(f"{label:<{column}}{text}")
            continue
        first, *rest = _wrapped(text, " " * column, width)
        click.echo("\n".join([f"{label:<{column}}{first.lstrip()}", *rest]))
