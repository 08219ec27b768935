"""Segments of RLE Lossless, packed and unpacked (PS3.5 G.3).

The program has an encoder of its own so that the same object becomes the same bytes whichever codecs are installed, and a
decoder that knows how much may come of a segment before it unfolds it. The proof (``rle.py``) uses neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..reasons import Reason

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Bytes = numpy.typing.NDArray[numpy.uint8]
    Numbers = numpy.typing.NDArray[numpy.int64]

#: bytes of a run at most, and of a run that is worth its own header at least
_LONGEST, _SHORTEST = 128, 3
#: bytes and runs that are worked on at once
_CHUNK, _MOST_RUNS = 1 << 18, 1 << 16
#: for each header byte: bytes that the run has, and bytes that it takes
_UNPACKED = (*range(1, 129), 0, *range(128, 1, -1))
_PACKED = (*range(2, 130), 1, *[2] * 127)


def unpack(segment: bytes, size: int) -> Bytes:
    """Return the ``size`` bytes of a segment, uint8, shape (size,). Zeros and headers of no run behind them are padding.

    Raises:
        DeidentificationError: ``pixel-invalid-frames``: the segment ends too early, or goes further.
    """
    import numpy

    data, unpacked = numpy.frombuffer(segment, numpy.uint8), numpy.empty(size, numpy.uint8)
    position, filled, end = 0, 0, len(segment)
    while filled < size:
        runs: list[int] = []
        wanted, count = min(size - filled, _CHUNK), 0
        while count < wanted and position < end and len(runs) < _MOST_RUNS:
            runs.append(position)
            header = segment[position]
            count += _UNPACKED[header]
            position += _PACKED[header]
        if not runs or position > end or count > size - filled:
            raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
        unpacked[filled : filled + count] = _unfolded(data, numpy.array(runs), count)
        filled += count
    if segment[position:].strip(b"\0\x80"):
        raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
    return unpacked


def _unfolded(data: Bytes, runs: Numbers, count: int) -> Bytes:
    """Return the ``count`` bytes of the runs that begin at ``runs``."""
    import numpy

    headers = data[runs]
    lengths = numpy.array(_UNPACKED)[headers]
    # from where each byte comes: a literal run goes on, another one stays
    sources = numpy.repeat(runs + 1, lengths)
    begins = numpy.repeat(numpy.cumsum(lengths) - lengths, lengths)
    sources += (numpy.arange(count) - begins) * numpy.repeat(headers < _LONGEST, lengths)
    return data[sources]


def pack(plane: Bytes) -> bytes:
    """Return a plane as a segment of even length; no run goes from one line to the next (PS3.5 G.3.1).

    Args:
        plane: uint8, shape (rows, columns).
    """
    count = max(1, _CHUNK // plane.shape[1])
    packed = b"".join(_packed(plane[at : at + count]) for at in range(0, len(plane), count))
    return packed + b"\0" * (len(packed) % 2)


def _packed(lines: Bytes) -> bytes:
    import numpy

    content = numpy.ascontiguousarray(lines).reshape(-1)
    is_begin = numpy.empty(len(content), bool)
    is_begin[1:] = content[1:] != content[:-1]
    is_begin[:: lines.shape[1]] = True
    equal = _split(numpy.flatnonzero(is_begin), len(content))
    lengths = numpy.diff(equal, append=len(content))
    is_literal = numpy.repeat(lengths < _SHORTEST, lengths)
    # literal runs go on over all that is not worth a run of its own
    is_begin[1:] = ~is_literal[:-1]
    is_begin[:: lines.shape[1]] = True
    is_begin &= is_literal
    is_begin[equal[lengths >= _SHORTEST]] = True
    runs = _split(numpy.flatnonzero(is_begin), len(content))
    lengths = numpy.diff(runs, append=len(content))
    literal = is_literal[runs]
    sizes = numpy.where(literal, lengths + 1, 2)
    places = numpy.cumsum(sizes) - sizes
    packed = numpy.empty(int(sizes.sum()), numpy.uint8)
    packed[places] = numpy.where(literal, lengths - 1, 257 - lengths)
    packed[places[~literal] + 1] = content[runs[~literal]]
    moved = numpy.repeat((places + 1 - runs)[literal], lengths[literal])
    packed[numpy.flatnonzero(is_literal) + moved] = content[is_literal]
    return packed.tobytes()


def _split(begins: Numbers, end: int) -> Numbers:
    """Return the begins of runs no longer than 128, from those of runs of any length, the last of which ends at ``end``."""
    import numpy

    lengths = numpy.diff(begins, append=end)
    parts = (lengths + _LONGEST - 1) // _LONGEST
    if parts.max() == 1:
        return begins
    first = numpy.repeat(numpy.cumsum(parts) - parts, parts)
    split: Numbers = numpy.repeat(begins, parts) + _LONGEST * (numpy.arange(len(first)) - first)
    return split
