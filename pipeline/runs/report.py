"""The run's account: counts from the tables themselves, checked against the listing."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from storage import Folder, ObjectConflictError, StorageError
from transforms import (
    EARLIER,
    LEDGER,
    MAC,
    TABLES,
    OutputFingerprint,
    SealError,
    Status,
    TableError,
    account_name,
    checked_table,
    is_run_id,
    is_table,
    ledger_file,
)

from ..errors import RunError
from . import restricted
from .audit import ORIGIN_FILE, RUN_FILE, Audit, check_names
from .provenance import RESUMES, STARTED, TAKES_UP, compatibility_of
from .settings import PROFILE_DIGEST, SETTINGS
from .table_counts import TableCounts
from .times import Span, as_text, now, times


@dataclass(frozen=True)
class RunReport:
    """What a run did, as ``run.json`` has it.

    Attributes:
        listed: objects found.
        counts: objects by status; they add up to ``listed``.
        reasons: objects that weren't written, by reason code.
        pixel_risks: objects by the risks of their pixels: how many were ``quarantined``, and how many passed in spite of it
            (``kept``).
        new_quarantined: objects by the reason for which they were quarantined, and were not by ``new_since``.
        new_since: the run that was gone on with; None: there was none, so that all count as new.
        incomplete_studies: studies of which at least one listed object was quarantined.
        quarantined_without_study: quarantined objects of which nobody could tell the study.
        superseded: refused objects, ``filtered`` ones among them, whose outputs of an earlier run still lie there: nobody but a
            person removes them.
        other_settings: objects in the output that other ``versions`` of this program wrote, or other ``settings``.
        uids: UIDs that were replaced.
        references: UIDs that objects refer to and no object of the archive has (``outside``), and those that objects of two
            patients use (``joining_patients``).
        gone: objects that the run that was gone on with knew, and that aren't listed any more.
        inputs: objects by the id of the input that lists them: a keyed hash of how it was named.
        times: when it ``started`` and ``ended`` (ISO 8601, UTC), and how many ``seconds`` each stage took.
        settings: what decides what leaves, in words.
        operations: what was done on object storage, attempts that failed among it, as far as the runner counts.
        tables: rows of each table file; readers read these files and no others.
        table_digests: SHA-256 of each, in hexadecimal.
        previous_run: id and codes of the account that was put aside for this one; None where there was none.
    """

    run_id: str
    listed: int
    counts: dict[str, int]
    reasons: dict[str, int]
    pixel_risks: dict[str, dict[str, int]]
    new_quarantined: dict[str, int]
    new_since: str | None
    incomplete_studies: int
    quarantined_without_study: int
    superseded: int
    other_settings: dict[str, int]
    uids: int
    references: dict[str, int]
    gone: int
    inputs: dict[str, int]
    bytes_written: int
    times: dict[str, Any]
    settings: dict[str, Any]
    operations: dict[str, int]
    tables: dict[str, int]
    table_digests: dict[str, str]
    previous_run: dict[str, Any] | None
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
    if not is_run_id(run_id):
        return []
    found = [name for kind in TABLES for name in audit.names(f"{kind}-{run_id}") if is_table(name, run_id)]
    account = account_name(run_id)
    return [*found, *(name for name in audit.names(account) if name == account)]


def has_account(audit: Folder, run_id: str) -> bool:
    """Whether a run's tables are those of an account, whoever wrote it: they are nobody's leftovers, however the run ended.

    Raises:
        StorageError: the audit can't be read.
    """
    return account_folder(audit, run_id) is not None


def account_folder(audit: Folder, run_id: str) -> str | None:
    """Where in the audit a run's account lies, whoever wrote it: ``""``, or where it was put aside; None: nowhere.

    Raises:
        StorageError: the audit can't be read.
    """
    for folder in ("", f"{EARLIER}/{run_id}"):
        try:
            said, _ = audit.read_json(f"{folder}/{RUN_FILE}" if folder else RUN_FILE)
        except FileNotFoundError:
            continue
        except ValueError:
            # nobody knows what it says: nothing is cleared away
            return folder
        if not isinstance(said, dict) or said.get("run_id") == run_id:
            return folder
    return None


def ledgers_of(audit: Folder, run_id: str) -> list[str]:
    """Names of a run's ledgers.

    Raises:
        StorageError: the audit can't be listed.
    """
    found = (ledger_file(name) for name in audit.names(f"{LEDGER}-{run_id}-"))
    return [file.name for file in found if file is not None and file.run_id == run_id]


def finish(
    audit: Audit, run_id: str, origin: dict[str, Any], operations: Mapping[str, int], spans: Mapping[str, Span] | None = None
) -> RunReport:
    """Count the tables of the run, check the sums, put the last run's account aside and write ``run.json``.

    Args:
        origin: as ``Provenance.origin`` has it.
        spans: when its stages were at work; None: nobody watched.

    Raises:
        RunError: the tables don't account for each listed object exactly once, or aren't what the job wrote.
        FileNotFoundError: the job has not written its account.
        StorageError: the audit can't be read or written.
    """
    folder, began = audit.folder, time.monotonic()
    origin = dict(origin)
    settings = origin.pop(SETTINGS, {})
    making = OutputFingerprint(origin.get("version", ""), settings.get("settings_digest", ""), (origin.get(PROFILE_DIGEST, ""),))
    counts = TableCounts(run_id, making)
    try:
        account, _ = audit.read(account_name(run_id))
        check_names({**account, "run_id": run_id})
        listed, tables, digests = account["listed"], account["tables"], account["table_digests"]
        for name, rows in tables.items():
            counts.add(name, checked_table(folder, name, digests[name]), rows)
    except (SealError, TableError) as error:
        raise RunError(str(error)) from None
    except ValueError:
        raise RunError("the job's account of its tables can't be read") from None
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
        new_quarantined=dict(sorted(counts.new_quarantined.items())),
        new_since=origin.get(RESUMES),
        incomplete_studies=len(counts.incomplete),
        quarantined_without_study=counts.without_study,
        superseded=counts.superseded,
        other_settings={"versions": counts.other_versions, "settings": counts.other_settings},
        uids=counts.uids,
        references={"outside": counts.outside, "joining_patients": counts.joining_patients},
        gone=counts.gone,
        inputs=dict(sorted(counts.inputs.items())),
        bytes_written=counts.bytes_written,
        # a run that is finished later ended when its job did
        times=times(
            origin.pop(STARTED, ended := now() if spans is not None else as_text(account.get("written", time.time()))),
            ended,
            spans or {},
            time.monotonic() - began,
        ),
        settings=settings,
        operations=dict(operations),
        tables=tables,
        table_digests=digests,
        previous_run=None,
        profile_digest=origin[PROFILE_DIGEST],
        key_id=origin["key_id"],
        origin=origin,
    )
    # bundles that ran twice wrote files twice, and the account has one of each
    for name in set(run_files(folder, run_id)).difference(tables):
        folder.delete(name)
    report = _replace_account(audit, report)
    restricted.publish(folder, run_id)
    if settings.get("recheck"):
        audit.write(ORIGIN_FILE, compatibility_of(origin))
    # all that they tell of is in the tables; what can't be removed harms nobody
    with contextlib.suppress(StorageError):
        for finished in (run_id, *origin.get(TAKES_UP, ())):
            left = [] if finished == run_id or has_account(folder, finished) else run_files(folder, finished)
            for name in (*left, *ledgers_of(folder, finished)):
                folder.delete(name)
            restricted.discard(folder, finished)
    return report


def _replace_account(audit: Audit, report: RunReport) -> RunReport:
    """Write ``run.json``; the account of the run before goes to ``earlier/RUN/``: its objects are still there."""
    while True:
        try:
            earlier, current = audit.folder.read_json(RUN_FILE)
            check_names(earlier)
            # that of another key can't be checked, and is only put aside
            if audit.is_own(earlier):
                audit.read(RUN_FILE)
        except FileNotFoundError:
            current = ""
        except SealError as error:
            raise RunError(f"the earlier {error}; this run's tables are beside it") from None
        except ValueError:
            raise RunError(f"the earlier {RUN_FILE} can't be read; this run's tables are beside it") from None
        else:
            folder = f"{EARLIER}/{earlier['run_id']}"
            audit.folder.write_json(f"{folder}/{RUN_FILE}", earlier)
            for name in earlier["tables"]:
                audit.folder.move(name, folder)
            restricted.put_aside(audit.folder, earlier["run_id"])
            report = replace(report, previous_run={"run_id": earlier["run_id"], MAC: earlier.get(MAC)})
        try:
            audit.write(RUN_FILE, asdict(report), version=current)
        except ObjectConflictError:
            # another run has just finished: its account is the earlier one now
            continue
        return report
