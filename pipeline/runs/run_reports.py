"""Reports of a run beside its account: the tally while tables are read back, and where both editions go."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from storage import Folder, scheme_of
from transforms import EARLIER, SHEETS, encrypt

from ..events import reporter
from .audit import PLAN_FILE, RUN_FILE, Audit
from .restricted_places import RestrictedPlace

if TYPE_CHECKING:
    from ..reports.source import ReportSource
    from ..reports.tally import Tally

#: the edition that is handed out with the data, and the one for those who decide; the latter with a suffix where it is encrypted
RELEASE_FILE, REVIEW_FILE = "report.html", "report-review.html"
ENCRYPTED = ".p7m"


class ReviewPlace(NamedTuple):
    """A place of review editions.

    Attributes:
        folder: the folder.
        name: name of the file there, before the suffix of an encrypted one.
        certificate: X.509 certificate (DER) whose holder alone can read it; empty: it is not encrypted. Then it isn't written on
            object storage, where a file has no permissions of its own.
    """

    folder: Folder
    name: str
    certificate: bytes = b""

    @property
    def is_safe(self) -> bool:
        """True if a file there can be read by those alone who may."""
        return bool(self.certificate) or not scheme_of(self.folder.location)

    def write(self, content: bytes) -> None:
        """Write a review edition.

        Raises:
            EnvelopeError: the installed packages can't encrypt.
            StorageError: it can't be written.
        """
        if self.certificate:
            self.folder.create(self.name + ENCRYPTED, encrypt(content, self.certificate))
        else:
            self.folder.create(self.name, content)


@dataclass(frozen=True)
class Reporting:
    """Needs of a run's reports beyond its account.

    Attributes:
        restricted: settings that name persons or places; None: they are not at hand.
        certificate: of the only reader of restricted files, DER; empty: they are not encrypted.
        made_by: who releases the data; ``""``: unknown.
        census, sheets: places of the run's census and contact sheets; None: it has none.
    """

    restricted: Mapping[str, Any] | None = None
    certificate: bytes = b""
    made_by: str = ""
    census: RestrictedPlace | None = None
    sheets: RestrictedPlace | None = None

    def review_place(self, audit: Folder, account: Mapping[str, Any]) -> ReviewPlace:
        """Return the place of the review edition: with values and pictures of patients, if there are any, else in the audit."""
        run_id = account["run_id"]
        if self.census is not None:
            return ReviewPlace(self.census.folder, REVIEW_FILE.replace(".", f"-{run_id}.", 1), self.census.certificate)
        if self.sheets is not None and (account.get("contact_sheets") or {}).get("pages"):
            return ReviewPlace(self.sheets.folder, f"{SHEETS}{run_id}/{REVIEW_FILE}", self.sheets.certificate)
        return ReviewPlace(audit, REVIEW_FILE, self.certificate)


class RunTally:
    """Counts of tables as ``finish`` reads them. A run never fails for its report: the first fault ends the counting."""

    def __init__(self) -> None:
        try:
            # who writes no report doesn't pay for it
            from ..reports.tally import TableTally

            self._tally: TableTally | None = TableTally()
        except ImportError:
            self._tally = None

    def add(self, name: str, content: bytes) -> None:
        """Count the rows of a table file."""
        if self._tally is None:
            return
        try:
            self._tally.add(name, content)
        except Exception:  # the message may hold values
            self._tally = None

    @property
    def result(self) -> Tally | None:
        """The counts; None: a fault ended the counting."""
        try:
            return None if self._tally is None else self._tally.result()
        except Exception:  # as above
            return None


def write_run_reports(
    audit: Audit, account: Mapping[str, Any], tally: RunTally, reporting: Reporting, *, is_encrypted: bool, is_plan: bool = False
) -> None:
    """Write both editions, as far as they can be made; a fault is a warning.

    Args:
        audit: where the account lies.
        is_encrypted: the run's restricted settings are encrypted: without a certificate at hand there is no review edition.
        is_plan: nothing was written.
    """
    written = {"release": False, "review": False}
    place = reporting.review_place(audit.folder, account)
    is_wanted = place.is_safe and not (is_encrypted and not place.certificate)
    # no message: it may hold a value
    with contextlib.suppress(Exception):
        _write(audit, account, tally, reporting, written, place if is_wanted else None, is_plan=is_plan)
    if not written["release"] or (not written["review"] and is_wanted):
        reporter.warn("report-failed", "The report can't be made or written. Make it later: dicom-deid report --audit FOLDER.")
    if any(written.values()):
        shown = ((RELEASE_FILE, "release"), (REVIEW_FILE, "review"))
        is_apart = place.folder != audit.folder
        names = [name for name, edition in shown if written[edition] and not (edition == "review" and is_apart)]
        sentence = f"Report: {', '.join(names)}, beside {PLAN_FILE if is_plan else RUN_FILE}."
        if is_apart and written["review"]:
            sentence += f" The review edition lies with the {'census' if reporting.census else 'contact sheets'}."
        reporter.say(
            "report-written", sentence, to_stdout=True, release=written["release"], review=written["review"], files=names
        )


def _write(
    audit: Audit,
    account: Mapping[str, Any],
    tally: RunTally,
    reporting: Reporting,
    written: dict[str, bool],
    review: ReviewPlace | None,
    *,
    is_plan: bool,
) -> None:
    counts = tally.result
    if counts is None:
        return
    from ..reports.content import Edition
    from ..reports.editions import content_of
    from ..reports.rendering import render
    from ..reports.source import ReportSource

    source = ReportSource(
        account,
        counts,
        restricted=reporting.restricted,
        made_by=reporting.made_by,
        authenticity="This run wrote the account itself, with a code by its key, and checked the digests of its tables.",
        is_plan=is_plan,
        actions_missing=counts.elsewhere,
        before=account_before(audit.folder, account),
    )
    audit.folder.create(RELEASE_FILE, render(content_of(source, Edition.RELEASE)))
    written["release"] = True
    if review is not None:
        review.write(render(content_of(_with_people(source, audit, reporting), Edition.REVIEW)))
        written["review"] = True


def _with_people(source: ReportSource, audit: Audit, reporting: Reporting) -> ReportSource:
    """Return the source with values and pictures, as far as this machine can read them: not where they are encrypted."""
    account, census, sheets = source.account, reporting.census, reporting.sheets
    if census is not None and not census.certificate and (account.get("census") or {}).get("objects"):
        from .census import CensusFolder, kept_values

        source = replace(source, values=kept_values(CensusFolder(census.folder, audit.seals), account, []))
    if sheets is not None and not sheets.certificate and (account.get("contact_sheets") or {}).get("pages"):
        from .report_again import read_sheets

        source = replace(source, sheets=read_sheets(sheets.folder, account["run_id"], None))
    return source


def account_before(folder: Folder, account: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the account of the run before, as far as it can be read; nothing but changes of settings is told from it."""
    previous = (account.get("previous_run") or {}).get("run_id")
    if not previous:
        return None
    try:
        found, _ = folder.read_json(f"{EARLIER}/{previous}/{RUN_FILE}")
    except (OSError, ValueError, RuntimeError):
        return None
    return found if isinstance(found, dict) else None


def put_reports_aside(folder: Folder, run_id: str) -> None:
    """Move the reports of a run to ``earlier/``, along with its account."""
    for name in (RELEASE_FILE, REVIEW_FILE, REVIEW_FILE + ENCRYPTED):
        folder.move(name, f"{EARLIER}/{run_id}")
