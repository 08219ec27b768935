"""The run's account: counts from the tables themselves, checked against the listing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from transforms import LEDGER, ObjectConflictError, Status

from .errors import RunError
from .run_origin import TAKES_UP
from .storage import Folder
from .table_counts import TABLES, TableCounts

RUN_FILE = "run.json"
#: accounts of earlier runs
EARLIER = "earlier"


@dataclass(frozen=True)
class RunReport:
    """What a run did, as ``run.json`` has it.

    Attributes:
        listed: objects found.
        counts: objects by status; they add up to ``listed``.
        reasons: objects that weren't written, by reason code.
        pixel_risks: objects by the risks of their pixels: how many were ``quarantined``, and how many passed in spite of it
            (``kept``).
        uids: UIDs that were replaced.
        references: UIDs that objects refer to and no object of the archive has (``outside``), and those that objects of two
            patients use (``joining_patients``).
        gone: objects that the run that was gone on with knew, and that aren't listed any more.
        operations: what was done on object storage, attempts that failed among it, as far as the runner counts.
        tables: rows of each table file; readers read these files and no others.
    """

    run_id: str
    listed: int
    counts: dict[str, int]
    reasons: dict[str, int]
    pixel_risks: dict[str, dict[str, int]]
    uids: int
    references: dict[str, int]
    gone: int
    bytes_written: int
    operations: dict[str, int]
    tables: dict[str, int]
    profile_digest: str
    key_id: str
    origin: dict[str, Any]

    @property
    def quarantined(self) -> int:
        """Objects that were refused."""
        return self.counts[Status.QUARANTINED.value]


def run_files(audit: Folder, run_id: str) -> list[str]:
    """Names of all files that a run has written to the audit under its id.

    Raises:
        StorageError: the audit can't be listed.
    """
    return [name for kind in (*TABLES, "account") for name in audit.names(f"{kind}-{run_id}")]


def finish(audit: Folder, run_id: str, origin: dict[str, Any], operations: Mapping[str, int]) -> RunReport:
    """Count the tables of the run, check the sums, put the last run's account aside and write ``run.json``.

    Args:
        origin: as ``origin_of`` has it.

    Raises:
        RunError: the tables don't account for each listed object exactly once.
        FileNotFoundError: the job has not written its account.
        StorageError: the audit can't be read or written.
    """
    account, _ = audit.read_json(f"account-{run_id}.json")
    listed, tables = account["listed"], account["tables"]
    counts = TableCounts()
    for name, rows in tables.items():
        counts.add(name, audit.read(name), rows)
    if counts.sources != (listed, bytes.fromhex(account["sources"])):
        rows = counts.sources[0]
        raise RunError(f"{listed} objects were listed, and the {rows} rows of the tables don't account for each of them once")
    report = RunReport(
        run_id=run_id,
        listed=listed,
        counts=dict(counts.statuses),
        reasons=dict(sorted(counts.reasons.items())),
        pixel_risks={
            risk: {"quarantined": counts.risks_refused[risk], "kept": counts.risks_kept[risk]}
            for risk in sorted(counts.risks_refused | counts.risks_kept)
        },
        uids=counts.uids,
        references={"outside": counts.outside, "joining_patients": counts.joining_patients},
        gone=counts.gone,
        bytes_written=counts.bytes_written,
        operations=dict(operations),
        tables=tables,
        profile_digest=origin["profile_digest"],
        key_id=origin["key_id"],
        origin=origin,
    )
    # bundles that ran twice wrote files twice, and the account has one of each
    for name in set(run_files(audit, run_id)).difference(tables):
        audit.delete(name)
    _replace_account(audit, report)
    # all that they tell of is in the tables
    for finished in (run_id, *origin.get(TAKES_UP, ())):
        left = [] if finished == run_id else run_files(audit, finished)
        for name in (*left, *audit.names(f"{LEDGER}-{finished}-")):
            audit.delete(name)
    return report


def _replace_account(audit: Folder, report: RunReport) -> None:
    """Write ``run.json``; the account of the run before goes to ``earlier/RUN/``: its objects are still there."""
    while True:
        try:
            earlier, current = audit.read_json(RUN_FILE)
            folder, tables = f"{EARLIER}/{earlier['run_id']}", list(earlier["tables"])
        except FileNotFoundError:
            current = ""
        except (ValueError, KeyError, TypeError):
            raise RunError(f"the earlier {RUN_FILE} can't be read; this run's tables are beside it") from None
        else:
            audit.write_json(f"{folder}/{RUN_FILE}", earlier)
            for name in tables:
                audit.move(name, folder)
        try:
            audit.write_json(RUN_FILE, asdict(report), version=current)
        except ObjectConflictError:
            # another run has just finished: its account is the earlier one now
            continue
        return
