"""Text looked for before a run, object by object, and the lines for ``--rectangles`` that say what is to be blanked."""

from __future__ import annotations

import contextlib
import csv
import errno
import fcntl
import hashlib
import io
import json
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from io import FileIO
from itertools import islice
from typing import BinaryIO, NamedTuple

from anonymizer import Reason
from anonymizer.internals import SOP_INSTANCE, Engine, PixelDecision
from profiles import MAX_AREAS, Outcome, Rectangle, union
from storage import ObjectRef, StoredArchive, create_private
from transforms import WorkerThreads

from .reasons import result_or_reason

#: columns of the file, which ``--rectangles`` reads
COLUMNS = ("instance_hash", "rows", "columns", "blank", "outcome", "reviewer")
#: end of the name of the journal, which holds what was done so far
JOURNAL = ".part"
_BATCH = 256
#: reasons by which a search ends: the object has a line then, and is refused by it
_REFUSED_BY_SEARCH = frozenset({Reason.PIXEL_TEXT_NOT_FOUND, Reason.PIXEL_TEXT_TIMEOUT, Reason.PIXEL_TEXT_REMAINS})


class JournalError(Exception):
    """A journal that can't be gone on with: other settings began it, or it is none."""


class DetectedText(NamedTuple):
    """Counts of a search.

    Attributes:
        objects: all that were read.
        outcomes: lines by their outcomes.
        known: objects that were looked at by an earlier call.
        refused: objects without a line, for a run refuses them, by reason.
    """

    objects: int
    outcomes: Counter[str]
    known: int
    refused: Counter[str]


class _Line(NamedTuple):
    """A line of the journal.

    Attributes:
        source: keyed hash of the source name and version.
        blank: as a cell of the file.
    """

    source: str
    instance_hash: str
    rows: int
    columns: int
    blank: str
    outcome: str


def detect_text(
    path: str,
    objects: Iterator[list[ObjectRef]],
    archive: StoredArchive,
    engine: Engine,
    reviewer: str,
    note: Callable[[int], None],
) -> DetectedText:
    """Look for text in objects that a run would look at, and write a line for each to a new file (0600).

    What was done is in a journal beside it, from which a later call goes on. Memory grows with the number of lines.

    Args:
        objects: in lists that one thread each will read.
        engine: with a profile that looks for text.
        reviewer: who found the rectangles.
        note: gets the number of objects so far.

    Raises:
        FileExistsError: there is something of that name.
        JournalError: the journal is of other settings.
        OSError: the file or its journal can't be written.
    """
    if os.path.lexists(path):
        raise FileExistsError
    settings = json.dumps([engine.profile.digest, engine.uids.hash(b"").hex()])
    head = f"{hashlib.sha256(settings.encode()).hexdigest()}\n"
    with _opened_journal(path + JOURNAL) as journal:
        done = _read_journal(journal, head)
        counts = _search_all(objects, archive, engine, journal, {line.source for line in done}, note)
        os.fsync(journal.fileno())
        lines = _merged(_read_journal(journal, head))
        create_private(path, partial(_write, lines=lines, reviewer=reviewer))
        os.unlink(path + JOURNAL)
    return counts._replace(outcomes=Counter(line.outcome for line in lines))


