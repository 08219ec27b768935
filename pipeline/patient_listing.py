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

from anonymizer import FILTERED, DeidentificationError, Engine, Key, Patient, PatientTable, PatientTableError
from profiles import KEEP, ConfidentialityProfile, compile_plan
from transforms import EndOfRunError, ObjectRef, Workers, again

from .archive import StoredArchive
from .beam_args import check_beam_args
from .errors import RunError, UsageError
from .manifests import ManifestError
from .options import JobOptions, check_locations, check_patient_list, input_option
from .private_file import create_private
from .safe_csv import write_csv
from .storage import FileReader, StorageError, cannot_write, scheme_of
from .workload import look

_HEADER = ("PatientID", "IssuerOfPatientID", "NewPatientID")
#: lists of objects that are under way at once
_BATCH = 1_000
#: what stands for new IDs that nobody knows yet; no ID may be new and original
_TRIED = ("X", "Y")


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


def print_patients(options: JobOptions, path: str, own_flags: Collection[str]) -> PatientList:
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
    archive, _ = look(options)
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
    source = options.patient_table
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
        option = input_option(options, location[0])
        try:
            for ref in archive.look(location):
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
        workers = Workers(self._archive.concurrency)
        try:
            while batch := list(islice(objects, _BATCH)):
                for found in workers.map(self._read_all, batch):
                    self._add(found)
        finally:
            workers.close()

    def _add(self, found: Iterable[Patient | DeidentificationError | None]) -> None:
        for one in found:
            if isinstance(one, Patient):
                self.objects += 1
                self.without_id += not one.patient_id
                if one.patient_id:
                    self.patients.add(one)
            elif one is not None:
                self.refused += one.reason not in FILTERED

    def _read_all(self, refs: list[ObjectRef]) -> list[Patient | DeidentificationError | None]:
        found = [self._read_one(ref) for ref in refs]
        self._archive.release()
        return found
