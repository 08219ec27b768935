"""Silence for pydicom while it works for the engine: its warnings and logs would show the values to which it objects."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator
from typing import Any

_thread = threading.local()
_lock = threading.Lock()


@contextlib.contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence pydicom's logs and warnings in this thread.

    The filters of ``warnings`` are the whole process's, and the host's: they aren't touched.
    """
    with _listening() or contextlib.nullcontext():
        before = _is_silent()
        _thread.silent = True
        try:
            yield
        finally:
            _thread.silent = before


def _is_silent() -> bool:
    return getattr(_thread, "silent", False)


def _passes(record: logging.LogRecord) -> bool:
    return not _is_silent()


class _Warnings:
    """The module ``warnings`` as pydicom sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)

    @staticmethod
    def warn(message: Warning | str, category: type[Warning] | None = None, stacklevel: int = 1, **others: Any) -> None:
        """Warn of ``message``, unless this thread is silent."""
        if not _is_silent():
            warnings.warn(message, category, stacklevel + 1, **others)


_as_pydicom_sees_it = _Warnings()


def _listening() -> contextlib.AbstractContextManager[object] | None:
    """Make pydicom's logs and warnings pass this module; return what is needed besides where its warnings don't."""
    from pydicom import misc

    logger = logging.getLogger("pydicom")
    if _passes not in logger.filters:
        with _lock:
            # there once, however often it is added
            logger.addFilter(_passes)
    if (known := getattr(misc, "warnings", None)) is _as_pydicom_sees_it:
        return None
    if known is warnings:
        # pydicom warns in one place only
        setattr(misc, "warnings", _as_pydicom_sees_it)  # noqa: B010  # it is no attribute that pydicom speaks of
        return None
    return _without_warnings()


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence all warnings in any thread, for a pydicom that warns elsewhere. That is better than showing a value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
