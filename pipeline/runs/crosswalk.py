"""The restricted crosswalk: the target of a run, and a reader of all runs' files."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.internals import Seal
from storage import Folder
from transforms import (
    CROSSWALK,
    CROSSWALK_SCHEMA,
    CrosswalkTarget,
    EngineConfig,
    SealedFiles,
    Status,
)

from ..errors import UsageError
from ..options import JobOptions
from .restricted_places import restricted_place
from .sealed_tables import SealedTables

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: columns with the names by which an object is known outside
NAMED_BY = ("new_study_instance_uid", "new_series_instance_uid", "new_sop_instance_uid", "new_patient_id", "source_id")
#: columns with the outcome of an object
OUTCOME = ("status", "reason", "reason_tag")
#: columns that identify an object; of rows with the same values, one is shown
_IDENTITY = tuple(name for name in CROSSWALK_SCHEMA.names if name not in (*OUTCOME, "run_id"))
#: columns of the result; ``status_run_id`` is the run that recorded the outcome
COLUMNS = (*_IDENTITY, *OUTCOME, "status_run_id")
#: columns of files of earlier versions
_OLD_COLUMNS = [name for name in CROSSWALK_SCHEMA.names if name not in OUTCOME]
#: length of the run ids of earlier versions, which don't sort by time
_OLD_RUN_ID = 8
#: precedence of outcomes that one run recorded in several attempts of a bundle: an object that was written once is there
_RANKS = {status.value: -rank for rank, status in enumerate(Status)}


def crosswalk_target(options: JobOptions, run_id: str, config: EngineConfig) -> CrosswalkTarget | None:
    """Create the folder of the run's crosswalk, and return its target; None if no crosswalk is requested.

    Raises:
        UsageError: the certificate or the folder can't be used.
    """
    crosswalk = options.crosswalk
    if crosswalk.folder is None:
        return None
    place = restricted_place(options, "--crosswalk", crosswalk.folder, "--crosswalk-certificate", crosswalk.certificate)
    return CrosswalkTarget(SealedFiles(place.folder, CROSSWALK, run_id, config, place.certificate), config.key_id)


class Crosswalk:
    """Reader of the files of all runs in a crosswalk's folder.

    Attributes:
        encrypted: True if a file is encrypted.
    """

    def __init__(self, folder: Folder, seals: Collection[Seal]) -> None:
        """List the files.

        Args:
            seals: seals of the runs' keys; without any, files are not authenticated.

        Raises:
            UsageError: there is no crosswalk.
            RunError: the folder can't be listed.
        """
        self._files = SealedTables(folder, CROSSWALK, "the crosswalk", seals, ", or read it with --unchecked")
        if not self._files.names:
            raise UsageError("--crosswalk: the folder has no crosswalk")
        self.encrypted = self._files.encrypted

    def rows(self, names: Collection[str], keys: list[RSAPrivateKey]) -> Iterator[dict[str, Any]]:
        """Yield the rows of named objects, each once, as dictionaries with the keys COLUMNS.

        The outcome of an object is that of the newest run that processed it. An object that could be read in one run has no row
        of another run that couldn't read it.

        Args:
            names: values of the columns NAMED_BY; none: yield all rows.
            keys: private keys for encrypted files.

        Raises:
            RunError: a file can't be read or decrypted.
        """
        records = _ObjectRecords()
        found: list[pa.Table] | None = None
        if names:
            # rows of named objects are kept; a second reading of the files collects only their outcomes
            found = list(self._named(pa.array(sorted(names), pa.string()), keys))
            wanted = pa.array({source_id for table in found for source_id in table["source_id"].to_pylist()}, pa.string())
            for table in found:
                records.add_names(table)
        for table in self._all_tables(keys):
            if found is None:
                records.add_names(table)
                records.add_outcomes(table)
            else:
                records.add_outcomes(table.filter(pc.is_in(table["source_id"], value_set=wanted)))
        seen = set()
        for table in self._all_tables(keys) if found is None else found:
            for row in table.filter(_has_name(table)).to_pylist():
                if not records.includes(row):
                    continue
                identity = [row[name] for name in _IDENTITY] if row["status"] is None else [row["source_id"]]
                # digests, since the rows of a large archive would fill the memory
                digest = hashlib.blake2b(repr(identity).encode(), digest_size=16).digest()
                if digest not in seen:
                    seen.add(digest)
                    yield {name: row[name] for name in _IDENTITY} | records.outcome(row)

    def _named(self, wanted: pa.Array, keys: list[RSAPrivateKey]) -> Iterator[pa.Table]:
        for table in self._all_tables(keys):
            masks = (pc.is_in(table[column], value_set=wanted) for column in NAMED_BY)
            table = table.filter(reduce(pc.or_, masks))
            if (table := table.filter(_has_name(table))).num_rows:
                yield table

    def _all_tables(self, keys: list[RSAPrivateKey]) -> Iterator[pa.Table]:
        for name in self._files.names:
            for table in self._files.tables(name, keys, (CROSSWALK_SCHEMA.names, _OLD_COLUMNS)):
                yield _with_outcomes(table)


def _with_outcomes(table: pa.Table) -> pa.Table:
    """Return a table with the columns that files of earlier versions lack."""
    for column in (column for column in OUTCOME if column not in table.column_names):
        table = table.append_column(column, pa.nulls(table.num_rows, pa.string()))
    return table


def _has_name(table: pa.Table) -> pa.ChunkedArray:
    """Return a mask of the rows that identify their object, beside its outcome."""
    return pc.or_(pc.is_valid(table["source"]), pc.is_valid(table["source_bytes"]))


def _run_order(run_id: str) -> tuple[bool, str]:
    """Return a sort key of runs, by time."""
    return len(run_id) > _OLD_RUN_ID, run_id


class _Outcome(NamedTuple):
    """Outcome of an object, as one run recorded it."""

    run_id: str = ""
    status: str = ""
    reason: str = ""
    reason_tag: str = ""

    @property
    def order(self) -> tuple[Any, ...]:
        """Sort key, largest for the outcome that counts."""
        return _run_order(self.run_id), _RANKS.get(self.status, -len(_RANKS)), self


class _ObjectRecord(NamedTuple):
    """Records of all runs about one object.

    Attributes:
        outcome: the newest outcome.
        was_read: True if some run could read the object's identity.
        unread_in: the newest run that couldn't; ``""``: none.
    """

    outcome: _Outcome = _Outcome()
    was_read: bool = False
    unread_in: str = ""


class _ObjectRecords:
    """Records of all objects, by source id. Few differ, so equal ones share memory."""

    def __init__(self) -> None:
        self._by_id: dict[bytes, _ObjectRecord] = {}
        self._shared: dict[_ObjectRecord, _ObjectRecord] = {}

    def add_names(self, table: pa.Table) -> None:
        """Record, from rows with names, which objects could be read."""
        columns = ("source_id", "status", "run_id")
        for source_id, status, run_id in _tuples(table.filter(_has_name(table)), columns):
            record = self._get(source_id)
            if status is None:
                self._set(source_id, record._replace(was_read=True))
            else:
                self._set(source_id, record._replace(unread_in=max(record.unread_in, run_id, key=_run_order)))

    def add_outcomes(self, table: pa.Table) -> None:
        """Record the outcomes of objects, from rows that have one."""
        table = table.filter(pc.is_valid(table["status"]))
        for source_id, *texts in _tuples(table, ("source_id", "run_id", *OUTCOME)):
            record = self._get(source_id)
            outcome = _Outcome(*(text or "" for text in texts))
            if outcome.order > record.outcome.order:
                self._set(source_id, record._replace(outcome=outcome))

    def includes(self, row: dict[str, Any]) -> bool:
        """Return whether a row counts: it is of an object that was read, or the newest row of one that never was."""
        record = self._get(row["source_id"])
        return row["status"] is None or (not record.was_read and row["run_id"] == record.unread_in)

    def outcome(self, row: dict[str, Any]) -> dict[str, str]:
        """Return the outcome of a row's object, by the names of the last COLUMNS."""
        run_id, *outcome = self._get(row["source_id"]).outcome
        return dict(zip((*OUTCOME, "status_run_id"), (*outcome, run_id), strict=True))

    def _get(self, source_id: str) -> _ObjectRecord:
        return self._by_id.get(source_id.encode(), _ObjectRecord())

    def _set(self, source_id: str, record: _ObjectRecord) -> None:
        self._by_id[source_id.encode()] = self._shared.setdefault(record, record)


def _tuples(table: pa.Table, columns: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in columns), strict=True)
