"""``--metrics-file``: the last run's numbers for Prometheus, whole or not there, however the run ends."""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.commands.metrics_file import MetricsFile
from pipeline.errors import RunAgainError
from tests.engine.test_killed_workers import at_work
from tests.job.test_summary import report
from tests.support.keys import KEY_TEXT
from tests.support.runs import PlantedArchive, Run, run_command
from tests.unit.pipeline.runs.test_pending import submitted
from transforms import new_run_id

SOURCE = "0" * 31 + "1", "0" * 31 + "2"
Samples = dict[tuple[str, ...], float]


def samples_of(path: Path) -> Samples:
    """Values by name, without the prefix, and label, as Prometheus reads the file."""
    found: Samples = {}
    for family in text_string_to_metric_families(path.read_text()):
        assert family.type == "gauge" and family.documentation and family.name.startswith("dicom_deid_")
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("name") == path.stem
            key = (sample.name.removeprefix("dicom_deid_"), *labels.values())
            assert key not in found
            found[key] = sample.value
    return found


def of(samples: Samples, name: str) -> dict[str, float]:
    return {label: value for (family, *labels), value in samples.items() if family == name for label in labels}


def test_a_run_leaves_its_numbers(planted_archive: PlantedArchive, tmp_path: Path) -> None:
    path = tmp_path / "night.prom"
    began = time.time()
    command = ("run", "--input", str(planted_archive.folder), "--output", str(tmp_path / "out"))
    command += ("--key", f"file:{planted_archive.key}", "--metrics-file", str(path))
    before = os.umask(0o077)
    try:
        done = run_command(*command)
    finally:
        os.umask(before)
    assert done.returncode == 3, done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    samples, account = samples_of(path), Run(tmp_path / "out", 3, "").report
    assert samples["last_run_exit_code",] == 3
    ended = samples["last_run_end_timestamp_seconds",]
    assert int(began) <= samples["last_run_start_timestamp_seconds",] <= ended == samples["last_success_timestamp_seconds",]
    assert of(samples, "objects") == account["counts"]
    quarantined = of(samples, "quarantined_objects")
    assert sum(quarantined.values()) == account["counts"]["quarantined"] and quarantined.items() <= account["reasons"].items()
    assert of(samples, "new_quarantined_objects") == account["new_quarantined"]
    assert samples["incomplete_studies",] == account["incomplete_studies"]
    assert samples["written_bytes",] == account["bytes_written"]
    assert samples["gone_objects",] == 0
    assert of(samples, "stage_duration_seconds") == account["times"]["seconds"]
    assert planted_archive.tokens.found_in(path.read_bytes()) == [] and str(tmp_path) not in path.read_text()
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []
    # the night after fails before it has begun
    failed = run_command(*command, "--options", "RetainUID")
    assert failed.returncode == 2
    now = samples_of(path)
    assert now["last_run_exit_code",] == 2
    command_only = {(f"last_run_{what}",) for what in ("exit_code", "start_timestamp_seconds", "end_timestamp_seconds")}
    assert {key: value for key, value in now.items() if key not in command_only} == {
        key: value for key, value in samples.items() if key not in command_only
    }


def test_no_night_before_is_no_success(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    with pytest.raises(RunAgainError), MetricsFile(str(path)):
        raise RunAgainError("a store is down")
    assert samples_of(path).keys() == {
        (f"last_run_{what}",) for what in ("exit_code", "start_timestamp_seconds", "end_timestamp_seconds")
    }


@pytest.mark.parametrize(("code", "said"), [(0, 0), (3, 3), (1, 1), (4, 4), (None, 0), ("text", 1)])
def test_the_exit_code_is_the_commands(code: int | str | None, said: int, tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    with pytest.raises(SystemExit), MetricsFile(str(path)):
        raise SystemExit(code)
    assert samples_of(path)["last_run_exit_code",] == said


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"dicom_deid_gone_objects 7\n", b'dicom_deid_objects{name="b",status="x"} 1\n']
)
def test_what_somebody_else_wrote_is_not_kept(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    path.write_bytes(content)
    with MetricsFile(str(path)):
        pass
    assert len(samples_of(path)) == 3


def test_the_earlier_numbers_are_kept_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    with MetricsFile(str(path)) as metrics:
        metrics.write(3, [report(gone=1), report()])
    first = samples_of(path)
    assert first["gone_objects",] == 5 and of(first, "new_quarantined_objects") == {"burned-in-annotation": 0, "truncated": 1}
    assert of(first, "stage_duration_seconds") == {"list": 1.2, "anonymize": 3600, "account": 2, "total": 3725.4}
    for _ in range(2):
        with pytest.raises(KeyError), MetricsFile(str(path)):
            raise KeyError
        assert samples_of(path).keys() == first.keys()
        assert samples_of(path)["last_run_exit_code",] == 1
    assert samples_of(path)["gone_objects",] == 5


@pytest.mark.parametrize(
    "name", ["a.txt", "a b.prom", '"}.prom', ".prom", "nowhere/a.prom", "folder.prom", "s3://bucket/a.prom", "pipe.prom"]
)
def test_a_place_where_it_can_not_be_is_told_before_any_work(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.prom").mkdir()
    os.mkfifo(tmp_path / "pipe.prom")
    path = name if "://" in name else str(tmp_path / name)
    done = run_command("run", "--input", str(tmp_path), "--output", str(tmp_path / "out"), "--metrics-file", path)
    assert done.returncode == 2 and done.stderr.startswith("Error: --metrics-file: ") and done.stderr.count("\n") == 1
    assert str(tmp_path) not in done.stderr


def test_a_detached_run_leaves_it_to_finish(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    done = run_command("run", "--input", "x", "--output", "y", "--detach", "--metrics-file", str(path))
    assert done.returncode == 2 and "finish" in done.stderr and not path.exists()
    runs = sorted(new_run_id() for _ in range(2))
    submitted(tmp_path, runs[0], SOURCE)
    submitted(tmp_path, runs[1], None)
    finish = ("finish", "--audit", str(tmp_path), "--key", "env:THEKEY", "--metrics-file", str(path))
    done = run_command(*finish, env={"THEKEY": KEY_TEXT})
    assert done.returncode == 1, done.stderr
    samples = samples_of(path)
    assert samples["last_run_exit_code",] == 1 and of(samples, "objects")["filtered"] == 2


def test_a_disk_that_is_full_changes_nothing_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    metrics = MetricsFile(str(folder / "a.prom"))
    folder.rmdir()
    with pytest.raises(SystemExit) as ended, metrics:
        raise SystemExit(3)
    assert ended.value.code == 3
    assert "--metrics-file can't be written" in capsys.readouterr().err


def test_an_interrupted_run_says_so(planted_archive: PlantedArchive, tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    with at_work(planted_archive.folder, tmp_path, planted_archive.key, f"--metrics-file={path}") as run:
        run.wait_for("listed", 1)
        run.process.send_signal(signal.SIGTERM)
        _, log = run.process.communicate(timeout=30)
    assert run.process.returncode in (143, 3), log
    assert samples_of(path)["last_run_exit_code",] == run.process.returncode
