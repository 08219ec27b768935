"""Crosswalks on object storage, of runs that nobody waits for, and of runs that are killed: by real servers and commands."""

from __future__ import annotations

import csv
import signal
import stat
import time
from io import StringIO
from pathlib import Path

import pytest

from tests.support.certificates import KeyPair, key_pair
from tests.support.engines import engine
from tests.support.forked import Logged
from tests.support.processes import PATIENCE
from tests.support.runs import KEEPING, PlantedArchive, ct_file, run_command, write_studies
from tests.support.stores import Store, store

MANY = 800


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module", params=["gs", "s3"])
def place(request: pytest.FixtureRequest) -> Store:
    return store(request.param, request)


def test_a_bucket_holds_it_encrypted_and_is_read_again(
    place: Store, planted_archive: PlantedArchive, pair: KeyPair, tmp_path: Path
) -> None:
    beginning, server, env, _ = place
    research, restricted = place.new_bucket("research"), place.new_bucket("restricted")
    crosswalk = f"{beginning}{restricted}/study 7/crosswalk"
    options = ["--input", str(planted_archive.folder), "--output", f"{beginning}{research}/out"]
    options += ["--key", f"file:{planted_archive.key}", KEEPING, "--crosswalk", crosswalk]
    refused = run_command("run", *options, env=env)
    assert (refused.returncode, "needs --crosswalk-certificate" in refused.stderr) == (2, True), refused.stderr
    missing = run_command(
        "run", *options[:-1], f"{beginning}nowhere/x", "--crosswalk-certificate", str(pair.certificate), env=env
    )
    assert (missing.returncode, "--crosswalk the " in missing.stderr) == (2, True), missing.stderr
    assert server.objects(research) == {}
    done = run_command("run", *options, "--crosswalk-certificate", str(pair.certificate), env=env)
    assert done.returncode == 3, done.stderr
    tokens = planted_archive.tokens
    assert tokens.found_in((done.stdout + done.stderr).encode()) == []
    written = server.objects(restricted)
    assert all(name.startswith("study 7/crosswalk/crosswalk-") and name.endswith(".parquet.p7m") for name in written)
    assert [tokens.found_in(content) for content in written.values()] == [[]] * len(written)
    keys = ["--key", f"file:{planted_archive.key}", "--private-key", str(pair.private_key)]
    read = run_command("reidentify", "--crosswalk", crosswalk, *keys, "--csv", env=env)
    assert read.returncode == 0, read.stderr
    rows = list(csv.DictReader(StringIO(read.stdout)))
    assert sum(row["status"] == "written" for row in rows) == planted_archive.readable
    assert len(rows) == planted_archive.files
    assert len(tokens.found_in(read.stdout.encode())) >= 3 * planted_archive.readable
    # Beam's own options lead there, too
    if beginning == "s3://":
        options = ["--crosswalk", crosswalk, *keys, rows[0]["source_id"], "--csv"]
        flags = ["--s3_endpoint_url", env["AWS_ENDPOINT_URL"], "--s3_access_key_id=test", "--s3_secret_access_key", "test"]
        by_flags = run_command("reidentify", *options, *flags)
        assert by_flags.returncode == 0, by_flags.stderr
        assert list(csv.DictReader(StringIO(by_flags.stdout))) == rows[:1]


def test_a_run_that_nobody_waits_for_writes_it_too(tmp_path: Path, key_file: Path, pair: KeyPair) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}"))
    options = ["--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--key", f"file:{key_file}"]
    options += ["--crosswalk", str(tmp_path / "crosswalk"), "--crosswalk-certificate", str(pair.certificate), "--detach"]
    finish = ("finish", "--audit", str(tmp_path / "out-audit"), "--key", f"file:{key_file}")
    with engine("Prism server, worker pool") as flags:
        submitted = run_command("run", *options, *flags)
        assert submitted.returncode == 0, submitted.stderr
        ends = time.monotonic() + PATIENCE
        while (done := run_command(*finish)).returncode == 1:
            assert time.monotonic() < ends, done.stderr
            time.sleep(1)
    assert done.returncode == 0, done.stderr
    assert '"crosswalk": true' in (tmp_path / "out-audit" / "run.json").read_text()
    keys = ("--key", f"file:{key_file}", "--private-key", str(pair.private_key))
    read = run_command("reidentify", "--crosswalk", str(tmp_path / "crosswalk"), *keys, "--csv")
    assert sorted(row["source"] for row in csv.DictReader(StringIO(read.stdout))) == ["0.dcm", "1.dcm", "2.dcm"]


@pytest.mark.parametrize("first", ["with it", "with another one", "without it"])
def test_a_run_that_goes_on_after_a_killed_one_leaves_no_row_out(first: str, tmp_path: Path, key_file: Path) -> None:
    """What the ledger knows isn't scanned again: its rows must be there by then."""
    (tmp_path / "in").mkdir()
    write_studies(tmp_path / "in", [f"{number}.dcm" for number in range(MANY)], lambda number: [])
    crosswalk = tmp_path / "crosswalk"
    options = ["--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--key", f"file:{key_file}"]
    before = {"with it": ["--crosswalk", str(crosswalk)], "with another one": ["--crosswalk", str(tmp_path / "other")]}
    killed = Logged("run", *options, *before.get(first, []))
    ends = time.monotonic() + PATIENCE
    while len(list((tmp_path / "out-audit").glob("ledger-*"))) < 3:
        assert time.monotonic() < ends and killed.poll() is None
        time.sleep(0.001)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "out-audit" / "run.json").exists()
    done = run_command("run", *options, "--crosswalk", str(crosswalk))
    assert done.returncode == 0, done.stderr
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in crosswalk.iterdir())
    read = run_command("reidentify", "--crosswalk", str(crosswalk), "--key", f"file:{key_file}", "--csv")
    assert read.returncode == 0, read.stderr
    sources = [row["source"] for row in csv.DictReader(StringIO(read.stdout))]
    assert len(sources) == len(set(sources)) == MANY
    # with it, and only then, the work of the first run was of use
    files = [path.name.split("-")[1] for path in crosswalk.glob("crosswalk-*")]
    assert len(set(files)) == (2 if first == "with it" else 1)
