"""The account of a run: counts from its tables, checked against the listing."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from profiles import CLEAN
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
from .left_outputs import earlier_outputs
from .metrics import Span
from .provenance import RESUMES, STARTED, TAKES_UP, compatibility_of
from .run_reports import ENCRYPTED, Reporting, RunTally, put_reports_aside, write_run_reports
from .settings import PROFILE_DIGEST, SETTINGS
from .table_counts import TableCounts
from .times import as_text, now, times


@dataclass(frozen=True)
class RunReport:
    """Account of a run: the content of ``run.json``.

    Attributes:
        run_id: id of the run.
        listed: number of objects listed.
        counts: numbers of objects by status, which add up to ``listed``.
        reasons: numbers of objects that were not written, by reason code.
        pixel_risks: numbers of objects by pixel risk: those ``quarantined``, and those written in spite of it (``kept``), or
            because somebody said what is to be blanked, or that nothing is (``passed``).
        pixel_sources: numbers of objects of which a source said so in this run, by source: in how many it had something
            ``blanked``, and in how many nothing (``kept``).
        new_quarantined: numbers of quarantined objects that ``new_since`` had not quarantined for the same reason, by reason.
        new_since: id of the continued run; None: there was none, and all objects count as new.
        incomplete_studies: number of studies with a quarantined object.
        quarantined_without_study: number of quarantined objects whose study is unknown.
        superseded: number of refused objects, filtered ones included, whose outputs of an earlier run still exist. A person has
            to remove these.
        other_settings: numbers of objects in the output that other ``versions`` of this program wrote, or other ``settings``.
        uids: number of replaced UIDs.
        references: numbers of UIDs that are referred to, but that no object of the archive has (``outside``), and of UIDs that
            objects of two patients use (``joining_patients``).
        gone: number of objects that the continued run listed and that are no longer listed.
        earlier_outputs: number of ``objects`` in the output that earlier runs wrote and that these tables don't have, and whether
            it is ``exact``: else it is the largest possible one.
        inputs: numbers of objects by id of their input, which is a keyed hash of its name.
        bytes_written: sum of the sizes of written objects.
        contact_sheets: counts of the contact sheets (``SheetTotals``), never their place; None: none were asked for.
        census: counts of the census (``CensusTotals``), never its place; None: none was asked for.
        times: the times ``started`` and ``ended`` (ISO 8601, UTC), and the duration of each stage in ``seconds``.
        settings: every setting that decides what leaves, in words.
        operations: numbers of operations on object storage, failed attempts included, as far as the runner counts them.
        tables: number of rows of each table file. Readers must read these files and no others.
        table_digests: SHA-256 of each table file, in hexadecimal.
        previous_run: id and codes of the account that this one replaced; None if there was none.
        profile_digest: keyed digest of the profile.
        key_id: id of the run's key.
        origin: provenance, as ``Provenance.origin`` gives it.
    """

    run_id: str
    listed: int
    counts: dict[str, int]
    reasons: dict[str, int]
    pixel_risks: dict[str, dict[str, int]]
    pixel_sources: dict[str, dict[str, int]]
    new_quarantined: dict[str, int]
    new_since: str | None
    incomplete_studies: int
    quarantined_without_study: int
    superseded: int
    other_settings: dict[str, int]
    uids: int
    references: dict[str, int]
    gone: int
    earlier_outputs: dict[str, Any]
    inputs: dict[str, int]
    bytes_written: int
    contact_sheets: dict[str, int] | None
    census: dict[str, int] | None
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
    def is_plan(self) -> bool:
        """True if nothing was written: the account tells what would be."""
        return False

    @property
    def quarantined(self) -> int:
        """Number of quarantined objects."""
        return self.counts[Status.QUARANTINED.value]


def run_files(audit: Folder, run_id: str) -> list[str]:
    """Return the names of all files in the audit that bear a run's id.

    Raises:
        StorageError: the audit can't be listed.
    """
    if not is_run_id(run_id):
        return []
    found = [name for kind in TABLES for name in audit.names(f"{kind}-{run_id}") if is_table(name, run_id)]
    account = account_name(run_id)
    return [*found, *(name for name in audit.names(account) if name == account)]


def has_account(audit: Folder, run_id: str) -> bool:
    """Return whether a run has an account, authentic or not: its tables then are no leftovers, however the run ended.

    Raises:
        StorageError: the audit can't be read.
    """
    return account_folder(audit, run_id) is not None


def account_folder(audit: Folder, run_id: str) -> str | None:
    """Return the folder of a run's account, authentic or not, within the audit: ``""`` or ``earlier/RUN``; None if it has none.

    Raises:
        StorageError: the audit can't be read.
    """
    for folder in ("", f"{EARLIER}/{run_id}"):
        try:
            account, _ = audit.read_json(f"{folder}/{RUN_FILE}" if folder else RUN_FILE)
        except FileNotFoundError:
            continue
        except ValueError:
            # it may be this run's account: its files must not be removed
            return folder
        if not isinstance(account, dict) or account.get("run_id") == run_id:
            return folder
    return None


def ledgers_of(audit: Folder, run_id: str) -> list[str]:
    """Return the names of a run's ledgers.

    Raises:
        StorageError: the audit can't be listed.
    """
    found = (ledger_file(name) for name in audit.names(f"{LEDGER}-{run_id}-"))
    return [file.name for file in found if file is not None and file.run_id == run_id]


def finish(
    audit: Audit,
    run_id: str,
    origin: dict[str, Any],
    operations: Mapping[str, int],
    spans: Mapping[str, Span] | None = None,
    reporting: Reporting | None = None,
    publish: Callable[[Audit, RunReport], RunReport] | None = None,
) -> RunReport:
    """Count the rows of the run's tables, check their sums, and publish the account.

    Args:
        audit: where the tables lie, and the account goes.
        origin: the result of ``Provenance.origin``.
        operations: numbers of operations on object storage.
        spans: the times of its stages; None: the run was detached.
        reporting: what its reports need; None: nothing but the account is at hand.
        publish: writes the account, and returns it as it was written; None: ``publish_run``.

    Raises:
        RunError: the tables don't account for each listed object exactly once, or differ from what the job wrote.
        FileNotFoundError: the job has written no account of its tables.
        StorageError: the audit can't be read or written.
    """
    folder, began = audit.folder, time.monotonic()
    origin = dict(origin)
    settings = origin.pop(SETTINGS, {})
    profile_digests = (origin.get(PROFILE_DIGEST, ""),)
    fingerprint = OutputFingerprint(origin.get("version", ""), settings.get("settings_digest", ""), profile_digests)
    counts, tally = TableCounts(run_id, fingerprint), RunTally()
    try:
        account, _ = audit.read(account_name(run_id))
        check_names({**account, "run_id": run_id})
        listed, tables, digests = account["listed"], account["tables"], account["table_digests"]
        for name, rows in tables.items():
            content = checked_table(folder, name, digests[name])
            counts.add(name, content, rows)
            tally.add(name, content)
    except (SealError, TableError) as error:
        raise RunError(str(error)) from None
    except ValueError:
        raise RunError("the job's account of its tables can't be read: run again") from None
    if counts.sources != (listed, bytes.fromhex(account["sources"])):
        rows = counts.sources[0]
        raise RunError(
            f"{listed} objects were listed, and the {rows} rows of the tables don't account for each of them once: run again, "
            "and report it if it happens again"
        )
    passed = "passed" if origin.get("pixels") == CLEAN else "kept"
    report = RunReport(
        run_id=run_id,
        listed=listed,
        counts=dict(counts.statuses),
        reasons=dict(sorted(counts.reasons.items())),
        pixel_risks={
            risk: {"quarantined": counts.risks_refused[risk], passed: counts.risks_kept[risk]}
            for risk in sorted(counts.risks_refused | counts.risks_kept)
        },
        pixel_sources={
            source: {"blanked": counts.blanked_by[source], "kept": counts.kept_by[source]}
            for source in sorted(counts.blanked_by | counts.kept_by)
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
        earlier_outputs=counts.left.found(),
        inputs=dict(sorted(counts.inputs.items())),
        bytes_written=counts.bytes_written,
        # a killed run of an earlier version has an account without it
        contact_sheets=account.get("contact_sheets"),
        census=account.get("census"),
        # a detached run ended when its job wrote its account
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
    # bundles that were retried wrote files twice, and the account names one of each
    for name in set(run_files(folder, run_id)).difference(tables):
        folder.delete(name)
    report = (publish or publish_run)(audit, report)
    is_encrypted = str(settings.get("restricted") or "").endswith(ENCRYPTED)
    write_run_reports(audit, asdict(report), tally, reporting or Reporting(), is_encrypted=is_encrypted, is_plan=report.is_plan)
    return report


def publish_run(audit: Audit, report: RunReport) -> RunReport:
    """Move the last run's account aside, write ``run.json``, and remove what its tables make superfluous."""
    folder = audit.folder
    report = _replace_account(audit, report)
    restricted.publish(folder, report.run_id)
    if report.settings.get("recheck"):
        audit.write(ORIGIN_FILE, compatibility_of(report.origin))
    # the tables now hold all that these files hold; a file that can't be removed does no harm
    with contextlib.suppress(StorageError):
        for finished in (report.run_id, *report.origin.get(TAKES_UP, ())):
            left = [] if finished == report.run_id or has_account(folder, finished) else run_files(folder, finished)
            for name in (*left, *ledgers_of(folder, finished)):
                folder.delete(name)
            restricted.discard(folder, finished)
    return report


