"""Records come back as they were, equal ones have equal bytes, and nothing but plain values is written or read."""

from __future__ import annotations

import pickle
from typing import NamedTuple

import msgpack
import pyarrow as pa
import pytest
from apache_beam.coders import Coder
from apache_beam.coders.typecoders import registry

from anonymizer import AttributeAction, Reason
from anonymizer.internals import Description, FaceEvidence
from storage import Member, ObjectRef, Packing
from transforms import AuditRow, AuditRows, HeaderGroups, RefBatch, Status, TableFile, WorkUnit
from transforms.anonymizing.share_words import BoundWords
from transforms.anonymizing.unit_inputs import StudyWork, UnitInput, UnitWork
from transforms.inputs.compare_with_earlier import ShardInput
from transforms.inputs.earlier_results import PendingBatch
from transforms.inputs.list_objects import Part
from transforms.records import (
    EarlierOutput,
    HeaderGroup,
    InstanceHeader,
    KnownUid,
    KnownWords,
    Reference,
    References,
    SharedFindings,
    StudyPart,
    UidUse,
    UidUses,
)
from transforms.scanning.judge_faces import SeriesEvidence
from transforms.shuffle.record_coder import RecordCoder, decode_record, encode_record, register_record
from transforms.uid_map.uid_shards import EarlierTable, UidShard

HASH, ID = bytes(range(32)), bytes(range(16))
REF = ObjectRef(
    b"n\xff",
    b"source",
    1 << 40,
    "version",
    Member(Packing.TAR.value, 0, 5, -1, 7),
    3,
    EarlierOutput("a/b/c.dcm", 7, "0000002a", True, "run"),
    ("truncated", "run"),
    (b"m\xff",),
)
HEADER = InstanceHeader(REF, ID, HASH, b"2.25.1", b"1.2.3")
SHARED = SharedFindings(((HASH, b"2.25.2", 9),), HASH, b"w" * 8, ID, FaceEvidence(HASH, 1), Description(modality="CT"))
ROW = AuditRow("id", Status.QUARANTINED, Reason.TRUNCATED, actions=(AttributeAction("p", "K", "X", 1),), before=("", "run"))
WORK = UnitWork([StudyWork(ID, [HEADER], [SHARED.description], [0])], [(HASH, b"2.25.1")])
RECORDS = [
    RefBatch([REF, ObjectRef(b"n", b"s", -1, "")]),
    HeaderGroups([HeaderGroup(HASH, SHARED, [HEADER]), HeaderGroup(HASH, SharedFindings(), [])]),
    WorkUnit(b"unit", [StudyPart(HASH, [SHARED], [HEADER], [0])]),
    AuditRows([ROW, AuditRow("id", Status.WRITTEN)]),
    UidUses([UidUse(HASH, b"2.25.1", 9, [ID], (ID,), (b"unit",))]),
    References([Reference(HASH, b"2.25.1", 1, True, False, (ID,))]),
    KnownUid(HASH, is_conflict=True),
    KnownWords(ID, HASH, b"w" * 8),
    BoundWords(HASH, [b"place"], b"w" * 8),
    UnitInput(WORK),
    UnitInput(uid=KnownUid(HASH, new_uid=b"2.25.1")),
    ShardInput(b"l", b"content"),
    PendingBatch(RefBatch([REF]), b"known"),
    Part("folder", b"\xff", 1, b"", ""),
    SeriesEvidence([b"unit"], FaceEvidence(HASH, 1, 2.5, 3.5)),
    UidShard([UidUse(HASH, b"", 0, [])], [(HASH, HASH)], [EarlierTable(b"r", b"rows")]),
    TableFile("name", 1, "digest"),
]


def same_types(one: object, other: object) -> bool:
    """Whether two values have the same types all through; a plain tuple may stand for a record of storage."""
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        is_like = type(one) is type(other) or type(one) in (Member, EarlierOutput)
        return is_like and all(map(same_types, one, other))
    return type(one) is type(other)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_come_back_as_they_were(record: object) -> None:
    coder: Coder = registry.get_coder(type(record))
    assert isinstance(coder, RecordCoder) and coder.is_deterministic()
    found = coder.decode(coder.encode(record))
    assert found == record and type(found) is type(record) and same_types(record, found)
    # as it reaches a worker
    there = pickle.loads(pickle.dumps(coder))
    assert there == coder and hash(there) == hash(coder)
    assert there.encode(found) == coder.encode(record)
    assert 0.3 < coder.estimate_size(record) / len(encode_record(record)) < 3


def test_what_is_no_plain_value_is_not_written() -> None:
    for value in (object(), {1, 2}, pa.table({}), Exception()):
        with pytest.raises(TypeError):
            encode_record(PendingBatch(RefBatch(), value))  # type: ignore[arg-type]
        # nothing of it is left for the next
        assert encode_record(KnownUid(b"u")) == msgpack.packb((b"u", None, b""))


class _Holds(NamedTuple):
    what: object


class _HoldsRecords(NamedTuple):
    pair: tuple[int, KnownUid]


@pytest.mark.parametrize("kind", [_Holds, _HoldsRecords])
def test_records_whose_fields_cannot_be_restored_are_refused_at_once(kind: type) -> None:
    with pytest.raises(TypeError):
        register_record(kind)


@pytest.mark.parametrize(
    "encoded",
    [b"", b"\x80\x04N.", msgpack.packb(5), msgpack.packb((1, 2)), msgpack.packb((b"x",)), encode_record(RECORDS[6])[:-1]],
)
def test_bytes_of_nothing_of_the_kind_are_an_error(encoded: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode_record(TableFile, encoded)


def test_tables_are_written_as_arrow_writes_them() -> None:
    table = pa.table({"hash": pa.array([HASH, None], pa.binary(32)), "text": ["a", None]})
    coder = registry.get_coder(pa.Table)
    assert coder.decode(coder.encode(table)) == table
    assert coder.decode(coder.encode(table.slice(0, 0))) == table.slice(0, 0)
    assert coder.is_deterministic() and coder.encode(table) == coder.encode(table)
