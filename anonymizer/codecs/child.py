"""A child process from its limits to its answer of one request. It ends when this returns, or before."""

from __future__ import annotations

import contextlib
import importlib
import socket
from typing import Any

from . import arrays, htj2k, jpeg_2000, jpeg_dct, jpeg_lossless, jpeg_ls
from .jpeg_header import JpegHeader, UnsupportedError
from .limits import set_limits
from .messages import GREETING, Buffer, ProtocolError, receive, send

#: bytes of a request; the parent sends no larger ones
_MOST_REQUEST = 1 << 31
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


def load_codecs() -> None:
    """Import the libraries that are installed. A child that needs another one answers that it is missing."""
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def answer(connection: socket.socket) -> None:
    """Answer one request.

    An answer's ``status``: ``done``; ``refused`` by the library; ``missing`` library; ``unsupported``; ``failed`` for want of
    memory or by an error of ours. A child that is killed doesn't answer.
    """
    connection.sendall(GREETING)
    try:
        request, buffers = receive(connection, _MOST_REQUEST)
        set_limits(*request["limits"])
        header, results = _do(request, buffers)
    except (ProtocolError, OSError, MemoryError):
        header, results = {"status": "failed"}, []
    with contextlib.suppress(OSError):
        send(connection, header, results)


def _do(request: dict[str, Any], buffers: list[bytearray]) -> tuple[dict[str, Any], list[Buffer]]:
    operation = _OPERATIONS[request["operation"]]
    try:
        results = operation(request, buffers[0])
    except ImportError:
        return {"status": "missing"}, []
    except UnsupportedError:
        return {"status": "unsupported"}, []
    except (MemoryError, OSError):
        return {"status": "failed"}, []
    # the libraries' own errors have no class in common but this
    except Exception:
        return {"status": "refused"}, []
    return {"status": "done"}, results


def _decode(request: dict[str, Any], frame: bytearray) -> list[Buffer]:
    codestream = request["codestream"]
    return [arrays.to_bytes(_RASTER_CODECS[codestream["family"]].decode(frame, codestream), codestream)]


def _encode(request: dict[str, Any], samples: bytearray) -> list[Buffer]:
    coding = request["coding"]
    return [_RASTER_CODECS[coding["family"]].encode(arrays.to_array(samples, coding), coding)]


def _coefficients(request: dict[str, Any], frame: bytearray) -> list[Buffer]:
    return jpeg_dct.coefficients(frame, JpegHeader.of(request["header"]))


def _blank(request: dict[str, Any], frame: bytearray) -> list[Buffer]:
    return [jpeg_dct.blank(frame, JpegHeader.of(request["header"]), request["areas"], request["levels"])]


_OPERATIONS = {"decode": _decode, "encode": _encode, "coefficients": _coefficients, "blank": _blank}
