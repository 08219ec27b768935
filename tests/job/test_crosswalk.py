"""The restricted crosswalk, by the real command: all of it is there, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pydicom
import pytest

from anonymizer import DeidentificationError, Key
from anonymizer.internals import Engine
from pipeline.errors import UsageError
from pipeline.options import CrosswalkOptions, JobOptions
from pipeline.place_checks import check_crosswalk
from profiles import KEEP, ConfidentialityProfile
from tests.support.certificates import KeyPair, key_pair
from tests.support.engines import engine
from tests.support.objects import Element
from tests.support.processes import need
from tests.support.runs import KEEPING, ROOT, PlantedArchive, Run, ct_file, deidentify, run_command, write_studies
from transforms import CROSSWALK_SCHEMA

Row = dict[str, object]


def rows_of(folder: Path) -> list[Row]:
    """All rows of a crosswalk that isn't encrypted, those that were written twice twice."""
    return [row for path in sorted(folder.iterdir()) for row in pq.read_table(path).to_pylist()]


def of_scanned(folder: Path) -> list[Row]:
    """Those of them that say who an object is: what becomes of it is not known yet."""
    return [row for row in rows_of(folder) if row["status"] is None]


def without_run(rows: list[Row]) -> list[Row]:
    return sorted(({name: value for name, value in row.items() if name != "run_id"} for row in rows), key=repr)


