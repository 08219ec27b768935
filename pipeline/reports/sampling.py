"""A sample of released patients for people to look at, drawn by the key, and the statement that their verdicts allow."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

#: patients that are drawn by default: 3 of 60 is a bound of 5 %
DEFAULT_SAMPLE = 60
#: verdicts from which on a bound is computed: the rule of three is off by more than a tenth of it for fewer
_LEAST = 30
CLEAR, FOUND = "clear", "found"
COLUMNS = ("patient_id", "verdict", "reviewer", "drawn")
_MOST_BYTES = 4 << 20


class DrawnPatient(NamedTuple):
    """A patient of the sample.

    Attributes:
        patient_id: the new PatientID.
        studies: new StudyInstanceUIDs.
        drawn: a code by the key: this patient was drawn from that run, in a sample of that size.
    """

    patient_id: str
    studies: tuple[str, ...]
    drawn: str = ""


class PatientVerdict(NamedTuple):
    """A person's verdict on a patient's objects.

    Attributes:
        verdict: ``clear`` or ``found``.
        reviewer: who looked.
        drawn: the code of the line.
    """

    verdict: str
    reviewer: str
    drawn: str = ""


class VerdictError(ValueError):
    """A file of verdicts that can't be read. The message names no patient."""


class Sample(NamedTuple):
    """A sample, in the order in which it was drawn.

    Attributes:
        patients: drawn patients.
        of: patients in the output, as far as the tables of the run have them.
        verdicts: by new PatientID; None: nobody gave any.
    """

    patients: tuple[DrawnPatient, ...]
    of: int
    verdicts: Mapping[str, PatientVerdict] | None = None

    @property
    def judged(self) -> tuple[PatientVerdict, ...]:
        """The verdicts on drawn patients, in the order drawn."""
        given = self.verdicts or {}
        return tuple(given[patient.patient_id] for patient in self.patients if patient.patient_id in given)

    @property
    def is_of_sample(self) -> bool:
        """True if all verdicts are on patients of this sample: the codes of their lines say so."""
        codes = {patient.patient_id: patient.drawn for patient in self.patients}
        return all(codes.get(name) == verdict.drawn for name, verdict in (self.verdicts or {}).items())

    @property
    def found(self) -> int:
        """Patients in whose objects somebody found what identifies."""
        return sum(verdict.verdict == FOUND for verdict in self.judged)

    @property
    def reviewers(self) -> tuple[str, ...]:
        """The names of those who looked."""
        return tuple(sorted({verdict.reviewer for verdict in self.judged if verdict.reviewer}))

    def statement(self) -> str:
        """Return what the verdicts allow to say."""
        drawn = f"{len(self.patients):,} of the {self.of:,} patients in the tables of this run were drawn by the key."
        if self.verdicts is None:
            return f"{drawn} Nobody has looked at them yet, so nothing is said about the rest."
        judged = len(self.judged)
        if self.found:
            return (
                f"{drawn} In {self.found:,} of them a reviewer found what identifies. No bound is stated. Find the cause, change "
                "the settings or remove the objects, run again, and draw again."
            )
        names = f" Reviewers: {', '.join(self.reviewers)}." if self.reviewers else ""
        if judged < len(self.patients):
            return (
                f"{drawn} Reviewers gave verdicts on {judged:,} of them. No bound is stated before all have one: what is left "
                f"out may be what was found.{names}"
            )
        looked = f"Reviewers looked at all of these and found nothing that identifies.{names}"
        if judged == self.of:
            return f"{drawn} {looked}"
        if judged < _LEAST:
            return f"{drawn} {looked} For fewer than {_LEAST} patients no bound is computed."
        bound = 3 / judged
        return (
            f"{drawn} {looked} With 95 % confidence, at most 3/{judged:,} ({bound:.1%}) of the patients in the tables have "
            "something of the kind that these reviewers would have found. This is the rule of three; it holds if they looked at "
            "all objects of each patient. It says nothing of objects without a patient ID."
        )


def read_verdicts(content: bytes) -> dict[str, PatientVerdict]:
    """Return the verdicts of a CSV file with the columns of ``COLUMNS``, in any order.

    Lines without a verdict count as not judged.

    Raises:
        VerdictError: the file isn't such a file.
    """
    if len(content) > _MOST_BYTES:
        raise VerdictError("the file is too large")
    try:
        text = content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise VerdictError("the file is no CSV in UTF-8") from None
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    if not set(COLUMNS) <= set(head):
        raise VerdictError(f"the first line must name the columns {', '.join(COLUMNS)}")
    places = [head.index(name) for name in COLUMNS]
    verdicts: dict[str, PatientVerdict] = {}
    for line, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) <= max(places):
            raise VerdictError(f"line {line} has too few cells")
        patient, verdict, reviewer, drawn = (row[place].strip() for place in places)
        # spreadsheets keep the apostrophe that stands before what might be a formula
        patient = patient.removeprefix("'")
        if not verdict:
            continue
        if verdict.lower() not in (CLEAR, FOUND):
            raise VerdictError(f"line {line}: the verdict must be {CLEAR} or {FOUND}")
        if not reviewer:
            raise VerdictError(f"line {line}: the reviewer's name is missing")
        if patient in verdicts:
            raise VerdictError(f"line {line}: the patient has a verdict already")
        verdicts[patient] = PatientVerdict(verdict.lower(), reviewer, drawn)
    return verdicts


def csv_rows(sample: Sample) -> Iterable[Sequence[str]]:
    """Yield the rows of a CSV file to fill in."""
    yield COLUMNS
    for patient in sample.patients:
        yield patient.patient_id, "", "", patient.drawn
