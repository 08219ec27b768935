"""Seconds of CPU that the models take for a picture, and for a loop of 60 frames."""

from __future__ import annotations

import time
from io import BytesIO
from statistics import median
from typing import Any

import numpy as np

from anonymizer import Key
from anonymizer.internals import Engine
from anonymizer.text_detection import search
from anonymizer.text_detection.client import find_text
from profiles import ConfidentialityProfile, TextSearch
from tests.support.burned_text import LINES, burned, ink_of

_SIZES = ((480, 640), (512, 512), (768, 1024), (1536, 2048))
_ROUNDS = 3
_FRAMES, _LOOPS, _CORES = 60, 10_000, 16


def measure() -> dict[str, Any]:
    """Return medians of seconds of CPU, by size and way of looking, and those of a loop."""
    pictures = []
    for rows, columns in _SIZES:
        noise = np.random.default_rng(1).rayleigh(20, (rows, columns)).clip(0, 200).astype(np.uint8)
        lines = [(text, x * columns // 512, y * rows // 400) for text, x, y in LINES]
        grey = np.maximum(noise, ink_of(lines, rows, columns, 16))
        bright = np.minimum(grey.astype(int) + 20, 255).astype(np.uint8)
        for colour, planes in ((False, grey[None]), (True, np.stack([grey, bright, grey, grey, bright]))):
            seconds = [
                median(find_text(planes, colour=colour, thorough=thorough)[1] for _ in range(_ROUNDS))
                for thorough in (True, False)
            ]
            pictures.append({"rows": rows, "columns": columns, "colour": colour, "thorough": seconds[0], "plain": seconds[1]})
    return {"pictures": pictures, "loop": _loop()}


def _loop() -> dict[str, Any]:
    """Return the seconds of CPU of a loop of ultrasound: those that children tell of, and those of this process."""
    profile = ConfidentialityProfile.default("CleanPixelData", detect_text=TextSearch())
    engine = Engine(profile, Key.generate())
    blob = burned(frames=_FRAMES).blob
    engine.scan(BytesIO(burned().blob), uids=engine.uids, searches=True)
    told: list[float] = []
    begin = time.process_time()
    real = search.find_text

    def noted(*arguments: Any, **names: Any) -> Any:
        found = real(*arguments, **names)
        told.append(found[1])
        return found

    search.find_text = noted  # type: ignore[assignment]
    try:
        found = engine.scan(BytesIO(blob), uids=engine.uids, searches=True).pixels
    finally:
        search.find_text = real
    assert found is not None and found.text is not None
    seconds = sum(told) + time.process_time() - begin
    return {
        "rows": found.rows,
        "columns": found.columns,
        "frames": _FRAMES,
        "pictures": found.text.looked,
        "seconds": seconds,
        "loops": _LOOPS,
        "cores": _CORES,
        "hours": seconds * _LOOPS / _CORES / 3600,
    }
