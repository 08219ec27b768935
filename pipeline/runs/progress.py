"""How far a local run is, across its processes: each appends a byte per object to a file that the parent looks at."""

import contextlib
import os
import sys
import threading
import time
from typing import Any

from ..events import reporter

STAGES = ("listed", "scanned", "finished")
_TERMINAL_SECONDS, _PLAIN_SECONDS = 0.2, 10.0


class ProgressFiles:
    """A ProgressListener that any process of the run on this machine can write to; elsewhere nobody listens."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def add(self, stage: str, count: int) -> None:
        """``count`` more objects went through ``stage``."""
        try:
            handle = os.open(os.path.join(self._folder, stage), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except (FileNotFoundError, NotADirectoryError):
            # a worker on another machine, or of a run that nobody waited for: the engine shows how far it is
            return
        try:
            # where the place for temporary files is full, less is shown
            with contextlib.suppress(OSError):
                os.write(handle, b"." * count)
        finally:
            os.close(handle)

    def count(self, stage: str) -> int:
        """Objects that went through ``stage``."""
        try:
            return os.stat(os.path.join(self._folder, stage)).st_size
        except FileNotFoundError:
            return 0


class ProgressDisplay(threading.Thread):
    """Shows progress until it is stopped: bars on a terminal, a plain line or an event now and then elsewhere."""

    def __init__(self, files: ProgressFiles) -> None:
        super().__init__(daemon=True)
        self._files = files
        self._stop_event = threading.Event()

    def run(self) -> None:
        """Show until ``stop``."""
        if reporter.is_silent:
            return
        if sys.stderr.isatty() and not reporter.as_json:
            self._run_terminal()
        else:
            self._run_lines()

    def stop(self) -> None:
        """End the display."""
        self._stop_event.set()
        self.join()

    def _run_terminal(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            tasks = {stage: progress.add_task(title, total=None) for stage, title in (("scanned", "scan"), ("finished", "write"))}
            running = True
            while running:
                running = not self._stop_event.wait(_TERMINAL_SECONDS)
                listed = self._files.count("listed")
                for stage, task in tasks.items():
                    progress.update(task, completed=self._files.count(stage), total=listed or None)

    def _run_lines(self) -> None:
        started = time.monotonic()
        shown: tuple[int, ...] = (0, 0, 0)
        running = True
        while running:
            running = not self._stop_event.wait(_PLAIN_SECONDS)
            counts = tuple(self._files.count(stage) for stage in STAGES)
            # people are told the end by the summary
            if counts != shown and (running or reporter.as_json):
                seconds = time.monotonic() - started
                fields: dict[str, Any] = dict(zip(STAGES, counts, strict=True), seconds=round(seconds, 3))
                text = ", ".join(f"{fields[stage]} {stage}" for stage in STAGES)
                reporter.say("progress", f"{seconds:6.0f} s: {text}", **fields)
                shown = counts
