"""Metrics of the last run, in a file that node_exporter's textfile collector reads for Prometheus."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from ..events import reporter
from ..signals import signals_deferred
from .command_errors import exit_code_of_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..runs.report import RunReport

#: metrics of the last run, and metrics of the last run that finished: a run that fails keeps these, so that alerts about objects
#: stay. By name: help text, and the label beside ``name``
_OF_COMMAND = {
    "last_run_exit_code": ("Exit code of the last run; 0 and 3 are success.", ""),
    "last_run_start_timestamp_seconds": ("Time at which the last run began.", ""),
    "last_run_end_timestamp_seconds": ("Time at which the last run ended, with any exit code.", ""),
}
_OF_ACCOUNT = {
    "last_success_timestamp_seconds": ("Time at which the last finished run ended.", ""),
    "objects": ("Objects listed by the last finished run, by status.", "status"),
    "quarantined_objects": ("Quarantined objects, by reason.", "reason"),
    "new_quarantined_objects": ("Quarantined objects that the run before had not quarantined for this reason.", "reason"),
    "incomplete_studies": ("Studies with quarantined objects.", ""),
    "superseded_objects": ("Refused objects whose outputs of an earlier run are still there.", ""),
    "gone_objects": ("Objects that the run before listed and that are gone from the inputs.", ""),
    "written_bytes": ("Bytes of the objects written.", ""),
    "stage_duration_seconds": ("Duration of each stage.", "stage"),
}
_PREFIX = "dicom_deid_"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
#: limit on the size of an earlier file; files of this module are much smaller
_MOST_BYTES = 1 << 20


class MetricsFile:
    """Context of a command's work, which writes the metrics file however the work ends. Without a path it does nothing."""

    def __init__(self, path: str | None) -> None:
        """Check that the file can be written.

        Args:
            path: path of the file; None: write none.

        Raises:
            ValueError: it can't. The message says why.
        """
        self._path, self._started, self._is_written = path, time.time(), False
        if path is None:
            return
        folder, name = os.path.split(path)
        self._folder = folder or os.curdir
        self._name = name.removesuffix(".prom")
        if "://" in path or not name.endswith(".prom"):
            raise ValueError("name a file on this machine that ends in .prom: collectors read no others")
        if not _NAME.fullmatch(self._name):
            raise ValueError("the file name becomes a label: use at most 64 letters, digits, - and _")
        # to open a pipe would block
        is_other = os.path.lexists(path) and not os.path.isfile(path)
        if is_other or not os.path.isdir(self._folder) or not os.access(self._folder, os.W_OK | os.X_OK):
            raise ValueError("the file can't be written: name one in an existing folder that you may write to")

    def __enter__(self) -> MetricsFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._is_written:
            self.write(exit_code_of_error(error))

    def write(self, exit_code: int, reports: Sequence[RunReport] = ()) -> None:
        """Write the file, with the metrics of the last of ``reports``. Without reports, keep those of the last finished run."""
        self._is_written = True
        if self._path is None:
            return
        now = time.time()
        values: dict[str, list[str]] = {}
        for family, value in zip(_OF_COMMAND, (exit_code, int(self._started), int(now)), strict=True):
            values[family] = [self._line(family, value)]
        if reports:
            values |= {family: list(lines) for family, lines in self._account(reports[-1], int(now))}
        else:
            values |= self._previous_metrics()
        families = _OF_COMMAND | _OF_ACCOUNT
        text = "".join(
            f"# HELP {_PREFIX}{family} {families[family][0]}\n# TYPE {_PREFIX}{family} gauge\n" + "".join(lines)
            for family, lines in values.items()
            if lines
        )
        try:
            with signals_deferred():
                self._replace(text)
        except OSError as error:
            # the outcome of the run doesn't depend on this file
            reporter.warn(
                "metrics-file",
                f"--metrics-file can't be written ({error.strerror}), so it does not show this run: check its folder",
            )

    def _account(self, report: RunReport, now: int) -> Iterator[tuple[str, Iterator[str]]]:
        # imported late, so that help and usage errors stay fast
        from ..advice import NEEDS_NO_ACTION

        passed_over = {reason.value for reason in NEEDS_NO_ACTION}
        single = {
            "last_success_timestamp_seconds": now,
            "incomplete_studies": report.incomplete_studies,
            "superseded_objects": report.superseded,
            "gone_objects": report.gone,
            "written_bytes": report.bytes_written,
        }
        quarantined = {reason: count for reason, count in report.reasons.items() if reason not in passed_over}
        labelled = {
            "objects": report.counts,
            "quarantined_objects": quarantined,
            # zeros, too: Prometheus sees no increase in a series that begins above 0
            "new_quarantined_objects": {reason: report.new_quarantined.get(reason, 0) for reason in quarantined},
            "stage_duration_seconds": {stage: took for stage, took in report.times["seconds"].items() if took is not None},
        }
        for family in _OF_ACCOUNT:
            if family in single:
                yield family, iter([self._line(family, single[family])])
            else:
                yield family, (self._line(family, value, label) for label, value in labelled[family].items())

    def _line(self, family: str, value: float, label: str = "") -> str:
        kind = (_OF_COMMAND | _OF_ACCOUNT)[family][1]
        more = f',{kind}="{label}"' if kind else ""
        return f'{_PREFIX}{family}{{name="{self._name}"{more}}} {value}\n'

    def _previous_metrics(self) -> dict[str, list[str]]:
        """Return the file's metrics of the last finished run: only lines that this module can have written."""
        found: dict[str, list[str]] = {family: [] for family in _OF_ACCOUNT}
        assert self._path is not None
        with contextlib.suppress(OSError, ValueError), open(self._path, encoding="ascii") as file:
            for line in file.read(_MOST_BYTES).splitlines(keepends=True):
                for family, (_, kind) in _OF_ACCOUNT.items():
                    label = rf',{kind}="[a-z0-9-]+"' if kind else ""
                    line_of = rf'{_PREFIX}{family}\{{name="{re.escape(self._name)}"{label}\}} [0-9.e+]+\n'
                    if re.fullmatch(line_of, line) and line not in found[family]:
                        found[family].append(line)
        return found

    def _replace(self, text: str) -> None:
        assert self._path is not None
        # collectors ignore names that don't end in .prom
        temporary = os.path.join(self._folder, f".{self._name}.{os.getpid()}.new")
        with contextlib.suppress(FileNotFoundError):
            # left by a killed process with the same process id
            os.unlink(temporary)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(handle, "w", encoding="ascii") as file:
                file.write(text)
                # mode 0644, where other files of this program have 0600: node_exporter runs as another user, and the file holds
                # only numbers and codes of closed lists
                os.fchmod(handle, 0o644)
                file.flush()
                os.fsync(handle)
            os.replace(temporary, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
