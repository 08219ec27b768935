"""The patients of an archive, as a table to fill in for ``--patient-table``: it holds identifiers, and is restricted."""

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
    EndOfRunError,
    FileReader,
    ManifestError,
    ObjectRef,
    StorageError,
    StoredArchive,
    TransientError,
    cannot_write,
    create_private,
    retry_transient,
    scheme_of,
)
from transforms import WorkerThreads

from ..beam_args import check_beam_args
from ..errors import RunError, UsageError
from ..options import JobOptions
from ..place_checks import check_locations, check_patient_list
from ..runs.workload import survey_inputs
from ..safe_csv import write_csv

_HEADER = ("PatientID", "IssuerOfPatientID", "NewPatientID")
#: lists of objects that are under way at once
_BATCH = 1_000
#: what stands for new IDs that nobody knows yet; no ID may be new and original
_TRIED = ("X", "Y")
#: why objects are refused whose headers are whole: where these name no patient, none is missed
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
    """What was written of an archive's patients, and what was not.

    Attributes:
        patients: how many are in the table.
        known: how many others have a row in the table of patients that was given.
        unlisted: how many others have IDs that no table can hold.
        objects: how many objects name a patient.
        without_id: how many name none, and should.
        refused: how many can't be read, or understood.
    """

    patients: int
    known: int
    unlisted: int
    objects: int
    without_id: int
    refused: int

    @property
    def is_whole(self) -> bool:
        """Whether nobody can be missing whom a run might meet."""
        return not (self.unlisted or self.refused)


def write_patients(options: JobOptions, path: str, own_flags: Collection[str]) -> PatientList:
    """Write the archive's patients to a new CSV file, a row for each, NewPatientID empty; by its headers, whatever the profile.

    Args:
        options: inputs, how storage is reached, a table of patients that are to be left out, and Beam's options.
        own_flags: as for ``runner.run``.

    Raises:
        UsageError: found before any work.
        RunError: an input can't be listed, or the file not written.
        StorageUnavailableError: the place where the objects lie can't be read.
    """
    check_beam_args(options.beam_args, own_flags)
    if not options.inputs:
        raise UsageError("--input is missing")
    check_locations(options)
    check_patient_list(options, path)
    FileSystems.set_options(PipelineOptions(list(options.beam_args)))
    table = _table(options)
    archive, _ = survey_inputs(options)
    search = _Search(archive)
    search.read(_objects(options, archive))
    known = {patient for patient in search.patients if table is not None and table.find(patient) is not None}
    new = sorted(search.patients - known)
    try:
        written = create_private(path, partial(_write, patients=new))
    except FileExistsError:
        raise UsageError("--print-patients: there is such a file, and it is not overwritten: choose another name") from None
    except OSError as error:
        raise cannot_write(error) or RunError(f"--print-patients: it can't be written: {error.strerror}") from None
    return PatientList(written, len(known), len(new) - written, search.objects, search.without_id, search.refused)


def _table(options: JobOptions) -> PatientTable | None:
    source = options.engine.patient_table
    if source is None:
        return None
    try:
        return PatientTable.load(FileReader(options.storage)(source) if scheme_of(source) else source)
    except FileNotFoundError:
        raise UsageError("--patient-table doesn't exist") from None
    except (PatientTableError, StorageError) as error:
        raise UsageError(f"--patient-table: {error}") from None


def _objects(options: JobOptions, archive: StoredArchive) -> Iterator[list[ObjectRef]]:
    """All objects of the inputs, in lists, each for one thread; members of zips and tars among them.

    Raises:
        RunError: an input can't be listed.
    """
    for location in enumerate(options.inputs):
        option = options.name_of_input(location[0])
        try:
            for ref in archive.preview(location):
                if archive.is_container(ref.name):
                    yield from archive.members(ref)
                else:
                    yield [ref]
        except (StorageError, ManifestError) as error:
            raise RunError(f"{option}: {error}") from error
        except OSError as error:
            raise RunError(f"{option} can't be read: {error.strerror}") from error


class _Search:
    """Collects patients from headers. Memory grows with the patients, not with the objects."""

    def __init__(self, archive: StoredArchive) -> None:
        self.patients: set[Patient] = set()
        self.objects = self.without_id = self.refused = 0
        self._archive = archive
        # nothing that it makes leaves this process: any key does; and who is refused for pixels is a patient, too
        self._engine = Engine(ConfidentialityProfile.default(pixels=KEEP), Key.generate())

    def read(self, objects: Iterator[list[ObjectRef]]) -> None:
        """Read the headers of ``objects``, several at once where that is worth it."""
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
        """The patient whom an object names, by an ID or not; why it can't be told; None: no patient's, or no DICOM object."""
        try:
            return retry_transient(partial(self._look, ref))
        except EndOfRunError:
            raise
        except DeidentificationError as error:
            return error.reason
        except (OSError, TransientError):
            return Reason.UNREADABLE
        except Exception:  # one bad object must not end it; what it says may hold values
            return Reason.INTERNAL_ERROR

    def _look(self, ref: ObjectRef) -> Patient | Reason | None:
        engine, size = self._engine, ref.size if ref.size >= 0 else None
        try:
            with self._archive.open(ref, header=True) as stream:
                scan = engine.scan(stream, uids=engine.uids, size=size, originals=True)
        except DeidentificationError as error:
            if error.reason in FILTERED:
                return None
            # a run asks the table first, whatever else it refuses the object for
            with self._archive.open(ref, header=True) as stream:
                refused = engine.patient_of(stream, size=size)
            is_told = refused is not None and (refused.patient_id or error.reason in _OF_WHOLE_HEADERS)
            return refused if is_told else error.reason
        assert scan.originals is not None
        if not compile_plan(engine.profile, scan.sop_class_uid).belongs_to_study:
            return None
        patient = Patient.of(scan.originals.patient_id, scan.originals.issuer)
        # what isn't in the object's character set was guessed: a run doesn't
        return patient if engine.facts.patient_hash(patient) == scan.patient else Reason.UNDECODABLE_TEXT


def _write(stream: BinaryIO, patients: Iterable[Patient]) -> int:
    """Write the table; how many of ``patients`` it can name."""
    # by its first bytes spreadsheets know that it is UTF-8
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    write_csv(text, [_HEADER], quoted=True)
    written = 0
    for patient in patients:
        if _is_read(patient):
            write_csv(text, [(*patient, "")], quoted=True)
            written += 1
    text.flush()
    text.detach()
    return written


def _is_read(patient: Patient) -> bool:
    """Whether a run would find that patient in the table, once it is filled in: only the reader knows all that it refuses."""
    new = next(new for new in _TRIED if new != patient.patient_id)
    text = io.StringIO()
    write_csv(text, [_HEADER, (*patient, new)], quoted=True)
    try:
        found = PatientTable.load(text.getvalue().encode()).find(patient)
    except (PatientTableError, UnicodeEncodeError):
        return False
    return found is not None and found.patient_id == new
