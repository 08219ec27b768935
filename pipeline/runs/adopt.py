"""Take over an audit of version 0.1: which lay in the output, open to all, without codes, and with one hash for a word."""

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
    crosswalk_name,
    is_run_id,
    is_table,
    ledger_file,
)

from ..errors import RunError, UsageError
from ..workers.process_lock import is_held
from .audit import ORIGIN_FILE, RUN_FILE, Audit
from .earlier_runs import CROSSWALK_DIGEST, WORK_DIGEST

#: layouts of the tables that version 0.1 had
_ADOPTABLE = frozenset({2, 3})
_PENDING, _LOCK = "pending-", ".lock-"
_OLD_GONE = re.compile("^(gone-[0-9a-f]{8})([0-9])-")
#: what runs have in an audit beside tables and ledgers
_OWN_FILE = re.compile(rf"{re.escape(ORIGIN_FILE)}|{re.escape(RUN_FILE)}|account-[0-9a-z]{{8,32}}\.json|\.lock-[0-9a-z]{{8,32}}")
_OLD_CROSSWALK = re.compile(f"{CROSSWALK}([0-9a-f]{{8}})-[0-9a-f]{{16}}(\\.parquet|\\.parquet\\.p7m)")
_EARLIER_ACCOUNT = re.compile(f"{EARLIER}/([0-9a-z]{{8,32}})/{re.escape(RUN_FILE)}")


@dataclass
class Adopted:
    """What was taken over.

    Attributes:
        runs: accounts of runs, those of earlier ones among them.
        tables: their table files.
        foreign: accounts of other keys, which stay without a code.
        dropped: ledgers of runs that did not come to their end: their objects are made again.
        left: files in the old place that no run has made; they stay there.
        crosswalk: files of the crosswalk.
    """

    runs: int = 0
    tables: int = 0
    foreign: int = 0
    dropped: int = 0
    left: int = 0
    crosswalk: int = 0


