"""Retries for bytes that went wrong on their way."""

from collections.abc import Callable
from typing import TypeVar

from .errors import TransientError

#: when bytes went wrong on their way, they are asked for again so often
_ATTEMPTS = 3
T = TypeVar("T")


def retry_transient(attempt: Callable[[], T]) -> T:
    """Return the result of ``attempt``, tried anew while bytes go wrong on their way.

    Raises:
        TransientError: they still did the last time.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except TransientError:
            continue
    return attempt()
