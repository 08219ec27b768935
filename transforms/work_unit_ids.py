"""Ids of work units: by them units of objects that are done with are told from those with something to do."""

from .records import HeaderGroup, StudyPart, WorkUnit

#: bytes of a study's keyed hash by which it is told from others
STUDY_ID_SIZE = 16
#: and in tables: two studies with one are hardly to be met, and nothing but a report would be wrong
_STUDY_HASH_SIZE = 8
#: units with something to do have ids of 8 or 24 bytes
_FINISHED, _EARLIER = b"-", b"="
_FINISHED_SIZE = len(_FINISHED) + STUDY_ID_SIZE


def finished_unit(group: HeaderGroup, *, is_written: bool = True) -> WorkUnit:
    """Return a unit of objects that are done with: their UIDs and words count, and they are not read.

    Args:
        is_written: True: they are in the output, or their duplicates are.
    """
    unit_id = finished_unit_id(group.study, earlier=not is_written)
    return WorkUnit(unit_id, [StudyPart(group.study, [group.shared], group.headers)])


def finished_unit_id(study: bytes, *, earlier: bool = False) -> bytes:
    """Return the id of a unit of objects of a study that are done with.

    Args:
        earlier: True: they may not be there any more, or never were in the output.
    """
    return (_EARLIER if earlier else _FINISHED) + study[:STUDY_ID_SIZE].ljust(STUDY_ID_SIZE, b"\0")


def is_finished(unit_id: bytes) -> bool:
    """Return True for a unit of objects that are done with."""
    return len(unit_id) == _FINISHED_SIZE


def is_earlier(unit_id: bytes) -> bool:
    """Return True for one of objects that may not be there any more, or never were in the output."""
    return is_finished(unit_id) and unit_id.startswith(_EARLIER)


def study_hash(study: bytes) -> str:
    """Return a study as the tables name it: the beginning of its keyed hash, in hex digits."""
    return study[:_STUDY_HASH_SIZE].hex()
