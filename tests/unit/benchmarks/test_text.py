"""The labelled set of burned-in text is balanced and says where ink is; the scorer believes pixels only."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

pytest.importorskip("PIL")
pytest.importorskip("imagecodecs")

from benchmarks.text.backgrounds import BACKGROUNDS
from benchmarks.text.cells import JPEG, SIZES, ObjectCell, TextCell, plan
from benchmarks.text.drawing import ring_of, visibility
from benchmarks.text.generate import generate, mask_of
from benchmarks.text.lettering import letters, turned
from benchmarks.text.objects import SYNTAXES, write_object
from benchmarks.text.score import coverage, frames_of, missed, score
from benchmarks.text.tables import area, markdown, summary, wilson
from benchmarks.text.texts import person
from benchmarks.text.tools import _darkest, _write

COUNT = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of small frames, with all that objects may be."""
    found = tmp_path_factory.mktemp("set")
    generate(found / "set", COUNT, 5, texts=2, processes=1, largest=320)
    return found / "set"


def labels_of(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "labels.json").read_text())["objects"]
    return found


def blank(folder: Path, target: Path, label: dict[str, Any], *, margin: int = 3, frames: slice = slice(None)) -> None:
    """Write an object with the rectangles of its texts in black."""
    dataset = dcmread(folder / "objects" / label["file"])
    pixels = np.array(dataset.pixel_array)
    several = pixels if label["cell"]["frames"] > 1 else pixels[None]
    fill = _darkest(dataset)
    for box in label["boxes"]:
        for ink in box["inks"]:
            for frame, left, top in ink["at"]:
                if frame in range(len(several))[frames]:
                    rows = slice(max(0, top - margin), top + ink["rows"] + margin)
                    several[frame, rows, max(0, left - margin) : left + ink["columns"] + margin] = fill
    _write(dataset, pixels, target / label["file"])


