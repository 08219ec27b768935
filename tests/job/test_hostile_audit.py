"""Whoever can write to audit or output makes the job run no code, moves nothing elsewhere, and changes no account unseen."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.coders import FastPrimitivesCoder
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import Key
from anonymizer.internals import Seal
from pipeline.errors import UsageError
from pipeline.options import ContinuationOptions, EngineOptions, JobOptions
from pipeline.runs.audit import Audit, check_names
from pipeline.runs.pending import finish_pending, write_note
from pipeline.runs.runner import run as run_job
from storage import Folder, StorageError
from tests.support.keys import OTHER_KEY_TEXT, write_key
from tests.support.running import budget
from tests.support.runs import Run, ct_file, deidentify, run_command
from transforms import is_run_id, is_table, ledger_file


class Planted:
    """Makes a folder where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._marker),)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> Path:
    """A folder with an archive, and the output and audit of a run over it that came to its end."""
    place = tmp_path_factory.mktemp("model")
    (place / "archive").mkdir()
    for number in range(3):
        (place / "archive" / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}"))
    run = deidentify(place / "archive", place / "out", key_file)
    assert run.code == 0, run.log
    return place


@pytest.fixture
def archive(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model / "archive", tmp_path / "archive"))


@pytest.fixture
def done(model: Path, archive: Path, tmp_path: Path) -> Run:
    """A run that came to its end."""
    for name in ("out", "out-audit"):
        shutil.copytree(model / name, tmp_path / name)
    return Run(tmp_path / "out", 0, "")


def again(done: Run, archive: Path, key_file: Path, *arguments: str) -> Run:
    return deidentify(archive, done.output, key_file, *arguments)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_planted_ledger_runs_no_code(done: Run, archive: Path, tmp_path: Path, key_file: Path) -> None:
    marker = tmp_path / "code-ran"
    encoded = FastPrimitivesCoder().get_impl().encode((1, Planted(marker), b""))
    content = len(encoded).to_bytes(4, "big") + bytes(pa.Codec("zstd").compress(encoded, asbytes=True))
    for number, planted in enumerate((content, bytes(32) + content, bytes(32) + encoded)):
        (done.audit / f"ledger-0123abc{number}-0123456789abcdef-1.bin").write_bytes(planted)
    (archive / "new.dcm").write_bytes(ct_file("1.2.3.9"))
    goes_on = again(done, archive, key_file, "--resume")
    assert goes_on.code == 0, goes_on.log
    assert goes_on.report["counts"]["written"] == 1
    assert not marker.exists()


def test_a_lock_by_another_name_removes_nothing(done: Run, archive: Path, key_file: Path) -> None:
    for name in ("..", ".", "", "abc", "ABCDEF01", "instances", "\n0123456"):
        (done.audit / f".lock-{name}").touch()
    (done.output / ".dicom-deid-tmp").mkdir()
    precious = done.output / "kept.txt"
    precious.write_text("kept")
    before = everything(done.output)
    assert again(done, archive, key_file, "--resume").code == 0
    assert everything(done.output) == before


def test_a_link_in_the_place_of_the_temporary_folder_is_refused(done: Run, archive: Path, tmp_path: Path, key_file: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "0123abcd").mkdir(parents=True)
    (elsewhere / "0123abcd" / "precious").write_text("kept")
    (done.output / ".dicom-deid-tmp").symlink_to(elsewhere)
    (done.audit / ".lock-0123abcd").touch()
    refused = again(done, archive, key_file)
    assert refused.code == 2
    assert "link" in refused.log and str(elsewhere) not in refused.log
    assert everything(elsewhere) == {"0123abcd/precious": b"kept"}


