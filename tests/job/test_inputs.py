"""Whatever an archive is kept in, its instances are the same: folders, zips, tars, manifests."""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.runs import PlantedArchive, Run, ct_file, deidentify

Pack = Callable[[dict[str, bytes], Path], None]


def zipped(files: dict[str, bytes], folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)


def tarred(suffix: str, mode: str) -> Pack:
    def pack(files: dict[str, bytes], folder: Path) -> None:
        with tarfile.open(folder / f"a{suffix}", mode) as target:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                target.addfile(info, io.BytesIO(content))

    return pack


def several(files: dict[str, bytes], folder: Path) -> None:
    """Each in another kind of packed file."""
    kinds = [zipped, tarred(".tar", "w"), tarred(".tgz", "w:gz"), tarred(".tar.xz", "w:xz"), tarred(".tar.bz2", "w:bz2")]
    for number, kind in enumerate(kinds):
        (folder / str(number)).mkdir()
        kind(
            {name: content for at, (name, content) in enumerate(files.items()) if at % len(kinds) == number}, folder / str(number)
        )


@pytest.mark.parametrize(
    "pack", [zipped, tarred(".tar", "w"), tarred(".tar.gz", "w:gz"), several], ids=["zip", "tar", "tar.gz", "several"]
)
def test_packed_archives_give_what_folders_give(
    planted_archive: PlantedArchive, planted_run: Run, tmp_path: Path, pack: Pack
) -> None:
    files = {
        str(path.relative_to(planted_archive.folder)): path.read_bytes()
        for path in planted_archive.folder.rglob("*")
        if path.is_file()
    }
    (tmp_path / "in").mkdir()
    pack(files, tmp_path / "in")
    run = deidentify(tmp_path / "in", tmp_path / "out", planted_archive.key)
    assert run.code == 3, run.log
    assert run.objects() == planted_run.objects()
    assert run.report["reasons"] == planted_run.report["reasons"]
    assert run.report["listed"] == planted_archive.files
    tokens = planted_archive.tokens
    assert tokens.found_in(run.log.encode()) == []
    for path in run.audit.iterdir():
        assert tokens.found_in(path.read_bytes()) == [], path.name


@pytest.fixture
def archive(tmp_path: Path) -> list[Path]:
    (tmp_path / "in").mkdir()
    for number in range(5):
        (tmp_path / "in" / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}"))
    return sorted((tmp_path / "in").iterdir())


def as_text(files: list[Path], target: Path) -> None:
    target.with_suffix(".txt").write_text("# names\n" + "\n".join(map(str, files)) + "\n")


def as_csv(files: list[Path], target: Path) -> None:
    with target.with_suffix(".csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Name", "Size"])
        writer.writerows((file, file.stat().st_size) for file in files)


def as_parquet(files: list[Path], target: Path) -> None:
    sizes = [file.stat().st_size for file in files]
    pq.write_table(pa.table({"name": list(map(str, files)), "size": sizes}), target.with_suffix(".parquet"))


@pytest.mark.parametrize("write", [as_text, as_csv, as_parquet])
def test_a_manifest_names_what_is_read(
    archive: list[Path], tmp_path: Path, key_file: Path, write: Callable[[list[Path], Path], None]
) -> None:
    write(archive[1:], tmp_path / "manifest")
    (manifest,) = tmp_path.glob("manifest.*")
    run = deidentify(manifest, tmp_path / "out", key_file)
    assert run.code == 0, run.log
    assert run.report["counts"]["written"] == len(run.objects()) == 4


def test_a_manifest_beside_the_archive_gives_the_rows_of_the_folder(archive: list[Path], tmp_path: Path, key_file: Path) -> None:
    folder = deidentify(tmp_path / "in", tmp_path / "out1", key_file)
    manifest = tmp_path / "in" / "names.txt"
    manifest.write_text("\n".join(path.name for path in archive))
    listed = deidentify(manifest, tmp_path / "out2", key_file)
    assert listed.objects() == folder.objects()
    rows, expected = (
        sorted(repr(row | {"input_id": None, "since": None}) for row in run.table("instances")) for run in (listed, folder)
    )
    assert rows == expected


def test_what_a_manifest_names_wrongly_is_in_the_account(archive: list[Path], tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "names.csv").write_text(f"path,size\n{archive[0]},7\n{archive[1]},\n{archive[1]},\n{tmp_path}/gone,5\n")
    run = deidentify(tmp_path / "names.csv", tmp_path / "out", key_file)
    assert run.code == 3, run.log
    assert run.report["counts"] | {"written": 1, "duplicate": 1, "quarantined": 2} == run.report["counts"]
    assert run.report["reasons"] == {"changed-during-run": 1, "duplicate-instance": 1, "unreadable": 1}


def test_a_manifest_that_can_not_be_used_is_told_without_its_names(tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "names.csv").write_text("name,size\nDoe^Jane.dcm,many\n")
    run = deidentify(tmp_path / "names.csv", tmp_path / "out", key_file)
    assert (run.code, "line 2" in run.log, "Doe" in run.log) == (2, True, False), run.log
    # an error that only the job comes upon
    (tmp_path / "later.csv").write_text("name,size\nDoe^Jane.dcm,1\nRoe^Jane.dcm,many\n")
    run = deidentify(tmp_path / "later.csv", tmp_path / "out", key_file)
    assert run.code in (1, 2) and "line 3" in run.log and "Roe" not in run.log, run.log


def test_a_broken_packed_file_is_quarantined_with_what_it_still_held(tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "in").mkdir()
    tarred(".tar", "w")({str(number): ct_file(f"1.2.3.{number}") for number in range(3)}, tmp_path / "in")
    whole = (tmp_path / "in" / "a.tar").read_bytes()
    (tmp_path / "in" / "a.tar").write_bytes(whole[: len(ct_file("1.2.3.0")) + 1100])
    (tmp_path / "in" / "b.zip").write_bytes(b"PK\3\4 no zip")
    (tmp_path / "in" / "c.dcm").write_bytes(b"PK\3\4 a zip by another name" + bytes(300))
    run = deidentify(tmp_path / "in", tmp_path / "out", key_file)
    assert run.code == 3, run.log
    assert run.report["counts"]["written"] == 1
    assert run.report["reasons"] == {"invalid-container": 2, "unopened-container": 1}
