"""Frame and scan headers that JPEG and JPEG-LS have in common (T.81 B.2.2 and B.2.3, T.87 C.2.2 and C.2.3)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from .codestream import invalid, unsupported
from .markers import APP0, APP14, Segment

#: lengths of what is read of these segments
JFIF_LENGTH, ADOBE_LENGTH = 14, 12
_FRAME, _SCAN_TAIL = struct.Struct(">BHHB"), 3
_MOST_FACTOR = 4


class Component(NamedTuple):
    """A component of a frame: its identifier, sampling factors and quantization table."""

    identifier: int
    horizontal: int
    vertical: int
    table: int


class FrameHeader(NamedTuple):
    """A frame header, with one or three components."""

    bits: int
    rows: int
    columns: int
    components: tuple[Component, ...]

    @property
    def sampling(self) -> tuple[tuple[int, int], ...]:
        """Return the factors of each component."""
        return tuple((component.horizontal, component.vertical) for component in self.components)

    def check_full_sampling(self) -> None:
        """Refuse factors other than 1, but for a single component, where they mean nothing.

        Raises:
            DeidentificationError: ``pixel-unsupported-format``.
        """
        if len(self.components) > 1 and set(self.sampling) != {(1, 1)}:
            raise unsupported()


class ScanHeader(NamedTuple):
    """A scan header.

    Attributes:
        components: (position in the frame header, the byte of tables) of each.
        parameters: the last three bytes; what they mean depends on the process.
    """

    components: tuple[tuple[int, int], ...]
    parameters: tuple[int, int, int]


def read_frame_header(content: bytes) -> FrameHeader:
    """Return the content of a SOF segment.

    Raises:
        DeidentificationError: its length is wrong, a value is illegal, or two components have one identifier
            (``pixel-invalid-frames``); two or more than three components, or no number of lines (``pixel-unsupported-format``).
    """
    if len(content) < _FRAME.size:
        raise invalid()
    bits, rows, columns, count = _FRAME.unpack_from(content)
    if len(content) != _FRAME.size + 3 * count or columns == 0 or count == 0:
        raise invalid()
    components = []
    for at in range(_FRAME.size, len(content), 3):
        identifier, factors, table = content[at : at + 3]
        components.append(Component(identifier, factors >> 4, factors & 15, table))
    if len({component.identifier for component in components}) != count:
        raise invalid()
    if not all(1 <= factor <= _MOST_FACTOR for one in components for factor in (one.horizontal, one.vertical)):
        raise invalid()
    # without lines they come in a DNL segment, or in a LSE segment for large sizes
    if count not in (1, 3) or rows == 0:
        raise unsupported()
    return FrameHeader(bits, rows, columns, tuple(components))


def read_scan_header(content: bytes, frame: FrameHeader) -> ScanHeader:
    """Return the content of a SOS segment.

    Raises:
        DeidentificationError: its length is wrong, or its components are not such of the frame in the frame's order
            (``pixel-invalid-frames``).
    """
    count = content[0] if content else 0
    if not 1 <= count <= len(frame.components) or len(content) != 1 + 2 * count + _SCAN_TAIL:
        raise invalid()
    positions = {component.identifier: position for position, component in enumerate(frame.components)}
    components: list[tuple[int, int]] = []
    for at in range(1, 1 + 2 * count, 2):
        position = positions.get(content[at])
        if position is None or (components and position <= components[-1][0]):
            raise invalid()
        components.append((position, content[at + 1]))
    first, second, third = content[-_SCAN_TAIL:]
    return ScanHeader(tuple(components), (first, second, third))


def is_jfif(segment: Segment) -> bool:
    """Return whether it is the JFIF segment (T.871 10.1)."""
    return segment.marker == APP0 and len(segment.content) >= JFIF_LENGTH and segment.content.startswith(b"JFIF\0")


def is_adobe(segment: Segment) -> bool:
    """Return whether it is Adobe's segment, which names the colour transform (T.872 6.5.3)."""
    return segment.marker == APP14 and len(segment.content) >= ADOBE_LENGTH and segment.content.startswith(b"Adobe")


class ColourMarks:
    """Colour as the segments before the first scan state it."""

    def __init__(self) -> None:
        self._jfif = False
        self._transform: int | None = None

    def see(self, segment: Segment) -> None:
        """Note a segment. Of several Adobe ones the last counts, as in libjpeg."""
        if is_jfif(segment):
            self._jfif = True
        elif is_adobe(segment):
            self._transform = segment.content[ADOBE_LENGTH - 1]

    def colour(self, frame: FrameHeader) -> str:
        """Return ``"RGB"`` or ``"YBR"`` where the frame says so, else ``""``.

        Raises:
            DeidentificationError: it says both (``pixel-unsupported-format``).
        """
        if len(frame.components) == 1:
            return ""
        if self._jfif and self._transform == 0:
            # JFIF has YCbCr only: decoders believe the one or the other
            raise unsupported()
        if self._transform is not None:
            return {0: "RGB", 1: "YBR"}.get(self._transform, "")
        if self._jfif:
            return "YBR"
        return "RGB" if [component.identifier for component in frame.components] == list(b"RGB") else ""
