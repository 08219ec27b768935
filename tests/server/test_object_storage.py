"""The real command from bucket to bucket, on real servers: an archive gives the same objects and tables wherever it lies."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.forked import Logged
from tests.support.objects import Element, ct, part10
from tests.support.runs import ROOT, PlantedArchive, Run, ct_file, deidentify, run_command
from tests.support.servers import GcsServer
from tests.support.stores import new_bucket, store

#: what servers number and time by their clocks: by chance these have the digits of a planted date
BY_THE_CLOCK = {"generation", "timeCreated", "timeStorageClassUpdated", "updated", "LastModified"}


class Server(Protocol):
    """What these tests need of a server."""

    url: str

    def create_bucket(self, name: str) -> None: ...
    def put_all(self, bucket: str, contents: dict[str, bytes]) -> None: ...
    def objects(self, bucket: str) -> dict[str, bytes]: ...
    def metadata(self, bucket: str, name: str) -> dict[str, Any]: ...


@dataclass
class Cloud:
    """A server, and how a command is led to it."""

    scheme: str
    server: Server
    env: dict[str, str]

    def new_bucket(self, word: str) -> str:
        """The name of an empty bucket."""
        return new_bucket(self.server, word)

    def filled(self, word: str, folder: Path, prefix: str = "") -> str:
        """The name of a new bucket with the files of ``folder``."""
        bucket = self.new_bucket(word)
        files = (path for path in folder.rglob("*") if path.is_file())
        self.server.put_all(bucket, {prefix + str(path.relative_to(folder)): path.read_bytes() for path in files})
        return bucket

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command("run", *arguments, env=self.env)


@dataclass
class BucketRun:
    """What a run wrote to a bucket: a Run that is nowhere on this machine.

    Attributes:
        bucket: its name.
        files: what lies in the output.
        audit: what lies in the audit beside it.
    """

    bucket: str
    files: dict[str, bytes]
    audit: dict[str, bytes]

    @property
    def report(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.audit["run.json"])
        return content

    def table(self, name: str) -> list[dict[str, Any]]:
        names = [file for file in self.report["tables"] if file.startswith(name)]
        return [row for file in names for row in pq.read_table(io.BytesIO(self.audit[file])).to_pylist()]

    def objects(self) -> dict[str, bytes]:
        return {name: content for name, content in self.files.items() if name.endswith(".dcm")}


def same(one: Run | BucketRun, other: Run | BucketRun) -> bool:
    """Whether two runs gave the same objects and tables."""
    assert one.objects() == other.objects()
    for name in ("instances", "uid_map", "references"):
        assert rows_of(one, name) == rows_of(other, name)
    return True


def rows_of(run: Run | BucketRun, name: str) -> list[str]:
    """A table's rows in any order, but for what tells one run, or one copy of an archive, from another."""
    return sorted(repr({**row, "source_version": None, "input_id": None, "since": None}) for row in run.table(name))


def written_to(server: Server, bucket: str, output: str) -> BucketRun:
    """What lies in a bucket."""
    found = server.objects(bucket)

    def below(folder: str) -> dict[str, bytes]:
        return {name.removeprefix(folder): content for name, content in found.items() if name.startswith(folder)}

    return BucketRun(bucket, below(f"{output}/"), below(f"{output}-audit/"))


