"""The operations on frames that children do. Runs in a template process and its children."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

from ..child_processes.messages import Buffer
from ..child_processes.operations import Operation
from . import arrays, htj2k, jpeg_2000, jpeg_dct, jpeg_lossless, jpeg_ls
from .jpeg_header import JpegHeader

#: what a template loads, where it is installed
_LIBRARIES = (
    "numpy",
    "imagecodecs._jpeg8",
    "imagecodecs._jpegls",
    "imagecodecs._jpeg2k",
    "imagecodecs._htj2k",
    "imagecodecs",
    "jpegio",
)
_RASTER_CODECS = {
    # to look at; libjpeg decodes both
    "jpeg-dct": jpeg_lossless,
    "jpeg-lossless": jpeg_lossless,
    "jpeg-ls": jpeg_ls,
    "jpeg-2000": jpeg_2000,
    "htj2k": htj2k,
}


def load() -> None:
    """Import the libraries that are installed. A child that needs another one answers that it is missing."""
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _decode(request: dict[str, Any], buffers: list[bytearray]) -> tuple[dict[str, Any], list[Buffer]]:
    codestream = request["codestream"]
    decoded = _RASTER_CODECS[codestream["family"]].decode(buffers[0], codestream)
    return {}, [arrays.to_bytes(decoded, codestream)]


def _encode(request: dict[str, Any], buffers: list[bytearray]) -> tuple[dict[str, Any], list[Buffer]]:
    coding = request["coding"]
    return {}, [_RASTER_CODECS[coding["family"]].encode(arrays.to_array(buffers[0], coding), coding)]


def _coefficients(request: dict[str, Any], buffers: list[bytearray]) -> tuple[dict[str, Any], list[Buffer]]:
    return {}, [*jpeg_dct.coefficients(buffers[0], JpegHeader.of(request["header"]))]


def _blank(request: dict[str, Any], buffers: list[bytearray]) -> tuple[dict[str, Any], list[Buffer]]:
    return {}, [jpeg_dct.blank(buffers[0], JpegHeader.of(request["header"]), request["areas"], request["levels"])]


OPERATIONS: dict[str, Operation] = {"decode": _decode, "encode": _encode, "coefficients": _coefficients, "blank": _blank}
