"""The format of an image's pixels, as its header states it (PS3.3 C.7.6.3, PS3.5 8)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field, replace

from ..dicom.buffer import Buffer, FoundElement
from ..dicom.encoding import Encoding
from ..errors import DeidentificationError
from ..reasons import Reason
from .palettes import DATA, DESCRIPTORS, SEGMENTED_DATA, Palette, read_palette
from .syntaxes import PixelForm

SAMPLES, PHOTOMETRIC, PLANAR, FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
ROWS, COLUMNS = 0x00280010, 0x00280011
ALLOCATED, STORED, HIGH_BIT, SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
PADDING = 0x00280120
_WANTED = frozenset(
    {SAMPLES, PHOTOMETRIC, PLANAR, FRAMES, ROWS, COLUMNS, ALLOCATED, STORED, HIGH_BIT, SIGNED, PADDING}
    | {*DESCRIPTORS, *DATA, *SEGMENTED_DATA}
)
#: what can be cleaned, and the samples of a pixel
_PHOTOMETRIC = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}
#: colours that a form can't have: those of JPEG 2000 are undone by its decoders, and an index that changes a little is another
_IMPOSSIBLE = {
    PixelForm.NATIVE: frozenset({"YBR_ICT", "YBR_RCT"}),
    PixelForm.RLE: frozenset({"YBR_ICT", "YBR_RCT", "YBR_FULL_422"}),
    PixelForm.DCT: frozenset({"YBR_ICT", "YBR_RCT", "PALETTE COLOR"}),
    PixelForm.RASTER: frozenset[str](),
}
#: the largest value of an IS (PS3.5 table 6.2-1)
_MOST_FRAMES = 2**31 - 1
_VALUE_VRS = (b"OW", b"OB", b"UN", b"")


@dataclass(frozen=True)
class ImageFormat:
    """The format of the pixels of one object.

    Attributes:
        rows, columns, frames: size in pixels, and how many frames.
        samples: SamplesPerPixel.
        allocated, stored, high_bit: bits of a sample's cell, those in use, and the highest of these.
        signed: samples are two's complement.
        planar: PlanarConfiguration, 0 or 1; 0 for one sample.
        photometric: PhotometricInterpretation.
        little: byte order of the data set is little endian.
        words: PixelData consists of 16-bit words (OW).
        padding: PixelPaddingValue, None if there is none.
        darkest: the addressable index of the palette's darkest colour, None without a palette.
        form: of the pixel data.
        palette: the palette, None without one.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    planar: int
    photometric: str
    little: bool = True
    words: bool = True
    padding: int | None = None
    darkest: int | None = None
    form: PixelForm = PixelForm.NATIVE
    palette: Palette | None = field(default=None, compare=False, repr=False)

    @property
    def stored_range(self) -> tuple[int, int]:
        """The least and the greatest value of a stored sample."""
        return value_range(self.stored, self.signed)

    @property
    def subsampled(self) -> bool:
        """True if two pixels share their chrominance: YBR_FULL_422, native. A codestream says itself what is shared."""
        return self.photometric == "YBR_FULL_422" and self.form is PixelForm.NATIVE

    @property
    def swapped(self) -> bool:
        """True if cells of less than a word stand in words of big endian, two bytes exchanged (PS3.5 D.2)."""
        return self.words and not self.little and self.allocated < 16

    @property
    def cell_bytes(self) -> int:
        """Bytes of the cells of a frame that is no longer compressed; a single bit takes one."""
        return self.rows * self.columns * self.samples * max(1, self.allocated // 8)

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame."""
        samples = 2 if self.subsampled else self.samples
        return self.rows * self.columns * samples * self.allocated

    @property
    def value_length(self) -> int:
        """Bytes of the native value with all frames, padded to an even length (PS3.5 8.1.1)."""
        length = (self.frame_bits * self.frames + 7) // 8
        return length + length % 2


def value_range(bits: int, signed: bool) -> tuple[int, int]:
    """Return the least and the greatest integer of ``bits`` bits."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def read_image_format(
    buffer: Buffer, start: int, encoding: Encoding, pixel_vr: bytes, *, form: PixelForm = PixelForm.NATIVE
) -> ImageFormat:
    """Return the format that the header states.

    Args:
        buffer: the bytes at hand, from the beginning of the object at least up to its pixel data.
        start: where the data set begins in them.
        pixel_vr: VR of PixelData, ``b""`` in implicit VR.
        form: of its value.

    Raises:
        NeedMoreError: the header goes on behind the buffer.
        DeidentificationError: the header contradicts itself (``pixel-invalid-image``), or states a format that is not known well
            enough to be changed (``pixel-unsupported-format``).
    """
    if pixel_vr not in _VALUE_VRS:
        # the numbers of float pixels mean something else
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT)
    found = buffer.find(start, len(buffer.content), _WANTED, encoding)
    values = _Values(buffer, found, encoding)
    signed = values.number(SIGNED)
    photometric = buffer.text(found.get(PHOTOMETRIC)).decode("latin-1")
    image = ImageFormat(
        rows=values.number(ROWS),
        columns=values.number(COLUMNS),
        frames=_frames(buffer, found.get(FRAMES)),
        samples=values.number(SAMPLES),
        allocated=values.number(ALLOCATED),
        stored=values.number(STORED),
        high_bit=values.number(HIGH_BIT),
        signed=signed == 1,
        planar=_planar(values, form),
        photometric=photometric,
        little=encoding.little,
        words=pixel_vr in (b"OW", b""),
        padding=values.optional(PADDING, signed=signed == 1),
        form=form,
    )
    if signed not in (0, 1):
        raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, SIGNED)
    _check_sizes(image)
    _check_support(image, pixel_vr)
    if photometric != "PALETTE COLOR":
        return image
    palette = read_palette(buffer, found, encoding, signed=image.signed)
    return replace(image, darkest=palette.darkest(*image.stored_range), palette=palette)


