"""Text is found in pictures by models in child processes, whatever way it stands; nothing of it is told unless asked for."""

from __future__ import annotations

import numpy as np
import pytest

from anonymizer import DeidentificationError, Reason
from anonymizer.child_processes import Client, Limits
from anonymizer.text_detection import GRID, client, models, text_engine_in_words
from anonymizer.text_detection.client import FoundText, find_text
from anonymizer.text_detection.lines import counts, rectangles_of
from tests.support.burned_text import LINES, NAME, ink_of, speckle

pytest.importorskip("rapidocr")
pytest.importorskip("onnxruntime")


def lines_in(*views: np.ndarray) -> list[FoundText]:
    found, seconds = find_text(np.stack(views), texts=True)
    assert seconds > 0
    return [line for line in found if counts(line, *views[0].shape)]


def is_covered(ink: np.ndarray, found: list[FoundText]) -> bool:
    mask = np.zeros(ink.shape, bool)
    for x0, y0, x1, y1 in rectangles_of(found, *ink.shape):
        mask[y0:y1, x0:x1] = True
    return bool(mask[ink > 96].mean() > 0.999)


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_text_is_found_whatever_way_it_stands(quarter: int) -> None:
    ink = np.rot90(ink_of(LINES, size=12), quarter)
    picture = np.maximum(np.rot90(speckle(), quarter), ink)
    found = lines_in(picture)
    assert is_covered(ink, found)
    assert NAME.replace(" ", "") in [line.text.replace(" ", "") for line in found]
    assert is_covered(ink, lines_in(255 - picture))


def test_nothing_is_found_in_speckle_and_nothing_where_nothing_is() -> None:
    assert lines_in(speckle(seed=3)) == []
    assert lines_in(np.zeros((300, 300), np.uint8)) == []
    assert lines_in(np.full((20, 7), 90, np.uint8)) == []


def test_small_letters_in_a_film_and_large_ones_are_found() -> None:
    rows, columns = 2100, 1700
    small = ink_of([("SMITH^ANNA 993-22", 1290, 1250), ("ID 55 120 77", 30, 2060)], rows, columns, 16)
    large = ink_of([("BIG", 200, 400)], rows, columns, 240)
    ink = np.maximum(small, large)
    found = lines_in(np.maximum(ink, np.uint8(20)))
    assert is_covered(small, found)
    assert is_covered(large, found)


def test_what_was_read_is_told_only_to_who_asks() -> None:
    found, _ = find_text(ink_of(LINES)[None])
    assert found and not any(line.text for line in found)
    assert all(line.letters for line in found)


def test_rectangles_are_snapped_outwards_and_end_with_the_image() -> None:
    line = FoundText(40, 30, 98, 46, 0.9, 0.9, 16, 5)
    assert rectangles_of([line], 60, 100) == [(16, 16, 100, 60)]
    # a letter may be lost at either end
    assert rectangles_of([line], 640, 640) == [(16, 16, 128, 64)]
    assert all(edge % GRID == 0 for edge in rectangles_of([line], 640, 640)[0])
    # a line that runs upwards
    assert rectangles_of([FoundText(30, 40, 46, 98, 0.9, 0.9, 16, 5)], 640, 640) == [(16, 16, 64, 128)]


def test_speckle_that_looks_like_letters_does_not_count() -> None:
    line = FoundText(0, 0, 90, 20, 0.9, 0.9, 20, 5)
    assert counts(line, 480, 640)
    assert not counts(line._replace(recognition=0.59), 480, 640)
    assert not counts(line._replace(detection=0.2), 480, 640)
    assert not counts(line._replace(letters=0), 480, 640)
    assert not counts(line._replace(letters=1, recognition=0.6), 480, 640)
    assert counts(line._replace(recognition=0.65), 480, 640)
    assert not counts(line._replace(recognition=0.65, look="flattened"), 480, 640)


def test_an_organ_that_looks_like_a_letter_does_not_count() -> None:
    lung = FoundText(100, 100, 400, 450, 0.9, 0.95, 300, 1)
    assert not counts(lung, 512, 512)
    assert not counts(lung._replace(letters=9, recognition=0.8), 512, 512)
    # a name in large letters, and a banner that is one line
    assert counts(lung._replace(letters=9), 512, 512)
    assert counts(FoundText(4, 4, 300, 34, 0.9, 0.8, 30, 12), 40, 400)
    # a large letter on a film
    assert counts(lung._replace(x1=240, y1=240, height=140), 2000, 2400)


