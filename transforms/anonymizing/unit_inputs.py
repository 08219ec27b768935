"""Inputs of pass 2: for each work unit its objects, and the facts about it that other units or earlier runs tell."""

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from anonymizer.internals import Description, PixelDecision, split_words
from storage import ObjectRef

from ..records import InstanceHeader, KnownUid, KnownWords, WorkUnit
from ..shuffle.record_coder import PackedRecordCoder, register_record
from ..work_unit_ids import STUDY_ID_SIZE

#: study's id -> the study and the persons in it -> hashes of words that are bound to them
WordsByStudy = dict[bytes, dict[bytes, frozenset[bytes]]]


class DescribedHeader(NamedTuple):
    """An InstanceHeader, and the object's description."""

    ref: ObjectRef
    source_id: bytes
    instance: bytes
    new_uid: bytes
    kept_uid: bytes
    pixels: PixelDecision | None
    description: Description


class StudyWork(NamedTuple):
    """The objects of one study in a work unit.

    Attributes:
        study: the study's id.
        headers: sorted by ``instance`` and ``source_id``.
        descriptions: all distinct descriptions of the objects.
        places: for each header, the index of its description.
    """

    study: bytes
    headers: list[InstanceHeader]
    descriptions: list[Description]
    places: list[int]

    def described(self) -> list[DescribedHeader]:
        """Return the headers, each with its description."""
        both = zip(self.headers, self.places, strict=True)
        return [DescribedHeader(*header, self.descriptions[place]) for header, place in both]


class UnitWork(NamedTuple):
    """The objects of a work unit.

    Attributes:
        uids: hash of an original UID and the new UID, each once; those of the instances stand in their headers.
    """

    studies: list[StudyWork]
    uids: list[tuple[bytes, bytes]]


class UnitInput(NamedTuple):
    """One thing that pass 2 needs of a work unit; all others are empty.

    Attributes:
        work: its objects; there is one for each unit.
        uid: one of its UIDs of which more is known.
        words: words that identify somebody with objects in it.
        head: keyed hash of a series in it that counts as a head.
    """

    work: UnitWork | None = None
    uid: KnownUid | None = None
    words: KnownWords | None = None
    head: bytes = b""


# one type for all: for values of several Beam has no coder but its own, which pickles
register_record(UnitInput, PackedRecordCoder)


class UnitInputs(NamedTuple):
    """All that pass 2 needs of a work unit."""

    work: UnitWork
    uids: list[KnownUid]
    words: list[KnownWords]
    heads: frozenset[bytes]

    @classmethod
    def of(cls, inputs: Iterable[UnitInput]) -> "UnitInputs":
        """Gather the inputs of one unit."""
        work: UnitWork | None = None
        uids, words, heads = [], [], set()
        for one in inputs:
            if one.work is not None:
                work = one.work
            elif one.uid is not None:
                uids.append(one.uid)
            elif one.words is not None:
                words.append(one.words)
            else:
                heads.add(one.head)
        assert work is not None
        return cls(work, uids, words, frozenset(heads))


def unit_work(unit: WorkUnit) -> tuple[bytes, UnitInput]:
    """Return (unit id, objects) of a work unit, with each UID once, since it is shuffled again."""
    shared = chain.from_iterable(part.shared for part in unit.parts)
    uids = {uid_hash: new_uid for findings in shared for uid_hash, new_uid, _ in findings.uids}
    studies = [
        StudyWork(part.study[:STUDY_ID_SIZE], part.headers, [findings.description for findings in part.shared], part.places)
        for part in unit.parts
    ]
    return unit.unit_id, UnitInput(UnitWork(studies, list(uids.items())))


def as_uid(known: tuple[bytes, KnownUid]) -> tuple[bytes, UnitInput]:
    """Return (unit id, input) of a UID."""
    return known[0], UnitInput(uid=known[1])


def as_words(known: tuple[bytes, KnownWords]) -> tuple[bytes, UnitInput]:
    """Return (unit id, input) of words."""
    return known[0], UnitInput(words=known[1])


def as_head(known: tuple[bytes, bytes]) -> tuple[bytes, UnitInput]:
    """Return (unit id, input) of a series that counts as a head."""
    return known[0], UnitInput(head=known[1])


def words_by_study(known: Iterable[KnownWords]) -> WordsByStudy:
    """Return the words that are known for a unit, by study and owner."""
    found: WordsByStudy = {}
    for study, owner, words in known:
        # one for each of them: they were combined
        found.setdefault(study, {})[owner] = split_words(words)
    return found