def _replace_account(audit: Audit, report: RunReport) -> RunReport:
    """Write ``run.json``, and move the previous account to ``earlier/RUN/``, since its objects are still there."""
    left, resumes = report.earlier_outputs, report.origin.get(RESUMES)
    while True:
        try:
            earlier, current = audit.folder.read_json(RUN_FILE)
            check_names(earlier)
            # an account with another key can't be checked, and is only moved
            if audit.is_own(earlier):
                audit.read(RUN_FILE)
        except FileNotFoundError:
            current = ""
            report = replace(report, earlier_outputs=earlier_outputs(left, None, resumes))
        except SealError as error:
            raise RunError(f"the earlier {error}; the tables of this run are in the same folder") from None
        except ValueError:
            raise RunError(
                f"the earlier {RUN_FILE} can't be read: restore it from a copy; the tables of this run are in the same folder"
            ) from None
        else:
            folder = f"{EARLIER}/{earlier['run_id']}"
            audit.folder.write_json(f"{folder}/{RUN_FILE}", earlier)
            for name in earlier["tables"]:
                audit.folder.move(name, folder)
            restricted.put_aside(audit.folder, earlier["run_id"])
            put_reports_aside(audit.folder, earlier["run_id"])
            report = replace(
                report,
                previous_run={"run_id": earlier["run_id"], MAC: earlier.get(MAC)},
                earlier_outputs=earlier_outputs(left, earlier, resumes),
            )
        try:
            audit.write(RUN_FILE, asdict(report), version=current)
        except ObjectConflictError:
            # another run has just finished, so its account is the previous one now
            continue
        return report
