"""What becomes of objects whose output has a name that is taken: by what they were, by what a power cut left, by another."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from pipeline.workers.process_lock import lock_file
from tests.job.test_resume import Finished, Night
from tests.support.objects import Element, read
from tests.support.runs import Run, audit_of, ct_file, deidentify

_OTHER = Element(0x00280012, "US", 7)
_REPLACE = "--replace-changed"


@pytest.fixture
def night(tmp_path: Path, key_file: Path) -> Night:
    found = Night(tmp_path, key_file)
    for number in range(4):
        found.put(f"SECRETNAME-{number}", f"1.2.3.1.{number}")
    return found


def content(night: Night, run: Finished, name: str) -> bytes:
    """What lies in the output of a source, by its row."""
    found: bytes = (night.output / night.rows(run)[name]["output_name"]).read_bytes()
    return found


def test_the_row_of_a_refused_object_says_which_output_is_in_its_way(night: Night) -> None:
    first = night.run()
    written = night.rows(first)["SECRETNAME-1"]
    night.put("SECRETNAME-1", "1.2.3.1.1", _OTHER)
    night.put("another", "1.2.3.1.2", _OTHER)
    second = night.run()
    rows = night.rows(second)
    for name, output, written_in in (
        ("SECRETNAME-1", written, first.report["run_id"]),
        ("another", night.rows(first)["SECRETNAME-2"], None),
    ):
        row = rows[name]
        assert (row["status"], row["reason"]) == ("quarantined", "output-conflict")
        assert [row[column] for column in ("output_name", "size", "crc32c")] == [
            output[column] for column in ("output_name", "size", "crc32c")
        ]
        # who wrote what lies there, where it is the same source
        assert row["written_in"] == written_in
    assert second.objects() == first.objects()
    # what is refused is not read again as long as that lies there, and tried again when it doesn't
    night.spoil("another")
    assert night.rows(night.run())["another"]["reason"] == "output-conflict"
    (night.output / rows["SECRETNAME-1"]["output_name"]).unlink()
    fourth = night.run()
    assert night.rows(fourth)["SECRETNAME-1"]["status"] == "written"
    assert read(content(night, fourth, "SECRETNAME-1"))[0x00280012].value == 7


@pytest.mark.parametrize(("resume", "refused_before"), [(True, False), (True, True), (False, True)])
def test_what_changed_is_replaced_when_it_is_asked_for(night: Night, resume: bool, refused_before: bool) -> None:
    first = night.run()
    night.put("SECRETNAME-1", "1.2.3.1.1", _OTHER)
    if resume:
        night.put("another", "1.2.3.1.2", _OTHER)
    if refused_before:
        night.run()
    second = night.run(_REPLACE, resume=resume)
    rows = night.rows(second)
    assert (rows["SECRETNAME-1"]["status"], rows["SECRETNAME-1"]["notes"]) == ("written", ["output-replaced"])
    assert rows["SECRETNAME-1"]["output_name"] == night.rows(first)["SECRETNAME-1"]["output_name"]
    assert read(content(night, second, "SECRETNAME-1"))[0x00280012].value == 7
    # another source's
    assert not resume or rows["another"]["reason"] == "output-conflict"
    assert second.report["settings"]["replace_changed"] is True
    different = {name for name, found in second.objects().items() if found != first.objects().get(name)}
    assert different == {rows["SECRETNAME-1"]["output_name"]}
    # nothing is left to do
    third = night.run(_REPLACE)
    assert third.report["counts"]["skipped"] == 4 and third.objects() == second.objects()


def test_what_somebody_else_has_changed_is_not_replaced(night: Night) -> None:
    first = night.run()
    changed = night.output / night.rows(first)["SECRETNAME-1"]["output_name"]
    changed.write_bytes(b"somebody's")
    night.put("SECRETNAME-1", "1.2.3.1.1", _OTHER)
    second = night.run(_REPLACE)
    assert night.rows(second)["SECRETNAME-1"]["reason"] == "output-conflict"
    assert changed.read_bytes() == b"somebody's"


def killed(night: Night, run: Finished) -> None:
    """What a killed run leaves that had written all and accounted for nothing: no row tells of its objects."""
    audit = audit_of(night.output)
    assert run.code == 0
    for path in audit.iterdir():
        if path.name != "output.json":
            path.unlink()


@pytest.mark.parametrize("left", [b"", b"DICM"])
def test_what_a_power_cut_left_without_a_row_is_made_anew(night: Night, left: bytes) -> None:
    whole = night.run(resume=False)
    killed(night, whole)
    torn = night.output / night.rows(whole)["SECRETNAME-1"]["output_name"]
    torn.write_bytes(left)
    again = night.run(resume=False)
    assert again.code == 0 and again.objects() == whole.objects()
    assert night.rows(again)["SECRETNAME-1"]["notes"] == night.rows(whole)["SECRETNAME-1"]["notes"]


def test_what_another_run_may_be_at_is_left_alone_and_tried_again(night: Night) -> None:
    whole = night.run(resume=False)
    killed(night, whole)
    torn = night.output / night.rows(whole)["SECRETNAME-1"]["output_name"]
    torn.write_bytes(b"torn")
    lock = lock_file(audit_of(night.output) / ".lock-0123abcd")
    try:
        second = night.run()
    finally:
        os.close(lock)
    row = night.rows(second)["SECRETNAME-1"]
    assert (row["reason"], row["output_name"]) == ("output-in-use", night.rows(whole)["SECRETNAME-1"]["output_name"])
    assert torn.read_bytes() == b"torn"
    third = night.run()
    assert night.rows(third)["SECRETNAME-1"]["status"] == "written" and third.objects() == whole.objects()


def test_an_output_of_any_earlier_run_is_left_alone(night: Night, tmp_path: Path) -> None:
    """Not only the last one's: what an object was that is gone since, and runs without --resume over other inputs."""
    first = night.run()
    gone = night.rows(first)["SECRETNAME-3"]["output_name"]
    (night.archive / "SECRETNAME-3").unlink()
    night.run()
    night.run()
    night.put("later", "1.2.3.1.3", _OTHER)
    assert night.rows(night.run())["later"]["reason"] == "output-conflict"
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(night.archive / "later", other / "x")
    elsewhere = night.run(resume=False, archive=other)
    assert elsewhere.report["reasons"] == {"output-conflict": 1}
    assert (night.output / gone).read_bytes() == first.objects()[gone]


