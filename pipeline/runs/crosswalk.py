"""The restricted crosswalk of a run: where it goes, and how it is read again."""

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
from storage import FileReader, Folder, StorageError
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
    load_certificate,
)

from ..errors import RunError, UsageError
from ..options import JobOptions

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: what a name may be, of those by which an object is known outside
NAMED_BY = ("new_study_instance_uid", "new_series_instance_uid", "new_sop_instance_uid", "new_patient_id", "source_id")
#: what became of an object
OUTCOME = ("status", "reason", "reason_tag")
#: of rows that are alike in these, one is shown
_WHO = tuple(name for name in CROSSWALK_SCHEMA.names if name not in (*OUTCOME, "run_id"))
#: of what is shown; ``status_run_id``: the run that says what became of it
COLUMNS = (*_WHO, *OUTCOME, "status_run_id")
#: what versions before didn't write
_NO_OUTCOME = [name for name in CROSSWALK_SCHEMA.names if name not in OUTCOME]
#: length of the run ids of versions before, by which runs can't be told apart in time
_OLD_RUN_ID = 8
#: of what one run says of an object, in several attempts of a bundle, the first of these is true: if it was written, it is there
_RANKS = {status.value: -rank for rank, status in enumerate(Status)}
_BATCH_ROWS = 8192
_NAME = re.compile(f"{CROSSWALK}[0-9a-z]{{8,32}}-[0-9a-f]{{16,32}}({re.escape(PLAIN_SUFFIX)}|{re.escape(ENCRYPTED_SUFFIX)})")


def crosswalk_target(options: JobOptions, run_id: str, config: EngineConfig) -> CrosswalkTarget | None:
    """Where the run's crosswalk goes, made ready; None where none is asked for.

    Raises:
        UsageError: the certificate or the folder can't be used.
    """
    crosswalk = options.crosswalk
    if crosswalk.folder is None:
        return None
    certificate = b""
    if crosswalk.certificate is not None:
        try:
            certificate = load_certificate(FileReader(options.storage)(crosswalk.certificate))
        except FileNotFoundError:
            raise UsageError("--crosswalk-certificate doesn't exist") from None
        except (EnvelopeError, StorageError) as error:
            raise UsageError(f"--crosswalk-certificate: {error}") from None
    folder = Folder(crosswalk.folder, options.storage)
    try:
        folder.make(closed=not certificate)
    except StorageError as error:
        raise UsageError(f"--crosswalk {error}") from None
    return CrosswalkTarget(folder, run_id, config.key_id, config, certificate)


class Crosswalk:
    """The files of all runs in a crosswalk's folder.

    Attributes:
        encrypted: whether one of them is encrypted.
    """

    def __init__(self, folder: Folder, seals: Collection[Seal]) -> None:
        """
        Args:
            seals: of the keys of the runs; none: files are believed as they are.

        Raises:
            UsageError: there is none.
            RunError: the folder can't be listed.
        """
        self._folder = folder
        self._seals = seals
        try:
            names = folder.names(CROSSWALK)
        except StorageError as error:
            raise RunError(f"the crosswalk can't be read: {error}") from None
        # messages tell names: those of runs, and none that somebody else chose
        self._names = [name for name in names if _NAME.fullmatch(name)]
        if not self._names:
            raise UsageError("--crosswalk: no crosswalk is there")
        self.encrypted = any(name.endswith(ENCRYPTED_SUFFIX) for name in self._names)

    def rows(self, names: Collection[str], keys: list[RSAPrivateKey]) -> Iterator[dict[str, Any]]:
        """Rows by COLUMNS, each once: of objects, studies, series and patients that are named so; of all, if nothing is named.

        What became of an object is what the newest run says that did it. One that couldn't be read has no row of that beside
        those of what it was when it could.

        Args:
            names: values of the columns NAMED_BY.
            keys: what opens files that are encrypted.

        Raises:
            RunError: a file can't be read or decrypted.
        """
        said = _Said()
        found: list[pa.Table] | None = None
        if names:
            # what is named is kept, and the files are read again for what became of it alone
            found = list(self._named(pa.array(sorted(names), pa.string()), keys))
            wanted = pa.array({source_id for table in found for source_id in table["source_id"].to_pylist()}, pa.string())
            for table in found:
                said.add_names(table)
        for table in self._all_tables(keys):
            if found is None:
                said.add_names(table)
                said.add_outcomes(table)
            else:
                said.add_outcomes(table.filter(pc.is_in(table["source_id"], value_set=wanted)))
        seen = set()
        for table in self._all_tables(keys) if found is None else found:
            for row in table.filter(_has_name(table)).to_pylist():
                if not said.shows(row):
                    continue
                who = [row[name] for name in _WHO] if row["status"] is None else [row["source_id"]]
                # of a large archive, the rows themselves would fill the memory
                digest = hashlib.blake2b(repr(who).encode(), digest_size=16).digest()
                if digest not in seen:
                    seen.add(digest)
                    yield {name: row[name] for name in _WHO} | said.outcome(row)

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
            if file.schema_arrow.names not in (CROSSWALK_SCHEMA.names, _NO_OUTCOME):
                raise RunError(f"{name} is of another version")
            for batch in file.iter_batches(_BATCH_ROWS):
                table = pa.Table.from_batches([batch])
                for column in OUTCOME if file.schema_arrow.names == _NO_OUTCOME else ():
                    table = table.append_column(column, pa.nulls(table.num_rows, pa.string()))
                yield table
        except FileNotFoundError:
            raise RunError(f"{name} is gone") from None
        except (EnvelopeError, StorageError) as error:
            raise RunError(f"{name}: {error}") from None
        except (pa.ArrowException, OSError):
            # Arrow's messages may quote what it found
            raise RunError(f"{name} is damaged, or encrypted to another certificate than the private key's") from None

    def _check(self, name: str, content: bytes) -> None:
        """Refuse a file that no run with one of the keys has written."""
        run_id, suffix = name.removeprefix(CROSSWALK).partition("-")[0], name[name.index(".") :]
        if self._seals and not any(crosswalk_name(run_id, suffix, content, seal) == name for seal in self._seals):
            raise RunError(
                "a file of the crosswalk was not written by a run with this key, or was changed since: put it back from a copy, "
                "or read it with --unchecked"
            )


