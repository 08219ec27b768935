"""``--log-format json``: each line on stderr is one event, whatever happens, and no event names anything."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.events import Reporter
from pipeline.signals import wants_events
from tests.engine.test_killed_workers import LOCAL, at_work
from tests.support.keys import KEY_TEXT
from tests.support.runs import PlantedArchive, Run, audit_of, run_command
from tests.unit.pipeline.runs.test_pending import submitted
from transforms import new_run_id

JSON = "--log-format=json"
SOURCE = "0" * 31 + "1", "0" * 31 + "2"


def events_in(log: str) -> list[dict[str, Any]]:
    """The events; whatever is no event fails here."""
    events = [json.loads(line) for line in log.splitlines()]
    for event in events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
        assert event["level"] in ("info", "warning", "error")
    return events


def names_of(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events if event["event"] != "progress"]


@pytest.mark.parametrize("flags", [(), LOCAL], ids=["one process", "two"])
def test_a_run_ends_with_its_summary(flags: tuple[str, ...], planted_archive: PlantedArchive, tmp_path: Path) -> None:
    output = tmp_path / "out"
    done = run_command(
        *("run", "--input", str(planted_archive.folder), "--output", str(output), "--key", f"file:{planted_archive.key}"),
        *(JSON, *flags),
    )
    assert (done.returncode, done.stdout) == (3, "")
    events = events_in(done.stderr)
    assert names_of(events) == ["run-started", "report-written", "run-finished"]
    account = Run(output, 3, "").report
    started, progress, written, finished = events
    assert written.items() >= {"release": True, "review": True}.items()
    assert started.items() >= {"run_id": account["run_id"], "inputs": 1, "resumes": None}.items()
    assert progress["listed"] == planted_archive.files and 0 < progress["finished"] <= progress["scanned"]
    assert finished.items() >= {"level": "warning", "exit_code": 3}.items()
    assert "counts" in finished and "times" in finished and "new_quarantined" in finished
    for field in finished.keys() - {"time", "level", "event", "exit_code"}:
        assert finished[field] == account[field], field
    said = done.stderr
    assert planted_archive.tokens.found_in(said.encode()) == [] and str(tmp_path) not in said


def test_a_resumed_run_names_the_one_it_goes_on_with(planted_archive: PlantedArchive, tmp_path: Path) -> None:
    command = ("run", "--input", str(planted_archive.folder), "--output", str(tmp_path / "out"))
    command += ("--key", f"file:{planted_archive.key}", JSON, "--resume")
    first, again = (events_in(run_command(*command).stderr) for _ in range(2))
    assert (first[0]["resumes"], again[0]["resumes"]) == (None, first[0]["run_id"])


@pytest.mark.parametrize(
    ("arguments", "code", "names"),
    [
        (["run", "--output", "SECRETNAME"], 2, ["usage-error"]),
        (["run", "--input", "SECRETNAME", "--output", "out"], 2, ["usage-error"]),
        (["run", "--inptu", "x"], 2, ["usage-error"]),
        (["run", "--options", "RetainUID"], 2, ["usage-error"]),
        (["run", "--profile", "SECRETNAME"], 2, ["usage-error"]),
        (["run", "--io-threads", "SECRETNAME"], 2, ["usage-error"]),
        (["run", "--pixels", "SECRETNAME"], 2, ["usage-error"]),
        (["run", "--max-gone"], 2, ["usage-error"]),
        (["run", "--debug"], 2, ["usage-error"]),
        (["run", "--direct_num_workers", "SECRETNAME"], 2, ["usage-error"]),
        (["run", "--runner", "NoSuchRunner", "--input", ".", "--output", "out"], 2, ["usage-error"]),
        (["finish"], 2, ["usage-error"]),
        (["finish", "--audit", "SECRETNAME", "--key", "file:SECRETNAME"], 2, ["usage-error"]),
        (["--no-such-flag", "run"], 2, ["usage-error"]),
        (["runn"], 2, ["usage-error"]),
    ],
)
def test_wrong_usage_is_an_event(arguments: list[str], code: int, names: list[str]) -> None:
    # last, and as two words, too
    for format_flags in ([JSON], ["--log-format", "json"]):
        done = run_command(*arguments, *format_flags)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        events = events_in(done.stderr)
        assert names_of(events) == names
        assert events[-1].items() >= {"level": "error", "exit_code": code}.items() and len(events[-1]["message"]) > 10
        assert "SECRETNAME" not in done.stderr


def test_warnings_and_failures_are_events(key_file: Path, tmp_path: Path) -> None:
    archive = tmp_path / "SECRETNAME"
    archive.mkdir()
    for number in range(30):
        (archive / f"{number}").write_bytes(b"no DICOM")
    output = tmp_path / "out"
    place = ("--input", str(archive), "--output", str(output), "--audit", str(output / "audit"))
    done = run_command("run", *place, JSON)
    events = events_in(done.stderr)
    assert names_of(events) == ["warning", "warning", "run-started", "report-written", "run-finished"] and done.stdout == ""
    assert [event["code"] for event in events[:2]] == ["audit-in-output", "own-key"]
    place = ("--input", str(archive), "--output", str(tmp_path / "again"), "--key", f"file:{key_file}", JSON)
    assert run_command("run", *place).returncode == 0
    for number in range(29):
        (archive / f"{number}").unlink()
    failed = run_command("run", *place, "--resume")
    events = events_in(failed.stderr)
    assert failed.returncode == 1 and names_of(events) == ["run-started", "run-failed"]
    assert events[-1].items() >= {"level": "error", "exit_code": 1}.items() and "--max-gone" in events[-1]["message"]
    assert str(tmp_path) not in done.stderr + failed.stderr and "SECRETNAME" not in done.stderr + failed.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_an_event(number: signal.Signals, planted_archive: PlantedArchive, tmp_path: Path) -> None:
    # before the command has read its options, or later
    for folder, moment in ((tmp_path / "soon", 0.3), (tmp_path / "later", 1.5)):
        folder.mkdir()
        before = signal.getsignal(number)
        signal.signal(number, signal.SIG_DFL)
        try:
            with at_work(planted_archive.folder, folder, planted_archive.key, JSON) as run:
                time.sleep(moment)
                run.process.send_signal(number)
                _, log = run.process.communicate(timeout=30)
        finally:
            signal.signal(number, before)
        if run.process.returncode in (3, -number):
            # it was through, or Python itself was still starting
            continue
        assert run.process.returncode == 128 + number
        last = events_in(log)[-1]
        assert last.items() >= {"event": "run-interrupted", "signal": number.name, "exit_code": 128 + number}.items()
        assert "same command again" in last["message"]


def test_an_error_of_the_program_itself_is_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("SECRETNAME")

    monkeypatch.setattr(main.commands["finish"], "callback", broken)
    done = CliRunner().invoke(main, ["finish", "--audit", "x", "--key", "x", JSON])
    assert (done.exit_code, done.stdout) == (1, "")
    (event,) = events_in(done.stderr)
    assert event["event"] == "run-failed" and "KeyError" in event["message"] and "SECRETNAME" not in done.stderr


def test_finish_tells_each_run(tmp_path: Path) -> None:
    key = ("--key", "env:THEKEY")
    runs = sorted(new_run_id() for _ in range(2))
    audit = tmp_path / "SECRETNAME"
    audit.mkdir()
    submitted(audit, runs[0], SOURCE)
    submitted(audit, runs[1], None)
    done = run_command("finish", "--audit", str(audit), *key, JSON, env={"THEKEY": KEY_TEXT})
    assert (done.returncode, done.stdout) == (1, "")
    _, pending, finished = events_in(done.stderr)
    assert (pending["event"], pending["run_id"]) == ("run-pending", runs[1])
    assert (finished["event"], finished["run_id"], finished["exit_code"]) == ("run-finished", runs[0], 0)
    assert "SECRETNAME" not in done.stderr


def test_the_format_is_seen_before_the_command_line_is_read() -> None:
    assert wants_events(["run", "--log-format", "json"]) and wants_events(["run", "--log-format=json", "--bogus"])
    assert not wants_events(["run", "--log-format", "json", "--log-format=text"]), "the last one counts"
    assert not wants_events(["run", "--", "--log-format=json"]) and not wants_events(["run", "--log-format"])


def test_an_event_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    reporter.say("never", None)
    reporter.say("asked", "for people", to_stdout=True)
    assert capsys.readouterr() == ("for people\n", "")
    reporter.as_json = True
    reporter.say("asked", "for people", to_stdout=True, message="two\nlines, and é")
    out, err = capsys.readouterr()
    assert (out, err.isascii(), err.count("\n")) == ("", True, 1)
    assert events_in(err)[0]["message"] == "two\nlines, and é"


def test_commands_print_nowhere_past_the_reporter() -> None:
    """What run and finish say is said by the reporter; the summary is what was asked for."""
    modules = "commands/finish job runs/pending runs/progress runs/runner workers/worker_pool runs/workload options"
    for name in modules.split():
        text = (Path(sys.modules["pipeline.cli"].__file__ or "").parent / f"{name}.py").read_text()
        assert not re.search(r"\b(print|click\.echo|sys\.stderr\.write)\(", text), name
    assert isinstance(main, click.Group) and audit_of(Path("a")) == Path("a-audit")
