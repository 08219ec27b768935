"""run --plan: it says how each object would end, the run then ends so, and nothing but the plan's folder is touched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import pipeline
from pipeline.options import EngineOptions, JobOptions, PlanOptions
from pipeline.runs.plans import PlanReport
from tests.engine.test_killed_workers import at_work
from tests.job import test_keep_one, test_output_conflicts, test_recheck, test_resume
from tests.job.test_keep_one import RLE, Nights, content
from tests.job.test_resume import Night
from tests.server.test_restart import kill_all
from tests.support.keys import OTHER_KEY, write_key
from tests.support.objects import MR, Element, read
from tests.support.pixel_archive import KINDS, image
from tests.support.plans import check_prediction, deidentify_as_planned, plan_run, snapshot
from tests.support.processes import need
from tests.support.runs import (
    KEEPING,
    ROOT,
    PlantedArchive,
    audit_of,
    ct_file,
    deidentify,
    run_command,
    run_in_process,
    write_studies,
)

_TWO = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan the runs of other modules' tests before they run."""
    for module in (test_output_conflicts, test_resume, test_recheck):
        monkeypatch.setattr(module, "deidentify", deidentify_as_planned)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Objects of two studies, equal and conflicting ones, a zip, and what is refused."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}").write_bytes(ct_file(f"1.2.3.{number % 2}.{number}", study=f"1.2.3.{number % 2}"))
    (folder / "copy").write_bytes((folder / "1").read_bytes())
    (folder / "conflict").write_bytes(ct_file("1.2.3.0.2", Element(0x00280012, "US", 7), study="1.2.3.0"))
    (folder / "text").write_bytes(b"no DICOM")
    (folder / "burned").write_bytes(ct_file("1.2.3.5.1", Element(0x00280301, "CS", "YES"), study="1.2.3.5"))
    with zipfile.ZipFile(folder / "more.zip", "w") as zipped:
        for number in range(3):
            zipped.writestr(f"{number}", ct_file(f"1.2.3.6.{number}", study="1.2.3.6"))
        zipped.writestr("copy", ct_file("1.2.3.1.1", study="1.2.3.1"))
    return folder


@pytest.mark.parametrize("flags", [(), (KEEPING, "--options=CleanDesc,RetainUIDs"), _TWO], ids=["default", "kept", "processes"])
def test_the_first_run_ends_as_it_was_planned(archive: Path, key_file: Path, flags: tuple[str, ...]) -> None:
    output = archive.parent / "out"
    run = deidentify_as_planned(archive, output, key_file, *flags)
    assert run.report["counts"]["written"] >= 5 and run.report["counts"]["duplicate"] >= 1
    # again, over all that is there
    again = deidentify_as_planned(archive, output, key_file, *flags)
    assert again.objects() == run.objects()


def test_all_kinds_of_broken_and_planted_objects_end_as_planned(planted_archive: PlantedArchive, tmp_path: Path) -> None:
    plan = plan_run(planted_archive.folder, tmp_path / "out", planted_archive.key)
    run = deidentify(planted_archive.folder, tmp_path / "out", planted_archive.key)
    check_prediction(plan, run, run.audit)
    written = b"".join(path.read_bytes() for path in plan.folder.iterdir() if path.name != "run-restricted.json")
    assert planted_archive.tokens.found_in(plan.log.encode() + written) == []


@pytest.mark.usefixtures("planned")
@pytest.mark.parametrize(
    "scenario",
    [
        test_output_conflicts.test_the_row_of_a_refused_object_says_which_output_is_in_its_way,
        test_output_conflicts.test_what_somebody_else_has_changed_is_not_replaced,
        test_output_conflicts.test_what_another_run_may_be_at_is_left_alone_and_tried_again,
        test_output_conflicts.test_where_an_account_can_not_be_checked_nothing_is_replaced,
        lambda night: test_output_conflicts.test_what_a_power_cut_left_without_a_row_is_made_anew(night, b"DICM"),
        lambda night: test_output_conflicts.test_what_changed_is_replaced_when_it_is_asked_for(night, True, True),
        lambda night: test_output_conflicts.test_an_output_of_any_earlier_run_is_left_alone(night, night.output.parent),
    ],
)
def test_objects_whose_outputs_name_is_taken_end_as_planned(
    scenario: Callable[[Night], None], tmp_path: Path, key_file: Path
) -> None:
    night = Night(tmp_path, key_file)
    for number in range(4):
        night.put(f"SECRETNAME-{number}", f"1.2.3.1.{number}")
    scenario(night)


