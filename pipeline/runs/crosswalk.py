"""The restricted crosswalk: the target of a run, and a reader of all runs' files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.internals import Seal
from storage import Folder, StorageError
from transforms import (
    CROSSWALK,
    CROSSWALK_SCHEMA,
    ENCRYPTED_SUFFIX,
    PLAIN_SUFFIX,
    CrosswalkTarget,
    EngineConfig,
    EnvelopeError,
    Status,
    crosswalk_name,
    decrypt,
)

from ..errors import RunError, UsageError
from ..options import JobOptions
from .restricted_places import restricted_place

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
_BATCH_ROWS = 8192
_NAME = re.compile(f"{CROSSWALK}[0-9a-z]{{8,32}}-[0-9a-f]{{16,32}}({re.escape(PLAIN_SUFFIX)}|{re.escape(ENCRYPTED_SUFFIX)})")


def crosswalk_target(options: JobOptions, run_id: str, config: EngineConfig) -> CrosswalkTarget | None:
    """Create the folder of the run's crosswalk, and return its target; None if no crosswalk is requested.

    Raises:
        UsageError: the certificate or the folder can't be used.
    """
    crosswalk = options.crosswalk
    if crosswalk.folder is None:
        return None
    place = restricted_place(options, "--crosswalk", crosswalk.folder, "--crosswalk-certificate", crosswalk.certificate)
    return CrosswalkTarget(place.folder, run_id, config.key_id, config, place.certificate)


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
        self._folder = folder
        self._seals = seals
        try:
            names = folder.names(CROSSWALK)
        except StorageError as error:
            raise RunError(f"the crosswalk can't be read: {error}") from None
        # messages quote these names, so names that somebody else chose are left out
        self._names = [name for name in names if _NAME.fullmatch(name)]
        if not self._names:
            raise UsageError("--crosswalk: the folder has no crosswalk")
        self.encrypted = any(name.endswith(ENCRYPTED_SUFFIX) for name in self._names)

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
        for name in self._names:
            yield from self._tables(name, keys)

    def _tables(self, name: str, keys: list[RSAPrivateKey]) -> Iterator[pa.Table]:
        try:
            content = self._folder.read(name)
            self._check(name, content)
            if name.endswith(ENCRYPTED_SUFFIX):
                content = decrypt(content, keys)
            file = pq.ParquetFile(pa.BufferReader(content))
            if file.schema_arrow.names not in (CROSSWALK_SCHEMA.names, _OLD_COLUMNS):
                raise RunError(f"{name} was written by another version")
            for batch in file.iter_batches(_BATCH_ROWS):
                table = pa.Table.from_batches([batch])
                for column in OUTCOME if file.schema_arrow.names == _OLD_COLUMNS else ():
                    table = table.append_column(column, pa.nulls(table.num_rows, pa.string()))
                yield table
        except FileNotFoundError:
            raise RunError(f"{name} was removed during the search: run again") from None
        except (EnvelopeError, StorageError) as error:
            raise RunError(f"{name}: {error}") from None
        except (pa.ArrowException, OSError):
            # Arrow's messages may quote values
            raise RunError(f"{name} is damaged, or encrypted for another certificate than that of --private-key") from None

    def _check(self, name: str, content: bytes) -> None:
        """Refuse a file that no run with one of the keys wrote."""
        run_id, suffix = name.removeprefix(CROSSWALK).partition("-")[0], name[name.index(".") :]
        if self._seals and not any(crosswalk_name(run_id, suffix, content, seal) == name for seal in self._seals):
            raise RunError(
                "a file of the crosswalk was not written by a run with this key, or was changed since: restore it from a copy, "
                "or read it with --unchecked"
            )


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
