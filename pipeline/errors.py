"""Errors of a run that are for the user. No message names an object or holds one's value."""


class UsageError(Exception):
    """The command can't be run as it was given: nothing was read or written."""


class RunError(Exception):
    """The run failed."""
