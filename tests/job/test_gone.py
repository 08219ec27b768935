"""An empty or shrunken input is no success: a run over it fails, and the next night goes on from the run before."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.runs import Run, audit_of, run_command, write_studies

#: what the tests' names of places begin with
SECRET = "SECRETNAME"


class Archive:
    """Folders whose objects come and go, and the runs over them."""

    def __init__(self, folder: Path, key: Path) -> None:
        self._folder = folder
        self._key = key
        self.output = folder / "out"
        self.audit = audit_of(self.output)

    def input(self, name: str, count: int = 0, first: int = 0) -> Path:
        """A folder with so many objects more; the objects' UIDs begin with ``first``."""
        folder = self._folder / f"{SECRET}-{name}"
        folder.mkdir(exist_ok=True)
        if count:
            apart = self._folder / "made"
            apart.mkdir()
            write_studies(apart, (str(number) for number in range(first + count)), lambda _: [])
            for number in range(first, first + count):
                shutil.move(apart / str(number), folder / str(number))
            shutil.rmtree(apart)
        return folder

    def take(self, folder: Path, count: int) -> None:
        """Put so many objects of a folder aside."""
        aside = folder.with_name(f"{folder.name}-aside")
        aside.mkdir(exist_ok=True)
        for path in sorted(folder.iterdir())[:count]:
            path.rename(aside / path.name)

    def put_back(self, folder: Path) -> None:
        aside = folder.with_name(f"{folder.name}-aside")
        for path in aside.iterdir():
            path.rename(folder / path.name)
        aside.rmdir()

    def run(self, *inputs: Path | str, flags: Iterable[str] = (), resume: bool = True) -> Run:
        places = (f"--input={name}" for name in inputs)
        outputs = (f"--output={self.output}", f"--key=file:{self._key}", "--audit", str(self.audit))
        done = run_command("run", *places, *outputs, *(["--resume"] if resume else []), *flags)
        run = Run(self.output, done.returncode, done.stdout + done.stderr)
        assert SECRET not in run.log and "Traceback" not in run.log
        if run.code == 0:
            assert SECRET not in (run.audit / "run.json").read_text()
        return run

    def written(self) -> dict[str, bytes]:
        """All that lies in output and audit."""
        files = (path for folder in (self.output, self.audit) for path in folder.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}

    def counts(self, run: Run) -> dict[str, int]:
        assert run.code == 0, run.log
        return {status: count for status, count in run.report["counts"].items() if count}


@pytest.fixture
def archive(tmp_path: Path, key_file: Path) -> Archive:
    return Archive(tmp_path, key_file)


def is_refused(run: Run, gone: int, formerly: int) -> bool:
    said = f"{gone} of the {formerly} objects that the last run listed under the same inputs are gone"
    return run.code == 1 and said in run.log and "--max-gone 100" in run.log


def test_an_empty_mount_point_is_an_error_and_the_next_night_goes_on(archive: Archive) -> None:
    folder = archive.input("in", 30)
    # on the first night, too
    archive.take(folder, 30)
    assert archive.run(folder).code == 2 and not archive.output.exists()
    archive.put_back(folder)
    assert archive.counts(archive.run(folder)) == {"written": 30}
    before = archive.written()
    archive.take(folder, 30)
    for resume in (True, False):
        refused = archive.run(folder, resume=resume)
        assert refused.code == 2 and "--input lists no objects: check that it is mounted, or give --allow-empty" in refused.log
        # empty, but of what was there before too much is gone
        assert is_refused(archive.run(folder, flags=["--allow-empty"], resume=resume), 30, 30)
        assert {name: content for name, content in archive.written().items() if "/.lock-" not in name} == before
    archive.put_back(folder)
    assert archive.counts(archive.run(folder)) == {"skipped": 30}


