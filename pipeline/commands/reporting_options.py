"""The command line's options for how a command tells of its work."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from ..events import reporter
from .command_errors import usage_error
from .grouped_help import REPORTING, add_options, options_of
from .metrics_file import MetricsFile

_option = options_of(REPORTING)
_REPORTING_OPTIONS = (
    _option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="json: a JSON object a line on stderr, the summary last; nothing on stdout.",
    ),
    _option(
        "--metrics-file",
        metavar="FILE.prom",
        help="The last run's numbers for Prometheus, however it ends; its name is a label in it.",
    ),
)


def with_reporting(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options for what it tells, and hand it the ``metrics`` to write.

    The decorator is a command's first one: what the others find wrong is told in the same way.
    """

    @functools.wraps(command)
    def wrapper(log_format: str, metrics_file: str | None, **others: Any) -> None:
        reporter.as_json = log_format == "json"
        if reporter.as_json and others.get("debug"):
            usage_error("--debug shows what Beam logs, which is no JSON: leave --log-format away with it")
        if metrics_file is not None and others.get("detach"):
            usage_error("--metrics-file says how a run ended: where it is detached, give it to dicom-deid finish")
        if metrics_file is not None and others.get("print_patients") is not None:
            usage_error("--print-patients makes no run: leave --metrics-file away")
        try:
            metrics = MetricsFile(metrics_file)
        except ValueError as error:
            usage_error(f"--metrics-file: {error}")
        with metrics:
            command(metrics=metrics, **others)

    return add_options(_REPORTING_OPTIONS)(wrapper)
