"""An earlier run's UID map: what new objects touch, what is left as it is, and what breaks it."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.records import OWNED, PREASSIGNED, UidUse
from transforms.shuffle.arrow_shards import beginnings, by_shard, from_bytes, shards_of
from transforms.shuffle.sharding import spread
from transforms.tables.schemas import REFERENCES_SCHEMA, UID_MAP_SCHEMA
from transforms.uid_map.earlier_map import CLAIMS_SCHEMA, NEW_UIDS_SCHEMA, EarlierMapShard

A, B, C, D = (letter * 32 for letter in (b"a", b"b", b"c", b"d"))


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1), st.integers(1, 2**31))
def test_shards_are_those_of_all_others(hashes: list[bytes], shards: int) -> None:
    array = pa.array(hashes, pa.binary(32))
    for offset in (0, 1):
        found = shards_of(beginnings(array[offset:]), shards)
        assert [int(shard).to_bytes(4, "big") for shard in found] == [spread(one, shards) for one in hashes[offset:]]


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True), st.integers(1, 9))
def test_each_row_goes_to_its_shard(hashes: list[bytes], shards: int) -> None:
    schema = pa.schema([("uid_hash", pa.binary(32)), ("number", pa.int64())])
    table = pa.Table.from_pydict({"uid_hash": hashes, "number": range(len(hashes))}, schema=schema)
    found = {shard: from_bytes([content], schema) for shard, content in by_shard(table, "uid_hash", shards)}
    for shard, rows in found.items():
        assert {spread(one, shards) for one in rows["uid_hash"].to_pylist()} == {shard}
    assert sorted(number for rows in found.values() for number in rows["number"].to_pylist()) == list(range(len(hashes)))


def row(uid_hash: bytes, new_uid: str, new_hash: bytes) -> dict[str, object]:
    return {
        "uid_hash": uid_hash,
        "new_uid": new_uid,
        "role": "series",
        "owned": True,
        "owners": [],
        "users": [b"person 1study  1"],
        "new_uid_hash": new_hash[:16],
    }


@pytest.fixture
def known() -> EarlierMapShard:
    """A is replaced by what hashes to C, B by what hashes to D."""
    rows = pa.Table.from_pylist([row(A, "2.25.1", C), row(B, "2.25.2", D)], schema=UID_MAP_SCHEMA)
    odd = pa.Table.from_pylist(
        [{"uid_hash": one, "role": "series", "outside": False, "joins_patients": True} for one in (A, B)],
        schema=REFERENCES_SCHEMA,
    )
    new_uids = rows.select(NEW_UIDS_SCHEMA.names)
    claims = pa.Table.from_pylist([{"instance_hash": A, "study_hash": "73" * 8}], schema=CLAIMS_SCHEMA)
    return EarlierMapShard(rows, odd, new_uids, claims)


def test_what_is_in_use_now_becomes_a_use_and_the_rest_stays_a_row(known: EarlierMapShard) -> None:
    uses, kept = known.touched({A: UidUse(A, b"2.25.1", 1, [])})
    assert uses == [UidUse(A, b"2.25.1", 1 | OWNED | PREASSIGNED, [], (b"person 1study  1",))]
    assert kept.rows.to_pylist() == known.rows.to_pylist()[1:]
    assert kept.references["uid_hash"].to_pylist() == [B]
    assert known.touched({})[1].rows.num_rows == 2


def test_claims_to_instances_in_use_now(known: EarlierMapShard) -> None:
    assert known.claims_to({A: UidUse(A, b"", 0, [])}) == [(A, b"s" * 8)]
    # the same beginning, another hash
    other = A[:8] + B[8:]
    assert known.claims_to({other: UidUse(other, b"", 0, [])}) == []


@pytest.mark.parametrize(
    ("originals", "new_uids", "count"),
    [
        ([], [], 0),
        ([A], [(C, A)], 0),  # as it was
        ([b"e" * 32], [(b"f" * 32, b"e" * 32)], 0),
        ([b"e" * 32], [(A, b"e" * 32)], 1),  # a new UID is an original of the map
        ([C], [(b"f" * 32, C)], 1),  # an original is a new UID of the map
        ([b"e" * 32], [(C, b"e" * 32)], 1),  # one new UID for two originals
        ([C, b"e" * 32], [(A, C), (D, b"e" * 32)], 3),
        ([b"e" * 32], [(A[:8] + D[8:], b"e" * 32)], 0),  # only the same beginning
    ],
)
def test_what_breaks_the_map(
    known: EarlierMapShard, originals: list[bytes], new_uids: list[tuple[bytes, bytes]], count: int
) -> None:
    assert known.violations(originals, new_uids) == count
