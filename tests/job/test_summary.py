"""How a run's account is told: what is new, incomplete and to be done, readable on a terminal and in a pipe."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands.summary import show
from pipeline.runs.report import RunReport
from tests.support.runs import ROOT, PlantedArchive, Run, deidentify, run_command

BOXES = "─━│┃┌┏└┗├┡"


def report(**more: object) -> RunReport:
    """An account of 30 objects."""
    said: dict[str, object] = {
        "run_id": "20261129010000deadbeef",
        "listed": 30,
        "counts": {"written": 20, "skipped": 0, "duplicate": 1, "filtered": 2, "quarantined": 7},
        "reasons": {"burned-in-annotation": 3, "not-dicom": 2, "other-content-kept": 1, "truncated": 4},
        "pixel_risks": {"burned-in-annotation": {"quarantined": 3, "kept": 0}},
        "pixel_sources": {},
        "uids": 90,
        "references": {"outside": 0, "joining_patients": 2},
        "gone": 5,
        "earlier_outputs": {"objects": 4, "exact": False},
        "inputs": {},
        "bytes_written": 123456,
        "contact_sheets": None,
        "census": None,
        "operations": {},
        "tables": {},
        "table_digests": {},
        "previous_run": None,
        "profile_digest": "",
        "key_id": "",
        "origin": {},
        "new_quarantined": {"truncated": 1},
        "new_since": "20261128010000deadbeef",
        "incomplete_studies": 2,
        "quarantined_without_study": 1,
        "times": {
            "started": "2026-11-29T01:00:00Z",
            "ended": "2026-11-29T02:02:05Z",
            "seconds": {"list": 1.2, "scan": None, "anonymize": 3600.0, "account": 2.0, "total": 3725.4},
        },
        "superseded": 1,
        "settings": {},
        "other_settings": {"versions": 6, "settings": 0},
    }
    return RunReport(**said | more)  # type: ignore[arg-type]


def test_elsewhere_than_on_a_terminal_a_line_is_a_name_and_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(), "Audit tables and run.json: there")
    lines = capsys.readouterr().out.splitlines()
    assert not any(character in line for line in lines for character in BOXES)
    rows = {line.rsplit(None, 1)[0]: line.rsplit(None, 1)[1] for line in lines if line.rsplit(None, 1)[-1].isdigit()}
    account = report()
    report_rows = {what: str(count) for what, count in (("listed", 30), *account.counts.items(), *account.reasons.items())}
    assert rows == {
        **report_rows,
        "new since the run before: truncated": "1",
        "incomplete studies": "2",
        "quarantined, of unknown study": "1",
        "refused, with an earlier output": "1",
        "UIDs that link two patients": "2",
        "gone from the inputs": "5",
        "in the output by earlier runs, and in no table of this one, at most": "4",
        "written with other versions": "6",
    }
    assert len({line.rindex(value) + len(value) for line, value in zip(lines, rows.values(), strict=False)}) == 1, "aligned"
    assert "Duration: 1:02:05 (list 0:00:01, anonymize 1:00:00, account 0:00:02)" in lines
    assert lines[-1] == "Audit tables and run.json: there"


def test_a_first_run_calls_nothing_new(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(new_since=None, new_quarantined={"truncated": 4}))
    assert "new" not in capsys.readouterr().out.split("Duration")[0]


def test_what_to_do_about_what_was_refused_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    from pipeline.advice import advice

    show(report())
    said = capsys.readouterr().out
    advised = advice(["burned-in-annotation", "not-dicom", "other-content-kept", "truncated"])
    assert advised and all(line in said for line in advised)


def test_a_terminal_has_a_table(tmp_path: Path) -> None:
    code = "from tests.job.test_summary import report, show; show(report())"
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=slave, cwd=ROOT, env={**os.environ, "TERM": "xterm"})
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.wait() == 0
    assert "│ burned-in-annotation" in shown.decode()


@pytest.mark.parametrize("flags", [(), ("--direct_num_workers=2", "--direct_running_mode=multi_processing")])
def test_a_pipe_gets_lines_of_the_command_and_of_nobody_else(
    flags: tuple[str, ...], planted_archive: PlantedArchive, tmp_path: Path
) -> None:
    places = ("--input", str(planted_archive.folder), "--output", str(tmp_path / "out"))
    done = run_command("run", *places, "--key", f"file:{planted_archive.key}", *flags)
    assert (done.returncode, done.stderr) == (3, "")
    assert not any(box in done.stdout for box in BOXES)
    assert "truncated                  " in done.stdout


def test_the_second_night_says_what_is_new(planted_archive: PlantedArchive, tmp_path: Path) -> None:
    first = deidentify(planted_archive.folder, tmp_path / "out", planted_archive.key)
    assert "new since" not in first.log
    again: Run = deidentify(planted_archive.folder, tmp_path / "out", planted_archive.key, "--resume")
    assert again.code == 3 and "new since" not in again.log
    assert "incomplete studies" in again.log