class Adoption:
    """One audit of version 0.1 and where it goes.

    First all that is new is written, ``output.json`` last of all; then what is old is removed. Whoever is interrupted starts it
    again.
    """

    def __init__(self, old: Folder, audit: Audit, engine: Engine, place_digest: str | None = None) -> None:
        """
        Args:
            old: where it is.
            audit: where it goes; the first of its seals is of the runs' key.
            engine: with that key; of any profile.
            place_digest: what runs with that key say of their crosswalk's place now; None where it isn't taken over.
        """
        self._old = old
        self._audit = audit
        self._engine = engine
        self._place_digest = place_digest
        self._key_id = audit.seals[0].key_id
        self._in_place = _real(old.location) == _real(audit.folder.location)

    def run(self, crosswalk: Folder | None = None) -> Adopted:
        """Take it over.

        Args:
            crosswalk: that of the runs, whose files get codes, too.

        Raises:
            UsageError: there is none, it can't be taken over, or the new place has an audit.
            RunError: a table isn't what its account says.
            StorageError: a place can't be read or written.
        """
        done = Adopted()
        if not scheme_of(self._old.location) and Path(self._old.location).is_symlink():
            raise UsageError("--from is a link: name the folder itself")
        origin = self._said(self._old, ORIGIN_FILE)
        finished = self._said(self._audit.folder, ORIGIN_FILE)
        if self._audit.is_own(finished):
            # taken over before; what is left of the old one goes, if it is one of version 0.1
            is_old = origin is not None and MAC not in origin
            if crosswalk is None and not is_old:
                raise UsageError("--audit: this audit was taken over before")
        elif finished is not None and not self._in_place:
            raise UsageError("--audit has an audit by now; name a folder that has none")
        else:
            self._check(origin)
            assert origin is not None
            self._take_over(origin, done)
            is_old = True
        if crosswalk is not None:
            done.crosswalk = self._seal_crosswalk(crosswalk)
        if is_old:
            self._remove_old(done)
        return done

    def _check(self, origin: dict[str, Any] | None) -> None:
        if origin is None:
            raise UsageError(f"--from: no {ORIGIN_FILE} of version 0.1 is there")
        if origin.get("schema_version") not in _ADOPTABLE:
            raise UsageError("--from: that audit is of a version that can't be taken over")
        if origin.get("key_id") != self._key_id:
            raise UsageError("--key is not the key of that audit, or it has another --scope")
        if any(name.startswith(_PENDING) for name in self._files):
            raise UsageError(
                "--from: a run is at work on an engine; finish it with the version that submitted it, or remove its note"
            )
        folder = self._old.location
        if not scheme_of(folder) and any(
            is_held(Path(folder, name)) for name in self._files if name.startswith(_LOCK) and "/" not in name
        ):
            raise UsageError("--from: a run is at work there")

    @cached_property
    def _files(self) -> list[str]:
        """Names of all files in the old place, with the folders below it."""
        location = self._old.location
        base = as_folder(location) if scheme_of(location) else os.path.join(location, "")
        found = (os.fsdecode(entry.uri) for entry in store_for(location, self._old.options).list(base))
        return sorted(name.removeprefix(base) for name in found if name.startswith(base))

    def _take_over(self, origin: dict[str, Any], done: Adopted) -> None:
        self._audit.folder.make(closed=False)
        if self._in_place and not scheme_of(self._old.location):
            # it is an audit: nothing else that somebody named by mistake
            Path(self._old.location).chmod(0o700)
        for name in self._files:
            if name == RUN_FILE or ((found := _EARLIER_ACCOUNT.fullmatch(name)) and is_run_id(found.group(1))):
                self._take_run(name, done)
        self._audit.write(ORIGIN_FILE, {**origin, "schema_version": SCHEMA_VERSION})

    def _take_run(self, name: str, done: Adopted) -> None:
        """An account and its tables."""
        account = self._said(self._old, name)
        if self._in_place and self._audit.is_own(account):
            # somebody began before
            done.runs += 1
            return
        folder = name.rpartition("/")[0]
        account, origin = _checked(account, folder)
        is_own = account["key_id"] == self._key_id
        prefix = f"{folder}/" if folder else ""
        digests, rows = {}, {}
        for table, count in account["tables"].items():
            is_words = table.startswith(f"{WORDS_TABLE}-")
            if is_words and not is_own:
                # of no use to this key, and open to who counts
                continue
            content = self._table(prefix + table, count)
            if is_words:
                content = _encoded(convert_words(content, self._engine))
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
                # what is refused is tried again by the rules of now
                WORK_DIGEST: None,
                # from then on the codes vouch for it
                "adopted_by": version("dicom-deid"),
            }
            self._audit.write(name, adopted)
            done.runs += 1
        else:
            # who doesn't hold that key can't vouch for it
            self._audit.folder.write_json(name, adopted)
            done.foreign += 1

    def _table(self, name: str, rows: int) -> bytes:
        try:
            content = self._old.read(name)
            if pq.read_metadata(pa.BufferReader(content)).num_rows == rows:
                return content
        except (FileNotFoundError, pa.ArrowException, OSError):
            pass
        raise RunError("a table is gone, or doesn't have the rows that its account says; restore it from a copy")

    def _remove_old(self, done: Adopted) -> None:
        """Remove what was taken over, and what is of no use any more; what no run has made stays."""
        # the file that says that it is an audit of version 0.1 last of all: who is interrupted starts again
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
        """Give a crosswalk's files the names that tell who wrote them."""
        count = 0
        for name in list(crosswalk.names(CROSSWALK)):
            if found := _OLD_CROSSWALK.fullmatch(name):
                content = crosswalk.read(name)
                crosswalk.create(crosswalk_name(found.group(1), found.group(2), content, self._audit.seals[0]), content)
                crosswalk.delete(name)
                count += 1
        return count

    @staticmethod
    def _said(folder: Folder, name: str) -> dict[str, Any] | None:
        try:
            said, _ = folder.read_json(name)
        except FileNotFoundError:
            return None
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise UsageError(f"{name} can't be read")
        return said


def _checked(account: dict[str, Any] | None, folder: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An account that lay in ``folder`` and its origin, if it names nothing that no run has made.

    Raises:
        RunError: it does, or can't be understood.
    """
    try:
        if account is not None:
            run_id, tables, origin = account["run_id"], dict(account["tables"]), dict(account["origin"])
            sound = is_run_id(run_id) and all(is_table(_table_name(table), run_id) for table in tables)
            if sound and origin["schema_version"] in _ADOPTABLE and folder in ("", f"{EARLIER}/{run_id}") and account["key_id"]:
                return {**account, "tables": tables}, origin
    except (KeyError, TypeError, ValueError):
        pass
    raise RunError(f"an account ({RUN_FILE}) can't be understood, or names files that no run has made: restore it from a copy")


def _real(location: str) -> str:
    return location.rstrip("/") if scheme_of(location) else os.path.realpath(location)


def _table_name(name: str) -> str:
    """A table's name as it is now: version 0.1 had a digit behind the run's id in some."""
    return _OLD_GONE.sub(r"\1-part\2-", name)


def _encoded(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
