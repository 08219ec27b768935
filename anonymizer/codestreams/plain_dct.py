"""DCT frames with nothing in them but what their samples are coded with (T.81 B): no text hides there."""

from __future__ import annotations

from collections.abc import Iterator

from .codestream import invalid, unsupported
from .headers import ADOBE_LENGTH, is_adobe, is_jfif, read_frame_header
from .markers import APPLICATION, COM, DHT, DQT, EOI, FRAMES, SOF2, SOS, walk

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
#: version 1.1, no unit, square pixels, no thumbnail; the data set tells of units
_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
_ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
#: all 64 coefficients, whole: what a scan of a sequential frame has
_SEQUENTIAL = b"\0\x3f\0"


def plain_dct(frame: bytes) -> bytes:
    """Return a DCT frame without comments, application data and tables that no component uses, up to its EOI.

    JFIF and Adobe segments, by which decoders choose colours, stand at the beginning, one each, with fixed contents but for the
    colour transform. Scans of sequential frames that deny some of their coefficients, as a few encoders write them, have all:
    decoders take no notice of it, and warn. Sample data and Huffman tables stay as they are.

    Args:
        frame: of which ``read_codestream`` returned what it states.

    Raises:
        DeidentificationError: there is anything but segments, fill bytes and sample data (``pixel-invalid-frames``); a table
            changes behind the first scan (``pixel-unsupported-format``).
    """
    is_jfif_there, transform = False, -1
    tables: dict[int, bytes] = {}
    used: list[int] = []
    head, body = b"", list[bytes | memoryview]()
    view, progressive, scanned = memoryview(frame), False, False
    for segment in walk(frame):
        marker, content = segment.marker, segment.content
        if marker == COM or marker in APPLICATION:
            if not scanned and is_jfif(segment):
                is_jfif_there = True
            elif not scanned and is_adobe(segment):
                transform = content[ADOBE_LENGTH - 1]
        elif marker == DQT and scanned:
            if any(tables.get(number) != values for number, values in quantization_tables(content)):
                raise unsupported()
        elif marker == DQT:
            tables.update(quantization_tables(content))
        elif marker in FRAMES:
            used = sorted({component.table for component in read_frame_header(content).components})
            head, progressive = _segment(marker, content), marker == SOF2
        elif marker == SOS:
            body += [_segment(marker, content if progressive else content[:-3] + _SEQUENTIAL), view[segment.data : segment.end]]
            scanned = True
        elif marker != EOI:
            body.append(_segment(marker, content))
    if not head or not scanned or any(number not in tables for number in used):
        raise invalid()
    marks = (_JFIF if is_jfif_there else b"") + (_ADOBE + bytes((transform,)) if transform >= 0 else b"")
    steps = [_segment(DQT, bytes((number | (len(tables[number]) > 64) << 4,)) + tables[number]) for number in used]
    return b"".join((_SOI, marks, *steps, head, *body, _EOI))


def is_plain_dct(frame: bytes) -> bool:
    """Return whether a frame is as ``plain_dct`` returns it, but for a byte to fill before its EOI, and uses all its tables.

    Raises:
        DeidentificationError: as ``plain_dct``.
    """
    plain = plain_dct(frame)
    if frame not in (plain, plain[:-2] + b"\xff" + plain[-2:]):
        return False
    defined, used = set[tuple[int, int]](), set[tuple[int, int]]()
    for segment in walk(frame):
        if segment.marker == DHT:
            defined.update(_huffman_tables(segment.content))
        elif segment.marker == SOS:
            numbers = segment.content[2 : 1 + 2 * segment.content[0] : 2]
            used.update((kind, number >> 4 if kind == 0 else number & 15) for number in numbers for kind in (0, 1))
    return defined == used


def quantization_tables(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and values of each table of a DQT segment: 64 bytes, or 128 (T.81 B.2.4.1).

    Raises:
        DeidentificationError: ``pixel-invalid-frames``.
    """
    position = 0
    while position < len(content):
        wide, number = content[position] >> 4, content[position] & 15
        values = content[position + 1 : position + 1 + 64 * (1 + wide)]
        if wide > 1 or number > 3 or len(values) != 64 * (1 + wide):
            raise invalid()
        yield number, values
        position += 1 + len(values)


def _huffman_tables(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield class and number of each table of a DHT segment (T.81 B.2.4.2)."""
    position = 0
    while position + 17 <= len(content):
        yield content[position] >> 4, content[position] & 15
        position += 17 + sum(content[position + 1 : position + 17])


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content
