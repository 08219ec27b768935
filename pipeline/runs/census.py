"""The restricted census: the target of a run, and a reader that joins values and counts, the rarest first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.internals import Seal
from storage import Folder
from transforms import (
    ALL_OBJECTS,
    CENSUS_COUNTS,
    CENSUS_VALUES,
    COUNTS_SCHEMA,
    VALUES_SCHEMA,
    CensusTarget,
    EngineConfig,
    shard_of,
)

from ..errors import RunError, UsageError
from ..options import JobOptions
from ..reports.content import KeptValue, KeptValues
from .restricted_places import restricted_place
from .sealed_tables import SealedTables

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: values that are joined: what a reader keeps in memory, about 300 bytes each
MOST_VALUES = 1_000_000
_WHAT = "the census"
#: the order of values: by it the same are left out, whatever the order of the files
_RAREST = [("patients", "ascending"), ("instances", "ascending"), ("value_hash", "ascending")]


def census_target(options: JobOptions, run_id: str, config: EngineConfig) -> CensusTarget | None:
    """Create the folder of the census, and return the run's target; None if none is requested.

    Raises:
        UsageError: the certificate or the folder can't be used.
    """
    census = options.census
    if census.folder is None:
        return None
    place = restricted_place(options, "--census", census.folder, "--census-certificate", census.certificate)
    return CensusTarget.of(place.folder, run_id, config, place.certificate)


class Census(NamedTuple):
    """The census of a run.

    Attributes:
        run_id: the run's.
        lines: the rarest values, the rarest first.
        values: number of all distinct values.
        objects: objects whose values were counted.
        patients: their patients.
        patients_exact: False: ``patients`` is an estimate.
    """

    run_id: str
    lines: list[KeptValue]
    values: int
    objects: int
    patients: int
    patients_exact: bool


class CensusFolder:
    """The files of all runs in a census's folder.

    Attributes:
        encrypted: True if a file is encrypted.
        run_ids: of the runs that have a census there, the oldest first.
    """

    def __init__(self, folder: Folder, seals: Collection[Seal]) -> None:
        """List the files.

        Args:
            seals: seals of the runs' keys.

        Raises:
            RunError: the folder can't be listed.
            UsageError: there is no census.
        """
        self._values, self._counts = (SealedTables(folder, kind, _WHAT, seals) for kind in (CENSUS_VALUES, CENSUS_COUNTS))
        self.run_ids = sorted({name.removeprefix(CENSUS_COUNTS).partition("-")[0] for name in self._counts.names})
        if not self.run_ids:
            raise UsageError("--census: the folder has no census that a run has finished")
        self.encrypted = self._values.encrypted or self._counts.encrypted

    def read(self, run_id: str, keys: list[RSAPrivateKey], most: int = MOST_VALUES) -> Census:
        """Return a run's census.

        Args:
            keys: private keys for encrypted files.
            most: values at most; the rarest count.

        Raises:
            RunError: a file can't be read or decrypted, no run with one of the keys wrote it, or values are missing.
        """
        counts, values = self._rarest(run_id, keys, most)
        of_all = counts.filter(pc.equal(counts["value_hash"], _hash(ALL_OBJECTS))).to_pylist()
        counts = counts.filter(pc.not_equal(counts["value_hash"], _hash(ALL_OBJECTS)))
        lines = list(self._lines(run_id, keys, counts.slice(0, most)))
        if not of_all or len(lines) != min(most, values):
            raise RunError("the census is not whole: files are missing; restore them from a copy, or run again")
        lines.sort(key=lambda line: (line.patients, line.instances, line.attribute, line.value, line.before or ""))
        (totals,) = of_all
        return Census(run_id, lines, values, totals["instances"], totals["patients"], totals["patients_exact"])

    def _rarest(self, run_id: str, keys: list[RSAPrivateKey], most: int) -> tuple[pa.Table, int]:
        """Return the counts of the rarest values, and that of all objects; and the number of all distinct values."""
        rarest = totals = COUNTS_SCHEMA.empty_table()
        number = 0
        for table in self._count_tables(run_id, keys):
            is_total = pc.equal(table["value_hash"], _hash(ALL_OBJECTS))
            totals = pa.concat_tables([totals, table.filter(is_total)])
            table = table.filter(pc.invert(is_total))
            number += table.num_rows
            rarest = pa.concat_tables([rarest, table])
            if rarest.num_rows > 2 * most:
                rarest = rarest.sort_by(_RAREST).slice(0, most)
        return pa.concat_tables([rarest.sort_by(_RAREST).slice(0, most), totals]), number

    def _count_tables(self, run_id: str, keys: list[RSAPrivateKey]) -> Iterator[pa.Table]:
        """Yield the counts of a run, each once: a bundle that was repeated wrote all that it counted once more."""
        seen: dict[bytes, str] = {}
        for name in self._counts.of_run(run_id):
            for table in self._counts.tables(name, keys, (COUNTS_SCHEMA.names,)):
                beginnings = pc.binary_slice(table["value_hash"].cast(pa.binary()), 0, 2)
                # all values of a part were counted, and written, at once
                again = [one for one in pc.unique(beginnings).to_pylist() if seen.setdefault(shard_of(one), name) != name]
                yield table.filter(pc.invert(pc.is_in(beginnings, pa.array(again, pa.binary())))) if again else table

    def _lines(self, run_id: str, keys: list[RSAPrivateKey], counts: pa.Table) -> Iterator[KeptValue]:
        numbers = {row.pop("value_hash"): row for row in counts.to_pylist()}
        wanted = counts["value_hash"].combine_chunks()
        for name in self._values.of_run(run_id):
            for table in self._values.tables(name, keys, (VALUES_SCHEMA.names,)):
                for row in table.filter(pc.is_in(table["value_hash"], wanted)).to_pylist():
                    value_hash = row.pop("value_hash")
                    if (found := numbers.pop(value_hash, None)) is not None:
                        yield KeptValue(**row, **found, value_hash=value_hash.hex())


def _hash(value: bytes) -> pa.Scalar:
    return pa.scalar(value, COUNTS_SCHEMA.field("value_hash").type)


def kept_values(census: CensusFolder, account: Mapping[str, Any], keys: list[RSAPrivateKey]) -> KeptValues:
    """Return the rarest values of a run's census, as reports have them.

    Args:
        account: the run's.
        keys: private keys for encrypted files.

    Raises:
        RunError: it can't be read, or isn't the one that the run made.
    """
    from ..reports.review import MOST_VALUES

    found = census.read(account["run_id"], keys, MOST_VALUES)
    if account.get("census") != {"values": found.values, "objects": found.objects}:
        raise RunError("the census is not the one that the run made: files are missing; restore them from a copy, or run again")
    return KeptValues(found.lines, found.values, found.objects)
