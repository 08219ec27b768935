"""Messages of a command: sentences for people, or events for programs, each a JSON object on a line of stderr."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any, Literal

import click

Level = Literal["info", "warning", "error"]


class Reporter:
    """Writer of a command's messages.

    Attributes:
        as_json: write events, and no sentences.
        is_silent: write nothing to stdout or stderr.
    """

    def __init__(self) -> None:
        self.as_json = self.is_silent = False
        self._warnings: list[str] = []

    @contextlib.contextmanager
    def collected(self) -> Iterator[list[str]]:
        """Write nothing during the block; yield the list to which its warnings are added."""
        before, self.is_silent, self._warnings = self.is_silent, True, []
        try:
            yield self._warnings
        finally:
            self.is_silent = before

    def say(self, event: str, sentence: str | None, *, level: Level = "info", to_stdout: bool = False, **fields: Any) -> None:
        """Write a message.

        Args:
            event: the stable name of the event.
            sentence: the text for people; None: they get none.
            to_stdout: True if the sentence is the result of the command. Events are always written to stderr.
            fields: the event's fields, beside its time, level and name. None of them may name an object, a place or a person.
        """
        if self.is_silent:
            return
        if self.as_json:
            record = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "event": event, **fields}
            click.echo(json.dumps(record), err=True)
        elif sentence is not None:
            click.echo(sentence, err=not to_stdout)

    def warn(self, code: str, message: str, **fields: Any) -> None:
        """Write a warning, and add its message to those that ``collected`` yields.

        Args:
            code: the stable code of the warning.
            fields: as for ``say``.
        """
        self._warnings.append(message)
        self.say("warning", f"Warning: {message}", level="warning", code=code, message=message, **fields)


#: the one reporter of a process: it has one stderr
reporter = Reporter()
