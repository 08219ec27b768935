"""The engine: DICOM in, de-identified DICOM and a report out. Knows no Beam."""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING

from .anonymizer import Anonymizer, anonymize_file
from .errors import DeidentificationError, SecretError
from .identity.patients import PatientTable, PatientTableError
from .keys.key import Key
from .keys.key_files import create_key_file
from .reasons import Note, Reason
from .report import AttributeAction, Report

#: for users; ``internals`` has what the project's other packages need besides
__all__ = [
    "Anonymizer",
    "AttributeAction",
    "DeidentificationError",
    "Key",
    "Note",
    "PatientTable",
    "PatientTableError",
    "Reason",
    "Report",
    "SecretError",
    "anonymize_file",
    "create_key_file",
]

# type checkers refuse names that aren't here any more
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Return what this package exported in former versions, with a warning."""
        new_name = {"PASSING": "TRANSIENT_REASONS"}.get(name, name)
        if not name.startswith("_") and hasattr(internals := import_module(".internals", __name__), new_name):
            place = f"{internals.__name__}.{new_name}"
            warnings.warn(f"{__name__}.{name} is not public any more, and is {place} now", DeprecationWarning, stacklevel=2)
            return getattr(internals, new_name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
