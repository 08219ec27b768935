"""The last run in numbers, as a file that node_exporter's textfile collector reads for Prometheus."""

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

#: of each run, and of the last one that came to its end: a run that fails leaves these as they were, so that what is wrong with
#: objects still alerts. By name: what it is, and its label beside ``name``
_OF_COMMAND = {
    "last_run_exit_code": ("Exit code of the last run; 0 and 3 are success.", ""),
    "last_run_start_timestamp_seconds": ("When the last run began.", ""),
    "last_run_end_timestamp_seconds": ("When the last run ended, with whatever exit code.", ""),
}
_OF_ACCOUNT = {
    "last_success_timestamp_seconds": ("When the last run ended that came to its end.", ""),
    "objects": ("Objects that it accounted for.", "status"),
    "quarantined_objects": ("Objects that are quarantined, by reason.", "reason"),
    "new_quarantined_objects": ("Those of them that the run before had not quarantined for it.", "reason"),
    "incomplete_studies": ("Studies of which an object is quarantined.", ""),
    "superseded_objects": ("Refused objects whose earlier outputs still lie in the output.", ""),
    "gone_objects": ("Objects that the run before knew and the source lists no more.", ""),
    "written_bytes": ("Bytes that it wrote.", ""),
    "stage_duration_seconds": ("How long its stages took.", "stage"),
}
_PREFIX = "dicom_deid_"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
#: a file of this module is much smaller
_MOST_BYTES = 1 << 20


class MetricsFile:
    """A block that is a command's work: it leaves the file behind, however it ends. Without a path, nothing."""

    def __init__(self, path: str | None) -> None:
        """
        Raises:
            ValueError: there can be no such file; the text says why.
        """
        self._path, self._begun, self._is_written = path, time.time(), False
        if path is None:
            return
        folder, name = os.path.split(path)
        self._folder = folder or os.curdir
        self._name = name.removesuffix(".prom")
        if "://" in path or not name.endswith(".prom"):
            raise ValueError("a file on this machine whose name ends in .prom, as collectors read no other")
        if not _NAME.fullmatch(self._name):
            raise ValueError("its name is a label in it: give it letters, digits, - and _ only, and 64 at most")
        # a pipe, say, would be waited for
        is_other = os.path.lexists(path) and not os.path.isfile(path)
        if is_other or not os.path.isdir(self._folder) or not os.access(self._folder, os.W_OK | os.X_OK):
            raise ValueError("it can't be written there: name a file in a folder that exists and that you may write to")

    def __enter__(self) -> MetricsFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._is_written:
            self.write(exit_code_of_error(error))

    def write(self, exit_code: int, reports: Sequence[RunReport] = ()) -> None:
        """Write the file: the account of the last of ``reports``, or without any the one that was there."""
        self._is_written = True
        if self._path is None:
            return
        now = time.time()
        values: dict[str, list[str]] = {}
        for family, value in zip(_OF_COMMAND, (exit_code, int(self._begun), int(now)), strict=True):
            values[family] = [self._line(family, value)]
        if reports:
            values |= {family: list(lines) for family, lines in self._account(reports[-1], int(now))}
        else:
            values |= self._earlier()
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
            # the run itself is what it is
            reporter.warn("metrics-file", f"--metrics-file can't be written ({error.strerror}): it says nothing of this run")

    def _account(self, report: RunReport, now: int) -> Iterator[tuple[str, Iterator[str]]]:
        # not above: help and mistakes are shown without it
        from .advice import NEEDS_NO_ACTION

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
            # with those of which none is new: a number that was never 0 doesn't grow
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

    def _earlier(self) -> dict[str, list[str]]:
        """What the file says of the last run that came to its end: lines that this module may have written, and no others."""
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
        # without .prom at its end: collectors take no notice of it
        temporary = os.path.join(self._folder, f".{self._name}.{os.getpid()}.new")
        with contextlib.suppress(FileNotFoundError):
            # of a process that was killed, and had the same number
            os.unlink(temporary)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(handle, "w", encoding="ascii") as file:
                file.write(text)
                # 0644 where all else that this program writes is 0600: node_exporter is another user, and here are numbers and
                # codes of closed lists, nothing of objects
                os.fchmod(handle, 0o644)
                file.flush()
                os.fsync(handle)
            os.replace(temporary, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
