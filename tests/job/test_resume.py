"""--resume: a nightly run does what is new or changed, retries what may be right now, and tells what is gone."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from anonymizer import Key
from anonymizer.internals import Pseudonyms
from pipeline.cli import main
from tests.support.keys import OTHER_KEY, write_key
from tests.support.objects import Element, read
from tests.support.runs import Run, ct_file, deidentify, run_command
from transforms.uid_map import uids_in_use


class Finished:
    """A run as it was when it ended: the next one puts its account aside."""

    def __init__(self, run: Run) -> None:
        self.code, self.log = run.code, run.log
        # a run with another audit, or that failed, has none there
        if run.code in (0, 3) and run.audit.is_dir():
            self.report = run.report
            self._tables = {name: run.table(name) for name in ("instances", "uid_map", "gone")}
        self._objects = run.objects()

    def table(self, name: str) -> list[dict[str, Any]]:
        return self._tables[name]

    def objects(self) -> dict[str, bytes]:
        return self._objects


class Night:
    """An archive that grows, and the runs over it."""

    def __init__(self, folder: Path, key: Path) -> None:
        self.archive = folder / "SECRETNAME-in"
        self.archive.mkdir()
        self.output = folder / "out"
        self.key = key
        self._source_id = Pseudonyms(Key.load(f"file:{key}", "")).source_id

    def put(self, name: str, instance: str, *extra: Element, study: str = "1.2.3.1") -> None:
        (self.archive / name).write_bytes(ct_file(instance, *extra, study=study))

    def run(self, *flags: str, resume: bool = True, archive: Path | None = None) -> Finished:
        run = deidentify(archive or self.archive, self.output, self.key, *(["--resume"] if resume else []), *flags)
        assert "Traceback" not in run.log and "SECRETNAME" not in run.log
        return Finished(run)

    def rows(self, run: Finished, table: str = "instances") -> dict[str, dict[str, Any]]:
        """Rows by the names of their sources."""
        found = {row["source_id"]: row for row in run.table(table)}
        names = [str(path.relative_to(self.archive)) for path in self.archive.rglob("*")]
        known = {self._source_id(name.encode()): name for name in names}
        return {known.get(source_id, source_id): row for source_id, row in found.items()}

    def spoil(self, name: str) -> None:
        """Turn a file into something else of the same size and time: whoever reads it will say so."""
        path = self.archive / name
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def night(tmp_path: Path, key_file: Path) -> Night:
    night = Night(tmp_path, key_file)
    for number in range(6):
        night.put(f"SECRETNAME-{number}", f"1.2.3.1.{number}")
    (night.archive / "copy").write_bytes((night.archive / "SECRETNAME-0").read_bytes())
    (night.archive / "text").write_bytes(b"no DICOM")
    night.put("burned-in", "1.2.3.9.1", Element(0x00280301, "CS", "YES"), study="1.2.3.9")
    return night


def counts(run: Finished) -> dict[str, int]:
    return {status: count for status, count in run.report["counts"].items() if count}


FIRST = {"written": 6, "duplicate": 1, "filtered": 1, "quarantined": 1}
LATER = {"skipped": 6, "duplicate": 1, "filtered": 1, "quarantined": 1}


def test_the_first_night_does_all_and_the_next_what_is_new(night: Night) -> None:
    first = night.run()
    assert counts(first) == FIRST and first.code == 3
    before = first.objects()
    rows = night.rows(first)
    for name in rows:
        night.spoil(name)
    night.put("new", "1.2.3.2.1", study="1.2.3.2")
    second = night.run()
    assert counts(second) == {**LATER, "written": 1}
    assert second.report["origin"]["resumes"] == first.report["run_id"]
    assert second.objects().items() > before.items() and len(second.objects()) == 7
    found = night.rows(second)
    for name, row in rows.items():
        was_written = row["status"] == "written"
        expected = {**row, "actions": [] if was_written else row["actions"]}
        if was_written:
            expected |= {"status": "skipped", "written_in": first.report["run_id"]}
        assert {**found[name], "actions": found[name]["actions"] or []} == expected
    # a third night knows as much
    third = night.run()
    assert counts(third) == {**LATER, "skipped": 7}
    assert {row["written_in"] for row in third.table("instances") if row["status"] == "skipped"} == {
        first.report["run_id"],
        second.report["run_id"],
    }


def test_without_it_all_is_done_again(night: Night) -> None:
    night.run()
    assert counts(night.run(resume=False)) == FIRST


def test_all_uids_stay_in_the_map_and_the_proof(night: Night) -> None:
    first = night.run()
    night.put("new", "1.2.3.2.1", study="1.2.3.2")
    second = night.run()
    mapping, later = ({row["uid_hash"]: row["new_uid"] for row in run.table("uid_map")} for run in (first, second))
    assert mapping.items() < later.items()
    # an output of the first night in the archive
    _, content = next(iter(first.objects().items()))
    (night.archive / "output").write_bytes(content)
    failed = night.run()
    assert failed.code == 1 and "already in the archive" in failed.log


@pytest.mark.parametrize("most", [0, 1 << 20])
def test_the_map_is_the_same_whether_all_of_it_is_shuffled(
    most: int, night: Night, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.run()
    # in a known series, and in a new study; the map of all is that of one run over all
    night.put("new", "1.2.3.1.77")
    night.put("other", "1.2.3.2.1", study="1.2.3.2")
    whole = deidentify(night.archive, tmp_path / "whole", key_file)
    monkeypatch.setattr(uids_in_use, "MOST", most)
    command = ["run", f"--input={night.archive}", f"--output={night.output}", f"--key=file:{key_file}", "--resume"]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--direct_num_workers=1"], standalone_mode=False)
    assert ended.value.code == 3
    run = Run(night.output, 3, "")
    for table in ("uid_map", "references"):
        found, expected = (sorted(each.table(table), key=lambda row: row["uid_hash"]) for each in (run, whole))
        assert found == expected and (found or table == "references")
    assert any("untouched" in name for name in run.report["tables"]) == (most > 0)


def test_what_changed_is_done_again_and_never_overwrites(night: Night) -> None:
    first = night.run()
    # the same content at another time, other content under the same UID, another instance in its place
    os.utime(night.archive / "SECRETNAME-1", ns=(1, 1))
    night.put("SECRETNAME-2", "1.2.3.1.2", Element(0x00280012, "US", 7))
    night.put("SECRETNAME-3", "1.2.3.1.33")
    second = night.run()
    rows = night.rows(second)
    assert rows["SECRETNAME-1"]["status"] == "written"
    assert (rows["SECRETNAME-2"]["status"], rows["SECRETNAME-2"]["reason"]) == ("quarantined", "output-conflict")
    assert rows["SECRETNAME-3"]["status"] == "written"
    assert second.objects().items() >= first.objects().items() and len(second.objects()) == 7


def test_a_new_object_that_claims_an_old_instance(night: Night) -> None:
    first = night.run()
    (night.archive / "copy-2").write_bytes((night.archive / "SECRETNAME-4").read_bytes())
    night.put("other", "1.2.3.1.5", Element(0x00280012, "US", 7))
    night.put("moved", "1.2.3.1.1", study="1.2.3.7")
    second = night.run()
    rows = night.rows(second)
    assert rows["copy-2"]["status"] == "duplicate"
    assert (rows["other"]["status"], rows["other"]["reason"]) == ("quarantined", "output-conflict")
    assert (rows["moved"]["status"], rows["moved"]["reason"]) == ("quarantined", "sop-instance-conflict")
    assert second.objects() == first.objects()


def test_what_is_gone_is_told(night: Night) -> None:
    first = night.run()
    rows = night.rows(first)
    for name in ("SECRETNAME-5", "text"):
        (night.archive / name).unlink()
    second = night.run()
    assert second.report["listed"] == 7 and second.report["gone"] == 2 and "gone from the inputs" in second.log
    gone = {row["source_id"]: row for row in second.table("gone")}
    assert gone.keys() == {rows["SECRETNAME-5"]["source_id"], rows["text"]["source_id"]}
    assert gone[rows["SECRETNAME-5"]["source_id"]]["output_name"] == rows["SECRETNAME-5"]["output_name"]
    # once
    third = night.run()
    assert third.report["gone"] == 0 and third.report["listed"] == 7


def test_what_was_refused_is_tried_again_by_other_rules(night: Night) -> None:
    night.run()
    # the same rules: not even looked at
    night.spoil("burned-in")
    assert night.rows(night.run())["burned-in"]["reason"] == "burned-in-annotation"
    night.put("burned-in", "1.2.3.9.1", Element(0x00280301, "CS", "YES"), study="1.2.3.9")
    # what is kept is a setting of the output
    assert night.run("--burned-in=keep").code == 2
    kept = night.run("--burned-in=keep", "--mixed-output")
    assert counts(kept) == {"written": 1, "skipped": 6, "duplicate": 1, "filtered": 1}


def test_other_profiles_and_keys_are_not_mixed_unless_told(night: Night, tmp_path: Path) -> None:
    first = night.run()
    refused = night.run("--options=RetainDeviceIdent")
    assert refused.code == 2 and "other settings" in refused.log and "--mixed-output" in refused.log
    night.put("new", "1.2.3.2.1", study="1.2.3.2")
    mixed = night.run("--options=RetainDeviceIdent", "--mixed-output")
    assert counts(mixed) == {**LATER, "written": 1}
    digests = {row["status"]: row["profile_digest"] for row in mixed.table("instances")}
    assert digests["skipped"] == first.report["profile_digest"] != digests["written"] == mixed.report["profile_digest"]
    other = tmp_path / "other"
    write_key(other, OTHER_KEY)
    flags = ("run", "--input", str(night.archive), "--output", str(night.output), "--key", f"file:{other}", "--resume")
    assert run_command(*flags).returncode == 2
    done = run_command(*flags, "--mixed-output")
    assert done.returncode == 2 and "another key" in done.stderr


def test_what_the_output_lost_is_written_again(night: Night) -> None:
    first = night.run()
    lost = night.rows(first)["SECRETNAME-3"]["output_name"]
    (night.output / lost).unlink()
    second = night.run()
    assert counts(second) == {**LATER, "skipped": 5, "written": 1}
    assert second.objects() == first.objects()


def tar_of(members: Iterable[tuple[str, bytes]]) -> bytes:
    target = BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, BytesIO(content))
    return target.getvalue()


def test_a_container_that_is_the_same_is_not_opened(night: Night) -> None:
    members = [(f"SECRETNAME-{number}", ct_file(f"1.2.4.{number}", study="1.2.4")) for number in range(3)]
    (night.archive / "some.tar").write_bytes(tar_of(members))
    first = night.run()
    assert counts(first) == {**FIRST, "written": 9}
    night.spoil("some.tar")
    second = night.run()
    assert counts(second) == {**LATER, "skipped": 9}
    # a member more, one less: the container is another one
    (night.archive / "some.tar").write_bytes(tar_of([*members[1:], ("new", ct_file("1.2.4.9", study="1.2.4"))]))
    third = night.run()
    assert third.report["gone"] == 1
    assert third.report["counts"]["written"] + third.report["counts"]["duplicate"] == 4
    assert third.report["counts"]["skipped"] == 6
    (night.archive / "some.tar").unlink()
    assert night.run().report["gone"] == 3


def test_files_that_a_manifest_names_are_skipped(night: Night, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.txt"

    def name_all() -> None:
        manifest.write_text("".join(f"{path}\n" for path in sorted(night.archive.iterdir())))

    name_all()
    assert counts(night.run(archive=manifest)) == FIRST
    for number in range(6):
        night.spoil(f"SECRETNAME-{number}")
    night.put("new", "1.2.3.2.1", study="1.2.3.2")
    name_all()
    assert counts(night.run(archive=manifest)) == {**LATER, "written": 1}
    # a file of another size, and one that isn't there any more
    night.put("new", "1.2.3.2.1", Element(0x00100040, "CS", "O"), study="1.2.3.2")
    (night.archive / "text").unlink()
    again = night.run(archive=manifest)
    assert counts(again) == {"skipped": 6, "duplicate": 1, "quarantined": 3}
    assert set(again.report["reasons"]) >= {"output-conflict", "unreadable"}


def test_a_manifest_that_breaks_far_behind_is_told_as_one_that_breaks_at_once(night: Night, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    first = f"name,size\n{night.archive / 'text'},8\n"
    manifest.write_text(first)
    night.run(archive=manifest)
    said = []
    for rows in (0, 1_500):
        manifest.write_text(first + f"{night.archive / 'text'},8\n" * rows + f"{night.archive / 'text'},much\n")
        failed = night.run(archive=manifest)
        assert failed.code == 2
        said += [line for line in failed.log.splitlines() if line.startswith("Error: --input: ")]
    assert len(said) == 2


def test_the_audit_may_be_another_each_night(night: Night, tmp_path: Path) -> None:
    first = night.run(f"--audit={tmp_path / 'first'}")
    night.put("new", "1.2.3.2.1", study="1.2.3.2")
    second = night.run(f"--audit={tmp_path / 'second'}", f"--resume={tmp_path / 'first'}", resume=False)
    assert first.code == second.code == 3, second.log
    (night.archive / "copy-of-new").write_bytes((night.archive / "new").read_bytes())
    third = night.run(f"--audit={tmp_path / 'third'}", f"--resume={tmp_path / 'second'}", resume=False)
    assert "duplicate 2" in " ".join(third.log.split())
    assert "skipped 6" in " ".join(second.log.split())


def test_retained_uids_are_claimed_by_what_is_skipped(night: Night) -> None:
    flags = ("--options=RetainUIDs",)
    night.run(*flags)
    night.put("moved", "1.2.3.1.1", study="1.2.3.7")
    row = night.rows(night.run(*flags))["moved"]
    assert (row["status"], row["reason"]) == ("quarantined", "sop-instance-conflict")


def test_words_of_skipped_objects_are_known_to_new_ones(night: Night) -> None:
    """PS3.15 E.3.5: a name that only an object of the night before has, and that a clinical vocabulary has, too."""
    patient, other = Element(0x00100020, "LO", "MRN-1"), Element(0x00100020, "LO", "MRN-2")
    text = Element(0x00081030, "LO", "MRI chest without contrast")
    flags = ("--options=CleanDesc",)
    night.put("maiden", "1.2.5.1", patient, Element(0x00100010, "PN", "Contrast^Jane"), study="1.2.5")
    night.run(*flags)
    night.put("idle", "1.2.5.9", other, study="1.2.9")
    night.run(*flags)
    night.put("later", "1.2.6.1", patient, text, study="1.2.6")
    night.put("another's", "1.2.7.1", other, text, study="1.2.7")
    third = night.run(*flags)
    rows = night.rows(third)
    found = {name: read(third.objects()[rows[name]["output_name"]]).StudyDescription for name in ("later", "another's")}
    assert "contrast" not in found["later"].lower() and "chest" in found["later"].lower()
    assert "contrast" in found["another's"].lower()


def test_a_crosswalk_misses_nobody_that_is_skipped(night: Night, tmp_path: Path, key_file: Path) -> None:
    night.run()
    for name in ("one", "other"):
        refused = night.run(f"--crosswalk={tmp_path / name}")
        assert refused.code == 2 and "no rows to this crosswalk" in refused.log
        assert night.run(f"--crosswalk={tmp_path / name}", resume=False).code == 3
    night.put("new", "1.2.3.2.1", study="1.2.3.2")
    assert counts(night.run(f"--crosswalk={tmp_path / 'other'}")) == {**LATER, "written": 1}
    said = run_command("reidentify", f"--crosswalk={tmp_path / 'other'}", f"--key=file:{key_file}", "--csv").stdout
    assert all(name in said for name in ("SECRETNAME-1", "new", "1.2.3.2.1"))
