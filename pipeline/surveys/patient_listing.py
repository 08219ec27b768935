"""List of an archive's patients, to fill in for ``--patient-table``. It holds identifiers, and is restricted."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import BinaryIO

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from anonymizer import DeidentificationError, Key, PatientTable, PatientTableError, Reason
from anonymizer.internals import FILTERED, Engine, Patient
from profiles import KEEP, ConfidentialityProfile, compile_plan
from storage import (
    ObjectRef,
    StoredArchive,
    cannot_write,
    create_private,
)
from transforms import WorkerThreads

from ..beam_args import check_beam_args
from ..errors import RunError, UsageError
from ..options import JobOptions
from ..place_checks import check_locations, check_patient_list
from ..runs.patient_table import load_patient_table
from ..runs.workload import survey_inputs
from ..safe_csv import write_csv
from .listed_objects import listed_objects
from .reasons import result_or_reason

_HEADER = ("PatientID", "IssuerOfPatientID", "NewPatientID")
#: number of lists of objects that are read at once
_BATCH = 1_000
#: sample new IDs for a check; two, since a new ID must not be the original one
_SAMPLE_IDS = ("X", "Y")
#: reasons of objects with complete headers: if such a header names no patient, none is missed
_OF_WHOLE_HEADERS = {
    Reason.MISSING_SOP_CLASS_UID,
    Reason.MISSING_SOP_INSTANCE_UID,
    Reason.MISSING_STUDY_INSTANCE_UID,
    Reason.MISSING_SERIES_INSTANCE_UID,
    Reason.PRIVATE_SOP_CLASS,
    Reason.AUDIO,
}


@dataclass(frozen=True)
class PatientList:
    """Counts of a list of patients.

    Attributes:
        patients: number of patients in the list.
        known: number of patients left out because ``--patient-table`` has them.
        unlisted: number of patients left out because a table can't hold their IDs.
        objects: number of objects that name a patient.
        without_id: number of objects that should name a patient and don't.
        refused: number of objects that can't be read or parsed.
    """

    patients: int
    known: int
    unlisted: int
    objects: int
    without_id: int
    refused: int

    @property
    def is_complete(self) -> bool:
        """True if no patient whom a run might meet can be missing."""
        return not (self.unlisted or self.refused)


def write_patients(options: JobOptions, path: str, own_flags: Collection[str]) -> PatientList:
    """Write the archive's patients to a new CSV file: one row per patient, with an empty NewPatientID.

    All objects' headers are read, whatever the profile.

    Args:
        options: settings of a run: inputs, storage, options of Beam, and a patient table whose patients are left out.
        path: path of the new file.
        own_flags: as for ``runner.run``.

    Raises:
        UsageError: an option can't be used. Nothing was written.
        RunError: an input can't be listed, or the file can't be written.
        StorageUnavailableError: an input can't be read at the moment.
    """
    check_beam_args(options.beam_args, own_flags)
    if not options.inputs:
        raise UsageError("--input is missing")
    check_locations(options)
    check_patient_list(options, path)
    FileSystems.set_options(PipelineOptions(list(options.beam_args)))
    table = load_patient_table(options)
    archive, _ = survey_inputs(options)
    search = _Search(archive)
    search.read(listed_objects(options.inputs, options.name_of_input, archive))
    known = {patient for patient in search.patients if table is not None and table.find(patient) is not None}
    new = sorted(search.patients - known)
    try:
        written = create_private(path, partial(_write, patients=new))
    except FileExistsError:
        raise UsageError("--print-patients: the file exists and is not overwritten: choose another name") from None
    except OSError as error:
        raise cannot_write(error) or RunError(f"--print-patients: the file can't be written: {error.strerror}") from None
    return PatientList(written, len(known), len(new) - written, search.objects, search.without_id, search.refused)


class _Search:
    """Search for patients in headers. Memory grows with the number of patients, not of objects."""

    def __init__(self, archive: StoredArchive) -> None:
        self.patients: set[Patient] = set()
        self.objects = self.without_id = self.refused = 0
        self._archive = archive
        # no output leaves this process, so any key will do; objects with pixel risks name patients, too
        self._engine = Engine(ConfidentialityProfile.default(pixels=KEEP), Key.generate())

    def read(self, objects: Iterator[list[ObjectRef]]) -> None:
        """Read the headers of ``objects``, several at once if the storage is remote."""
        workers = WorkerThreads(self._archive.concurrency)
        try:
            while batch := list(islice(objects, _BATCH)):
                for found in workers.map(self._read_all, batch):
                    self._add(found)
        finally:
            workers.close()

    def _add(self, found: Iterable[Patient | Reason | None]) -> None:
        for one in found:
            if isinstance(one, Reason):
                self.refused += 1
            elif one is not None and one.patient_id:
                self.objects += 1
                self.patients.add(one)
            elif one is not None:
                self.without_id += 1

    def _read_all(self, refs: list[ObjectRef]) -> list[Patient | Reason | None]:
        found = [self._read_one(ref) for ref in refs]
        self._archive.release()
        return found

    def _read_one(self, ref: ObjectRef) -> Patient | Reason | None:
        """Return an object's patient, with or without an ID, or the reason why it is unknown; None if the object has none."""
        return result_or_reason(partial(self._scan, ref))

    def _scan(self, ref: ObjectRef) -> Patient | Reason | None:
        engine, size = self._engine, ref.size if ref.size >= 0 else None
        try:
            with self._archive.open(ref, header=True) as stream:
                scan = engine.scan(stream, uids=engine.uids, size=size, originals=True)
        except DeidentificationError as error:
            if error.reason in FILTERED:
                return None
            # a run consults the patient table before it refuses the object for another reason
            with self._archive.open(ref, header=True) as stream:
                refused = engine.patient_of(stream, size=size)
            is_known = refused is not None and (refused.patient_id or error.reason in _OF_WHOLE_HEADERS)
            return refused if is_known else error.reason
        assert scan.originals is not None
        if not compile_plan(engine.profile, scan.sop_class_uid).belongs_to_study:
            return None
        patient = Patient.of(scan.originals.patient_id, scan.originals.issuer)
        # bytes outside the object's character set were guessed here; a run refuses them
        return patient if engine.subjects.patient_hash(patient) == scan.patient else Reason.UNDECODABLE_TEXT


def _write(stream: BinaryIO, patients: Iterable[Patient]) -> int:
    """Write the table, and return the number of patients in it."""
    # with a byte order mark, so that spreadsheets read UTF-8
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    write_csv(text, [_HEADER], quoted=True)
    written = 0
    for patient in patients:
        if _can_hold(patient):
            write_csv(text, [(*patient, "")], quoted=True)
            written += 1
    text.flush()
    text.detach()
    return written


def _can_hold(patient: Patient) -> bool:
    """Return whether a run would find the patient in the filled-in table, by reading a table with the patient alone."""
    new = next(new for new in _SAMPLE_IDS if new != patient.patient_id)
    text = io.StringIO()
    write_csv(text, [_HEADER, (*patient, new)], quoted=True)
    try:
        found = PatientTable.load(text.getvalue().encode()).find(patient)
    except (PatientTableError, UnicodeEncodeError):
        return False
    return found is not None and found.patient_id == new
