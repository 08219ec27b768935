"""Changes between an earlier run and a plan: actions on attributes, statuses, outputs. The tables are joined by partitions."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage import StorageError
from transforms import EARLIER, INSTANCES_TABLE, EarlierRun, SealError, Status, TableError, checked_table, is_run_id

from ..errors import RunError
from ..safe_csv import write_csv
from .action_lists import ActionChange, ActionLists
from .audit import RUN_FILE, check_names
from .earlier_runs import ComparedRun
from .spilled_table import SpilledTable

_BATCH_ROWS = 8192
_BEFORE, _NOW, _FORMER = 0, 1, 2
_WRITTEN, _SKIPPED = Status.WRITTEN.value, Status.SKIPPED.value
#: number in place of a list of actions that no table has
_UNKNOWN = -1
#: objects of both runs: ``run`` is that of a _FORMER row, or in which a skipped object was written
_OBJECTS = pa.schema(
    [
        *(("side", pa.int8()), ("source_id", pa.string()), ("status", pa.string()), ("reason", pa.string())),
        *(("study", pa.string()), ("output", pa.string()), ("actions", pa.int32()), ("run", pa.string())),
    ]
)
#: numbers of instances of a study with these lists of actions
_PAIRS = pa.schema(
    [
        *(("study", pa.string()), ("before", pa.int32()), ("now", pa.int32()), ("differs", pa.bool_())),
        ("instances", pa.int64()),
    ]
)
_COLUMNS = ("source_id", "status", "reason", "study_hash", "size", "crc32c", "actions", "written_in")
#: in place of an attribute's change: outputs differ, and no action does
_BYTES = ActionChange("", "", "", "")


class Affected(NamedTuple):
    """Numbers of instances and studies that a change affects."""

    instances: int
    studies: int


class StatusChange(NamedTuple):
    """A change of objects' ends: status and reason in the earlier run and in the plan."""

    status_before: str
    reason_before: str
    status_now: str
    reason_now: str


@dataclass(frozen=True)
class PlanDiff:
    """Changes since an earlier run.

    Attributes:
        run_id: id of that run.
        attributes: what is done otherwise to which attributes, in objects that are written both times.
        statuses: numbers of objects that end otherwise. Skipped objects count as written.
        only_before, only_now: numbers of objects that only the earlier run, or only the plan, lists.
        other_bytes: objects whose outputs differ though no action does.
        unknown: number of objects whose earlier actions no table in the audit has.
    """

    run_id: str
    attributes: dict[ActionChange, Affected]
    statuses: dict[StatusChange, int]
    only_before: int
    only_now: int
    other_bytes: Affected
    unknown: int

    def as_json(self) -> dict[str, Any]:
        """Return the changes as ``plan.json`` and events have them."""
        return {
            "run_id": self.run_id,
            "attributes": [{**change._asdict(), **count._asdict()} for change, count in self.attributes.items()],
            "statuses": [{**change._asdict(), "objects": count} for change, count in self.statuses.items()],
            "only_before": self.only_before,
            "only_now": self.only_now,
            "other_bytes": self.other_bytes._asdict(),
            "unknown_actions": self.unknown,
        }

    def as_csv(self) -> str:
        """Return the changes as a table, a row for each."""
        sink = io.StringIO()
        others = (
            ("only-before", self.only_before, ""),
            ("only-now", self.only_now, ""),
            ("other-bytes", *self.other_bytes),
            ("unknown-actions", self.unknown, ""),
        )
        rows = chain(
            [("change", "path", "keyword", "before", "now", "instances", "studies")],
            (("attribute", *change, *count) for change, count in self.attributes.items()),
            (("status", "", "", _end(*change[:2]), _end(*change[2:]), count, "") for change, count in self.statuses.items()),
            ((change, "", "", "", "", *counts) for change, *counts in others if counts[0]),
        )
        write_csv(sink, rows)
        return sink.getvalue()


def _end(status: str, reason: str) -> str:
    return f"{status} ({reason})" if reason else status


