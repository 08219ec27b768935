"""Errors that end a run or a command."""

from profiles import UserFacingError

#: for messages about the death of a process: the state that it leaves, and the remedy
RUN_AGAIN_HINT = "the objects in the output are complete: start the same command again"


class UsageError(UserFacingError):
    """An option or argument can't be used. Nothing was read or written."""

    is_usage = True


class RunError(UserFacingError):
    """The run failed."""


class RunAgainError(RunError):
    """The run failed for a transient reason: the same command continues it."""

    is_transient = True
