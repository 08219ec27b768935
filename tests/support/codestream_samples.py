"""Codestreams for tests: laid out by hand segment by segment, encoded by libraries, and those of pydicom's own files."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

BASE = "1.2.840.10008.1.2.4."
BASELINE, EXTENDED, PROCESS_14, LOSSLESS = (BASE + end for end in ("50", "51", "57", "70"))
LS, LS_NEAR = BASE + "80", BASE + "81"
J2K_REVERSIBLE, J2K = BASE + "90", BASE + "91"
HT_REVERSIBLE, HT_RPCL, HT = BASE + "201", BASE + "202", BASE + "203"

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, content: bytes = b"") -> bytes:
    """A marker segment of JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def frame_header(
    marker: int, components: Iterable[tuple[int, int, int]] = ((1, 0x11, 0),), bits: int = 8, rows: int = 16, columns: int = 16
) -> bytes:
    """A SOF segment; a component is its identifier, both factors, its table."""
    found = [bytes(component) for component in components]
    return segment(marker, struct.pack(">BHHB", bits, rows, columns, len(found)) + b"".join(found))


def scan(
    components: Iterable[tuple[int, int]] = ((1, 0),), parameters: Sequence[int] = (0, 63, 0), data: bytes = b"\1\2\3"
) -> bytes:
    """A SOS segment with entropy-coded data."""
    found = [bytes(component) for component in components]
    return segment(0xDA, bytes((len(found),)) + b"".join(found) + bytes(parameters)) + data


DIVISORS = segment(0xDB, b"\0" + b"\1" * 64)
CODES = b"".join(segment(0xC4, bytes((kind,)) + b"\0\1" + bytes(14) + b"\0") for kind in (0x00, 0x10))
GREY = frame_header(0xC0)


def dct(*segments: bytes, frame: bytes = GREY, scans: bytes = b"", end: bytes = EOI) -> bytes:
    """A DCT frame with these segments behind its SOI."""
    return b"".join((SOI, *segments, DIVISORS, CODES, frame, scans or scan(), end))


def lossless(frame: bytes = b"", scans: bytes = b"") -> bytes:
    """A lossless frame of T.81."""
    return b"".join((SOI, frame or frame_header(0xC3, bits=12), CODES, scans or scan(parameters=(1, 0, 0)), EOI))


def near(*segments: bytes, frame: bytes = b"", scans: bytes = b"") -> bytes:
    """A JPEG-LS frame."""
    return b"".join((SOI, frame or frame_header(0xF7, bits=12), *segments, scans or scan(parameters=(0, 0, 0)), EOI))


# -- JPEG 2000 -------------------------------------------------------------------------------------------------------------

CODING = segment(0x52, b"\0\0\0\1\0\0\4\4\0\1")
STEPS = segment(0x5C, b"\x40\x40")
CAPABILITIES = segment(0x50, struct.pack(">LH", 1 << 17, 0))


def size(
    *,
    rsiz: int = 0,
    image: Sequence[int] = (16, 16, 0, 0),
    tile: Sequence[int] = (16, 16, 0, 0),
    parts: Sequence[bytes] = (b"\7\1\1",),
) -> bytes:
    """A SIZ segment: columns and rows with their offsets, of the image and of a tile."""
    return segment(0x51, struct.pack(">H8LH", rsiz, *image, *tile, len(parts)) + b"".join(parts))


def tile_part(tile: int = 0, *segments: bytes, data: bytes = b"\1\2\3", length: int | None = None) -> bytes:
    """A tile-part that states its length, or another one."""
    content = b"".join(segments) + b"\xff\x93" + data
    return segment(0x90, struct.pack(">HLBB", tile, 12 + len(content) if length is None else length, 0, 1)) + content


def j2k(*segments: bytes, siz: bytes = b"", parts: bytes = b"", end: bytes = EOI) -> bytes:
    """A JPEG 2000 codestream with these segments behind its SIZ, else the default ones."""
    return b"".join((b"\xff\x4f", siz or size(), *(segments or (CODING, STEPS)), parts or tile_part(), end))