def _has_name(table: pa.Table) -> pa.ChunkedArray:
    """Which rows say who an object is, and not only what became of it."""
    return pc.or_(pc.is_valid(table["source"]), pc.is_valid(table["source_bytes"]))


def _age(run_id: str) -> tuple[bool, str]:
    """What is larger of newer runs."""
    return len(run_id) > _OLD_RUN_ID, run_id


class _Outcome(NamedTuple):
    """What a run says that became of an object."""

    run_id: str = ""
    status: str = ""
    reason: str = ""
    reason_tag: str = ""

    @property
    def order(self) -> tuple[Any, ...]:
        """What is largest of that which counts."""
        return _age(self.run_id), _RANKS.get(self.status, -len(_RANKS)), self


class _Known(NamedTuple):
    """What is known of an object.

    Attributes:
        was_read: whether some run could read who it is.
        unread_in: the newest run that couldn't; ``""``: none.
    """

    outcome: _Outcome = _Outcome()
    was_read: bool = False
    unread_in: str = ""


class _Said:
    """What all runs say of objects, by their source ids: few differ, and the same is kept once."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}
        self._same: dict[_Known, _Known] = {}

    def add_names(self, table: pa.Table) -> None:
        """Take from rows that have names who could be read."""
        columns = ("source_id", "status", "run_id")
        for source_id, status, run_id in _tuples(table.filter(_has_name(table)), columns):
            known = self._of(source_id)
            if status is None:
                self._put(source_id, known._replace(was_read=True))
            else:
                self._put(source_id, known._replace(unread_in=max(known.unread_in, run_id, key=_age)))

    def add_outcomes(self, table: pa.Table) -> None:
        """Take from rows that say it what became of objects."""
        table = table.filter(pc.is_valid(table["status"]))
        for source_id, *said in _tuples(table, ("source_id", "run_id", *OUTCOME)):
            known = self._of(source_id)
            outcome = _Outcome(*(text or "" for text in said))
            if outcome.order > known.outcome.order:
                self._put(source_id, known._replace(outcome=outcome))

    def shows(self, row: dict[str, Any]) -> bool:
        """Whether a row is of what was read, or the newest of what never was."""
        known = self._of(row["source_id"])
        return row["status"] is None or (not known.was_read and row["run_id"] == known.unread_in)

    def outcome(self, row: dict[str, Any]) -> dict[str, str]:
        """What became of a row's object, by the last of COLUMNS."""
        run_id, *outcome = self._of(row["source_id"]).outcome
        return dict(zip((*OUTCOME, "status_run_id"), (*outcome, run_id), strict=True))

    def _of(self, source_id: str) -> _Known:
        return self._known.get(source_id.encode(), _Known())

    def _put(self, source_id: str, known: _Known) -> None:
        self._known[source_id.encode()] = self._same.setdefault(known, known)


def _tuples(table: pa.Table, columns: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in columns), strict=True)
