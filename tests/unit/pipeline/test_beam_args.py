"""Beam's options: which are refused, what is suggested, and how many processes they ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from apache_beam.options import pipeline_options as of_beam

from pipeline import beam_internals
from pipeline.beam_args import check_beam_args, complete, cores, take_processes
from pipeline.cli import main
from pipeline.errors import UsageError
from tests.support.runs import ct_file, run_in_process

OWN = [flag for option in main.commands["run"].params for flag in option.opts if flag.startswith("--")]


def test_options_of_tests_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(ct_file("1.2.3.1"))
    for flag in ("--dry_run=True", "--dry_run=False", "--wait_until_finish_duration=1", "--on_success_matcher=x"):
        done = run_in_process("run", "--input", str(tmp_path / "a.dcm"), "--output", str(tmp_path / "out"), flag)
        assert (done.returncode, f"{flag.partition('=')[0]} is " in done.stderr) == (2, True), done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["a.dcm"]


def test_every_option_of_beams_tests_is_among_them() -> None:
    for options in (of_beam.TestOptions, of_beam.TestDataflowOptions):
        flags = beam_internals.flags_of(options)
        assert flags
        for flag in flags:
            with pytest.raises(UsageError, match=f"^{flag} is a test option of Apache Beam"):
                check_beam_args([f"{flag}=1"], OWN)
            with pytest.raises(UsageError, match=f"^{flag} is a test option of Apache Beam"):
                check_beam_args([flag, "1"], OWN)


@pytest.mark.parametrize(
    "flag",
    [
        *("--no_wait_until_finish", "--output_executable_path=x", "--direct_test_splits={}", "--streaming", "--update"),
        *("--transform_name_mapping={}", "--create_from_snapshot=x"),
    ],
)
def test_a_run_is_a_run(flag: str) -> None:
    with pytest.raises(UsageError, match=f"^{flag.partition('=')[0]}: "):
        check_beam_args([flag], OWN)


@pytest.mark.parametrize(
    "flag", ["--dry_r=1", "--dry=1", "--on_success=x", "--wait_until=1", "--pubsub=x", "--no_wait", "--upda"]
)
def test_no_option_is_abbreviated(flag: str) -> None:
    with pytest.raises(UsageError, match="unknown option"):
        check_beam_args([flag], OWN)
    assert of_beam.PipelineOptions([flag]).get_all_options(drop_default=True) == {}


@pytest.mark.parametrize(
    "runner", ["TestDataflowRunner", "apache_beam.runners.render.RenderRunner", "testdataflow", "InteractiveRunner"]
)
def test_runners_that_run_nothing_are_refused(runner: str) -> None:
    with pytest.raises(UsageError, match=r"^--runner: "):
        check_beam_args([f"--runner={runner}"], OWN)


def test_a_template_is_for_its_launcher(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(ct_file("1.2.3.1"))
    done = run_in_process(
        "run", "--input", str(tmp_path / "a.dcm"), "--output", str(tmp_path / "out"), "--template_location=gs://b/t"
    )
    assert (done.returncode, "--template_location" in done.stderr) == (2, True), done.stderr


def test_hints_name_no_option_of_beams() -> None:
    for flag in (flag for action in beam_internals.options_parser()._actions for flag in action.option_strings):
        with pytest.raises(UsageError) as caught:
            check_beam_args([f"{flag[:-2]}{flag[-1]}=x"], OWN)
        # what is nearest to an option of Beam's is none of ours
        assert str(caught.value) == f"unknown option {flag[:-2]}{flag[-1]}"


@pytest.mark.parametrize(
    ("flags", "processes"),
    [
        ([], 2),
        (["--direct_num_workers=3"], 3),
        (["--direct_num_workers", "3"], 3),
        (["--direct_num_workers=1"], 0),
        (["--direct_num_workers=0"], cores() if cores() > 1 else 0),
        (["--direct_num_workers=3", "--runner=DirectRunner"], 3),
        (["--direct_num_workers=3", "--direct_running_mode=in_memory"], 0),
        (["--direct_num_workers=3", "--direct_running_mode=multi_threading"], 3),
        (["--direct_running_mode=multi_processing"], 1),
        (["--direct_runner_bundle_repeat=1"], 0),
        (["--direct_num_workers=3", "--runner=PortableRunner", "--job_endpoint=localhost:1"], 0),
    ],
)
def test_processes_are_as_many_as_asked_for(flags: list[str], processes: int) -> None:
    options = complete(flags, check_beam_args(flags, OWN), processes=2)
    assert take_processes(options) == processes


def test_there_are_no_fewer_than_none() -> None:
    with pytest.raises(UsageError, match="--direct_num_workers"):
        check_beam_args(["--direct_num_workers=-1"], OWN)
