"""Beam's own options: told from misspelt ones, and completed for local runs."""

import argparse
import difflib
import os
from collections.abc import Iterable, Sequence

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, PortableOptions

from . import beam_internals
from .errors import UsageError

LOCAL_RUNNER = "FnApiRunner"
_PRISM = "PrismRunner"
#: a job server in this process
_EMBEDDED = "embed"
_ENVIRONMENTS_OF_EMBEDDED = {"LOOPBACK", "EXTERNAL"}


def check_beam_args(arguments: Sequence[str], own_flags: Iterable[str]) -> argparse.Namespace:
    """Parse options that the command doesn't know itself as Beam's.

    Args:
        own_flags: the command's flags, for suggestions.

    Returns:
        Beam's options; ``runner`` is the name of the class that will run the job.

    Raises:
        UsageError: a flag that nobody knows (with the nearest one that somebody does), a value Beam refuses, an engine that would
            let in who must not come in, or a Beam that isn't known.
    """
    beam_internals.check()
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
        _check_doors(parsed)
        return parsed
    flag = unknown[0].split("=")[0]
    if not flag.startswith("-"):
        raise UsageError("unexpected argument; every input needs its own --input")
    known = [*own_flags, *(option for action in parser._actions for option in action.option_strings)]
    nearest = difflib.get_close_matches(flag, known, n=1, cutoff=0.5)
    raise UsageError(f"unknown option {flag}" + (f"; did you mean {nearest[0]}?" if nearest else ""))


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
    local run gets so many ``processes``, with 1 none but its own, unless the user chose otherwise.
    """
    arguments = list(arguments)
    if parsed.runner == LOCAL_RUNNER:
        arguments += [f"--runner={LOCAL_RUNNER}"]
    if processes > 1 and is_local(parsed) and not any(argument.startswith("--direct_") for argument in arguments):
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
