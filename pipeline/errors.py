"""Errors that end a run or a command."""

from profiles import UserFacingError

#: the state that the death of a process leaves, and the remedy
RUN_AGAIN_HINT = "what is in the output is whole: start the same command again"


class UsageError(UserFacingError):
    """The command can't be run as it was given: nothing was read or written."""

    is_usage = True


class RunError(UserFacingError):
    """The run failed."""


class RunAgainError(RunError):
    """The run failed for a transient reason: the same command goes on with it."""

    is_transient = True
