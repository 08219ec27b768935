"""The editions of a report: which sections, in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import about, findings, refusals, review
from .content import Content, Edition, Section, Text, Tone
from .deviations import deviations_of
from .source import ReportSource

_BOTH: tuple[Callable[[ReportSource], Section], ...] = (
    *(about.made, about.deviations, about.profile, about.contents, findings.attributes, about.dates, findings.private),
    *(
        findings.pixels,
        findings.checks,
        refusals.refused,
        refusals.incomplete,
        refusals.conformance,
        findings.classes,
        about.limits,
    ),
)
_REVIEW: tuple[Callable[[ReportSource], Section], ...] = (
    *(about.made, about.deviations, about.profile, about.contents, findings.attributes, about.dates, findings.private),
    *(review.values, findings.pixels, review.sheets, review.sample, findings.checks, refusals.refused, refusals.incomplete),
    *(refusals.conformance, findings.classes, about.limits, review.keys, review.places, review.before, review.settings),
    *(review.agreements, review.sign),
)
_PLAN = Text("PLAN: no object was written. This says what a run with these settings would do.", Tone.WARNING)
_SMALL = "Small counts that nobody can make in the data themselves are not told:"
_RELEASE_LEAD = (
    Text(
        "Release edition, to be handed out with the data. It names no person and no place. It is not in the output: the office "
        "that releases the data adds it."
    ),
)
_REVIEW_LEAD = (
    Text(
        "Review edition, restricted: for those who decide about the release. Do not hand it out: it names places, and may "
        "show patients.",
        Tone.WARNING,
    ),
)


def content_of(source: ReportSource, edition: Edition) -> Content:
    """Return the content of an edition."""
    source = replace(source, edition=edition)
    lead = _RELEASE_LEAD if source.is_release else _REVIEW_LEAD
    small = Text(f"{_SMALL} “< {source.least_told}” means fewer than {source.least_told}.") if source.is_release else None
    found = len(deviations_of(source))
    departs = (
        Text(f"Deviations from the profile, or matters that need attention: {found}. See Deviations.", Tone.WARNING)
        if found
        else None
    )
    make = _BOTH if source.is_release else _REVIEW
    return Content(
        edition,
        "De-identification report" if source.is_release else "De-identification report: review edition",
        source.is_plan,
        (*((_PLAN,) if source.is_plan else ()), *lead, *((small,) if small else ()), *((departs,) if departs else ())),
        tuple(one(source) for one in make),
    )