def compare(plan: EarlierRun, compared: ComparedRun) -> PlanDiff:
    """Return the changes between an earlier run and a plan.

    Args:
        plan: the plan's tables.

    Raises:
        RunError: a table can't be read.
    """
    try:
        return _Comparison(plan, compared).changes()
    except (TableError, StorageError) as error:
        raise RunError(f"--diff: {error}") from None
    except pa.ArrowException:
        raise RunError("--diff: a table is not a Parquet file of a run: restore it from a copy of the audit") from None


class _Comparison:
    def __init__(self, plan: EarlierRun, compared: ComparedRun) -> None:
        self._plan = plan
        self._earlier = compared.run
        self._audit = compared.audit
        self._lists = ActionLists()
        self._statuses = Counter[StatusChange]()
        self._only_before = self._only_now = self._unknown = 0
        self._affected: dict[ActionChange, Affected] = defaultdict(lambda: Affected(0, 0))
        self._changes: dict[tuple[int, int, bool], list[ActionChange]] = {}

    def changes(self) -> PlanDiff:
        """Compare all objects."""
        rows = self._plan.objects + self._earlier.objects
        with SpilledTable(_PAIRS, "study", rows) as pairs:
            # each skipped object has another row, in the run that wrote it
            with SpilledTable(_OBJECTS, "source_id", rows + self._earlier.objects) as objects:
                self._read(objects)
                for partition in objects.partitions():
                    pairs.add(self._join(partition))
            for partition in pairs.partitions():
                self._count(partition)
        other_bytes = self._affected.pop(_BYTES, Affected(0, 0))
        order = sorted(self._affected.items(), key=lambda item: (-item[1].instances, item[0]))
        statuses = dict(sorted(self._statuses.items(), key=lambda item: (-item[1], item[0])))
        return PlanDiff(
            self._earlier.run_id, dict(order), statuses, self._only_before, self._only_now, other_bytes, self._unknown
        )

    def _read(self, objects: SpilledTable) -> None:
        written_in: set[str] = set()
        for side, run in ((_NOW, self._plan), (_BEFORE, self._earlier)):
            for batch in _batches(run):
                table = self._table(batch, side, run.run_id)
                if side == _BEFORE:
                    skipped = table.filter(pc.equal(table["status"], _SKIPPED))
                    written_in.update(pc.unique(skipped["run"]).to_pylist())
                objects.add(table)
        for run in self._former(written_in):
            for batch in _batches(run):
                objects.add(self._table(batch.filter(pc.equal(batch["status"], _WRITTEN)), _FORMER, run.run_id))

    def _table(self, batch: pa.RecordBatch, side: int, run_id: str) -> pa.Table:
        count = batch.num_rows
        numbers = self._lists.numbers(batch["actions"])
        skipped = pc.equal(batch["status"], _SKIPPED)
        written_in = _column(batch, "written_in")
        columns = {
            "side": pa.repeat(pa.scalar(side, pa.int8()), count),
            "source_id": batch["source_id"],
            "status": batch["status"],
            "reason": pc.fill_null(batch["reason"], ""),
            "study": _column(batch, "study_hash"),
            "output": pc.binary_join_element_wise(
                pc.fill_null(batch["size"].cast(pa.string()), ""), _column(batch, "crc32c"), "/"
            ),
            "actions": pc.if_else(skipped, _UNKNOWN, numbers),
            "run": pc.if_else(skipped, written_in, run_id),
        }
        return pa.table(columns).cast(_OBJECTS)

    def _former(self, run_ids: Collection[str]) -> Iterator[EarlierRun]:
        """Yield the runs in the audit that wrote skipped objects; those that can't be found or checked are left out."""
        for run_id in sorted(filter(is_run_id, run_ids)):
            try:
                account, _ = self._audit.read(f"{EARLIER}/{run_id}/{RUN_FILE}")
                check_names(account)
            except (FileNotFoundError, SealError, ValueError):
                continue
            if account["run_id"] == run_id:
                yield EarlierRun(self._audit.folder, run_id, account["tables"], account["table_digests"], same_work_digest=False)

    def _join(self, rows: pa.Table) -> pa.Table:
        """Count how objects of a partition end, and return its _PAIRS."""
        before, now, former = (rows.filter(pc.equal(rows["side"], side)).drop_columns(["side"]) for side in range(3))
        known = former.select(["source_id", "run", "actions"]).rename_columns(["source_id", "run", "known"])
        before = before.join(known, ["source_id", "run"], join_type="left outer")
        before = before.set_column(
            before.schema.get_field_index("actions"), "actions", pc.coalesce(before["known"], before["actions"])
        ).drop_columns(["known"])
        ends = pc.if_else(pc.equal(before["status"], _SKIPPED), _WRITTEN, before["status"])
        before = before.set_column(before.schema.get_field_index("status"), "status", ends)
        both = before.join(now, "source_id", join_type="inner", left_suffix="_before", right_suffix="_now")
        self._only_before += before.num_rows - both.num_rows
        self._only_now += now.num_rows - both.num_rows
        is_other = pc.or_(
            pc.not_equal(both["status_before"], both["status_now"]), pc.not_equal(both["reason_before"], both["reason_now"])
        )
        names = ["status_before", "reason_before", "status_now", "reason_now"]
        for row in both.filter(is_other).group_by(names).aggregate([([], "count_all")]).to_pylist():
            self._statuses[StatusChange(*(row[name] for name in names))] += row["count_all"]
        written = both.filter(pc.and_(pc.equal(both["status_before"], _WRITTEN), pc.equal(both["status_now"], _WRITTEN)))
        is_known = pc.not_equal(written["actions_before"], _UNKNOWN)
        self._unknown += written.num_rows - (pc.sum(is_known).as_py() or 0)
        written = written.filter(is_known)
        written = written.append_column("differs", pc.not_equal(written["output_before"], written["output_now"]))
        is_changed = pc.or_(written["differs"], pc.not_equal(written["actions_before"], written["actions_now"]))
        keys = ["study_now", "actions_before", "actions_now", "differs"]
        found = written.filter(is_changed).group_by(keys).aggregate([([], "count_all")])
        return found.select([*keys, "count_all"]).rename_columns(_PAIRS.names).cast(_PAIRS)

    def _count(self, pairs: pa.Table) -> None:
        """Count instances and studies of each change in a partition by studies."""
        keys = ["before", "now", "differs"]
        changes: dict[ActionChange, int] = {}
        lists: list[list[int]] = []
        distinct = pairs.group_by(keys).aggregate([])
        for before, now, differs in zip(*(distinct[name].to_pylist() for name in keys), strict=True):
            found = self._changes_of(before, now, differs=differs)
            lists.append([changes.setdefault(change, len(changes)) for change in found])
        places = pa.array(lists, pa.list_(pa.int32()))
        exploded = distinct.take(pc.list_parent_indices(places)).append_column("change", pc.list_flatten(places))
        joined = pairs.join(exploded, keys, join_type="inner")
        of_studies = joined.group_by(["change", "study"]).aggregate([("instances", "sum")])
        of_changes = of_studies.group_by("change").aggregate([("instances_sum", "sum"), ([], "count_all")])
        by_place = list(changes)
        for row in of_changes.to_pylist():
            known = self._affected[by_place[row["change"]]]
            self._affected[by_place[row["change"]]] = Affected(
                known.instances + row["instances_sum_sum"], known.studies + row["count_all"]
            )

    def _changes_of(self, before: int, now: int, *, differs: bool) -> list[ActionChange]:
        key = before, now, differs
        if (found := self._changes.get(key)) is None:
            found = self._changes[key] = self._lists.changes(before, now) or [_BYTES] * differs
        return found


def _batches(run: EarlierRun) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a run's objects: the _COLUMNS, as far as its version wrote them."""
    for name in run.files(INSTANCES_TABLE):
        file = pq.ParquetFile(pa.BufferReader(checked_table(run.folder, name, run.digests[name])))
        columns = [column for column in _COLUMNS if column in file.schema_arrow.names]
        yield from file.iter_batches(_BATCH_ROWS, columns=columns)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return a column of texts, with empty ones for what is missing."""
    if name not in batch.schema.names:
        return pa.repeat(pa.scalar("", pa.string()), batch.num_rows)
    return pc.fill_null(batch[name], "")
