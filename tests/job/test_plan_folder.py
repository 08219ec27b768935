"""The folder of a plan: who may read it, what a plan replaces in it, and which folders are refused."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from pipeline.workers.process_lock import lock_file
from tests.support.plans import Plan, plan_run, snapshot
from tests.support.runs import ct_file, deidentify, run_command


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two objects that are written, and two that are refused."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}").write_bytes(ct_file(f"1.2.3.{number}"))
    (folder / "text").write_bytes(b"no DICOM")
    (folder / "broken").write_bytes(ct_file("1.2.3.9")[:-1])
    return folder


def test_a_plan_lies_beside_the_output_and_is_its_owners_alone(archive: Path, key_file: Path) -> None:
    output = archive.parent / "out"
    done = run_command("run", "--dry-run", "--input", str(archive), "--output", str(output), "--key", f"file:{key_file}")
    assert done.returncode == 3 and "nothing was written" in done.stdout
    folder = archive.parent / "out-plan"
    assert {path.name for path in archive.parent.iterdir()} == {"in", "out-plan"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    plan = Plan(folder, 3, "")
    assert {path.name for path in folder.iterdir()} == {
        *plan.report["tables"],
        *("plan.json", "run-restricted.json", "report.html", "report-review.html"),
    }
    for name in ("report.html", "report-review.html"):
        assert "PLAN: no object was written" in (folder / name).read_text()
    assert plan.report["plan"] is True and plan.report["bytes_written"] == sum(
        row["size"] for row in plan.table("instances") if row["status"] == "written"
    )


def test_the_next_plan_replaces_the_one_before_and_nothing_else(archive: Path, key_file: Path) -> None:
    output = archive.parent / "out"
    first = plan_run(archive, output, key_file)
    tables = set(first.report["tables"])
    (first.folder / "notes.txt").write_text("mine")
    dead = first.folder / f".lock-{first.report['run_id'][:-1]}0"
    dead.touch()
    second = plan_run(archive, output, key_file)
    assert {path.name for path in second.folder.iterdir()} == {
        *second.report["tables"],
        *("plan.json", "run-restricted.json", "notes.txt", "report.html", "report-review.html"),
    }
    assert not tables & second.report["tables"].keys()
    # a plan that fails leaves the one before
    shutil.rmtree(archive)
    archive.mkdir()
    assert plan_run(archive, output, key_file).code == 2
    assert Plan(second.folder, 0, "").table("instances")


def test_two_plans_do_not_share_a_folder_at_a_time(archive: Path, key_file: Path) -> None:
    output = archive.parent / "out"
    first = plan_run(archive, output, key_file)
    handle = lock_file(first.folder / ".lock-0123abcd")
    try:
        second = plan_run(archive, output, key_file)
    finally:
        os.close(handle)
    assert second.code == 2 and "another plan" in second.log
    assert Plan(first.folder, 0, "").table("instances")


def test_a_plan_is_not_put_into_a_runs_audit(archive: Path, key_file: Path) -> None:
    other = deidentify(archive, archive.parent / "other", key_file)
    before = snapshot(other.audit)
    plan = plan_run(archive, archive.parent / "out", key_file, folder=other.audit)
    assert plan.code == 2 and "audit" in plan.log
    assert {name: found for name, found in snapshot(other.audit).items() if name != str(other.audit)} == {
        name: found for name, found in before.items() if name != str(other.audit)
    }


@pytest.mark.parametrize("content", ["", "{", "[]", '{"plan": true}', '{"run_id": ["x"]}', '{"run_id": "*"}'])
def test_a_broken_plan_is_not_replaced_as_nobody_knows_its_tables(archive: Path, key_file: Path, content: str) -> None:
    folder = archive.parent / "out-plan"
    folder.mkdir()
    (folder / "plan.json").write_text(content)
    before = snapshot(folder)
    plan = plan_run(archive, archive.parent / "out", key_file)
    assert plan.code == 2 and "remove plan.json" in plan.log
    assert snapshot(folder) == before
