"""Outputs whose names are taken by other content: who may have them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from anonymizer import Reason

from ..records import AuditRow, EarlierOutput
from .instance_anonymizer import NameConflict


class RecordedOutput(NamedTuple):
    """What an earlier run says that it wrote under some name.

    Attributes:
        source_id, source_version, size, crc32c: as in AuditRow.
        written_in: as in EarlierOutput.
    """

    source_id: str
    source_version: str
    size: int
    crc32c: str
    written_in: str


class RecordedOutputs(Protocol):
    """What an audit tells of the outputs. Picklable."""

    def find(self, names: Collection[str]) -> Mapping[str, Sequence[RecordedOutput]] | None:
        """The rows of all earlier runs, finished or not, for outputs of these names; None where some can't be read."""

    def is_alone(self) -> bool:
        """Whether no other run is at work on these outputs, as far as anybody can tell."""


@dataclass(frozen=True)
class ConflictRules:
    """What becomes of objects whose output's name is taken.

    Attributes:
        replaces_changed: what an object was written as is replaced when the object changed.
        recorded: tells of outputs; None: nobody does.
        keeps_one: of different contents of one object, one is written; what is written stays.
        is_mended: an output that nobody tells of is what a power cut or a killed run left; else it is somebody's.
    """

    replaces_changed: bool = False
    recorded: RecordedOutputs | None = None
    keeps_one: bool = False
    is_mended: bool = True

    def resolve(self, taken: Sequence[NameConflict]) -> Iterator[list[AuditRow]]:
        """For each object of which it isn't known what took its name, its row and those of objects that go with it."""
        rows, is_alone = None, False
        if self.recorded is not None:
            # first: a run that comes to its end meanwhile has rows by then
            is_alone = self.is_mended and self.recorded.is_alone()
            rows = self.recorded.find({one.row.output_name for one in taken})
        for one in taken:
            of_name = None if rows is None else rows.get(one.row.output_name, ())
            row = self._unknown(one.row) if of_name is None else self._settled(one, of_name, is_alone=is_alone)
            found = [row, *one.rows]
            for other in one.anonymizer.others_of(row, one.others):
                found.append(other if isinstance(other, AuditRow) else self._settled(other, of_name or (), is_alone=False))
            yield found

    def _unknown(self, row: AuditRow) -> AuditRow:
        """What is said where not all rows can be read: that may pass."""
        return row._replace(reason=Reason.OUTPUT_IN_USE) if self.is_mended and self.recorded is not None else row

    def _settled(self, taken: NameConflict, rows: Sequence[RecordedOutput], *, is_alone: bool) -> AuditRow:
        row = taken.row
        own = [one for one in rows if one.source_id == row.source_id]
        if own:
            # it may have been replaced before: the one that tells of what lies there
            found = next((one for one in own if (one.size, one.crc32c) == (row.size, row.crc32c)), own[-1])
            is_changed = not row.source_version or found.source_version != row.source_version
            earlier = EarlierOutput(row.output_name, found.size, found.crc32c, is_changed, found.written_in)
            return taken.anonymizer.resolve_conflict(taken.header, row.output_name, earlier)
        if rows:
            return taken.anonymizer.keep_written(taken)
        if is_alone:
            # a run that was killed had written it, and was not through
            return taken.anonymizer.resolve_conflict(taken.header, row.output_name, None)
        return row._replace(reason=Reason.OUTPUT_IN_USE) if self.is_mended else row
