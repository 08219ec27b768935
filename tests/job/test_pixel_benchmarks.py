"""The measurement of cleaned pixels: its clips, its contenders, the memory that is counted, and the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels import get_decoder

from benchmarks.__main__ import main
from benchmarks.environment import NO_PEERS, machine
from benchmarks.measure import MANY, Contender, Measurement, Outputs, Usage, measure, memory_together
from benchmarks.peers import RECTANGLES, UNREADABLE
from benchmarks.report import full_report, pixels_table
from benchmarks.results import Results, WorkResult
from benchmarks.ultrasound import COLUMNS, FORMATS, ROWS, SYNTAXES, Format, image, write_clips
from benchmarks.works import ENGINE, PIXEL_WORKS, Works

pytest.importorskip("imagecodecs")
ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benchmarks" / "peers.py"


def outside(pixels: np.ndarray) -> np.ndarray:
    """Return frames in which the rectangles are black."""
    found = pixels.copy()
    for left, top, right, bottom in RECTANGLES:
        found[:, top:bottom, left:right] = 0
    return found


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_a_clip_holds_its_frames_in_its_syntax(tmp_path: Path, kind: Format) -> None:
    for name in "ab":
        write_clips(tmp_path / name, kind, clips=2, frames=2)
    one, other = (dcmread(tmp_path / "a" / f"clip-00{number}.dcm") for number in range(2))
    assert (tmp_path / "a" / "clip-001.dcm").read_bytes() == (tmp_path / "b" / "clip-001.dcm").read_bytes()
    assert one.file_meta.TransferSyntaxUID == kind.uid
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert (one.NumberOfFrames, one.Rows, one.Columns, one.BitsStored) == (2, ROWS, COLUMNS, kind.bits)
    assert ("LossyImageCompression" in one) is (kind.syntax in ("50", "51", "81", "91", "203"))
    if kind.syntax == "51" or not (kind.syntax == "native" or get_decoder(kind.uid).is_available):
        return
    found = one.pixel_array.astype(int)
    frames = np.stack([image(number, kind) for number in range(2)])
    assert found.shape == frames.shape
    loses = "LossyImageCompression" in one
    # text and colours have sharp edges, at which a lossy codec may err by much
    assert np.abs(found - frames).mean() < (4 if loses else 1e-9)


def test_all_text_of_a_clip_lies_in_the_rectangles() -> None:
    shown = np.stack([image(number, Format("native")) for number in range(8)])
    for left, top, right, bottom in RECTANGLES:
        assert (shown[:, top:bottom, left:right] == 235).any(axis=(1, 2)).all()
    kept = outside(shown)
    # what tells the patient and the frame is gone; the picture is neither flat nor all noise
    assert not kept[:, :41].any() and not kept[:, 727:, :321].any()
    assert 20 < kept[0].std() < 80
    assert len(np.unique(kept[0])) > 150


@pytest.mark.parametrize(("name", "written"), [("81-grey", "80"), ("50-rgb", "50")])
def test_our_contender_cleans_and_its_codecs_memory_counts(tmp_path: Path, name: str, written: str) -> None:
    work = Works(NO_PEERS, tmp_path, quick=True).all()[f"pixels-{name}"]
    inputs = work.prepare(tmp_path / "data")
    assert [each.name for each in work.contenders] == [ENGINE, "pydicom", "deid"]
    ours, *others = measure(work.contenders, inputs, work.rounds, Outputs(tmp_path / "outputs"), tmp_path / "log")
    assert {each.failure for each in others} == {"could not be installed"}
    assert (ours.failure, ours.files, len(ours.runs), work.frames) == ("", 1, 1, 2)
    (output, *_) = (tmp_path / "outputs").rglob("*.dcm")
    dataset = dcmread(output)
    assert dataset.file_meta.TransferSyntaxUID == ours.syntax
    assert ours.syntax.rpartition(".")[2] == written
    assert "113101" in {item.CodeValue for item in dataset.DeidentificationMethodCodeSequence}
    pixels = dataset.pixel_array
    for left, top, right, bottom in RECTANGLES:
        assert not pixels[:, top:bottom, left:right].any()
    assert pixels.any()
    # shared pages count once there: less than the greatest process may have by itself, and never half of it
    assert ours.together > max(usage.memory for usage in ours.runs) / 2


def test_memory_of_processes_that_nobody_waits_for_counts(tmp_path: Path) -> None:
    code = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
shared = bytearray(b"1") * 40_000_000
for _ in range(2):
    if not os.fork():
        own = bytearray(b"2") * 60_000_000
        time.sleep(1.5)
        os._exit(0)
time.sleep(1.5)
"""
    # what they share counts once, what is their own twice
    assert 160e6 < memory_together([sys.executable, "-I", "-S", "-c", code], tmp_path / "log") < 190e6


