"""The run's account: counts from the tables themselves, checked against the listing, and what the run was made with."""

import json
import os
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from anonymizer import write_atomically
from profiles import EDITION
from transforms import SCHEMA_VERSION, Status

from .errors import RunError, UsageError
from .options import JobOptions

RUN_FILE = "run.json"
#: says with which profile and key an output is made, from before its first object on
ORIGIN_FILE = "output.json"
#: accounts of earlier runs
EARLIER = "earlier"


@dataclass(frozen=True)
class RunReport:
    """What a run did, as ``run.json`` has it.

    Attributes:
        listed: objects found.
        counts: objects by status; they add up to ``listed``.
        reasons: objects that weren't written, by reason code.
        tables: rows of each table file; readers read these files and no others.
    """

    run_id: str
    listed: int
    counts: dict[str, int]
    reasons: dict[str, int]
    uids: int
    bytes_written: int
    tables: dict[str, int]
    profile_digest: str
    key_id: str
    origin: dict[str, Any]

    @property
    def quarantined(self) -> int:
        """Objects that were refused."""
        return self.counts[Status.QUARANTINED.value]


def made_with(options: JobOptions, key_id: str) -> dict[str, Any]:
    """What decides about the outputs' bytes: two runs that agree in it may share an output."""
    return {
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


def has_origin(options: JobOptions) -> bool:
    """Whether an earlier run made the output."""
    return (Path(options.audit) / ORIGIN_FILE).exists()


def check_origin(options: JobOptions, key_id: str) -> None:
    """Refuse an output that was made with something else, or by something else.

    Raises:
        UsageError: what differs.
    """
    audit, output = Path(options.audit), Path(options.output)
    origin = audit / ORIGIN_FILE
    if not has_origin(options):
        if output.is_dir() and any(entry.resolve() != audit.resolve() for entry in output.iterdir()):
            raise UsageError("--output is not empty and has no audit of this job: choose an empty folder")
        return
    try:
        earlier = json.loads(origin.read_text())
        differing = [name for name, value in made_with(options, key_id).items() if earlier.get(name) != value]
    except (OSError, ValueError, AttributeError):
        raise UsageError(f"the audit's {ORIGIN_FILE} can't be read") from None
    if differing:
        names = ", ".join(name.replace("_", " ") for name in differing)
        raise UsageError(f"--output was made with other settings ({names}): choose another folder, or the same options and key")


def write_origin(options: JobOptions, key_id: str) -> None:
    """Mark the output as made with these options and this key, before anything is written to it.

    Raises:
        UsageError: the folders can't be made or written.
    """
    for name, folder in (("--output", options.output), ("--audit", options.audit)):
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{name} can't be made: {error.strerror}") from None
    try:
        write_json(Path(options.audit) / ORIGIN_FILE, made_with(options, key_id))
    except OSError as error:
        raise UsageError(f"--audit can't be written: {error.strerror}") from None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` so that it is visible whole or not at all."""
    text = json.dumps(content, indent=2) + "\n"
    write_atomically([text.encode()], path)


def finish(options: JobOptions, run_id: str, key_id: str, runner: str) -> RunReport:
    """Count the tables of the run, check the sums, put the last run's account aside and write ``run.json``.

    Raises:
        RunError: the tables don't account for each listed object exactly once.
    """
    audit = Path(options.audit)
    instances = sorted(audit.glob(f"instances-{run_id}-*.parquet"))
    uid_map = sorted(audit.glob(f"uid_map-{run_id}-*.parquet"))
    listing = audit / f"listing-{run_id}.json"
    listed = json.loads(listing.read_text())["listed"]
    statuses: Counter[str] = Counter({status.value: 0 for status in Status})
    reasons: Counter[str] = Counter()
    bytes_written = 0
    sources: set[str] = set()
    for table in instances:
        for batch in pq.ParquetFile(table).iter_batches(columns=["source_id", "status", "reason", "size"]):
            columns = batch.to_pydict()
            statuses.update(columns["status"])
            reasons.update(filter(None, columns["reason"]))
            bytes_written += sum(filter(None, columns["size"]))
            sources.update(columns["source_id"])
    if sum(statuses.values()) != listed or len(sources) != listed:
        raise RunError(f"{listed} objects were listed, but {sum(statuses.values())} rows account for {len(sources)} of them")
    tables = {table.name: pq.ParquetFile(table).metadata.num_rows for table in (*instances, *uid_map)}
    report = RunReport(
        run_id=run_id,
        listed=listed,
        counts=dict(statuses),
        reasons=dict(sorted(reasons.items())),
        uids=sum(rows for name, rows in tables.items() if name.startswith("uid_map-")),
        bytes_written=bytes_written,
        tables=tables,
        profile_digest=options.profile.digest,
        key_id=key_id,
        origin={
            **made_with(options, key_id),
            "runner": runner,
            "version": version("dicom-deid"),
            "python": platform.python_version(),
            **{name: version(name) for name in ("apache-beam", "pydicom", "pyarrow")},
        },
    )
    _put_aside(audit)
    write_json(audit / RUN_FILE, asdict(report))
    listing.unlink()
    return report


def _put_aside(audit: Path) -> None:
    """Move the account of the run before this one to ``earlier/RUN/``: its objects are still there, and so is what it says."""
    try:
        earlier = json.loads((audit / RUN_FILE).read_text())
        folder = audit / EARLIER / earlier["run_id"]
        tables = list(earlier["tables"])
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(f"the earlier {RUN_FILE} can't be read; this run's tables are beside it") from None
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*tables, RUN_FILE):
        if (audit / name).exists():
            os.replace(audit / name, folder / name)