def test_a_plan_draws_each_level_of_a_factor_equally_often() -> None:
    cells = plan(330, 1)
    with_text, without = ([cell for cell in cells if bool(cell.texts) is wanted] for wanted in (True, False))
    assert len(without) == 110
    for part in (with_text, without):
        counts = Counter(cell.background for cell in part)
        assert counts.keys() == BACKGROUNDS.keys()
        assert max(counts.values()) - min(counts.values()) <= 1
    texts = [text for cell in with_text for text in cell.texts]
    sizes = Counter(text.size for text in texts if text.font != "bitmap")
    assert set(sizes) == set(SIZES)
    assert max(sizes.values()) - min(sizes.values()) <= 1
    assert {cell.syntax for cell in cells} == set(SYNTAXES)
    assert {cell.photometric for cell in cells} == {"MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "PALETTE COLOR"}
    assert {cell.bits for cell in cells} == {8, 10, 12, 16}
    assert plan(330, 1) == cells != plan(330, 2)


def test_the_same_seed_makes_the_same_set(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path / "again", COUNT, 5, texts=2, processes=1, largest=320)
    for path in sorted(folder.rglob("*.*")):
        assert (tmp_path / "again" / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_ink_is_where_labels_say(folder: Path) -> None:
    checked = 0
    for label in labels_of(folder):
        frames = frames_of(folder / "objects" / label["file"])
        assert frames is not None
        assert frames.shape[:3] == (label["cell"]["frames"], label["cell"]["rows"], label["cell"]["columns"])
        for box in label["boxes"]:
            if box["cell"]["contrast"] != "white on black" or box["cell"]["rotation"] % 90:
                continue
            for ink in box["inks"]:
                mask = mask_of(ink)
                for frame, left, top in ink["at"]:
                    area = frames[frame, top : top + ink["rows"], left : left + ink["columns"]].sum(axis=-1)
                    apart = area[mask].mean() - area[~mask].mean()
                    assert apart < 0 if label["cell"]["photometric"] == "MONOCHROME1" else apart > 0
                    checked += 1
    assert checked > 3


def test_what_is_copied_is_not_covered(folder: Path) -> None:
    scores = score(folder, folder / "objects", processes=1)
    assert len(scores) == COUNT
    assert {each.outcome for each in scores} == {"written"}
    assert not any(each.changed or each.strange for each in scores)
    assert [box["text"] for box in missed(scores)] == [box["text"] for label in labels_of(folder) for box in label["boxes"]]


def test_what_is_blanked_is_covered_in_each_format(folder: Path, tmp_path: Path) -> None:
    for label in labels_of(folder):
        blank(folder, tmp_path, label)
    scores = score(folder, tmp_path, processes=1)
    assert not missed(scores)
    assert all((each.changed > 0) is bool(each.boxes) for each in scores)
    assert {each.strange for each in scores} == {0.0}
    figures = summary(scores)
    assert figures["outcomes"] == {"written": COUNT, "refused": 0, "unreadable": 0}
    assert figures["groups"]["all texts"]["share"] == 1
    assert figures["area of objects without text"]["greatest"] == 0
    assert "| all texts |" in markdown(figures, "All blanked")


def test_a_text_that_is_left_in_one_frame_is_not_covered(folder: Path, tmp_path: Path) -> None:
    several = [label for label in labels_of(folder) if label["cell"]["frames"] > 1 and label["boxes"]]
    assert several
    for label in labels_of(folder):
        blank(folder, tmp_path, label, frames=slice(0, -1) if label in several else slice(None))
    for each in score(folder, tmp_path, processes=1):
        for box in each.boxes:
            (label,) = (label for label in labels_of(folder) if label["file"] == each.file)
            (inks,) = (other["inks"] for other in label["boxes"] if other["text"] == box["text"])
            last = any(frame == label["cell"]["frames"] - 1 for ink in inks for frame, *_ in ink["at"])
            assert box["covered"] is not (label in several and last)
            assert box["frames"] < 1 or box["covered"]


def test_what_is_not_written_counts_as_refused_and_what_cannot_be_read_as_missed(folder: Path, tmp_path: Path) -> None:
    first, second, *rest = [label for label in labels_of(folder) if label["boxes"]]
    for label in rest:
        shutil.copy(folder / "objects" / label["file"], tmp_path)
    (tmp_path / second["file"]).write_bytes(b"nothing")
    damaged = dcmread(folder / "objects" / second["file"])
    damaged.Rows = 5
    damaged.save_as(tmp_path / second["file"])
    found = {each.file: each for each in score(folder, tmp_path, processes=1)}
    assert found[first["file"]].outcome == "refused"
    assert all(box["covered"] for box in found[first["file"]].boxes)
    assert found[second["file"]].outcome == "unreadable"
    assert not any(box["covered"] for box in found[second["file"]].boxes)


def test_an_output_of_another_name_is_found_by_its_uid_or_by_a_list(folder: Path, tmp_path: Path) -> None:
    first, second, *_ = labels_of(folder)
    (tmp_path / "a").mkdir()
    shutil.copy(folder / "objects" / first["file"], tmp_path / "a" / "other.dcm")
    (tmp_path / "sources.json").write_text(json.dumps({"b.dcm": second["file"]}))
    renamed = dcmread(folder / "objects" / second["file"])
    renamed.SOPInstanceUID = "1.2.3"
    renamed.save_as(tmp_path / "b.dcm")
    written = [each.file for each in score(folder, tmp_path, processes=1) if each.outcome == "written"]
    assert written == [first["file"], second["file"]]


@pytest.mark.parametrize("dark", [False, True])
def test_ink_of_one_colour_is_covered_only_if_its_surroundings_are(dark: bool) -> None:
    mask = letters("DOE^JOHN", "pillow", 16, smooth=False) > 0.4
    frame = np.full((60, 160, 1), 200 if dark else 0)
    frame[20 : 20 + mask.shape[0], 30 : 30 + mask.shape[1]][mask] = 0 if dark else 200
    assert coverage(frame, mask, 30, 20, 0)[0] < 0.95
    half = frame.copy()
    half[:, : 30 + mask.shape[1] // 2] = 0
    assert coverage(half, mask, 30, 20, 0)[0] < 0.95
    whole = frame.copy()
    whole[18 : 22 + mask.shape[0], 28 : 32 + mask.shape[1]] = 0
    assert coverage(whole, mask, 30, 20, 0)[0] == 1
    # a rectangle that ends with the ink covers it
    tight = frame.copy()
    tight[20 : 20 + mask.shape[0], 30 : 30 + mask.shape[1]] = 0
    assert coverage(tight, mask, 30, 20, 0)[0] == 1
    # fills other than black are fills
    whole[18 : 22 + mask.shape[0], 28 : 32 + mask.shape[1]] = 77
    assert coverage(whole, mask, 30, 20, 0) == (1, 77)


def test_a_mere_stroke_is_covered_only_if_its_surroundings_are() -> None:
    mask = np.ones((12, 2), bool)
    frame = np.zeros((30, 30, 1), int)
    frame[10:22, 10:12] = 255
    assert coverage(frame, mask, 10, 10, 0)[0] == 0
    frame[8:24, 8:14] = 9
    assert coverage(frame, mask, 10, 10, 0) == (1, 9)


def test_text_at_the_edge_of_a_frame_is_scored() -> None:
    mask = letters("17", "bitmap", 11, smooth=False) > 0.4
    frame = np.zeros((20, 40, 1), int)
    frame[: mask.shape[0], : mask.shape[1]][mask] = 255
    assert coverage(frame, mask, 0, 0, 0)[0] < 0.95
    assert coverage(np.zeros_like(frame), mask, 0, 0, 0)[0] == 1
    assert visibility(frame[..., 0].astype(float), mask, 0, 0) > 10


def test_white_on_white_does_not_stand_out() -> None:
    mask = letters("DOE", "pillow", 20, smooth=True) > 0.4
    picture = np.full((60, 100), 250.0)
    picture[10 : 10 + mask.shape[0], 10 : 10 + mask.shape[1]][mask] = 252
    assert visibility(picture, mask, 10, 10) < 1
    # darker than white here and brighter than black there, as an XORed text
    picture[:, :30] = 0
    for columns, level in ((slice(0, 20), 128.0), (slice(20, None), 122.0)):
        picture[10 : 10 + mask.shape[0], 10 : 10 + mask.shape[1]][:, columns][mask[:, columns]] = level
    assert visibility(picture, mask, 10, 10) > 2


def test_letters_have_their_size_and_turn() -> None:
    for font in ("pillow", "bitmap", "sans"):
        upright = letters("Hg|", font, 44, smooth=True)
        assert 25 < upright.shape[0] <= 62
        assert turned(upright, 90).shape == upright.shape[::-1]
        assert (turned(turned(upright, 180), 180) == upright).all()
        assert turned(upright, 10).shape[0] > upright.shape[0]
    assert ring_of(np.ones((1, 1), bool), 1).sum() == 8


def test_changes_of_other_pixels_are_told(folder: Path, tmp_path: Path) -> None:
    clean = next(label for label in labels_of(folder) if not label["boxes"] and label["cell"]["syntax"] != JPEG)
    for label in labels_of(folder):
        shutil.copy(folder / "objects" / label["file"], tmp_path)
    dataset = dcmread(folder / "objects" / clean["file"])
    pixels = np.array(dataset.pixel_array)
    frame = pixels if clean["cell"]["frames"] == 1 else pixels[0]
    frame[:40, :40] = frame[:40, :40] // 2 + 9
    _write(dataset, pixels, tmp_path / clean["file"])
    scores = score(folder, tmp_path, processes=1)
    assert [each.file for each in scores if each.strange] == [clean["file"]]
    assert area(scores)["greatest"] > 0
    assert area(scores)["median"] == 0


def test_intervals_are_wilsons() -> None:
    assert wilson(0, 0) == (0, 1)
    low, high = wilson(95, 100)
    assert (round(low, 3), round(high, 3)) == (0.888, 0.978)
    assert wilson(10, 10)[1] == pytest.approx(1)
    assert wilson(0, 10)[0] == pytest.approx(0)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_an_object_is_what_its_cell_says(tmp_path: Path, syntax: str) -> None:
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 256, (2, 33, 47, 3), np.uint8)
    text = TextCell("name", "pillow", 12, True, "grey", 60, 0, "corner", "static")
    cell = ObjectCell("endoscopy", 33, 47, "none", "RGB", 0, 8, False, "whole", syntax, 90, 2, (text,))
    who = person(rng)
    write_object(tmp_path / "object.dcm", frames, cell, who, rng, 0)
    dataset = dcmread(tmp_path / "object.dcm")
    assert dataset.file_meta.TransferSyntaxUID == SYNTAXES[syntax]
    assert who.family in str(dataset.PatientName)
    found = frames_of(tmp_path / "object.dcm")
    assert found is not None
    assert found.shape == frames.shape
    if syntax != JPEG:
        assert (found == frames).all()


def test_the_page_has_each_tool_and_what_could_not_be_measured() -> None:
    from benchmarks.text.page import page
    from benchmarks.text.tables import summary

    times = {
        "pictures": [{"rows": 4, "columns": 5, "colour": colour, "thorough": 1.5, "plain": 0.25} for colour in (False, True)],
        "loop": {
            "rows": 4,
            "columns": 5,
            "frames": 60,
            "pictures": 17,
            "seconds": 9.6,
            "loops": 10_000,
            "cores": 16,
            "hours": 1.67,
        },
    }
    text = page({"ours": summary([]), "other": summary([])}, times, "No object.")
    assert "| texts | ours | other |" in text and "| all texts | - | - |" in text
    assert "| 5 x 4 | 1.50 | 0.25 | 1.50 | 0.25 |" in text
    assert "60 frames of 5 x 4 takes 10 s, for 17 pictures" in text and "1.7 hours on 16 cores" in text
