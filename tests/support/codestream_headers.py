"""Headers of codestreams of trusted input, read without the engine's help (T.81, T.87, T.800, T.814)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_BARE = {0x01, *range(0xD0, 0xD9)}
_DCT_FRAMES, _LOSSLESS_FRAME, _LS_FRAME = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive"}, 0xC3, 0xF7


@dataclass
class Header:
    """What a codestream says of itself.

    Attributes:
        process: "baseline", "extended", "progressive", "lossless", "ls", "j2k" or "htj2k".
        lossless: it states no loss; False of DCT.
        segments: marker and content of each marker segment.
        end: length of the codestream, up to the end of its EOI or EOC; what lies behind is filling.
    """

    process: str = ""
    rows: int = 0
    columns: int = 0
    bits: int = 0
    signed: bool = False
    sampling: list[tuple[int, int]] = field(default_factory=list)
    identifiers: list[int] = field(default_factory=list)
    predictor: int = 0
    interleave: int = 0
    restart: int = 0
    lossless: bool = False
    mct: bool = False
    progression: int = 0
    segments: list[tuple[int, bytes]] = field(default_factory=list)
    end: int = 0

    @property
    def components(self) -> int:
        """Their number."""
        return len(self.sampling)


def read_header(frame: bytes) -> Header:
    """Read a codestream's headers to its end; ValueError: it has none, or no end."""
    return _jpeg_2000(frame) if frame[:2] == b"\xff\x4f" else _jpeg(frame)


def _jpeg(frame: bytes) -> Header:
    found, at = Header(), 2
    if frame[:2] != b"\xff\xd8":
        raise ValueError("no SOI")
    while True:
        if frame[at : at + 1] != b"\xff":
            raise ValueError(f"no marker at {at}")
        while frame[at + 1] == 0xFF:
            at += 1
        marker = frame[at + 1]
        at += 2
        if marker == 0xD9:
            found.end = at
            return found
        if marker in _BARE:
            continue
        (length,) = struct.unpack_from(">H", frame, at)
        content = frame[at + 2 : at + length]
        found.segments.append((marker, content))
        at += length
        _jpeg_segment(found, marker, content)
        if marker == 0xDA:
            at = _behind_scan(frame, at, 0x7F if found.process == "ls" else 0)


def _behind_scan(frame: bytes, at: int, stuffed: int) -> int:
    """Return where the next marker is that is neither RST nor an escaped byte (T.81 B.1.1.5, T.87 C.1)."""
    while True:
        at = frame.find(b"\xff", at)
        if at < 0 or at + 1 >= len(frame):
            raise ValueError("no EOI")
        if frame[at + 1] > stuffed and frame[at + 1] != 0xFF and not 0xD0 <= frame[at + 1] <= 0xD7:
            return at
        at += 1 if frame[at + 1] == 0xFF else 2


def _jpeg_segment(found: Header, marker: int, content: bytes) -> None:
    if marker in _DCT_FRAMES or marker in (_LOSSLESS_FRAME, _LS_FRAME):
        found.process = _DCT_FRAMES.get(marker) or ("lossless" if marker == _LOSSLESS_FRAME else "ls")
        found.bits, found.rows, found.columns, count = struct.unpack_from(">BHHB", content)
        for number in range(count):
            identifier, sampling = content[6 + 3 * number : 8 + 3 * number]
            found.identifiers.append(identifier)
            found.sampling.append((sampling >> 4, sampling & 15))
    elif marker == 0xDD:
        (found.restart,) = struct.unpack_from(">H", content)
    elif marker == 0xDA:
        first, second, third = content[1 + 2 * content[0] :][:3]
        if found.process == "lossless":
            found.predictor, found.lossless = first, third & 15 == 0
        elif found.process == "ls":
            found.interleave, found.lossless = second, first == 0


def _jpeg_2000(frame: bytes) -> Header:
    found, at = Header("j2k"), 2
    while True:
        marker, length = struct.unpack_from(">HH", frame, at)
        content = frame[at + 4 : at + 2 + length]
        if marker == 0xFF90:
            break
        found.segments.append((marker & 0xFF, content))
        at += 2 + length
        if marker == 0xFF51:
            columns, rows, left, top = struct.unpack_from(">4L", content, 2)
            found.rows, found.columns = rows - top, columns - left
            for number in range(struct.unpack_from(">H", content, 34)[0]):
                depth, across, down = content[36 + 3 * number : 39 + 3 * number]
                found.bits, found.signed = (depth & 0x7F) + 1, bool(depth & 0x80)
                found.sampling.append((across, down))
        elif marker == 0xFF50:
            found.process = "htj2k"
        elif marker == 0xFF52:
            found.progression, found.mct, found.lossless = content[1], bool(content[4]), content[9] == 1
    while frame[at : at + 2] == b"\xff\x90":
        (length,) = struct.unpack_from(">L", frame, at + 6)
        _tile_part(found, frame, at)
        at = at + length if length else frame.rindex(b"\xff\xd9")
    if frame[at : at + 2] != b"\xff\xd9":
        raise ValueError("no EOC")
    found.end = at + 2
    return found


def _tile_part(found: Header, frame: bytes, at: int) -> None:
    while frame[at : at + 2] != b"\xff\x93":
        (length,) = struct.unpack_from(">H", frame, at + 2)
        found.segments.append((frame[at + 1], frame[at + 4 : at + 2 + length]))
        at += 2 + length


def colour_of(header: Header, photometric: str) -> str:
    """Return "RGB", "YBR" or "" as decoders guess it: Adobe's segment, JFIF's, identifiers, and else the object (T.872)."""
    if header.components == 1:
        return ""
    for marker, content in header.segments:
        if marker == 0xEE and content[:5] == b"Adobe" and len(content) >= 12:
            return "YBR" if content[11] else "RGB"
    if any(marker == 0xE0 and content[:5] == b"JFIF\0" for marker, content in header.segments):
        return "YBR"
    if bytes(header.identifiers) == b"RGB":
        return "RGB"
    return "RGB" if photometric == "RGB" else "YBR"
