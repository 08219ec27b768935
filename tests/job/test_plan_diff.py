"""run --plan --diff: what changes against an earlier run, by counts that are taken from the tables in another way."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from anonymizer import Key
from anonymizer.internals import Seal
from pipeline.runs import plan_diff, spilled_table
from pipeline.runs.audit import Audit
from pipeline.runs.earlier_runs import ComparedRun
from storage import Folder
from tests.support.keys import OTHER_KEY, write_key
from tests.support.objects import Element
from tests.support.plans import Plan, plan_run, snapshot
from tests.support.runs import Run, ct_file, deidentify, run_command
from transforms import EarlierRun

_BURNED = Element(0x00280301, "CS", "YES")
_NOW = ("--options=CleanDesc,RetainDeviceIdent", "--pixels=keep")


def put(archive: Path, name: str, study: int, *extra: Element) -> None:
    described = Element(0x0008103E, "LO", "CHEST"), Element(0x00181000, "LO", "serial 4711"), *extra
    (archive / name).write_bytes(ct_file(f"1.2.3.{study}.{name}", *described, study=f"1.2.3.{study}"))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> tuple[Path, Run, Plan]:
    """An archive, a run of two nights over it, and a plan with other options over what it is by then."""
    archive = tmp_path_factory.mktemp("compared") / "in"
    archive.mkdir()
    for number in range(12):
        put(archive, str(number), number % 3)
    put(archive, "20", 1, _BURNED)
    put(archive, "21", 1, Element(0x00080050, "SH", "A1"), Element(0x00324000, "LT", "of A1"))
    first = deidentify(archive, archive.parent / "out", key_file)
    put(archive, "30", 2)
    # what was written in the first night is skipped in the second
    second = deidentify(archive, first.output, key_file, "--resume")
    assert second.report["counts"]["skipped"] == 13
    (archive / "0").unlink()
    put(archive, "31", 0)
    put(archive, "1", 1, Element(0x00280012, "US", 7))
    plan = plan_run(archive, archive.parent / "new", key_file, *_NOW, "--diff", str(second.audit))
    return archive, second, plan


def actions(row: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    found = defaultdict(set)
    for action in row["actions"] or ():
        found[action["path"], action["keyword"]].add(action["action"] + (f" ({action['reason']})" if action["reason"] else ""))
    return found


def counted(run: Run, plan: Plan) -> dict[str, Any]:
    """The changes, row by row."""
    now = {row["source_id"]: row for row in plan.table("instances")}
    before = {row["source_id"]: row for row in run.table("instances-")}
    written: dict[str, dict[str, Any]] = {}
    for table in sorted(run.audit.glob("earlier/*/instances-*.parquet")):
        written |= {row["source_id"]: row for row in pq.read_table(table).to_pylist() if row["status"] == "written"}
    attributes: dict[tuple[str, ...], list[str]] = defaultdict(list)
    statuses: dict[tuple[str, str, str, str], int] = defaultdict(int)
    other_bytes = []
    for source_id in now.keys() & before.keys():
        old, new = before[source_id], now[source_id]
        old_status = "written" if old["status"] == "skipped" else old["status"]
        ends = old_status, old["reason"] or "", new["status"], new["reason"] or ""
        if ends[:2] != ends[2:]:
            statuses[ends] += 1
        if (old_status, new["status"]) != ("written", "written"):
            continue
        done, will = actions(written[source_id] if old["status"] == "skipped" else old), actions(new)
        changed = [one for one in done.keys() | will.keys() if done.get(one) != will.get(one)]
        for one in changed:
            texts = (", ".join(sorted(found.get(one, ()))) for found in (done, will))
            attributes[(*one, *texts)].append(new["study_hash"])
        if not changed and old["crc32c"] != new["crc32c"]:
            other_bytes.append(new["study_hash"])
    return {
        "attributes": {change: (len(studies), len(set(studies))) for change, studies in attributes.items()},
        "statuses": dict(statuses),
        "only": (len(before.keys() - now.keys()), len(now.keys() - before.keys())),
        "other_bytes": {"instances": len(other_bytes), "studies": len(set(other_bytes))},
    }


def test_changes_are_counted_by_attribute_and_status(compared: tuple[Path, Run, Plan]) -> None:
    _, run, plan = compared
    found, expected = plan.report["diff"], counted(run, plan)
    assert found["run_id"] == run.report["run_id"] and found["unknown_actions"] == 0
    names = ("path", "keyword", "before", "now")
    assert {tuple(row[name] for name in names): (row["instances"], row["studies"]) for row in found["attributes"]} == expected[
        "attributes"
    ]
    assert {tuple(row.values())[:-1]: row["objects"] for row in found["statuses"]} == expected["statuses"]
    assert (found["only_before"], found["only_now"]) == expected["only"] == (1, 1)
    by_keyword = {row["keyword"]: row for row in found["attributes"]}
    assert (by_keyword["DeviceSerialNumber"]["before"], by_keyword["DeviceSerialNumber"]["now"]) == ("X", "K")
    assert (by_keyword["SeriesDescription"]["instances"], by_keyword["SeriesDescription"]["studies"]) == (13, 3)
    assert expected["statuses"] == {("quarantined", "burned-in-annotation", "written", ""): 1}


def test_the_table_on_the_terminal_and_the_file_say_so(compared: tuple[Path, Run, Plan]) -> None:
    _, run, plan = compared
    assert f"Changes since run {run.report['run_id']}" in plan.log
    (line,) = (line for line in plan.log.splitlines() if "SeriesDescription" in line)
    assert line.split() == ["(0008,103e)", "SeriesDescription", "X", "C", "13", "3"]
    file = plan.folder / "diff.csv"
    assert file.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert sum(row["change"] == "attribute" for row in rows) == len(plan.report["diff"]["attributes"])
    (status,) = (row for row in rows if row["change"] == "status")
    assert (status["before"], status["now"], status["instances"]) == ("quarantined (burned-in-annotation)", "written", "1")
    assert {row["change"] for row in rows} == {"attribute", "status", "only-before", "only-now"}


def test_outputs_that_differ_without_an_action_are_counted(compared: tuple[Path, Run, Plan], key_file: Path) -> None:
    archive, run, _ = compared
    plan = plan_run(archive, archive.parent / "same", key_file, "--diff", str(run.audit))
    expected = counted(run, plan)
    assert plan.report["diff"]["other_bytes"] == expected["other_bytes"] == {"instances": 1, "studies": 1}
    assert plan.report["diff"]["attributes"] == [] and expected["attributes"] == {}
    events = run_command(
        *("run", "--plan", "--input", str(archive), "--output", str(archive.parent / "same"), "--key", f"file:{key_file}"),
        *("--diff", str(run.audit), "--log-format=json"),
    ).stderr.splitlines()
    assert json.loads(events[-1])["diff"] == plan.report["diff"]


def test_many_partitions_give_what_one_gives(
    compared: tuple[Path, Run, Plan], key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run, plan = compared
    report, planned = run.report, plan.report
    seals = (Seal(Key.load(f"file:{key_file}", "")),)

    def of(folder: Path, account: dict[str, Any]) -> EarlierRun:
        return EarlierRun(
            Folder(str(folder)), account["run_id"], account["tables"], account["table_digests"], same_work_digest=False
        )

    monkeypatch.setattr(spilled_table, "_PARTITION_ROWS", 3)
    monkeypatch.setattr(spilled_table, "_GATHERED_ROWS", 5)
    monkeypatch.setattr(spilled_table, "_PIECE_ROWS", 1)
    earlier = ComparedRun(of(run.audit, report), Audit(Folder(str(run.audit)), seals))
    found = plan_diff.compare(of(plan.folder, planned), earlier)
    assert found.as_json() == planned["diff"]


def test_a_run_that_can_not_be_checked_is_not_compared_with(
    compared: tuple[Path, Run, Plan], key_file: Path, tmp_path: Path
) -> None:
    archive, run, _ = compared
    other = write_key(tmp_path / "other", OTHER_KEY)
    # another key, then another scope
    for key, flags in ((other, ()), (key_file, ("--scope=other",))):
        plan = plan_run(archive, tmp_path / "out", key, *flags, "--diff", str(run.audit))
        assert plan.code == 2 and "--diff" in plan.log and "--scope" in plan.log
    spoilt = tmp_path / "spoilt"
    spoilt.mkdir()
    for path in run.audit.iterdir():
        if path.is_file():
            (spoilt / path.name).write_bytes(path.read_bytes())
    (table, *_) = spoilt.glob("instances-*")
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    before = snapshot(spoilt)
    plan = plan_run(archive, tmp_path / "out", key_file, "--diff", str(spoilt))
    assert plan.code == 1 and "--diff: a table of the audit was changed" in plan.log
    assert snapshot(spoilt) == before and not list(plan.folder.glob("*.parquet"))


def test_without_the_earlier_tables_actions_are_unknown(compared: tuple[Path, Run, Plan], key_file: Path, tmp_path: Path) -> None:
    archive, run, _ = compared
    copied = tmp_path / "copied"
    copied.mkdir()
    for path in run.audit.iterdir():
        if path.is_file():
            (copied / path.name).write_bytes(path.read_bytes())
    plan = plan_run(archive, tmp_path / "out", key_file, *_NOW, "--diff", str(copied))
    # of what the second night wrote they are known
    assert plan.report["diff"]["unknown_actions"] == 12
    assert all(row["instances"] == 1 for row in plan.report["diff"]["attributes"])