@pytest.mark.usefixtures("planned")
@pytest.mark.parametrize(
    "scenario",
    [
        test_keep_one.test_without_resume_the_written_one_stays_too,
        lambda night: test_keep_one.test_across_nights_the_written_one_stays(night, ()),
        lambda night: test_keep_one.test_what_changed_itself_is_for_another_option(night, ("--replace-changed",)),
        lambda night: test_keep_one.test_a_run_that_was_killed_before_it_said_so_ends_like_an_undisturbed_one(night, "torn"),
    ],
)
def test_the_one_that_is_kept_is_planned(scenario: Callable[[Nights], None], tmp_path: Path, key_file: Path) -> None:
    scenario(Nights(tmp_path, key_file))


def test_a_replaced_output_is_what_later_objects_are_compared_with(tmp_path: Path, key_file: Path) -> None:
    """It is of another class by then: what lies there while the plan is made is still the one before."""
    night = Nights(tmp_path, key_file)
    night.put_all(("SECRETNAME-0", content(pixels=900)), ("SECRETNAME-1", content(syntax=RLE)))
    deidentify(night.archive, night.output, key_file, "--conflicts=keep-one")
    night.put_all(("SECRETNAME-0", content(pixels=700, sop_class=MR)), ("SECRETNAME-2", content(pixels=600, sop_class=MR)))
    run = deidentify_as_planned(night.archive, night.output, key_file, "--conflicts=keep-one", "--resume", "--replace-changed")
    assert run.report["reasons"] == {"other-content-kept": 2}


@pytest.mark.usefixtures("planned")
def test_changed_objects_and_other_settings_end_as_planned(archive: Path, key_file: Path) -> None:
    output = archive.parent / "out"
    deidentify(archive, output, key_file)
    (archive / "0").write_bytes(ct_file("1.2.3.0.0", Element(0x00280012, "US", 9), study="1.2.3.0"))
    (archive / "3").unlink()
    (archive / "new").write_bytes(ct_file("1.2.3.0.77", study="1.2.3.0"))
    for flags in (("--resume",), ("--resume", "--recheck", "--cap-ages"), ("--resume", "--replace-changed"), ("--cap-ages",)):
        deidentify_as_planned(archive, output, key_file, *flags, "--max-gone=100")


def test_what_a_killed_run_did_counts_as_in_a_run(tmp_path: Path, key_file: Path) -> None:
    archive = tmp_path / "in"
    archive.mkdir()
    write_studies(archive, map(str, range(800)), lambda number: [Element(0x7FE00010, "OW", bytes(20_000))])
    with at_work(archive, tmp_path, key_file) as killed:
        killed.wait_for("finished", 300)
        kill_all(killed)
    assert list(audit_of(killed.output).glob("ledger-*"))
    for path in archive.iterdir():
        # whatever is read again is told by its reason
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    plan = plan_run(archive, killed.output, key_file)
    assert plan.report["origin"]["takes_up"] and plan.report["counts"]["written"] >= 100
    run = deidentify(archive, killed.output, key_file)
    check_prediction(plan, run, run.audit)


