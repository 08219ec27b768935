"""Options of Apache Beam on the command line: checked, and completed for local runs."""

import argparse
import difflib
import os
from collections.abc import Iterable, Sequence

from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    TestDataflowOptions,
    TestOptions,
)

from . import beam_internals
from .errors import UsageError

LOCAL_RUNNER = "FnApiRunner"
_PRISM = "PrismRunner"
#: value of ``--job_endpoint`` for a job server in this process
_EMBEDDED = "embed"
_ENVIRONMENTS_OF_EMBEDDED = {"LOOPBACK", "EXTERNAL"}
#: options with which a run would do nothing, not be waited for, or do something else than it reports; and the reason of each
_REFUSED = {
    "--no_wait_until_finish": "use --detach to start a run without waiting for it",
    "--output_executable_path": "it would build a program instead of running the job",
    "--direct_test_splits": "it is meant for tests of Beam",
    **dict.fromkeys(
        ("--streaming", "--update", "--transform_name_mapping", "--create_from_snapshot"),
        "it is meant for streaming jobs, and this is a batch job; use --resume to continue a run",
    ),
}
#: runners that draw the job, run it from a notebook, or end it early
_NO_RUNNERS = {"RenderRunner", "InteractiveRunner", "TestDataflowRunner"}


def check_beam_args(arguments: Sequence[str], own_flags: Iterable[str]) -> argparse.Namespace:
    """Parse the arguments that are no options of the command as options of Beam.

    Args:
        own_flags: the flags of the command. Suggestions for a misspelt flag are made from these, never from Beam's.

    Returns:
        The options of Beam. ``runner`` is the name of the class that will run the job.

    Raises:
        UsageError: a flag is unknown, Beam refuses a value, an option or runner would not run the job to its end, an engine would
            open ports to other users, or the release of Beam is not supported.
    """
    beam_internals.check()
    _check_refused(arguments)
    parser = beam_internals.options_parser()
    try:
        parsed, unknown = parser.parse_known_args(list(arguments))
    except (argparse.ArgumentError, SystemExit):
        raise UsageError("Apache Beam refuses the value of one of its options: see Beam's documentation") from None
    if not unknown:
        try:
            parsed.runner = beam_internals.runner_class(parsed.runner or LOCAL_RUNNER).__name__
        except (ValueError, ImportError, AttributeError):
            raise UsageError("--runner: Apache Beam has no such runner") from None
        if parsed.runner in _NO_RUNNERS:
            raise UsageError("--runner: this runner is for tests or notebooks, and would not run the job to its end")
        if parsed.direct_num_workers < 0:
            raise UsageError("--direct_num_workers must be a number of processes, or 0 for one per core")
        _check_ports(parsed)
        return parsed
    flag = unknown[0].split("=")[0]
    if not flag.startswith("-"):
        raise UsageError("unexpected argument: give every input its own --input")
    own = set(own_flags)
    known = [*own, *(option for action in parser._actions for option in action.option_strings)]
    # a misspelt option of Beam must not lead to the suggestion of one of the command
    nearest = own.intersection(difflib.get_close_matches(flag, known, n=1))
    raise UsageError(f"unknown option {flag}" + "".join(f"; did you mean {name}?" for name in nearest))


def _check_refused(arguments: Sequence[str]) -> None:
    """Refuse options that no run may have, whatever their values are."""
    of_tests = {flag for options in (TestOptions, TestDataflowOptions) for flag in beam_internals.flags_of(options)}
    for flag in (argument.partition("=")[0] for argument in arguments):
        if flag in of_tests:
            raise UsageError(f"{flag} is a test option of Apache Beam, with which a run would not be what it reports: omit it")
        if flag in _REFUSED:
            raise UsageError(f"{flag}: {_REFUSED[flag]}")


def _check_ports(parsed: argparse.Namespace) -> None:
    """Refuse engines that would open ports to other users of this machine."""
    if parsed.runner == _PRISM and not parsed.job_endpoint:
        raise UsageError(
            "--runner=PrismRunner would start a Prism server that listens on all interfaces of this machine, and whoever reaches "
            "it can run programs: start Prism where nobody else can reach it, and give its address with --job_endpoint"
        )
    if parsed.job_endpoint == _EMBEDDED and str(parsed.environment_type).upper() not in _ENVIRONMENTS_OF_EMBEDDED:
        raise UsageError("--job_endpoint=embed serves only workers in this process: add --environment_type=LOOPBACK")


def is_local(parsed: argparse.Namespace) -> bool:
    """Return whether the run stays within processes of this machine."""
    return bool(parsed.runner == LOCAL_RUNNER)


def is_embedded(options: PipelineOptions) -> bool:
    """Return whether the engine is a job server in this process."""
    return bool(options.view_as(PortableOptions).job_endpoint == _EMBEDDED)


def complete(arguments: Sequence[str], parsed: argparse.Namespace, *, processes: int) -> PipelineOptions:
    """Return the options of Beam with the defaults of this job.

    The FnApiRunner is named without ``--runner``, and in place of DirectRunner, which would try to download another runner.

    Args:
        parsed: the result of ``check_beam_args``.
        processes: the number of worker processes of a local run; with 1 it has no process but its own. ``--direct_num_workers``
            comes first, where 0 is one per core. With other ``--direct_`` options alone the run has no process but its own.
    """
    arguments = list(arguments)
    chosen = {argument.partition("=")[0] for argument in arguments if argument.startswith("--direct_")}
    if "--direct_num_workers" in chosen:
        processes = parsed.direct_num_workers or cores()
    elif chosen:
        processes = 1
    if parsed.runner == LOCAL_RUNNER:
        arguments += [f"--runner={LOCAL_RUNNER}"]
    if processes > 1 and is_local(parsed) and "--direct_running_mode" not in chosen:
        arguments += ["--direct_running_mode=multi_processing", f"--direct_num_workers={processes}"]
    return beam_internals.CachedOptions(arguments, save_main_session=False)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def take_processes(options: PipelineOptions) -> int:
    """Return the number of worker processes that the command starts, 0 for none, and remove them from Beam's ``options``.

    They also replace Beam's worker threads, which share one interpreter and are known to hang.
    """
    direct = options.view_as(DirectOptions)
    is_parallel = direct.direct_running_mode in ("multi_processing", "multi_threading")
    if options.get_all_options()["runner"] != LOCAL_RUNNER or not is_parallel:
        return 0
    # the runner gets these processes as its environment; by its own options it would start others
    direct.direct_running_mode = None
    direct.direct_num_workers = direct.direct_num_workers or cores()
    return int(direct.direct_num_workers)
