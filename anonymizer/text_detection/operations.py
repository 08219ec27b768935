"""Text found in a picture by the models. Runs in a template process and its children."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..child_processes.messages import Buffer
from ..child_processes.operations import Operation
from .looks import EDGE, Look, looks_at
from .models import model_files

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Picture = numpy.typing.NDArray[numpy.uint8]
    Corners = numpy.typing.NDArray[numpy.float32]

#: lines and columns of a tile, and how far two of them overlap: more than most lines of text are high
_TILE, _OVERLAP = 1344, 128
#: boxes below these scores are not told; the filter of the parent is no laxer
_LEAST_DETECTION, _LEAST_RECOGNITION = 0.3, 0.3
#: times as high as wide: text may run upwards or downwards
_UPRIGHT = 1.5
#: score from which on a line isn't read in another turn
_CERTAIN = 0.8
#: crops that are read at once
_BATCH = 8
#: how many times longer than wide a piece may be
_STRIP = 3
#: share of the smaller of two boxes that is in both, by which they are one
_SAME = 0.8
#: most boxes of a picture: text of a page has hundreds
_MOST_BOXES = 4000

#: the models, once they were loaded
_loaded: list[_Models] = []


class _Models(NamedTuple):
    detector: Any
    recognizer: Any


class _Box(NamedTuple):
    """A line of text.

    Attributes:
        corners: shape (4, 2), x and y, in pixels of the picture with its edge, clockwise from the beginning of the line.
        detection: score from 0 to 1.
        look: the index of the look at which it was seen.
    """

    corners: Corners
    detection: float
    look: int

    @property
    def height(self) -> int:
        """The shorter side of the box."""
        return round(min(_sides(self.corners)))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The least upright rectangle around it: x0, y0, x1, y1."""
        (x0, y0), (x1, y1) = self.corners.min(axis=0), self.corners.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)


def load() -> None:
    """Load the models, with one thread each: the process is forked for each request."""
    with contextlib.suppress(ImportError):
        _loaded.append(_load())


def _load() -> _Models:
    import cv2
    from rapidocr import RapidOCR
    from rapidocr.ch_ppocr_det import TextDetector
    from rapidocr.ch_ppocr_rec import TextRecognizer

    detection, recognition = model_files()
    cv2.setNumThreads(0)
    # its other settings as they come; the paths keep it from looking for models, here or elsewhere
    whole = RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.model_path": str(detection),
            "Det.box_thresh": _LEAST_DETECTION,
            "Rec.model_path": str(recognition),
            "Rec.rec_batch_num": _BATCH,
        }
    )
    settings = whole.cfg
    for part in (settings.Det, settings.Rec):
        part.engine_cfg = settings.EngineConfig[part.engine_type.value]
        part.model_root_dir = None
    settings.Rec.font_path = None
    return _Models(TextDetector(settings.Det), TextRecognizer(settings.Rec))


def _find(request: dict[str, Any], buffers: list[bytearray]) -> tuple[dict[str, Any], list[Buffer]]:
    """Find text in the planes of one picture, as ``looks_at`` takes them."""
    import time

    import numpy

    if not _loaded:
        raise ImportError
    rows, columns, count = request["rows"], request["columns"], request["planes"]
    planes = numpy.frombuffer(buffers[0], numpy.uint8).reshape(count, rows, columns)
    looks = looks_at(planes, colour=request["colour"], thorough=request["thorough"], black=request["black"])
    seen: list[_Box] = []
    for number, look in enumerate(looks):
        seen += _detected(look, number)
    found = _read(looks, _distinct(seen))
    lines = []
    for box, text, score in found:
        x0, y0, x1, y1 = _outwards(box, rows, columns)
        letters = _letters(text)
        # a box may lie in the edge alone
        if score >= _LEAST_RECOGNITION and letters and x0 < x1 and y0 < y1:
            told = text if request["texts"] else ""
            lines.append(
                [x0, y0, x1, y1, round(box.detection, 3), round(score, 3), box.height, letters, looks[box.look].way, told]
            )
    return {"found": lines[:_MOST_BOXES], "seconds": time.process_time()}, []


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _outwards(box: _Box, rows: int, columns: int) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (edge - EDGE for edge in box.bounds)
    return max(0, int(x0)), max(0, int(y0)), min(columns, int(x1) + 1), min(rows, int(y1) + 1)


