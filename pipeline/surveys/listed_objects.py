"""The objects of inputs, listed on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from storage import ManifestError, ObjectRef, StorageError, StoredArchive

from ..errors import RunError


def listed_objects(inputs: Sequence[str], name_of: Callable[[int], str], archive: StoredArchive) -> Iterator[list[ObjectRef]]:
    """Yield all objects of the inputs, members of zips and tars included, in lists that one thread each will read.

    Args:
        name_of: returns what a message calls the input with a number, counted from 0.

    Raises:
        RunError: an input can't be listed.
    """
    for location in enumerate(inputs):
        try:
            for ref in archive.preview(location):
                if archive.is_container(ref.name):
                    yield from archive.members(ref)
                else:
                    yield [ref]
        except (StorageError, ManifestError) as error:
            raise RunError(f"{name_of(location[0])}: {error}") from error
        except OSError as error:
            raise RunError(f"{name_of(location[0])} can't be read: {error.strerror}") from error
