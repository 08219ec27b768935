"""Command line options for the messages and metrics of a command."""

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
        help="Format of messages. json: one JSON object per line on stderr, the summary last, and nothing on stdout.",
    ),
    _option(
        "--metrics-file",
        metavar="FILE.prom",
        help="Write metrics of the run for Prometheus, however it ends. The file name becomes a label. Default: none.",
    ),
)


def with_reporting(command: Callable[..., None]) -> Callable[..., None]:
    """Add the reporting options to ``command``, and pass it the ``metrics`` to write.

    It must be the outermost decorator, so that errors in the other options are reported in the chosen format, too.
    """

    @functools.wraps(command)
    def wrapper(log_format: str, metrics_file: str | None, **others: Any) -> None:
        reporter.as_json = log_format == "json"
        if reporter.as_json and others.get("debug"):
            usage_error("--debug shows the log of Apache Beam, which is not JSON: omit --log-format json")
        if metrics_file is not None and others.get("detach"):
            usage_error("--metrics-file shows how a run ended: for a detached run, give it to dicom-deid finish")
        if metrics_file is not None and others.get("print_patients") is not None:
            usage_error("--print-patients starts no run: omit --metrics-file")
        if metrics_file is not None and others.get("plan") is not None:
            usage_error("--metrics-file shows the last run, and a plan is none: omit it, or --plan")
        try:
            metrics = MetricsFile(metrics_file)
        except ValueError as error:
            usage_error(f"--metrics-file: {error}")
        with metrics:
            command(metrics=metrics, **others)

    return add_options(_REPORTING_OPTIONS)(wrapper)
