"""The host of a run that is called from Python: its logging, warnings, environment and hooks stay what they are."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def host_unchanged() -> Iterator[None]:
    """A block that may change what is global in this process; all of that is as before when it is left.

    That is: environment variables, levels and handlers of loggers, filters of warnings, ``threading.excepthook``, the garbage
    collector, and the options of Beam's file systems. Signals are the command's alone: a run doesn't touch their handlers.
    """
    with contextlib.ExitStack() as restored:
        restored.enter_context(warnings.catch_warnings())
        restored.callback(_restore_environment, dict(os.environ))
        root = logging.getLogger()
        restored.callback(_restore_handlers, root.handlers[:])
        for name in ("", "apache_beam"):
            logger = logging.getLogger(name)
            restored.callback(logger.setLevel, logger.level)
        restored.callback(setattr, threading, "excepthook", threading.excepthook)
        restored.callback(_restore_garbage_collector, gc.get_threshold(), gc.isenabled(), gc.get_freeze_count())
        restored.callback(_restore_file_systems, _file_system_options())
        yield


def _restore_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def _restore_handlers(before: list[logging.Handler]) -> None:
    root = logging.getLogger()
    for handler in [*root.handlers]:
        if handler not in before:
            root.removeHandler(handler)


def _file_system_options() -> Any:
    # not imported here: Beam logs even then
    filesystems = sys.modules.get("apache_beam.io.filesystems")
    return None if filesystems is None else filesystems.FileSystems._pipeline_options


def _restore_file_systems(options: Any) -> None:
    filesystems = sys.modules.get("apache_beam.io.filesystems")
    if filesystems is not None:
        filesystems.FileSystems.set_options(options)


def _restore_garbage_collector(thresholds: tuple[int, int, int], enabled: bool, frozen: int) -> None:
    gc.set_threshold(*thresholds)
    (gc.enable if enabled else gc.disable)()
    if not frozen:
        # one that has frozen something itself keeps it so, with what a run added
        gc.unfreeze()
