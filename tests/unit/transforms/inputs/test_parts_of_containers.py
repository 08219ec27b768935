"""What is known of a container's members is divided among readings of it, whoever told: tables or ledgers."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from storage import ObjectRef
from transforms import AuditRow, Status
from transforms.earlier_runs.earlier_rows import SETTLED_SCHEMA
from transforms.earlier_runs.earlier_work import EarlierWork
from transforms.ledger import KnownGroup, KnownHeader, pack_entries
from transforms.records import SharedFindings
from transforms.source_ids import ListedSource

CONTAINER = "c" * 32


def source_id(number: int) -> str:
    return f"{number:032x}"


def settled(numbers: Iterable[int]) -> pa.Table:
    rows = [{"source_id": source_id(number), "container_id": CONTAINER, "source_version": "v"} for number in numbers]
    columns = {name: [row.get(name, name == "lasting" or None) for row in rows] for name in SETTLED_SCHEMA.names}
    return (
        pa.table({**columns, "status": ["quarantined"] * len(rows), "since": ["r"] * len(rows), "outdated": [False] * len(rows)})
        .select(SETTLED_SCHEMA.names)
        .cast(SETTLED_SCHEMA)
    )


class NothingIsThere:
    def is_there(self, name: str, size: int) -> bool:
        return False

    def is_whole(self, name: str, written: object, since: float) -> bool:
        return False


def outcome(work: EarlierWork) -> tuple[set[int], set[int], set[int]]:
    """Numbers of members that were scanned, have rows in ledgers, and in tables."""
    members = [(ObjectRef(b"a", b"", 1, "v"), ListedSource(source_id(number), "v", CONTAINER)) for number in range(10)]
    compared = work.compare(members, NothingIsThere())
    tables = work.settled.rows(compared.settled)["source_id"].to_pylist()
    scanned = {header.source_id for group in compared.scanned for header in group.headers}
    return (
        {int.from_bytes(one, "big") for one in scanned},
        {int(row.source_id, 16) for row in compared.rows},
        {int(one, 16) for one in tables},
    )


def test_each_reading_has_its_part_and_the_rest_stays() -> None:
    headers = [KnownHeader(source_id(number), "v", CONTAINER, b"i" * 32, b"") for number in (0, 1)]
    rows = [AuditRow(source_id(number), Status.FILTERED, source_version="v", container_id=CONTAINER) for number in (2, 3)]
    work = EarlierWork([pack_entries([KnownGroup(b"s" * 32, SharedFindings(), headers)], rows)], settled([4, 5, 6]))
    part = work.part({source_id(number) for number in (1, 2, 5, 6, 9)})
    # as it goes to who opens the container
    assert outcome(EarlierWork.unpacked(part.packed())) == ({1}, {2}, {5, 6})
    assert part.settled.all_rows("v", NothingIsThere().is_there).num_rows == 2
    assert outcome(work) == ({0}, {3}, {4})
    assert work.settled.left().num_rows == 0
