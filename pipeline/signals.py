"""Signals that end the command: it cleans up, prints one sentence, and exits with 128 + the signal's number.

This module imports nothing of the project, because it is in force before the command is imported.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import NoReturn

#: sent by a terminal on Ctrl-C, by a supervisor, and when a terminal is closed
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_FORMAT = "--log-format"
_SENTENCE = "Interrupted: the objects written so far are complete; start the same command again."
#: seconds between checks that the command is ending, and after which it is ended whatever it does
_POLL_SECONDS, _LIMIT_SECONDS = 1.0, 9.0


class Interrupted(BaseException):
    """The command must end. It is no Exception, so that no ``except Exception`` stops it."""


class _Interruption:
    """State of the command's interruption by a signal.

    Attributes:
        is_installed: True once handlers are installed.
        number: number of the first signal, 0 before any. Later ones change nothing.
        deferrals: number of active blocks that must not be left in their middle.
        sentence: message for people.
        as_json: write the message as an event, as ``events`` does.
    """

    def __init__(self) -> None:
        self.is_installed = False
        self.number = 0
        self.deferrals = 0
        self.sentence = _SENTENCE
        self.as_json = False
        self._since = 0.0
        self._raised: weakref.ref[Interrupted] | None = None

    def handle(self, number: int, _: object) -> None:
        """Handle a signal, as its handler."""
        if self.number:
            return
        self.number, self._since = number, time.monotonic()
        signal.signal(signal.SIGALRM, self._poll)
        signal.setitimer(signal.ITIMER_REAL, _POLL_SECONDS, _POLL_SECONDS)
        self.raise_if_due()

    def raise_if_due(self) -> None:
        """Raise the interruption that is due.

        Raises:
            Interrupted: a signal came, and no block defers it.
        """
        # code that swallows every exception, as finalizers do, loses it: it is raised again once it is gone
        if self.number and not self.deferrals and (self._raised is None or self._raised() is None):
            raise self._interrupted()

    def _interrupted(self) -> Interrupted:
        # not bound in the frame that raises it: the traceback would keep it alive
        error = Interrupted()
        self._raised = weakref.ref(error)
        return error

    def _poll(self, *_: object) -> None:
        if time.monotonic() - self._since > _LIMIT_SECONDS:
            self.end()
        self.raise_if_due()

    def end(self) -> NoReturn:
        """Write the message, and end the process at once."""
        with contextlib.suppress(OSError):
            # a closed terminal takes no output
            os.write(2, f"{self._event() if self.as_json else self.sentence}\n".encode())
        os._exit(128 + self.number)

    def _event(self) -> str:
        # without json: nothing may be imported while a signal is handled, and no sentence has a character that needs escaping
        now, name = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), signal.Signals(self.number).name
        return (
            f'{{"time": "{now}", "level": "error", "event": "run-interrupted", "message": "{self.sentence}", '
            f'"signal": "{name}", "exit_code": {128 + self.number}}}'
        )


_interruption = _Interruption()


def wants_events(arguments: Sequence[str]) -> bool:
    """Return whether a command line asks for events instead of sentences, judged before its options are parsed."""
    chosen = ""
    for index, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == _FORMAT:
            chosen = (*arguments, "")[index + 1]
        elif argument.startswith(f"{_FORMAT}="):
            chosen = argument.partition("=")[2]
    return chosen == "json"


def interruption_code() -> int:
    """Return the exit code of a command that was interrupted."""
    return 128 + _interruption.number


@contextlib.contextmanager
def signals_handled() -> Iterator[None]:
    """Let signals end the block, which is the whole command. The process ends after the block, unless all went well.

    A signal that is ignored when the command starts, as under nohup, stays ignored.
    """
    if _interruption.is_installed or threading.current_thread() is not threading.main_thread():
        yield
        return
    _interruption.is_installed = True
    # before the options are parsed: a signal may come while the command starts
    _interruption.as_json = wants_events(sys.argv[1:])
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interruption.handle)
    try:
        yield
    except SystemExit as error:
        # 0 and 3 mean that all work was done, whatever signal came meanwhile
        if isinstance(error.code, int) and error.code not in (0, 3):
            _exit_now(128 + _interruption.number if _interruption.number else error.code)
        # the work is done: a signal while Python shuts down would change the exit code
        ignore_signals()
        raise
    except BaseException:
        if not _interruption.number:
            raise
        _exit_now(128 + _interruption.number)


def _exit_now(code: int) -> NoReturn:
    """End the process without waiting for threads, which may never end after a run failed."""
    _interruption.deferrals += 1
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
    with contextlib.suppress(BaseException):
        sys.stderr.flush()
    # libraries end their child processes in these functions
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    if _interruption.number:
        _interruption.end()
    os._exit(code)


@contextlib.contextmanager
def signals_deferred() -> Iterator[None]:
    """Defer signals to the end of a short block that must not be left in its middle. It has no effect in other threads."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _interruption.deferrals += 1
    try:
        yield
    finally:
        _interruption.deferrals -= 1
    _interruption.raise_if_due()


def set_interruption_message(sentence: str) -> None:
    """Replace the sentence that an interruption from now on prints."""
    _interruption.sentence = sentence


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Block signals while processes are started, so that none reaches them before they call ``ignore_signals``."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_signals() -> None:
    """Ignore SIGNALS from now on. Workers leave them to the command: Ctrl-C, or the end of a service, reaches all processes."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
