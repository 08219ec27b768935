"""Contenders in turn: each a child process over the same input, into a fresh folder, round after round."""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .environment import file_system
from .peers import UNREADABLE

_CHILD, _TREE = (Path(__file__).with_name(name) for name in ("child.py", "tree.py"))
#: what says in a log that memory was refused: Python, C++, Rust
_NO_MEMORY = ("MemoryError", "bad_alloc", "memory allocation of", "Cannot allocate memory")
#: seconds that a disk gets after outputs were deleted, which ext4 pays for later
_PAUSE = 60
#: bytes of outputs that may lie there before they are deleted
_KEPT = 20 * 10**9
#: bytes of memory that are ready for each run, beside its output's
_READY = 1 << 29
MANY, FEW, ONE = "many", "few", "one"


class ChildFailed(Exception):
    """A child process that did not do its work; the text is fit for a table, and ``log`` is the child's output."""

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.log = log


@dataclass(frozen=True)
class Usage:
    """The resources that one run took.

    Attributes:
        wall, user, system: seconds by the clock, and of CPU.
        memory: peak in bytes; with several processes, of the largest.
    """

    wall: float
    user: float
    system: float
    memory: int

    @property
    def cpu(self) -> float:
        return self.user + self.system


@dataclass(frozen=True)
class Contender:
    """A program that does a work.

    Attributes:
        command: input and output folder -> the command line.
        ours: this project, or a plain copy: must not fail.
        takes: the input that it gets.
        limit: bytes that it may have of memory's addresses; 0: no limit.
        missing: why it can't take part.
        goes_on: the input over which its output was made before; empty: it finds an empty folder.
        look: at all its processes' memory together and at the transfer syntax it writes, in one more run that isn't timed.
    """

    name: str
    command: Callable[[Path, Path], list[str]]
    ours: bool = False
    takes: str = MANY
    limit: int = 0
    missing: str = ""
    goes_on: str = ""
    look: bool = False


@dataclass
class Measurement:
    """The resources that a contender took.

    Attributes:
        files: that each run wrote.
        runs: over all of them.
        startup: over one file.
        failure: what it didn't do; empty: it did all.
        together: the peak in bytes of all its processes together; 0: not looked at.
        syntax: the transfer syntax of what it wrote; empty: not looked at.
    """

    name: str
    files: int
    runs: list[Usage] = field(default_factory=list)
    startup: list[Usage] = field(default_factory=list)
    failure: str = ""
    together: int = 0
    syntax: str = ""

    def per_file(self, what: str, files: int) -> float:
        """Return median seconds for each file, with its share of the start-up of a run over ``files``.

        Args:
            what: an attribute of Usage, in seconds.
        """
        if not self.startup:
            return self.alone(what)
        return self.alone(what) + (_median(self.startup, what) - self.alone(what)) / files

    def alone(self, what: str) -> float:
        """Return median seconds for each file without start-up: what one more file takes."""
        if not self.startup or self.files == 1:
            return _median(self.runs, what) / self.files
        return (_median(self.runs, what) - _median(self.startup, what)) / (self.files - 1)

    @property
    def memory(self) -> int:
        """The peak memory in bytes, the most of all runs; of all processes together where that was looked at."""
        return self.together or max(usage.memory for usage in self.runs)


def _median(runs: list[Usage], what: str) -> float:
    return statistics.median(getattr(usage, what) for usage in runs)


def run_child(command: list[str], log: Path, limit: int = 0, ready: int = 0) -> Usage:
    """Run a command to its end.

    Args:
        log: gets what it says.
        limit: bytes of its address space; 0: no limit.
        ready: bytes of memory that it can have at once.

    Raises:
        ChildFailed: it ended with another status than 0.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_CHILD), str(limit), str(ready), str(log), *command],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    status, wall, user, system, memory = done.stdout.split()
    _check(int(status), log, limit)
    return Usage(float(wall), float(user), float(system), int(memory))


def memory_together(command: list[str], log: Path) -> int:
    """Run a command to its end; return the most bytes of memory that it and its descendants had together.

    The codecs' processes are counted, which no parent waits for: the system tells a parent nothing of these.

    Raises:
        ChildFailed: it ended with another status than 0.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_TREE), str(log), *command],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    status, memory = done.stdout.split()
    _check(int(status), log)
    return int(memory)


def _check(status: int, log: Path, limit: int = 0) -> None:
    """Raise ChildFailed for another exit status than 0."""
    if status == 0:
        return
    said = log.read_text(errors="replace")
    if limit and any(word in said for word in _NO_MEMORY):
        raise ChildFailed(f"more than {limit / 1e9:.0f} GB of memory", said)
    raise ChildFailed("can't decode it" if status == UNREADABLE else f"ended with {status}", said)


