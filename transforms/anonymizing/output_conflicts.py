"""Rules for objects whose output's name is taken by other content."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from anonymizer import Reason

from ..records import AuditRow, EarlierOutput
from .instance_anonymizer import NameConflict


class RecordedOutput(NamedTuple):
    """An output that an earlier run says it wrote under some name.

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
    """Outputs that an audit tells of. Picklable."""

    def find(self, names: Collection[str]) -> Mapping[str, Sequence[RecordedOutput]] | None:
        """Return the outputs of these names by the rows of all earlier runs, finished or not; None where some can't be read."""

    def is_alone(self) -> bool:
        """Return True when no other run is known to write these outputs now."""


@dataclass(frozen=True)
class ConflictRules:
    """Rules for objects whose output's name is taken.

    Attributes:
        replaces_changed: True: an object's output is replaced when the object changed.
        recorded: outputs that the audit tells of; None: it isn't asked.
        keeps_one: True: of different contents of one object, one is written; an output that is there stays.
        is_mended: True: an output that no run tells of was left by a power cut or a killed run; False: it may be anybody's.
    """

    replaces_changed: bool = False
    recorded: RecordedOutputs | None = None
    keeps_one: bool = False
    is_mended: bool = True

    def resolve(self, conflicts: Sequence[NameConflict]) -> Iterator[list[AuditRow]]:
        """Yield, for each object in a name conflict, its row and those of the objects that go with it."""
        recorded, is_alone = None, False
        if self.recorded is not None:
            # first: a run that finishes meanwhile has rows by then
            is_alone = self.is_mended and self.recorded.is_alone()
            recorded = self.recorded.find({one.name for one in conflicts})
        for one in conflicts:
            outputs = None if recorded is None else recorded.get(one.name, ())
            row = self._unknown(one) if outputs is None else self._resolved(one, outputs, is_alone=is_alone)
            found = [row, *one.rows]
            for other in one.anonymizer.others_of(row, one.others):
                found.append(other if isinstance(other, AuditRow) else self._resolved(other, outputs or (), is_alone=False))
            yield found

    def _unknown(self, conflict: NameConflict) -> AuditRow:
        """Return the row where not all rows of earlier runs can be read: that may pass."""
        return conflict.row(Reason.OUTPUT_IN_USE) if self.is_mended and self.recorded is not None else conflict.row()

    def _resolved(self, conflict: NameConflict, outputs: Sequence[RecordedOutput], *, is_alone: bool) -> AuditRow:
        source = conflict.source
        own = [one for one in outputs if one.source_id == source.source_id]
        if own:
            # it may have been replaced before: the output that lies there, if one of them is that
            found = next((one for one in own if (one.size, one.crc32c) == conflict.written), own[-1])
            is_changed = not source.version or found.source_version != source.version
            earlier = EarlierOutput(conflict.name, found.size, found.crc32c, is_changed, found.written_in)
            return conflict.anonymizer.resolve_conflict(conflict.header, conflict.name, earlier)
        if outputs:
            return conflict.anonymizer.keep_written(conflict)
        if is_alone:
            # a killed run had written it, and has no row for it
            return conflict.anonymizer.resolve_conflict(conflict.header, conflict.name, None)
        return conflict.row(Reason.OUTPUT_IN_USE) if self.is_mended else conflict.row()
