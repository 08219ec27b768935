"""Headers of JPEG frames: sequential and progressive DCT, and lossless, with Huffman coding (T.81)."""

from __future__ import annotations

import struct

from .codestream import Codestream, Family, invalid, unsupported
from .headers import ColourMarks, FrameHeader, ScanHeader, read_frame_header, read_scan_header
from .markers import DHT, DQT, FRAMES, LSE, SOF0, SOF1, SOF2, SOF3, SOS, Segment, walk
from .plain_dct import quantization_tables

_PROCESSES = {Family.JPEG_DCT: frozenset((SOF0, SOF1, SOF2)), Family.JPEG_LOSSLESS: frozenset((SOF3,))}
#: JPEG Baseline: 8 bits whatever the process
BASELINE = "1.2.840.10008.1.2.4.50"
#: of a lossless frame (T.81 table B.2)
_LEAST_BITS, _MOST_BITS = 2, 16
#: each scan goes over the whole image
_MOST_SCANS = 256
#: blocks of an MCU of a scan of several components (T.81 B.2.3)
_MOST_BLOCKS = 10
_MOST_TABLE = 3
#: tables of all segments: real frames have a dozen, some as many for each scan
_MOST_TABLES = 4096
_MOST_CODES = 256
_MOST_PREDICTOR = 7
_LAST_COEFFICIENT, _MOST_SHIFT = 63, 13
#: classes of Huffman tables
_DC, _AC = 0, 1


def read_jpeg(frame: bytes, syntax: str, family: Family) -> Codestream:
    """Return what the headers of a JPEG frame state.

    A late DQT that changes a table in use is refused as not understood: which component it is for depends on the decoder.

    Args:
        frame: from SOI on; what is behind EOI is not looked at.
        syntax: a transfer syntax UID of ``family``; JPEG Baseline has 8 bits only.
        family: ``JPEG_DCT`` or ``JPEG_LOSSLESS``.

    Raises:
        DeidentificationError: it is broken or of another process than the family's (``pixel-invalid-frames``); it has what is
            not understood (``pixel-unsupported-format``).
    """
    reader = _Reader(_PROCESSES[family], most_bits=8 if syntax == BASELINE else _MOST_BITS)
    for segment in walk(frame):
        reader.see(segment)
    return reader.codestream(family)