def test_no_file_is_opened_for_writing_elsewhere(archive: Path, key_file: Path) -> None:
    """By the system calls of the command and its processes."""
    output, trace = archive.parent / "out", archive.parent / "trace"
    deidentify(archive, output, key_file)
    (archive / "1").write_bytes(ct_file("1.2.3.1.1", Element(0x00280012, "US", 9), study="1.2.3.1"))
    calls = "openat,mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,rmdir,truncate"
    command = ("run", "--plan", "--input", archive, "--output", output, "--key", f"file:{key_file}", "--replace-changed", *_TWO)
    subprocess.run(
        [
            need("strace"),
            "-f",
            "-qq",
            "-y",
            "-e",
            f"trace={calls}",
            "-o",
            trace,
            sys.executable,
            "-m",
            "pipeline",
            *map(str, command),
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        timeout=300,
    )
    places = (str(archive), str(output) + "/", str(audit_of(output)))
    lines = [line for line in trace.read_text(errors="replace").splitlines() if any(f'"{place}' in line for place in places)]
    assert any("openat" in line for line in lines)
    changing = [
        line for line in lines if "openat(" not in line or any(flag in line for flag in ("O_WRONLY", "O_CREAT", "O_TRUNC"))
    ]
    assert changing == []
    assert (archive.parent / "out-plan" / "plan.json").exists()


# -- restricted files ------------------------------------------------------------------------------------------------


def test_pages_are_drawn_and_lines_of_reviewers_leave_with_the_plan(key_file: Path, tmp_path: Path) -> None:
    archive, lines, sheets = tmp_path / "in", tmp_path / "rectangles.csv", tmp_path / "sheets"
    archive.mkdir()
    sheets.mkdir(mode=0o700)
    for number in range(3):
        (archive / str(number)).write_bytes(image(KINDS[0], number, manufacturer="OTHER").blob)
    uid = read((archive / "1").read_bytes()).SOPInstanceUID
    lines.write_text(f'sop_instance_uid,rows,columns,blank,reviewer\n{uid},37,59,"0,0,59,10",R. Viewer\n')
    flags = ("--options=CleanPixelData", f"--rectangles={lines}", "--contact-sheets")
    plan = plan_run(archive, tmp_path / "out", key_file, *flags, str(sheets), folder=tmp_path / "planned")
    assert not list(plan.folder.glob("reviewed-*")) and list(plan.folder.glob("pixels-*"))
    pages = {path.name.partition("-")[0] for path in sheets.iterdir()}
    run = deidentify(archive, tmp_path / "out", key_file, *flags, str(tmp_path / "more"))
    check_prediction(plan, run, run.audit)
    assert plan.report["contact_sheets"] == run.report["contact_sheets"] and plan.report["contact_sheets"]["objects"]
    assert pages == {path.name.partition("-")[0] for path in (tmp_path / "more").iterdir()}


def test_the_census_of_a_plan_is_that_of_the_run(archive: Path, key_file: Path) -> None:
    (archive / "described").write_bytes(ct_file("1.2.3.8.1", Element(0x00081030, "LO", "CHEST OF KESTREL"), study="1.2.3.8"))
    output, folders = archive.parent / "out", [archive.parent / name for name in ("planned", "census")]
    folders[0].mkdir(mode=0o700)
    flags = ("--options=CleanDesc", "--census")
    plan = plan_run(archive, output, key_file, *flags, str(folders[0]))
    run = deidentify(archive, output, key_file, *flags, str(folders[1]))
    check_prediction(plan, run, run.audit)
    assert plan.report["census"] == run.report["census"]
    first, second = (
        run_command("census", "--census", str(folder), "--key", f"file:{key_file}", "--csv").stdout for folder in folders
    )
    assert first == second and "CHEST" in first


# -- what is no run --------------------------------------------------------------------------------------------------


def test_no_command_takes_a_plan_for_a_run(archive: Path, key_file: Path) -> None:
    output, folder = archive.parent / "out", archive.parent / "out-plan"
    plan_run(archive, output, key_file)
    renamed = archive.parent / "renamed"
    shutil.copytree(folder, renamed)
    (renamed / "plan.json").rename(renamed / "run.json")
    key = f"file:{key_file}"
    places = ("run", "--input", str(archive), "--output", str(output), "--key", key)
    other = str(archive.parent / "other")
    for where in (folder, renamed):
        for flags in (("--resume", str(where)), ("--uid-map", str(where)), ("--plan", other, "--diff", str(where))):
            before = snapshot(where)
            done = run_in_process(*places, *flags)
            assert done.returncode == 2 and "a plan" in done.stderr, (flags, done.stderr)
            assert snapshot(where) == before
    done = run_command(*places, "--audit", str(folder))
    assert done.returncode == 2 and "a plan" in done.stderr
    done = run_command("finish", "--audit", str(folder), "--key", key)
    assert done.returncode == 2 and "a plan" in done.stderr
    assert not output.exists()


def test_the_names_of_what_a_plan_refuses_can_be_listed(archive: Path, key_file: Path) -> None:
    plan = plan_run(archive, archive.parent / "out", key_file)
    done = run_command("quarantined", "--input", str(archive), "--audit", str(plan.folder), "--key", f"file:{key_file}")
    assert done.returncode == 0 and "burned" in done.stdout


def test_what_a_run_refuses_a_plan_refuses(archive: Path, key_file: Path, tmp_path: Path) -> None:
    output = archive.parent / "out"
    deidentify(archive, output, key_file)
    other = write_key(tmp_path / "other", OTHER_KEY)
    for key, flags in ((key_file, ("--options=CleanDesc",)), (other, ()), (other, ("--resume",)), (key_file, ("--recheck",))):
        plan, run = plan_run(archive, output, key, *flags), deidentify(archive, output, key, *flags)
        assert plan.code == run.code == 2
        assert plan.log == run.log


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--plan", "{out}/x"), "--plan and --output"),
        (("--plan", "{out}-audit"), "--plan and --audit"),
        (("--plan", "{in}/x"), "--plan and --input"),
        (("--plan", "--crosswalk", "{tmp}/crosswalk"), "--crosswalk"),
        (("--plan", "--detach"), "--detach"),
        (("--plan", "--metrics-file", "{tmp}/x.prom"), "--metrics-file"),
        (("--plan", "--print-patients", "{tmp}/x.csv"), "--print-patients"),
        (("--plan", "--resume", "--diff", "{tmp}/x"), "--diff and --resume"),
        (("--diff", "{tmp}/x"), "--diff needs --plan"),
        (("--plan", "--diff", ""), "--diff: name the folder"),
        (("--plan", "--diff", "{tmp}/x"), "no run.json"),
    ],
)
def test_options_that_a_plan_has_no_use_for_are_refused(
    flags: tuple[str, ...], message: str, archive: Path, key_file: Path
) -> None:
    folder = archive.parent
    named = [flag.format(**{"out": folder / "out", "in": archive, "tmp": folder}) for flag in flags]
    done = run_in_process("run", "--input", str(archive), "--output", str(folder / "out"), "--key", f"file:{key_file}", *named)
    assert done.returncode == 2 and message in done.stderr
    assert {path.name for path in folder.iterdir()} == {"in"}


