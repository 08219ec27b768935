"""The headers of what was encoded: an encoder may leave out what it was asked for, and a child may add what it was not."""

from __future__ import annotations

import re
import struct

from ..codestreams import Codestream, Family, read_codestream
from ..codestreams.markers import walk
from ..errors import DeidentificationError
from .raster import Coding, Raster

#: by which frames of each family are read
_SYNTAXES = {
    Family.JPEG_LOSSLESS: "1.2.840.10008.1.2.4.57",
    Family.JPEG_LS: "1.2.840.10008.1.2.4.80",
    Family.JPEG_2000: "1.2.840.10008.1.2.4.90",
    Family.HTJ2K: "1.2.840.10008.1.2.4.201",
}
_SOF3, _SOF55, _SOS, _SIZ, _COD, _SOT = 0xFFC3, 0xFFF7, 0xFFDA, 0xFF51, 0xFF52, 0xFF90
_EOC = b"\xff\xd9"


#: by family, the segments that its encoder writes, and the contents of those that decoders don't need
_KNOWN: dict[Family, dict[int, re.Pattern[bytes] | None]] = {
    Family.JPEG_LOSSLESS: {
        0xFFE0: re.compile(rb"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
        0xFFEE: re.compile(rb"Adobe\x00\x64\x00\x00\x00\x00\x00"),
        **dict.fromkeys((_SOF3, 0xFFC4, _SOS)),
    },
    # preset parameters of the coder, where they aren't those of the standard
    Family.JPEG_LS: {0xFFF8: re.compile(rb"(?s)\x01.{10}"), **dict.fromkeys((_SOF55, _SOS))},
    Family.JPEG_2000: {
        0xFF64: re.compile(rb"\x00\x01Created by OpenJPEG version [0-9.]{1,12}"),
        **dict.fromkeys((_SIZ, _COD, 0xFF5C, _SOT)),
    },
    Family.HTJ2K: {
        0xFF64: re.compile(rb"\x00\x01OpenJPH Ver [0-9.]{1,12}"),
        **dict.fromkeys((_SIZ, 0xFF50, _COD, 0xFF5C, 0xFF55, _SOT)),
    },
}


def is_as_asked(frame: bytes, raster: Raster, coding: Coding) -> bool:
    """Return whether the headers of ``frame`` say what was asked for, and nothing else, and nothing is behind its end."""
    try:
        found = read_codestream(frame, _SYNTAXES[coding.family])
        if not _has_nothing_else(frame, coding.family):
            return False
    except (struct.error, DeidentificationError):
        return False
    is_grey = raster.components == 1
    asked = Codestream(
        family=coding.family,
        rows=raster.rows,
        columns=raster.columns,
        components=raster.components,
        bits=raster.bits,
        signed=raster.signed,
        lossless=True,
        # marks of colours were compared above
        colour=found.colour,
        sampling=((1, 1),) * raster.components,
        predictor=coding.predictor if coding.family is Family.JPEG_LOSSLESS else 0,
        interleave=coding.interleave if coding.family is Family.JPEG_LS and not is_grey else 0,
        component_transform=coding.component_transform,
        progression=coding.progression or found.progression,
    )
    return found == asked


def _has_nothing_else(frame: bytes, family: Family) -> bool:
    """Return whether all segments are such as the family's encoder writes, and the frame ends with the codestream."""
    if family in (Family.JPEG_2000, Family.HTJ2K):
        at, last = _walk_2000(frame, _KNOWN[family])
        return last == _SOT and frame[at:].endswith((_EOC, _EOC + b"\0"))
    end = 0
    for segment in walk(frame):
        end, pattern = segment.end, _KNOWN[family].get(0xFF00 | segment.marker)
        is_known = 0xFF00 | segment.marker in (*_KNOWN[family], 0xFFD9)
        if not is_known or (pattern is not None and not pattern.fullmatch(segment.content)):
            return False
    return end == len(frame)


def _walk_2000(frame: bytes, known: dict[int, re.Pattern[bytes] | None]) -> tuple[int, int]:
    """Return where the main header's segments end that are known, and the last of them."""
    at, marker, seen = 2, 0, set[int]()
    while marker != _SOT:
        marker, length = struct.unpack_from(">HH", frame, at)
        pattern = known.get(marker)
        if marker not in known or marker in seen or (pattern and not pattern.fullmatch(frame[at + 4 : at + 2 + length])):
            return at, 0
        seen.add(marker)
        at += 2 + length
    return at, marker