class Outputs:
    """Fresh folders to write into, deleted only when many bytes have come together: then, and not while something is timed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._written = 0
        self._waste = [folder]
        # memory is scarce, and gives back at once
        self._in_memory = file_system(folder) == "tmpfs"

    def fresh(self, size: int) -> Path:
        """Return an empty folder, with room for ``size`` bytes; where that takes deletions, the disk gets time to finish them."""
        if self._in_memory or self._written + size > _KEPT:
            self.clear()
            if not self._in_memory:
                os.sync()
                time.sleep(_PAUSE)
        self._written += size
        folder = self._folder / f"{next(self._numbers):04d}"
        folder.mkdir(parents=True)
        return folder

    def discard(self, folder: Path) -> None:
        """Delete ``folder`` with the next outputs that go."""
        self._waste.append(folder)

    def clear(self) -> None:
        """Delete all outputs, and what else nobody needs any more."""
        for folder in self._waste:
            shutil.rmtree(folder, ignore_errors=True)
        self._written = 0


def measure(contenders: list[Contender], inputs: dict[str, Path], rounds: int, outputs: Outputs, log: Path) -> list[Measurement]:
    """Let the contenders do their work in turn, as often as there are rounds, and on one file where there is such an input.

    Args:
        inputs: folders by name; a contender whose input isn't there needs none.

    Raises:
        ChildFailed: one of ours did not write all outputs; others are left out from then on.
    """
    counts = {name: len(files_of(folder)) for name, folder in inputs.items()}
    found = [Measurement(each.name, counts.get(each.takes, 1), failure=each.missing) for each in contenders]
    for number in range(rounds):
        for contender, measurement in zip(contenders, found, strict=True):
            if measurement.failure:
                continue
            print(f"  round {number + 1} of {rounds}: {contender.name}", file=sys.stderr)
            try:
                before = inputs.get(contender.goes_on)
                measurement.runs.append(_run(contender, inputs.get(contender.takes), before, outputs, log))
                if ONE in inputs:
                    before = inputs[ONE] if contender.goes_on else None
                    measurement.startup.append(_run(contender, inputs[ONE], before, outputs, log))
                if contender.look and not measurement.together:
                    measurement.together, measurement.syntax = _look(contender, inputs[contender.takes], outputs, log)
            except ChildFailed as error:
                if contender.ours:
                    raise
                measurement.failure = str(error)
                print(f"  {contender.name}: {error}\n{error.log[-2000:]}", file=sys.stderr)
    return found


def _run(contender: Contender, source: Path | None, before: Path | None, outputs: Outputs, log: Path) -> Usage:
    if source is None:
        return run_child(contender.command(Path(), Path()), log, contender.limit)
    files = files_of(source)
    size = sum(path.stat().st_size for path in files)
    target = outputs.fresh(size)
    if before is not None:
        run_child(contender.command(before, target), log, contender.limit)
    # all find the input in memory, and the disk done with what the one before wrote
    for path in files:
        _read(path)
    os.sync()
    # for the output in memory, and for the contender itself
    ready = min(size * 3 // 2 + _READY, _available() // 2)
    usage = run_child(contender.command(source, target), log, contender.limit, ready)
    _written(target, len(files), log)
    return usage


def _look(contender: Contender, source: Path, outputs: Outputs, log: Path) -> tuple[int, str]:
    """Return the peak of memory of all a contender's processes together, and the transfer syntax that it writes."""
    from pydicom.filereader import read_file_meta_info

    files = files_of(source)
    target = outputs.fresh(sum(path.stat().st_size for path in files))
    memory = memory_together(contender.command(source, target), log)
    written = _written(target, len(files), log)
    return memory, str(read_file_meta_info(written[0]).TransferSyntaxUID)


def _written(target: Path, count: int, log: Path) -> list[Path]:
    """Return the files that a contender wrote, none of them empty.

    Raises:
        ChildFailed: these aren't ``count``.
    """
    found = [path for path in files_of(target) if path.stat().st_size]
    if len(found) != count:
        raise ChildFailed(f"wrote {len(found)} of {count} files", log.read_text(errors="replace"))
    return found


def _available() -> int:
    """Return the bytes of memory that could be had."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def files_of(folder: Path) -> list[Path]:
    """Return all files below ``folder``, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _read(path: Path) -> None:
    with path.open("rb", buffering=0) as stream:
        while stream.read(1 << 22):
            pass
