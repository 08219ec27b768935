"""An audit that version 0.1 made is taken over: moved out of the output, closed, sealed, and nothing in it can be counted."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import zipfile
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydicom.data import get_testdata_file

from anonymizer import Key
from anonymizer.internals import Engine, Seal
from pipeline.errors import RunError, UsageError
from pipeline.runs.adopt import Adopted, Adoption
from pipeline.runs.audit import Audit
from profiles import ConfidentialityProfile
from storage import Folder
from tests.support.keys import OTHER_KEY, write_key
from tests.support.reports import sections_of
from tests.support.runs import deidentify, run_command

#: two nights of version 0.1 over SAMPLES with CleanDesc: the last sample came with the second; and the objects that it wrote
MADE_BY_0_1 = Path(__file__).with_name("audit_0_1.zip")
SAMPLES = ("CT_small.dcm", "rtplan.dcm", "JPEG2000.dcm", "MR_small.dcm")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """With the key of those nights."""
    return write_key(tmp_path / "key")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with an output whose audit version 0.1 made, and its crosswalk; the objects lie elsewhere."""
    with zipfile.ZipFile(MADE_BY_0_1) as archive:
        archive.extractall(tmp_path / "unpacked")
    (tmp_path / "out").mkdir()
    shutil.move(tmp_path / "unpacked" / "_audit", tmp_path / "out" / "_audit")
    shutil.move(tmp_path / "unpacked" / "crosswalk", tmp_path / "crosswalk")
    (tmp_path / "crosswalk").chmod(0o700)
    return tmp_path


def made(place: Path, key_file: Path, new: str = "out-audit") -> tuple[Audit, Engine]:
    key = Key.load(f"file:{key_file}")
    return Audit(Folder(str(place / new)), (Seal(key),)), Engine(ConfidentialityProfile(), key)


def adopt(place: Path, key_file: Path, *, old: str = "out/_audit", new: str = "out-audit") -> Adopted:
    return Adoption(Folder(str(place / old)), *made(place, key_file, new)).run()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def hashes_of_words(folder: Path) -> set[bytes]:
    found = set()
    for path in folder.rglob("words-*.parquet"):
        rows = pq.read_table(path)["words"].to_pylist()
        found |= {words[at : at + 8] for words in rows for at in range(0, len(words), 8)}
    return found


def test_a_nightly_site_goes_on_after_the_upgrade(place: Path, key_file: Path) -> None:
    archive, output, audit, crosswalk = (place / name for name in ("archive", "out", "out-audit", "crosswalk"))
    archive.mkdir()
    for name in SAMPLES:
        shutil.copyfile(str(get_testdata_file(name)), archive / name)
        os.utime(archive / name, ns=(10**18, 10**18))
    options = ("--options", "CleanDesc", "--crosswalk", str(crosswalk))
    shutil.copytree(place / "unpacked" / "objects", output, dirs_exist_ok=True)
    written = files(place / "unpacked" / "objects")
    refused = deidentify(archive, output, key_file, "--resume", *options)
    assert refused.code == 2
    assert "audit adopt" in refused.log
    old_words = hashes_of_words(output)

    command = ("audit", "adopt", "--output", str(output), "--key", f"file:{key_file}", "--crosswalk", str(crosswalk))
    adopted = run_command(*command)
    assert adopted.returncode == 0, adopted.stderr
    assert not (output / "_audit").exists()
    assert {path.stat().st_mode & 0o777 for path in audit.rglob("*")} == {0o700, 0o600}
    assert len(hashes_of_words(audit)) > 10
    assert not hashes_of_words(audit) & old_words

    # it removed less: its profile is another one, and the output is its
    plain = deidentify(archive, output, key_file, "--resume", *options)
    assert plain.code == 2
    assert "--mixed-output" in plain.log
    night = deidentify(archive, output, key_file, "--resume", "--mixed-output", *options)
    assert night.code == 3, night.log
    assert night.report["counts"] == {"written": 0, "skipped": 3, "duplicate": 0, "filtered": 0, "quarantined": 1}
    assert night.report["other_settings"] == {"versions": 3, "settings": 0}
    assert files(output) == written
    assert len(list((audit / "earlier").iterdir())) == 2
    names = run_command("reidentify", "--crosswalk", str(crosswalk), "--key", f"file:{key_file}", "--csv")
    assert names.returncode == 0
    assert "CompressedSamples^CT1" in names.stdout and "CompressedSamples^MR1" in names.stdout
    # version 0.1 said of nothing what became of it
    said = [row["status"] for row in csv.DictReader(StringIO(names.stdout, newline=""))]
    assert sorted(said) == ["quarantined", "written", "written", "written"]

    # there is nothing left to do
    assert run_command(*command).returncode == 0

    assert deidentify(archive, output, key_file, "--resume", *options).code == 2
    anew = deidentify(archive, output, key_file, "--resume", "--recheck", *options)
    assert anew.report["counts"] == {"written": 3, "skipped": 0, "duplicate": 0, "filtered": 0, "quarantined": 1}, anew.log
    replaced = {row["output_name"] for row in anew.table("instances") if "output-replaced" in row["notes"]}
    assert replaced == {name for name, content in files(output).items() if content != written[name]} != set()
    # and no later night needs to be told
    assert deidentify(archive, output, key_file, "--resume", *options).report["counts"]["skipped"] == 3


