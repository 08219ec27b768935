"""Results of earlier runs for listed objects: outputs of the steps that find them, for objects and for members of containers."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import pyarrow as pa
from apache_beam.pvalue import DoOutputsTuple, PCollection, TaggedOutput

from ..earlier_runs.earlier_rows import listed_now
from ..earlier_runs.earlier_work import Compared, EarlierWork
from ..metrics import OBJECTS_SKIPPED, OBJECTS_TAKEN_UP, ProgressListener, counter
from ..records import AuditRows, HeaderGroups, RefBatch, WorkUnit
from ..shuffle.record_coder import PackedRecordCoder, register_record
from ..work_unit_ids import finished_unit

_KNOWN: Literal["known"] = "known"
_FINISHED: Literal["finished"] = "finished"
_TAKEN_UP: Literal["taken_up"] = "taken_up"
_SETTLED: Literal["settled"] = "settled"
_GONE: Literal["gone"] = "gone"
RESULT_TAGS = (_KNOWN, _FINISHED, _TAKEN_UP, _SETTLED, _GONE)

Tagged = (
    TaggedOutput[Literal["known"], HeaderGroups]
    | TaggedOutput[Literal["finished"], WorkUnit]
    | TaggedOutput[Literal["taken_up"], AuditRows]
    | TaggedOutput[Literal["settled"], pa.Table]
    | TaggedOutput[Literal["gone"], pa.Table]
)


class PendingBatch(NamedTuple):
    """Listed objects to be processed, or a container to be opened.

    Attributes:
        known: of a container, the packed EarlierWork on its members; empty where there is none.
    """

    batch: RefBatch
    known: bytes = b""


register_record(PendingBatch, PackedRecordCoder)


class EarlierResults(NamedTuple):
    """Results of earlier runs.

    Attributes:
        known: objects that a killed run had scanned, and was not done with.
        finished: units of objects that a killed run was done with.
        taken_up: the rows of those, and of objects that pass 1 had rejected.
        settled: rows of SETTLED_SCHEMA of objects that the last finished run was done with.
        gone: rows of SETTLED_SCHEMA of objects that aren't listed any more.
    """

    known: PCollection[HeaderGroups]
    finished: PCollection[WorkUnit]
    taken_up: PCollection[AuditRows]
    settled: PCollection[pa.Table]
    gone: PCollection[pa.Table]

    @classmethod
    def of(cls, outputs: DoOutputsTuple) -> "EarlierResults":
        """Return the outputs of a step that yields ``Tagged``."""
        return cls(**{tag: outputs[tag] for tag in RESULT_TAGS})


class TaggedResults:
    """Yields results of earlier runs by their tags, and counts their objects."""

    def __init__(self, progress: ProgressListener, inputs: tuple[str, ...]) -> None:
        """
        Args:
            inputs: their ids, by their ordinals.
        """
        self._progress = progress
        self._inputs = inputs
        self._taken_up, self._skipped = counter(OBJECTS_TAKEN_UP), counter(OBJECTS_SKIPPED)

    def tagged(self, compared: Compared, earlier: EarlierWork) -> Iterator[Tagged]:
        """Yield all of ``compared`` but the objects that are to be processed."""
        if compared.scanned:
            self._progress.add("scanned", sum(len(group.headers) for group in compared.scanned))
            yield TaggedOutput(_KNOWN, compared.scanned)
        for group in compared.finished:
            yield TaggedOutput(_FINISHED, finished_unit(group))
        for group in compared.refused:
            # an object with the same SOPInstanceUID is no duplicate of these
            yield TaggedOutput(_FINISHED, finished_unit(group, is_written=False))
        if compared.rows:
            for stage in ("scanned", "finished"):
                self._progress.add(stage, len(compared.rows))
            self._taken_up.inc(len(compared.rows))
            yield TaggedOutput(_TAKEN_UP, compared.rows)
        if compared.settled:
            yield from self.settled(earlier.settled.rows(compared.settled), compared.settled_inputs)

    def settled(self, rows: pa.Table, inputs: Sequence[int]) -> Iterator[Tagged]:
        """Yield rows of objects that the last finished run was done with.

        Args:
            inputs: ordinals of the inputs that list them now.
        """
        for stage in ("scanned", "finished"):
            self._progress.add(stage, rows.num_rows)
        self._skipped.inc(rows.num_rows)
        yield TaggedOutput(_SETTLED, listed_now(rows, inputs, self._inputs))

    def gone(self, earlier: EarlierWork) -> Iterator[Tagged]:
        """Yield the rows of objects that aren't listed, once all that are were compared."""
        if (left := earlier.settled.left()).num_rows:
            yield TaggedOutput(_GONE, left)
