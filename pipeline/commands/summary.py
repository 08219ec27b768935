"""Summary of a run: a table on a terminal, aligned lines elsewhere, or an event."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ..advice import advice
from ..events import reporter
from ..exit_codes import EXIT_QUARANTINED

if TYPE_CHECKING:
    from ..runs.report import RunReport

#: label and count
_Row = tuple[str, int]

_KEPT_PIXELS_ADVICE = (
    "--pixels keep: objects whose pixels may identify a person were written, with PatientIdentityRemoved NO. Look at them before "
    "you hand them out."
)
_SUPERSEDED_ADVICE = (
    "Objects that are refused now have outputs of earlier runs, which no run removes: list them (the view `superseded` of the "
    "audit), and remove them before you hand out the output."
)
_PLAN_SENTENCE = (
    "This is a plan: nothing was written to the output or the audit. The statuses are those that a run would give, and written "
    "means that it would write."
)
#: fields of ``run.json`` in the event: all counts, without the names of tables, which are many
_IN_EVENT = (
    *("run_id", "listed", "counts", "reasons", "new_quarantined", "new_since", "incomplete_studies", "quarantined_without_study"),
    *(
        "superseded",
        "pixel_risks",
        "pixel_sources",
        "references",
        "uids",
        "gone",
        "earlier_outputs",
        "bytes_written",
        "contact_sheets",
        "census",
        "operations",
        "other_settings",
        "times",
    ),
)

#: sources of rectangles, for people
_SOURCES = {"rule": "rules", "region": "ultrasound regions", "file": "--rectangles", "label": "--slide-labels"}


def exit_code_of(report: RunReport) -> int:
    """Return the exit code of a run that finished."""
    return EXIT_QUARANTINED if report.quarantined else 0


def show(report: RunReport, *places: str) -> None:
    """Show the account of a run.

    Args:
        places: sentences about the places of output and audit. Events omit them, since places may be named after people.
    """
    from ..runs.plans import PlanReport

    if reporter.as_json:
        code = exit_code_of(report)
        fields: dict[str, Any] = {name: getattr(report, name) for name in _IN_EVENT}
        if isinstance(report, PlanReport):
            fields["diff"] = report.diff
        event = "plan-finished" if report.is_plan else "run-finished"
        reporter.say(event, None, level="warning" if code else "info", **fields, exit_code=code)
        return
    sections = [section for section in _sections(report) if section]
    (_show_table if sys.stdout is not None and sys.stdout.isatty() else _show_lines)(report.listed, sections)
    if isinstance(report, PlanReport):
        if report.diff is not None:
            from .print_diff import print_diff

            print_diff(report.diff)
        click.echo(_PLAN_SENTENCE)
    for sentence in (*_sentences(report), *places):
        click.echo(sentence)


def _sections(report: RunReport) -> Iterator[list[_Row]]:
    yield list(report.counts.items())
    yield list(report.reasons.items())
    since = "new since the run before" if report.new_since is not None else "new"
    yield [(f"{since}: {reason}", count) for reason, count in report.new_quarantined.items() if report.new_since is not None]
    risks: list[_Row] = []
    for name, risk in report.pixel_risks.items():
        # an object has one reason, which may be another risk, or why it could not be cleaned
        if risk["quarantined"] != report.reasons.get(name, 0):
            risks.append((f"{name}, all that are quarantined", risk["quarantined"]))
        if risk.get("kept"):
            risks.append((f"{name}, but kept", risk["kept"]))
        if risk.get("passed"):
            risks.append((f"{name}, cleaned or kept by a rule", risk["passed"]))
    yield risks
    said = [(outcome, source, count) for source, counts in report.pixel_sources.items() for outcome, count in counts.items()]
    yield [(f"{outcome} by {_SOURCES.get(source, source)}", count) for outcome, source, count in said if count]
    others = (
        ("incomplete studies", report.incomplete_studies),
        ("quarantined, of unknown study", report.quarantined_without_study),
        ("refused, with an earlier output", report.superseded),
        ("UIDs that refer to objects outside the archive", report.references["outside"]),
        ("UIDs that link two patients", report.references["joining_patients"]),
        ("gone from the inputs", report.gone),
        (_beside(report), report.earlier_outputs["objects"]),
        *((f"written with other {what}", count) for what, count in report.other_settings.items()),
    )
    yield [(what, count) for what, count in others if count]


def _beside(report: RunReport) -> str:
    bound = "" if report.earlier_outputs["exact"] else ", at most"
    return f"in the output by earlier runs, and in no table of this one{bound}"


def _show_table(listed: int, sections: list[list[_Row]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("objects", "count", title=f"{listed} objects listed")
    table.columns[1].justify = "right"
    for section in sections:
        table.add_section()
        for what, count in section:
            table.add_row(what, str(count))
    Console().print(table)


def _show_lines(listed: int, sections: list[list[_Row]]) -> None:
    rows = [("listed", listed), *(row for section in sections for row in section)]
    width = max(len(what) for what, _ in rows)
    for what, count in rows:
        click.echo(f"{what:<{width}} {count:>12}")


def _sentences(report: RunReport) -> Iterator[str]:
    seconds = report.times["seconds"]
    took = ", ".join(f"{stage} {_clock(seconds[stage])}" for stage in seconds if stage != "total" and seconds[stage] is not None)
    if seconds.get("total") is not None:
        yield f"Duration: {_clock(seconds['total'])}" + f" ({took})" * bool(took)
    reviewed = report.settings.get("rectangles")
    by_file = sum(report.pixel_sources.get("file", {}).values())
    if reviewed and by_file < reviewed["lines"]:
        yield (
            f"--rectangles has {reviewed['lines']} lines, and {by_file} objects of this run were cleaned "
            "or kept by them: others were refused, were done before, or are not there (mistyped UIDs, hashes of another key)."
        )
    if (sheets := report.contact_sheets) is not None:
        yield _of_sheets(sheets)
    if (census := report.census) is not None:
        values, objects = census["values"], census["objects"]
        yield f"Census: {values} distinct values of {objects} objects. They may name patients: dicom-deid census prints them."
    is_kept = any(risk.get("kept") for risk in report.pixel_risks.values())
    # an earlier run may have kept some
    if is_kept or report.origin.get("pixels") == "keep":
        yield _KEPT_PIXELS_ADVICE
    if report.superseded:
        yield _SUPERSEDED_ADVICE
    yield from advice(report.reasons)


def _of_sheets(sheets: Mapping[str, int]) -> str:
    pages, objects, frames = (sheets[name] for name in ("pages", "objects", "frames"))
    found = f"Contact sheets: {pages} pages with {objects} objects, {frames} frames. They show patients."
    if sheets["not_drawn"]:
        found += f" {sheets['not_drawn']} chosen objects can't be drawn."
    if sheets["files_failed"]:
        found += f" {sheets['files_failed']} files can't be written."
    if sheets["other_objects"]:
        found += f" {sheets['other_objects']} objects are of further groups, which have no page."
    return found


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
