"""The patient table that ``--patient-table`` names."""

from anonymizer import PatientTable, PatientTableError
from storage import FileReader, StorageError, scheme_of

from ..errors import UsageError
from ..options import JobOptions


def load_patient_table(options: JobOptions) -> PatientTable | None:
    """Return the patient table; None where none is named.

    Raises:
        UsageError: it can't be read or used.
    """
    source = options.engine.patient_table
    if source is None:
        return None
    try:
        return PatientTable.load(FileReader(options.storage)(source) if scheme_of(source) else source)
    except FileNotFoundError:
        raise UsageError("--patient-table doesn't exist") from None
    except (PatientTableError, StorageError) as error:
        raise UsageError(f"--patient-table: {error}") from None
