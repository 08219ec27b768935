"""Counts of tables against a plain count of their rows."""

from __future__ import annotations

import io
from collections import Counter
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.reports.action_tally import attribute_of
from pipeline.reports.subject_tally import NO_AGE, AgeBand, age_band
from pipeline.reports.tally import TableTally
from transforms.tables.schemas import INSTANCES_SCHEMA

_PATHS = ("(0010,0010)", "(0008,1140)>(0008,1155)", "(0008,1115)>(0008,1155)", "(private)", "(0008,1140)>(private)", "(unknown)")


def rows_of(count: int, paths: tuple[str, ...] = _PATHS, seed: int = 1) -> list[dict[str, Any]]:
    source = Random(seed)
    rows = []
    for number in range(count):
        patient = source.randrange(count // 3 + 1)
        rows.append(
            {
                "source_id": f"{number:032x}",
                "status": source.choice(["written", "written", "skipped", "quarantined"]),
                "reason": source.choice(["truncated", "invalid-vr"]),
                "notes": source.sample(["no-preamble", "illegal-value-removed"], source.randrange(3)),
                "sop_class_uid": source.choice(["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"]),
                "study_instance_uid": f"1.2.{patient}",
                "study_hash": f"{patient:016x}",
                "modality": source.choice(["CT", "MR", None]),
                "patient_id": source.choice([f"P{patient}", f"P{patient}", None]),
                "patient_sex": "MFO"[patient % 3] if patient % 4 else None,
                "patient_age": f"{patient * 7 % 120:03d}Y" if patient % 5 else None,
                "size": 10,
                "actions": [
                    {"path": path, "keyword": "", "action": "X", "count": source.randrange(1, 4), "reason": ""}
                    for path in sorted(source.sample(paths, source.randrange(min(len(paths), 9))))
                ],
                "written_in": "0123abcd",
            }
        )
    return rows


def table_of(rows: list[dict[str, Any]], **how: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=INSTANCES_SCHEMA), stream, **how)
    return stream.getvalue()


@pytest.mark.parametrize(
    "how",
    [
        {},
        # groups of rows with dictionaries of their own
        {"row_group_size": 100},
        {"use_dictionary": False},
        # dictionaries that the writer gives up within a group
        {"dictionary_pagesize_limit": 64, "data_page_size": 64, "write_batch_size": 8},
    ],
    ids=["one group", "groups", "no dictionary", "given up"],
)
def test_a_tally_counts_what_stands_in_the_rows(how: dict[str, Any]) -> None:
    rows = rows_of(700, (*_PATHS, *(f'(0009,"MAKER {number}",01)' for number in range(300))))
    tally = TableTally()
    tally.add("instances-x.parquet", table_of(rows[:400], **how))
    tally.add("instances-x.parquet", table_of(rows[400:], **how))
    found = tally.result()
    written = [row for row in rows if row["status"] == "written"]
    there = [row for row in rows if row["status"] in ("written", "skipped")]
    instances: Counter[tuple[str, str]] = Counter()
    elements: Counter[tuple[str, str]] = Counter()
    for row in written:
        instances.update({attribute_of(action["path"]) for action in row["actions"]})
        for action in row["actions"]:
            elements[attribute_of(action["path"])] += action["count"]
    assert {(key.attribute, key.creator): count.instances for key, count in found.actions.items()} == instances
    assert {(key.attribute, key.creator): count.elements for key, count in found.actions.items()} == elements
    subjects = found.subjects
    assert subjects.instances == len(there) and found.written == len(written) and found.elsewhere == len(there) - len(written)
    assert subjects.studies == len({row["study_hash"] for row in there})
    known = [row for row in there if row["patient_id"]]
    assert subjects.patients == len({row["patient_id"] for row in known})
    cells: dict[tuple[Any, ...], set[str]] = {}
    for row in known:
        cell = (age_band(row["patient_age"]), row["patient_sex"] or "", row["modality"] or "")
        cells.setdefault(cell, set()).add(row["patient_id"])
    assert {cell[:3]: cell.subjects for cell in subjects.cells} == {cell: len(people) for cell, people in cells.items()}
    for size in (2, 3, 11):
        small = set().union(*(people for people in cells.values() if len(people) < size))
        assert subjects.subjects_below(size) == len(small)
        assert len(subjects.cells_below(size)) == sum(len(people) < size for people in cells.values())
    assert sum(found.refusals.values()) == len(rows) - len(there)
    assert sum(count for study in found.incomplete for _, count in study.refused) == len(rows) - len(there)
    assert found.notes == dict(sorted(Counter(note for row in there for note in row["notes"]).items()))


def test_tables_of_earlier_versions_have_fewer_columns() -> None:
    table = pa.Table.from_pylist(rows_of(50), schema=INSTANCES_SCHEMA)
    stream = io.BytesIO()
    pq.write_table(table.drop_columns(["modality", "patient_id", "patient_sex", "patient_age"]), stream)
    tally = TableTally()
    tally.add("instances-x.parquet", stream.getvalue())
    found = tally.result().subjects
    assert found.patients == 0 and found.without_patient == found.instances > 0 and found.cells == ()


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("042Y", AgeBand(40, 44)),
        ("001Y", AgeBand(1, 4)),
        ("000Y", AgeBand(0, 0)),
        ("090Y", AgeBand(90, None)),
        ("089Y", AgeBand(85, 89)),
        ("003D", AgeBand(0, 0)),
        ("011M", AgeBand(0, 0)),
        ("012M", AgeBand(1, 4)),
        ("999W", AgeBand(15, 19)),
        ("366D", AgeBand(1, 4)),
        (None, NO_AGE),
        ("", NO_AGE),
        ("42Y", NO_AGE),
        ("04²Y", NO_AGE),
    ],
)
def test_bands_of_ages(age: str | None, band: AgeBand) -> None:
    assert age_band(age) == band