def test_a_link_in_the_place_of_the_earlier_runs_moves_nothing_elsewhere(
    done: Run, archive: Path, tmp_path: Path, key_file: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (done.audit / "earlier").symlink_to(elsewhere)
    refused = again(done, archive, key_file)
    assert refused.code == 2
    assert "in a folder's place" in refused.log
    assert everything(elsewhere) == {}


def test_a_lock_of_a_finished_run_clears_nothing_away(done: Run, archive: Path, key_file: Path) -> None:
    first = done.report["run_id"]
    (done.audit / f".lock-{first}").touch()
    assert again(done, archive, key_file, "--resume").code == 0
    # the same, when it was put aside
    (done.audit / f".lock-{first}").touch()
    goes_on = again(done, archive, key_file, "--resume")
    assert goes_on.code == 0, goes_on.log
    account = json.loads((done.audit / "earlier" / first / "run.json").read_text())
    assert {path.name for path in (done.audit / "earlier" / first).glob("*.parquet")} == set(account["tables"])


def test_what_cannot_be_cleared_away_costs_no_account(done: Run, archive: Path, key_file: Path) -> None:
    (done.audit / "ledger-0123abcd-0123456789abcdef-5.bin").write_bytes(b"x")
    (done.audit / "instances-0123abcd-0123456789abcdef.parquet").mkdir()
    for _ in range(2):
        goes_on = again(done, archive, key_file, "--resume")
        assert goes_on.code == 0, goes_on.log
        assert all((done.audit / name).is_file() for name in goes_on.report["tables"])


def test_a_link_in_the_place_of_a_study_leads_nothing_elsewhere(done: Run, archive: Path, tmp_path: Path, key_file: Path) -> None:
    [study, *_] = [path for path in done.output.iterdir() if path.is_dir()]
    shutil.rmtree(study)
    (tmp_path / "elsewhere").mkdir()
    study.symlink_to(tmp_path / "elsewhere")
    refused = again(done, archive, key_file)
    assert refused.code == 3
    assert "output-unwritable" in refused.report["reasons"]
    assert everything(tmp_path / "elsewhere") == {}


def test_an_audit_that_everybody_may_write_to_is_refused(archive: Path, tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    refused = deidentify(archive, tmp_path / "out", key_file, "--audit", str(tmp_path / "open"))
    assert refused.code == 2
    assert "chmod" in refused.log
    assert everything(tmp_path / "open") == {}


@pytest.mark.parametrize("content", ['{"listed": Infinity}', '{"listed": 1e999}', "[" * 100_000, "{", "[]", "7", '{"mac": 7}'])
def test_whatever_an_account_says_ends_in_one_sentence(content: str, done: Run, archive: Path, key_file: Path) -> None:
    (done.audit / "run.json").write_text(content)
    options = JobOptions(
        (str(archive),),
        str(done.output),
        str(done.audit),
        engine=EngineOptions(f"file:{key_file}"),
        continuation=ContinuationOptions(resume=""),
    )
    with pytest.raises(UsageError):
        run_job(options, [])


def test_a_planted_note_holds_up_no_run(done: Run, key_file: Path) -> None:
    for name, content in (("00000000", "{"), ("00000001", "{}"), ("00000002", "[" * 100_000)):
        (done.audit / f"pending-{name}.json").write_text(content)
    audit = Audit(Folder(str(done.audit)), (Seal(Key.load(f"file:{key_file}")),))
    write_note(audit, "00000003", {})
    finished = finish_pending(audit)
    assert finished.without_account == ["00000003"]
    assert sorted(finished.refused) == ["00000000", "00000001", "00000002"]


@pytest.mark.parametrize("file", ["run.json", "output.json"])
def test_what_is_no_file_holds_up_no_run(file: str, done: Run, archive: Path, key_file: Path) -> None:
    (done.audit / file).unlink()
    os.mkfifo(done.audit / file)
    refused = again(done, archive, key_file)
    assert refused.code == 2
    assert "no file" in refused.log


def test_an_account_that_is_a_link_is_replaced_and_not_written_through(
    done: Run, archive: Path, tmp_path: Path, key_file: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    shutil.move(done.audit / "run.json", elsewhere)
    before = elsewhere.read_bytes()
    (done.audit / "run.json").symlink_to(elsewhere)
    assert again(done, archive, key_file).code == 0
    assert elsewhere.read_bytes() == before
    assert not (done.audit / "run.json").is_symlink()


@pytest.mark.parametrize("keeps_code", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda account: account.update(run_id="../../elsewhere"),
        lambda account: account.update(run_id=".."),
        lambda account: account["tables"].update({"../elsewhere/precious.parquet": 1}),
        lambda account: account.update(tables={}, table_digests={}),
        lambda account: account["counts"].update(written=7),
        lambda account: account["origin"].update(making="so"),
        lambda account: account.update(key_id="0" * 16),
        lambda account: account.update(listed=4),
    ],
)
def test_a_changed_account_is_refused_before_anything_is_done(
    change: Callable[[dict[str, Any]], None], keeps_code: bool, done: Run, archive: Path, tmp_path: Path, key_file: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.parquet").write_text("kept")
    edit(done.audit / "run.json", change)
    if not keeps_code:
        edit(done.audit / "run.json", lambda account: account.pop("mac"))
    before = everything(tmp_path)
    for resume in (None, ""):
        options = JobOptions(
            (str(archive),),
            str(done.output),
            str(done.audit),
            engine=EngineOptions(f"file:{key_file}"),
            continuation=ContinuationOptions(resume=resume),
        )
        with pytest.raises(UsageError, match=r"run\.json"):
            run_job(options, [])
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["profile_digest", "options", "uid_root", "mac"])
def test_a_changed_origin_is_refused(name: str, done: Run, archive: Path, key_file: Path) -> None:
    edit(done.audit / "output.json", lambda origin: origin.pop(name))
    refused = again(done, archive, key_file, "--resume")
    assert refused.code == 2
    assert "output.json" in refused.log


def test_another_keys_code_on_an_origin_is_none(done: Run, archive: Path, tmp_path: Path, key_file: Path) -> None:
    other = write_key(tmp_path / "other", OTHER_KEY_TEXT)
    said = json.loads((done.audit / "output.json").read_text())
    Audit(Folder(str(done.audit)), (Seal(Key.load(f"file:{other}")),)).write("output.json", {**said, "mac": None})
    refused = again(done, archive, key_file, "--resume")
    assert refused.code == 2
    assert "key id" in refused.log


def with_table(done: Run, kind: str, change: Callable[[pa.Table], pa.Table]) -> None:
    [name] = [name for name in done.report["tables"] if name.startswith(kind)]
    pq.write_table(change(pq.read_table(done.audit / name)), done.audit / name)


def test_a_planted_row_hides_no_object(done: Run, archive: Path, key_file: Path) -> None:
    with_table(done, "instances-", lambda table: table.set_column(1, "status", pa.array(["quarantined"] * table.num_rows)))
    refused = again(done, archive, key_file, "--resume")
    assert refused.code == 1
    assert "a table of the audit was changed" in refused.log


def test_a_planted_row_chooses_no_uid(done: Run, archive: Path, tmp_path: Path, key_file: Path) -> None:
    with_table(
        done, "uid_map-", lambda table: table.set_column(1, "new_uid", pa.array([f"2.25.{n}" for n in range(table.num_rows)]))
    )
    other = write_key(tmp_path / "other", OTHER_KEY_TEXT)
    arguments = ("--uid-map", str(done.audit), "--uid-map-key", f"file:{key_file}")
    refused = deidentify(archive, tmp_path / "out-2", other, *arguments)
    assert refused.code == 1
    assert "a table of the audit was changed" in refused.log
    assert refused.objects() == {}


def test_a_table_that_is_gone_is_missed(done: Run, archive: Path, key_file: Path) -> None:
    for name in done.report["tables"]:
        (done.audit / name).unlink()
    refused = again(done, archive, key_file, "--resume")
    assert refused.code == 1
    assert "is gone" in refused.log


def test_a_planted_file_of_the_crosswalk_is_not_believed(archive: Path, tmp_path: Path, key_file: Path) -> None:
    crosswalk = tmp_path / "crosswalk"
    assert deidentify(archive, tmp_path / "out", key_file, "--crosswalk", str(crosswalk)).code == 0
    command = ("reidentify", "--crosswalk", str(crosswalk), "--csv")
    assert run_command(*command).returncode == 2
    assert run_command(*command, "--key", f"file:{key_file}").returncode == 0
    # one that says who objects are, and not only what became of them
    file = next(path for path in crosswalk.iterdir() if not pq.read_table(path)["source"].null_count)
    table = pq.read_table(file)
    changed = table.set_column(table.schema.get_field_index("patient_id"), "patient_id", pa.array(["else"] * table.num_rows))
    planted = file.with_name(f"{file.name.rpartition('-')[0]}-{'0' * 32}.parquet")
    pq.write_table(changed, planted)
    for arguments in (("--key", f"file:{key_file}"), ("--key", f"file:{key_file}", "some name")):
        refused = run_command(*command, *arguments)
        assert refused.returncode == 1
        assert "crosswalk" in refused.stderr and "else" not in refused.stdout
    assert "else" in run_command(*command, "--unchecked").stdout


def test_each_account_has_the_code_of_the_one_before(done: Run, archive: Path, key_file: Path) -> None:
    before = done.report
    assert before["previous_run"] is None
    after = again(done, archive, key_file, "--resume").report
    assert after["previous_run"] == {"run_id": before["run_id"], "mac": before["mac"]}
    audit = Audit(Folder(str(done.audit)), (Seal(Key.load(f"file:{key_file}")),))
    aside, _ = audit.read(f"earlier/{before['run_id']}/run.json")
    assert aside == before
    for name, digest in after["table_digests"].items():
        assert hashlib.sha256((done.audit / name).read_bytes()).hexdigest() == digest


def test_nothing_that_can_be_guessed_is_digested_without_the_key(archive: Path, tmp_path: Path, key_file: Path) -> None:
    crosswalk = str(tmp_path / "crosswalk")
    run = deidentify(archive, tmp_path / "out", key_file, "--crosswalk", crosswalk)
    said = (run.audit / "run.json").read_text()
    for guess in (
        crosswalk,
        crosswalk + "/",
        crosswalk.lstrip("/"),
        str(archive),
        str(run.output),
        str(key_file),
        f"file:{key_file}",
    ):
        for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.blake2b):
            assert digest(guess.encode()).hexdigest() not in said
    other = write_key(tmp_path / "other", OTHER_KEY_TEXT)
    another = deidentify(archive, tmp_path / "out-2", other, "--crosswalk", crosswalk).report["origin"]
    assert another["crosswalk_digest"] != run.report["origin"]["crosswalk_digest"]
    assert another["making"] != run.report["origin"]["making"]


_PATHS = st.text(alphabet="./\\0aZ-_\n", max_size=40) | st.text(max_size=20)


@budget(300)
@given(_PATHS, _PATHS)
def test_no_name_with_a_path_in_it_is_one_of_a_run(name: str, run_id: str) -> None:
    for found in (name, f"instances-{name}-0123456789abcdef.parquet", f"instances-0123abcd-{name}-0123456789abcdef.parquet"):
        assert not is_table(found, run_id) or not {"/", "\\", "\n", "."} & set(found.removesuffix(".parquet"))
    assert not is_run_id(name) or name.isalnum()
    assert (found_ledger := ledger_file(f"ledger-{name}.bin")) is None or found_ledger.run_id.isalnum()
    if not is_run_id(run_id):
        with pytest.raises(ValueError, match="not an account"):
            check_names({"run_id": run_id, "tables": {}, "table_digests": {}})


@pytest.mark.parametrize("name", ["..", "../x", "x/../../y", "/etc/x", "", ".", "x/..", "x//y", "x/", "./x", "x/.", "a\0b"])
def test_a_folder_gives_no_file_outside_of_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    folder = Folder(str(tmp_path / "inside"))
    for use in (folder.read, folder.delete, lambda name: folder.create(name, b""), lambda name: folder.move("x", name)):
        with pytest.raises((StorageError, FileNotFoundError)):
            use(name)
    assert everything(tmp_path) == {}
