"""Places of inputs on this machine: whether they are still there when an object can't be read."""

from __future__ import annotations

import os
from types import TracebackType

from anonymizer import DeidentificationError, Reason

from .locations import has_magic, scheme_of
from .objects import Member, ObjectRef
from .outages import cannot_read, check_place


class Reading:
    """A block that reads an object. If it can't be read, that is the object's fault only where its place is there.

    Raises:
        StorageUnavailableError: it isn't.
    """

    def __init__(self, ref: ObjectRef) -> None:
        self._ref = ref

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            return
        if isinstance(error, DeidentificationError):
            if error.reason is not Reason.UNREADABLE:
                return
            # the engine says no more, but what it was told is there
            error = error.__context__
        elif not isinstance(error, OSError):
            return
        if isinstance(error, OSError) and (unavailable := cannot_read(error)) is not None:
            raise unavailable from None
        check_place_of(self._ref)


def check_listed(location: str) -> None:
    """Check that an input that was there when the run began is still there: else it would be listed as one object.

    Raises:
        StorageUnavailableError: it isn't.
    """
    if not has_magic(location) and not os.path.lexists(location):
        check_place(os.fsencode(location))


def check_place_of(ref: ObjectRef) -> None:
    """Check that the place of an object that can't be read is still there.

    Raises:
        StorageUnavailableError: it isn't.
    """
    if scheme_of(os.fsdecode(ref.name)):
        # a store tells by itself
        return
    source = ref.source if ref.member is None else ref.source[: Member(*ref.member).container_source].removesuffix(b"!/")
    if ref.input:
        source = source.partition(b":")[2]
    if source == ref.name:
        # a manifest names it by its whole path: nobody knows of which folder it is one
        return
    base = ref.name[: -len(source)] if ref.name.endswith(source) else os.path.dirname(ref.name)
    check_place(base or os.fsencode(os.curdir))
