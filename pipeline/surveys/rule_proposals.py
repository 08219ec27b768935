"""Proposals of pixel rules: what was blanked in images of one device and size, by the audit; the devices, by the headers."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from profiles import MAX_AREAS, PROPOSED, RULE_COLUMNS, Outcome, Rectangle, escape_formulas
from storage import StorageError
from transforms import PIXELS_TABLE, EarlierRun, TableError, checked_table

from ..errors import RunError
from .devices import Device
from .quarantined import FoundObject
from .recurring_rectangles import Blanked, Recurring, recurring

#: sources whose rectangles become rules: a rule's own are one already, and labels have a setting of theirs
SOURCES = ("file", "region", "text")
#: sizes of images, those that come first; objects of each that are looked at, those with the least keyed hashes of their names
MOST_SIZES, MOST_OBJECTS = 500, 1_000
#: rectangles of an object: one with more has no layout that a rule could have
_MOST_RECTANGLES = 256
_COLUMNS = ("source_id", "rows", "columns", "source", "x0", "y0", "x1", "y1")
_BATCH_ROWS = 8192
_RECTANGLE = struct.Struct("<B4H")
#: characters of a text that goes into a condition
_LONGEST = 128

Size = tuple[int, int]


class _SizeSample:
    """Objects of one size of image, in bounded memory: those with the least source ids, which are keyed hashes."""

    def __init__(self) -> None:
        self.objects: dict[bytes, bytearray] = {}
        self._limit = b"\xff" * 17

    def add(self, source_id: bytes, blanked: bytes) -> None:
        if source_id >= self._limit:
            return
        self.objects.setdefault(source_id, bytearray()).extend(blanked)
        if len(self.objects) > 2 * MOST_OBJECTS:
            self.trim()

    def trim(self) -> None:
        if len(self.objects) > MOST_OBJECTS:
            self._limit = sorted(self.objects)[MOST_OBJECTS]
            self.objects = {source_id: found for source_id, found in self.objects.items() if source_id < self._limit}


class CleanedObject(NamedTuple):
    """An object whose pixels were decided on.

    Attributes:
        rows, columns: of its frames.
        blanked: by the sources that count.
    """

    rows: int
    columns: int
    blanked: tuple[Blanked, ...]


def cleaned_objects(run: EarlierRun) -> dict[bytes, CleanedObject]:
    """Return a sample of the objects whose pixels a run decided on, by their source ids. Memory is bounded.

    Raises:
        RunError: a table can't be read.
    """
    samples: dict[Size, _SizeSample] = {}
    for name in run.files(PIXELS_TABLE):
        try:
            file = pq.ParquetFile(pa.BufferReader(checked_table(run.folder, name, run.digests[name])))
            for batch in file.iter_batches(_BATCH_ROWS, columns=list(_COLUMNS)):
                _add(samples, batch)
        except (TableError, StorageError) as error:
            raise RunError(f"--audit: {error}") from error
        except (pa.ArrowException, OSError, ValueError, KeyError, struct.error):
            raise RunError("--audit: a table is not a Parquet file of a run: restore it from a copy of the audit") from None
    found = {}
    for (rows, columns), sample in samples.items():
        sample.trim()
        for source_id, packed in sample.objects.items():
            found[source_id] = CleanedObject(rows, columns, tuple(_unpacked(bytes(packed))))
    return found


def _add(samples: dict[Size, _SizeSample], batch: pa.RecordBatch) -> None:
    columns = (batch.column(name).to_pylist() for name in _COLUMNS)
    for source_id, rows, width, source, *sides in zip(*columns, strict=True):
        sample = samples.get((rows, width))
        if sample is None:
            if len(samples) >= MOST_SIZES:
                continue
            sample = samples[rows, width] = _SizeSample()
        counts = source in SOURCES and None not in sides
        sample.add(bytes.fromhex(source_id), _RECTANGLE.pack(SOURCES.index(source), *sides) if counts else b"")


def _unpacked(packed: bytes) -> Iterator[Blanked]:
    if len(packed) <= _MOST_RECTANGLES * _RECTANGLE.size:
        for source, *sides in _RECTANGLE.iter_unpack(packed):
            yield Blanked(SOURCES[source], Rectangle(*sides))


class Layout(NamedTuple):
    """Objects for which one rule is proposed.

    Attributes:
        modality: ``""``: nothing is said, and ``sop_class_uid`` stands in its place.
    """

    modality: str
    sop_class_uid: str
    manufacturer: str
    model: str
    rows: int
    columns: int


@dataclass
class Proposals:
    """Proposed rules, and counts of devices and sizes for which there is none.

    Attributes:
        rules: rows of a file of rules, those of most objects first.
        too_few: with too few objects.
        without: in which no rectangle recurs.
        unnamed: that no condition can name.
    """

    rules: list[list[str]] = field(default_factory=list)
    too_few: int = 0
    without: int = 0
    unnamed: int = 0


def by_layout(
    found: Iterable[tuple[FoundObject, Device]], cleaned: dict[bytes, CleanedObject]
) -> dict[Layout, list[tuple[Blanked, ...]]]:
    """Return what was blanked in each object, by device and size."""
    groups: dict[Layout, list[tuple[Blanked, ...]]] = {}
    for one, device in found:
        pixels = cleaned[bytes.fromhex(one.row["source_id"])]
        modality = one.row["modality"] or ""
        sop_class = "" if modality else device.sop_class_uid
        layout = Layout(modality, sop_class, device.manufacturer, device.manufacturer_model_name, pixels.rows, pixels.columns)
        groups.setdefault(layout, []).append(pixels.blanked)
    return groups


def propose(groups: dict[Layout, list[tuple[Blanked, ...]]], run_id: str, least: int, share: float) -> Proposals:
    """Return proposed rules.

    Args:
        run_id: of the run that blanked.
        least: objects that a device and size must have.
        share: of them, in which a rectangle must stand: from 0 to 1.
    """
    proposals = Proposals()
    for layout, objects in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        if len(objects) < least:
            proposals.too_few += 1
            continue
        condition = condition_of(layout)
        if condition is None:
            proposals.unnamed += 1
            continue
        kept = sorted(recurring(objects, layout.rows, layout.columns, share), key=lambda one: -one.objects)[:MAX_AREAS]
        if not kept:
            proposals.without += 1
            continue
        cells = {
            "name": f"proposed-{len(proposals.rules) + 1:04}",
            "condition": condition,
            "rows": str(layout.rows),
            "columns": str(layout.columns),
            "outcome": Outcome.CLEAN.value,
            "blank": ";".join(_sides(one.rectangle) for one in kept),
            "provenance": _provenance(kept, len(objects), run_id),
        }
        proposals.rules.append([cells.get(column, "") for column in RULE_COLUMNS])
    return proposals


def condition_of(layout: Layout) -> str | None:
    """Return the condition that names a device; None where nothing names it, or what does can't stand in a file."""
    if not layout.model and not layout.manufacturer:
        return None
    keyword, code = ("Modality", layout.modality) if layout.modality else ("SOPClassUID", layout.sop_class_uid)
    tests = [f'{keyword} = "{code}"']
    for keyword, text in (("Manufacturer", layout.manufacturer), ("ManufacturerModelName", layout.model)):
        if len(text) > _LONGEST or not text.isprintable() or "\\" in text:
            return None
        quoted = text.replace('"', '""')
        tests.append(f'{keyword} = exactly "{quoted}"' if text else f"{keyword} is absent")
    condition = " and ".join(tests)
    # a spreadsheet must not run it, and an apostrophe in it would make it another condition
    return condition if escape_formulas(condition) == condition else None


def _sides(rectangle: Rectangle) -> str:
    return ",".join(map(str, rectangle))


def _provenance(kept: Sequence[Recurring], objects: int, run_id: str) -> str:
    said = "; ".join(
        f"{_sides(one.rectangle)} in {one.objects} of {objects} objects "
        f"({', '.join(f'{source} {count}' for source, count in one.sources.items())})"
        for one in kept
    )
    return f"{PROPOSED} proposal from run {run_id}: {said}. Replace this by who looked at which images"
