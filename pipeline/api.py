"""The job as a Python function: it takes the settings of the command and returns its report."""

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
    """A warning about the settings of a run. Its message names no object, place or person."""


def run(options: JobOptions) -> RunReport:
    """De-identify an archive, wait until it is done, and return the report of the run: the content of ``run.json``.

    Nothing is printed. A warning of the command becomes a RunWarning. Where worker processes are not forked, the calling script
    needs ``if __name__ == "__main__"``, as for Python's multiprocessing.

    Raises:
        UsageError: a setting can't be used. Nothing was read or written.
        RunError: the run failed. The objects in the output are complete, and the same call continues it.
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
