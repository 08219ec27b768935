"""Draw the sampled objects by groups, and write pages, index and verdicts. What can't be drawn is counted, and ends no run."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection

from anonymizer.internals import Engine
from storage import Archive, EndOfRunError, check_running

from ..concurrency import reading_order
from ..engine_config import EngineConfig
from ..metrics import StorageCounters
from ..sheet_counts import SheetCounts, SheetTotals
from ..shuffle.record_coder import PackedRecordCoder, register_record
from ..shuffle.spread_elements import SpreadElements
from .draw_object import DrawnObject, draw_object
from .sample_objects import SheetGroup, SheetObject, SheetSample
from .sheet_groups import SheetKind, kind_of
from .sheet_page import IndexLine, PageHead, render_index, render_page
from .sheets_target import INDEX, VERDICTS, SheetsTarget, page_name
from .verdicts import Verdict, verdicts_file

_ALL = b""


class PageTask(NamedTuple):
    """A page to be drawn.

    Attributes:
        number: of the page, from 1 on.
        pages: how many there are.
        others: objects of groups that have no page.
    """

    number: int
    pages: int
    group: SheetGroup
    others: int


class DrawnPage(NamedTuple):
    """A page that was drawn.

    Attributes:
        number: of the page, from 1 on.
        is_written: it is in the folder.
        objects: how many its group has.
        drawn, frames, not_drawn: objects and frames that are on it, and chosen objects that are not.
        first: the object that tells what the group has in common.
        verdicts: lines for its objects.
        others: as in PageTask.
    """

    number: int
    is_written: bool
    objects: int
    drawn: int
    frames: int
    not_drawn: int
    first: SheetObject
    verdicts: list[Verdict]
    others: int


register_record(PageTask, PackedRecordCoder)
register_record(DrawnPage, PackedRecordCoder)


def page_tasks(sample: SheetSample) -> Iterator[PageTask]:
    """Yield the pages of a sample."""
    for number, group in enumerate(sample.groups, 1):
        yield PageTask(number, len(sample.groups), group, sample.others)


def write_page(task: PageTask, archive: Archive, engine: Engine, target: SheetsTarget) -> DrawnPage:
    """Draw the objects of a group, write their page, and return what is on it.

    Raises:
        EndOfRunError: the run ends.
    """
    group = task.group
    drawn = list(_drawn(archive, engine, group.sample))
    head = PageHead(task.number, task.pages, group.objects, len(group.sample), target.run_id)
    is_written = _written(target, page_name(task.number), render_page(head, _kind(archive, engine, group.sample[0]), drawn))
    shown = drawn if is_written else []
    return DrawnPage(
        number=task.number,
        is_written=is_written,
        objects=group.objects,
        drawn=len(shown),
        frames=sum(len(one.drawn) for one in shown),
        not_drawn=len(group.sample) - len(shown),
        first=group.sample[0],
        verdicts=[verdict for one in shown if (verdict := Verdict.of(one)) is not None],
        others=task.others,
    )


def write_index(pages: Iterable[DrawnPage], archive: Archive, engine: Engine, target: SheetsTarget) -> SheetCounts:
    """Write the index and the verdicts of all pages, and return their counts.

    Raises:
        EndOfRunError: the run ends.
    """
    found = sorted(pages)
    # names of devices go from no worker to another one
    lines = [
        IndexLine(page.number * page.is_written, _kind(archive, engine, page.first), page.objects, page.drawn, page.not_drawn)
        for page in found
    ]
    others = found[0].others if found else 0
    names = {
        INDEX: render_index(target.run_id, lines, others),
        VERDICTS: verdicts_file(verdict for page in found for verdict in page.verdicts),
    }
    failed = sum(not page.is_written for page in found) + sum(not _written(target, *file) for file in names.items())
    totals = SheetTotals(
        pages=sum(page.is_written for page in found),
        objects=sum(page.drawn for page in found),
        frames=sum(page.frames for page in found),
        not_drawn=sum(page.not_drawn for page in found),
        files_failed=failed,
        other_objects=others,
    )
    return (*totals,)


def _kind(archive: Archive, engine: Engine, one: SheetObject) -> SheetKind:
    check_running()
    return kind_of(archive, engine, one.ref, one.pixels.rows, one.pixels.columns)


def _drawn(archive: Archive, engine: Engine, sample: Sequence[SheetObject]) -> Iterator[DrawnObject]:
    """Yield the objects that can be drawn."""
    for several in reading_order(sample, lambda one: one.ref):
        for one in several:
            check_running()
            try:
                yield draw_object(archive, engine, one)
            except EndOfRunError:
                raise
            except Exception:  # whatever is wrong with an object or a decoder; what it says may hold values
                continue
        archive.release()


def _written(target: SheetsTarget, name: str, content: bytes) -> bool:
    try:
        target.create(name, content)
    except Exception:  # a full disk, say: the outputs don't depend on it. Nothing is written that isn't encrypted as it should be
        return False
    return True


class _WritePage(beam.DoFn):
    def __init__(self, archive: Archive, config: EngineConfig, target: SheetsTarget) -> None:
        self._archive = archive
        self._config = config
        self._target = target
        self._operations = StorageCounters(archive)

    def process(self, task: PageTask) -> Iterator[tuple[bytes, DrawnPage]]:
        yield _ALL, write_page(task, self._archive, self._config.engine(), self._target)
        self._operations.update()


class _WriteIndex(beam.DoFn):
    def __init__(self, archive: Archive, config: EngineConfig, target: SheetsTarget) -> None:
        self._archive = archive
        self._config = config
        self._target = target

    def process(self, pages: tuple[bytes, Iterable[DrawnPage]]) -> Iterator[SheetCounts]:
        yield write_index(pages[1], self._archive, self._config.engine(), self._target)


class WriteSheets(beam.PTransform[PCollection[SheetSample], PCollection[SheetCounts]]):
    """Sample -> SheetCounts: pages, index and verdicts are in the folder."""

    def __init__(self, archive: Archive, config: EngineConfig, target: SheetsTarget) -> None:
        super().__init__()
        self._page = _WritePage(archive, config, target)
        self._index = _WriteIndex(archive, config, target)

    def expand(self, sample: PCollection[SheetSample]) -> PCollection[SheetCounts]:
        return (
            sample
            | "Tasks" >> beam.FlatMap(page_tasks)
            | "Spread" >> SpreadElements(PageTask)
            | "Pages" >> beam.ParDo(self._page)
            | "Together" >> beam.GroupByKey()
            | "Index" >> beam.ParDo(self._index).with_output_types(SheetCounts)
        )
