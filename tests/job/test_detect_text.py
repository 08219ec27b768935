"""Text found without a rule by the real command: gone from every frame, told by nobody, and an account of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anonymizer.text_detection.client import FoundText
from pipeline.cli import main
from tests.support.burned_text import DISTANCE, LINES, NAME, NUMBER, Burned, burned, left_of
from tests.support.objects import read
from tests.support.runs import Run, audit_of, deidentify

pytest.importorskip("rapidocr")
pytest.importorskip("onnxruntime")
CLEAN, DETECT = "--options=CleanPixelData", "--detect-text=risk"
MOVING = [("DOE^JANE", 20, 20), ("DOE^JANE", 26, 20), ("DOE^JANE", 32, 20)]


def archive(folder: Path) -> dict[str, Burned]:
    """Write an archive of images with text and without; return them by their original SOPInstanceUIDs."""
    images = [
        burned(number=1),
        burned(number=2, photometric="RGB"),
        burned(number=3, photometric="MONOCHROME1", frames=3, lines_of=lambda frame: [*LINES[1:], MOVING[frame]]),
        burned(number=4, photometric="12"),
        burned([], number=5),
        burned([], number=6, BurnedInAnnotation="YES"),
    ]
    folder.mkdir()
    for number, image in enumerate(images):
        (folder / f"{number}.dcm").write_bytes(image.blob)
    return {str(read(image.blob).SOPInstanceUID): image for image in images}


@pytest.fixture(scope="module")
def cleaned(key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Burned], Run]:
    folder = tmp_path_factory.mktemp("burned") / "in"
    images = archive(folder)
    options = (CLEAN, DETECT, "--options=RetainUIDs,CleanPixelData")
    return folder, images, deidentify(folder, tmp_path_factory.mktemp("detected") / "out", key_file, *options)


def test_text_is_gone_and_nothing_else(cleaned: tuple[Path, dict[str, Burned], Run]) -> None:
    _, images, run = cleaned
    outputs = {str(read(content).SOPInstanceUID): content for content in run.objects().values()}
    assert len(outputs) == len(images) - 1 and run.code == 3, run.log
    for uid, content in outputs.items():
        assert left_of(images[uid], content) == 0
        dataset = read(content)
        assert dataset.BurnedInAnnotation == "NO" and dataset.PatientIdentityRemoved == "YES"
        assert "113101" in {item.CodeValue for item in dataset.DeidentificationMethodCodeSequence}
        assert dataset.ImageType[0] == ("DERIVED" if images[uid].ink.any() else "ORIGINAL")


def test_text_that_nobody_found_is_refused(cleaned: tuple[Path, dict[str, Burned], Run]) -> None:
    rows = cleaned[2].table("instances")
    assert [row["reason"] for row in rows if row["status"] == "quarantined"] == ["pixel-text-not-found"]
    assert "pixel-text-not-found" in cleaned[2].log


def test_the_account_tells_of_the_search_and_not_of_the_text(cleaned: tuple[Path, dict[str, Burned], Run]) -> None:
    run = cleaned[2]
    rows = run.table("pixels")
    assert {(row["source"], row["rule"]) for row in rows} == {("text", None)}
    found = [row for row in rows if row["x0"] is not None]
    assert {row["verdict"] for row in found} == {"verified"}
    assert all(row["text_pictures"] >= 1 and row["text_rounds"] == 2 and row["text_lines"] >= 3 for row in found)
    assert all(0.5 <= row["text_least_score"] <= 1 and row["text_lines_kept"] == 0 for row in found)
    (kept,) = (row for row in rows if row["x0"] is None)
    assert (kept["verdict"], kept["text_pictures"], kept["text_lines"], kept["text_least_score"]) == ("kept", 1, 0, None)
    assert run.report["pixel_sources"] == {"text": {"blanked": 4, "kept": 1}}
    said = run.report["settings"]["text"]
    assert {name: said[name] for name in ("objects", "keep", "every", "few_frames")} == {
        "objects": "risk",
        "keep": "nothing",
        "every": 5,
        "few_frames": 8,
    }
    assert "onnxruntime" in said["engine"] and any(len(digest) == 64 for digest in said["engine"].values())


def test_nothing_that_was_read_stands_anywhere(cleaned: tuple[Path, dict[str, Burned], Run]) -> None:
    run = cleaned[2]
    words = [word for text in (NAME, NUMBER, DISTANCE) for word in (text, *text.split())]
    guesses = {form for word in words for form in (word, word.lower(), word.replace("^", " "))}
    sought = [guess.encode() for guess in guesses if len(guess) > 3]
    sought += [hashlib.new(kind, guess.encode()).digest() for kind in ("md5", "sha1", "sha256") for guess in guesses]
    import pyarrow.parquet as pq

    for path in audit_of(run.output).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".parquet":
                content += repr(pq.read_table(path).to_pylist()).encode()
            # reports have words of their own, such as names of attributes
            said = [one for one in sought if len(one) > 4] if path.suffix == ".html" else sought
            assert not [one for one in said if one in content], path.name
    assert not [one for one in sought if one in run.log.encode()]


def test_what_was_detected_before_is_what_a_run_blanks(
    cleaned: tuple[Path, dict[str, Burned], Run], key_file: Path, tmp_path: Path
) -> None:
    folder, _, run = cleaned
    lines = tmp_path / "rectangles.csv"
    command = ["detect", str(lines), "--input", str(folder), "--key", f"file:{key_file}"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 3 and "4 with text, 1 without, 1 to be refused" in done.stdout, done.output
    assert lines.stat().st_mode & 0o777 == 0o600 and not (tmp_path / "rectangles.csv.part").exists()
    assert "exists" in CliRunner().invoke(main, command).stderr
    by_file = deidentify(folder, tmp_path / "out", key_file, f"--rectangles={lines}", "--options=RetainUIDs,CleanPixelData")
    assert by_file.objects() == run.objects()
    assert {row["reason"] for row in by_file.table("instances") if row["reason"]} == {"pixel-rule-quarantine"}


def test_a_detection_that_was_interrupted_goes_on(key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anonymizer.text_detection import search

    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.dcm").write_bytes(burned(LINES[:1], number=number + 1).blob)
    lines, looked, has_failed = tmp_path / "rectangles.csv", [0], [False]

    def one_line(*arguments: Any, **names: Any) -> Any:
        looked[0] += 1
        if looked[0] == 4 and not has_failed[0]:
            has_failed[0] = True
            raise KeyboardInterrupt
        return ([FoundText(16, 8, 180, 30, 0.9, 0.9, 22, 9)] if looked[0] % 2 else []), 0.1

    command = ["detect", str(lines), "--input", str(folder), "--key", f"file:{key_file}"]
    monkeypatch.setattr(search, "find_text", one_line)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert CliRunner().invoke(main, command).exit_code != 0
    assert not lines.exists()
    journal = tmp_path / "rectangles.csv.part"
    # torn by the interruption
    journal.write_text(journal.read_text() + "half a li")
    other = CliRunner().invoke(main, [*command, "--scope", "other"])
    assert other.exit_code == 2 and "other settings" in other.stderr
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "3 with text, 0 without" in done.stdout
    # the first object was not looked at again
    assert "1 objects were looked at before" in done.stdout
    assert looked[0] == 4 + 4


@pytest.mark.parametrize("content", [b"precious notes", b"precious\nnotes\n", b"caf\xe9\n"])
def test_a_file_of_somebody_else_is_no_journal(content: bytes, key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    command = ["detect", str(tmp_path / "r.csv"), "--input", str(folder), "--key", f"file:{key_file}"]
    journal = tmp_path / "r.csv.part"
    journal.write_bytes(content)
    journal.chmod(0o600)
    assert "other settings" in CliRunner().invoke(main, command).stderr
    assert journal.read_bytes() == content
    journal.rename(tmp_path / "elsewhere")
    journal.symlink_to(tmp_path / "elsewhere")
    assert "other settings" in CliRunner().invoke(main, command).stderr
    assert (tmp_path / "elsewhere").read_bytes() == content


def test_lines_of_many_rectangles_are_read_again() -> None:
    from pipeline.surveys.text_detection import _Line, _merged
    from profiles import MAX_AREAS

    cells = [f"{x},{y},{x + 16},{y + 16}" for x in range(0, 640, 32) for y in range(0, 640, 32)]
    lines = [_Line("a", "0" * 64, 640, 640, "; ".join(cells), "clean"), _Line("b", "1" * 64, 64, 64, "", "keep")]
    merged, kept = _merged(lines)
    assert 0 < merged.blank.count(";") + 1 <= MAX_AREAS
    assert (kept.blank, kept.outcome) == ("", "keep")
    # of different objects with one UID all rectangles count, and the strictest outcome
    twice = _merged(
        [lines[1]._replace(blank="0,0,16,16", outcome="clean"), lines[1]._replace(blank="32,32,48,48", outcome="clean")]
    )
    assert [line.blank for line in twice] == ["0,0,16,16; 32,32,48,48"]
    assert [line.outcome for line in _merged([lines[1], lines[1]._replace(outcome="quarantine")])] == ["quarantine"]


def test_settings_that_can_not_be_used_are_refused(key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for options, sentence in (
        ((DETECT,), "--options CleanPixelData"),
        ((CLEAN, "--keep-text=measurements"), "--keep-text needs --detect-text"),
        ((CLEAN, DETECT, "--text-every=0"), "--text-every"),
    ):
        run = deidentify(folder, tmp_path / "out", key_file, *options)
        assert run.code == 2 and sentence in run.log


def test_measurements_may_stay(key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(burned().blob)
    run = deidentify(folder, tmp_path / "out", key_file, CLEAN, DETECT, "--keep-text=measurements")
    (content,) = run.objects().values()
    (distance,) = (line for line in LINES if line[0] == DISTANCE)
    after = read(content).pixel_array
    assert (after[burned([distance]).ink[0]] != 0).all()
    assert (after[burned([line for line in LINES if line[0] != DISTANCE]).ink[0]] == 0).all()
    assert {row["text_lines_kept"] for row in run.table("pixels")} == {1}
    assert json.loads(json.dumps(run.report))["settings"]["text"]["keep"] == "measurements"
