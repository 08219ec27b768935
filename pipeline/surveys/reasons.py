"""Reasons that a survey notes of objects that it can't read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anonymizer import DeidentificationError, Reason
from storage import EndOfRunError, TransientError, retry_transient

T = TypeVar("T")


def result_or_reason(read: Callable[[], T]) -> T | Reason:
    """Return the result of ``read``, which is tried again where that may help, or the reason why there is none.

    Raises:
        EndOfRunError: the command ends.
    """
    try:
        return retry_transient(read)
    except EndOfRunError:
        raise
    except DeidentificationError as error:
        return error.reason
    except (OSError, TransientError):
        return Reason.UNREADABLE
    except Exception:  # one bad object must not end the survey; the message may quote values
        return Reason.INTERNAL_ERROR
