"""--uid-map: new UIDs that were given away stay, whatever the key says now."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from anonymizer import Key
from anonymizer.internals import KeyedUids
from tests.support.keys import write_key
from tests.support.objects import Element, read
from tests.support.runs import Run, ct_file, run_command

STUDY, OLD, NEW = "1.2.3.1", "1.2.3.1.5", "1.2.3.1.6"


class Rotation:
    """An archive, the run with the first key, and a second key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = folder / "in"
        self.archive.mkdir()
        for name in ("first", "second", "third"):
            write_key(folder / name, hashlib.sha256(name.encode()).hexdigest())
        (self.archive / "old").write_bytes(ct_file(OLD, study=STUDY))

    def uid(self, key: str, uid: str) -> str:
        return KeyedUids(Key.load(f"file:{self.folder / key}", "")).new_uid(uid.encode(), 0x00080018).decode()

    def run(self, key: str, output: str, *flags: str) -> Run:
        output_folder = self.folder / output
        done = run_command(
            "run",
            *("--input", str(self.archive), "--output", str(output_folder), "--key", f"file:{self.folder / key}"),
            *flags,
        )
        assert "Traceback" not in done.stderr
        return Run(output_folder, done.returncode, done.stdout + done.stderr)

    def rotated(self, *flags: str) -> Run:
        old = ("--uid-map", str(self.folder / "a-audit"), "--uid-map-key", f"file:{self.folder / 'first'}")
        return self.run("second", "b", *old, *flags)


@pytest.fixture
def rotation(tmp_path: Path) -> Rotation:
    rotation = Rotation(tmp_path)
    first = rotation.run("first", "a")
    assert first.code == 0, first.log
    # another object of the same study and series, which refers to the old one
    item = [Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), Element(0x00081155, "UI", OLD)]
    reference = Element(0x00081115, "SQ", [[Element(0x0008114A, "SQ", [item]), Element(0x0020000E, "UI", "1.2.3.1.1")]])
    (rotation.archive / "new").write_bytes(ct_file(NEW, reference, study=STUDY))
    return rotation


def test_uids_that_were_given_away_stay_and_others_are_the_new_keys(rotation: Rotation) -> None:
    run = rotation.rotated()
    assert run.code == 0, run.log
    study = rotation.uid("first", STUDY)
    assert {name.split("/")[0] for name in run.objects()} == {study}
    found = {str(one.SOPInstanceUID): one for one in map(read, run.objects().values())}
    assert set(found) == {rotation.uid("first", OLD), rotation.uid("second", NEW)}
    item = found[rotation.uid("second", NEW)].ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    assert item.ReferencedSOPInstanceUID == rotation.uid("first", OLD)
    assert {str(one.file_meta.MediaStorageSOPInstanceUID) for one in found.values()} == set(found)
    # all is in the map, by the hashes of the first key
    hash_of = KeyedUids(Key.load(f"file:{rotation.folder / 'first'}", "")).hash
    mapping = {row["uid_hash"]: row["new_uid"] for row in run.table("uid_map")}
    assert mapping[hash_of(OLD.encode())] == rotation.uid("first", OLD)
    assert mapping[hash_of(NEW.encode())] == rotation.uid("second", NEW)
    names = {row["sop_instance_uid"] for row in run.table("instances")}
    assert names == set(found) and {row["key_id"] for row in run.table("instances")} == {run.report["key_id"]}
    # the patients' hashes of two keys are no two patients
    assert run.report["references"]["joining_patients"] == 0


def test_a_run_that_goes_on_needs_the_map_again(rotation: Rotation) -> None:
    rotation.rotated()
    (rotation.archive / "newer").write_bytes(ct_file("1.2.3.1.7", study=STUDY))
    refused = rotation.run("second", "b", "--resume")
    assert refused.code == 2 and "other settings" in refused.log
    run = rotation.rotated("--resume")
    assert run.code == 0 and run.report["counts"]["skipped"] == 2 and run.report["counts"]["written"] == 1
    assert {name.split("/")[0] for name in run.objects()} == {rotation.uid("first", STUDY)}


def test_the_third_key_goes_on_with_the_second_ones_map(rotation: Rotation) -> None:
    before = rotation.rotated()
    (rotation.archive / "newer").write_bytes(ct_file("1.2.3.1.7", study=STUDY))
    flags = ("--uid-map", str(rotation.folder / "b-audit"), "--uid-map-key", f"file:{rotation.folder / 'first'}")
    run = rotation.run("third", "c", *flags)
    assert run.code == 0, run.log
    assert run.objects().keys() > before.objects().keys()
    assert {Path(name).stem for name in run.objects()} - {Path(name).stem for name in before.objects()} == {
        rotation.uid("third", "1.2.3.1.7")
    }


def test_a_map_that_cannot_go_on_is_refused(rotation: Rotation, tmp_path: Path) -> None:
    audit, first = str(tmp_path / "a-audit"), f"file:{tmp_path / 'first'}"
    for flags, said in (
        (("--uid-map", audit), "--uid-map-key is not the key"),
        (("--uid-map", audit, "--uid-map-key", first, "--uid-map-scope", "other"), "--uid-map-scope was another one"),
        (("--uid-map", str(tmp_path / "in"), "--uid-map-key", first), "no run.json"),
        (("--uid-map-key", first), "need --uid-map"),
        (("--uid-map", audit, "--uid-map-key", first, "--crosswalk", str(tmp_path / "cross")), "exclude each other"),
    ):
        refused = rotation.run("second", "b", *flags)
        assert refused.code == 2 and said in refused.log, refused.log
    assert not (tmp_path / "b").exists()


def test_the_same_key_may_go_on_with_its_own_map(rotation: Rotation) -> None:
    run = rotation.run("first", "b", "--uid-map", str(rotation.folder / "a-audit"))
    assert run.code == 0, run.log
    assert {str(read(content).SOPInstanceUID) for content in run.objects().values()} == {
        rotation.uid("first", OLD),
        rotation.uid("first", NEW),
    }
