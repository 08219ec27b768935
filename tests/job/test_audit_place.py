"""Where the audit lies, and who may read it: beside the output, which is handed out, and its owner's alone."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from tests.support.forked import Logged
from tests.support.limits import COMMAND, OwnMounts, on_own_disk, run_measured
from tests.support.runs import audit_of, ct_file, deidentify, run_command

WARNING = "Warning: --audit lies inside --output: recipients of the output get the audit, too."


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(ct_file("1.2.3.1"))
    (folder / "none.txt").write_text("no DICOM")
    return folder


def written_by(audit: Path) -> int:
    """How many objects the audit's run wrote."""
    report = json.loads((audit / "run.json").read_text())
    count: int = report["counts"]["written"]
    return count


# -- on this machine --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "given", "audit"),
    [
        ("", "out", "out-audit"),
        ("", "new/out/", "new/out-audit"),
        ("out", ".", "out-audit"),
        ("", "./new/../out//.", "new/../out-audit"),
    ],
)
def test_it_lies_beside_the_output_however_that_is_written(
    here: str, given: str, audit: str, archive: Path, tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / here).mkdir(exist_ok=True)
    if ".." in given:
        (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / here)
    done = run_command("run", "--input", str(archive), "--output", given, "--key", f"file:{key_file}")
    assert done.returncode == 0, done.stderr
    output = tmp_path / here / given
    assert written_by(tmp_path / audit) == len(list(output.rglob("*.dcm"))) == 1
    assert {path.suffix for path in output.rglob("*") if path.is_file()} == {".dcm"}
    assert WARNING not in done.stderr
    assert json.loads((tmp_path / audit / "run.json").read_text())["origin"]["audit_in_output"] is False
    # and it is told where
    assert str(Path(audit).name) in done.stdout


def test_beside_a_link_and_not_beside_what_it_leads_to(archive: Path, tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "disk" / "out").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "out")
    run = deidentify(archive, tmp_path / "link", key_file)
    assert run.code == 0, run.log
    assert run.report["counts"]["written"] == len(list((tmp_path / "disk" / "out").rglob("*.dcm"))) == 1
    assert {path.name for path in (tmp_path / "disk").iterdir()} == {"out"}


def test_it_goes_on_from_there(archive: Path, tmp_path: Path, key_file: Path) -> None:
    assert deidentify(archive, tmp_path / "out", key_file).code == 0
    again = deidentify(archive, tmp_path / "out", key_file, "--resume")
    assert (again.code, again.report["counts"]["skipped"]) == (0, 1), again.log
    # another output, whose name is that of the audit
    refused = deidentify(archive, tmp_path / "out-audit", key_file)
    assert (refused.code, "--output is not empty" in refused.log) == (2, True), refused.log


def test_it_lies_where_it_is_asked_for(archive: Path, tmp_path: Path, key_file: Path) -> None:
    run = deidentify(archive, tmp_path / "out", key_file, "--audit", str(tmp_path / "restricted" / "audit"))
    assert run.code == 0 and WARNING not in run.log, run.log
    assert written_by(tmp_path / "restricted" / "audit") == 1
    assert not run.audit.exists()
    assert all(path.suffix == ".dcm" for path in run.output.rglob("*") if path.is_file())


@pytest.mark.parametrize("way", ["below it", "itself", "by a link"])
def test_in_the_output_it_lies_only_when_asked_for_and_that_is_told(
    way: str, archive: Path, tmp_path: Path, key_file: Path
) -> None:
    audit = {"below it": tmp_path / "out" / "deep" / "audit", "itself": tmp_path / "out", "by a link": tmp_path / "link" / "a"}[
        way
    ]
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    run = deidentify(archive, tmp_path / "out", key_file, "--audit", str(audit))
    assert run.code == 0, run.log
    assert run.log.count(WARNING) == 1
    assert written_by(audit) == 1
    assert json.loads((audit / "run.json").read_text())["origin"]["audit_in_output"] is True
    assert not run.audit.exists()
    assert {stat.S_IMODE(path.stat().st_mode) for path in audit.glob("*.json")} == {0o600}


@pytest.fixture
def usage(
    archive: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key_file: Path
) -> Any:
    """What the command says of an output, that it is wrong usage, and that nothing was made."""
    monkeypatch.chdir(tmp_path)

    def said(output: str, *arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        given = ["run", "--input", str(archive), "--output", output, "--key", f"file:{key_file}", *arguments]
        with pytest.raises(SystemExit) as ended:
            main(given, standalone_mode=False)
        assert ended.value.code == 2
        assert sorted(tmp_path.rglob("*")) == before
        error = capfd.readouterr().err
        assert "Traceback" not in error and error.count("Error: ") == 1
        return error

    return said


@pytest.mark.parametrize(
    "output", ["gs://b", "gs://b/", "gs://b//", "GS://b/", "s3://b", "s3://b/", "azfs://account/c", "azfs://account/c/"]
)
def test_where_a_whole_bucket_is_the_output_somebody_must_say_where(output: str, usage: Any) -> None:
    assert "Error: --audit is needed: --output is a whole bucket" in usage(output)


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="no /proc")
@pytest.mark.parametrize("output", ["/", "//", "/proc", "/proc/", "/proc/.", "/proc/../proc", "/proc/sys/.."])
def test_where_a_file_system_is_mounted_somebody_must_say_where(output: str, usage: Any) -> None:
    assert "Error: --audit is needed: --output is a mount point" in usage(output)


