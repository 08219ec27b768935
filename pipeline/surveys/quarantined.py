"""Names of the objects that a run refused. Its audit has keyed hashes of names, which the inputs and the key reproduce."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer import Key
from anonymizer.internals import Pseudonyms, Seal
from storage import Folder, ManifestError, ObjectRef, StorageError, StoredArchive, scheme_of
from transforms import INSTANCES_TABLE, EarlierRun, SealError, TableError, checked_table

from ..errors import RunError, UsageError
from ..job import Inputs
from ..runs.audit import PLAN_FILE, RUN_FILE, Audit, NotARunError, check_names
from ..runs.digests import digest_of_input
from ..runs.earlier_runs import INPUTS
from ..runs.inputs import number_inputs

#: columns of the tables that are shown
SHOWN = (
    *(
        "status",
        "reason",
        "reason_tag",
        "reason_keyword",
        "source_id",
        "study_instance_uid",
        "series_instance_uid",
        "sop_instance_uid",
    ),
    *("sop_class_uid", "modality", "transfer_syntax_uid", "patient_id", "pixel_risks", "source_size", "since"),
)
_TYPES = {"pixel_risks": pa.list_(pa.string()), "source_size": pa.int64()}
_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in (*SHOWN, "container_id", "input_id")])
_BATCH_ROWS = 8192


@dataclass(frozen=True)
class Wanted:
    """Selection of rows.

    Attributes:
        statuses: selected statuses.
        reasons: selected reason codes; none: all.
        only_new: True to select only objects that the continued run had not refused for the same reason.
        source_ids: selected objects, by their source ids; None: all.
    """

    statuses: Collection[str]
    reasons: Collection[str] = ()
    only_new: bool = False
    source_ids: pa.Array | None = None


class FoundObject(NamedTuple):
    """A refused object that was found in the inputs.

    Attributes:
        source: source name of the object.
        uri: absolute path or URI of the object, or of its zip or tar.
        member: the part of the source name behind ``!/``, for a member of a zip or tar; else None.
        row: values of the columns SHOWN.
        ref: the object as it is listed now.
    """

    source: bytes
    uri: bytes
    member: bytes | None
    row: dict[str, Any]
    ref: ObjectRef


def load_run(folder: Folder, key: Key) -> EarlierRun:
    """Return the run whose account is in an audit's folder, or the plan whose account is in its own.

    Raises:
        UsageError: there is no such account, or it is not by this key.
    """
    try:
        account = _account(Audit(folder, (Seal(key),)))
        check_names(account)
        key_id, inputs = account["key_id"], account["origin"].get(INPUTS, ())
        inputs = tuple(map(str, inputs))
    except FileNotFoundError:
        raise UsageError(f"--audit: the folder has no {RUN_FILE}: name the folder of a run's audit tables") from None
    except (StorageError, SealError) as error:
        raise UsageError(f"--audit: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"--audit: {RUN_FILE} can't be read: restore it from a copy of the audit") from None
    if key_id != key.key_id:
        raise UsageError("--key is the key by which UIDs of that run are hashed: give the run's own key")
    if not any(inputs):
        raise UsageError("--audit: that run was made by an older version, which didn't record its inputs: run again")
    return EarlierRun(
        folder, account["run_id"], account["tables"], account["table_digests"], same_work_digest=False, inputs=inputs
    )


def _account(audit: Audit) -> dict[str, Any]:
    try:
        return audit.read(RUN_FILE)[0]
    except NotARunError:
        # its tables are as those of a run
        return audit.read(PLAN_FILE)[0]


def inputs_of(run: EarlierRun, names: Collection[str], key: Key) -> Inputs:
    """Return inputs with the ordinals that they have in a run.

    Args:
        names: paths or URIs.
        key: the run's key.

    Raises:
        UsageError: a name is no input of the run.
    """
    left = list(run.inputs)
    for number, name in enumerate(names, 1):
        try:
            left.remove(digest_of_input(name, key))
        except ValueError:
            raise UsageError(
                f"--input number {number} is not an input of that run: name inputs as they were named then"
            ) from None
    return number_inputs(list(names), key, run)


def read_rows(run: EarlierRun, wanted: Wanted) -> pa.Table:
    """Return the selected rows: the columns SHOWN, ``container_id`` and ``input_id``. Memory grows with the selected rows only.

    Raises:
        RunError: a table can't be read.
    """
    tables = []
    for name in run.files(INSTANCES_TABLE):
        try:
            file = pq.ParquetFile(pa.BufferReader(checked_table(run.folder, name, run.digests[name])))
            columns = [column for column in _SCHEMA.names if column in file.schema_arrow.names]
            for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
                rows = pa.Table.from_batches([batch]).filter(_mask(batch, wanted, run.run_id))
                if rows.num_rows:
                    tables.append(_complete(rows))
        except (TableError, StorageError) as error:
            raise RunError(f"--audit: {error}") from error
        except (pa.ArrowException, OSError):
            raise RunError("--audit: a table is not a Parquet file of a run: restore it from a copy of the audit") from None
    return pa.concat_tables(tables) if tables else _SCHEMA.empty_table()


def _mask(batch: pa.RecordBatch, wanted: Wanted, run_id: str) -> pa.Array:
    mask = pc.is_in(batch["status"], pa.array(sorted(wanted.statuses), pa.string()))
    if wanted.reasons:
        mask = pc.and_(mask, pc.is_in(batch["reason"], pa.array(sorted(wanted.reasons), pa.string())))
    if wanted.source_ids is not None:
        mask = pc.and_(mask, pc.is_in(batch["source_id"], wanted.source_ids))
    if wanted.only_new and "since" in batch.schema.names:
        # rows of older versions have no value here, and count as new
        mask = pc.and_(mask, pc.coalesce(pc.equal(batch["since"], run_id), True))
    return mask


def _complete(rows: pa.Table) -> pa.Table:
    columns = (rows[field.name] if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type) for field in _SCHEMA)
    return pa.Table.from_arrays(list(columns), names=_SCHEMA.names).cast(_SCHEMA)


class Search:
    """Search for the objects of rows in the inputs.

    Attributes:
        objects: number of objects searched for.
    """

    def __init__(self, rows: pa.Table, key: Key) -> None:
        """Prepare a search.

        Args:
            rows: the result of ``read_rows``.
            key: the run's key.
        """
        self._rows = rows
        self._source_id = Pseudonyms(key).source_id
        ids = rows["source_id"].to_pylist()
        #: row numbers by source id; an object that was listed twice has one
        self._missing_rows = {bytes.fromhex(source_id): place for place, source_id in enumerate(ids)}
        # a container that was refused itself needn't be opened
        in_container = pc.fill_null(pc.not_equal(rows["container_id"], rows["source_id"]), False)
        self._containers = frozenset(map(bytes.fromhex, pc.unique(rows.filter(in_container)["container_id"]).to_pylist()))
        self._inputs = frozenset(pc.unique(rows["input_id"]).to_pylist())
        self.objects = len(self._missing_rows)

    @property
    def missing(self) -> int:
        """Number of objects not found so far."""
        return len(self._missing_rows)

    def missing_elsewhere(self, inputs: Inputs) -> int:
        """Return the number of missing objects that come from inputs other than ``inputs``."""
        listed_by = self._rows["input_id"].take(pa.array(list(self._missing_rows.values()), pa.int64()))
        named = pc.is_in(listed_by, pa.array([*filter(None, inputs.ids), None], pa.string()))
        return int(pc.sum(pc.invert(named)).as_py() or 0)

    def found(self, archive: StoredArchive, inputs: Inputs) -> Iterator[FoundObject]:
        """Yield the objects that are found, input by input.

        Raises:
            RunError: an input can't be listed.
            StorageUnavailableError: an input can't be read at the moment.
        """
        for number, (ordinal, name) in enumerate(inputs.locations, 1):
            if not self._missing_rows:
                return
            if self._inputs.isdisjoint({inputs.ids[ordinal], None}):
                continue
            try:
                for ref in archive.preview((ordinal, name)):
                    yield from self._found_in(archive, ref)
                    if not self._missing_rows:
                        return
            except (StorageError, ManifestError) as error:
                raise RunError(f"--input number {number}: {error}") from error
            except OSError as error:
                raise RunError(f"--input number {number} can't be read: {error.strerror}") from error

    def _found_in(self, archive: StoredArchive, ref: ObjectRef) -> Iterator[FoundObject]:
        """Yield the object itself if it is searched for, and the members of it that are."""
        if (found := self._match(ref, None)) is not None:
            yield found
        if not archive.is_container(ref.name) or bytes.fromhex(self._source_id(ref.listed_as)) not in self._containers:
            return
        before = len(ref.source) + len(b"!/")
        for members in archive.members(ref):
            for member in members:
                # a container that can't be opened is listed as the last of its members
                if member.source != ref.source and (found := self._match(member, member.source[before:])) is not None:
                    yield found

    def _match(self, ref: ObjectRef, member: bytes | None) -> FoundObject | None:
        place = self._missing_rows.pop(bytes.fromhex(self._source_id(ref.source)), None)
        if place is None:
            return None
        row = self._rows.slice(place, 1).select(SHOWN).to_pylist()[0]
        return FoundObject(ref.source, _absolute(ref.name), member, row, ref)


def _absolute(name: bytes) -> bytes:
    """Return an absolute path or a URI. Paths are not normalized, since ``..`` behind a link leads elsewhere."""
    return name if scheme_of(os.fsdecode(name)) else os.path.join(os.getcwdb(), name)
