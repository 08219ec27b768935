"""Errors of a run that are for the user. No message names an object or holds one's value."""

#: what is true, and to be done, after a process of a run died
AGAIN = "what is in the output is whole: start the same command again"


class UsageError(Exception):
    """The command can't be run as it was given: nothing was read or written."""


class RunError(Exception):
    """The run failed."""
