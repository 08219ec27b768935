"""pydicom tells in warnings and logs what it objects to, and the values with it: while it works for the engine none is shown."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator

_thread = threading.local()


@contextlib.contextmanager
def silence(warning: type[Warning] | None = None) -> Iterator[None]:
    """What pydicom does in here, in this thread, is neither logged nor warned of.

    Args:
        warning: a kind of warnings that are raised instead.
    """
    # there once, however often it is added
    logging.getLogger("pydicom").addFilter(_passes)
    before = _is_silent()
    _thread.silent = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if warning is not None:
                warnings.simplefilter("error", warning)
            yield
    finally:
        _thread.silent = before


def _is_silent() -> bool:
    return getattr(_thread, "silent", False)


def _passes(record: logging.LogRecord) -> bool:
    return not _is_silent()