def test_each_account_gets_a_code_and_the_digests_of_its_tables(place: Path, key_file: Path) -> None:
    before = json.loads((place / "out" / "_audit" / "run.json").read_text())
    done = adopt(place, key_file)
    assert (done.runs, done.tables, done.foreign, done.left) == (2, 11, 0, 0)
    audit = Audit(Folder(str(place / "out-audit")), (Seal(Key.load(f"file:{key_file}")),))
    [earlier] = (place / "out-audit" / "earlier").iterdir()
    for name, folder in (("run.json", "."), (f"earlier/{earlier.name}/run.json", f"earlier/{earlier.name}")):
        account, _ = audit.read(name)
        assert account["origin"]["adopted_by"] and account["origin"]["version"] == "0.1.0"
        for table, digest in account["table_digests"].items():
            assert hashlib.sha256((place / "out-audit" / folder / table).read_bytes()).hexdigest() == digest
    account, _ = audit.read("run.json")
    assert {name: account[name] for name in ("run_id", "listed", "counts", "tables")} == {
        name: before[name] for name in ("run_id", "listed", "counts", "tables")
    }


@pytest.mark.parametrize("gone", ["output.json", "run.json"])
def test_an_adoption_that_was_interrupted_is_started_again(gone: str, place: Path, key_file: Path) -> None:
    shutil.copytree(place / "out", place / "copy")
    adopt(place, key_file)
    whole = files(place / "out-audit")
    # before the last file was written, and while the old ones were removed
    shutil.copytree(place / "copy", place / "out", dirs_exist_ok=True)
    if gone == "output.json":
        (place / "out-audit" / gone).unlink()
    else:
        (place / "out" / "_audit" / gone).unlink()
    adopt(place, key_file)
    assert files(place / "out-audit") == whole
    assert files(place / "out") == {}


def test_an_audit_that_lay_elsewhere_may_stay_there(place: Path, key_file: Path) -> None:
    shutil.move(place / "out" / "_audit", place / "audits")
    (place / "audits" / "ledger-0123abcd-0123456789abcdef-7.bin").write_bytes(b"could hold code")
    done = adopt(place, key_file, old="audits", new="audits")
    assert (done.runs, done.dropped) == (2, 1)
    assert {path.stat().st_mode & 0o777 for path in (place / "audits", *(place / "audits").glob("*.*"))} == {0o700, 0o600}
    with pytest.raises(UsageError, match="before"):
        adopt(place, key_file, old="audits", new="audits")