def test_each_input_must_list_something(archive: Archive, tmp_path: Path) -> None:
    full, empty = archive.input("full", 2), archive.input("empty")
    (empty / "folder").mkdir()
    manifest = tmp_path / f"{SECRET}.csv"
    manifest.write_text("name,size\n")
    for other, said in (
        (empty, "lists no objects"),
        (manifest, "lists no objects"),
        (f"{full}/*.no", "matches nothing"),
    ):
        refused = archive.run(full, other, resume=False)
        assert refused.code == 2 and f"--input number 2 {said}: check that it is mounted" in refused.log
        assert not archive.output.exists()
    taken = archive.run(full, empty, manifest, f"{full}/*.no", flags=["--allow-empty"])
    assert archive.counts(taken) == {"written": 2}
    assert taken.report["origin"]["allow_empty"] is True
    assert sorted(taken.report["inputs"].values()) == [2] and len(taken.report["origin"]["inputs"]) == 4
    # all of them, at once and alone
    assert archive.run(empty, manifest, flags=["--allow-empty", "--max-gone=100"]).report["listed"] == 0


def test_a_shrunken_input_ends_the_run_before_anything_is_written(archive: Archive) -> None:
    folder = archive.input("in", 420)
    assert archive.run(folder).code == 0
    # 5 %
    archive.take(folder, 21)
    smaller = archive.run(folder)
    assert archive.counts(smaller) == {"skipped": 399} and smaller.report["gone"] == 21
    before = archive.written()
    archive.take(folder, 199)
    archive.input("in", 5, first=900)
    for resume in (True, False):
        refused = archive.run(folder, resume=resume)
        assert is_refused(refused, *(199, 399) if resume else (194, 399)), refused.log
        after = archive.written()
        # what pass 1 has found isn't lost; tables that no account names are
        assert {name: after.get(name) for name in before} == before
        assert all("/ledger-" in name or "/.lock" in name for name in after.keys() - before.keys())
    archive.put_back(folder)
    following = archive.run(folder)
    assert archive.counts(following) == {"skipped": 399, "written": 26}
    # removed on purpose
    archive.take(folder, 210)
    allowed = archive.run(folder, flags=["--max-gone=100"])
    assert archive.counts(allowed) == {"skipped": 215} and allowed.report["gone"] == 210
    assert allowed.report["origin"]["max_gone"] == 100


def test_several_processes_end_like_one(archive: Archive) -> None:
    flags = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    folder = archive.input("in", 100)
    assert archive.run(folder, flags=flags).code == 0
    before = archive.written()
    archive.take(folder, 50)
    for resume in (True, False):
        assert is_refused(archive.run(folder, flags=flags, resume=resume), 50, 100)
    archive.put_back(folder)
    after = archive.written()
    assert {name: after.get(name) for name in before} == before
    assert archive.counts(archive.run(folder, flags=flags)) == {"skipped": 100}


def test_few_objects_may_go_unless_none_may(archive: Archive) -> None:
    folder = archive.input("in", 30)
    archive.run(folder)
    archive.take(folder, 1)
    assert is_refused(archive.run(folder, flags=["--max-gone=0"]), 1, 30)
    assert is_refused(archive.run(folder, flags=["--max-gone=0"], resume=False), 1, 30)
    archive.put_back(folder)
    archive.take(folder, 19)
    assert archive.run(folder).report["gone"] == 19
    archive.put_back(folder)
    archive.take(folder, 12)
    assert archive.run(folder, resume=False).report["listed"] == 18


def test_other_inputs_may_be_smaller(archive: Archive) -> None:
    large, small = archive.input("large", 60), archive.input("small", 3, first=100)
    archive.run(large)
    assert archive.counts(archive.run(small, resume=False)) == {"written": 3}
    archive.run(large, resume=False)
    other = archive.run(small)
    assert archive.counts(other) == {"written": 3} and other.report["gone"] == 60


