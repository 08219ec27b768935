"""Programs that run with less than there is: no rights, no space; and what they took."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.forked import Forked, Logged

_ROOT = Path(__file__).resolve().parents[2]
#: of the command: `python -m pipeline`
COMMAND = (sys.executable, "-m", "pipeline")


@dataclass(frozen=True)
class Ended:
    """A program that ended.

    Attributes:
        log: all that it printed.
        seconds: of CPU, all processes together.
        megabytes: the most memory that one process of it had.
    """

    code: int
    log: str
    seconds: float
    megabytes: float


#: between the tests and the program: what a process had before it became the program counts for the program, too
_MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as stream:
    print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=stream)
"""


def run_measured(*command: str | bytes | os.PathLike[str], before: str = "") -> Ended:
    """Run a program and measure it; ``COMMAND`` is forked, and has what it shares with others counted, too.

    Args:
        before: Python that runs in the process of ``COMMAND`` first.
    """
    if command[: len(COMMAND)] == COMMAND:
        arguments = map(os.fsdecode, command[len(COMMAND) :])
        with tempfile.TemporaryFile() as log, open(os.devnull) as nothing:
            process = Forked(*arguments, streams=(nothing.fileno(), log.fileno(), log.fileno()), before=before)
            code = process.wait()
            log.seek(0)
            return Ended(code, log.read().decode(errors="replace"), process.seconds, process.megabytes)
    assert not before
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    with tempfile.NamedTemporaryFile("r") as result:
        done = subprocess.run(
            [sys.executable, "-S", "-c", _MEASURE, result.name, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            check=True,
        )
        code, seconds, megabytes = map(float, result.read().split())
    return Ended(int(code), done.stdout.decode(errors="replace"), seconds, megabytes)


#: still root, who may run what belongs to root, but without the right to pass over permissions, and so is what it starts
_WITHOUT_RIGHTS = """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
number = 0
while libc.prctl(24, number, 0, 0, 0) == 0:  # PR_CAPBSET_DROP
    number += 1
if libc.capset(struct.pack("Ii", 0x20080522, 0), bytes(24)):
    raise OSError(ctypes.get_errno(), "the rights can't be given up")
"""


def without_rights() -> str:
    """What a command runs before all else so that the permissions of files hold for it."""
    return "" if os.geteuid() else _WITHOUT_RIGHTS


@functools.cache
def can_mount() -> bool:
    """Whether a process here can have mounts of its own."""
    if shutil.which("unshare") is None:
        return False
    script = 'mount -t tmpfs -o size=64k none "$0"'
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(["unshare", "-m", "sh", "-c", script, folder], capture_output=True, check=False).returncode == 0


def on_own_disk(folder: Path, size: str, prepare: str = ":") -> str:
    """What a command runs before all else so that it finds a small disk at ``folder``; skips the test where that can't be had.

    The disk is gone when the command ends.

    Args:
        size: as mount has it, such as ``2m``.
        prepare: a shell command to run first; the folder is ``$1``.
    """
    if not can_mount():
        pytest.skip("nothing can be mounted here")
    script = f'mount --make-rprivate / && mount -t tmpfs -o size={size} none "$1" && {prepare}'
    return f"""
import ctypes, subprocess
if ctypes.CDLL(None, use_errno=True).unshare(0x20000):  # CLONE_NEWNS
    raise OSError(ctypes.get_errno(), "mounts of its own can't be had")
subprocess.run(["sh", "-c", {script!r}, "sh", {str(folder)!r}], check=True)
"""


class OwnMounts:
    """A place with mounts that nothing else sees, for a test that changes them between commands; gone with the block."""

    def __enter__(self) -> OwnMounts:
        """Skips the test where nothing can be mounted."""
        if not can_mount():
            pytest.skip("nothing can be mounted here")
        self._keeper = subprocess.Popen(["unshare", "-m", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # once it answers it is where its mounts are its own
        assert self._keeper.stdin is not None and self._keeper.stdout is not None
        self._keeper.stdin.write(b"\n")
        self._keeper.stdin.flush()
        self._keeper.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._keeper.kill()
        self._keeper.communicate()

    def shell(self, script: str, *arguments: str | Path) -> str:
        """What a shell script says there; ``$1`` and so on are its arguments."""
        command = ["nsenter", "-t", str(self._keeper.pid), "-m", "sh", "-c", script, "sh", *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def start(self, *arguments: str) -> Logged:
        """Start ``python -m pipeline`` there."""
        return Logged(*arguments, mounts=self._keeper.pid)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run ``python -m pipeline`` there: its exit code, and what it wrote to stderr."""
        process = self.start(*arguments)
        _, log = process.communicate()
        return process.wait(), log
