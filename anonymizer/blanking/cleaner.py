"""The pixel data of one object, cleaned on its way."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple, Protocol

from profiles import Rectangle

from ..dicom.encoding import UNDEFINED, Encoding
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..reasons import Reason
from .dct_frames import DctFrames
from .fill import fill_text
from .frames import FragmentReader, write_frames
from .image_format import ImageFormat
from .incoming import packed_frames, value_chunks
from .layout import effective_rectangles
from .native import clean_native
from .raster_frames import RasterFrames
from .rle import RleFrames
from .syntaxes import PixelForm, form_of, written_syntax


class PixelVerdict(NamedTuple):
    """A statement about pixel data that was cleaned and proven, whole.

    Attributes:
        frames: cleaned frames: all there are.
        rectangles: what is black in each, in pixels; in YBR_FULL_422 and the DCT domain wider than what was asked for.
        fill: stored values of black, for each sample, separated by commas.
        codec: how they were changed: "native", "rle", "dct", "jpeg-lossless", "jpeg-ls", "jpeg-2000" or "htj2k".
        verified: each block or frame was decoded from the bytes written, and compared.
    """

    frames: int
    rectangles: tuple[Rectangle, ...]
    fill: str
    codec: str
    verified: bool


class FrameCleaner(Protocol):
    """Clean frames of one family of codecs."""

    @property
    def codec(self) -> str:
        """The name of the family in the account."""

    @property
    def fill(self) -> str:
        """Stored values of black, for each sample, separated by commas, once all frames were cleaned."""

    @property
    def most(self) -> int:
        """Bytes that a compressed frame may have."""

    def clean(self, frame: bytes) -> bytes:
        """Return ``frame`` with the rectangles black, of even length, once that is proven."""

    def effective(self, rectangles: Sequence[Rectangle]) -> tuple[Rectangle, ...]:
        """Return the pixels that are black where ``rectangles`` are asked for."""


class PixelCleaner:
    """Clean the pixel data of one object while it passes."""

    def __init__(
        self,
        image: ImageFormat,
        rectangles: Sequence[Rectangle],
        syntax: str,
        *,
        with_table: bool = False,
        says_lossy: bool = False,
    ) -> None:
        """
        Args:
            image: as ``read_image_format`` returns it, of the syntax's form.
            rectangles: what to blank in each frame, in pixels, inside the image. Without any the pixels are checked and pass.
            syntax: UID of the transfer syntax.
            with_table: write the offsets of frames even where the table that came is empty: they were in attributes that go.
            says_lossy: LossyImageCompression (0028,2110) of the object is 01.

        Raises:
            DeidentificationError: the syntax (``pixel-unsupported-syntax``) or format can't be cleaned.
        """
        form = form_of(syntax)
        if form is None:
            raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_SYNTAX)
        self._image = image
        self._rectangles = tuple(rectangles)
        self._syntax = syntax
        #: UID of the transfer syntax in which the pixels are written
        self.written_syntax = written_syntax(syntax, says_lossy=says_lossy)
        self._with_table = with_table
        self._frames: FrameCleaner | None = None
        if form is PixelForm.RLE:
            self._frames = RleFrames(image, rectangles)
        elif form is PixelForm.DCT:
            self._frames = DctFrames(image, rectangles, syntax)
        elif form is PixelForm.RASTER:
            self._frames = RasterFrames(image, rectangles, syntax, self.written_syntax)
        self._is_done = False

    def effective(self, rectangles: Sequence[Rectangle]) -> tuple[Rectangle, ...]:
        """Return the pixels that are black where ``rectangles`` are asked for, once ``clean`` is exhausted.

        In YBR_FULL_422 two share their colour, in the DCT domain a block is blanked as a whole.
        """
        return effective_rectangles(self._image, rectangles) if self._frames is None else self._frames.effective(rectangles)

    @property
    def verdict(self) -> PixelVerdict:
        """The statement about what was done, once ``clean`` is exhausted.

        Raises:
            ValueError: it isn't.
        """
        if not self._is_done:
            raise ValueError("the pixels have not been cleaned yet")
        codec, fill = ("native", fill_text(self._image)) if self._frames is None else (self._frames.codec, self._frames.fill)
        return PixelVerdict(self._image.frames, self.effective(self._rectangles), fill, codec, True)

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
        if (length == UNDEFINED) != (self._frames is not None):
            raise DeidentificationError(Reason.INVALID_LENGTH, PIXEL_DATA)
        if self._frames is None:
            for block in clean_native(self._image, self._rectangles, value_chunks(buffer, read, length), length):
                yield [block]
            behind = bytes(memoryview(buffer)[length:])
        else:
            reader = FragmentReader(buffer, read, encoding)
            packed, has_table = packed_frames(reader, self._image, self._syntax, self._frames.most)
            cleaned = map(self._frames.clean, packed)
            yield from write_frames(cleaned, self._image.frames, encoding, with_table=self._with_table or has_table)
            behind = reader.behind
        self._is_done = True
        return behind
