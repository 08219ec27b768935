"""The job: command line, options, graph, runs and their reports, worker processes. Its steps are in ``transforms``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import RunWarning, run
    from .errors import RunError, UsageError
    from .options import (
        CensusOptions,
        ContactSheetOptions,
        ContinuationOptions,
        CrosswalkOptions,
        EngineOptions,
        JobOptions,
        PlanOptions,
    )
    from .runs.plans import PlanReport
    from .runs.report import RunReport

__all__ = [
    "CensusOptions",
    "ContactSheetOptions",
    "ContinuationOptions",
    "CrosswalkOptions",
    "EngineOptions",
    "JobOptions",
    "PlanOptions",
    "PlanReport",
    "RunError",
    "RunReport",
    "RunWarning",
    "UsageError",
    "run",
]
__version__ = "0.2.0"

#: imported on first use, so that the command starts without Beam
_MODULES = {
    **dict.fromkeys(("RunWarning", "run"), "api"),
    **dict.fromkeys(("RunError", "UsageError"), "errors"),
    **dict.fromkeys(
        (
            *("CensusOptions", "ContactSheetOptions", "ContinuationOptions", "CrosswalkOptions", "EngineOptions", "JobOptions"),
            "PlanOptions",
        ),
        "options",
    ),
    "PlanReport": "runs.plans",
    "RunReport": "runs.report",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