@contextlib.contextmanager
def _opened_journal(path: str) -> Iterator[FileIO]:
    """Open the journal, which no other process has open, to append to it.

    Raises:
        JournalError: another one has, or it is no file of this user's alone.
        OSError: it can't be opened or written.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        # a link
        raise (JournalError() if error.errno == errno.ELOOP else error) from None
    with open(handle, "r+b", buffering=0) as journal:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise JournalError
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError from None
        yield journal


def _read_journal(journal: FileIO, head: str) -> list[_Line]:
    """Return the lines of a journal, and cut off one that wasn't finished. A new journal gets its head.

    Raises:
        JournalError: it is none, or has another head.
    """
    journal.seek(0)
    content = journal.read()
    if not content:
        journal.write(head.encode())
        return []
    if not content.startswith(head.encode()):
        raise JournalError
    whole = content[: content.rfind(b"\n") + 1]
    try:
        rows = list(csv.reader(whole[len(head) :].decode("ascii").splitlines()))
        lines = [_Line(source, instance, int(rows_), int(columns), *rest) for source, instance, rows_, columns, *rest in rows]
    except (TypeError, ValueError, csv.Error):
        raise JournalError from None
    journal.truncate(len(whole))
    return lines


def _merged(lines: Iterable[_Line]) -> list[_Line]:
    """Return one line for each instance and size: of different objects with one UID the strictest outcome and all rectangles."""
    found: dict[tuple[str, int, int], _Line] = {}
    for line in lines:
        key = line.instance_hash, line.rows, line.columns
        other = found.get(key, line)
        if Outcome.QUARANTINE.value in (line.outcome, other.outcome):
            found[key] = line._replace(blank="", outcome=Outcome.QUARANTINE.value)
        else:
            areas = _coarsened(union(map(_rectangles, (line.blank, other.blank)), line.rows, line.columns), line)
            found[key] = line._replace(blank=_cell(areas), outcome=(Outcome.CLEAN if areas else Outcome.KEEP).value)
    return list(found.values())


def _coarsened(areas: tuple[Rectangle, ...], line: _Line) -> tuple[Rectangle, ...]:
    """Return rectangles that cover all of ``areas``, no more than a line of ``--rectangles`` may have."""
    grid = 16
    while len(areas) > MAX_AREAS:
        grid *= 2
        snapped = [_snapped(area, grid, line) for area in areas]
        areas = union((snapped,), line.rows, line.columns)
    return areas


def _snapped(area: Rectangle, grid: int, line: _Line) -> Rectangle:
    right, bottom = -(-area.x1 // grid) * grid, -(-area.y1 // grid) * grid
    return Rectangle(area.x0 // grid * grid, area.y0 // grid * grid, min(line.columns, right), min(line.rows, bottom))


def _rectangles(cell: str) -> list[Rectangle]:
    return [Rectangle(*map(int, part.split(","))) for part in cell.split(";") if part]


def _cell(rectangles: Iterable[Rectangle]) -> str:
    return "; ".join(",".join(map(str, rectangle)) for rectangle in rectangles)


def _write(stream: BinaryIO, lines: Iterable[_Line], reviewer: str) -> None:
    stream.write(_as_csv([COLUMNS]) + _as_csv((*line[1:], reviewer) for line in lines))


def _as_csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("ascii")


def _search_all(
    objects: Iterator[list[ObjectRef]],
    archive: StoredArchive,
    engine: Engine,
    journal: FileIO,
    done: set[str],
    note: Callable[[int], None],
) -> DetectedText:
    counts = DetectedText(0, Counter(), 0, Counter())
    workers = WorkerThreads(max(archive.concurrency, os.cpu_count() or 1))
    try:
        while batch := list(islice(objects, _BATCH)):
            for found in workers.map(partial(_look_at_all, archive, engine, done), batch):
                journal.write(_as_csv(one for one in found if isinstance(one, _Line)))
                counts.refused.update(one.value for one in found if isinstance(one, Reason))
                known = counts.known + sum(one is True for one in found)
                counts = counts._replace(objects=counts.objects + len(found), known=known)
            note(counts.objects)
    finally:
        workers.close()
    return counts


def _look_at_all(archive: StoredArchive, engine: Engine, done: set[str], refs: list[ObjectRef]) -> list[_Line | Reason | bool]:
    found = [_look_at(archive, engine, done, ref) for ref in refs]
    archive.release()
    return found


def _look_at(archive: StoredArchive, engine: Engine, done: set[str], ref: ObjectRef) -> _Line | Reason | bool:
    """Return an object's line; or why a run refuses it; or True where it was looked at, False where nothing is looked for."""
    return result_or_reason(partial(_search, archive, engine, done, ref))


def _search(archive: StoredArchive, engine: Engine, done: set[str], ref: ObjectRef) -> _Line | bool:
    size = ref.size if ref.size >= 0 else None
    with archive.open(ref, header=True) as stream:
        scan = engine.scan(stream, uids=engine.uids, size=size)
        read = stream.ref
    if not scan.needs_search:
        return False
    source = engine.pseudonyms.source_id(read.source + b"\0" + read.version.encode())
    if source in done:
        return True
    with archive.open(read) as stream:
        found = engine.inspect_pixels(stream)
    if found.error is not None and found.error.reason not in _REFUSED_BY_SEARCH:
        raise found.error
    assert found.evidence is not None
    rows, columns = found.evidence.rows, found.evidence.columns
    instance = engine.uids.hash(scan.uids[SOP_INSTANCE][0])
    return _Line(source, instance.hex(), rows, columns, *_said(found.decision))


def _said(decision: PixelDecision | None) -> tuple[str, str]:
    """Return the cells ``blank`` and ``outcome``."""
    if decision is None:
        return "", Outcome.QUARANTINE.value
    blank = _cell(decision.rectangles)
    return blank, Outcome.CLEAN.value if blank else Outcome.KEEP.value
