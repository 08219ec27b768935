"""Beam's own options: told from misspelt ones, and completed for local runs."""

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
#: a job server in this process
_EMBEDDED = "embed"
_ENVIRONMENTS_OF_EMBEDDED = {"LOOPBACK", "EXTERNAL"}
#: with these a run would do nothing, not be waited for, or be another than it says
_REFUSED = {
    "--no_wait_until_finish": "a run that is not to be waited for is started with --detach",
    "--output_executable_path": "it would make a program in place of a run",
    "--direct_test_splits": "it is for tests of Beam",
    **dict.fromkeys(
        ("--streaming", "--update", "--transform_name_mapping", "--create_from_snapshot"),
        "it is for streaming jobs, and this one ends with its inputs; a run goes on by --resume",
    ),
}
#: they draw the job, run it from a notebook, or end it early
_NO_RUNNERS = {"RenderRunner", "InteractiveRunner", "TestDataflowRunner"}


def check_beam_args(arguments: Sequence[str], own_flags: Iterable[str]) -> argparse.Namespace:
    """Parse options that the command doesn't know itself as Beam's.

    Args:
        own_flags: the command's flags, for suggestions: Beam's are never suggested.

    Returns:
        Beam's options; ``runner`` is the name of the class that will run the job.

    Raises:
        UsageError: a flag that nobody knows (with the nearest of the command's), a value Beam refuses, an option or a runner by
            which a run would be none, an engine that would let in who must not come in, or a Beam that isn't known.
    """
    beam_internals.check()
    _check_kinds(arguments)
    parser = beam_internals.options_parser()
    try:
        parsed, unknown = parser.parse_known_args(list(arguments))
    except (argparse.ArgumentError, SystemExit):
        raise UsageError("Beam refuses one of its options; see its documentation") from None
    if not unknown:
        try:
            parsed.runner = beam_internals.runner_class(parsed.runner or LOCAL_RUNNER).__name__
        except (ValueError, ImportError, AttributeError):
            raise UsageError("--runner: Beam knows no such runner") from None
        if parsed.runner in _NO_RUNNERS:
            raise UsageError("--runner: this one is for tests or notebooks, and would not run the job to its end")
        if parsed.direct_num_workers < 0:
            raise UsageError("--direct_num_workers is a number of processes, or 0 for one per core")
        _check_doors(parsed)
        return parsed
    flag = unknown[0].split("=")[0]
    if not flag.startswith("-"):
        raise UsageError("unexpected argument; every input needs its own --input")
    own = set(own_flags)
    known = [*own, *(option for action in parser._actions for option in action.option_strings)]
    # a misspelt option of Beam's is not taken for one of the command
    nearest = own.intersection(difflib.get_close_matches(flag, known, n=1))
    raise UsageError(f"unknown option {flag}" + "".join(f"; did you mean {name}?" for name in nearest))


def _check_kinds(arguments: Sequence[str]) -> None:
    """Refuse options by which a run would be none, whatever their values are."""
    of_tests = {flag for options in (TestOptions, TestDataflowOptions) for flag in beam_internals.flags_of(options)}
    for flag in (argument.partition("=")[0] for argument in arguments):
        if flag in of_tests:
            raise UsageError(f"{flag} is one of Beam's test options, with which a run would not do what it says: leave it out")
        if flag in _REFUSED:
            raise UsageError(f"{flag}: {_REFUSED[flag]}")


def _check_doors(parsed: argparse.Namespace) -> None:
    if parsed.runner == _PRISM and not parsed.job_endpoint:
        raise UsageError(
            "--runner=PrismRunner would start a Prism that listens on all interfaces of this machine, and whoever reaches it can "
            "run programs: start it where nobody else does, and give its address by --job_endpoint"
        )
    if parsed.job_endpoint == _EMBEDDED and str(parsed.environment_type).upper() not in _ENVIRONMENTS_OF_EMBEDDED:
        raise UsageError("--job_endpoint=embed opens no ports for workers elsewhere: give --environment_type=LOOPBACK, too")


def is_local(parsed: argparse.Namespace) -> bool:
    """Whether the run stays on this machine's own processes."""
    return bool(parsed.runner == LOCAL_RUNNER)


def is_embedded(options: PipelineOptions) -> bool:
    """Whether the engine is a job server in this process."""
    return bool(options.view_as(PortableOptions).job_endpoint == _EMBEDDED)


def complete(arguments: Sequence[str], parsed: argparse.Namespace, *, processes: int) -> PipelineOptions:
    """Beam's options with the defaults of this job.

    Without ``--runner``, and for DirectRunner, which would try to download another one, the FnApiRunner runs the job by name. A
    local run gets so many ``processes``, with 1 none but its own, unless the user chose otherwise: as many as
    ``--direct_num_workers`` says, with 0 one per core, or only its own by other options for local runs.
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
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def take_processes(options: PipelineOptions) -> int:
    """How many worker processes of its own the run is to have, 0 for none; if it has some, Beam is not to start others.

    They come in place of Beam's threads, too: those would share one interpreter, and Beam's are known to hang.
    """
    direct = options.view_as(DirectOptions)
    is_parallel = direct.direct_running_mode in ("multi_processing", "multi_threading")
    if options.get_all_options()["runner"] != LOCAL_RUNNER or not is_parallel:
        return 0
    # the runner gets its processes with its environment
    direct.direct_running_mode = None
    direct.direct_num_workers = direct.direct_num_workers or cores()
    return int(direct.direct_num_workers)
