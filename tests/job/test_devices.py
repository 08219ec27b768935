"""``dicom-deid quarantined --devices``: refused objects by what a pixel rule is written for."""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.objects import BIG, EXPLICIT, IMPLICIT, Element
from tests.support.pixel_archive import ULTRASOUND
from tests.support.runs import audit_of, ct_file, deidentify, run_command

AT_RISK = Element(0x00280301, "CS", "YES")
SIZES = ["rows", "columns"]


def of_device(number: int, model: str, rows: int, syntax: str = EXPLICIT) -> bytes:
    own = [Element(0x00080005, "CS", "ISO_IR 100"), Element(0x00080070, "LO", "M\xfcller".encode("latin-1"))]
    own += [Element(0x00081010, "SH", "ROOM 3"), Element(0x00081090, "LO", model), Element(0x00181020, "LO", "1.0\\2.0")]
    # 512 and 8192 end or begin with bytes that pad texts
    own += [Element(0x00280010, "US", rows), Element(0x00280011, "US", 8192)]
    return ct_file(f"1.2.3.{number}", *own, AT_RISK, syntax=syntax)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> list[str]:
    folder = tmp_path_factory.mktemp("devices")
    archive = folder / "in"
    archive.mkdir()
    for number, syntax in enumerate((EXPLICIT, IMPLICIT, BIG)):
        (archive / f"{number}.dcm").write_bytes(of_device(number, "LOGIQ", 512, syntax))
    with zipfile.ZipFile(archive / "a.zip", "w") as packed:
        packed.writestr("x.dcm", of_device(10, "LOGIQ", 512))
    with tarfile.open(archive / "b.tar.gz", "w:gz") as target:
        for number, rows in enumerate((512, 480, 480)):
            info = tarfile.TarInfo(f"{number}.dcm")
            content = of_device(20 + number, "=VIVID", rows)
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    (archive / "broken.zip").write_bytes(b"PK\3\4 no zip")
    (archive / "good.dcm").write_bytes(ct_file("1.2.3.99"))
    run = deidentify(archive, folder / "out", key_file)
    assert run.report["counts"]["quarantined"] == 8, run.log
    return ["quarantined", "--input", str(archive), "--audit", str(audit_of(folder / "out")), "--key", f"file:{key_file}"]


def test_csv_has_devices_sizes_counts_and_an_example(command: list[str]) -> None:
    done = run_command(*command, "--devices", "--csv")
    assert done.returncode == 0 and done.stderr == "The headers of 1 objects can't be read.\n"
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    found = {(row["manufacturer_model_name"], row["rows"], row["transfer_syntax_uid"]): row for row in rows}
    assert {key: row["objects"] for key, row in found.items()} == {
        ("LOGIQ", "512", EXPLICIT): "2",
        ("LOGIQ", "512", IMPLICIT): "1",
        ("LOGIQ", "512", BIG): "1",
        # for spreadsheets
        ("'=VIVID", "512", EXPLICIT): "1",
        ("'=VIVID", "480", EXPLICIT): "2",
        ("", "", ""): "1",
    }
    assert [row["objects"] for row in rows] == sorted((row["objects"] for row in rows), reverse=True)
    one = found["'=VIVID", "480", EXPLICIT]
    assert one["example"] in ("b.tar.gz!/1.dcm", "b.tar.gz!/2.dcm")
    assert (one["manufacturer"], one["station_name"], one["software_versions"]) == ("M\xfcller", "ROOM 3", "1.0\\2.0")
    assert one["columns"] == "8192" and one["sop_class_uid"] != ULTRASOUND and one["sop_class_uid"].startswith("1.2.840.10008.5")
    assert found["", "", ""]["example"] == "broken.zip"


def test_the_table_has_names_for_uids(command: list[str]) -> None:
    done = run_command(*command, "--devices", "--reason", "burned-in-annotation")
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["objects", "manufacturer", "model", "station"] and len(lines) == 6
    assert sum("Explicit VR Big Endian" in line and "CT Image Storage" in line for line in lines) == 1


def test_only_one_kind_of_list(command: list[str]) -> None:
    done = run_command(*command, "--devices", "--manifest", "m.csv")
    assert (done.returncode, "exclude each other" in done.stderr) == (2, True)
