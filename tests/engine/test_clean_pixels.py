"""Cleaned pixels are the same bytes on every engine, from folder or bucket, and after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.test_killed_workers import at_work
from tests.server.test_object_storage import rows_of, same, written_to
from tests.server.test_restart import kill_all
from tests.support import compressed_pixels
from tests.support.compressed_pixels import labelled
from tests.support.engines import engine
from tests.support.labelled_pixels import Kind
from tests.support.pixel_archive import KINDS, RULES, fill
from tests.support.runs import Run, deidentify, run_command
from tests.support.servers import GcsServer
from tests.support.stores import new_bucket

CLEAN = "--options=CleanPixelData"
#: each codec once
COMPRESSED = (
    compressed_pixels.Kind("50", frames=3),
    compressed_pixels.Kind("57", bits=12),
    compressed_pixels.Kind("81", "RGB"),
    compressed_pixels.Kind("91", "YBR_ICT", frames=3, cut="extended"),
    compressed_pixels.Kind("202", bits=16),
)
#: so many copies of a small image that a run can be killed among them
MANY = 600


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("rules") / "rules.csv"
    boxes = "; ".join(",".join(map(str, box)) for box in labelled(COMPRESSED[0]).boxes)
    path.write_text(f'{RULES}compressed,Manufacturer = ACME,67,101,clean,"{boxes}",,the tests: they write there\n')
    return f"--pixel-rules={path}"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    fill(folder, (*KINDS, Kind("MONOCHROME2", columns=60)))
    for number, kind in enumerate(COMPRESSED):
        (folder / f"compressed-{number}.dcm").write_bytes(labelled(kind, number + 1).blob)
    return folder


@pytest.fixture(scope="module")
def undisturbed(archive: Path, rules: str, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = deidentify(archive, tmp_path_factory.mktemp("undisturbed") / "out", key_file, CLEAN, rules)
    assert len(run.objects()) == len(KINDS) + len(COMPRESSED), run.log
    return run


@pytest.mark.parametrize("name", ["two processes", "every bundle twice", "Prism"])
def test_each_engine_writes_the_same_bytes(
    name: str, archive: Path, undisturbed: Run, rules: str, key_file: Path, tmp_path: Path
) -> None:
    with engine(name) as flags:
        run = deidentify(archive, tmp_path / "out", key_file, CLEAN, rules, *flags)
    assert same(run, undisturbed)
    assert rows_of(run, "pixels") == rows_of(undisturbed, "pixels")


def test_from_bucket_to_bucket_they_are_the_same(
    archive: Path, undisturbed: Run, rules: str, gcs_server: GcsServer, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital, research = new_bucket(gcs_server, "hospital"), new_bucket(gcs_server, "research")
    gcs_server.put_all(hospital, {path.name: path.read_bytes() for path in archive.iterdir()})
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    places = ("--input", f"gs://{hospital}", "--output", f"gs://{research}/out")
    done = run_command("run", *places, "--key", f"file:{key_file}", CLEAN, rules)
    assert done.returncode == undisturbed.code, done.stderr
    found = written_to(gcs_server, research, "out")
    assert found.objects() == undisturbed.objects()


@pytest.mark.parametrize("stage", ["scanned", "finished"])
def test_a_killed_run_goes_on_with_the_decisions_that_it_had_stored(
    stage: str, rules: str, key_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    fill(folder, [Kind("MONOCHROME2", 16, 12, 11, frames=3)] * MANY)
    whole = deidentify(folder, tmp_path / "whole", key_file, CLEAN, rules)
    with at_work(folder, tmp_path, key_file, CLEAN, rules) as run:
        run.wait_for(stage, MANY // 3)
        kill_all(run)
    again = deidentify(folder, run.output, key_file, CLEAN, rules)
    assert again.objects() == whole.objects()
    assert len(again.objects()) == MANY
    assert rows_of(again, "pixels") == rows_of(whole, "pixels")
