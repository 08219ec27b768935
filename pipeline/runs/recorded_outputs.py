"""Records of outputs in an audit, by name. They are read only when the name of an output is taken."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage import EndOfRunError, Folder, StorageError, as_folder, join, store_for
from transforms import (
    EARLIER,
    GONE_TABLE,
    INSTANCES_TABLE,
    EarlierRun,
    Ledger,
    LedgerFile,
    RecordedOutput,
    SealError,
    Status,
    TableError,
    unpack_entries,
)

from .audit import RUN_FILE, Audit, check_names
from .lock import others_at_work
from .provenance import RESUMES
from .statuses import is_in_output

_COLUMNS = ("output_name", "status", "source_id", "source_version", "size", "crc32c", "written_in")
_WRITTEN = Status.WRITTEN.value


@dataclass(frozen=True)
class AuditedOutputs:
    """The RecordedOutputs of a run's audit. Picklable.

    Attributes:
        folders: folder of the audit, and that of the continued run, if it is another.
        ledger: the run's own ledger.
        ledgers: ledgers of killed runs.
    """

    folders: tuple[Folder, ...]
    ledger: Ledger
    ledgers: tuple[LedgerFile, ...]

    def is_alone(self) -> bool:
        """Return whether no other run is at work, as ``RecordedOutputs.is_alone`` specifies."""
        return not any(others_at_work(folder, self.ledger.run_id) for folder in self.folders)

    def find(self, names: Collection[str]) -> Mapping[str, Sequence[RecordedOutput]] | None:
        """Return the records of named outputs, as ``RecordedOutputs.find`` specifies."""
        found: dict[str, list[RecordedOutput]] = defaultdict(list)
        try:
            for folder in self.folders:
                for table, run_id in self._tables(folder):
                    for name, row in _rows(table, names, run_id):
                        found[name].append(row)
        except EndOfRunError:
            raise
        except (SealError, TableError, StorageError, OSError, ValueError, KeyError):
            # incomplete records are as good as none
            return None
        for file in self.ledgers:
            for done in unpack_entries(self.ledger.read(file.name)).rows:
                if done.status is Status.WRITTEN and done.output_name in names:
                    found[done.output_name].append(
                        RecordedOutput(done.source_id, done.source_version, done.size, done.crc32c, "")
                    )
        return found

    def _tables(self, folder: Folder) -> Iterator[tuple[pa.Table, str]]:
        """Yield tables of all finished runs, each with the id of its run."""
        accounts = list(self._accounts(folder))
        runs = {account["run_id"] for account in accounts}
        for account in accounts:
            run = EarlierRun(folder, account["run_id"], account["tables"], account["table_digests"], same_work_digest=False)
            names = run.files(INSTANCES_TABLE)
            if account["origin"].get(RESUMES) in runs:
                # the tables of the runs that wrote skipped objects have their rows
                names = [name for name in names if not name.startswith(f"{INSTANCES_TABLE}-{run.run_id}-settled")]
            else:
                names += run.files(GONE_TABLE)
            for name in names:
                yield run.read(name, list(_COLUMNS)), run.run_id

    def _accounts(self, folder: Folder) -> Iterator[dict[str, Any]]:
        audit = Audit(folder, (self.ledger.config.seal(),))
        for place in (*_earlier(folder), ""):
            try:
                account, _ = audit.read(f"{place}{RUN_FILE}")
            except FileNotFoundError:
                continue
            check_names(account)
            yield account


def _earlier(folder: Folder) -> list[str]:
    """Return the folders of earlier accounts, with a slash at the end."""
    below = as_folder(join(folder.location, EARLIER))
    entries = store_for(folder.location, folder.options).list(below)
    names = (os.fsdecode(entry.uri)[len(below) :] for entry in entries)
    return sorted(f"{EARLIER}/{name.removesuffix(RUN_FILE)}" for name in names if name.endswith(f"/{RUN_FILE}"))


def _rows(table: pa.Table, names: Collection[str], run_id: str) -> Iterator[tuple[str, RecordedOutput]]:
    is_wanted = pc.and_(pc.is_in(table["output_name"], pa.array(names, pa.string())), is_in_output(table))
    row: dict[str, Any]
    for row in table.filter(is_wanted).to_pylist():
        version, written_in = row.get("source_version") or "", row.get("written_in") or run_id
        yield row["output_name"], RecordedOutput(row["source_id"], version, row["size"], row["crc32c"], written_in)
