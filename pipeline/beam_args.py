"""Beam's own options: told from misspelt ones, and completed for local runs."""

import argparse
import difflib
import os
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, cast

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.runners.runner import create_runner

from .errors import UsageError

T = TypeVar("T", bound=PipelineOptions)

LOCAL_RUNNER = "FnApiRunner"
_LOCAL_RUNNERS = {LOCAL_RUNNER, "DirectRunner", "BundleBasedDirectRunner", "PrismRunner"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)  # type: ignore[arg-type]
    return parser


def check_beam_args(arguments: Sequence[str], own_flags: Iterable[str]) -> argparse.Namespace:
    """Parse options that the command doesn't know itself as Beam's.

    Args:
        own_flags: the command's flags, for suggestions.

    Raises:
        UsageError: a flag that nobody knows (with the nearest one that somebody does), or a value Beam refuses.
    """
    parser = _parser()
    try:
        parsed, unknown = parser.parse_known_args(list(arguments))
    except (argparse.ArgumentError, SystemExit):
        raise UsageError("Beam refuses one of its options; see its documentation") from None
    if not unknown:
        if parsed.runner is not None:
            try:
                create_runner(parsed.runner)
            except (ValueError, ImportError, AttributeError):
                raise UsageError("--runner: Beam knows no such runner") from None
        return parsed
    flag = unknown[0].split("=")[0]
    if not flag.startswith("-"):
        raise UsageError("unexpected argument; every input needs its own --input")
    known = [*own_flags, *(option for action in parser._actions for option in action.option_strings)]
    nearest = difflib.get_close_matches(flag, known, n=1, cutoff=0.5)
    raise UsageError(f"unknown option {flag}" + (f"; did you mean {nearest[0]}?" if nearest else ""))


def is_local(parsed: argparse.Namespace) -> bool:
    """Whether the run stays on this machine's own processes."""
    return parsed.runner is None or str(parsed.runner).rsplit(".", 1)[-1] in _LOCAL_RUNNERS


def complete(arguments: Sequence[str], parsed: argparse.Namespace, *, processes: int) -> PipelineOptions:
    """Beam's options with the defaults of this job.

    Without ``--runner`` the FnApiRunner runs the job by name: DirectRunner would try to download another one. A local run gets
    so many ``processes``, with 1 none but its own, unless the user chose otherwise.
    """
    arguments = list(arguments)
    if parsed.runner is None:
        arguments += [f"--runner={LOCAL_RUNNER}"]
    if processes > 1 and is_local(parsed) and not any(argument.startswith("--direct_") for argument in arguments):
        arguments += ["--direct_running_mode=multi_processing", f"--direct_num_workers={processes}"]
    return _Options(arguments, save_main_session=False)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Options(PipelineOptions):
    """Beam's options, with one view for each of their kinds: Beam asks for some at every step, and parses anew each time."""

    def view_as(self, cls: type[T]) -> T:
        """As Beam's; all views share their values in any case."""
        views: dict[type[PipelineOptions], PipelineOptions] = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return cast(T, views[cls])

    def __getstate__(self) -> dict[str, Any]:
        # a copy has its own values, and makes its own views
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name != "_views"}


def take_processes(options: PipelineOptions) -> int:
    """How many worker processes of its own the run is to have, 0 for none; if it has some, Beam is not to start others."""
    runner = str(options.get_all_options()["runner"]).rsplit(".", 1)[-1]
    direct = options.view_as(DirectOptions)
    if runner not in (LOCAL_RUNNER, "DirectRunner") or direct.direct_running_mode != "multi_processing":
        return 0
    # the runner gets its processes with its environment
    direct.direct_running_mode = None
    direct.direct_num_workers = direct.direct_num_workers or cores()
    return int(direct.direct_num_workers)