def test_events_tell_a_plan_from_a_run(archive: Path, key_file: Path) -> None:
    plan = plan_run(archive, archive.parent / "out", key_file, "--log-format=json")
    events = [json.loads(line) for line in plan.log.splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "plan-started" and names[-1] == "plan-finished"
    assert not {"run-started", "run-finished"} & set(names)
    assert events[-1]["counts"] == plan.report["counts"] and events[-1]["exit_code"] == plan.code == 3


def test_python_gets_the_plan_as_a_report(archive: Path, key_file: Path) -> None:
    output = archive.parent / "out"
    options = JobOptions([str(archive)], str(output), engine=EngineOptions(key=f"file:{key_file}"), plan=PlanOptions())
    report = pipeline.run(options)
    assert isinstance(report, PlanReport) and report.is_plan and report.counts["written"] > 5
    assert not output.exists()


def test_a_plan_that_is_interrupted_leaves_no_tables(tmp_path: Path, key_file: Path) -> None:
    archive = tmp_path / "in"
    archive.mkdir()
    write_studies(archive, map(str, range(2500)), lambda number: [Element(0x7FE00010, "OW", bytes(20_000))])
    with at_work(archive, tmp_path, key_file, "--plan") as run:
        run.wait_for("listed", 1)
        run.process.send_signal(signal.SIGINT)
        run.process.wait()
    left = {path.name for path in tmp_path.glob("*-plan/*")}
    assert not any(name.endswith((".parquet", ".json")) for name in left), left
    assert not run.output.exists()
