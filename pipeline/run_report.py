"""The run's account: counts from the tables themselves, checked against the listing, and what the run was made with."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from profiles import EDITION
from transforms import (
    LEDGER,
    SCHEMA_VERSION,
    Earlier,
    ObjectConflictError,
    Status,
)

from .errors import RunError, UsageError
from .options import JobOptions
from .storage import Folder, StorageError, as_folder, is_inside, scheme_of, store_for
from .table_counts import TABLES, TableCounts

RUN_FILE = "run.json"
#: says with which profile and key an output is made, from before its first object on
ORIGIN_FILE = "output.json"
#: in ``run.json``, among what the run was made with: the runs that it went on with
TAKES_UP = "takes_up"
#: what ``digest_of_crosswalk`` says
CROSSWALK_DIGEST = "crosswalk_digest"
#: what ``making`` says
MAKING = "making"
#: id of the key by which original UIDs are hashed, and the run whose map goes on
UID_HASH_KEY, UID_MAP_RUN = "uid_hash_key_id", "uid_map"
#: accounts of earlier runs
EARLIER = "earlier"


@dataclass(frozen=True)
class RunReport:
    """What a run did, as ``run.json`` has it.

    Attributes:
        listed: objects found.
        counts: objects by status; they add up to ``listed``.
        reasons: objects that weren't written, by reason code.
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


class MapOrigin(NamedTuple):
    """Where a UID map comes from that goes on.

    Attributes:
        run_id: the run that made it.
        key_id: of the key by which its originals are hashed.
    """

    run_id: str
    key_id: str


def made_with(options: JobOptions, key_id: str, uid_map: MapOrigin | None = None) -> dict[str, Any]:
    """What decides about the outputs' bytes: two runs that agree in it may share an output."""
    return {
        UID_HASH_KEY: uid_map.key_id if uid_map else key_id,
        UID_MAP_RUN: uid_map and uid_map.run_id,
        "schema_version": SCHEMA_VERSION,
        "edition": EDITION,
        "options": options.profile.options.names(),
        "profile_digest": options.profile.digest,
        "custom_rules": len(options.profile.custom),
        "weakening_rules": list(options.profile.weakening_rules),
        "patients": "pseudonym" if options.patient_table is None else "table",
        "key_id": key_id,
        "uid_root": options.uid_root or "2.25",
    }


def has_origin(audit: Folder) -> bool:
    """Whether an earlier run made the output.

    Raises:
        UsageError: the audit can't be read.
    """
    return _origin(audit) is not None


def check_origin(options: JobOptions, audit: Folder, made: Mapping[str, Any]) -> None:
    """Refuse an output that was made with something else, or by something else.

    Args:
        made: what ``made_with`` says.

    Raises:
        UsageError: what differs.
    """
    earlier = _origin(audit)
    if earlier is None and options.resume:
        earlier = _origin(Folder(options.resume, options.storage))
    if earlier is None:
        if _holds_something(options):
            raise UsageError("--output is not empty and has no audit of this job: choose an empty folder")
        return
    differing = [name for name, value in made.items() if earlier.get(name) != value]
    if differing and not options.mixed_output:
        names = ", ".join(name.replace("_", " ") for name in differing)
        raise UsageError(
            f"--output was made with other settings ({names}): choose another folder, or the same options and key; "
            "--mixed-output lets both be in one"
        )


def _origin(audit: Folder) -> dict[str, Any] | None:
    try:
        earlier, _ = audit.read_json(ORIGIN_FILE)
    except FileNotFoundError:
        return None
    except StorageError as error:
        raise UsageError(f"--audit: {error}") from None
    except ValueError:
        earlier = None
    if not isinstance(earlier, dict):
        raise UsageError(f"the audit's {ORIGIN_FILE} can't be read")
    return earlier


def _holds_something(options: JobOptions) -> bool:
    """Whether something lies in the output that isn't the audit's."""
    if not scheme_of(options.output):
        output, audit = Path(options.output), Path(options.audit).resolve()
        return output.is_dir() and any(entry.resolve() != audit for entry in output.iterdir())
    try:
        entries = store_for(options.output, options.storage).list(as_folder(options.output))
        return any(not is_inside(os.fsdecode(entry.uri), options.audit) for entry in entries)
    except StorageError as error:
        raise UsageError(f"--output: {error}") from None


def write_origin(options: JobOptions, audit: Folder, made: Mapping[str, Any]) -> None:
    """Mark the output as made with these options and this key, before anything is written to it.

    Args:
        made: what ``made_with`` says.

    Raises:
        UsageError: the folders can't be made or written, or another run has just begun to make it with others.
    """
    if not scheme_of(options.output):
        try:
            Path(options.output).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--output can't be made: {error.strerror}") from None
    try:
        audit.write_json(ORIGIN_FILE, made, version="")
    except ObjectConflictError:
        check_origin(options, audit, made)
    except StorageError as error:
        raise UsageError(f"--audit {error}") from None


def digest_of_crosswalk(options: JobOptions) -> str | None:
    """What tells the crosswalk's place from others; None where there is no crosswalk."""
    return None if options.crosswalk is None else hashlib.sha256(as_folder(options.crosswalk).encode()).hexdigest()


def making(options: JobOptions, made: Mapping[str, Any], patient_table_digest: str) -> str:
    """What tells one way to make objects, or to refuse them, from another: more than outputs must agree in.

    Args:
        made: what ``made_with`` says.
    """
    more = {
        "version": version("dicom-deid"),
        "burned_in": options.keep_burned_in,
        "patients": patient_table_digest,
        # what a run has scanned without it, or with another one, has no row in this one
        "crosswalk": [options.crosswalk, options.crosswalk_certificate],
    }
    return hashlib.sha256(json.dumps([made, more], sort_keys=True).encode()).hexdigest()


def run_files(audit: Folder, run_id: str) -> list[str]:
    """Names of all files that a run has written to the audit under its id.

    Raises:
        StorageError: the audit can't be listed.
    """
    return [name for kind in (*TABLES, "account") for name in audit.names(f"{kind}-{run_id}")]


def origin_of(options: JobOptions, made: Mapping[str, Any], runner: str, digest: str, earlier: Earlier) -> dict[str, Any]:
    """What a run is made with, and by: as ``run.json`` has it.

    Args:
        made: what ``made_with`` says.
        digest: what ``making`` says.
        earlier: what it goes on with.
    """
    return {
        **made,
        "runner": runner,
        # that there is one, but not where
        "crosswalk": options.crosswalk is not None,
        CROSSWALK_DIGEST: digest_of_crosswalk(options),
        "version": version("dicom-deid"),
        "python": platform.python_version(),
        **{name: version(name) for name in ("apache-beam", "pydicom", "pyarrow")},
        MAKING: digest,
        TAKES_UP: sorted({file.run_id for file in earlier.ledgers}),
        "resumes": earlier.run and earlier.run.run_id,
    }


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