def _detected(look: Look, number: int) -> Iterator[_Box]:
    """Yield the boxes in one look: in tiles as they are, and of a large one in all of it, made smaller, for large letters."""
    import cv2
    import numpy

    detector = _loaded[0].detector
    picture = look.picture
    rows, columns = picture.shape[:2]
    places = [(y, x) for y in _starts(rows) for x in _starts(columns)]
    pieces: list[tuple[Picture, float, float, float]] = []
    for y, x in places:
        pieces.append((picture[y : y + _TILE, x : x + _TILE], float(x), float(y), 1.0))
    if len(places) > 1:
        factor = _TILE / max(rows, columns)
        size = max(1, round(columns * factor)), max(1, round(rows * factor))
        smaller = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(numpy.uint8, copy=False)
        pieces.append((smaller, 0.0, 0.0, 1 / factor))
    for piece, left, top, scale in pieces:
        if int(piece.min()) == int(piece.max()):
            continue
        found = detector(_coloured(_widened(piece)))
        for corners, score in zip([] if found.boxes is None else found.boxes, found.scores or (), strict=True):
            if score >= _LEAST_DETECTION:
                whole = numpy.asarray(corners, numpy.float32) * scale + numpy.array((left, top), numpy.float32)
                yield _Box(whole / numpy.float32(look.scale), float(score), number)


def _widened(piece: Picture) -> Picture:
    """Return a piece that is no strip: the model enlarges the shorter side, and all with it."""
    import numpy

    rows, columns = piece.shape[:2]
    least = max(rows, columns) // _STRIP
    edges = ((0, max(0, least - rows)), (0, max(0, least - columns)), (0, 0))[: piece.ndim]
    return numpy.ascontiguousarray(numpy.pad(piece, edges))


def _starts(size: int) -> list[int]:
    """Return where tiles begin along a side, so that all are as large and the last one ends with it."""
    if size <= _TILE:
        return [0]
    count = -(-(size - _OVERLAP) // (_TILE - _OVERLAP))
    return [round(number * (size - _TILE) / (count - 1)) for number in range(count)]


def _distinct(boxes: list[_Box]) -> list[_Box]:
    """Return boxes without those that tell a line twice; each look's stay, for each is read for itself.

    A box that covers several may be a block of lines, which nobody can read: all of them are read then.
    """
    kept: list[_Box] = []
    for box in sorted(boxes, key=lambda one: _area(one.bounds)):
        inside = [one for one in kept if one.look == box.look and _shared(box.bounds, one.bounds) > _SAME]
        if len(inside) == 1:
            # by identity: corners are arrays
            kept = [one for one in kept if one is not inside[0]]
        kept.append(box)
    return kept


def _area(bounds: tuple[float, float, float, float]) -> float:
    x0, y0, x1, y1 = bounds
    return max(0.0, x1 - x0) * max(0.0, y1 - y0)


def _shared(larger: tuple[float, float, float, float], smaller: tuple[float, float, float, float]) -> float:
    """Return which share of the smaller one is in both."""
    x0, y0 = max(larger[0], smaller[0]), max(larger[1], smaller[1])
    x1, y1 = min(larger[2], smaller[2]), min(larger[3], smaller[3])
    return _area((x0, y0, x1, y1)) / max(_area(smaller), 1.0)


def _read(looks: list[Look], boxes: list[_Box]) -> list[tuple[_Box, str, float]]:
    """Return each box with its text and the score of that, read in one turn after another until one is certain."""
    import numpy

    crops = [_crop(looks[box.look], box.corners) for box in boxes]
    turns = [(0, 2) if crop.shape[0] < _UPRIGHT * crop.shape[1] else (1, 3, 0) for crop in crops]
    best = [("", 0.0)] * len(boxes)
    for turn in range(3):
        asked = [number for number, (_, score) in enumerate(best) if score < _CERTAIN and turn < len(turns[number])]
        turned = [numpy.ascontiguousarray(numpy.rot90(crops[number], turns[number][turn])) for number in asked]
        for number, read in zip(asked, _texts(turned), strict=True):
            if read[1] > best[number][1]:
                best[number] = read
    return [(box, *read) for box, read in zip(boxes, best, strict=True)]


def _texts(crops: list[Picture]) -> list[tuple[str, float]]:
    from rapidocr.ch_ppocr_rec.typings import TextRecInput

    if not crops:
        return []
    read = _loaded[0].recognizer(TextRecInput(img=crops, return_word_box=False))
    return list(zip(read.txts, map(float, read.scores), strict=True))


def _crop(look: Look, corners: Corners) -> Picture:
    """Return what is inside the corners, upright."""
    import cv2
    import numpy

    corners = corners * numpy.float32(look.scale)
    width, height = (max(1, round(side)) for side in _sides(corners))
    upright = numpy.array([[0, 0], [width, 0], [width, height], [0, height]], numpy.float32)
    matrix = cv2.getPerspectiveTransform(corners, upright)
    crop = cv2.warpPerspective(look.picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC)
    return _coloured(crop.astype(numpy.uint8, copy=False))


def _sides(corners: Corners) -> tuple[float, float]:
    """Return the width and the height of what is inside the corners."""
    import numpy

    sides = numpy.linalg.norm(corners - numpy.roll(corners, -1, axis=0), axis=1)
    return float(sides[::2].max()), float(sides[1::2].max())


def _coloured(picture: Picture) -> Picture:
    """Return a picture with three channels."""
    import cv2
    import numpy

    return picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR).astype(numpy.uint8, copy=False)


OPERATIONS: dict[str, Operation] = {"find": _find}