def test_an_output_of_a_run_with_another_audit_is_left_alone(night: Night, tmp_path: Path) -> None:
    """The rows of what was skipped are the only ones there that tell of it."""
    first = night.run()
    audits = ("--audit", str(tmp_path / "second-audit"))
    deidentify(night.archive, night.output, night.key, "--resume", str(audit_of(night.output)), *audits)
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").write_bytes(ct_file("1.2.3.8.1", study="1.2.3.8"))
    deidentify(other, night.output, night.key, *audits)
    night.put("SECRETNAME-1", "1.2.3.1.1", _OTHER)
    deidentify(night.archive, night.output, night.key, *audits)
    (report,) = (tmp_path / "second-audit").glob("run.json")
    assert json.loads(report.read_text())["reasons"] == {"output-conflict": 1}
    assert Run(night.output, 0, "").objects().items() >= first.objects().items()


def test_where_an_account_can_not_be_checked_nothing_is_replaced(night: Night) -> None:
    night.run()
    night.run()
    (account,) = audit_of(night.output).glob("earlier/*/run.json")
    account.write_text(json.dumps({**json.loads(account.read_text()), "listed": 5}))
    night.put("new", "1.2.3.1.9")
    expected = night.run().objects()
    name = night.rows(Finished(Run(night.output, 0, "")))["new"]["output_name"]
    night.put("newer", "1.2.3.1.10")
    # somebody's file without a row
    foreign = night.output / Path(name).with_name("2.25.1.dcm")
    foreign.write_bytes(b"somebody's")
    assert expected.keys() < {*expected, str(foreign.relative_to(night.output))}
    night.run()
    assert foreign.read_bytes() == b"somebody's"


def test_a_run_that_was_killed_while_it_put_tables_aside_is_gone_on_from(night: Night) -> None:
    first = night.run()
    audit = audit_of(night.output)
    tables = sorted(first.report["tables"])
    aside = audit / "earlier" / first.report["run_id"]
    aside.mkdir(parents=True)
    for table in tables[: len(tables) // 2]:
        (audit / table).rename(aside / table)
    second = night.run()
    assert second.code == 0 and second.report["counts"]["skipped"] == 4
    assert {path.name for path in aside.iterdir()} == {
        *tables,
        "run.json",
        "run-restricted.json",
        "report.html",
        "report-review.html",
    }
