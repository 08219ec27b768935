"""Write the job's account when all is done: the number and sum of the listed objects, and the files of its tables."""

import json
import time
from collections.abc import Iterable

import apache_beam as beam
from apache_beam.pvalue import AsIter, AsList, PBegin, PCollection

from anonymizer.internals import Seal
from storage import TableFolder, check_running

from ..census.count_values import CensusCounts, CensusTotals
from ..engine_config import EngineConfig
from ..records import RefBatch
from ..sealed_json import seal_json
from ..sheet_counts import SheetCounts, SheetTotals
from ..source_sums import Sum, add_up, sum_of_sources
from ..tables.parquet_files import TableFile


class _SumOfBatch(beam.DoFn):
    def __init__(self, config: EngineConfig) -> None:
        self._config = config

    def setup(self) -> None:
        self._source_id = self._config.engine().pseudonyms.source_id

    def process(self, batch: RefBatch) -> Iterable[Sum]:
        yield sum_of_sources(self._source_id(ref.source) for ref in batch)


class SumOfSources(beam.PTransform[tuple[PCollection[RefBatch], ...], PCollection[Sum]]):
    """Collections of batches of objects -> their one ``sum_of_sources``; none where there is no batch."""

    def __init__(self, config: EngineConfig, more: tuple[PCollection[Sum], ...] = ()) -> None:
        """
        Args:
            more: sums of other listed objects.
        """
        super().__init__()
        self._config = config
        self._more = more

    def expand(self, objects: tuple[PCollection[RefBatch], ...]) -> PCollection[Sum]:
        sums = [
            batches | f"SumOfBatch{number}" >> beam.ParDo(_SumOfBatch(self._config)).with_output_types(Sum)
            for number, batches in enumerate(objects)
        ]
        return (*sums, *self._more) | beam.Flatten() | "Sum" >> beam.CombineGlobally(add_up).without_defaults()


#: a TableFile in a side input: some engines have these written by Beam's own coder, which would pickle it
PlainTableFile = tuple[str, int, str]


def _plain(file: TableFile) -> PlainTableFile:
    return file.name, file.rows, file.digest


def write_account(
    folder: TableFolder,
    name: str,
    listed: Sum,
    tables: Iterable[TableFile],
    seal: Seal,
    sheets: Iterable[SheetCounts] | None = None,
    census: Iterable[CensusCounts] | None = None,
) -> None:
    """Write the account.

    Args:
        sheets: counts of contact sheets; None: none were to be drawn.
        census: counts of the census; None: none was to be made.
    """
    count, sources = listed
    files = sorted(tables)
    content = {
        "listed": count,
        "written": int(time.time()),
        "sources": sources.hex(),
        "tables": {file.name: file.rows for file in files},
        "table_digests": {file.name: file.digest for file in files},
        "contact_sheets": None if sheets is None else SheetTotals.of(sheets)._asdict(),
        "census": None if census is None else CensusTotals.of(census)._asdict(),
    }
    folder.create(name, json.dumps(seal_json(name, content, [seal]), indent=1).encode())


class _Write(beam.DoFn):
    def __init__(self, folder: TableFolder, name: str, config: EngineConfig) -> None:
        self._folder = folder
        self._name = name
        self._config = config

    def process(
        self,
        _: bytes,
        listed: Iterable[Sum],
        tables: list[PlainTableFile],
        sheets: list[SheetCounts] | None = None,
        census: list[CensusCounts] | None = None,
    ) -> Iterable[bool]:
        check_running()
        files = [TableFile(name, rows, digest) for name, rows, digest in tables]
        write_account(self._folder, self._name, add_up(listed), files, self._config.seal(), sheets, census)
        yield True


class WriteAccount(beam.PTransform[PBegin, PCollection[bool]]):
    """Write a JSON file when the listing is summed up and all tables are written; yield one True."""

    def __init__(
        self,
        listed: PCollection[Sum],
        tables: PCollection[TableFile],
        folder: TableFolder,
        name: str,
        config: EngineConfig,
        sheets: PCollection[SheetCounts] | None = None,
        census: PCollection[CensusCounts] | None = None,
    ) -> None:
        """
        Args:
            sheets, census: counts of contact sheets and census, where these are made: it waits for them.
        """
        super().__init__()
        self._listed, self._tables = listed, tables
        self._more = {name: counts for name, counts in (("sheets", sheets), ("census", census)) if counts is not None}
        self._write = _Write(folder, name, config)

    def expand(self, pbegin: PBegin) -> PCollection[bool]:
        tables = self._tables | "Tables" >> beam.Map(_plain)
        more = {name: AsList(counts) for name, counts in self._more.items()}
        write = beam.ParDo(self._write, AsIter(self._listed), AsList(tables), **more)
        return pbegin | "Once" >> beam.Impulse() | "Write" >> write
