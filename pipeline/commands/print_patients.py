"""``dicom-deid run --print-patients``: a table of the inputs' patients to fill in, in place of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict

from ..errors import UsageError
from ..events import reporter
from ..exit_codes import EXIT_QUARANTINED
from ..options import JobOptions
from ..surveys.patient_listing import PatientList, write_patients


def list_patients(options: JobOptions, path: str, own_flags: Collection[str], *, detach: bool = False) -> int:
    """Write the table, report its content, and return the exit code of the command.

    Args:
        path: path of the new CSV file.
        own_flags: the flags of the command, as for ``check_beam_args``.
        detach: True if ``--detach`` was given, which is refused.

    Raises:
        UsageError, RunError, StorageUnavailableError: as for ``write_patients``.
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
            raise UsageError(f"--print-patients starts no run: omit {flag}")
    found = write_patients(options, path, own_flags)
    for code, sentence in _warnings(found):
        reporter.warn(code, sentence)
    exit_code = 0 if found.is_complete else EXIT_QUARANTINED
    others = f"; {found.known} others are in --patient-table" if found.known else ""
    sentence = f"{_with_plural(found.patients, 'patient')} to fill in, of {_with_plural(found.objects, 'object')}{others}: {path}"
    reporter.say("patients-listed", sentence, to_stdout=True, **asdict(found), exit_code=exit_code)
    return exit_code


def _warnings(found: PatientList) -> Iterator[tuple[str, str]]:
    if found.refused:
        sentence = "can't be read or parsed: patients whom only they name are not in the table."
        yield "patients-unread", f"{_with_plural(found.refused, 'object')} {sentence}"
    if found.unlisted:
        sentence = "with IDs that a table can't hold are not in it: a run with the table will refuse their objects."
        yield "patients-unlisted", f"{_with_plural(found.unlisted, 'patient')} {sentence}"
    if found.without_id:
        yield (
            "patients-without-id",
            f"{_with_plural(found.without_id, 'object')} without a PatientID: a run with a patient table will refuse them.",
        )


def _with_plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
