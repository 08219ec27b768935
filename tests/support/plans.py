"""Plans beside the runs that they predict: what the plan says, and that nothing else was touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.support.runs import Run, audit_of, deidentify, run_command

#: columns in which the rows of a plan and of its run agree; only a run's own id and time differ
PREDICTED = (
    *("source_id", "status", "reason", "reason_tag", "notes", "output_name", "size", "crc32c", "actions", "written_in"),
    *("sop_instance_uid", "study_instance_uid", "patient_id", "pixel_risks", "transfer_syntax_uid", "source_version"),
)
#: as above, of the account
PREDICTED_FIELDS = (
    *("listed", "counts", "reasons", "pixel_risks", "pixel_sources", "new_quarantined", "new_since", "incomplete_studies"),
    *("superseded", "uids", "references", "gone", "earlier_outputs", "inputs", "bytes_written", "other_settings"),
    *("key_id", "profile_digest"),
)


class Plan:
    """A finished plan and what it wrote."""

    def __init__(self, folder: Path, code: int, log: str) -> None:
        self.folder = folder
        self.code = code
        self.log = log

    @property
    def report(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "plan.json").read_text())
        return content

    def table(self, name: str) -> list[dict[str, Any]]:
        """Rows of the tables that ``plan.json`` lists."""
        files = [file for file in self.report["tables"] if file.startswith(f"{name}-")]
        return [row for file in files for row in pq.read_table(self.folder / file).to_pylist()]


def predicted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of ``instances`` in an order of their own, without what differs between a plan and its run."""
    return sorted(({name: row[name] for name in PREDICTED} for row in rows), key=lambda row: row["source_id"])


def snapshot(*places: Path) -> dict[str, tuple[Any, ...]]:
    """Everything in folders and of them: kinds, modes, times and contents; nothing of one that isn't there."""
    found = {}
    for place in places:
        for path in (place, *sorted(place.rglob("*"))) if place.exists() else ():
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[str(path)] = (status.st_mode, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, content)
    return found


def audit_in(output: Path, arguments: Sequence[str]) -> Path:
    """Where the audit of a run with these arguments lies."""
    return Path(arguments[arguments.index("--audit") + 1]) if "--audit" in arguments else audit_of(output)


def plan_run(archive: Path, output: Path, key: Path, *arguments: str, folder: Path | None = None) -> Plan:
    """``dicom-deid run --plan`` over a folder, which touches nothing but the plan's own folder."""
    folder = folder or output.with_name(f"{output.name}-plan")
    # it would show beside the output
    folder.mkdir(mode=0o700, exist_ok=True)
    places = (archive, output, audit_in(output, arguments))
    before, beside = snapshot(*places), sorted(output.parent.iterdir())
    done = run_command(
        "run", "--input", str(archive), "--output", str(output), "--key", f"file:{key}", "--plan", str(folder), *arguments
    )
    assert snapshot(*places) == before
    assert sorted(output.parent.iterdir()) == beside
    log = done.stdout + done.stderr
    assert "Traceback" not in log
    return Plan(folder, done.returncode, log)


def check_prediction(plan: Plan, run: Run, audit: Path) -> None:
    """The plan ended as the run did, and says of each object what became of it."""
    assert plan.code == run.code, plan.log + run.log
    if run.code not in (0, 3):
        return
    report = json.loads((audit / "run.json").read_text())
    files = [file for file in report["tables"] if file.startswith("instances-")]
    assert predicted(plan.table("instances")) == predicted(
        [row for file in files for row in pq.read_table(audit / file).to_pylist()]
    )
    found = plan.report
    assert {name: found[name] for name in PREDICTED_FIELDS} == {name: report[name] for name in PREDICTED_FIELDS}


def deidentify_as_planned(archive: Path, output: Path, key: Path, *arguments: str) -> Run:
    """``deidentify``, planned before, and compared with the plan."""
    plan = plan_run(archive, output, key, *arguments)
    run = deidentify(archive, output, key, *arguments)
    check_prediction(plan, run, audit_in(output, arguments))
    return run
