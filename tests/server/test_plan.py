"""run --plan from bucket to bucket: no request writes to the output or the audit, and those of the run are predicted."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support.objects import Element
from tests.support.plans import predicted
from tests.support.runs import ct_file, run_command
from tests.support.stores import KINDS, store

_OTHER = Element(0x00280012, "US", 7)


def rows(files: dict[str, bytes], folder: str, account: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The account in a folder of a bucket, and the rows of its objects."""
    report = json.loads(files[f"{folder}/{account}"])
    names = [name for name in report["tables"] if name.startswith("instances-")]
    return report, [row for name in names for row in pq.read_table(io.BytesIO(files[f"{folder}/{name}"])).to_pylist()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_writes_nothing_to_output_and_audit_and_counts_what_the_run_will(
    kind: str, request: pytest.FixtureRequest, key_file: Any
) -> None:
    found = store(kind, request)
    bucket = found.new_bucket("planned")
    places = [f"{found.beginning}{bucket}/{name}" for name in ("in", "out")]
    command = ["run", "--input", places[0], "--output", places[1], "--key", f"file:{key_file}", *found.flags]

    def put(contents: dict[str, bytes]) -> None:
        found.server.put_all(bucket, {f"in/{name}": content for name, content in contents.items()})

    def outside() -> dict[str, bytes]:
        files: dict[str, bytes] = found.server.objects(bucket)
        return {name: content for name, content in files.items() if not name.startswith("out-plan/")}

    def check(*flags: str) -> tuple[dict[str, Any], dict[str, Any]]:
        before = outside()
        planned = run_command(*command, "--plan", *flags, env=found.env)
        assert planned.returncode in (0, 3), planned.stderr
        assert outside() == before
        plan, plan_rows = rows(found.server.objects(bucket), "out-plan", "plan.json")
        done = run_command(*command, *flags, env=found.env)
        assert done.returncode == planned.returncode, done.stderr
        run, run_rows = rows(found.server.objects(bucket), "out-audit", "run.json")
        assert predicted(plan_rows) == predicted(run_rows)
        return plan, run

    large = ct_file("1.2.3.1.8", Element(0x7FE00010, "OW", bytes(17 << 20)), study="1.2.3.1")
    contents = {f"{number}": ct_file(f"1.2.3.1.{number}", study="1.2.3.1") for number in range(4)}
    put({**contents, "large": large, "copy": contents["0"], "text": b"no DICOM"})
    plan, run = check()
    assert plan["bytes_written"] == run["bytes_written"] > 17 << 20
    assert plan["operations"]["bytes_written"] == run["operations"]["bytes_written"]
    # beside the objects a run writes ledgers
    objects = run["counts"]["written"]
    assert objects <= plan["operations"]["writes"] <= run["operations"]["writes"]
    put({"1": ct_file("1.2.3.1.1", _OTHER, study="1.2.3.1"), "new": ct_file("1.2.3.1.9", study="1.2.3.1")})
    plan, run = check()
    assert run["reasons"]["output-conflict"] == 1 and run["counts"]["written"] == 5
    # what the plan looks up in the output is not among them: a listing for each object, and six reads
    assert all(plan["operations"][kind] <= run["operations"][kind] for kind in ("reads", "writes", "bytes_read"))
    # the plan's folder is looked at, too
    assert plan["operations"]["lists"] <= run["operations"]["lists"] + 3
    check("--resume", "--replace-changed")
    check("--resume")
