"""What a run would do is what it then does."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from pipeline.surveys.estimate import Estimate, Listing, Prices, Sample, estimate, survey
from storage import Operations
from storage.archive import StoredArchive
from tests.support.objects import Element
from tests.support.runs import ct_file, run_command
from tests.support.servers import GcsServer
from tests.support.stores import new_bucket


def test_a_sample_speaks_for_the_listing() -> None:
    listing = Listing(objects=10_000, containers=0, size=5_000_000, lists=12)
    sample = Sample(100, 100, 90, Operations(reads=100, bytes_read=1000), Operations(reads=90, bytes_read=9000), 8000)
    found = estimate(listing, sample)
    assert found == Estimate(10_000, 10, 19_000, 9_000, 1_000_000, 800_000)
    assert found.times(0.5).reads == 9_500


def test_prices_are_of_a_thousand_operations_and_a_gib() -> None:
    found = Estimate(1000, 1000, 2000, 1000, 2 << 30, 3 << 30)
    assert found.costs(Prices()) == {}
    assert found.costs(Prices(writes=0.005, reads=0.0004, gib_read=0.01, gib_month=0.02)) == pytest.approx(
        {"writes and listings": 0.01, "reads": 0.0008, "bytes read": 0.02, "a month of storage": 0.06}
    )


def test_a_sample_is_drawn_from_everywhere(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / f"{number:03}").write_bytes(b"x")
    listing, drawn = survey(StoredArchive(), [str(tmp_path)], 50)
    assert (listing.objects, listing.size, len(drawn), len(set(drawn))) == (500, 500, 50, 50)
    names = sorted(int(ref.source) for ref in drawn)
    assert names[0] < 100 and names[-1] > 400


def test_what_it_says_of_a_bucket_is_what_the_run_takes(gcs_server: GcsServer, tmp_path: Path, key_file: Path) -> None:
    pixels = Element(0x7FE00010, "OW", bytes(300_000))
    contents = {f"a/{number}.dcm": ct_file(f"1.2.3.{number}", pixels) for number in range(30)}
    contents["a/readme.txt"] = b"not an image"
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as target:
        for number in range(30, 40):
            target.writestr(f"{number}", ct_file(f"1.2.3.{number}", pixels))
    contents["a/x.zip"] = (tmp_path / "x.zip").read_bytes()
    archive, result = new_bucket(gcs_server, "estimated"), new_bucket(gcs_server, "result")
    gcs_server.put_all(archive, contents)
    env = {"STORAGE_EMULATOR_HOST": gcs_server.url, "COLUMNS": "120"}
    prices = ("--price-writes", "0.005", "--price-reads", "0.0004")
    told = run_command("estimate", "--input", f"gs://{archive}/a", "--sample", "1000", *prices, env=env)
    assert told.returncode == 0, told.stderr
    assert "32 objects listed (1 zips and tars)" in told.stdout
    assert "41 instances read from 32 of them as a sample; a run would write 40" in told.stdout
    places = ("--input", f"gs://{archive}/a", "--output", f"gs://{result}/out")
    done = run_command("run", *places, "--key", f"file:{key_file}", env=env)
    assert done.returncode == 0, done.stderr
    operations = json.loads(gcs_server.get(result, "out-audit/run.json"))["operations"]
    rows = {line.split("│")[1].strip(): line.split("│")[3].strip() for line in told.stdout.splitlines() if line.count("│") == 6}
    # the audit of an earlier run, which is looked for
    assert 0 <= operations["reads"] - float(rows["reads"]) <= 2
    # the tables and their account
    assert 0 < operations["writes"] - int(float(rows["writes"])) <= 5
    assert float(rows["GB written"]) == pytest.approx(operations["bytes_written"] / 1e9, rel=0.01)
    assert "cost: reads" in told.stdout


def test_without_prices_there_are_no_costs_and_without_storage_no_operations(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ct_file("1.2.3.1"))
    told = run_command("estimate", "--input", str(tmp_path))
    assert told.returncode == 0, told.stderr
    assert "cost" not in told.stdout and "The inputs are not on object storage" in told.stdout


def test_a_place_that_is_not_there_is_an_error(gcs_server: GcsServer) -> None:
    told = run_command("estimate", "--input", "gs://nowhere/x", env={"STORAGE_EMULATOR_HOST": gcs_server.url})
    assert (told.returncode, "the gs:// bucket doesn't exist" in told.stderr) == (2, True), told.stderr
