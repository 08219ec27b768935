"""Ids of work units: which study, which part of it, and whose work it is."""

from typing import Any

from .records import StudyPart, WorkUnit

#: what is kept of a study's keyed hash to tell it from others
STUDY_ID_SIZE = 16
#: what the tables keep of it: two studies with one are hardly to be met, and nothing but a report would be wrong
_STUDY_HASH_SIZE = 8
#: units with something to do have ids of 8 or 24 bytes
_FINISHED, _EARLIER = b"-", b"="
_FINISHED_SIZE = len(_FINISHED) + STUDY_ID_SIZE
Group = tuple[Any, ...]


def finished_unit(group: Group, *, is_written: bool = True) -> WorkUnit:
    """A unit of objects that are done with: their UIDs and words count, and nobody looks for them.

    Args:
        is_written: they are in the output, or their duplicates are.
    """
    study, shared, headers = group
    return finished_unit_id(study, earlier=not is_written), [StudyPart(study, [shared], headers)[:]]


def finished_unit_id(study: bytes, *, earlier: bool = False) -> bytes:
    """The id of a unit of objects of a study that are done with.

    Args:
        earlier: they may not be there any more, or never were in the output.
    """
    return (_EARLIER if earlier else _FINISHED) + study[:STUDY_ID_SIZE].ljust(STUDY_ID_SIZE, b"\0")


def is_finished(unit_id: bytes) -> bool:
    """Whether the unit's objects are done with."""
    return len(unit_id) == _FINISHED_SIZE


def is_earlier(unit_id: bytes) -> bool:
    """Whether they may not be there any more, or never were in the output."""
    return is_finished(unit_id) and unit_id.startswith(_EARLIER)


def study_hash(study: bytes) -> str:
    """What the tables say of a study: the beginning of its keyed hash, in hex digits."""
    return study[:_STUDY_HASH_SIZE].hex()
