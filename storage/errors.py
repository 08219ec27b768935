"""Errors of storage, in the terms that the steps act on."""

from profiles import UserFacingError


class ObjectConflictError(Exception):
    """An object of that name that exists with other content. It was left as it is."""


class NotOursError(Exception):
    """A file in the place of a run's own that no run can have written."""


class EndOfRunError(Exception):
    """The end of a run that can't go on, whatever the object: no row says so. The message names no object."""


class StorageUnavailableError(EndOfRunError, UserFacingError):
    """A place that can't be read or written, for a reason apart from any object or setting: no space is left, a disk
    or a store doesn't answer. Later the same command will go on.
    """

    is_transient = True


class TransientError(Exception):
    """Bytes that went wrong on their way: they aren't what the store holds. Trying again may help."""
