"""Sources of reports, without a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipeline.reports.source import ReportSource
from pipeline.reports.subject_tally import SubjectCounts
from pipeline.reports.tally import Tally

ACCOUNT: dict[str, Any] = {
    "run_id": "2026010203040506789abc",
    "listed": 100,
    "counts": {"written": 100, "skipped": 0, "duplicate": 0, "filtered": 0, "quarantined": 0},
    "settings": {"options": ["BasicProfile"], "edition": "2026d", "pixels": "quarantine", "screen": True},
    "origin": {"version": "1.2.3"},
    "key_id": "0123456789abcdef",
}
_TALLY = Tally(SubjectCounts(), 0, {}, 100, 0, {}, {}, {}, {}, ())


def source(tally: Tally = _TALLY, settings: dict[str, Any] | None = None, **more: Any) -> ReportSource:
    """A source with other settings of the run, and other fields."""
    account = {**ACCOUNT, "settings": {**ACCOUNT["settings"], **(settings or {})}, **more.pop("account", {})}
    return replace(ReportSource(account, tally), **more)