# -- of encoders and of files ----------------------------------------------------------------------------------------------


def noise(*shape: int, bits: int = 8) -> np.ndarray:
    """Samples that are no two times the same."""
    dtype = np.uint8 if bits <= 8 else np.uint16
    return np.random.default_rng(bits).integers(0, 1 << bits, shape, dtype=dtype)


def by_pillow(samples: np.ndarray, **options: Any) -> bytes:
    """A DCT frame as Pillow writes it."""
    from PIL import Image

    stream = BytesIO()
    Image.fromarray(samples).save(stream, "JPEG", **options)
    return stream.getvalue()


@cache
def encoded() -> dict[str, tuple[bytes, str]]:
    """Frames of all families, 33 rows of 41 pixels, by a name: with their transfer syntaxes."""
    import imagecodecs

    colour, grey, deep = noise(33, 41, 3), noise(33, 41), noise(33, 41, bits=12)
    found = {
        "dct": (imagecodecs.jpeg8_encode(grey), BASELINE),
        "dct 12": (imagecodecs.jpeg8_encode(deep, bitspersample=12), EXTENDED),
        "progressive": (by_pillow(colour, progressive=True), BASELINE),
        "restarts": (by_pillow(colour, restart_marker_blocks=2), BASELINE),
        "lossless": (imagecodecs.jpeg8_encode(deep, lossless=True, predictor=1, bitspersample=12), LOSSLESS),
        "lossless colour": (imagecodecs.jpeg8_encode(colour, lossless=True), LOSSLESS),
        "ls": (imagecodecs.jpegls_encode(deep), LS),
        "ls colour": (imagecodecs.jpegls_encode(colour, level=2), LS_NEAR),
        "j2k": (imagecodecs.jpeg2k_encode(deep, codecformat="j2k", reversible=True, level=0), J2K_REVERSIBLE),
        "j2k colour": (imagecodecs.jpeg2k_encode(colour, codecformat="j2k", level=40, reversible=False), J2K),
        "ht": (imagecodecs.htj2k_encode(colour), HT_REVERSIBLE),
    }
    return {name: (bytes(frame), syntax) for name, (frame, syntax) in found.items()}


def shipped() -> Iterator[tuple[str, str, Any, bytes]]:
    """Name, transfer syntax, data set and frames of the compressed files that pydicom ships."""
    import pydicom
    from pydicom.encaps import generate_frames

    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm")):
        with path.open("rb") as stream:
            data_set = pydicom.dcmread(stream, force=True)
        syntax = str(data_set.file_meta.get("TransferSyntaxUID", "")) if hasattr(data_set, "file_meta") else ""
        if syntax.startswith(BASE) and "PixelData" in data_set:
            for frame in generate_frames(data_set.PixelData, number_of_frames=int(data_set.get("NumberOfFrames") or 1)):
                yield path.name, syntax, data_set, frame


def mutate(frame: bytes, edits: Iterable[tuple[int, int, int]]) -> bytes:
    """Edit a frame: (kind, position, value) of each edit. Positions are counted modulo the frame's length."""
    found = bytearray(frame)
    for kind, position, value in edits:
        at = position % (len(found) + 1)
        if kind == 0 and at < len(found):
            found[at] = value
        elif kind == 1:
            found[at:at] = bytes((value,))
        elif kind == 2:
            del found[at : at + 1 + value % 9]
        elif kind == 3:
            found[at : at + 2] = bytes((0xFF, value))
        elif kind == 4:
            del found[at:]
        elif kind == 5:
            found[at : at + 2] = struct.pack(">H", value * 257)
        else:
            found[at:at] = found[at - value : at + value]
    return bytes(found)


def reason_for(frame: bytes, syntax: str) -> str:
    """The reason for which a frame is refused, ``""`` where it is read."""
    from anonymizer import DeidentificationError
    from anonymizer.codestreams import read_codestream

    try:
        read_codestream(frame, syntax)
    except DeidentificationError as error:
        return error.reason.value if error.tag == "(7fe0,0010)" else "another tag"
    return ""
