"""Marker segments of a JPEG or JPEG-LS frame, from its SOI to its EOI (T.81 B.1.1, T.87 C.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .codestream import invalid, unsupported

SOF0, SOF1, SOF2, SOF3 = 0xC0, 0xC1, 0xC2, 0xC3
DHT, SOI, EOI, SOS, DQT, DRI = 0xC4, 0xD8, 0xD9, 0xDA, 0xDB, 0xDD
APP0, APP8, APP14, LAST_APP, COM = 0xE0, 0xE8, 0xEE, 0xEF, 0xFE
#: of JPEG-LS
SOF55, LSE = 0xF7, 0xF8
#: for each of them there may be scans of another decoder
FRAMES = frozenset((SOF0, SOF1, SOF2, SOF3, SOF55))
APPLICATION = range(APP0, LAST_APP + 1)

#: other processes: SOF5 to SOF15 and JPG, arithmetic coding (DAC), hierarchical frames (DHP, EXP), a late number of lines (DNL)
_OTHER_PROCESSES = frozenset((*range(0xC5, 0xD0), 0xDC, 0xDE, 0xDF))
_RESTARTS = range(0xD0, 0xD8)
#: for extensions that nobody knows here
_EXTENSIONS = range(0xF0, 0xFE)
#: of a frame; real ones have a few dozen
_MOST_SEGMENTS = 1 << 14
#: restart markers that have fill bytes before them: each costs a step of this program, all others cost none
_MOST_FILLED = 1 << 14

_NO_FILL = re.compile(rb"[^\xff]")
#: (JPEG-LS, with restart markers) -> a 0xFF that is no sample data. JPEG stuffs a zero byte behind one, JPEG-LS a zero bit
_ENDS_DATA = {
    (False, False): re.compile(rb"\xff[\x01-\xff]"),
    (False, True): re.compile(rb"\xff[\x01-\xcf\xd8-\xff]"),
    (True, False): re.compile(rb"\xff[\x80-\xff]"),
    (True, True): re.compile(rb"\xff[\x80-\xcf\xd8-\xff]"),
}


class Segment(NamedTuple):
    """A marker segment.

    Attributes:
        marker: its second byte.
        begin: position of the first fill byte before it, else of the marker.
        content: bytes behind its length, 65,533 at most; empty for EOI.
        data: where the segment ends, and entropy-coded data begin behind a SOS.
        end: where the next one begins.
    """

    marker: int
    begin: int
    content: bytes
    data: int
    end: int


def walk(frame: bytes) -> Iterator[Segment]:
    """Yield the segments behind SOI, EOI as the last. What is behind EOI is not looked at.

    A missing EOI is an error: libjpeg adds one, CharLS doesn't, and no header tells that the last scan is whole.
    The time is linear in the frame's length; fill bytes and sample data are passed in steps of the regular expressions' engine.

    Raises:
        DeidentificationError: anything but segments, fill bytes and sample data is there, or the frame ends early
            (``pixel-invalid-frames``); the process is another one (``pixel-unsupported-format``).
    """
    if frame[:2] != bytes((0xFF, SOI)):
        raise invalid()
    position, restarts, near = 2, False, False
    for _ in range(_MOST_SEGMENTS):
        marker, behind = _marker_at(frame, position)
        if marker == EOI:
            yield Segment(EOI, position, b"", behind, behind)
            return
        _check(marker)
        length = int.from_bytes(frame[behind : behind + 2], "big")
        data = behind + length
        if length < 2 or data > len(frame):
            raise invalid()
        content = frame[behind + 2 : data]
        if marker == DRI:
            restarts = _restart_interval(content, near) > 0
        near = near or marker == SOF55
        end = _end_of_data(frame, data, near, restarts) if marker == SOS else data
        yield Segment(marker, position, content, data, end)
        position = end
    raise unsupported()


def _marker_at(frame: bytes, position: int) -> tuple[int, int]:
    """Return the marker at ``position``, and the position behind it."""
    if frame[position : position + 1] != b"\xff":
        raise invalid()
    found = _NO_FILL.search(frame, position)
    if found is None:
        raise invalid()
    return frame[found.start()], found.end()


def _check(marker: int) -> None:
    """Refuse markers that no frame may have here, and those of other processes."""
    if marker in _OTHER_PROCESSES or (marker in _EXTENSIONS and marker not in (SOF55, LSE)):
        raise unsupported()
    if marker < SOF0 or marker in _RESTARTS or marker == SOI:
        raise invalid()


def _restart_interval(content: bytes, near: bool) -> int:
    """Return the interval of a DRI segment: of two bytes, in JPEG-LS up to four (T.81 B.2.4.4, T.87 C.2.5)."""
    if len(content) not in ((2, 3, 4) if near else (2,)):
        raise invalid()
    return int.from_bytes(content, "big")


def _end_of_data(frame: bytes, position: int, near: bool, restarts: bool) -> int:
    """Return where the marker behind entropy-coded data begins, with its fill bytes. There has to be a byte of data."""
    pattern = _ENDS_DATA[near, restarts]
    start = position
    for _ in range(_MOST_FILLED):
        found = pattern.search(frame, start)
        if found is None or found.start() == position:
            raise invalid()
        marker, behind = _marker_at(frame, found.start())
        if not (restarts and marker in _RESTARTS):
            # 0xFF 0xFF 0x00 is a sample's byte to some decoders: what is no marker is refused by who walks on
            return found.start()
        start = behind
    raise unsupported()
