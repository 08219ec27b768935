"""The command in forked processes: what ``python -m pipeline`` does, by a server that has imported once what a run imports.

Imports are four fifths of a small run. Each command is a process of its own all the same: its arguments, environment, folder,
umask and streams are what the caller says, and it ends as the interpreter ends. That it tells and writes what the real command
does is held by tests/job/test_real_command.py.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: what a run imports sooner or later
PRELOADED = (
    "pipeline.cli",
    "pipeline.runs.runner",
    "pipeline.surveys.patient_listing",
    "pipeline.surveys.quarantined",
    "apache_beam.runners.portability.fn_api_runner.fn_runner",
    "apache_beam.runners.worker.sdk_worker",
    "pydicom",
    # of stores what their modules import: whether a module is there tells a run whether it has connected
    "google.cloud.storage",
    "boto3",
    "azure.storage.blob",
)
_MOST = 1 << 20
#: what a process that is started ignores if the one that starts it does
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: what the line of a command has that was forked
FORKED = "tests.support.forked"
#: seconds that a command may take that nothing keeps
PATIENCE = 300.0


class Forked:
    """A command that runs, with as much of subprocess.Popen as tests need."""

    def __init__(
        self,
        *arguments: str,
        streams: tuple[int, int, int],
        env: Mapping[str, str] | None = None,
        mounts: int = 0,
        before: str = "",
    ) -> None:
        """
        Args:
            arguments: behind ``python -m pipeline``.
            streams: descriptors for stdin, stdout and stderr.
            env: variables beside those of this process.
            mounts: a process whose mounts the command has; 0: those of this one.
            before: Python that runs in the process first.
        """
        # what the layers mean: CONTRIBUTING.md
        assert not os.environ.get("PYTEST_CURRENT_TEST", "").startswith("tests/unit/"), "whole commands run in tests/job"
        mask = os.umask(0)
        os.umask(mask)
        ignored = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        request = {"arguments": arguments, "env": environment, "cwd": os.getcwd(), "umask": mask}
        request |= {"mounts": mounts, "ignored": ignored, "before": before}
        self._answers, theirs = socket.socketpair()
        rights = array.array("i", [*streams, theirs.fileno()])
        _server().sendmsg([json.dumps(request).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        theirs.close()
        self._lines = self._answers.makefile("r")
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None
        #: once it has ended: of CPU, all its processes together; the most memory that one of them had
        self.seconds, self.megabytes = 0.0, 0.0

    def poll(self) -> int | None:
        """The command's exit code, None while it runs."""
        if self.returncode is None and select.select([self._answers], [], [], 0)[0]:
            self.wait(PATIENCE)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal; one that has ended gets none."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = PATIENCE) -> int:
        """The command's exit code, as subprocess has it.

        Raises:
            TimeoutError: it still runs after ``timeout`` seconds, and was killed.
        """
        if self.returncode is None:
            self._answers.settimeout(timeout)
            try:
                answer = self._lines.readline()
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                raise
            status, seconds, kilobytes = answer.split()
            self.returncode = os.waitstatus_to_exitcode(int(status))
            self.seconds, self.megabytes = float(seconds), int(kilobytes) / 1024
            self._answers.close()
        return self.returncode


class Logged(Forked):
    """A command whose stderr is gathered, as subprocess.Popen does with a pipe."""

    def __init__(self, *arguments: str, env: Mapping[str, str] | None = None, mounts: int = 0, before: str = "") -> None:
        """
        Args:
            arguments, env, mounts, before: as for ``Forked``.
        """
        reader, writer = os.pipe()
        with open(os.devnull, "r+") as nothing, os.fdopen(writer, "w") as log:
            streams = nothing.fileno(), nothing.fileno(), log.fileno()
            super().__init__(*arguments, streams=streams, env=env, mounts=mounts, before=before)
        self._log: list[str] = []
        self._reader = threading.Thread(target=self._read, args=(reader,), daemon=True)
        self._reader.start()

    def _read(self, reader: int) -> None:
        with os.fdopen(reader) as stream:
            self._log.extend(stream)

    def communicate(self, timeout: float = PATIENCE) -> tuple[str, str]:
        """Wait for the end; nothing, and all that was written to stderr.

        Raises:
            TimeoutError: it still runs after ``timeout`` seconds, and was killed.
        """
        self.wait(timeout)
        self._reader.join(timeout)
        return "", "".join(self._log)


def run_forked(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end.

    Raises:
        TimeoutError: it still ran after PATIENCE.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, open(os.devnull) as nothing:
        code = Forked(*arguments, streams=(nothing.fileno(), out.fileno(), err.fileno()), env=env).wait()
        for stream in (out, err):
            stream.seek(0)
        return subprocess.CompletedProcess(arguments, code, out.read(), err.read())


@functools.cache
def _server() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.support.forked", str(theirs.fileno())]
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return ours


# -- in the server -------------------------------------------------------------------------------------------------------


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns in each forked process that is to be the command."""
    # nobody waits for those that wait for commands
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        content, rights, _, _ = requests.recvmsg(_MOST, socket.CMSG_SPACE(16))
        if not content:
            os._exit(0)
        descriptors = array.array("i", rights[0][2])
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            _watch(descriptors)
            request: dict[str, Any] = json.loads(content)
            return request
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(descriptors: array.array[int]) -> None:
    """Fork once more: the process that returns is the command, the other one tells how it ends."""
    *streams, answers = descriptors
    if pid := os.fork():
        for stream in streams:
            os.close(stream)
        os.write(answers, f"{pid}\n".encode())
        _, status, used = os.wait4(pid, 0)
        os.write(answers, f"{status} {used.ru_utime + used.ru_stime} {used.ru_maxrss}\n".encode())
        os._exit(0)
    os.close(answers)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)


def _get_ready() -> None:
    """Import what runs import, and read and find out once what all of them do."""
    for module in PRELOADED:
        importlib.import_module(module)
    from profiles import ConfidentialityProfile
    from tests.support.quick_beam import make_beam_quick
    from transforms import warm_up

    warm_up(ConfidentialityProfile.default())
    make_beam_quick()
    # what is here stays, and is shared with all commands until they change it
    gc.collect()
    gc.freeze()


def main() -> None:
    """Serve, and be the command in processes that were forked for that."""
    _get_ready()
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    tempfile.tempdir = None
    os.umask(request["umask"])
    # the server may have been started behind a shell's back, or with nohup
    for number in SIGNALS:
        handler = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in request["ignored"] else handler)
    if request["mounts"]:
        with open(f"/proc/{request['mounts']}/ns/mnt") as namespace:
            # os.setns came with Python 3.12
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0):
                raise OSError(ctypes.get_errno(), "the mounts can't be had")
    os.chdir(request["cwd"])
    exec(request["before"], {})
    sys.argv = [str(ROOT / "pipeline" / "__main__.py"), *request["arguments"]]


def _leave() -> None:
    """End here: what the interpreter would still do is to take apart, page by page, what is shared with the server.

    A command that failed has this called by itself, and then ends with its own code.
    """
    if _code is None:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_code)


def _code_of(error: BaseException) -> int:
    """What Python makes of an error that nobody caught."""
    if not isinstance(error, SystemExit):
        return 1
    return error.code if isinstance(error.code, int) else int(error.code is not None)


if __name__ == "__main__":
    _code: int | None = None
    # first, so that it comes last
    atexit.register(_leave)
    main()
    try:
        runpy.run_module("pipeline", run_name="__main__", alter_sys=True)
        _code = 0
    except BaseException as ended:
        _code = _code_of(ended)
        raise
