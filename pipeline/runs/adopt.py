"""Conversion of audits of version 0.1, which lay in the output without codes, and hashed a word the same everywhere."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.internals import Engine
from storage import Folder, as_folder, scheme_of, store_for
from transforms import (
    CROSSWALK,
    EARLIER,
    MAC,
    SCHEMA_VERSION,
    WORDS_TABLE,
    convert_words,
    is_run_id,
    is_table,
    ledger_file,
    sealed_name,
)

from ..errors import RunError, UsageError
from ..workers.process_lock import is_locked
from .audit import ORIGIN_FILE, RUN_FILE, Audit
from .earlier_runs import CROSSWALK_DIGEST, WORK_DIGEST

#: schema versions of the tables of version 0.1
_ADOPTABLE = frozenset({2, 3})
_PENDING, _LOCK = "pending-", ".lock-"
_OLD_GONE = re.compile("^(gone-[0-9a-f]{8})([0-9])-")
#: files of runs in an audit, beside tables and ledgers
_OWN_FILE = re.compile(rf"{re.escape(ORIGIN_FILE)}|{re.escape(RUN_FILE)}|account-[0-9a-z]{{8,32}}\.json|\.lock-[0-9a-z]{{8,32}}")
_OLD_CROSSWALK = re.compile(f"{CROSSWALK}([0-9a-f]{{8}})-[0-9a-f]{{16}}(\\.parquet|\\.parquet\\.p7m)")
_EARLIER_ACCOUNT = re.compile(f"{EARLIER}/([0-9a-z]{{8,32}})/{re.escape(RUN_FILE)}")


@dataclass
class Adopted:
    """Counts of a conversion.

    Attributes:
        runs: converted accounts of runs, earlier ones included.
        tables: table files of these accounts.
        foreign: accounts with other keys, which get no code.
        dropped: ledgers of unfinished runs, whose objects will be processed again.
        left: files in the old folder that no run wrote, and that stay there.
        crosswalk: converted files of the crosswalk.
    """

    runs: int = 0
    tables: int = 0
    foreign: int = 0
    dropped: int = 0
    left: int = 0
    crosswalk: int = 0


class Adoption:
    """Conversion of one audit of version 0.1.

    All new files are written first, ``output.json`` last of them. Then the old files are removed. An interrupted conversion can
    be started again.
    """

    def __init__(self, old: Folder, audit: Audit, engine: Engine, place_digest: str | None = None) -> None:
        """Prepare a conversion.

        Args:
            old: folder of the old audit.
            audit: the new audit. The first of its seals is that of the runs' key.
            engine: engine with that key and any profile.
            place_digest: keyed digest of the crosswalk's place; None if the crosswalk isn't converted.
        """
        self._old = old
        self._audit = audit
        self._engine = engine
        self._place_digest = place_digest
        self._key_id = audit.seals[0].key_id
        self._in_place = _resolved(old.location) == _resolved(audit.folder.location)

    def run(self, crosswalk: Folder | None = None) -> Adopted:
        """Convert the audit, and return counts of its files.

        Args:
            crosswalk: folder of the runs' crosswalk, whose files get codes, too.

        Raises:
            UsageError: there is no such audit, it can't be converted, or the new folder has an audit.
            RunError: a table doesn't match its account.
            StorageError: a folder can't be read or written.
        """
        done = Adopted()
        if not scheme_of(self._old.location) and Path(self._old.location).is_symlink():
            raise UsageError("--from is a symbolic link: name the folder itself")
        origin = self._read_json(self._old, ORIGIN_FILE)
        finished = self._read_json(self._audit.folder, ORIGIN_FILE)
        if self._audit.is_own(finished):
            # converted before: the rest of the old audit is removed, if it is one of version 0.1
            is_old = origin is not None and MAC not in origin
            if crosswalk is None and not is_old:
                raise UsageError("--audit: this audit was converted before")
        elif finished is not None and not self._in_place:
            raise UsageError("--audit already has an audit: name a folder without one")
        else:
            self._check(origin)
            assert origin is not None
            self._convert(origin, done)
            is_old = True
        if crosswalk is not None:
            done.crosswalk = self._seal_crosswalk(crosswalk)
        if is_old:
            self._remove_old(done)
        return done

    def _check(self, origin: dict[str, Any] | None) -> None:
        if origin is None:
            raise UsageError(f"--from: the folder has no {ORIGIN_FILE} of version 0.1")
        if origin.get("schema_version") not in _ADOPTABLE:
            raise UsageError("--from: this version of an audit can't be converted")
        if origin.get("key_id") != self._key_id:
            raise UsageError("--key is not the key of this audit, or its --scope was another one")
        if any(name.startswith(_PENDING) for name in self._files):
            raise UsageError(
                "--from: a detached run is pending: finish it with the version that submitted it, or remove its pending-*.json"
            )
        folder = self._old.location
        if not scheme_of(folder) and any(
            is_locked(Path(folder, name)) for name in self._files if name.startswith(_LOCK) and "/" not in name
        ):
            raise UsageError("--from: a run is using this audit: wait until it ends")

    @cached_property
    def _files(self) -> list[str]:
        """Names of all files in the old folder, with its subfolders."""
        location = self._old.location
        base = as_folder(location) if scheme_of(location) else os.path.join(location, "")
        found = (os.fsdecode(entry.uri) for entry in store_for(location, self._old.options).list(base))
        return sorted(name.removeprefix(base) for name in found if name.startswith(base))

    def _convert(self, origin: dict[str, Any], done: Adopted) -> None:
        self._audit.folder.make(closed=False)
        if self._in_place and not scheme_of(self._old.location):
            # safe to close: it was found to be an audit, no other folder named by mistake
            Path(self._old.location).chmod(0o700)
        for name in self._files:
            if name == RUN_FILE or ((found := _EARLIER_ACCOUNT.fullmatch(name)) and is_run_id(found.group(1))):
                self._convert_run(name, done)
        self._audit.write(ORIGIN_FILE, {**origin, "schema_version": SCHEMA_VERSION})

    def _convert_run(self, name: str, done: Adopted) -> None:
        """Convert an account and its tables."""
        account = self._read_json(self._old, name)
        if self._in_place and self._audit.is_own(account):
            # converted before an interruption
            done.runs += 1
            return
        folder = name.rpartition("/")[0]
        account, origin = _checked_account(account, folder)
        is_own = account["key_id"] == self._key_id
        prefix = f"{folder}/" if folder else ""
        digests, rows = {}, {}
        for table, count in account["tables"].items():
            is_words = table.startswith(f"{WORDS_TABLE}-")
            if is_words and not is_own:
                # useless with this key, and its hashes reveal how often a word occurs
                continue
            content = self._table(prefix + table, count)
            if is_words:
                content = _as_parquet(convert_words(content, self._engine))
            name_now = _table_name(table)
            digests[name_now], rows[name_now] = hashlib.sha256(content).hexdigest(), count
            self._audit.folder.create(prefix + name_now, content)
            if self._in_place and name_now != table:
                self._old.delete(prefix + table)
            done.tables += 1
        adopted = {**account, "tables": rows, "table_digests": digests, "previous_run": None}
        if is_own:
            adopted["origin"] = {
                **origin,
                "schema_version": SCHEMA_VERSION,
                CROSSWALK_DIGEST: self._place_digest if origin.get(CROSSWALK_DIGEST) else None,
                # refused objects are tried again by the current rules
                WORK_DIGEST: None,
                # records since when codes protect the content
                "adopted_by": version("dicom-deid"),
            }
            self._audit.write(name, adopted)
            done.runs += 1
        else:
            # without that key no code can be made
            self._audit.folder.write_json(name, adopted)
            done.foreign += 1

    def _table(self, name: str, rows: int) -> bytes:
        try:
            content = self._old.read(name)
            if pq.read_metadata(pa.BufferReader(content)).num_rows == rows:
                return content
        except (FileNotFoundError, pa.ArrowException, OSError):
            pass
        raise RunError("a table is missing, or has another number of rows than its account says: restore it from a copy")

    def _remove_old(self, done: Adopted) -> None:
        """Remove the old files of runs. Files that no run wrote stay."""
        # output.json last: until then the folder is known as an audit of version 0.1, and an interrupted run can be repeated
        for name in sorted(self._files, key=lambda name: name == ORIGIN_FILE):
            folder, _, base = name.rpartition("/")
            is_ledger = not folder and ledger_file(base) is not None
            is_table_of_run = "-" in base and is_table(_table_name(base), base.split("-")[1][:8])
            is_known = is_ledger or is_table_of_run or _OWN_FILE.fullmatch(base) is not None
            if not is_known or (folder and not is_run_id(folder.removeprefix(f"{EARLIER}/"))):
                done.left += 1
            elif not self._in_place or is_ledger:
                self._old.delete(name)
            done.dropped += is_ledger
        if not scheme_of(self._old.location) and not self._in_place:
            folders = {name.rpartition("/")[0] for name in self._files}
            for folder in sorted((*folders, EARLIER, ""), key=len, reverse=True):
                with contextlib.suppress(OSError):
                    Path(self._old.location, folder).rmdir()

    def _seal_crosswalk(self, crosswalk: Folder) -> int:
        """Rename a crosswalk's files to names with authentication codes, and return their number."""
        count = 0
        for name in list(crosswalk.names(CROSSWALK)):
            if found := _OLD_CROSSWALK.fullmatch(name):
                content = crosswalk.read(name)
                new = sealed_name(f"{CROSSWALK}{found.group(1)}", found.group(2), content, self._audit.seals[0])
                crosswalk.create(new, content)
                crosswalk.delete(name)
                count += 1
        return count

    @staticmethod
    def _read_json(folder: Folder, name: str) -> dict[str, Any] | None:
        try:
            content, _ = folder.read_json(name)
        except FileNotFoundError:
            return None
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise UsageError(f"{name} can't be read: restore it from a copy")
        return content


def _checked_account(account: dict[str, Any] | None, folder: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an account from ``folder`` and its origin, if it names only files that a run writes.

    Raises:
        RunError: it names others, or is malformed.
    """
    try:
        if account is not None:
            run_id, tables, origin = account["run_id"], dict(account["tables"]), dict(account["origin"])
            sound = is_run_id(run_id) and all(is_table(_table_name(table), run_id) for table in tables)
            if sound and origin["schema_version"] in _ADOPTABLE and folder in ("", f"{EARLIER}/{run_id}") and account["key_id"]:
                return {**account, "tables": tables}, origin
    except (KeyError, TypeError, ValueError):
        pass
    raise RunError(f"an account ({RUN_FILE}) is malformed, or names files that no run writes: restore it from a copy")


def _resolved(location: str) -> str:
    return location.rstrip("/") if scheme_of(location) else os.path.realpath(location)


def _table_name(name: str) -> str:
    """Return the current name of a table: version 0.1 appended a digit to the run's id in some names."""
    return _OLD_GONE.sub(r"\1-part\2-", name)


def _as_parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