def test_a_message_names_no_place(usage: Any) -> None:
    assert "jane-doe" not in usage("gs://jane-doe")


def test_what_a_glob_of_the_input_matches_is_no_place_for_it(tmp_path: Path, usage: Any) -> None:
    (tmp_path / "x-audit").mkdir()
    (tmp_path / "x-audit" / "a.dcm").write_bytes(ct_file("1.2.3.2"))
    assert "--audit lies inside --input number 2: the next run would read it" in usage(
        str(tmp_path / "out"), "--input", str(tmp_path / "*-audit")
    )


def test_on_a_disk_of_its_own_it_lies_beside_a_folder_and_not_beside_the_disk(
    archive: Path, tmp_path: Path, key_file: Path
) -> None:
    disk, elsewhere = tmp_path / "disk", tmp_path / "elsewhere"
    disk.mkdir()
    (tmp_path / "link").symlink_to(disk)
    own = on_own_disk(disk, "8m")
    command = [*COMMAND, "run", "--input", str(archive), "--key", f"file:{key_file}"]
    refused = run_measured(*command, "--output", str(disk), before=own)
    assert (refused.code, "--audit is needed" in refused.log) == (2, True), refused.log
    with OwnMounts() as place:
        place.shell('mount -t tmpfs -o size=8m none "$1"', disk)
        code, log = place.run(*command[len(COMMAND) :], "--output", str(disk / "out"))
        assert (code, place.shell('ls "$1"', disk).split()) == (0, ["out", "out-audit"]), log
    found = run_measured(*command, "--output", str(disk), "--audit", str(elsewhere), before=own)
    assert (found.code, written_by(elsewhere)) == (0, 1), found.log
    found = run_measured(*command, "--output", str(tmp_path / "link"), before=own)
    assert (found.code, written_by(tmp_path / "link-audit")) == (0, 1), found.log


def modes(folder: Path) -> dict[str, int]:
    """The permissions of all that is not its owner's alone, by name."""
    wanted = {True: 0o700, False: 0o600}
    found = {str(path): (stat.S_IMODE(path.lstat().st_mode), wanted[path.is_dir()]) for path in (folder, *folder.rglob("*"))}
    return {name: mode for name, (mode, right) in found.items() if mode != right}


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("flags", [(), ("--direct_running_mode=multi_processing", "--direct_num_workers=2")], ids=["one", "two"])
def test_it_is_its_owners_alone_whatever_the_umask(
    mask: int, flags: tuple[str, ...], archive: Path, tmp_path: Path, key_file: Path
) -> None:
    # with two, the account of the first is put aside
    for _ in range(2):
        with umask(mask):
            run = deidentify(archive, tmp_path / "out", key_file, *flags)
        assert run.code == 0, run.log
        assert modes(run.audit) == {}
    assert (run.audit / "earlier").is_dir()
    # who gets the output may read it: the user's umask says so
    for path in (run.output, *run.output.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o777 if path.is_dir() else 0o666) & ~mask, path


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_so_is_what_a_killed_run_leaves_there(mask: int, tmp_path: Path, key_file: Path) -> None:
    archive = tmp_path / "in"
    archive.mkdir()
    for number in range(600):
        (archive / f"{number}").write_bytes(ct_file(f"1.2.3.{number}"))
    audit = audit_of(tmp_path / "out")
    with umask(mask):
        running = Logged("run", "--input", str(archive), "--output", str(tmp_path / "out"), "--key", f"file:{key_file}")
    # looked at as it comes into being, too
    opened: dict[str, int] = {}
    while len(list(audit.glob("ledger-*"))) < 2:
        assert running.poll() is None
        with contextlib.suppress(FileNotFoundError):
            opened |= modes(audit)
    running.kill()
    running.wait()
    left = {path.name.partition("-")[0] for path in audit.iterdir()}
    assert {"ledger", ".lock", "output.json"} <= left
    assert opened == modes(audit) == {}


def test_a_folder_that_is_there_stays_as_open_as_it_is_and_its_files_do_not(
    archive: Path, tmp_path: Path, key_file: Path
) -> None:
    """It may be any folder that somebody named."""
    audit = tmp_path / "shared"
    audit.mkdir()
    audit.chmod(0o755)
    with umask(0):
        for _ in range(2):
            assert deidentify(archive, tmp_path / "out", key_file, "--audit", str(audit)).code == 0
    assert modes(audit) == {str(audit): 0o755}
