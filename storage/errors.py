"""What goes wrong with storage, in the terms that the steps act on."""

from profiles import UserFacingError


class ObjectConflictError(Exception):
    """An object of that name exists with other content. It was left as it is."""


class NotOursError(Exception):
    """What lies in a file's place can't have been written by a run."""


class EndOfRunError(Exception):
    """The run can't go on, whatever the object: no row says so. The message names no object."""


class StorageUnavailableError(EndOfRunError, UserFacingError):
    """A place can't be read or written for a reason that has nothing to do with any object or setting: no space is left, a disk
    or a store doesn't answer. Later the same command will go on.
    """

    is_transient = True


class TransientError(Exception):
    """Bytes that went wrong on their way: they aren't what the store holds. Trying again may help."""
