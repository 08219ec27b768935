"""The restricted contact sheets: the target of a run."""

from __future__ import annotations

from transforms import SheetsTarget

from ..options import JobOptions
from .restricted_places import restricted_place


def sheets_target(options: JobOptions, run_id: str) -> SheetsTarget | None:
    """Create the folder of contact sheets, and return the run's target; None if none are requested.

    Raises:
        UsageError: the certificate or the folder can't be used.
    """
    sheets = options.sheets
    if sheets.folder is None:
        return None
    place = restricted_place(options, "--contact-sheets", sheets.folder, "--contact-sheet-certificate", sheets.certificate)
    return SheetsTarget(place.folder, run_id, place.certificate, sheets.samples)