def test_inputs_are_known_in_any_order_and_alone(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, new = archive.input("1", 40), archive.input("2", 30, first=100), archive.input("3", 2, first=200)
    first = archive.run(one, other)
    assert archive.counts(first) == {"written": 70}
    # whatever they are called
    monkeypatch.chdir(tmp_path)
    again = archive.run(f"{other.name}/", f"./{one.name}/../{one.name}")
    assert archive.counts(again) == {"skipped": 70} and again.report["gone"] == 0
    assert again.report["inputs"] == first.report["inputs"]
    more = archive.run(new, other, one)
    assert archive.counts(more) == {"skipped": 70, "written": 2}
    assert {row["input_id"] for row in more.table("instances")} == set(more.report["inputs"])
    # one that isn't asked for any more isn't gone
    alone = archive.run(other)
    assert archive.counts(alone) == {"skipped": 30} and alone.report["gone"] == 42
    archive.take(other, 20)
    assert is_refused(archive.run(other), 20, 30)


def test_each_input_counts_and_not_all_that_is_listed(archive: Archive) -> None:
    one, other = archive.input("1", 40), archive.input("2")
    archive.run(one)
    # as many are new in the other one
    archive.take(one, 30)
    archive.input("2", 60, first=100)
    for resume in (True, False):
        assert is_refused(archive.run(one, other, resume=resume), 30, 40)


def test_a_place_under_a_new_name_is_the_same_place_from_then_on(archive: Archive) -> None:
    folder = archive.input("before", 40)
    archive.run(folder)
    moved = folder.rename(folder.with_name(f"{SECRET}-after"))
    assert archive.counts(archive.run(moved)) == {"skipped": 40}
    archive.take(moved, 30)
    assert is_refused(archive.run(moved), 30, 40)


def tar_of(folder: Path, names: Iterable[str], target: Path) -> None:
    content = BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in names:
            tar.add(folder / name, name)
    target.write_bytes(content.getvalue())


def test_members_count_and_so_does_a_container_that_vanished(archive: Archive) -> None:
    made, folder = archive.input("made", 80), archive.input("in")
    names = sorted(path.name for path in made.iterdir())
    tar_of(made, names[:50], folder / "a.tar")
    tar_of(made, names[50:], folder / "b.tar")
    first = archive.run(folder)
    assert archive.counts(first) == {"written": 80} and list(first.report["inputs"].values()) == [80]
    whole = (folder / "b.tar").read_bytes()
    tar_of(made, names[50:60], folder / "b.tar")
    for resume in (True, False):
        assert is_refused(archive.run(folder, resume=resume), 20, 80)
    # half of it can't be read
    (folder / "b.tar").write_bytes(whole[: len(whole) // 4])
    refused = archive.run(folder)
    assert refused.code == 1 and "of the 80 objects" in refused.log
    (folder / "b.tar").unlink()
    assert is_refused(archive.run(folder), 30, 80)
    (folder / "b.tar").write_bytes(whole)
    # the container is another one now, and its members are what they were
    assert archive.run(folder).report["gone"] == 0


def test_rows_of_duplicates_and_refused_objects_count(archive: Archive) -> None:
    folder = archive.input("in", 10)
    for number in range(15):
        shutil.copy(folder / "1", folder / f"copy-{number}")
        (folder / f"text-{number}").write_bytes(b"no DICOM")
    first = archive.run(folder)
    assert archive.counts(first) == {"written": 10, "duplicate": 15, "filtered": 15}
    assert {row["input_id"] for row in first.table("instances")} == set(first.report["inputs"])
    for path in (*folder.glob("copy-*"), *folder.glob("text-*")):
        path.unlink()
    assert is_refused(archive.run(folder), 30, 40)


def test_what_an_older_version_listed_counts_as_listed_under_these_inputs(archive: Archive, key_file: Path) -> None:
    folder, other = archive.input("in", 40), archive.input("other", 2, first=100)
    archive.run(folder, other)
    age(archive.audit)
    places = (f"--from={archive.audit}", f"--audit={archive.audit}", f"--output={archive.output}")
    done = run_command("audit", "adopt", *places, f"--key=file:{key_file}")
    assert done.returncode == 0, done.stderr
    # by a run without --resume nothing is known of them
    archive.take(folder, 30)
    assert is_refused(archive.run(folder, other), 30, 42)
    archive.put_back(folder)
    following = archive.run(folder, other)
    assert archive.counts(following) == {"skipped": 42}
    assert sorted(following.report["inputs"].values()) == [2, 40]
    assert {row["input_id"] for row in following.table("instances")} == set(following.report["inputs"])


def age(audit: Path) -> None:
    """Make an audit of one of version 0.1, which knew of no inputs."""
    for name in ("output.json", "run.json"):
        content = json.loads((audit / name).read_text())
        del content["mac"]
        origin = content.get("origin", content)
        origin["schema_version"] = 3
        for key in ("inputs", "allow_empty", "max_gone"):
            origin.pop(key, None)
        for key in ("inputs", "table_digests", "previous_run"):
            content.pop(key, None)
        (audit / name).write_text(json.dumps(content))
    for path in audit.glob("instances-*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["input_id"]), path)
