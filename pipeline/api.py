"""The job from Python: the settings of the command, and its report."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from .events import reporter
from .host import host_unchanged
from .logs import silence_logs

if TYPE_CHECKING:
    from .options import JobOptions
    from .runs.report import RunReport


class RunWarning(UserWarning):
    """A run warns of its settings. The message names no object, place or person."""


def run(options: JobOptions) -> RunReport:
    """De-identify an archive, wait for that, and return the account of the run, which is ``run.json``.

    Nothing is printed; a warning of the command is a RunWarning. Where worker processes are started in another way than by fork,
    the calling script needs ``if __name__ == "__main__"``, as for Python's multiprocessing.

    Raises:
        UsageError: a setting can't be used; nothing was read or written.
        RunError: the run failed; the output is whole, and the same call goes on with it.
    """
    with reporter.collected() as messages:
        try:
            with host_unchanged():
                silence_logs()

                from .runs.runner import run as run_job

                return run_job(options)
        finally:
            for message in messages:
                warnings.warn(message, RunWarning, stacklevel=2)
