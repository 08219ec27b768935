"""The models that find and read text: where they are, and which they are. Nothing is loaded here, and nothing fetched."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path

#: the package whose wheel brings the models, and those whose arithmetic a finding depends on
_PACKAGE = "rapidocr"
_PACKAGES = (_PACKAGE, "onnxruntime", "opencv-python-headless", "numpy")
DETECTION_MODEL, RECOGNITION_MODEL = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"


def model_files() -> tuple[Path, Path]:
    """Return the files of both models.

    Raises:
        ImportError: the extra ``ocr`` isn't installed, or has no such models.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ImportError(_PACKAGE)
    folder = Path(next(iter(found.submodule_search_locations))) / "models"
    files = folder / DETECTION_MODEL, folder / RECOGNITION_MODEL
    if not all(map(Path.is_file, files)):
        raise ImportError(_PACKAGE)
    return files


@cache
def text_engine_in_words() -> tuple[tuple[str, str], ...]:
    """Return what finds text on this machine: versions of libraries, SHA-256 of models in hex digits, by name; empty: nothing.

    Of equal ones the findings differ by the machine's arithmetic alone.
    """
    # here, for it loads much
    from importlib.metadata import PackageNotFoundError, version

    if not hasattr(os, "fork") or not sys.executable or importlib.util.find_spec("onnxruntime") is None:
        return ()
    try:
        models = tuple((path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in model_files())
        return (*((name, version(name)) for name in _PACKAGES), *models)
    except (ImportError, OSError, PackageNotFoundError):
        return ()
