"""The other tools, each run as its documentation says, over a folder: ``python tools.py TOOL INPUT OUTPUT [PROCESSES]``.

Runs in an environment that has the tool and not this project. A file that a tool can't do has no output, as if it were refused;
``failures.json`` beside the outputs tells their names and kinds of error.

What each environment needs, with ``pylibjpeg pylibjpeg-openjpeg pylibjpeg-rle pyjpegls`` to decode frames:

- rapidocr: ``rapidocr onnxruntime opencv-python-headless pydicom pillow``
- presidio: ``presidio-image-redactor``, Tesseract, and a spaCy model, whose name is the last argument
- deid: ``deid``
"""

from __future__ import annotations

import collections
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import ExplicitVRLittleEndian

#: takes a file and writes another
Rewrite = Callable[[Path, Path], object]


def _rapidocr() -> Rewrite:
    """Return PP-OCR as the package has it: each distinct frame by itself, each box that it reads with its default score."""
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    reader: Any = RapidOCR(params={"Global.log_level": "critical", "Global.use_cls": False, **threads})

    def boxes(shown: np.ndarray) -> list[tuple[int, int, int, int]]:
        found = reader(shown).boxes
        if found is None:
            return []
        corners = np.asarray(found)
        low, high = np.floor(corners.min(axis=1)).astype(int), np.ceil(corners.max(axis=1)).astype(int) + 1
        return [(int(left), int(top), int(right), int(bottom)) for (left, top), (right, bottom) in zip(low, high, strict=True)]

    return partial(_blank_what_is_found, boxes)


def _blank_what_is_found(boxes: Callable[[np.ndarray], list[tuple[int, int, int, int]]], source: Path, target: Path) -> None:
    """Blank the boxes that a function finds in a picture of 8 bits and three channels, frame by frame, and write the object."""
    dataset = pydicom.dcmread(source)
    pixels = np.array(dataset.pixel_array)
    frames = pixels if int(dataset.get("NumberOfFrames", 1)) > 1 else pixels[None]
    seen: dict[bytes, list[tuple[int, int, int, int]]] = {}
    fill = _darkest(dataset)
    for frame in frames:
        key = frame.tobytes()
        if key not in seen:
            seen[key] = boxes(_shown(frame, dataset))
        for left, top, right, bottom in seen[key]:
            frame[max(0, top) : bottom, max(0, left) : right] = fill
    _write(dataset, pixels, target)


def _shown(frame: np.ndarray, dataset: Any) -> np.ndarray:
    """Return a frame as blue, green and red of 8 bits."""
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        frame = apply_color_lut(frame, dataset) >> 8
    if frame.ndim == 3:
        return np.ascontiguousarray(frame[..., ::-1], dtype=np.uint8)
    grey = frame.astype(np.float32)
    low, high = (0, 255) if dataset.BitsStored == 8 else np.percentile(grey, (0.5, 99.5))
    grey = np.clip((grey - low) / max(1, high - low) * 255, 0, 255)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = 255 - grey
    return np.repeat(grey.astype(np.uint8)[..., None], 3, 2)


def _darkest(dataset: Any) -> Any:
    """Return the stored value that is shown black."""
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(np.arange(256, dtype=np.uint8), dataset)
        return int(colours.astype(int).sum(axis=-1).argmin())
    if dataset.SamplesPerPixel == 3:
        return 0
    least = -(1 << (dataset.BitsStored - 1)) if dataset.PixelRepresentation else 0
    return least + ((1 << dataset.BitsStored) - 1 if dataset.PhotometricInterpretation == "MONOCHROME1" else 0)


def _write(dataset: Any, pixels: np.ndarray, target: Path) -> None:
    """Write an object with native pixels; colours are RGB."""
    if dataset.SamplesPerPixel == 3:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content = pixels.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"
    dataset["PixelData"].is_undefined_length = False
    dataset.save_as(target, enforce_file_format=True)


def _presidio(model: str) -> Rewrite:
    """Return Presidio's redactor of DICOM images, with its defaults: Tesseract, spaCy, and what the header says.

    ``model`` is the spaCy model, where its default, en_core_web_lg, can't be had.
    """
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_image_redactor import DicomImageRedactorEngine, ImageAnalyzerEngine

    languages = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
    analyzer = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=languages).create_engine())
    engine = DicomImageRedactorEngine(image_analyzer_engine=ImageAnalyzerEngine(analyzer_engine=analyzer))

    def rewrite(source: Path, target: Path) -> None:
        dataset = pydicom.dcmread(source)
        # it writes colours natively whatever the transfer syntax says
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset.decompress()
        engine.redact(dataset).save_as(target, enforce_file_format=True)

    return rewrite


def _deid() -> Rewrite:
    """Return deid's cleaner with the rules that the package brings; an object that no rule flags is written as it is."""
    from deid.dicom import DicomCleaner

    def rewrite(source: Path, target: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            cleaner = DicomCleaner(output_folder=folder)
            found = cleaner.detect(str(source))
            if not found["flagged"]:
                target.write_bytes(source.read_bytes())
                return
            cleaner.clean()
            os.replace(cleaner.save_dicom(), target)

    return rewrite


TOOLS: dict[str, Callable[..., Rewrite]] = {"rapidocr": _rapidocr, "presidio": _presidio, "deid": _deid}
_rewrite: Rewrite


def _prepare(tool: str, *options: str) -> None:
    global _rewrite
    _rewrite = TOOLS[tool](*options)


def _rewrite_one(pair: tuple[Path, Path]) -> tuple[str, str, float]:
    """Return the name of a file, the kind of the error that ended it, and the seconds that it took."""
    begun = time.perf_counter()
    try:
        _rewrite(*pair)
    except Exception as error:
        # one file that a tool can't do doesn't end the measurement
        return pair[0].name, type(error).__name__, time.perf_counter() - begun
    return pair[0].name, "", time.perf_counter() - begun


def main() -> None:
    tool, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    processes = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    options = sys.argv[5:]
    target.mkdir(parents=True)
    pairs = [(path, target / path.name) for path in sorted(source.glob("*.dcm"))]
    from multiprocessing import get_context

    with get_context("spawn").Pool(processes, _prepare, (tool, *options)) as pool:
        done = list(pool.imap(_rewrite_one, pairs))
    failures = {name: error for name, error, _ in done if error}
    seconds = sum(each for *_, each in done)
    (target / "failures.json").write_text(json.dumps({"seconds": seconds, "failures": failures}))
    print(
        f"{tool}: {len(done)} objects, {seconds:.0f} s, failures: {dict(collections.Counter(failures.values()))}", file=sys.stderr
    )


if __name__ == "__main__":
    main()
