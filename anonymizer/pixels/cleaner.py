"""The pixel data of one object, cleaned on its way."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple

from profiles import Rectangle

from ..dicom.encoding import UNDEFINED, Encoding
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..reasons import Reason
from .fill import fill_text
from .frames import FragmentReader, read_frames, read_table, write_frames
from .image_format import ImageFormat
from .layout import effective_rectangles
from .native import clean_native
from .rle import RleFrames

_NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"})
_RLE = "1.2.840.10008.1.2.5"
#: what is read at once of a native value
_CHUNK = 1 << 20


class PixelVerdict(NamedTuple):
    """A statement about pixel data that was cleaned and proven, whole.

    Attributes:
        frames: cleaned frames: all there are.
        rectangles: what is black in each, in pixels; in YBR_FULL_422 wider than what was asked for.
        fill: stored values of black, for each sample, separated by commas.
        codec: how they were changed: "native" or "rle".
        verified: each block or frame was decoded from the bytes written, and compared.
    """

    frames: int
    rectangles: tuple[Rectangle, ...]
    fill: str
    codec: str
    verified: bool


class PixelCleaner:
    """Clean the pixel data of one object while it passes."""

    def __init__(self, image: ImageFormat, rectangles: Sequence[Rectangle], syntax: str, *, with_table: bool = False) -> None:
        """
        Args:
            image: as ``read_image_format`` returns it; ``is_native`` says which value it reads.
            rectangles: what to blank in each frame, in pixels, inside the image. Without any the pixels are checked and pass.
            syntax: UID of the transfer syntax.
            with_table: write the offsets of frames even where the table that came is empty: they were in attributes that go.

        Raises:
            DeidentificationError: the syntax (``pixel-unsupported-syntax``) or format can't be cleaned.
        """
        if not can_clean(syntax):
            raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_SYNTAX)
        self._image = image
        self._rectangles = tuple(rectangles)
        self._with_table = with_table
        self._rle = RleFrames(image, rectangles) if syntax == _RLE else None
        self._effective = effective_rectangles(image, rectangles)
        self._fill = fill_text(image)
        self._is_done = False

    def effective(self, rectangles: Sequence[Rectangle]) -> tuple[Rectangle, ...]:
        """Return the pixels that are black where ``rectangles`` are asked for: in YBR_FULL_422 two share their colour."""
        return effective_rectangles(self._image, rectangles)

    @property
    def verdict(self) -> PixelVerdict:
        """The statement about what was done, once ``clean`` is exhausted.

        Raises:
            ValueError: it isn't.
        """
        if not self._is_done:
            raise ValueError("the pixels have not been cleaned yet")
        codec = "native" if self._rle is None else "rle"
        return PixelVerdict(self._image.frames, self._effective, self._fill, codec, True)

    def clean(
        self, buffer: Piece, read: Callable[[int], bytes], length: int, encoding: Encoding
    ) -> Generator[list[Piece], None, bytes]:
        """Yield the cleaned value; return the bytes that were read behind it.

        What was yielded before an error must not be kept.

        Args:
            buffer: what was read already, from the value's beginning on; it may go on behind its end.
            read: reads on: as many bytes as asked for, fewer only at the object's end, as ``ObjectReader.read`` does.
            length: the value's length in bytes, ``UNDEFINED`` for fragments.

        Raises:
            DeidentificationError: the pixels are not what the header states, or not what they should be once they were cleaned.
            OSError: there is no room for a temporary file.
        """
        if (length == UNDEFINED) != (self._rle is not None):
            raise DeidentificationError(Reason.INVALID_LENGTH, PIXEL_DATA)
        if self._rle is None:
            for block in clean_native(self._image, self._rectangles, _chunks(buffer, read, length), length):
                yield [block]
            behind = bytes(memoryview(buffer)[length:])
        else:
            reader = FragmentReader(buffer, read, encoding)
            frames = self._image.frames
            table = read_table(reader, frames)
            cleaned = map(self._rle.clean, read_frames(reader, frames, table, self._rle.most))
            yield from write_frames(cleaned, frames, encoding, with_table=self._with_table or bool(table))
            behind = reader.behind
        self._is_done = True
        return behind


def is_native(syntax: str) -> bool:
    """Return whether pixel data in a transfer syntax is native; deflated data sets are inflated."""
    return syntax in _NATIVE


def can_clean(syntax: str) -> bool:
    """Return whether pixel data in a transfer syntax can be cleaned at all."""
    return syntax in _NATIVE or syntax == _RLE


def _chunks(buffer: Piece, read: Callable[[int], bytes], length: int) -> Iterator[Piece]:
    """Yield a value of ``length`` bytes.

    Raises:
        DeidentificationError: the object ends before.
    """
    beginning = memoryview(buffer)[:length]
    yield beginning
    missing = length - len(beginning)
    while missing > 0:
        chunk = read(min(missing, _CHUNK))
        if not chunk:
            raise DeidentificationError(Reason.TRUNCATED, PIXEL_DATA)
        missing -= len(chunk)
        yield chunk
