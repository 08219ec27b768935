"""What became of objects by the crosswalk, in real runs: of each listed one what the audit says, and its name nowhere else."""

from __future__ import annotations

import csv
import os
import zipfile
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.pipeline.conftest import KEEPING, Run, ct_file, deidentify, run_command
from tests.pipeline.containers.fakes import tar_of, zip_of
from tests.pipeline.test_killed_workers import LOCAL, at_work
from tests.pipeline.test_restart import kill_all
from tests.support.certificates import key_pair
from tests.support.engines import engine
from tests.support.objects import Element
from tests.support.tokens import Tokens
from transforms import CROSSWALK

AT_RISK = Element(0x00280301, "CS", "YES")
NOT_UTF8 = b"caf\xe9 \xff.dcm"
Said = dict[str, tuple[str, str, str]]


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def mixed(folder: Path) -> Path:
    """All that may become of an object: alone, in zips and in tars."""
    good, other = ct_file("1.2.3.1"), ct_file("1.2.3.2", study="1.2.9")
    packed = {"good.dcm": ct_file("1.2.3.10"), "text.txt": b"no DICOM" * 30, "risky.dcm": ct_file("1.2.3.11", AT_RISK)}
    write(
        folder,
        {
            "good.dcm": good,
            "other.dcm": other,
            "again/good.dcm": good,
            "conflict-1.dcm": ct_file("1.2.3.3", Element(0x00080060, "CS", "CA")),
            "conflict-2.dcm": ct_file("1.2.3.3", Element(0x00080060, "CS", "CB")),
            "moved-1.dcm": ct_file("1.2.3.4", study="1.2.7"),
            "moved-2.dcm": ct_file("1.2.3.4", study="1.2.8"),
            "risky.dcm": ct_file("1.2.3.5", AT_RISK),
            "=text.txt": b"no DICOM" * 30,
            "empty": b"",
            "cut.dcm": good[:-5],
            "DICOMDIR": good.replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0"),
            "a.zip": zip_of(packed | {"again.dcm": other}),
            "b.tar": tar_of({f"{name}": content for name, content in packed.items() if name != "risky.dcm"}),
            "c.tar.gz": tar_of({"good.dcm": ct_file("1.2.3.12"), "empty": b""}, "w:gz"),
            "broken.zip": b"PK\3\4 no zip" * 20,
            "broken.tar": tar_of({"good.dcm": ct_file("1.2.3.13"), "cut.dcm": ct_file("1.2.3.14")})[:-12_000],
            "cut.tar.gz": tar_of({"good.dcm": ct_file("1.2.3.15")}, "w:gz")[:-400],
        },
    )
    Path(os.fsdecode(os.fsencode(folder) + b"/" + NOT_UTF8)).write_bytes(ct_file("1.2.3.6"))
    return folder


def reidentify(crosswalk: Path, key: Path, *arguments: str) -> list[dict[str, str]]:
    """Rows of the real command."""
    done = run_command("reidentify", "--crosswalk", str(crosswalk), "--key", f"file:{key}", "--csv", *arguments)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(StringIO(done.stdout, newline="")))


def said(rows: list[dict[str, str]]) -> Said:
    """By the crosswalk, of each object once."""
    assert len({row["source_id"] for row in rows}) == len(rows)
    return {row["source_id"]: (row["status"], row["reason"], row["reason_tag"]) for row in rows}


