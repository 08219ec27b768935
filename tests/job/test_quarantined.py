"""``dicom-deid quarantined``: the real command finds the names of what real runs refused, and another run takes them up."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import Key
from pipeline.surveys.quarantined import Search, Wanted, inputs_of, load_run, read_rows
from storage import Folder, ObjectRef
from storage.archive import StoredArchive
from storage.manifests import read_manifest, write_manifest
from tests.support.keys import OTHER_KEY, write_key
from tests.support.objects import Element
from tests.support.running import budget
from tests.support.runs import KEEPING, Run, ct_file, deidentify, run_command

AT_RISK = Element(0x00280301, "CS", "YES")
ODD = b'a, "\xff\n\x1b[31m.dcm'
RISK, NO_DICOM = "burned-in-annotation", "not-dicom"


@dataclass
class Made:
    """A run over an archive with good and bad objects in folders, a zip and tars; and what it refused, by source name."""

    folder: Path
    run: Run
    key: Path
    refused: dict[bytes, str]

    @property
    def archive(self) -> Path:
        return self.folder / "in"


def risky(number: int) -> bytes:
    return ct_file(f"1.2.3.{number}", AT_RISK)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> Made:
    folder = tmp_path_factory.mktemp("quarantined")
    archive = folder / "in"
    archive.mkdir()
    (archive / "good.dcm").write_bytes(ct_file("1.2.3.1"))
    (archive / "risky.dcm").write_bytes(risky(2))
    (archive / "text.dcm").write_bytes(b"no dicom" * 100)
    Path(os.fsdecode(os.fsencode(archive) + b"/" + ODD)).write_bytes(risky(3))
    with zipfile.ZipFile(archive / "a.zip", "w") as packed:
        packed.writestr("s/good.dcm", ct_file("1.2.3.4"))
        packed.writestr("s/twice.dcm", ct_file("1.2.3.5"))
        with pytest.warns(UserWarning, match="Duplicate"):
            packed.writestr("s/twice.dcm", risky(6))
    with tarfile.open(archive / "b.tar", "w") as target:
        for name, content in (("./good.dcm", ct_file("1.2.3.7")), (os.fsdecode(ODD), risky(8))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    with tarfile.open(archive / "good.tar.gz", "w:gz") as target:
        info = tarfile.TarInfo("good.dcm")
        info.size = len(ct_file("1.2.3.9"))
        target.addfile(info, io.BytesIO(ct_file("1.2.3.9")))
    (archive / "broken.zip").write_bytes(b"PK\3\4 no zip")
    run = deidentify(archive, folder / "out", key_file)
    assert run.code == 3, run.log
    refused = {
        b"risky.dcm": RISK,
        ODD: RISK,
        b"a.zip!/s/twice.dcm#2": RISK,
        b"b.tar!/" + ODD: RISK,
        b"broken.zip": "invalid-container",
    }
    assert run.report["counts"]["quarantined"] == len(refused), run.report["reasons"]
    return Made(folder, run, key_file, refused)


def quarantined(made: Made, *arguments: str, audit: Path | None = None) -> subprocess.CompletedProcess[str]:
    options = ["--input", str(made.archive), "--audit", str(audit or made.run.audit), "--key", f"file:{made.key}"]
    return run_command("quarantined", *options, *arguments)


def rows_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, str]]:
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def source_of(row: dict[str, str]) -> bytes:
    return bytes.fromhex(row["source_hex"]) or row["source"].encode()


def test_a_pipe_gets_plain_lines_with_whole_names(made: Made) -> None:
    done = quarantined(made)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["status", "reason", "tag", "source"] and len(lines) == 1 + len(made.refused)
    assert 'quarantined  burned-in-annotation  (0028,0301)  b.tar!/a, "\\xff\\n\\x1b[31m.dcm' in lines
    start = lines[0].index("source")
    assert {line[start:].replace("\\xff\\n\\x1b", "") for line in lines[1:]} == {
        name.replace(b"\xff\n\x1b", b"").decode() for name in made.refused
    }


def test_csv_has_all_that_the_audit_tells(made: Made) -> None:
    rows = rows_of(quarantined(made, "--csv"))
    assert {source_of(row): row["reason"] for row in rows} == made.refused
    by_id = {row["source_id"]: row for row in made.run.table("instances")}
    for row in rows:
        known = by_id[row["source_id"]]
        assert (row["reason_tag"], row["sop_class_uid"]) == (known["reason_tag"] or "", known["sop_class_uid"] or "")
    inside = next(row for row in rows if row["source"].startswith("a.zip"))
    assert (inside["uri"], inside["member"]) == (str(made.archive / "a.zip"), "s/twice.dcm#2")


def test_only_some(made: Made) -> None:
    rows = rows_of(quarantined(made, "--csv", "--reason", NO_DICOM, "--reason", "invalid-container"))
    assert {source_of(row) for row in rows} == {b"broken.zip"}
    assert [source_of(row) for row in rows_of(quarantined(made, "--csv", "--status", "filtered"))] == [b"text.dcm"]
    rows = rows_of(quarantined(made, "--csv", "--status", "filtered", "--status", "quarantined"))
    assert {source_of(row) for row in rows} == {*made.refused, b"text.dcm"}


def test_zips_and_tars_are_opened_for_what_they_have(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    members = StoredArchive.members

    def watched(archive: StoredArchive, container: ObjectRef) -> Iterator[list[ObjectRef]]:
        opened.append(container.source)
        return members(archive, container)

    monkeypatch.setattr(StoredArchive, "members", watched)
    key = Key.load(f"file:{made.key}")
    run = load_run(Folder(str(made.run.audit)), key)
    inputs = inputs_of(run, [str(made.archive)], key)
    search = Search(read_rows(run, Wanted(["quarantined"])), key)
    assert {found.source for found in search.found(StoredArchive(), inputs)} == made.refused.keys()
    assert sorted(opened) == [b"a.zip", b"b.tar"] and search.missing == 0


def test_a_run_takes_up_what_another_one_refused(made: Made, tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    done = quarantined(made, "--manifest", str(manifest))
    assert (done.returncode, done.stderr) == (0, "") and "DOE" not in done.stdout
    assert stat.S_IMODE(manifest.stat().st_mode) == 0o600 and [path.name for path in tmp_path.iterdir()] == ["m.csv"]
    run = deidentify(manifest, tmp_path / "out", made.key, KEEPING)
    assert run.code == 3, run.log
    assert run.report["listed"] == len(made.refused)
    assert run.report["counts"]["written"] == 4 and run.report["reasons"] == {"invalid-container": 1}
    whole = deidentify(made.archive, tmp_path / "whole", made.key, KEEPING)
    assert run.objects().items() <= whole.objects().items() and len(run.objects()) == 4
    # and that run's own account tells the same names, from the manifest
    again = run_command("quarantined", "--csv", "--input", str(manifest), "--audit", str(run.audit), "--key", f"file:{made.key}")
    assert {row["uri"] for row in rows_of(again)} == {str(made.archive / "broken.zip")}


def test_a_manifest_is_never_overwritten(made: Made, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("mine")
    done = quarantined(made, "--manifest", str(tmp_path / "m.csv"))
    assert done.returncode == 2 and (tmp_path / "m.csv").read_text() == "mine"
    for name, message in (("m.txt", "must end in .csv"), ("gone/m.csv", "doesn't exist")):
        done = quarantined(made, "--manifest", str(tmp_path / name))
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]


def test_what_is_not_there_any_more_is_counted(made: Made, tmp_path: Path, key_file: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(risky(1))
        (tmp_path / name / "b.dcm").write_bytes(risky(2))
    run = deidentify(tmp_path / "one", tmp_path / "out", key_file, "--input", str(tmp_path / "two"))
    (tmp_path / "two" / "b.dcm").unlink()
    command = ["quarantined", "--audit", str(run.audit), "--key", f"file:{key_file}", "--csv"]
    done = run_command(*command, "--input", str(tmp_path / "two"))
    assert [row["source"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["1:a.dcm"]
    assert done.returncode == 3
    assert done.stderr == (
        "3 of 4 objects were not found in the inputs. 2 of them come from inputs that were not named: add --input for these.\n"
    )
    done = run_command(*command, "--input", str(tmp_path / "one"), "--input", str(tmp_path / "three"))
    assert done.returncode == 2 and "--input number 2 is not an input of that run" in done.stderr and "three" not in done.stderr


def test_wrong_keys_and_audits(made: Made, tmp_path: Path) -> None:
    other = write_key(tmp_path / "key", OTHER_KEY)
    done = run_command("quarantined", "--input", str(made.archive), "--audit", str(made.run.audit), "--key", f"file:{other}")
    assert done.returncode == 2 and "another key" in done.stderr
    done = quarantined(made, "--scope", "other")
    assert done.returncode == 2 and "another --scope" in done.stderr
    done = quarantined(made, audit=tmp_path / "gone")
    assert done.returncode == 2 and "the folder has no run.json" in done.stderr
    for arguments, message in (
        (["--reason", "none"], "no such reason code"),
        (["--csv", "--manifest", "m.csv"], "exclude each other"),
        (["--manifests", "m.csv"], "did you mean --manifest?"),
    ):
        done = quarantined(made, *arguments)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_a_changed_table_is_not_believed(made: Made, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    audit.mkdir()
    for path in made.run.audit.iterdir():
        if path.is_file():
            (audit / path.name).write_bytes(path.read_bytes())
    tables = [name for name in json.loads((audit / "run.json").read_text())["tables"] if name.startswith("instances")]
    for name in tables:
        pq.write_table(pq.read_table(audit / name).slice(1), audit / name)
    done = quarantined(made, audit=audit)
    assert done.returncode == 1 and "was changed since its run wrote it" in done.stderr


def test_only_what_is_new(made: Made, tmp_path: Path) -> None:
    archive = tmp_path / "in"
    archive.mkdir()
    (archive / "old.dcm").write_bytes(risky(1))
    run = deidentify(archive, tmp_path / "out", made.key)
    (archive / "new.dcm").write_bytes(risky(2))
    run = deidentify(archive, tmp_path / "out", made.key, "--resume")
    assert run.report["counts"]["quarantined"] == 2
    command = ["quarantined", "--audit", str(run.audit), "--key", f"file:{made.key}", "--csv", "--input", str(archive)]
    assert {row["source"] for row in rows_of(run_command(*command))} == {"old.dcm", "new.dcm"}
    assert {row["source"] for row in rows_of(run_command(*command, "--new"))} == {"new.dcm"}


names = st.binary(min_size=1, max_size=60).filter(lambda name: b"\0" not in name)
members = st.one_of(st.none(), names)


@given(st.lists(st.tuples(names, members), max_size=5))
@budget(200)
def test_manifests_say_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, objects: list[tuple[bytes, bytes | None]]
) -> None:
    path = tmp_path_factory.mktemp("manifest") / "m.csv"
    rows = [(b"/" + (name if member is None else name + b".zip"), member) for name, member in objects]
    rows = [row for row in rows if not row[0].endswith(b"/")]
    assert write_manifest(str(path), rows) == (len(rows), 0)
    with path.open("rb") as stream:
        assert [(entry.uri, entry.member) for entry in read_manifest(stream, str(path))] == rows


def test_what_no_manifest_can_name_is_counted(tmp_path: Path) -> None:
    rows = [
        (b"/a.zip", b"a\0b"),
        (b"/a.zip", b"x" * (1 << 20)),
        (b"/a.zip", b""),
        (b"s3://b/a.zip", b"ok"),
        (b"azfs://a/b/c", None),
    ]
    assert write_manifest(str(tmp_path / "m.csv"), rows) == (2, 3)
