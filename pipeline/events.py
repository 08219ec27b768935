"""What a command says of its work on stderr: sentences for people, or events for programs, each a line with one JSON object."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any, Literal

import click

Level = Literal["info", "warning", "error"]


class Reporter:
    """Says what happens.

    Attributes:
        as_json: say events, and no sentence beside them.
        is_silent: say nothing on stdout or stderr.
    """

    def __init__(self) -> None:
        self.as_json = self.is_silent = False
        self._warnings: list[str] = []

    @contextlib.contextmanager
    def collected(self) -> Iterator[list[str]]:
        """A block in which nothing is said; gives the list that its warnings come to."""
        before, self.is_silent, self._warnings = self.is_silent, True, []
        try:
            yield self._warnings
        finally:
            self.is_silent = before

    def say(self, event: str, sentence: str | None, *, level: Level = "info", to_stdout: bool = False, **fields: Any) -> None:
        """Say that ``event`` happened.

        Args:
            sentence: what people read; None: nothing.
            to_stdout: the sentence is what was asked for. No event goes there.
            fields: what the event tells, beside its time, level and name. None of it may name an object, a place or a person.
        """
        if self.is_silent:
            return
        if self.as_json:
            said = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "event": event, **fields}
            click.echo(json.dumps(said), err=True)
        elif sentence is not None:
            click.echo(sentence, err=not to_stdout)

    def warn(self, code: str, message: str, **fields: Any) -> None:
        """Say what somebody should know, and what the run doesn't end for."""
        self._warnings.append(message)
        self.say("warning", f"Warning: {message}", level="warning", code=code, message=message, **fields)


#: there is one stderr in a process, and one who speaks there
reporter = Reporter()
