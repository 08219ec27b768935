"""Outputs of earlier runs that an account doesn't have: they lie beside what it tells of."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer import Note
from transforms import Status

from .statuses import is_in_output

#: names of outputs that are compared; of more gone objects some may be in the output by another source
_MOST_NAMES = 200_000


class LeftOutputs:
    """Counts outputs of earlier runs that no object of a run has any more, from the rows of its tables.

    Attributes:
        renamed: objects whose output had another name before.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self.renamed = 0
        self._names = pa.array([], pa.string())
        self._beyond = 0

    def add_gone(self, rows: pa.RecordBatch) -> None:
        """Count rows of the table ``gone``: it comes before ``instances``."""
        is_there = pc.or_(is_in_output(rows), pc.is_valid(rows.column("written_in")))
        names = rows.column("output_name").filter(is_there).drop_null()
        kept = names[: max(0, _MOST_NAMES - len(self._names))]
        self._names = pa.concat_arrays([self._names, kept])
        self._beyond += len(names) - len(kept)

    def compare(self, rows: pa.RecordBatch) -> None:
        """Compare rows of ``instances``: another source may have the output of a gone one."""
        # rows that are as they were keep their notes
        is_new = pc.or_(pc.equal(rows.column("status"), Status.WRITTEN.value), pc.equal(rows.column("since"), self._run_id))
        notes = pc.list_flatten(rows.column("notes").filter(is_new))
        self.renamed += pc.sum(pc.equal(notes, Note.EARLIER_OUTPUT_LEFT.value)).as_py() or 0
        if len(self._names):
            there = rows.column("output_name").filter(is_in_output(rows))
            self._names = self._names.filter(pc.invert(pc.is_in(self._names, value_set=there)))

    def found(self) -> dict[str, Any]:
        """Return their number as ``objects``, and whether it is ``exact``: else some may be outputs of other sources now."""
        objects = len(self._names) + self._beyond + self.renamed
        return {"objects": objects, "exact": not self._beyond and not self.renamed}


def earlier_outputs(left: Mapping[str, Any], previous: Mapping[str, Any] | None, resumes: str | None) -> dict[str, Any]:
    """Return ``objects``, the number of those in the output that the account of a run doesn't have, and whether it is ``exact``.

    Args:
        left: the same of those that the run knows.
        previous: the account that the run replaces; None: there was none.
        resumes: id of the run that the run continues: it compared each of its objects with the account of that one.
    """
    if previous is None:
        return {"objects": 0, "exact": True}
    # an account of a version before doesn't tell
    before = previous.get("earlier_outputs") or {"objects": 0, "exact": not previous.get("previous_run")}
    if resumes == previous["run_id"]:
        # what is left from before may have been written again since
        is_exact = left["exact"] and before["exact"] and not before["objects"]
        return {"objects": before["objects"] + left["objects"], "exact": is_exact}
    counts = previous["counts"]
    here = counts["written"] + counts["skipped"] + previous.get("superseded", 0)
    return {"objects": before["objects"] + here, "exact": False}
