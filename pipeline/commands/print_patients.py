"""``dicom-deid run --print-patients``: a table of the inputs' patients, to fill in; no run is made."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict

from ..errors import UsageError
from ..events import reporter
from ..exit_codes import EXIT_QUARANTINED
from ..options import JobOptions
from ..surveys.patient_listing import PatientList, write_patients


def list_patients(options: JobOptions, path: str, own_flags: Collection[str], *, detach: bool = False) -> int:
    """Write the table, report its content, and return the command's exit code.

    Raises: as ``write_patients``.
    """
    continuation = options.continuation
    for flag, given in (
        ("--detach", detach),
        ("--crosswalk", options.crosswalk.folder is not None),
        ("--resume", continuation.resume is not None),
        ("--uid-map", continuation.uid_map is not None),
        ("--recheck", continuation.recheck),
    ):
        if given:
            raise UsageError(f"--print-patients makes no run: leave {flag} away")
    found = write_patients(options, path, own_flags)
    for code, sentence in _warnings(found):
        reporter.warn(code, sentence)
    exit_code = 0 if found.is_whole else EXIT_QUARANTINED
    others = f"; {found.known} others are in --patient-table" if found.known else ""
    told = f"{_counted(found.patients, 'patient')} to fill in, of {_counted(found.objects, 'object')}{others}: {path}"
    reporter.say("patients-listed", told, to_stdout=True, **asdict(found), exit_code=exit_code)
    return exit_code


def _warnings(found: PatientList) -> Iterator[tuple[str, str]]:
    if found.refused:
        told = "can't be read or understood: patients whom only they name are not in the table."
        yield "patients-unread", f"{_counted(found.refused, 'object')} {told}"
    if found.unlisted:
        told = "by IDs that no table can hold are not in it, and a run with it will refuse them."
        yield "patients-unlisted", f"{_counted(found.unlisted, 'patient')} {told}"
    if found.without_id:
        yield (
            "patients-without-id",
            f"{_counted(found.without_id, 'object')} without a PatientID: a run with a table refuses them.",
        )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
