"""The members of a container, whatever kind it is, and their bytes."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from itertools import islice

from anonymizer import DeidentificationError, Reason

from ..errors import EndOfRunError, TransientError
from ..objects import Member, ObjectRef, Packing
from ..protocols import OpenObject
from ..store import Entry
from .batches import BATCH, in_batches
from .forward import Bounded
from .names import is_zip
from .opened import OpenMember
from .seekable import OpenRange
from .sequential import SequentialTars
from .tar_files import tar_members
from .zip_files import open_zip_member, zip_members


def members(container: ObjectRef, open_range: OpenRange) -> Iterator[list[ObjectRef]]:
    """Yield the members of a zip or tar, in lists that one worker should read in their order: all, or those that are named.

    Whatever goes wrong, the container itself is the last to be given, with the reason in the place of a packing; where members
    are named, each of them that wasn't found in its place. Nothing but EndOfRunError is raised, and of zips and compressed tars
    no member is given then.

    Args:
        open_range: opens the container's bytes [start, end) as one stream.
    """
    wanted = None if container.members is None else Counter(container.members)
    reason = Reason.UNREADABLE
    try:
        found = (zip_members if is_zip(container.name) else tar_members)(container, open_range)
        yield from found if wanted is None else in_batches(_named(container, found, wanted))
    except DeidentificationError as error:
        reason = error.reason
    except EndOfRunError:
        raise
    except (OSError, TransientError):
        reason = Reason.UNREADABLE
    except Exception:
        # one bad file must not end the run
        reason = Reason.INTERNAL_ERROR
    else:
        if wanted is None:
            return
    prefix = container.listed_as
    place = Member(reason.value, 0, 0, container_source=len(prefix))[:]
    if wanted is None:
        yield [container._replace(member=place)]
        return
    missing = wanted.elements()
    while names := list(islice(missing, BATCH)):
        yield [container._replace(source=prefix + name, size=-1, member=place, members=None) for name in names]


def _named(container: ObjectRef, found: Generator[list[ObjectRef], None, None], wanted: Counter[bytes]) -> Iterator[ObjectRef]:
    """Yield, of lists of members, those that are wanted, each as often as it is, and take them out of ``wanted``."""
    before = len(container.listed_as)
    # once all are found, nobody reads on
    with contextlib.closing(found):
        while wanted and (refs := next(found, None)) is not None:
            for ref in refs:
                if times := wanted.pop(ref.source[before:], 0):
                    assert ref.member is not None
                    yield from [ref._replace(member=Member(*ref.member)._replace(container_source=before)[:])] * times


def open_member(
    ref: ObjectRef, open_range: OpenRange, *, sequential: SequentialTars | None = None
) -> AbstractContextManager[OpenObject]:
    """Return a member's bytes, in bounded memory, and never more than it should have.

    The checksum, where the container has one, is compared before the last of them is given.

    Args:
        open_range: opens the container's bytes [start, end) as one stream.
        sequential: keeps a compressed tar open from one member to the next.

    Raises:
        OSError, TransientError: the container can't be read; so may ``read`` of what is returned.
        DeidentificationError: it can't be read, isn't what was listed, or was listed as unreadable; so may ``read``.
    """
    if ref.member is None:
        raise ValueError("no member of a container")
    member = Member(*ref.member)
    try:
        packing = Packing(member.packing)
    except ValueError:
        raise DeidentificationError(Reason(member.packing)) from None
    if packing in (Packing.TAR, Packing.TAR_STREAM) and not ref.size:
        # an empty range is no range
        return contextlib.nullcontext(OpenMember(ref, _Nothing(), _Nothing()))
    if packing is Packing.TAR:
        return _open_tar_member(ref, open_range)
    if packing is Packing.TAR_STREAM:
        return sequential.open(ref, open_range) if sequential is not None else _open_once(ref, open_range)
    return open_zip_member(ref, open_range)


@contextlib.contextmanager
def _open_tar_member(ref: ObjectRef, open_range: OpenRange) -> Iterator[OpenObject]:
    assert ref.member is not None
    member = Member(*ref.member)
    with open_range(member.offset, member.offset + ref.size) as stream:
        yield OpenMember(ref, Bounded(stream, ref.size), stream, member.crc32)


@contextlib.contextmanager
def _open_once(ref: ObjectRef, open_range: OpenRange) -> Iterator[OpenObject]:
    with contextlib.closing(SequentialTars()) as tars, tars.open(ref, open_range) as member:
        yield member


class _Nothing:
    """An empty member."""

    entry = Entry(b"")

    def read(self, size: int, /) -> bytes:
        return b""