class _Reader:
    """Take the segments of a frame in, and keep what they state."""

    def __init__(self, processes: frozenset[int], most_bits: int) -> None:
        self._processes = processes
        self._most_bits = most_bits
        self._process = 0
        self._frame: FrameHeader | None = None
        self._colours = ColourMarks()
        self._quantization: dict[int, bytes] = {}
        self._huffman: set[tuple[int, int]] = set()
        self._scans = self._tables = 0
        #: components whose (DC) samples were met
        self._coded: set[int] = set()
        #: (predictor, point transform) of the scans
        self._lossless: set[tuple[int, int]] = set()

    def see(self, segment: Segment) -> None:
        if segment.marker in FRAMES:
            self._read_frame(segment)
        elif segment.marker == SOS:
            self._read_scan(segment.content)
        elif segment.marker == DQT:
            self._read_quantization(segment.content)
        elif segment.marker == DHT:
            self._read_huffman(segment.content)
        elif segment.marker == LSE:
            raise invalid()
        elif not self._scans:
            self._colours.see(segment)

    def codestream(self, family: Family) -> Codestream:
        frame = self._frame
        if frame is None or len(self._coded) != len(frame.components):
            raise invalid()
        predictor, shift = next(iter(self._lossless), (0, 0))
        is_lossless = family is Family.JPEG_LOSSLESS
        return Codestream(
            family=family,
            rows=frame.rows,
            columns=frame.columns,
            components=len(frame.components),
            bits=frame.bits,
            signed=False,
            lossless=is_lossless and shift == 0,
            colour=self._colours.colour(frame),
            sampling=((1, 1),) * len(frame.components) if is_lossless else frame.sampling,
            predictor=predictor,
            progressive=self._process == SOF2,
        )

    def _read_frame(self, segment: Segment) -> None:
        if self._frame is not None or segment.marker not in self._processes:
            raise invalid()
        self._process = segment.marker
        self._frame = frame = read_frame_header(segment.content)
        if self._process == SOF3:
            frame.check_full_sampling()
            if frame.bits > _MOST_BITS:
                raise unsupported()
            if frame.bits < _LEAST_BITS:
                raise invalid()
        elif frame.bits > self._most_bits or frame.bits not in ((8,) if self._process == SOF0 else (8, 12)):
            raise invalid()

    def _read_scan(self, content: bytes) -> None:
        frame = self._frame
        if frame is None:
            raise invalid()
        self._scans += 1
        if self._scans > _MOST_SCANS:
            raise unsupported()
        scan = read_scan_header(content, frame)
        if len(scan.components) > 1 and sum(h * v for h, v in map(frame.sampling.__getitem__, _positions(scan))) > _MOST_BLOCKS:
            raise invalid()
        if self._process == SOF3:
            self._check_lossless(scan)
        elif self._process == SOF2:
            self._check_progressive(scan)
        else:
            # decoders ignore the range of coefficients of a sequential scan, and some encoders write nonsense there
            self._take_once(scan)
            self._need_huffman(scan, _DC, _AC)
        if self._process != SOF3 and any(frame.components[at].table not in self._quantization for at in _positions(scan)):
            raise invalid()

    def _check_lossless(self, scan: ScanHeader) -> None:
        predictor, end, shifts = scan.parameters
        if not 1 <= predictor <= _MOST_PREDICTOR or end or (self._frame and shifts >= self._frame.bits):
            raise invalid()
        self._take_once(scan)
        self._need_huffman(scan, _DC)
        self._lossless.add((predictor, shifts))
        if len(self._lossless) > 1:
            raise unsupported()

    def _check_progressive(self, scan: ScanHeader) -> None:
        first, last, shifts = scan.parameters
        high, low = shifts >> 4, shifts & 15
        if first > last or last > _LAST_COEFFICIENT or low > _MOST_SHIFT or (high and high != low + 1):
            raise invalid()
        if first == 0:
            if last:
                raise invalid()
            if not high:
                self._coded.update(_positions(scan))
                self._need_huffman(scan, _DC)
        elif len(scan.components) > 1:
            raise invalid()
        else:
            self._need_huffman(scan, _AC)

    def _take_once(self, scan: ScanHeader) -> None:
        """Refuse a component that another scan has already."""
        if not self._coded.isdisjoint(_positions(scan)):
            raise invalid()
        self._coded.update(_positions(scan))

    def _need_huffman(self, scan: ScanHeader, *classes: int) -> None:
        """Refuse a scan without its tables: DICOM has no abbreviated format."""
        for _, tables in scan.components:
            for kind in classes:
                if (kind, tables & 15 if kind == _AC else tables >> 4) not in self._huffman:
                    raise invalid()

    def _read_quantization(self, content: bytes) -> None:
        """Take tables (T.81 B.2.4.1). A divisor of 0 is refused."""
        for number, table in quantization_tables(content):
            self._count_table()
            if (0 in table) if len(table) == 64 else (0 in struct.unpack(">64H", table)):
                raise invalid()
            if self._scans and self._quantization.get(number, table) != table:
                raise unsupported()
            self._quantization[number] = table

    def _read_huffman(self, content: bytes) -> None:
        """Take tables by their class and number (T.81 B.2.4.2)."""
        position = 0
        while position < len(content):
            kind, number = content[position] >> 4, content[position] & 15
            counts = content[position + 1 : position + 17]
            position += 17 + sum(counts)
            if kind > _AC or number > _MOST_TABLE or sum(counts) > _MOST_CODES or position > len(content):
                raise invalid()
            self._count_table()
            self._huffman.add((kind, number))

    def _count_table(self) -> None:
        self._tables += 1
        if self._tables > _MOST_TABLES:
            raise unsupported()


def _positions(scan: ScanHeader) -> list[int]:
    return [position for position, _ in scan.components]