@pytest.fixture(scope="module", params=["gs", "s3"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    found = store(request.param, request)
    return Cloud(request.param, found.server, found.env)


@pytest.fixture(scope="module")
def hospital(cloud: Cloud, planted_archive: PlantedArchive) -> str:
    return cloud.filled("hospital", planted_archive.folder, "archive/")


@pytest.fixture(scope="module")
def planted_bucket_run(
    cloud: Cloud, hospital: str, planted_archive: PlantedArchive
) -> tuple[subprocess.CompletedProcess[str], BucketRun]:
    research = cloud.new_bucket("research")
    done = cloud.run(
        *("--input", f"{cloud.scheme}://{hospital}/archive", "--output", f"{cloud.scheme}://{research}/out"),
        *("--key", f"file:{planted_archive.key}"),
    )
    assert done.returncode == 3, done.stderr
    return done, written_to(cloud.server, research, "out")


def test_a_bucket_gives_what_a_folder_gives(
    planted_run: Run, planted_bucket_run: tuple[subprocess.CompletedProcess[str], BucketRun]
) -> None:
    assert same(planted_run, planted_bucket_run[1])


def test_no_token_is_in_anything_that_was_written(
    cloud: Cloud, planted_archive: PlantedArchive, planted_bucket_run: tuple[subprocess.CompletedProcess[str], BucketRun]
) -> None:
    done, run = planted_bucket_run
    tokens = planted_archive.tokens
    assert tokens.found_in((done.stdout + done.stderr).encode()) == []
    names = [f"out/{name}" for name in run.files]
    for name, content in run.audit.items():
        names.append(f"out-audit/{name}")
        assert tokens.found_in(content) == [], name
    for name in names:
        assert tokens.found_in(name.encode()) == []
        metadata = cloud.server.metadata(run.bucket, name)
        given = {field: value for field, value in metadata.items() if field not in BY_THE_CLOCK}
        assert tokens.found_in(repr(given).encode()) == []
    assert tokens.found_in(repr(run.table("instances")).encode()) == []


def test_each_instance_takes_two_reads_and_a_write(
    planted_archive: PlantedArchive, planted_bucket_run: tuple[subprocess.CompletedProcess[str], BucketRun]
) -> None:
    report = planted_bucket_run[1].report
    operations, files = report["operations"], planted_archive.files
    assert report["counts"]["written"] == planted_archive.passing
    # the tables and their account, besides
    assert operations["writes"] <= planted_archive.passing + len(report["tables"]) + 1
    assert operations["reads"] <= 2 * files
    assert operations["bytes_written"] >= sum(map(len, planted_bucket_run[1].objects().values()))


def test_a_second_run_changes_nothing(
    cloud: Cloud,
    hospital: str,
    planted_archive: PlantedArchive,
    planted_bucket_run: tuple[subprocess.CompletedProcess[str], BucketRun],
) -> None:
    _, run = planted_bucket_run
    names = [f"out/{name}" for name in run.objects()]
    before = {name: cloud.server.metadata(run.bucket, name) for name in names}
    done = cloud.run(
        *("--input", f"{cloud.scheme}://{hospital}/archive/**", "--output", f"{cloud.scheme}://{run.bucket}/out"),
        *("--key", f"file:{planted_archive.key}"),
    )
    assert done.returncode == 3, done.stderr
    again = written_to(cloud.server, run.bucket, "out")
    assert {name: cloud.server.metadata(run.bucket, name) for name in names} == before
    assert same(run, again)
    tables = {name for name in again.audit if "/" not in name}
    assert tables == {*again.report["tables"], "run.json", "output.json", "report.html"}
    earlier = {name.rpartition("/")[2] for name in again.audit if name.startswith(f"earlier/{run.report['run_id']}/")}
    assert earlier == {*run.report["tables"], "run.json", "report.html"}


def small_archive(folder: Path, count: int) -> Path:
    """``count`` small CTs of some studies."""
    for number in range(count):
        study = f"1.2.3.{number // 25}"
        extra = [Element(0x0020000E, "UI", f"{study}.1"), Element(0x00100020, "LO", f"MRN-{number // 50}")]
        path = folder / str(number // 25) / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ct_file(f"1.2.3.{number // 25}.9.{number}", *extra, study=study))
    return folder


def test_what_changed_is_refused_with_the_name_of_its_output_and_replaced_when_asked(
    cloud: Cloud, tmp_path: Path, key_file: Path
) -> None:
    name, output = cloud.filled("changing", small_archive(tmp_path / "in", 3), "in/"), cloud.new_bucket("changed")

    def night(*flags: str) -> BucketRun:
        places = ("--input", f"{cloud.scheme}://{name}/in", "--output", f"{cloud.scheme}://{output}/out")
        done = cloud.run(*places, "--key", f"file:{key_file}", "--resume", *flags)
        assert done.returncode in (0, 3), done.stderr
        return written_to(cloud.server, output, "out")

    first = night()
    other = [Element(0x00280012, "US", 7), Element(0x0020000E, "UI", "1.2.3.0.1"), Element(0x00100020, "LO", "MRN-0")]
    cloud.server.put(name, "in/0/1.dcm", ct_file("1.2.3.0.9.1", *other, study="1.2.3.0"))
    (refused,) = (row for row in night().table("instances") if row["reason"] == "output-conflict")
    assert refused["written_in"] == first.report["run_id"]
    last = night("--replace-changed")
    (replaced,) = (row for row in last.table("instances") if row["status"] == "written")
    assert (replaced["notes"], replaced["output_name"]) == (["output-replaced"], refused["output_name"])
    changed = {found for found, content in last.objects().items() if first.objects()[found] != content}
    assert changed == {refused["output_name"]} and len(last.objects()) == 3


def test_two_runs_at_once_lose_nothing_and_do_not_conflict(cloud: Cloud, tmp_path: Path, key_file: Path) -> None:
    many, both = cloud.filled("many", small_archive(tmp_path / "in", 300)), cloud.new_bucket("both")
    places = ("--input", f"{cloud.scheme}://{many}", "--output", f"{cloud.scheme}://{both}/out")
    runs = [Logged("run", *places, "--key", f"file:{key_file}", env=cloud.env) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    result = written_to(cloud.server, both, "out")
    assert result.report["counts"]["written"] == len(result.objects()) == 300
    earlier = [name for name in result.audit if name.startswith("earlier/") and name.endswith("run.json")]
    assert len(earlier) == 1
    assert json.loads(result.audit[earlier[0]])["counts"]["written"] == 300


def test_inputs_and_outputs_mix(cloud: Cloud, tmp_path: Path, key_file: Path) -> None:
    archive = small_archive(tmp_path / "in", 30)
    mixed, tables = cloud.filled("mixed", archive), cloud.new_bucket("tables")
    done = cloud.run(
        *("--input", str(archive / "0"), "--input", f"{cloud.scheme}://{mixed}/1/*.dcm", "--output", str(tmp_path / "out")),
        *("--audit", f"{cloud.scheme}://{tables}/audit", "--key", f"file:{key_file}"),
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 30
    assert json.loads(cloud.server.objects(tables)["audit/run.json"])["counts"]["written"] == 30


def test_what_is_wrong_with_a_place_is_said_at_once(cloud: Cloud, tmp_path: Path, key_file: Path) -> None:
    full = cloud.filled("full", small_archive(tmp_path / "in", 1))
    scheme = cloud.scheme
    for arguments, message in (
        (
            ["--input", f"{scheme}://nowhere/x", "--output", f"{scheme}://{full}/out"],
            f"--input: the {scheme}:// bucket doesn't exist",
        ),
        (["--input", f"{scheme}://{full}/x", "--output", f"{scheme}://other/out"], "--input doesn't exist"),
        (["--input", f"{scheme}://{full}/*.zip", "--output", f"{scheme}://other/out"], "--input matches nothing"),
        (["--input", f"{scheme}://{full}/0", "--output", f"{scheme}://nowhere/x"], f"the {scheme}:// bucket doesn't exist"),
        (["--input", f"{scheme}://{full}", "--output", f"{scheme}://{full}/out"], "--output lies inside --input"),
        (["--input", f"{scheme}://{full}/*", "--output", f"{scheme}://{full}/0"], "--output lies inside --input"),
        (
            ["--input", f"{scheme}://{full}/0", "--output", f"{scheme}://{full}", "--audit", f"{scheme}://other/audit"],
            "--input lies inside --output",
        ),
        (["--input", str(tmp_path / "in"), "--output", f"{scheme}://{full}/0"], "--output is not empty"),
        (["--input", "gopher://x/y", "--output", f"{scheme}://{full}/1"], "gopher:// is not known"),
    ):
        done = cloud.run(*arguments, "--key", f"file:{key_file}")
        assert (done.returncode, message in done.stderr) == (2, True), (arguments, done.stderr)
        assert "nowhere" not in done.stderr and "Traceback" not in done.stderr


def test_packed_files_and_manifests_in_buckets(cloud: Cloud, tmp_path: Path, key_file: Path) -> None:
    archive = small_archive(tmp_path / "in", 40)
    plain = deidentify(archive, tmp_path / "plain", key_file)
    files = sorted(path for path in archive.rglob("*.dcm"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as target:
        for path in files[:10]:
            target.write(path, path.name)
    for name, mode, members in (("b.tar", "w", files[10:20]), ("c.tgz", "w:gz", files[20:30])):
        with tarfile.open(tmp_path / name, mode) as tar:
            for path in members:
                tar.add(path, path.name)
    contents = {f"packed/{name}": (tmp_path / name).read_bytes() for name in ("a.zip", "b.tar", "c.tgz")}
    contents |= {f"loose/{path.name}": path.read_bytes() for path in files[30:]}
    packed, unpacked = cloud.new_bucket("packed"), cloud.new_bucket("unpacked")
    bucket = f"{cloud.scheme}://{packed}"
    names = [f"{bucket}/packed/a.zip", "b.tar", "c.tgz", *(f"../loose/{path.name}" for path in files[30:35])]
    names = [name.replace("../", f"{bucket}/") for name in names]
    pq.write_table(pa.table({"name": names}), tmp_path / "names.parquet")
    contents["packed/names.parquet"] = (tmp_path / "names.parquet").read_bytes()
    contents["packed/rest.csv"] = (
        b"key,bucket\n"
        + "".join(
            f"loose/{path.name},{packed}\n" if cloud.scheme == "s3" else f"{bucket}/loose/{path.name},{packed}\n"
            for path in files[35:]
        ).encode()
    )
    cloud.server.put_all(packed, contents)
    done = cloud.run(
        *("--input", f"{bucket}/packed/names.parquet", "--input", f"{bucket}/packed/rest.csv"),
        *("--output", f"{cloud.scheme}://{unpacked}/out", "--key", f"file:{key_file}"),
    )
    assert done.returncode == 0, done.stderr
    run = written_to(cloud.server, unpacked, "out")
    assert run.report["listed"] == 40
    assert run.objects() == plain.objects()


def test_a_large_object_passes_in_little_memory(gcs_server: GcsServer, tmp_path: Path, key_file: Path) -> None:
    """``DEID_DEEP`` makes it 2 GB; the server needs minutes for that, for it copies what it has with each piece that comes."""
    size = 2_000_000_000 if os.environ.get("DEID_DEEP") else 200_000_000
    pixels = tmp_path / "pixels"
    with pixels.open("wb") as stream:
        head = part10(ct(without=[0x7FE00010]))
        stream.write(head + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size))
        for _ in range(0, size, 1_000_000):
            stream.write(b"\1\2" * 500_000)
    large, result = new_bucket(gcs_server, "large"), new_bucket(gcs_server, "large-result")
    with pixels.open("rb") as stream:
        gcs_server.put(large, "a.dcm", stream)  # type: ignore[arg-type]
    environment = {**os.environ, "STORAGE_EMULATOR_HOST": gcs_server.url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MEASURED, "run", "--input", f"gs://{large}", "--output", f"gs://{result}/out"]
    done = subprocess.run([*command, "--key", f"file:{key_file}"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    imported, peak = map(int, done.stderr.splitlines()[-1].split())
    # KiB: what Beam takes when it runs, and some pieces of 8 MiB; nowhere near the object
    assert peak - imported < 120_000
    (name,) = (name for name in gcs_server.names(result) if name.endswith(".dcm"))
    assert int(gcs_server.metadata(result, name)["size"]) >= size
    # the server holds them in memory, for all tests of a worker
    for bucket in (large, result):
        gcs_server.remove_bucket(bucket)


MEASURED = """
import resource, sys
import apache_beam, pipeline.runs.runner, storage.stores.gcs
from pipeline.cli import main
imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    main(sys.argv[1:])
finally:
    print(imported, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def test_without_credentials_the_command_says_so(tmp_path: Path, key_file: Path) -> None:
    """Google's own libraries ask for a metadata server first, for half a minute."""
    nowhere = {"HOME": str(tmp_path), "CLOUDSDK_CONFIG": str(tmp_path), "GOOGLE_APPLICATION_CREDENTIALS": "", "NO_GCE_CHECK": ""}
    arguments = ("--input", "gs://hospital/x", "--output", str(tmp_path / "out"), "--key", f"file:{key_file}")
    done = run_command("run", *arguments, env=nowhere)
    assert (done.returncode, "no Google Cloud credentials" in done.stderr) == (2, True), done.stderr
    assert "hospital" not in done.stderr


def test_azure_gives_what_a_folder_gives(tmp_path: Path, key_file: Path, request: pytest.FixtureRequest) -> None:
    archive = small_archive(tmp_path / "in", 60)
    plain = deidentify(archive, tmp_path / "plain", key_file)
    azure = store("azfs", request)
    hospital, research = azure.new_bucket("hospital"), azure.new_bucket("research")
    azure.server.put_all(hospital, {f"a/{path.relative_to(archive)}": path.read_bytes() for path in archive.rglob("*.dcm")})
    places = ("--input", f"{azure.beginning}{hospital}/a", "--output", f"{azure.beginning}{research}/out")
    done = run_command("run", *places, "--key", f"file:{key_file}", *azure.flags)
    assert done.returncode == 0, done.stderr
    run = written_to(azure.server, research, "out")
    assert same(run, plain)
    operations = run.report["operations"]
    assert operations["reads"] <= 2 * 60 + 2 and operations["writes"] <= 60 + 5
