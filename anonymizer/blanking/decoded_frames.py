"""Frames decoded to be looked at: stored values of any form of pixel data, as a viewer begins with them (PS3.5 8)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from ..codecs import MOST_DECODED, Raster, check_codec, decode
from ..codestreams import CODESTREAM_SYNTAXES, read_codestream, unboxed
from ..dicom.encoding import UNDEFINED, Encoding
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..reasons import Reason
from .agreement import check_agreement, most_packed
from .frames import FragmentReader
from .image_format import ROWS, ImageFormat
from .incoming import packed_frames, value_chunks
from .rle import UNREADABLE, decoded_planes, is_rle_bomb, most_rle
from .syntaxes import PixelForm

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    #: integers of shape (rows, columns), or (rows, columns, 3)
    Samples = numpy.typing.NDArray[Any]

_DTYPES = {8: "u1", 16: "u2", 32: "u4"}


class FrameDecoder:
    """Decode frames of one image. Only one is in memory at a time."""

    def __init__(self, image: ImageFormat, syntax: str) -> None:
        """
        Args:
            image: as ``read_image_format`` returns it, of the syntax's form.
            syntax: UID of the transfer syntax.

        Raises:
            DeidentificationError: a frame is too large (``pixel-unsupported-format``); ``pixel-codec-missing``.
        """
        if image.cell_bytes > MOST_DECODED:
            raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ROWS)
        if syntax in CODESTREAM_SYNTAXES:
            check_codec(CODESTREAM_SYNTAXES[syntax])
        self._image = image
        self._syntax = syntax

    def decode(
        self, buffer: Piece, read: Callable[[int], bytes], length: int, encoding: Encoding, wanted: Callable[[int], bool]
    ) -> Generator[tuple[int, Samples], None, bytes]:
        """Yield the number of each wanted frame, from 0 on, and its stored values; return the bytes that were read behind all.

        Args:
            buffer, read, length, encoding: as for ``PixelCleaner.clean``.
            wanted: whether a frame is; others pass undecoded.

        Raises:
            DeidentificationError: the pixels are not what the header states, or can't be decoded.
        """
        if self._image.form is PixelForm.NATIVE:
            yield from self._native(buffer, read, length, wanted)
            return bytes(memoryview(buffer)[length:])
        if length != UNDEFINED:
            raise DeidentificationError(Reason.INVALID_LENGTH, PIXEL_DATA)
        reader = FragmentReader(buffer, read, encoding)
        is_rle = self._image.form is PixelForm.RLE
        most = most_rle(self._image) if is_rle else most_packed(self._image)
        for number, frame in enumerate(packed_frames(reader, self._image, self._syntax, most)[0]):
            if wanted(number):
                yield number, self._rle(frame) if is_rle else self._codestream(frame)
        return reader.behind

    def _native(
        self, buffer: Piece, read: Callable[[int], bytes], length: int, wanted: Callable[[int], bool]
    ) -> Generator[tuple[int, Samples], None, None]:
        image = self._image
        if length != image.value_length:
            raise DeidentificationError(Reason.PIXEL_LENGTH_MISMATCH, PIXEL_DATA)
        # frames of single bits begin and end within bytes, those of bytes within words that are swapped
        step = 2 if image.swapped else 1
        held, at, number = bytearray(), 0, 0
        for chunk in value_chunks(buffer, read, length):
            held += chunk
            while number < image.frames:
                first, last = number * image.frame_bits, (number + 1) * image.frame_bits
                begin, end = first // 8 // step * step, -(-last // (8 * step)) * step
                if at + len(held) < end:
                    break
                if wanted(number):
                    yield number, self._cells(bytes(held[begin - at : end - at]), first - 8 * begin)
                number += 1
                drop = last // 8 // step * step - at
                del held[:drop]
                at += drop

    def _cells(self, content: bytes, offset: int) -> Samples:
        """Return the stored values of the frame that begins at the bit ``offset`` of ``content``."""
        import numpy

        image = self._image
        stored = numpy.frombuffer(content, numpy.uint8)
        if image.swapped:
            stored = stored.reshape(-1, 2)[:, ::-1].reshape(-1)
        if image.allocated == 1:
            bits = numpy.unpackbits(stored, bitorder="little")[offset : offset + image.frame_bits]
            return bits.reshape(image.rows, image.columns)
        order = "<" if image.little or image.allocated == 8 else ">"
        cells = stored[offset // 8 : offset // 8 + image.frame_bits // 8].copy().view(f"{order}{_DTYPES[image.allocated]}")
        rows, columns = image.rows, image.columns
        if image.subsampled:
            units = cells.reshape(rows, columns // 2, 4)
            colours = numpy.repeat(units[:, :, 2:], 2, axis=1)
            return numpy.dstack([units[:, :, :2].reshape(rows, columns), colours])
        if image.samples == 1:
            return self._values(cells.reshape(rows, columns))
        if image.planar:
            return self._values(numpy.moveaxis(cells.reshape(image.samples, rows, columns), 0, 2))
        return self._values(cells.reshape(rows, columns, image.samples))

    def _values(self, cells: Samples) -> Samples:
        """Return the stored values in cells: without bits that are not theirs, and with their sign."""
        import numpy

        image = self._image
        values: Samples = cells.astype(numpy.int64) >> image.high_bit + 1 - image.stored & (1 << image.stored) - 1
        if image.signed:
            sign = 1 << image.stored - 1
            values = (values ^ sign) - sign
        return values.astype(numpy.int32) if image.stored < 32 else values

    def _rle(self, frame: bytes) -> Samples:
        import numpy

        image = self._image
        if is_rle_bomb(image, frame):
            raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
        try:
            planes = decoded_planes(image, frame)
        except UNREADABLE:
            raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA) from None
        cells = planes.copy().view(f"<{_DTYPES[image.allocated]}").reshape(image.samples, image.rows, image.columns)
        return self._values(cells[0] if image.samples == 1 else numpy.moveaxis(cells, 0, 2))

    def _codestream(self, frame: bytes) -> Samples:
        import numpy

        image = self._image
        frame = unboxed(frame)
        codestream = read_codestream(frame, self._syntax)
        check_agreement(image, codestream)
        raster: Raster = decode(frame, codestream)
        size = len(raster.samples) // (raster.rows * raster.columns * raster.components)
        values = numpy.frombuffer(raster.samples, f"<{'i' if raster.signed else 'u'}{size}").astype(numpy.int32)
        shape = (raster.rows, raster.columns) if raster.components == 1 else (raster.rows, raster.columns, raster.components)
        values = values.reshape(shape)
        # of whole cells they are the stored values as cells hold them
        is_cell = raster.bits > image.stored or (image.signed and not raster.signed and raster.bits == image.stored)
        return self._values(values) if is_cell else values
