"""Signals that end the command: one sentence and 128 + their number as its exit code, whatever it is at, and all is cleared away.

Nothing here imports anything of the project: it is there before the command is.
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

#: what a terminal, a supervisor and a terminal that is gone send
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_FORMAT = "--log-format"
_SENTENCE = "Interrupted: what was written is whole; start the same command again."
#: seconds between looks whether the command is on its way out, and after which it is ended wherever it is
_LOOK_SECONDS, _MOST_SECONDS = 1.0, 9.0


class Interrupted(BaseException):
    """The command is to end. No ``except Exception`` takes it for an error."""


class _Interruption:
    """What is known of a signal that came.

    Attributes:
        number: the first one's; those that follow change nothing. 0: none came.
        held: blocks at work that must not be left in the middle.
        sentence: what is said of it.
        as_json: say it as an event, as ``events`` does.
    """

    def __init__(self) -> None:
        self.is_heard = False
        self.number = 0
        self.held = 0
        self.sentence = _SENTENCE
        self.as_json = False
        self._since = 0.0
        self._raised: weakref.ref[Interrupted] | None = None

    def come(self, number: int, _: object) -> None:
        """Handle one of SIGNALS."""
        if self.number:
            return
        self.number, self._since = number, time.monotonic()
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)
        self.leave()

    def leave(self) -> None:
        """
        Raises:
            Interrupted: a signal came, and nothing holds it back any more.
        """
        # what is raised is gone where somebody's code takes any error for nothing, as finalizers do: it is raised again then
        if self.number and not self.held and (self._raised is None or self._raised() is None):
            raise self._interrupted()

    def _interrupted(self) -> Interrupted:
        # not bound where it is raised: its traceback would keep it
        error = Interrupted()
        self._raised = weakref.ref(error)
        return error

    def _look(self, *_: object) -> None:
        if time.monotonic() - self._since > _MOST_SECONDS:
            self.end()
        self.leave()

    def end(self) -> NoReturn:
        """End the process."""
        with contextlib.suppress(OSError):
            # a terminal that is gone takes no more
            os.write(2, f"{self._event() if self.as_json else self.sentence}\n".encode())
        os._exit(128 + self.number)

    def _event(self) -> str:
        # written by hand: nothing is imported while a signal is handled, and no sentence has a character that JSON would escape
        now, name = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), signal.Signals(self.number).name
        return (
            f'{{"time": "{now}", "level": "error", "event": "run-interrupted", "message": "{self.sentence}", '
            f'"signal": "{name}", "exit_code": {128 + self.number}}}'
        )


_interruption = _Interruption()


def wants_events(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for events in place of sentences, as far as one sees that without reading it as a whole."""
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
    """The exit code of a command that was interrupted."""
    return 128 + _interruption.number


@contextlib.contextmanager
def signals_handled() -> Iterator[None]:
    """A block that is the whole command: it is left by signals, and the process ends behind it unless all went well.

    A signal that is ignored when the command starts, as nohup has it, stays ignored.
    """
    if _interruption.is_heard or threading.current_thread() is not threading.main_thread():
        yield
        return
    _interruption.is_heard = True
    # before the command has read its options: a signal may come while it starts
    _interruption.as_json = wants_events(sys.argv[1:])
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interruption.come)
    try:
        yield
    except SystemExit as error:
        # 0 and 3 say that all was done, whatever came meanwhile
        if isinstance(error.code, int) and error.code not in (0, 3):
            _leave(128 + _interruption.number if _interruption.number else error.code)
        # all is done: while Python takes its leave, it would let a signal end it in the system's way
        ignore_signals()
        raise
    except BaseException:
        if not _interruption.number:
            raise
        _leave(128 + _interruption.number)


def _leave(code: int) -> NoReturn:
    """End without waiting for threads: they may be at work for ever where a run failed."""
    _interruption.held += 1
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
    with contextlib.suppress(BaseException):
        sys.stderr.flush()
    # processes of others are ended by such functions
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    if _interruption.number:
        _interruption.end()
    os._exit(code)


@contextlib.contextmanager
def signals_deferred() -> Iterator[None]:
    """A short block that a signal must not leave in its middle: it is left behind it. For the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _interruption.held += 1
    try:
        yield
    finally:
        _interruption.held -= 1
    _interruption.leave()


def set_interruption_message(sentence: str) -> None:
    """Have the command say this, and not that what was written is whole, if it is interrupted from now on."""
    _interruption.sentence = sentence


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """A block that starts processes: no signal reaches them before they call ``ignore_signals``."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_signals() -> None:
    """Hear no signal any more. Workers leave them to the command: a key press, or the end of a service, reaches all processes."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
