"""Changes between an earlier run and a plan, on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from .terminal import print_table, visible

_TITLES = ("attribute", "before", "now", "instances", "studies")
_STATUS_TITLES = ("before", "now", "objects")


def print_diff(changes: Mapping[str, Any]) -> None:
    """Print changes, as ``plan.json`` has them: attributes, then objects that end otherwise."""
    click.echo(f"\nChanges since run {changes['run_id']}:")
    attributes = [
        (
            "\n".join(filter(None, (visible(row["path"]), row["keyword"]))),
            *(row[name] or "not listed" for name in ("before", "now")),
            str(row["instances"]),
            str(row["studies"]),
        )
        for row in changes["attributes"]
    ]
    if attributes:
        print_table(_TITLES, attributes)
    statuses = [(_end(row, "before"), _end(row, "now"), str(row["objects"])) for row in changes["statuses"]]
    if statuses:
        print_table(_STATUS_TITLES, statuses)
    other = changes["other_bytes"]
    for what, count in (
        ("objects only that run lists", changes["only_before"]),
        ("objects only the plan lists", changes["only_now"]),
        (f"objects of {other['studies']} studies whose bytes differ though no action does", other["instances"]),
        ("objects whose earlier actions no table in that audit has", changes["unknown_actions"]),
    ):
        if count:
            click.echo(f"{count} {what}")
    if not attributes and not statuses:
        click.echo("No attribute is treated otherwise, and no object ends otherwise.")
    click.echo("")


def _end(row: Mapping[str, Any], when: str) -> str:
    status, reason = row[f"status_{when}"], row[f"reason_{when}"]
    return f"{status} ({reason})" if reason else status
