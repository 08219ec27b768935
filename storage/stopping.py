"""How a run ends before its end: by what is asked for from outside, or by a store that can't be used; what is done is kept."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from .errors import EndOfRunError

T = TypeVar("T")

_stopped = threading.Event()


class StoppedError(EndOfRunError):
    """The run was told to stop."""


def stop() -> None:
    """Have this process's work for the run end soon: nothing new is begun or written by it."""
    _stopped.set()


def go_on() -> None:
    """Take ``stop`` back: what comes is another run's."""
    _stopped.clear()


def check_running() -> None:
    """
    Raises:
        StoppedError: the run was told to stop.
    """
    if _stopped.is_set():
        raise StoppedError


def keep_done(results: Iterable[T], keep: Callable[[], None]) -> Iterator[T]:
    """``results``, looking before each whether the run goes on; if it ends there, ``keep`` is called first: what it can't keep is
    done again.
    """
    try:
        for result in results:
            yield result
            check_running()
    except EndOfRunError:
        with contextlib.suppress(Exception):
            keep()
        raise
