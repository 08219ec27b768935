"""The place of a census: files of values, and files of counts, which keyed hashes join."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from profiles import VALUE_HASH_SIZE
from storage import TableTarget

from ..engine_config import EngineConfig
from ..restricted.sealed_files import SealedFiles

#: the beginnings of the names of its files
CENSUS_VALUES, CENSUS_COUNTS = "census-values-", "census-counts-"

#: a value may have several rows, all alike
VALUES_SCHEMA = pa.schema(
    [
        pa.field("value_hash", pa.binary(VALUE_HASH_SIZE), nullable=False),
        pa.field("attribute", pa.string(), nullable=False),
        pa.field("keyword", pa.string(), nullable=False),
        pa.field("vr", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("before", pa.string()),
    ]
)
COUNTS_SCHEMA = pa.schema(
    [
        pa.field("value_hash", pa.binary(VALUE_HASH_SIZE), nullable=False),
        pa.field("patients", pa.int64(), nullable=False),
        pa.field("patients_exact", pa.bool_(), nullable=False),
        pa.field("instances", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class CensusTarget:
    """The place of a run's census. Picklable.

    Attributes:
        values, counts: its files in the folder that was named.
    """

    values: SealedFiles
    counts: SealedFiles

    @classmethod
    def of(cls, folder: TableTarget, run_id: str, config: EngineConfig, certificate: bytes = b"") -> CensusTarget:
        """Return the place of a run's census in a folder.

        Args:
            certificate: of the only reader, DER; empty: files are not encrypted.
        """
        kinds = (SealedFiles(folder, kind, run_id, config, certificate) for kind in (CENSUS_VALUES, CENSUS_COUNTS))
        return cls(*kinds)
