"""Errors of a run that are for the user. No message names an object or holds one's value."""

#: what is true, and to be done, after a process of a run died
RUN_AGAIN_HINT = "what is in the output is whole: start the same command again"
#: exit codes of the command, beside 0 and what click has for usage
EXIT_FAILED, EXIT_USAGE, EXIT_QUARANTINED, EXIT_AGAIN = 1, 2, 3, 4


class UsageError(Exception):
    """The command can't be run as it was given: nothing was read or written."""


class RunError(Exception):
    """The run failed."""

    exit_code = EXIT_FAILED


class RunAgainError(RunError):
    """The run failed for a reason that has nothing to do with any object or setting: the same command will go on."""

    exit_code = EXIT_AGAIN