def audited(run: Run) -> Said:
    """By the audit; what was skipped was written once."""
    rows = run.table("instances")
    assert len({row["source_id"] for row in rows}) == len(rows) == run.report["listed"]
    return {
        row["source_id"]: (row["status"].replace("skipped", "written"), row["reason"] or "", row["reason_tag"] or "")
        for row in rows
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed(tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="module")
def made(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("made")
    run = deidentify(archive, folder / "out", key_file, "--crosswalk", str(folder / "crosswalk"))
    assert run.code == 3, run.log
    return run, folder / "crosswalk"


def test_each_listed_object_has_a_row_with_what_became_of_it(made: tuple[Run, Path], key_file: Path) -> None:
    run, crosswalk = made
    rows = reidentify(crosswalk, key_file)
    assert said(rows) == audited(run)
    counts = run.report["counts"]
    assert min(counts[status] for status in ("written", "duplicate", "filtered", "quarantined")) > 0
    assert {row["status_run_id"] for row in rows} == {run.report["run_id"]}


def test_the_names_are_there_even_of_what_could_not_be_read(made: tuple[Run, Path], archive: Path, key_file: Path) -> None:
    run, crosswalk = made
    rows = {bytes.fromhex(row["source_hex"]) or row["source"].encode(): row for row in reidentify(crosswalk, key_file)}
    for name, status, reason in (
        (b"good.dcm", "written", ""),
        (b"again/good.dcm", "duplicate", ""),
        (b"conflict-1.dcm", "quarantined", "sop-instance-conflict"),
        (b"moved-2.dcm", "quarantined", "sop-instance-conflict"),
        (b"risky.dcm", "quarantined", "burned-in-annotation"),
        # a spreadsheet would run it
        (b"'=text.txt", "filtered", "not-dicom"),
        (b"a.zip!/text.txt", "filtered", "not-dicom"),
        (b"a.zip!/risky.dcm", "quarantined", "burned-in-annotation"),
        (b"b.tar!/good.dcm", "duplicate", ""),
        (NOT_UTF8, "written", ""),
    ):
        found = rows.pop(name)
        if name in (b"good.dcm", b"again/good.dcm", b"b.tar!/good.dcm"):
            # one of two that are equal is written
            assert found["status"] in ("written", "duplicate"), name
        else:
            assert (found["status"], found["reason"]) == (status, reason), name
    assert {b"broken.zip", b"broken.tar", b"cut.tar.gz", b"empty", b"cut.dcm"} <= {name.partition(b"!")[0] for name in rows}
    # as far as it was read: who it is, if pass 1 could tell
    assert all(row["new_sop_instance_uid"] for row in rows.values() if row["status"] == "written")
    assert run.report["listed"] == len(rows) + 10


def test_an_object_is_found_by_what_the_audit_calls_it_whatever_became_of_it(made: tuple[Run, Path], key_file: Path) -> None:
    run, crosswalk = made
    refused = [row for row in run.table("instances") if row["status"] == "quarantined"]
    rows = reidentify(crosswalk, key_file, *(row["source_id"] for row in refused))
    everything = audited(run)
    assert said(rows) == {row["source_id"]: everything[row["source_id"]] for row in refused}
    assert all(row["source"] for row in rows)
    for row in refused:
        if row["sop_instance_uid"]:
            assert row["source_id"] in said(reidentify(crosswalk, key_file, row["sop_instance_uid"]))
            break
    risky = reidentify(crosswalk, key_file, "--status", "quarantined", "--reason", "burned-in-annotation")
    assert {row["source"] for row in risky} == {"risky.dcm", "a.zip!/risky.dcm"}


def test_every_engine_and_a_certificate_say_the_same(
    made: tuple[Run, Path], archive: Path, key_file: Path, tmp_path: Path
) -> None:
    pair = key_pair(tmp_path)
    for name in ("two processes", "every bundle twice"):
        with engine(name) as flags:
            crosswalk = tmp_path / name
            options = ("--crosswalk", str(crosswalk), "--crosswalk-certificate", str(pair.certificate), *flags)
            run = deidentify(archive, tmp_path / "out" / name, key_file, *options)
        assert run.code == 3, run.log
        found = said(reidentify(crosswalk, key_file, "--private-key", str(pair.private_key)))
        assert found == audited(run)
        assert all(path.name.endswith(".p7m") for path in crosswalk.iterdir())
        # which of two that are equal is written is up to nobody
        assert sorted(found.values()) == sorted(said(reidentify(made[1], key_file)).values())


def test_a_run_that_goes_on_changes_what_it_did_and_keeps_what_it_skipped(tmp_path: Path, key_file: Path) -> None:
    archive, crosswalk = mixed(tmp_path / "in"), tmp_path / "crosswalk"

    def again() -> Run:
        run = deidentify(
            *(archive, tmp_path / "out", key_file),
            *("--resume", "--max-gone", "100", "--crosswalk", str(crosswalk)),
        )
        assert run.code == 3, run.log
        return run

    first = again()
    at_first, first_id = audited(first), first.report["run_id"]
    before = {row["source"]: row for row in reidentify(crosswalk, key_file)}
    # one that was no object is one, and the other way round; some are new, also in a zip; one is gone
    (archive / "empty").write_bytes(ct_file("1.2.3.20"))
    (archive / "other.dcm").write_bytes(b"no DICOM any more" * 100)
    (archive / "new.dcm").write_bytes(ct_file("1.2.3.21"))
    (archive / "new.txt").write_bytes(b"no DICOM" * 20)
    (archive / "again.dcm").write_bytes(ct_file("1.2.3.21"))
    with zipfile.ZipFile(archive / "a.zip", "a") as packed:
        packed.writestr("new.dcm", ct_file("1.2.3.22"))
    (archive / "risky.dcm").unlink()
    second = again()
    assert second.report["counts"]["skipped"] > 0
    rows = reidentify(crosswalk, key_file)
    found, gone = said(rows), before["risky.dcm"]["source_id"]
    # what isn't listed any more is what it was
    assert found.pop(gone) == ("quarantined", "burned-in-annotation", "(0028,0301)") == at_first[gone]
    assert found == audited(second)
    after = {row["source"]: row for row in rows}
    assert (before["empty"]["status"], after["empty"]["status"]) == ("filtered", "written")
    assert after["empty"]["sop_instance_uid"] == "1.2.3.20"
    assert (before["other.dcm"]["status"], after["other.dcm"]["status"]) == ("written", "filtered")
    # it is still known who it was
    assert after["other.dcm"]["sop_instance_uid"] == "1.2.3.2"
    assert after["moved-1.dcm"]["status_run_id"] == first_id
    assert after["new.dcm"]["status_run_id"] == second.report["run_id"]


@pytest.mark.parametrize(("stage", "count"), [("scanned", 300), ("finished", 100), ("finished", 350)])
@pytest.mark.parametrize("flags", [(), LOCAL])
def test_what_a_killed_run_had_done_is_there_when_another_one_goes_on(
    stage: str, count: int, flags: tuple[str, ...], tmp_path: Path, key_file: Path
) -> None:
    archive, crosswalk = mixed(tmp_path / "in"), tmp_path / "crosswalk"
    many = {f"{number}.dcm": ct_file(f"1.2.4.{number}", study=f"1.2.5.{number // 50}") for number in range(400)}
    write(archive, many | {f"{number}.txt": b"no DICOM" * number for number in range(30)})
    options = ("--crosswalk", str(crosswalk), *flags)
    with at_work(archive, tmp_path, key_file, *options) as killed:
        killed.wait_for(stage, count)
        kill_all(killed)
    run = deidentify(archive, killed.output, key_file, *options)
    assert run.code == 3, run.log
    rows = reidentify(crosswalk, key_file)
    assert said(rows) == audited(run)
    assert all(row["source"] or row["source_hex"] for row in rows)


@pytest.mark.parametrize("options", [("--faces", "quarantine"), ("--options", "CleanDesc"), (KEEPING,)])
def test_every_profile_says_what_became_of_all(options: tuple[str, ...], archive: Path, tmp_path: Path, key_file: Path) -> None:
    run = deidentify(archive, tmp_path / "out", key_file, "--crosswalk", str(tmp_path / "crosswalk"), *options)
    assert run.code == 3, run.log
    assert said(reidentify(tmp_path / "crosswalk", key_file)) == audited(run)


def test_names_of_what_could_not_be_read_are_in_no_other_file(tmp_path: Path, key_file: Path) -> None:
    tokens, archive, crosswalk = Tokens(), tmp_path / "in", tmp_path / "crosswalk"
    planted = {f"{tokens.text()}/{tokens.text()}.{kind}": content for kind, content in (("txt", b"no DICOM"), ("dcm", b""))}
    planted[f"{tokens.text()}.zip"] = zip_of({f"{tokens.text()}.dcm": b"no DICOM" * 20})
    planted[f"{tokens.text()}.tar"] = b"no tar"
    write(archive, planted)
    run = deidentify(archive, tmp_path / "out", key_file, "--crosswalk", str(crosswalk), "--log-format", "json")
    assert run.code == 3, run.log
    rows = reidentify(crosswalk, key_file)
    assert len(rows) == 4 and {row["source"].partition("!")[0] for row in rows} == set(planted)
    outside = run.log.encode()
    for path in tmp_path.rglob("*"):
        if path.is_file() and archive not in path.parents:
            assert path.name.startswith(CROSSWALK) == (path.parent == crosswalk)
            if path.name != "run-restricted.json" and path.parent != crosswalk:
                content = repr(pq.read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else path.read_bytes()
                outside += str(path.relative_to(tmp_path)).encode() + content
    assert tokens.found_in(outside) == []


def test_who_has_no_crosswalk_pays_nothing(made: tuple[Run, Path], archive: Path, tmp_path: Path, key_file: Path) -> None:
    run = deidentify(archive, tmp_path / "out", key_file)
    assert run.code == 3 and not list(tmp_path.rglob(f"{CROSSWALK}*"))
    assert sorted(audited(run).values()) == sorted(audited(made[0]).values())
