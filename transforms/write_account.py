"""What the job says of itself when all is done: what was listed, and which files are its tables."""

import json
import time
from collections.abc import Iterable

import apache_beam as beam
from apache_beam.pvalue import AsIter, AsList, PBegin, PCollection

from anonymizer import Seal

from .engine_config import EngineConfig
from .list_objects import Batch
from .records import ObjectRef
from .sealed_json import seal_json
from .stopping import check_running
from .storage import TableFolder
from .write_tables import TableFile

_BYTES = 16

#: how many objects, and the sum of their source ids modulo 2 to the power of 128: bytes, for Beam's integers are shorter
Sum = tuple[int, bytes]


def add_up(sums: Iterable[Sum]) -> Sum:
    """The sum of sums."""
    count = total = 0
    for more, ids in sums:
        count, total = count + more, total + int.from_bytes(ids, "big")
    return count, _sum_as_bytes(total)


def _sum_as_bytes(total: int) -> bytes:
    return (total % (1 << 8 * _BYTES)).to_bytes(_BYTES, "big")


def sum_of_sources(source_ids: Iterable[str]) -> Sum:
    """Count and sum of source ids.

    They are keyed hashes of 128 bits: two collections with one sum are the same, however large, and neither need be in memory.
    """
    numbers = [int(source_id, 16) for source_id in source_ids]
    return len(numbers), _sum_as_bytes(sum(numbers))


class _SumOfBatch(beam.DoFn):
    def __init__(self, config: EngineConfig) -> None:
        self._config = config

    def setup(self) -> None:
        self._source_id = self._config.engine().pseudonyms.source_id

    def process(self, batch: Batch) -> Iterable[Sum]:
        yield sum_of_sources(self._source_id(ObjectRef(*fields).source) for fields in batch)


class SumOfSources(beam.PTransform[tuple[PCollection[Batch], ...], PCollection[Sum]]):
    """Collections of batches of ObjectRef tuples -> their one ``sum_of_sources``; none where there is no batch."""

    def __init__(self, config: EngineConfig, more: tuple[PCollection[Sum], ...] = ()) -> None:
        """
        Args:
            more: sums of what else was listed.
        """
        super().__init__()
        self._config = config
        self._more = more

    def expand(self, objects: tuple[PCollection[Batch], ...]) -> PCollection[Sum]:
        sums = [
            batches | f"SumOfBatch{number}" >> beam.ParDo(_SumOfBatch(self._config)).with_output_types(Sum)
            for number, batches in enumerate(objects)
        ]
        return (*sums, *self._more) | beam.Flatten() | "Sum" >> beam.CombineGlobally(add_up).without_defaults()


def write_account(folder: TableFolder, name: str, listed: Sum, tables: Iterable[tuple[str, int, str]], seal: Seal) -> None:
    """Write the account."""
    count, sources = listed
    files = [TableFile(*fields) for fields in sorted(tables)]
    content = {
        "listed": count,
        "written": int(time.time()),
        "sources": sources.hex(),
        "tables": {file.name: file.rows for file in files},
        "table_digests": {file.name: file.digest for file in files},
    }
    folder.create(name, json.dumps(seal_json(name, content, [seal]), indent=1).encode())


class _Write(beam.DoFn):
    def __init__(self, folder: TableFolder, name: str, config: EngineConfig) -> None:
        self._folder = folder
        self._name = name
        self._config = config

    def process(self, _: bytes, listed: Iterable[Sum], tables: list[tuple[str, int, str]]) -> Iterable[bool]:
        check_running()
        write_account(self._folder, self._name, add_up(listed), tables, self._config.seal())
        yield True


class WriteAccount(beam.PTransform[PBegin, PCollection[bool]]):
    """Writes a JSON file when the listing is summed up and all tables are written; yields one True."""

    def __init__(
        self,
        listed: PCollection[Sum],
        tables: PCollection[tuple[str, int, str]],
        folder: TableFolder,
        name: str,
        config: EngineConfig,
    ) -> None:
        super().__init__()
        self._inputs = (AsIter(listed), AsList(tables))
        self._write = _Write(folder, name, config)

    def expand(self, pbegin: PBegin) -> PCollection[bool]:
        return pbegin | "Once" >> beam.Impulse() | "Write" >> beam.ParDo(self._write, *self._inputs)
