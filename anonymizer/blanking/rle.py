"""Frames of RLE Lossless, cleaned and proven one by one (PS3.5 G)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from profiles import Rectangle

from ..dicom.quiet_pydicom import quiet_pydicom
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..reasons import Reason
from .fill import fill_text
from .image_format import ALLOCATED, ROWS, ImageFormat
from .layout import Blanker, effective_rectangles, segment_layout
from .packbits import pack, unpack
from .proof import Proof

if TYPE_CHECKING:
    from .layout import Lines

_HEADER, _MOST_SEGMENTS = 64, 15
#: bytes of a decoded frame; with what pydicom copies it is in memory eight times
MOST_DECODED = 48 << 20
#: two packed bytes unfold to so many at most
_EXPANSION = 64
#: of padding and of runs of nothing, for each segment
_SLACK = 1 << 10
#: what decoders raise when they can't read a frame
UNREADABLE = (RuntimeError, ValueError, NotImplementedError, AttributeError, IndexError, OverflowError)


class RleFrames:
    """Clean the frames of an image in RLE Lossless. Only one is in memory at a time.

    Attributes:
        codec: its name in the account.
        fill: stored values of black, for each sample, separated by commas.
    """

    codec = "rle"

    def __init__(self, image: ImageFormat, rectangles: Sequence[Rectangle]) -> None:
        """
        Args:
            rectangles: in pixels, inside the image.

        Raises:
            DeidentificationError: a frame is too large (``pixel-unsupported-format``), or has more segments than there may be.
        """
        self.fill = fill_text(image)
        self._image = image
        self._layout = segment_layout(image)
        if self._segments > _MOST_SEGMENTS:
            raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ALLOCATED)
        if self._plane * self._segments > MOST_DECODED:
            raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ROWS)
        areas = effective_rectangles(image, rectangles)
        self._blanker = Blanker(self._layout, areas) if areas else None
        self._proof = Proof(self._layout, rectangles)

    @property
    def most(self) -> int:
        """Bytes that a packed frame may have: each byte with a header of its own, and padding."""
        return most_rle(self._image)

    def effective(self, rectangles: Sequence[Rectangle]) -> tuple[Rectangle, ...]:
        """Return the pixels that are black where ``rectangles`` are asked for: these."""
        return effective_rectangles(self._image, rectangles)

    @property
    def _plane(self) -> int:
        return self._image.rows * self._image.columns

    @property
    def _segments(self) -> int:
        return len(self._layout.fills)

    def clean(self, frame: bytes) -> bytes:
        """Return ``frame`` with the rectangles black, of even length. Without rectangles it stays as it is.

        Raises:
            DeidentificationError: it is broken (``pixel-invalid-frames``), or not what it should be once it was cleaned.
        """
        if self._blanker is None:
            return frame + b"\0" * (len(frame) % 2)
        packed = []
        for number, segment in enumerate(self._split(frame)):
            plane = unpack(segment, self._plane).reshape(self._image.rows, self._image.columns)
            self._blanker.blank(plane, number * self._image.rows)
            packed.append(pack(plane))
        offsets = [_HEADER]
        for segment in packed[:-1]:
            offsets.append(offsets[-1] + len(segment))
        header = struct.pack(f"<{len(offsets) + 1}L", len(offsets), *offsets)
        cleaned = b"".join((header.ljust(_HEADER, b"\0"), *packed))
        del packed
        self._prove(frame, cleaned)
        return cleaned

    def _split(self, frame: bytes) -> list[bytes]:
        """Return the packed segments of a frame."""
        broken = DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
        if not _HEADER < len(frame) <= self.most or is_rle_bomb(self._image, frame):
            raise broken
        count, *offsets = struct.unpack_from("<16L", frame)
        if count != self._segments:
            raise broken
        bounds = [*offsets[:count], len(frame)]
        if bounds[0] < _HEADER or any(begin >= end for begin, end in pairwise(bounds)):
            raise broken
        return [frame[begin:end] for begin, end in pairwise(bounds)]

    # -- the proof's own way to look at a frame: pydicom's, as most readers will look at it -------------------------------

    def _prove(self, frame: bytes, cleaned: bytes) -> None:
        image = self._image
        try:
            before = decoded_planes(image, frame)
        except UNREADABLE:
            raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA) from None
        try:
            after = decoded_planes(image, cleaned)
        except UNREADABLE:
            raise DeidentificationError(Reason.PIXEL_VERIFICATION_FAILED, PIXEL_DATA) from None
        for number in range(self._segments):
            sample, byte = divmod(number, image.allocated // 8)
            lines = [
                decoded[sample, :, image.allocated // 8 - 1 - byte].reshape(image.rows, image.columns)
                for decoded in (before, after)
            ]
            self._proof.check(lines[0], lines[1], number * image.rows)


def most_rle(image: ImageFormat) -> int:
    """Return how many bytes a packed frame may have: each byte with a header of its own, and padding."""
    return _HEADER + 2 * image.cell_bytes + image.samples * image.allocated // 8 * _SLACK


def is_rle_bomb(image: ImageFormat, frame: bytes) -> bool:
    """Return whether a frame has fewer bytes than an image of that size can be packed in."""
    return image.cell_bytes > _EXPANSION * len(frame)


def decoded_planes(image: ImageFormat, frame: bytes) -> Lines:
    """Return a frame as pydicom decodes it: uint8, shape (samples, pixels of a plane, bytes of a sample in little endian).

    Raises:
        RuntimeError, ValueError and others of UNREADABLE: it can't be decoded.
    """
    import numpy
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import RLELossless

    padding = b"\0" * (len(frame) % 2)
    value = struct.pack("<HHLHHL", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, len(frame) + len(padding)) + frame + padding
    with quiet_pydicom():
        decoded, _ = get_decoder(RLELossless).as_buffer(
            value,
            index=0,
            number_of_frames=1,
            rows=image.rows,
            columns=image.columns,
            samples_per_pixel=image.samples,
            bits_allocated=image.allocated,
            bits_stored=image.stored,
            pixel_representation=int(image.signed),
            photometric_interpretation=image.photometric,
            planar_configuration=1,
            pixel_keyword="PixelData",
        )
    return numpy.frombuffer(decoded, numpy.uint8).reshape(image.samples, image.rows * image.columns, image.allocated // 8)
