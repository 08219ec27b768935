"""Compressed pixels in whole runs: they are cleaned as such, named truthfully, and accounted for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.job.test_clean_pixels import CLEAN, rows
from tests.support.compressed_pixels import Kind, Labelled, labelled
from tests.support.frame_encoders import PREFIX, Coding
from tests.support.objects import read
from tests.support.pixel_judge import judge
from tests.support.runs import ROOT, Run, deidentify, run_command

KINDS = (
    Kind("50", "YBR_FULL_422", frames=3, cut="parts and table", coding=Coding("", sampling="422")),
    Kind("51", bits=12),
    Kind("57", "RGB", coding=Coding("", predictor=6)),
    Kind("70", "MONOCHROME1", 16, frames=3, cut="table"),
    Kind("80", "PALETTE COLOR", cut="filled"),
    Kind("81", "RGB", frames=3, cut="extended"),
    Kind("90", "YBR_RCT"),
    Kind("91", "YBR_ICT", frames=3, cut="extended"),
    Kind("201", bits=12, signed=True),
    Kind("202", "YBR_RCT", 16),
    Kind("203", bits=10, coding=Coding("", irreversible=True)),
)
#: of each syntax the one that is written, and the way
WRITTEN = {
    "50": ("50", "dct"),
    "51": ("51", "dct"),
    "57": ("57", "jpeg-lossless"),
    "70": ("70", "jpeg-lossless"),
    "80": ("80", "jpeg-ls"),
    "81": ("80", "jpeg-ls"),
    "90": ("90", "jpeg-2000"),
    "91": ("90", "jpeg-2000"),
    "201": ("201", "htj2k"),
    "202": ("202", "htj2k"),
    "203": ("201", "htj2k"),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Labelled]]:
    folder = tmp_path_factory.mktemp("codestreams")
    found = {}
    for number, kind in enumerate(KINDS):
        case = labelled(kind, number + 1)
        (folder / f"{number:02}.dcm").write_bytes(case.blob)
        found[f"{number:02}.dcm"] = case
    return folder, found


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("rules") / "rules.csv"
    boxes = "; ".join(",".join(map(str, box)) for box in labelled(KINDS[0]).boxes)
    path.write_text(
        f'name,condition,rows,columns,outcome,blank,provenance\nacme,Manufacturer = ACME,67,101,clean,"{boxes}",the tests\n'
    )
    return f"--pixel-rules={path}"


@pytest.fixture(scope="module")
def done(images: tuple[Path, dict[str, Labelled]], rules: str, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(images[0], tmp_path_factory.mktemp("run") / "out", key_file, CLEAN, rules)


def test_all_are_written_judged_and_accounted_for(done: Run, images: tuple[Path, dict[str, Labelled]], key_file: Path) -> None:
    assert done.code == 0, done.log
    outputs = {str(read(blob).SOPInstanceUID): blob for blob in done.objects().values()}
    pixels = {row["instance_hash"]: row for row in done.table("pixels")}
    found = rows(done, images[0], key_file)
    assert len(outputs) == len(found) == len(KINDS)
    for name, row in found.items():
        case, output, account = images[1][name], outputs[row["sop_instance_uid"]], pixels[row["instance_hash"]]
        assert judge(case.blob, output, case.boxes) == []
        syntax = str(read(output).file_meta.TransferSyntaxUID)
        assert row["transfer_syntax_uid"] == syntax
        assert (syntax.removeprefix(PREFIX), account["codec_path"]) == WRITTEN[case.kind.syntax]
        assert (account["frames"], account["verdict"]) == (case.kind.frames, "verified")


def test_one_file_is_the_same_by_the_command_for_files(
    done: Run, images: tuple[Path, dict[str, Labelled]], rules: str, key_file: Path, tmp_path: Path
) -> None:
    written = set(done.objects().values())
    for path in sorted(images[0].iterdir())[:3]:
        target = tmp_path / path.name
        told = run_command("file", str(path), str(target), "--key", f"file:{key_file}", CLEAN, rules)
        assert told.returncode == 0, told.stderr
        assert target.read_bytes() in written


def test_check_says_that_rectangles_grow(images: tuple[Path, dict[str, Labelled]], rules: str) -> None:
    told = run_command("pixels", "check", rules.partition("=")[2], str(images[0] / "00.dcm"))
    assert told.returncode == 0, told.stderr
    assert "Transfer syntax: JPEG Baseline (Process 1): rectangles grow to whole blocks of 8 or 16 pixels\n" in told.stdout
    assert "Transfer syntax" not in run_command("pixels", "check", rules.partition("=")[2], str(images[0] / "06.dcm")).stdout


def test_without_the_extra_they_are_refused_in_the_first_pass_and_written_later(
    images: tuple[Path, dict[str, Labelled]], rules: str, key_file: Path, tmp_path: Path
) -> None:
    """Python without the packages: they are hidden from it."""
    code = (
        "import importlib.util, runpy, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name in ('imagecodecs', 'jpegio') else find(name, *more)\n"
        "runpy.run_module('pipeline', run_name='__main__', alter_sys=True)\n"
    )
    arguments = ["run", "--input", str(images[0]), "--output", str(tmp_path / "out"), "--key", f"file:{key_file}", CLEAN, rules]
    lacking = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert lacking.returncode == 3, lacking.stderr
    assert "install the extra pixels on all workers" in lacking.stdout + lacking.stderr
    run = Run(tmp_path / "out", lacking.returncode, "")
    assert {row["reason"] for row in run.table("instances")} == {"pixel-codec-missing"}
    again = run_command(*arguments, "--resume")
    assert again.returncode == 0, again.stderr
    assert len(run.objects()) == len(KINDS)
