"""Headers of JPEG-LS frames (T.87 Annex C)."""

from __future__ import annotations

import struct

from .codestream import Codestream, Family, invalid, unsupported
from .headers import ColourMarks, FrameHeader, read_frame_header, read_scan_header
from .markers import APP8, DHT, DQT, FRAMES, LSE, SOF55, SOS, Segment, walk

_LEAST_BITS, _MOST_BITS = 2, 16
_MOST_NEAR = 255
_BY_COMPONENT, _BY_SAMPLE = 0, 2
#: of a LSE segment: preset coding parameters; others are mapping tables and large sizes
_PRESET = 1
_PARAMETERS = struct.Struct(">5H")
#: of the segment in which Hewlett-Packard's encoder names a colour transform; CharLS undoes it, others don't
_TRANSFORM, _NO_TRANSFORM = b"mrfx", b"mrfx\0"


def read_jpeg_ls(frame: bytes) -> Codestream:
    """Return what the headers of a JPEG-LS frame state.

    Args:
        frame: from SOI on; what is behind EOI is not looked at.

    Raises:
        DeidentificationError: it is broken or of another process (``pixel-invalid-frames``); it has mapping tables, a colour
            transform, a point transform, subsampling, or scans of different kinds (``pixel-unsupported-format``).
    """
    reader = _Reader()
    for segment in walk(frame):
        reader.see(segment)
    return reader.codestream()


def is_colour_transform(segment: Segment) -> bool:
    """Return whether the segment names a colour transform of Hewlett-Packard's encoder."""
    return segment.marker == APP8 and segment.content.startswith(_TRANSFORM) and segment.content != _NO_TRANSFORM


class _Reader:
    """Take the segments of a frame in, and keep what they state."""

    def __init__(self) -> None:
        self._frame: FrameHeader | None = None
        self._colours = ColourMarks()
        self._most_sample = 0
        self._coded: set[int] = set()
        #: (NEAR, interleave) of the scans
        self._scans: set[tuple[int, int]] = set()

    def see(self, segment: Segment) -> None:
        if segment.marker in FRAMES:
            self._read_frame(segment)
        elif segment.marker == SOS:
            self._read_scan(segment.content)
        elif segment.marker == LSE:
            self._read_parameters(segment.content)
        elif segment.marker in (DHT, DQT):
            raise invalid()
        elif is_colour_transform(segment):
            raise unsupported()
        elif not self._scans:
            self._colours.see(segment)

    def codestream(self) -> Codestream:
        frame = self._frame
        if frame is None or len(self._coded) != len(frame.components):
            raise invalid()
        near, interleave = next(iter(self._scans))
        return Codestream(
            family=Family.JPEG_LS,
            rows=frame.rows,
            columns=frame.columns,
            components=len(frame.components),
            bits=frame.bits,
            signed=False,
            lossless=near == 0,
            colour=self._colours.colour(frame),
            sampling=((1, 1),) * len(frame.components),
            interleave=interleave,
        )

    def _read_frame(self, segment: Segment) -> None:
        if self._frame is not None or segment.marker != SOF55:
            raise invalid()
        self._frame = frame = read_frame_header(segment.content)
        frame.check_full_sampling()
        if frame.bits > _MOST_BITS:
            raise unsupported()
        if frame.bits < _LEAST_BITS:
            raise invalid()

    def _read_scan(self, content: bytes) -> None:
        frame = self._frame
        if frame is None:
            raise invalid()
        scan = read_scan_header(content, frame)
        near, interleave, shift = scan.parameters
        positions = [position for position, _ in scan.components]
        most = self._most_sample or (1 << frame.bits) - 1
        if interleave > _BY_SAMPLE or near > min(_MOST_NEAR, most // 2) or most >= 1 << frame.bits:
            raise invalid()
        if (interleave == _BY_COMPONENT) != (len(positions) == 1) or not self._coded.isdisjoint(positions):
            raise invalid()
        if shift or any(table for _, table in scan.components):
            raise unsupported()
        self._coded.update(positions)
        self._scans.add((near, interleave))
        if len(self._scans) > 1:
            raise unsupported()

    def _read_parameters(self, content: bytes) -> None:
        """Take preset parameters (T.87 C.2.4.1.1). Their thresholds are the decoder's to judge."""
        if not content:
            raise invalid()
        if content[0] != _PRESET:
            raise unsupported()
        if len(content) != 1 + _PARAMETERS.size:
            raise invalid()
        self._most_sample = _PARAMETERS.unpack_from(content, 1)[0]