@pytest.fixture(scope="module")
def planted_crosswalk(planted_archive: PlantedArchive, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("crosswalk")
    flags = ("--crosswalk", str(folder / "crosswalk"), KEEPING)
    return deidentify(planted_archive.folder, folder / "output", planted_archive.key, *flags), folder / "crosswalk"


def test_each_scanned_object_has_a_row_with_what_leads_back(
    planted_archive: PlantedArchive, planted_crosswalk: tuple[Run, Path]
) -> None:
    run, folder = planted_crosswalk
    rows = of_scanned(folder)
    assert all(list(row) == CROSSWALK_SCHEMA.names for row in rows)
    using = Engine(ConfidentialityProfile.default(pixels=KEEP), Key(planted_archive.key.read_bytes()))
    expected, refused = {}, set()
    for path in planted_archive.folder.rglob("*"):
        if not path.is_file():
            continue
        name = str(path.relative_to(planted_archive.folder))
        try:
            using.scan(BytesIO(path.read_bytes()), uids=using.uids)
        except DeidentificationError:
            refused.add(name)
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        identity = [str(dataset.get(keyword, "")) for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
        patient = [str(dataset.get(keyword, "")) for keyword in ("PatientID", "IssuerOfPatientID", "PatientName")]
        expected[name] = [using.pseudonyms.source_id(name.encode()), name, *identity, *patient]
    columns = [*CROSSWALK_SCHEMA.names[:2], *CROSSWALK_SCHEMA.names[3:9]]
    found = {row["source"]: [row[column] for column in columns] for row in rows}
    assert {name for name in expected if found.get(name) != expected[name]} <= refused
    for name in refused.intersection(found):
        # as far as it could be read
        assert all(one in ("", other) for one, other in zip(found[name], expected[name], strict=True)), name
    assert sum(any(found[name][2:]) for name in refused.intersection(found)) == 3
    assert all(row["source_bytes"] is None for row in rows)
    assert run.report["counts"]["written"] == planted_archive.readable == len(set(found) - refused)


def test_objects_that_pass_2_refuses_have_their_rows(tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "ab":
        (tmp_path / "in" / name).write_bytes(ct_file("1.2.3.1", Element(0x00080060, "CS", f"C{name.upper()}")))
    run = deidentify(tmp_path / "in", tmp_path / "out", key_file, "--crosswalk", str(tmp_path / "crosswalk"))
    assert run.report["reasons"] == {"sop-instance-conflict": 2}
    rows = {row["source_id"]: row["source"] for row in of_scanned(tmp_path / "crosswalk")}
    assert {rows[row["source_id"]] for row in run.table("instances")} == {"a", "b"}


def test_new_names_are_those_of_the_output(planted_crosswalk: tuple[Run, Path]) -> None:
    run, folder = planted_crosswalk
    rows = {row["source_id"]: row for row in of_scanned(folder)}
    written = [row for row in run.table("instances") if row["status"] == "written"]
    for audited in written:
        row = rows[audited["source_id"]]
        dataset = pydicom.dcmread(run.output / audited["output_name"], stop_before_pixels=True)
        assert row["new_sop_instance_uid"] == dataset.SOPInstanceUID
        assert row["new_study_instance_uid"] == dataset.get("StudyInstanceUID", "")
        assert row["new_series_instance_uid"] == dataset.get("SeriesInstanceUID", "")
        assert row["new_patient_id"] == dataset.get("PatientID", "")
        assert row["run_id"] == run.report["run_id"] and row["key_id"] == run.report["key_id"]


def test_planted_identifiers_are_in_the_crosswalk_and_nowhere_else(
    planted_archive: PlantedArchive, planted_kept: Run, planted_crosswalk: tuple[Run, Path]
) -> None:
    run, folder = planted_crosswalk
    tokens = planted_archive.tokens
    assert len(tokens.found_in(repr(rows_of(folder)).encode())) >= 3 * planted_archive.readable
    assert run.objects() == planted_kept.objects()
    for name in ("instances", "uid_map"):
        of_both = ([{**row, "since": ""} for row in one.table(name)] for one in (run, planted_kept))
        assert len({tuple(sorted(map(repr, rows))) for rows in of_both}) == 1
    for path in run.audit.rglob("*.json"):
        assert tokens.found_in(path.read_bytes()) == []
        assert "crosswalk" not in path.read_text() or path.name in ("run.json", "run-restricted.json")
    assert run.report["origin"]["crosswalk"] is True
    assert planted_kept.report["origin"]["crosswalk"] is False
    assert str(folder) not in (run.audit / "run.json").read_text()


class Watch:
    """Looks into a folder again and again while a command runs, and remembers what it saw."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.modes: dict[str, set[int]] = {}
        self.contents: dict[str, bytes] = {}

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.is_set():
            for top in self._folders:
                for folder, _, names in os.walk(top):
                    for path in (folder, *(os.path.join(folder, name) for name in names)):
                        with contextlib.suppress(OSError):
                            self._see(path)

    def _see(self, path: str) -> None:
        mode = os.stat(path).st_mode
        self.modes.setdefault(path, set()).add(mode)
        if stat.S_ISREG(mode):
            self.contents[path] = Path(path).read_bytes()


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_files_are_their_owners_alone_from_the_beginning(umask: int, planted_archive: PlantedArchive, tmp_path: Path) -> None:
    """Also the folders for temporary files are looked into: what an engine puts on disks would be there."""
    crosswalk, scratch = tmp_path / "deep" / "crosswalk", tmp_path / "scratch"
    scratch.mkdir()
    before = os.umask(umask)
    try:
        with Watch(crosswalk, scratch) as watch, pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(scratch))
            run = deidentify(
                planted_archive.folder, tmp_path / "out", planted_archive.key, "--crosswalk", str(crosswalk),
                "--direct_running_mode=multi_processing", "--direct_num_workers=2", KEEPING,
            )  # fmt: skip
    finally:
        os.umask(before)
    assert run.code == 3, run.log
    assert stat.S_IMODE(crosswalk.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in crosswalk.iterdir()] == [0o600] * len(list(crosswalk.iterdir()))
    inside = {stat.S_IMODE(mode) for name, modes in watch.modes.items() if str(crosswalk) in name for mode in modes}
    assert inside <= {0o700, 0o600} and 0o600 in inside
    tokens = planted_archive.tokens
    elsewhere = b"".join(content for name, content in watch.contents.items() if str(scratch) in name)
    assert tokens.found_in(elsewhere) == []
    assert tokens.found_in(run.log.encode()) == []


def test_the_system_is_never_asked_for_other_permissions(tmp_path: Path, key_file: Path) -> None:
    """A look now and then may miss an instant: strace misses no call that creates or opens up anything there."""
    strace = need("strace")
    (tmp_path / "in").mkdir()
    write_studies(tmp_path / "in", ["a.dcm"], lambda number: [])
    trace, crosswalk = tmp_path / "trace", tmp_path / "crosswalk"
    calls = "open,openat,creat,mkdir,mkdirat,chmod,fchmod,fchmodat"
    command = [
        strace,
        "-f",
        "-y",
        "-s",
        "4096",
        "-e",
        f"trace={calls}",
        "-o",
        str(trace),
        sys.executable,
        "-m",
        "pipeline",
        "run",
    ]
    options = ["--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--key", f"file:{key_file}"]
    subprocess.run(
        [*command, *options, "--crosswalk", str(crosswalk)],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    made = [line for line in trace.read_text().splitlines() if str(crosswalk) in line and "EEXIST" not in line]
    made = [line for line in made if "O_CREAT" in line or "mkdir" in line or "chmod" in line]
    assert {re.findall(r"\b0[0-7]{3}\b", line)[-1] for line in made} == {"0700", "0600"}, made


def test_every_engine_gives_the_same_rows(
    planted_archive: PlantedArchive, planted_crosswalk: tuple[Run, Path], tmp_path: Path
) -> None:
    expected = without_run(rows_of(planted_crosswalk[1]))
    for name in ("two processes", "every bundle twice"):
        folder = tmp_path / name / "crosswalk"
        with engine(name) as flags:
            options = ("--crosswalk", str(folder), KEEPING, *flags)
            run = deidentify(planted_archive.folder, tmp_path / name / "out", planted_archive.key, *options)
        assert run.code == 3, run.log
        rows = without_run(rows_of(folder))
        # files with one content have one name: whether rows stand there twice is up to the order in which a bundle had them
        assert len(expected) <= len(rows) <= len(expected) * (2 if name == "every bundle twice" else 1)
        assert [row for place, row in enumerate(rows) if row not in rows[:place]] == expected


def test_two_runs_share_a_folder(tmp_path: Path, key_file: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"in{number}").mkdir()
        (tmp_path / f"in{number}" / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}"))
        run = deidentify(
            tmp_path / f"in{number}", tmp_path / f"out{number}", key_file, "--crosswalk", str(tmp_path / "crosswalk")
        )
        assert run.code == 0, run.log
    rows = of_scanned(tmp_path / "crosswalk")
    assert sorted(str(row["source"]) for row in rows) == ["1.dcm", "2.dcm"]
    assert len({row["run_id"] for row in rows}) == 2


def test_a_run_without_it_writes_none_and_one_with_it_may_follow(tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "in").mkdir()
    write_studies(tmp_path / "in", ["a.dcm"], lambda number: [])
    first = deidentify(tmp_path / "in", tmp_path / "out", key_file)
    assert first.report["origin"]["crosswalk"] is False
    again = deidentify(tmp_path / "in", tmp_path / "out", key_file, "--crosswalk", str(tmp_path / "crosswalk"))
    assert (again.code, again.report["counts"]["written"]) == (0, 1), again.log
    assert len(of_scanned(tmp_path / "crosswalk")) == 1


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


def test_with_a_certificate_openssl_reads_it_and_nobody_else(
    pair: KeyPair, planted_archive: PlantedArchive, planted_crosswalk: tuple[Run, Path], tmp_path: Path
) -> None:
    crosswalk = tmp_path / "crosswalk"
    # files that are encrypted may lie in a folder that others may enter
    crosswalk.mkdir(mode=0o755)
    run = deidentify(
        *(planted_archive.folder, tmp_path / "out", planted_archive.key, "--crosswalk", str(crosswalk)),
        *("--crosswalk-certificate", str(pair.certificate), KEEPING),
    )
    assert run.code == 3, run.log
    rows = []
    for path in crosswalk.iterdir():
        assert path.name.startswith(f"crosswalk-{run.report['run_id']}-") and path.name.endswith(".parquet.p7m")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert planted_archive.tokens.found_in(path.read_bytes()) == []
        opened = tmp_path / "opened.parquet"
        command = [need("openssl"), "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", str(pair.private_key)]
        subprocess.run([*command, "-in", str(path), "-out", str(opened)], check=True, capture_output=True)
        rows += pq.read_table(opened).to_pylist()
    assert without_run(rows) == without_run(rows_of(planted_crosswalk[1]))


def test_identifiers_and_names_may_be_anything(tmp_path: Path, key_file: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    names = [b"caf\xe9 \xff.dcm", "Jörg\n[red],\"'.dcm".encode()]
    for number, name in enumerate(names):
        elements = (Element(0x00100020, "LO", b"A\nB\\C"), Element(0x00100010, "PN", b'\x1b[31m[bold]O\'Neil, "X"'))
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(ct_file(f"1.2.3.{number}", *elements))
    run = deidentify(folder, tmp_path / "out", key_file, "--crosswalk", str(tmp_path / "crosswalk"))
    assert run.code == 0, run.log
    rows = sorted(of_scanned(tmp_path / "crosswalk"), key=lambda row: str(row["sop_instance_uid"]))
    assert [(row["source"], row["source_bytes"]) for row in rows] == [(None, names[0]), (names[1].decode(), None)]
    assert {(row["patient_id"], row["patient_name"]) for row in rows} == {("A\nB\\C", '\x1b[31m[bold]O\'Neil, "X"')}


def test_it_lies_apart_from_all_else(tmp_path: Path) -> None:
    archive = tmp_path / "in"
    archive.mkdir()
    (archive / "a.dcm").write_bytes(ct_file("1.2.3"))
    apart, inside = str(tmp_path / "crosswalk"), "must lie apart"

    def options(crosswalk: str, certificate: str | None = None, **others: Any) -> JobOptions:
        given = {"inputs": (str(archive),), "output": str(tmp_path / "out"), "audit": str(tmp_path / "audit"), **others}
        return JobOptions(crosswalk=CrosswalkOptions(crosswalk, certificate), **given)

    check_crosswalk(options(apart))
    check_crosswalk(options(apart, inputs=(str(tmp_path / "*.dcm"), str(archive / "a.dcm"))))
    check_crosswalk(options(str(archive / "crosswalk"), inputs=(str(archive / "*.dcm"), str(archive / "a.dcm"))))
    check_crosswalk(options("gs://b/cw", certificate="x", inputs=("gs://b/in", "gs://b/*.dcm"), output="gs://b/out"))
    for given, message in (
        (options(str(tmp_path / "out")), f"--crosswalk and --output {inside}"),
        (options(str(tmp_path / "out" / "deep" / "crosswalk")), f"--crosswalk and --output {inside}"),
        (options(str(tmp_path)), f"--crosswalk and --output {inside}"),
        (options(apart, audit=f"{apart}/audit"), f"--crosswalk and --audit {inside}"),
        (options(f"{apart}/deep", audit=apart), f"--crosswalk and --audit {inside}"),
        (options(str(archive / "crosswalk")), f"--crosswalk and --input {inside}"),
        (options(str(archive)), f"--crosswalk and --input {inside}"),
        (options(str(archive), inputs=(str(archive / "a.dcm"),)), f"--crosswalk and --input {inside}"),
        (options(str(archive / "x"), inputs=("gs://b", str(archive / "**" / "*.dcm"))), "and --input number 2 must"),
        (options("gs://b/in/cw", certificate="x", inputs=("gs://b/in",)), f"--crosswalk and --input {inside}"),
        (options("gs://b/in", certificate="x", inputs=("gs://b/in/*/x.dcm",)), f"--crosswalk and --input {inside}"),
        (options("gs://b/in", certificate="x", output="gs://b/in/out"), f"--crosswalk and --output {inside}"),
        (options(str(archive / "a.dcm"), inputs=("gs://b",)), "--crosswalk is not a folder"),
        (options("", inputs=("gs://b",)), "--crosswalk is not a folder"),
        (options("gs://b/*", certificate="x"), "--crosswalk is not a folder"),
        (options("gopher://x"), "gopher:// is not known"),
        (options("gs://b/crosswalk"), "on object storage needs --crosswalk-certificate"),
    ):
        with pytest.raises(UsageError, match=re.escape(message)):
            check_crosswalk(given)


def test_what_is_wrong_is_said_before_any_work(pair: KeyPair, tmp_path: Path, key_file: Path) -> None:
    archive, output, apart = tmp_path / "in", tmp_path / "out", tmp_path / "crosswalk"
    archive.mkdir()
    write_studies(archive, ["a.dcm"], lambda number: [])
    (tmp_path / "open").mkdir(mode=0o750)
    weak = key_pair(tmp_path, "weak", bits=1024)
    for arguments, message in (
        (["--crosswalk", str(output)], "--crosswalk and --output must lie apart"),
        (["--crosswalk", "gs://bucket/x"], "on object storage needs --crosswalk-certificate"),
        (["--crosswalk", str(tmp_path / "open")], "chmod 700"),
        (["--crosswalk-certificate", str(pair.certificate)], "--crosswalk-certificate needs --crosswalk"),
        (["--crosswalk", str(apart), "--crosswalk-certificate", str(apart)], "--crosswalk-certificate doesn't exist"),
        (["--crosswalk", str(apart), "--crosswalk-certificate", str(weak.certificate)], "2048"),
    ):
        done = run_command("run", "--input", str(archive), "--output", str(output), "--key", f"file:{key_file}", *arguments)
        assert (done.returncode, message in done.stderr) == (2, True), (arguments, done.stderr)
        assert "Traceback" not in done.stderr and str(tmp_path) not in done.stderr
        assert not output.exists() and not apart.exists() and list((tmp_path / "open").iterdir()) == []


def test_a_crosswalk_that_cannot_be_written_ends_the_run(pair: KeyPair, tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "in").mkdir()
    write_studies(tmp_path / "in", ["QX000001ZK.dcm"], lambda number: [])
    # a folder that is there, and in which nobody can create a file, not even root
    run = deidentify(
        *(tmp_path / "in", tmp_path / "out", key_file, "--crosswalk", "/proc"),
        *("--crosswalk-certificate", str(pair.certificate)),
    )
    assert run.code == 1 and "Failed: can't be written" in run.log, run.log
    assert "QX000001ZK" not in run.log and run.objects() == {}
