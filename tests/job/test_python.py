"""A run from Python: the settings and the report of the command, and a host that stays as it was."""

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from apache_beam.io.filesystems import FileSystems

import pipeline
from anonymizer import Key
from pipeline import ContinuationOptions, CrosswalkOptions, EngineOptions, JobOptions, RunError, RunWarning, UsageError, run
from profiles import ConfidentialityProfile
from tests.support.runs import ROOT, ct_file, run_command


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}"))
    return folder


def host() -> dict[str, Any]:
    """Return what a process shares with all that runs in it."""
    root = logging.getLogger()
    return {
        "environment": dict(os.environ),
        "levels": {name: logging.getLogger(name).level for name in ("", "apache_beam", "google", "pydicom")},
        "handlers": root.handlers[:],
        "warnings": warnings.filters[:],
        "excepthook": sys.excepthook,
        "thread hook": threading.excepthook,
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "garbage": (gc.isenabled(), gc.get_threshold()),
        "file systems": FileSystems._pipeline_options,
        "umask": (mask := os.umask(0o22), os.umask(mask))[0],
        "folder": os.getcwd(),
        "path": sys.path[:],
        "stdout": (sys.stdout, sys.stderr),
    }


def test_it_is_the_run_of_the_command(archive: Path, key_file: Path, tmp_path: Path) -> None:
    profile = ConfidentialityProfile.default("RetainUIDs")
    report = run(JobOptions([str(archive)], str(tmp_path / "python"), profile=profile, engine=EngineOptions(f"file:{key_file}")))
    flags = ("--options", "RetainUIDs", "--key", f"file:{key_file}")
    done = run_command("run", "--input", str(archive), "--output", str(tmp_path / "command"), *flags)
    assert done.returncode == 0, done.stderr
    made = [sorted((tmp_path / name).rglob("*.dcm")) for name in ("python", "command")]
    assert [path.read_bytes() for path in made[0]] == [path.read_bytes() for path in made[1]]
    assert (report.counts["written"], report.quarantined, len(made[0])) == (3, 0, 3)
    assert report.key_id == Key.load(f"file:{key_file}").key_id
    again = JobOptions(
        str(archive),
        str(tmp_path / "command"),
        profile=profile,
        engine=EngineOptions(f"file:{key_file}"),
        continuation=ContinuationOptions(resume=""),
    )
    assert run(again).counts["skipped"] == 3


def test_the_host_stays_as_it_was(
    archive: Path, key_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = host()
    run(JobOptions([str(archive)], str(tmp_path / "out"), engine=EngineOptions(f"file:{key_file}")))
    assert host() == before
    with pytest.raises(UsageError, match="--input doesn't exist"):
        run(JobOptions([str(tmp_path / "none")], str(tmp_path / "out"), engine=EngineOptions(f"file:{key_file}")))
    assert host() == before
    # one that makes its key, and starts worker processes
    with pytest.warns(RunWarning, match="No --key was given"):
        run(JobOptions([str(archive)], str(tmp_path / "other"), beam_args=["--direct_num_workers=2"]))
    assert host() == before
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_what_fails_says_why(archive: Path, key_file: Path, tmp_path: Path) -> None:
    before = host()
    output = tmp_path / "out"
    engine = EngineOptions(f"file:{key_file}")
    run(JobOptions(str(archive), str(output), engine=engine))
    for path in (tmp_path / "out-audit").glob("instances-*"):
        path.write_bytes(b"")
    with pytest.raises(RunError):
        run(JobOptions(str(archive), str(output), engine=engine, continuation=ContinuationOptions(resume="")))
    with pytest.raises(UsageError, match="must lie apart"):
        run(JobOptions(str(archive), str(output), engine=engine, crosswalk=CrosswalkOptions(str(output / "crosswalk"))))
    assert host() == before


_SCRIPT = """
import threading
from pipeline import EngineOptions, JobOptions, run

if __name__ == "__main__":
    stop = threading.Event()
    threading.Thread(target=stop.wait).start()
    report = run(JobOptions({archive!r}, {output!r}, engine=EngineOptions({key!r}), beam_args=["--direct_num_workers=2"]))
    print(report.counts["written"])
    stop.set()
"""


def test_worker_processes_of_a_script_with_threads(archive: Path, key_file: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT.format(archive=str(archive), output=str(tmp_path / "out"), key=f"file:{key_file}"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


def test_all_public_names_are_there() -> None:
    assert all(getattr(pipeline, name) for name in pipeline.__all__)
    with pytest.raises(AttributeError):
        _ = pipeline.nothing
