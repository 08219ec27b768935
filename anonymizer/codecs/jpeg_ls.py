"""JPEG-LS (T.87; PS3.5 8.2.3), by CharLS. Runs in a child process.

No Python binding tells CharLS both the precision and the interleaving on all versions of Python: its C functions are called. The
binding of ``imagecodecs`` has them loaded.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arrays import Samples

#: bytes of headers, and of a sample coded as badly as can be (T.87 A.5.3: LIMIT bits, 32 at most)
_HEADERS, _MOST_OF_SAMPLE = 1 << 10, 4


class _FrameInfo(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("bits_per_sample", ctypes.c_int32),
        ("component_count", ctypes.c_int32),
    )


def load_charls() -> ctypes.CDLL:
    """Return the library that has CharLS's functions.

    Raises:
        ImportError: there is none.
    """
    import imagecodecs._jpegls as binding

    # a name is looked up in what the binding depends on, too
    library = ctypes.CDLL(binding.__file__)
    if not hasattr(library, "charls_jpegls_encoder_create"):
        raise ImportError("CharLS's functions can't be reached")
    library.charls_jpegls_encoder_create.restype = ctypes.c_void_p
    library.charls_jpegls_encoder_create.argtypes = ()
    return library


def decode(frame: bytearray, codestream: dict[str, Any]) -> Samples:
    """Return the samples, shape (rows, columns, components).

    Raises:
        Exception: of the library, which refuses the codestream.
    """
    import imagecodecs

    return imagecodecs.jpegls_decode(bytes(frame))


def encode(samples: Samples, coding: dict[str, Any]) -> bytes:
    """Return samples of the precision ``bits``, 2 to 16, coded without loss and interleaved as ``interleave`` tells.

    Raises:
        ValueError: CharLS refuses.
    """
    import numpy

    rows, columns, components = samples.shape
    interleave = coding["interleave"] if components > 1 else 0
    # planes are given one by one; CharLS takes lines, as pixels, from pixels
    source = numpy.ascontiguousarray(samples if interleave else samples.transpose(2, 0, 1))
    library = load_charls()
    destination = ctypes.create_string_buffer(_HEADERS + _MOST_OF_SAMPLE * source.size)
    written = ctypes.c_size_t()
    encoder = ctypes.c_void_p(library.charls_jpegls_encoder_create())
    steps: list[tuple[str, tuple[Any, ...]]] = [
        ("set_frame_info", (ctypes.byref(_FrameInfo(columns, rows, coding["bits"], components)),)),
        ("set_near_lossless", (ctypes.c_int32(0),)),
        ("set_interleave_mode", (ctypes.c_int32(interleave),)),
        ("set_destination_buffer", (destination, ctypes.c_size_t(len(destination)))),
        (
            "encode_from_buffer",
            (source.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(source.nbytes), ctypes.c_uint32(0)),
        ),
        ("get_bytes_written", (ctypes.byref(written),)),
    ]
    for name, arguments in steps:
        if getattr(library, f"charls_jpegls_encoder_{name}")(encoder, *arguments):
            raise ValueError(f"CharLS refuses to {name}")
    return ctypes.string_at(destination, written.value)
