"""The search in one object: which frames are looked at, until when, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
import pytest

from anonymizer import DeidentificationError, Key, Reason
from anonymizer.internals import Engine, PixelDecision
from anonymizer.text_detection import search
from anonymizer.text_detection.client import FoundText
from profiles import ConfidentialityProfile, TextSearch
from tests.support.burned_text import DISTANCE, LINES, burned, left_of
from tests.support.running import SECRET

pytest.importorskip("rapidocr")
pytest.importorskip("onnxruntime")


def engine_of(**settings: object) -> Engine:
    text = TextSearch(**settings)  # type: ignore[arg-type]
    return Engine(ConfidentialityProfile.default("CleanPixelData", detect_text=text), Key(SECRET))


def cleaned(blob: bytes, **settings: object) -> tuple[bytes, PixelDecision]:
    engine = engine_of(**settings)
    scan = engine.scan(BytesIO(blob), uids=engine.uids, searches=True)
    assert scan.pixels is not None and not scan.needs_search
    return b"".join(engine.deidentify(BytesIO(blob), pixels=scan.pixels).chunks()), scan.pixels


def reason_of(do: Callable[[], object]) -> Reason:
    with pytest.raises(DeidentificationError) as refused:
        do()
    return refused.value.reason


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1", "RGB", "12"])
def test_text_goes_and_nothing_else(photometric: str) -> None:
    original = burned(photometric=photometric)
    output, decision = cleaned(original.blob)
    assert left_of(original, output) == 0
    assert decision.text is not None
    assert (decision.text.frames, decision.text.looked, decision.text.rounds, decision.text.kept) == (1, 1, 2, 0)
    assert decision.text.lines >= len(LINES) and decision.text.least_score >= 0.5
    x0, y0, x1, y1 = np.array(decision.rectangles).T
    # of a frame of speckle with three lines little is gone
    assert ((x1 - x0) * (y1 - y0)).sum() < 0.12 * original.ink.size


def test_pages_that_do_not_move_are_all_looked_at() -> None:
    """Bright and dark pages: pictures of their least and greatest values show nothing."""
    lines = [[(f"DOE^JANE {1000 + frame}", 20 + 16 * frame, 20 + 24 * frame)] for frame in range(10)]
    original = burned(frames=10, lines_of=lambda frame: lines[frame], FrameTime=None)
    output, decision = cleaned(original.blob)
    assert left_of(original, output) == 0
    assert decision.text is not None and decision.text.looked == 10


def test_text_that_a_window_of_the_header_shows_is_found() -> None:
    original = burned(LINES[:1])
    import pydicom

    dataset = pydicom.dcmread(BytesIO(original.blob))
    values = np.where(original.ink[0], 160, 100).astype("<u2")
    # what no percentile leaves out: any window of all values hides the text
    values[300:, :] = 30000
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelData = values.tobytes()
    stream = BytesIO()
    dataset.RescaleSlope, dataset.RescaleIntercept = "2", "70"
    dataset.WindowCenter, dataset.WindowWidth = ["330", "9"], ["200", "9"]
    dataset.save_as(stream)
    after = pydicom.dcmread(BytesIO(cleaned(stream.getvalue())[0])).pixel_array
    assert (after[original.ink[0]] == 0).all() and (after[300:] == 30000).all()


def test_text_that_moves_or_shows_for_a_while_goes_from_all_frames() -> None:
    def lines(frame: int) -> Sequence[tuple[str, int, int]]:
        moving = [("DOE^JANE", 20 + 6 * frame, 20)]
        return [*moving, ("MRN 0044918", 330, 370)] if 6 <= frame < 14 else moving

    original = burned(frames=20, lines_of=lines)
    output, decision = cleaned(original.blob, every=3)
    assert left_of(original, output) == 0
    assert decision.text is not None
    # of 20 frames each third, the last one, and two of each half that are folded
    assert (decision.text.frames, decision.text.looked) == (20, 12)


def test_bright_text_between_the_frames_that_are_looked_at_is_seen_in_the_brightest_values() -> None:
    original = burned(frames=20, lines_of=lambda frame: [("DOE^JANE 77", 20, 20)] if frame in (3, 4) else [])
    output, _ = cleaned(original.blob, every=10)
    assert left_of(original, output) == 0


def test_frames_that_are_alike_are_looked_at_once() -> None:
    blob = burned(frames=6).blob
    import pydicom

    dataset = pydicom.dcmread(BytesIO(blob))
    size = dataset.Rows * dataset.Columns
    dataset.PixelData = dataset.PixelData[:size] * 6
    stream = BytesIO()
    dataset.save_as(stream)
    _, decision = cleaned(stream.getvalue())
    assert decision.text is not None
    assert (decision.text.frames, decision.text.looked, decision.text.alike) == (6, 1, 5)


def test_an_object_without_text_passes_and_says_so() -> None:
    original = burned([])
    output, decision = cleaned(original.blob)
    assert decision.rectangles == () and decision.text is not None and decision.text.looked == 1
    import pydicom

    before, after = (pydicom.dcmread(BytesIO(blob)) for blob in (original.blob, output))
    assert after.PixelData == before.PixelData
    assert after.BurnedInAnnotation == "NO" and list(after.ImageType) == ["ORIGINAL", "PRIMARY"]
    assert "113101" in {item.CodeValue for item in after.DeidentificationMethodCodeSequence}


def test_text_that_the_object_speaks_of_and_nobody_finds_is_no_reason_to_write_it() -> None:
    blob = burned([], BurnedInAnnotation="YES").blob
    assert reason_of(lambda: cleaned(blob)) is Reason.PIXEL_TEXT_NOT_FOUND
    original = burned(BurnedInAnnotation="YES")
    assert left_of(original, cleaned(original.blob)[0]) == 0


def found_always(views: np.ndarray, *more: object, **others: object) -> tuple[list[FoundText], float]:
    return [FoundText(0, 0, 40, 12, 0.9, 0.9, 12, 5)], 2.0


def test_text_that_stays_whatever_is_blanked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "find_text", found_always)
    assert reason_of(lambda: cleaned(burned().blob)) is Reason.PIXEL_TEXT_REMAINS


def test_a_search_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "find_text", found_always)
    assert reason_of(lambda: cleaned(burned().blob, seconds=3)) is Reason.PIXEL_TEXT_TIMEOUT


def test_no_object_is_rewritten_before_it_was_looked_at() -> None:
    engine, blob = engine_of(), burned().blob
    scan = engine.scan(BytesIO(blob), uids=engine.uids)
    assert scan.needs_search and scan.pixels is None
    with pytest.raises(RuntimeError, match="not scanned"):
        list(engine.deidentify(BytesIO(blob)).chunks())


def test_the_models_run_in_scans_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    original = burned()
    _, decision = cleaned(original.blob)
    monkeypatch.setattr(search, "find_text", lambda *arguments, **names: pytest.fail("a model ran"))
    outputs = {b"".join(engine_of().deidentify(BytesIO(original.blob), pixels=decision).chunks()) for _ in range(2)}
    assert len(outputs) == 1 and left_of(original, outputs.pop()) == 0


def test_objects_at_no_risk_are_looked_at_if_all_are() -> None:
    original = burned(SOPClassUID="1.2.840.10008.5.1.4.1.1.1", Modality="CR")
    blob, engine = original.blob, engine_of()
    scan = engine.scan(BytesIO(blob), uids=engine.uids, searches=True)
    assert scan.pixels is None and not scan.needs_search
    assert left_of(original, cleaned(blob, objects="all")[0]) == 0


# -- lines that stay ---------------------------------------------------------------------------------------------------------


def test_measurements_stay_where_they_may_and_nothing_of_the_patient() -> None:
    original = burned()
    output, decision = cleaned(original.blob, keep="measurements")
    assert decision.text is not None and decision.text.kept == 1
    (distance,) = (line for line in LINES if line[0] == DISTANCE)
    kept = burned([distance])
    others = burned([line for line in LINES if line[0] != DISTANCE])
    import pydicom

    after = pydicom.dcmread(BytesIO(output)).pixel_array
    assert (after[kept.ink[0]] != 0).all()
    assert (after[others.ink[0]] == 0).all()


@pytest.mark.parametrize(
    "name",
    # a word that the vocabulary knows is no name, but for one who is called so
    [("Kidney^Left", "Left Kidney 4.3 cm"), ("Long^Axis", "Long Axis 12 mm")],
)
def test_words_of_the_patient_never_stay(name: tuple[str, str]) -> None:
    lines = [(name[1], 40, 20)]
    someone = burned(lines, PatientName="DOE^JANE")
    assert cleaned(someone.blob, keep="measurements")[1].rectangles == ()
    called_so = burned(lines, PatientName=name[0])
    assert left_of(called_so, cleaned(called_so.blob, keep="measurements")[0]) == 0


def test_a_line_goes_if_one_of_its_readings_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that one look misreads as a word of the vocabulary."""
    turns: list[int] = []

    def readings(planes: np.ndarray, black: Sequence[object] = (), **others: object) -> tuple[list[FoundText], float]:
        turns.append(1)
        misread = FoundText(40, 20, 90, 34, 0.9, 0.99, 14, 7, "evened", "LUNG 4 cm")
        name = FoundText(41, 20, 89, 34, 0.9, 0.93, 14, 7, "plain", "LEGG 4 cm")
        return ([misread, name] if len(turns) == 1 else []), 0.1

    monkeypatch.setattr(search, "find_text", readings)
    assert cleaned(burned().blob, keep="measurements")[1].rectangles


def test_tiles_of_one_picture_are_refused() -> None:
    blob = burned(frames=4, TotalPixelMatrixColumns=1024).blob
    assert reason_of(lambda: cleaned(blob)) is Reason.PIXEL_UNSUPPORTED_FORMAT


def test_numbers_that_may_be_somebodys_and_unknown_words_go() -> None:
    lines = ["12345678", "04.03.1967", "12 34 56 78", "ID 55/102/7", "Dr. Smith", "20:15:33", "WINTER", "SHARP SMALL"]
    original = burned([(line, 40, 20 + 36 * number) for number, line in enumerate(lines)])
    assert left_of(original, cleaned(original.blob, keep="measurements")[0]) == 0