def test_the_engine_is_stated_by_versions_and_digests() -> None:
    engine = dict(text_engine_in_words())
    assert {"rapidocr", "onnxruntime", models.DETECTION_MODEL, models.RECOGNITION_MODEL} <= set(engine)
    assert len(engine[models.DETECTION_MODEL]) == 64


def reason_of(views: np.ndarray) -> Reason:
    with pytest.raises(DeidentificationError) as refused:
        find_text(views)
    return refused.value.reason


def test_models_that_take_too_much_fail_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Client(client._client._module, Limits(memory=8 << 20, memory_of_sample=0, memory_of_byte=0))
    monkeypatch.setattr(client, "_client", own)
    try:
        assert reason_of(ink_of(LINES)[None]) is Reason.PIXEL_TEXT_ENGINE_FAILED
        own.limits = Limits(memory=4 << 30, cpu=60)
        assert find_text(ink_of(LINES)[None])[0]
    finally:
        own.stop()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"found": [], "seconds": None},
        {"found": [[1, 2, 3]], "seconds": 1},
        {"found": [[0, 0, 9999, 5, 1, 1, 9, 1, "plain", ""]], "seconds": 1},
        {"found": [[5, 5, 5, 5, 1, 1, 9, 1, "plain", ""]], "seconds": 1},
        {"found": [[0, 0, 5, 5, "x", 1, 9, 1, "plain", ""]], "seconds": 1},
        {"found": [[0, 0, 5, 5, 1, 1, 9, 1, "plain", 7]], "seconds": 1},
        {"found": [[True, 0, 5, 5, 1, 1, 9, 1, "plain", ""]], "seconds": 1},
        {"found": [[0, 0, 5, 5, 1, 1, 9, 1, "upside", ""]], "seconds": 1},
        {"found": 5, "seconds": 1},
    ],
)
def test_answers_of_a_child_are_not_trusted(answer: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client._client, "ask", lambda request: (dict(answer), []))
    assert reason_of(np.zeros((1, 40, 40), np.uint8)) is Reason.PIXEL_TEXT_ENGINE_FAILED


def test_a_missing_engine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    models.text_engine_in_words.cache_clear()
    try:
        assert text_engine_in_words() == ()
    finally:
        monkeypatch.undo()
        models.text_engine_in_words.cache_clear()


def test_slanted_lines_are_covered() -> None:
    from PIL import Image

    sheet = Image.fromarray(ink_of([("DOE^JANE AND A LONG LINE OF TEXT 0044918", 60, 190)], size=16))
    for degrees in (-40, 20, 45):
        ink = np.array(sheet.rotate(degrees, Image.Resampling.BICUBIC))
        assert is_covered(ink, lines_in(np.maximum(ink, speckle())))


def test_text_at_the_edges_is_covered() -> None:
    ink = ink_of([("DOE^JANE", -1, -2), ("0044918 MRN", 420, 386)], size=13)
    assert is_covered(ink, lines_in(np.maximum(ink, speckle())))


def test_a_search_that_takes_too_long_is_killed() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1, 4000, 3000)).astype(np.uint8)
    with pytest.raises(DeidentificationError) as refused:
        find_text(noise, most=1)
    assert refused.value.reason is Reason.PIXEL_TEXT_TIMEOUT


def test_strips_are_read_in_time() -> None:
    picture = ink_of([("DOE JOHN 12.03.1957 MRN 4711993", 20, 20)], 60, 1600, 15)
    found, _ = find_text(picture[None], most=30)
    assert is_covered(picture, [line for line in found if counts(line, 60, 1600)])


def test_lines_in_a_block_are_all_read() -> None:
    from anonymizer.text_detection.operations import _Box, _distinct

    def box(x0: float, y0: float, x1: float, y1: float) -> _Box:
        return _Box(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32), 0.9, 0)

    lines = [box(10, 10 + 20 * number, 200, 25 + 20 * number) for number in range(3)]
    block = box(8, 8, 202, 70)
    assert len(_distinct([*lines, block])) == 4
    # one line, seen by two tiles
    assert len(_distinct([lines[0], box(9, 9, 201, 26)])) == 1