def test_pydicom_writes_the_same_syntax_where_it_encodes_it(tmp_path: Path) -> None:
    pytest.importorskip("gdcm")
    for syntax, written in (("rle", "RLE Lossless"), ("50", "Explicit VR LE"), ("native", "Explicit VR LE")):
        kind = Format(syntax, colour=True)
        write_clips(tmp_path / syntax, kind, clips=1, frames=2)
        target = tmp_path / f"{syntax}-out"
        subprocess.run([sys.executable, "-I", PEERS, "pydicom-pixels", tmp_path / syntax, target], check=True)
        before, after = (dcmread(folder / "clip-000.dcm") for folder in (tmp_path / syntax, target))
        assert SYNTAXES[after.file_meta.TransferSyntaxUID] == written
        assert (after.pixel_array == outside(before.pixel_array)).all()


def test_what_a_peer_cannot_decode_is_said(tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", Format("native"), clips=1, frames=1)
    broken = dcmread(tmp_path / "clips" / "clip-000.dcm")
    broken.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    broken.PixelData, broken["PixelData"].is_undefined_length = b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0\2\0\0\0\0\0", True
    (tmp_path / "broken").mkdir()
    broken.save_as(tmp_path / "broken" / "clip.dcm")
    peer = Contender(
        "pydicom", lambda source, target: [sys.executable, "-I", str(PEERS), "pydicom-pixels", str(source), str(target)]
    )
    inputs = {MANY: tmp_path / "broken"}
    (found,) = measure([peer], inputs, 1, Outputs(tmp_path / "outputs"), tmp_path / "log")
    assert found.failure == "can't decode it"
    assert UNREADABLE not in (0, 1, 127)


def results() -> Results:
    """Two formats, 3 clips of 5 frames; ours takes a second to start and 10 ms for each frame."""

    def runs(seconds: float) -> list[Usage]:
        return [Usage(wall=seconds, user=0, system=0, memory=50_000_000)]

    native, near = Format("native"), Format("81", colour=True)
    own, lossless = str(native.uid), "1.2.840.10008.1.2.4.80"
    return Results(
        machine(),
        {
            f"pixels-{kind.name}": WorkResult(
                f"pixels-{kind.name}",
                f"{SYNTAXES[kind.uid]}, {kind.pixels}",
                "file",
                3,
                1,
                "tmpfs",
                [
                    Measurement(ENGINE, 3, runs(1.15), runs(1.05), together=120_000_000, syntax=written),
                    Measurement("pydicom", 3, runs(2.3), runs(2.1), together=80_000_000, syntax=str(kind.uid)),
                    Measurement("deid", 3, failure="can't decode it"),
                ],
                frames=5,
            )
            for kind, written in ((native, own), (near, lossless))
        },
    )


def test_the_table_has_a_row_for_each_format_and_names_other_syntaxes() -> None:
    assert pixels_table(results()).splitlines() == [
        "| frames | dicom-deid | pydicom | deid |",
        "| --- | --- | --- | --- |",
        "| Explicit VR LE, grey, 8 bit | 10 ms, 120 MB | 20 ms, 80 MB | can't decode it |",
        "| JPEG-LS near-lossless (.81), RGB | 10 ms, 120 MB, as JPEG-LS (.80) | 20 ms, 80 MB | can't decode it |",
    ]


def test_the_page_has_one_section_for_all_formats(tmp_path: Path) -> None:
    earlier = Results.load(ROOT / "docs" / "reference" / "performance.json")
    earlier.works = {name: work for name, work in earlier.works.items() if not work.frames}
    without = full_report(earlier)
    assert "## Cleaning of pixels" not in without
    found = Results(earlier.machine, earlier.works | results().works)
    found.save(tmp_path / "results.json")
    page = full_report(Results.load(tmp_path / "results.json"))
    # nothing else of the page changes
    before, begun, rest = page.partition("## Cleaning of pixels\n")
    section, _, after = rest.partition("## Targets\n")
    assert begun and before + "## Targets\n" + after == without
    assert section.startswith("`pixels`: 1 round, tmpfs. Clips of 1024 x 768")
    assert "3 clips of 5 frames" in section
    assert section.endswith(pixels_table(results()) + "\n\n")


def test_figures_of_a_busy_machine_say_so() -> None:
    found = results()
    assert "busy" not in full_report(found)
    found.machine["cores"] = "2"
    work = found.works["pixels-native-grey"]
    work.load, work.rounds = 6.5, 3
    page = full_report(found)
    assert "**The machine was busy**, with a load of up to 6.5 on 2 cores" in page
    assert "`pixels`: 1 to 3 rounds, tmpfs." in page
    work.measurements[0].startup = [Usage(wall=9, user=0, system=0, memory=1)]
    assert "| Explicit VR LE, grey, 8 bit | lost in noise, 120 MB |" in pixels_table(found)


def test_the_command_knows_the_work_and_its_parts() -> None:
    choices = main.params[0].type.choices
    assert "pixels" in choices
    assert set(PIXEL_WORKS) < set(choices)
    offered = Works(NO_PEERS, Path()).all()
    assert [name for name, work in offered.items() if work.frames] == list(PIXEL_WORKS)
    assert len(PIXEL_WORKS) == 21
