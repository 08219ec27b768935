"""Heads by the real command: a series passes or stays as a whole, however many workers share it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.objects import Element
from tests.support.runs import ct_file, deidentify

CHEST = Element(0x00180015, "CS", "CHEST")
STUDY = "1.2.3.4"


def write(folder: Path, series: str, number: int, *extra: Element) -> str:
    name = f"{series}-{number}.dcm"
    place = Element(0x00200032, "DS", f"0\\0\\{number}")
    own = (Element(0x0020000E, "UI", f"{STUDY}.{series}"), place, *extra)
    (folder / name).write_bytes(ct_file(f"{STUDY}.{series}.{number}", *own, study=STUDY))
    return name


@pytest.mark.parametrize(
    ("options", "engine"), [("CleanDesc", []), ("", ["--direct_running_mode=multi_processing", "--direct_num_workers=2"])]
)
def test_a_series_is_refused_as_a_whole_or_not_at_all(tmp_path: Path, key_file: Path, options: str, engine: list[str]) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    for number in range(4):
        # one image of the first says where they all lie; of the second one names the brain, of the third one lies far above
        write(archive, "1", number, *([CHEST] if number == 2 else []))
        write(archive, "2", number, CHEST, *([Element(0x0008103E, "LO", "Brain")] if number == 3 else []))
        write(archive, "3", number * (300 if number == 3 else 1), CHEST)
        write(archive, "4", number)
    run = deidentify(archive, tmp_path / "out", key_file, "--faces", "quarantine", "--options", options, *engine)
    assert run.code == 3
    assert run.report["counts"]["written"] == 4
    assert run.report["reasons"] == {"pixel-risk-face": 12}
    assert run.report["pixel_risks"] == {"pixel-risk-face": {"quarantined": 12, "kept": 0}}
    assert run.report["origin"]["faces"] == "quarantine"
    refused = [row for row in run.table("instances") if row["status"] == "quarantined"]
    assert {(row["reason"], row["reason_tag"]) for row in refused} == {("pixel-risk-face", "(0018,0015)")}
    without = deidentify(archive, tmp_path / "all", key_file, "--options", options)
    assert without.report["counts"]["written"] == 16


def test_an_image_that_is_refused_for_its_pixels_still_tells_of_its_series(tmp_path: Path, key_file: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    for number in range(3):
        says = [Element(0x0008103E, "LO", "Brain"), Element(0x00280301, "CS", "YES")] if number == 1 else []
        write(archive, "1", number, CHEST, *says)
    run = deidentify(archive, tmp_path / "out", key_file, "--faces", "quarantine")
    assert run.report["counts"]["written"] == 0
    assert run.report["reasons"] == {"burned-in-annotation": 1, "pixel-risk-face": 2}
