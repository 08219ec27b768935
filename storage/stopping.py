"""The early end of a run: by a request from outside, or by a store that can't be used; finished work is kept."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from .errors import EndOfRunError

T = TypeVar("T")

_stopped = threading.Event()


class StoppedError(EndOfRunError):
    """The end of a run that was told to stop."""


def stop() -> None:
    """End this process's work for the run soon: nothing new is begun or written by it."""
    _stopped.set()


def go_on() -> None:
    """Take ``stop`` back: from now on the work is another run's."""
    _stopped.clear()


def check_running() -> None:
    """
    Raises:
        StoppedError: the run was told to stop.
    """
    if _stopped.is_set():
        raise StoppedError


def keep_done(results: Iterable[T], keep: Callable[[], None]) -> Iterator[T]:
    """Yield ``results``, and check before each that the run goes on. If it ends there, ``keep`` is called first; other work is
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
