"""Places that can't be used for now, whatever the object: tests that tell them from objects at fault, and errors."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from enum import Enum

from anonymizer.internals import BROKEN_PLACE

from .errors import StorageUnavailableError
from .store import StorageError

_AGAIN = "start the same command again"
_FULL, _QUOTA, _READ_ONLY = errno.ENOSPC, errno.EDQUOT, errno.EROFS
#: those that say of a file that is read no more than that it can't be
_OF_ONE_FILE = {errno.EIO, getattr(errno, "EUCLEAN", errno.EIO)}

_SCHEME = re.compile(r"^(\w+)://")
#: seconds between requests that only tell whether a store answers
_PAUSES = (1.0, 2.0)


class StorageDownError(StorageError, StorageUnavailableError):
    """A location that can't be used for now; later the same command will go on."""


# -- this machine


def cannot_write(error: OSError) -> StorageDownError | None:
    """Return the error to raise where ``error`` came of writing and has nothing to do with what was written; else None."""
    code = error.errno
    if code == _FULL:
        return StorageDownError(f"there is no space left where the run writes: make room, and {_AGAIN}")
    if code == _QUOTA:
        return StorageDownError(f"the quota of the place where the run writes is used up: make room, and {_AGAIN}")
    if code == _READ_ONLY:
        return StorageDownError(f"the place where the run writes has become read-only: see to its disk, and {_AGAIN}")
    if code in BROKEN_PLACE:
        return StorageDownError(f"the disk or share where the run writes fails ({_text(error)}): see to it, and {_AGAIN}")
    return None


def cannot_sync(error: OSError) -> StorageDownError:
    """Return the error to raise where nobody knows whether written bytes are on the disk."""
    return StorageDownError(f"what was written can't be brought to the disk ({_text(error)}): see to the disk, and {_AGAIN}")


def cannot_read(error: OSError) -> StorageDownError | None:
    """Return the same for reading: a file that can't be read is a file, but a share that isn't there any more is gone for all."""
    if error.errno in BROKEN_PLACE - _OF_ONE_FILE:
        return StorageDownError(f"a disk or share that the run reads fails ({_text(error)}): see to it, and {_AGAIN}")
    return None


def check_place(folder: bytes) -> None:
    """Check the place of an input's file that can't be read: whether it is the file that fails, or the place.

    Args:
        folder: of the input, which had objects.

    Raises:
        StorageUnavailableError: the place is gone, as it is when a disk or share isn't mounted any more.
    """
    try:
        with os.scandir(folder) as found:
            if next(found, None) is not None:
                return
    except OSError as error:
        raise _gone(_text(error)) from None
    raise _gone("it is empty")


def _gone(why: str) -> StorageDownError:
    return StorageDownError(f"the folder of an input is gone ({why}): see to it that it is mounted, and {_AGAIN}")


def _text(error: OSError) -> str:
    return os.strerror(error.errno or 0)


# -- stores over a network


class Outage(Enum):
    """The reason why a store can't be used for now; the value is its text."""

    NO_ANSWER = "can't be reached, or doesn't answer as it should: see to the network, the address and the store"
    NO_QUOTA = "takes no more requests or bytes, by a quota or limit: wait, or have it raised"
    NO_CREDENTIALS = "doesn't take the credentials any more: renew them"


def unavailable(scheme: str, outage: Outage) -> StorageDownError:
    """Return the error to raise for a store of that scheme."""
    hint = " (--hdfs_host, --hdfs_port and --hdfs_user)" if scheme == "hdfs" and outage is Outage.NO_ANSWER else ""
    error = StorageDownError(f"{scheme}:// {outage.value}{hint}, and {_AGAIN}")
    note_outage(str(error))
    return error


def refusal(scheme: str, outage: Outage | None, otherwise: Exception, answers: Callable[[], bool]) -> Exception:
    """Return the error to raise where a request for an object failed, with all of its attempts.

    Args:
        outage: what the failure tells of the store; None: nothing.
        otherwise: where the object is at fault.
        answers: whether the store answers another request, which is tried once: then it is the object that it can't give or take.
    """
    if outage is None or (outage is Outage.NO_ANSWER and _answers(answers)):
        return otherwise
    return unavailable(scheme, outage)


def _answers(ask: Callable[[], bool]) -> bool:
    for pause in _PAUSES:
        if ask():
            return True
        time.sleep(pause)
    return ask()


class _Outages:
    """Stores that were found to be down in this process, since a run is at work in it: it is at its end by then."""

    def __init__(self) -> None:
        self.found: dict[str, str] | None = None


_outages = _Outages()


def remember_outages(remember: bool = True) -> None:
    """Remember outages from now on, or forget them: a store that is down isn't asked again, as an ending run would only wait."""
    _outages.found = {} if remember else None


def note_outage(message: str) -> None:
    """Remember an outage by one of these errors, in whichever process."""
    scheme = _SCHEME.match(message)
    if scheme and _outages.found is not None:
        _outages.found[scheme[1]] = message


def check_outage(scheme: str) -> None:
    """
    Raises:
        StorageUnavailableError: the store was found to be down.
    """
    if _outages.found and scheme in _outages.found:
        raise StorageDownError(_outages.found[scheme])
