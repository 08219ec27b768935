"""Write the audit tables of records."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import accumulate, chain
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection

from anonymizer import AttributeAction
from anonymizer.internals import BlankedBy, TextFindings
from profiles import attribute_keyword, parse_tag
from storage import TableFolder

from ..engine_config import EngineConfig
from ..records import OWNED, AuditRow, AuditRows, Reference, References, Status, UidUse, UidUses
from ..tables.parquet_files import TableFile, WriteTable
from ..tables.schemas import ACTIONS, INSTANCES_SCHEMA, PIXELS_SCHEMA, REFERENCES_SCHEMA, ROLES, UID_MAP_SCHEMA, input_ids


class RowConstants(NamedTuple):
    """Values that stand in each row of a run.

    Attributes:
        profile_digest: keyed digest of the profile.
        settings_digest: keyed digest of all settings that decide what leaves, but for the program's version.
        key_id: of the run's key.
        version: of the program.
        run_id: the run's.
    """

    profile_digest: str
    settings_digest: str
    key_id: str
    version: str
    run_id: str


def instances_table(rows: Sequence[AuditRow], constants: RowConstants, inputs: Sequence[str] = ()) -> pa.Table:
    """Return rows of ``instances-*.parquet``; absent texts are null.

    Args:
        inputs: their ids, by their ordinals.
    """
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in AuditRow._fields}
    columns["status"] = [status.value for status in columns["status"]]
    columns["reason"] = [reason and reason.value for reason in columns["reason"]]
    columns["reason_keyword"] = [tag and _keyword(tag) for tag in columns["reason_tag"]]
    columns["size"] = [size if name else None for size, name in zip(columns["size"], columns["output_name"], strict=True)]
    columns["instance_hash"] = [found or None for found in columns["instance_hash"]]
    columns["actions"] = _actions_column(columns["actions"])
    columns["source_size"] = [size if size >= 0 else None for size in columns["source_size"]]
    columns["since"] = [
        before[1] if before is not None and before[0] == (reason or "") else constants.run_id
        for before, reason in zip(columns["before"], columns["reason"], strict=True)
    ]
    columns |= {name: getattr(constants, name) for name in RowConstants._fields if name in INSTANCES_SCHEMA.names}
    columns["input_id"] = input_ids(columns["input"], inputs)
    return pa.Table.from_arrays(
        [_column(columns[field.name], field.type, len(rows)) for field in INSTANCES_SCHEMA], schema=INSTANCES_SCHEMA
    )


@lru_cache(maxsize=1024)
def _keyword(tag: str) -> str:
    return attribute_keyword(parse_tag(tag))


def _column(values: Any, kind: pa.DataType, length: int) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, str):
        return pa.repeat(pa.scalar(values, kind), length)
    return pa.array([value if value != "" else None for value in values] if kind == pa.string() else values, kind)


def _actions_column(rows: Iterable[tuple[AttributeAction, ...]]) -> pa.Array:
    """Return the column of actions. The instances of a series share them, mostly even the tuple: each is converted once."""
    places: dict[int, int] = {}
    distinct: dict[tuple[AttributeAction, ...], int] = {}
    indices = []
    for actions in rows:
        place = places.get(id(actions))
        if place is None:
            place = places[id(actions)] = distinct.setdefault(actions, len(distinct))
        indices.append(place)
    fields = list(ACTIONS.value_type)
    columns = list(zip(*chain.from_iterable(distinct), strict=True)) or [()] * len(fields)
    structs = pa.StructArray.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, fields, strict=True)], fields=fields
    )
    return pa.ListArray.from_arrays(pa.array(accumulate(map(len, distinct), initial=0), pa.int32()), structs).take(
        pa.array(indices, pa.int32())
    )


def pixels_table(rows: Sequence[AuditRow]) -> pa.Table:
    """Return rows of ``pixels-*.parquet``: one for each rectangle of each source; without coordinates where it blanks nothing."""
    found = []
    for row in rows:
        if row.pixels is None or row.status is not Status.WRITTEN:
            continue
        pixels, of_object = row.pixels, (row.source_id, row.instance_hash, row.output_name)
        for one in pixels.sources:
            for rectangle in one.rectangles or ((None,) * 4,):
                about = (pixels.frames, pixels.rows, pixels.columns, one.source, one.name or None, *rectangle)
                done = pixels.fill or None, pixels.codec_path or None, pixels.verdict
                found.append((*of_object, *about, *done, *_search_columns(one, pixels.text)))
    columns = list(zip(*found, strict=True)) or [()] * len(PIXELS_SCHEMA)
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, PIXELS_SCHEMA, strict=True)], schema=PIXELS_SCHEMA
    )


def _search_columns(source: BlankedBy, text: TextFindings | None) -> tuple[float | None, ...]:
    """Return the columns about a search for text: in rows of that source alone."""
    if text is None or source.source != "text":
        return (None,) * 5
    return text.looked, text.rounds, text.lines, text.kept, text.least_score if text.lines else None


def _pixel_tables(rows: AuditRows) -> Iterator[pa.Table]:
    # most have none: without a table they cost nothing
    if any(row.pixels is not None for row in rows):
        yield pixels_table(rows)


def uid_map_table(uses: Sequence[UidUse], config: EngineConfig) -> pa.Table:
    """Return rows of ``uid_map-*.parquet``. Of UIDs that stay as they are, claimed ones are among them."""
    hash_of = config.engine().uids.hash
    return pa.Table.from_pydict(
        {
            "uid_hash": [use.hash for use in uses],
            "new_uid": [use.new_uid.decode() or None for use in uses],
            "role": [ROLES[use.role % OWNED] for use in uses],
            "owned": [bool(use.claimants or use.role & OWNED) for use in uses],
            "owners": [use.owners for use in uses],
            "users": [use.users for use in uses],
            "new_uid_hash": [hash_of(use.new_uid)[:16] if use.new_uid else None for use in uses],
        },
        schema=UID_MAP_SCHEMA,
    )


def references_table(references: Sequence[Reference]) -> pa.Table:
    """Return rows of ``references-*.parquet``."""
    return pa.Table.from_pydict(
        {
            "uid_hash": [found.hash for found in references],
            "new_uid": [found.new_uid.decode() or None for found in references],
            "role": [ROLES[found.role] for found in references],
            "outside": [found.outside for found in references],
            "joins_patients": [found.joins_patients for found in references],
            "study_hashes": [[study.hex() for study in found.studies] for found in references],
        },
        schema=REFERENCES_SCHEMA,
    )


class WriteInstances(beam.PTransform[PCollection[AuditRows], PCollection[TableFile]]):
    """Audit rows -> files, ``PREFIX-*.parquet``."""

    def __init__(self, folder: TableFolder, prefix: str, constants: RowConstants, inputs: tuple[str, ...]) -> None:
        """
        Args:
            inputs: their ids, by their ordinals.
        """
        super().__init__()
        table = partial(instances_table, constants=constants, inputs=inputs)
        self._write = WriteTable(folder, prefix, table)

    def expand(self, rows: PCollection[AuditRows]) -> PCollection[TableFile]:
        return rows | self._write


class WritePixels(beam.PTransform[PCollection[AuditRows], PCollection[TableFile]]):
    """Audit rows -> files, ``PREFIX-*.parquet``, with what was blanked in the pixels of the objects."""

    def __init__(self, folder: TableFolder, prefix: str) -> None:
        super().__init__()
        self._write = WriteTable(folder, prefix, pa.concat_tables)

    def expand(self, rows: PCollection[AuditRows]) -> PCollection[TableFile]:
        return rows | "Pixels" >> beam.FlatMap(_pixel_tables).with_output_types(pa.Table) | self._write


class WriteUidMap(beam.PTransform[PCollection[UidUses], PCollection[TableFile]]):
    """Uses of UIDs -> files, ``PREFIX-*.parquet``."""

    def __init__(self, folder: TableFolder, prefix: str, config: EngineConfig) -> None:
        super().__init__()
        self._write = WriteTable(folder, prefix, partial(uid_map_table, config=config))

    def expand(self, uses: PCollection[UidUses]) -> PCollection[TableFile]:
        return uses | self._write


class WriteReferences(beam.PTransform[PCollection[References], PCollection[TableFile]]):
    """References -> files, ``PREFIX-*.parquet``."""

    def __init__(self, folder: TableFolder, prefix: str) -> None:
        super().__init__()
        self._write = WriteTable(folder, prefix, references_table)

    def expand(self, references: PCollection[References]) -> PCollection[TableFile]:
        return references | self._write