class _Values:
    """Numbers in the header of an image."""

    def __init__(self, buffer: Buffer, found: dict[int, FoundElement], encoding: Encoding) -> None:
        self._buffer = buffer
        self._found = found
        self._order = "<" if encoding.little else ">"

    def number(self, tag: int) -> int:
        """Return the value of a US that has to be there.

        Raises:
            DeidentificationError: it is missing, or no number of two bytes.
        """
        value = self.optional(tag)
        if value is None:
            raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, tag)
        return value

    def optional(self, tag: int, *, signed: bool = False) -> int | None:
        """Return the value of a US, or of a SS, None if it is absent or empty.

        Raises:
            DeidentificationError: it is no number of two bytes.
        """
        element = self._found.get(tag)
        if element is None or element.length == 0:
            return None
        if element.length != 2 or element.vr not in (b"US", b"SS", b"UN", b""):
            raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, tag)
        value: int = struct.unpack_from(self._order + ("h" if signed else "H"), self._buffer.content, element.start)[0]
        return value


def _frames(buffer: Buffer, element: FoundElement | None) -> int:
    """Return NumberOfFrames, 1 if it is absent or empty."""
    if element is None or element.length == 0:
        return 1
    text = buffer.text(element) if element.length <= 16 else b""
    if not re.fullmatch(rb"\+?[0-9]{1,12}", text) or not 0 < int(text) <= _MOST_FRAMES:
        raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, FRAMES)
    return int(text)


def _planar(values: _Values, form: PixelForm) -> int:
    """Return PlanarConfiguration. Compressed frames are arranged as their codec does it, whatever it says."""
    if values.number(SAMPLES) == 1:
        return 0
    planar = values.number(PLANAR) if form is PixelForm.NATIVE else values.optional(PLANAR) or 0
    if planar not in (0, 1):
        raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, PLANAR)
    return planar


def _check_sizes(image: ImageFormat) -> None:
    """Refuse what no image can be."""
    for value, tag in ((image.rows, ROWS), (image.columns, COLUMNS), (image.samples, SAMPLES), (image.stored, STORED)):
        if value == 0:
            raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, tag)
    if image.stored > image.allocated:
        raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, STORED)
    if not image.stored - 1 <= image.high_bit < image.allocated:
        raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, HIGH_BIT)
    if image.photometric in _PHOTOMETRIC and image.samples != _PHOTOMETRIC[image.photometric]:
        raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, SAMPLES)


def _check_support(image: ImageFormat, pixel_vr: bytes) -> None:
    """Refuse what is not understood well enough to be changed.

    Raises:
        DeidentificationError: ``pixel-unsupported-format``.
    """
    native = image.form is PixelForm.NATIVE
    if image.photometric not in _PHOTOMETRIC or image.photometric in _IMPOSSIBLE[image.form]:
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, PHOTOMETRIC)
    colour = image.samples > 1
    if image.allocated not in (1, 8, 16, 32):
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ALLOCATED)
    # of codestreams, JPEG 2000 alone has a single bit
    packs_bits = image.form in (PixelForm.NATIVE, PixelForm.RASTER)
    if image.allocated == 1 and (not packs_bits or image.signed or image.photometric not in ("MONOCHROME1", "MONOCHROME2")):
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ALLOCATED)
    if colour and image.signed:
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, SIGNED)
    if image.subsampled and not (image.allocated == 8 and image.planar == 0 and image.columns % 2 == 0):
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, PHOTOMETRIC)
    if image.photometric == "PALETTE COLOR" and image.allocated not in (8, 16):
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ALLOCATED)
    if image.allocated == 1 and image.swapped:
        # the standard exchanges the bytes of each word, and many readers don't
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ALLOCATED)
    # whether bytes or words, readers guess
    if native and not image.little and pixel_vr == b"UN" and image.allocated < 16:
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT)
