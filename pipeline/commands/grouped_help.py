"""Help of commands in groups of options, with an example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Any], Any]
#: headings that all commands have, behind their own
REPORTING, _OTHER = "Reporting", "Other options"
_LAST = {REPORTING: 1, _OTHER: 2}


class GroupedOption(click.Option):
    """An option that help shows under a heading."""

    def __init__(self, *arguments: Any, heading: str = _OTHER, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.heading = heading


class GroupedCommand(click.Command):
    """A command whose help shows options by heading, and ends with an example."""

    def __init__(self, *arguments: Any, example: str = "", **settings: Any) -> None:
        """
        Args:
            example: command lines that can be copied.
        """
        super().__init__(*arguments, **settings)
        self.example = example

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As the base class."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            # of arguments the first line and the text tell
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)) is not None:
                groups.setdefault(getattr(parameter, "heading", _OTHER), []).append(record)
        for heading in sorted(groups, key=lambda heading: _LAST.get(heading, 0)):
            with formatter.section("Options" if len(groups) == 1 else heading):
                formatter.write_dl(groups[heading])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As the base class."""
        super().format_epilog(ctx, formatter)
        if self.example:
            with formatter.section("Example"):
                for line in self.example.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def options_of(heading: str) -> Callable[..., Decorator]:
    """Return ``click.option`` for options under a heading."""

    def option(*names: str, **settings: Any) -> Decorator:
        return click.option(*names, cls=GroupedOption, heading=heading, **settings)

    return option


def add_options(options: tuple[Decorator, ...]) -> Decorator:
    """Return a decorator that gives a command all of ``options``, in their order."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
