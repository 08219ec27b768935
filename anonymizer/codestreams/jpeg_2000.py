"""Headers of JPEG 2000 and HTJ2K codestreams: the main header and those of all tile-parts (T.800 Annex A, T.814 Annex A)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .codestream import Codestream, Family, invalid, unsupported
from .jp2_boxes import JP2_SIGNATURE

_SOC, _SIZ, _CAP, _COD, _COC, _QCD, _QCC = 0xFF4F, 0xFF51, 0xFF50, 0xFF52, 0xFF53, 0xFF5C, 0xFF5D
_RGN, _POC, _SOT, _SOD, _EOC = 0xFF5E, 0xFF5F, 0xFF90, 0xFF93, 0xFFD9
#: lengths of packets and tile-parts, packed packet headers, registration and comments: PLM, PLT, PPM, PPT, TLM, CRG, COM; and the
#: profiles of T.800 and T.814: PRF, CPF
_PLM, _PLT, _PPM, _PPT, _TLM, _CRG, _COM, _PRF, _CPF = 0xFF57, 0xFF58, 0xFF60, 0xFF61, 0xFF55, 0xFF63, 0xFF64, 0xFF56, 0xFF59
_MAIN = frozenset((_CAP, _COD, _COC, _QCD, _QCC, _RGN, _POC, _PLM, _PPM, _TLM, _CRG, _COM, _PRF, _CPF))
_TILE = frozenset((_COD, _COC, _QCD, _QCC, _RGN, _POC, _PLT, _PPT, _COM))
#: other markers here may be of another part of the standard
_PERHAPS_EXTENDED = range(0xFF50, 0xFF80)

_SIZE = struct.Struct(">H8LH")
_CODING = struct.Struct(">BBHBBBBBB")
_TILE_PART = struct.Struct(">HLBB")
_PROGRESSIONS = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
#: Rsiz: extensions of Part 2, and a CAP segment follows (T.800 table A.10)
_EXTENDED, _CAPABILITIES = 0x8000, 0x4000
#: Pcap: Part 15 (T.814 A.3.2), which is HTJ2K
_PART_15 = 1 << (32 - 15)
_REVERSIBLE, _MOST_TRANSFORM = 1, 1
_PRECINCTS, _MOST_STYLE = 1, 7
#: style of a code-block: of HTJ2K, and such beside others
_HT, _MIXED = 0x40, 0x80
_MOST_LEVELS = 32
#: exponent of a code-block's side beyond 2, and of both together
_MOST_BLOCK = 8
_NO_QUANTIZATION, _MOST_QUANTIZATION = 0, 2
#: of samples: more than 32 bits are legal, and nobody here has cells for them
_MOST_BITS, _LEGAL_BITS = 32, 38
_MOST_TILES = 65535
#: of all headers, with a tile-part as one; each costs a step
_MOST_SEGMENTS = 1 << 17


class _Size(NamedTuple):
    """Content of a SIZ segment."""

    rows: int
    columns: int
    tiles: int
    components: int
    bits: int
    signed: bool
    with_capabilities: bool


class _Style(NamedTuple):
    """Coding style of a COD segment."""

    progression: str
    component_transform: bool


def read_jpeg_2000(frame: bytes, family: Family) -> Codestream:
    """Return what the headers of a codestream state.

    A missing EOC is an error: OpenJPH reads on without it, OpenJPEG with its own checks doesn't.

    Args:
        frame: from SOC on, see ``unboxed``; what is behind EOC is not looked at.
        family: ``JPEG_2000`` or ``HTJ2K``.

    Raises:
        DeidentificationError: it is broken, or of the other family (``pixel-invalid-frames``); it is in boxes, or has offsets,
            subsampling, a region of interest, or extensions of another part (``pixel-unsupported-format``).
    """
    if frame.startswith(JP2_SIGNATURE):
        raise unsupported()
    reader = _Reader(frame, family)
    reader.read()
    return reader.codestream()


class _Reader:
    """Walk over the headers of a codestream, and keep what they state."""

    def __init__(self, frame: bytes, family: Family) -> None:
        self._frame = frame
        self._family = family
        self._steps = 0
        self._size = _Size(0, 0, 0, 0, 0, False, False)
        self._with_capabilities = self._with_ht_blocks = False
        self._style: _Style | None = None
        self._quantized = False
        self._reversible = True
        self._in_tile = False
        self._readers: dict[int, Callable[[bytes], None]] = {
            _CAP: self._read_capabilities,
            _COD: self._read_coding,
            _COC: self._read_component_coding,
            _QCD: self._read_quantization,
            _QCC: self._read_component_quantization,
            _RGN: self._read_region,
        }

    def read(self) -> None:
        """Read the main header, and the header of each tile-part by the lengths that they state."""
        frame = self._frame
        if self._marker(0) != _SOC or self._marker(2) != _SIZ:
            raise invalid()
        content, position = self._segment(2)
        self._size = _read_size(content)
        position = self._read_header(position, _SOT, _MAIN)
        is_ht = self._with_capabilities
        if self._style is None or not self._quantized or self._size.with_capabilities != is_ht:
            raise invalid()
        if is_ht != (self._family is Family.HTJ2K):
            raise invalid()
        self._in_tile = True
        tiles: set[int] = set()
        while self._marker(position) != _EOC:
            content, start = self._segment(position)
            if self._marker(position) != _SOT or len(content) != _TILE_PART.size:
                raise invalid()
            tile, length, _, _ = _TILE_PART.unpack(content)
            end = position + length if length else self._end_of_data(start)
            if tile >= self._size.tiles or end > len(frame) or self._read_header(start, _SOD, _TILE) + 2 > end:
                raise invalid()
            tiles.add(tile)
            position = end
        if len(tiles) != self._size.tiles or (self._with_ht_blocks and not is_ht):
            raise invalid()

    def codestream(self) -> Codestream:
        size, style = self._size, self._style
        assert style is not None
        return Codestream(
            family=self._family,
            rows=size.rows,
            columns=size.columns,
            components=size.components,
            bits=size.bits,
            signed=size.signed,
            lossless=self._reversible,
            colour="",
            sampling=((1, 1),) * size.components,
            component_transform=style.component_transform,
            progression=style.progression,
        )

    # -- segments -----------------------------------------------------------------------------------------------------------

    def _marker(self, position: int) -> int:
        return int.from_bytes(self._frame[position : position + 2], "big")

    def _segment(self, position: int) -> tuple[bytes, int]:
        """Return the content of the segment at ``position``, and the position behind it."""
        self._steps += 1
        if self._steps > _MOST_SEGMENTS:
            raise unsupported()
        start = position + 2
        length = self._marker(start)
        end = start + length
        if length < 2 or end > len(self._frame):
            raise invalid()
        return self._frame[start + 2 : end], end

    def _read_header(self, position: int, last: int, known: frozenset[int]) -> int:
        """Read segments up to the marker ``last``, and return its position."""
        while (marker := self._marker(position)) != last:
            if marker not in known:
                extended = marker in _PERHAPS_EXTENDED and marker not in _MAIN | _TILE | {_SIZ}
                raise unsupported() if extended else invalid()
            content, position = self._segment(position)
            if marker in self._readers:
                self._readers[marker](content)
        return position

    def _end_of_data(self, position: int) -> int:
        """Return where EOC is, for the last tile-part may leave its length open. No two bytes of packets are like it."""
        end = self._frame.find(b"\xff\xd9", position)
        if end < 0 or self._frame.find(b"\xff\x90", position, end) >= 0:
            raise invalid()
        return end

    # -- their contents -----------------------------------------------------------------------------------------------------

    def _read_capabilities(self, content: bytes) -> None:
        """Take the parts of the standard that the codestream needs (T.800 A.5.2): this program knows Part 15 besides Part 1."""
        parts = int.from_bytes(content[:4], "big")
        if self._with_capabilities or len(content) != 4 + 2 * bin(parts).count("1"):
            raise invalid()
        if parts != _PART_15:
            raise unsupported()
        self._with_capabilities = True

    def _read_coding(self, content: bytes) -> None:
        """Take a default coding style (T.800 A.6.1)."""
        if len(content) < _CODING.size:
            raise invalid()
        style, progression, layers, transform = _CODING.unpack_from(content)[:4]
        if progression >= len(_PROGRESSIONS) or layers == 0:
            raise invalid()
        if style > _MOST_STYLE or transform > 1:
            raise unsupported()
        if transform and self._size.components == 1:
            raise invalid()
        found = _Style(_PROGRESSIONS[progression], transform == 1)
        if self._style is None:
            self._style = found
        elif not self._in_tile:
            raise invalid()
        elif self._style.component_transform != found.component_transform:
            raise unsupported()
        self._read_blocks(style, content[5:])

    def _read_component_coding(self, content: bytes) -> None:
        """Take the coding style of a component (T.800 A.6.2)."""
        content = self._of_component(content)
        if content[0] > _PRECINCTS:
            raise invalid()
        self._read_blocks(content[0], content[1:])

    def _read_blocks(self, style: int, content: bytes) -> None:
        """Take what COD and COC have in common (T.800 table A.20)."""
        if len(content) < 5:
            raise invalid()
        levels, width, height, blocks, transform = content[:5]
        precincts = levels + 1 if style & _PRECINCTS else 0
        if levels > _MOST_LEVELS or len(content) != 5 + precincts or max(width, height, width + height) > _MOST_BLOCK:
            raise invalid()
        if blocks & _MIXED or transform > _MOST_TRANSFORM:
            raise unsupported()
        self._with_ht_blocks = self._with_ht_blocks or bool(blocks & _HT)
        self._reversible = self._reversible and transform == _REVERSIBLE

    def _read_quantization(self, content: bytes) -> None:
        """Take a default quantization (T.800 A.6.4)."""
        if self._quantized and not self._in_tile:
            raise invalid()
        self._quantized = True
        self._read_steps(content)

    def _read_component_quantization(self, content: bytes) -> None:
        """Take the quantization of a component (T.800 A.6.5)."""
        self._read_steps(self._of_component(content))

    def _read_steps(self, content: bytes) -> None:
        if len(content) < 2:
            raise invalid()
        style = content[0] & 31
        if style > _MOST_QUANTIZATION:
            raise unsupported()
        if style != _NO_QUANTIZATION and len(content) % 2 == 0:
            raise invalid()
        self._reversible = self._reversible and style == _NO_QUANTIZATION

    def _read_region(self, content: bytes) -> None:
        """Refuse a region of interest (T.800 A.6.3): its shift moves bits where no decoder of DICOM is tried."""
        raise unsupported()

    def _of_component(self, content: bytes) -> bytes:
        """Return the content behind the number of a component: of one byte, as there are less than 257."""
        if len(content) < 2 or content[0] >= self._size.components:
            raise invalid()
        return content[1:]


def _read_size(content: bytes) -> _Size:
    """Return the content of a SIZ segment (T.800 A.5.1)."""
    if len(content) < _SIZE.size:
        raise invalid()
    capabilities, columns, rows, left, top, tile_columns, tile_rows, tile_left, tile_top, count = _SIZE.unpack_from(content)
    if len(content) != _SIZE.size + 3 * count or 0 in (columns, rows, tile_columns, tile_rows, count):
        raise invalid()
    if capabilities & _EXTENDED or left or top or tile_left or tile_top or count not in (1, 3):
        raise unsupported()
    components = set(_components(content))
    if any(0 in sampling for _, *sampling in components):
        raise invalid()
    if len(components) > 1:
        raise unsupported()
    depth, horizontal, vertical = components.pop()
    bits, tiles = (depth & 127) + 1, -(-columns // tile_columns) * -(-rows // tile_rows)
    if bits > _LEGAL_BITS or tiles > _MOST_TILES:
        raise invalid()
    if bits > _MOST_BITS or (horizontal, vertical) != (1, 1):
        raise unsupported()
    return _Size(rows, columns, tiles, count, bits, bool(depth >> 7), bool(capabilities & _CAPABILITIES))


def _components(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield depth and sampling of each component of a SIZ segment."""
    yield from struct.iter_unpack(">BBB", content[_SIZE.size :])