@pytest.mark.parametrize("spelled", ["./out-audit", "out/../out-audit", "link"])
def test_a_whole_audit_is_not_taken_for_an_old_one(
    spelled: str, place: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopt(place, key_file)
    (place / "link").symlink_to("out-audit")
    before = files(place / "out-audit")
    monkeypatch.chdir(place)
    for old in (spelled, str(place / spelled)):
        with pytest.raises(UsageError):
            Adoption(Folder(old), *made(place, key_file)).run()
    assert files(place / "out-audit") == before


def test_rows_of_what_was_gone_are_taken_over_by_a_name_of_now(place: Path, key_file: Path) -> None:
    old = place / "out" / "_audit"
    account = json.loads((old / "run.json").read_text())
    [model] = old.glob("instances-*-settled0-*")
    name = f"gone-{account['run_id']}0-0123456789abcdef.parquet"
    shutil.copyfile(model, old / name)
    account["tables"][name] = pq.read_metadata(model).num_rows
    (old / "run.json").write_text(json.dumps(account))
    assert adopt(place, key_file).tables == 12
    assert (place / "out-audit" / f"gone-{account['run_id']}-part0-0123456789abcdef.parquet").exists()
    assert files(place / "out") == {}


def test_another_key_takes_nothing_over(place: Path, key_file: Path, tmp_path: Path) -> None:
    before = files(place / "out")
    with pytest.raises(UsageError, match="not the key"):
        adopt(place, write_key(tmp_path / "other", OTHER_KEY))
    assert files(place / "out") == before
    assert files(place / "out-audit") == {}


@pytest.mark.parametrize("name", ["run_id", "tables"])
def test_an_account_with_paths_for_names_is_refused(name: str, place: Path, key_file: Path) -> None:
    (place / "precious.parquet").write_text("kept")
    path = place / "out" / "_audit" / "run.json"
    account = json.loads(path.read_text())
    account[name] = "../.." if name == "run_id" else {"../../precious.parquet": 1}
    path.write_text(json.dumps(account))
    before = files(place)
    with pytest.raises(RunError, match="no run writes"):
        adopt(place, key_file)
    assert files(place / "out") == {
        name.removeprefix("out/"): content for name, content in before.items() if name.startswith("out/")
    }
    assert (place / "precious.parquet").read_text() == "kept"


def test_a_table_with_other_rows_than_its_account_says_is_refused(place: Path, key_file: Path) -> None:
    path = next((place / "out" / "_audit").glob("uid_map-*"))
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(RunError, match="rows"):
        adopt(place, key_file)


def test_a_run_under_way_is_not_taken_over(place: Path, key_file: Path) -> None:
    (place / "out" / "_audit" / "pending-0123abcd.json").write_text("{}")
    with pytest.raises(UsageError, match="a detached run is pending"):
        adopt(place, key_file)


def test_what_no_run_has_made_stays(place: Path, key_file: Path) -> None:
    (place / "out" / "_audit" / "notes.txt").write_text("of somebody")
    assert adopt(place, key_file).left == 1
    assert files(place / "out") == {"_audit/notes.txt": b"of somebody"}


def test_a_report_tells_what_an_adopted_audit_can(place: Path, key_file: Path) -> None:
    adopt(place, key_file)
    review = place / "review.html"
    done = run_command("report", "--audit", str(place / "out-audit"), "--key", f"file:{key_file}", "--review", str(review))
    assert done.returncode == 0, done.stderr
    shown = sections_of(review.read_bytes())
    (totals,) = [rows for caption, rows in shown["contents"].tables.items() if caption == "What the output holds"]
    account = json.loads((place / "out-audit" / "run.json").read_text())
    there = account["counts"]["written"] + account["counts"]["skipped"]
    assert ["Instances", str(there)] in totals and ["Patients", "0"] in totals
    assert "no patient is known" in shown["classes"].text
