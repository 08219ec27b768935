"""Frames of a file as a viewer shows them, by pydicom: for people who look at rectangles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    import numpy
    import numpy.typing
    from pydicom import Dataset

    Samples = numpy.typing.NDArray[Any]
    Picture = numpy.typing.NDArray[numpy.uint8]

#: darkest and brightest of the displayed values, in percent of the pixels
_DARKEST, _BRIGHTEST = 0.5, 99.5
_ROWS = 0x00280010
#: rows and columns of the pixels that are looked at for these
_SAMPLED = 1000
#: bytes of a file that is read whole: one that is deflated, or has no file meta
_MOST_WHOLE = 512 << 20
#: the element PixelData in fragments (PS3.5 A.4): tag, VR, two reserved bytes, undefined length
_IN_FRAGMENTS = frozenset(b"\xe0\x7f\x10\x00" + vr + b"\0\0\xff\xff\xff\xff" for vr in (b"OB", b"OW"))
_FRAGMENTS_HEAD = 12


class _Shown(NamedTuple):
    """A decoded frame, in samples of its object's grey or colours.

    Attributes:
        photometric: as the header names it.
        bits: of a sample.
    """

    samples: Samples
    photometric: str
    bits: int

    def window(self) -> tuple[float, float]:
        """Return the darkest and the brightest value that is displayed. Grey values are windowed between percentiles."""
        import numpy

        shown = self.samples
        if shown.ndim != 2:
            return 0.0, float((1 << self.bits) - 1)
        # of some pixels: a picture needs no more
        sample = shown[:: max(1, shown.shape[0] // _SAMPLED), :: max(1, shown.shape[1] // _SAMPLED)]
        low, high = (float(value) for value in numpy.percentile(sample, (_DARKEST, _BRIGHTEST)))
        return low, high

    def picture(self, low: float, high: float) -> Picture:
        """Return it in 8 bits."""
        import numpy

        picture = numpy.empty(self.samples.shape, numpy.uint8)
        for row, line in enumerate(self.samples):
            # line by line: frames may be large
            picture[row] = numpy.clip((line.astype(numpy.float32) - low) / max(high - low, 1.0), 0, 1) * 255
        return 255 - picture if self.photometric == "MONOCHROME1" else picture


def displayed_frame(path: str, number: int) -> Picture:
    """Return a frame as a picture of 8 bits: of shape (rows, columns), or (rows, columns, 3) for colours.

    Grey values are windowed between percentiles.

    Args:
        number: of the frame, from 1 on.

    Raises:
        ValueError: the file has no such frame, or none that can be decoded here.
    """
    with open(path, "rb") as stream:
        shown = _shown(stream, number)
    return shown.picture(*shown.window())


def displayed_pair(before: BinaryIO, after: BinaryIO, number: int) -> tuple[Picture, Picture]:
    """Return a frame of an object as it was and as it is now, as ``displayed_frame`` does, both in the window of the first.

    Args:
        before, after: seekable. Only the frame is read of them, where their transfer syntax allows it.
        number: of the frame, from 1 on.

    Raises:
        ValueError: one of them has no such frame, or none that can be decoded here.
    """
    was = _shown(before, number)
    low, high = was.window()
    picture = was.picture(low, high)
    del was
    return picture, _shown(after, number).picture(low, high)


def _shown(stream: BinaryIO, number: int) -> _Shown:
    """Return a decoded frame.

    Raises:
        ValueError: there is none, or none that can be decoded here.
    """
    from pydicom import dcmread
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.processing import apply_color_lut, convert_color_space
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

    from ..codecs import has_decoder
    from ..dicom.headers import read_header_values
    from ..dicom.quiet_pydicom import quiet_pydicom

    cause = "it is no DICOM image"
    with quiet_pydicom():
        try:
            stream.seek(0)
            dataset: Dataset = dcmread(stream, force=True, stop_before_pixels=True)
            place = stream.tell()
            is_whole = dataset.file_meta.get("TransferSyntaxUID") in (None, DeflatedExplicitVRLittleEndian)
            if is_whole:
                dataset = _read_whole(stream)
            if "TransferSyntaxUID" not in dataset.file_meta:
                # a file without preamble or file meta, whose syntax the engine finds out as well
                stream.seek(0)
                dataset.file_meta.TransferSyntaxUID = UID(read_header_values(stream, (_ROWS,)).transfer_syntax)
            syntax = dataset.file_meta.TransferSyntaxUID
            name = syntax.name if syntax.name != syntax else "its transfer syntax"
            cause = f"no decoder of {name} is installed"
            missing = syntax.is_compressed and not get_decoder(syntax).is_available
            frames, photometric = int(dataset.get("NumberOfFrames") or 1), str(dataset.PhotometricInterpretation)
            shown = None
            if number <= frames and has_decoder(syntax):
                cause = "its pixels don't fit its header"
                shown = _decoded(dataset, stream, place, number, frames)
            elif number <= frames:
                cause = cause if missing else "its pixels don't fit its header"
                shown = pixel_array(dataset if is_whole else stream, index=number - 1, raw=True)
            if shown is not None and photometric == "PALETTE COLOR":
                shown = apply_color_lut(shown, dataset)
            elif shown is not None and photometric.startswith("YBR_FULL"):
                shown = convert_color_space(shown, photometric, "RGB")
        except Exception:  # of whatever decoder; its text may hold values
            raise ValueError(f"the frame can't be decoded here: {cause}") from None
    if shown is None:
        raise ValueError("the file has not so many frames")
    bits = 8 * shown.itemsize if photometric == "PALETTE COLOR" else int(dataset.BitsStored)
    return _Shown(shown, photometric, bits)


def _read_whole(stream: BinaryIO) -> Dataset:
    from pydicom import dcmread

    if stream.seek(0, 2) > _MOST_WHOLE:
        raise ValueError
    stream.seek(0)
    return dcmread(stream, force=True)


def _decoded(dataset: Dataset, stream: BinaryIO, place: int, number: int, frames: int) -> Samples:
    """Return a frame as the engine's own decoders read it, with the sign that the header states.

    Args:
        place: of the element PixelData, in the file.
    """
    import numpy
    from pydicom.encaps import get_frame

    from ..codecs import decode
    from ..codestreams import read_codestream, unboxed

    stream.seek(place)
    if stream.read(_FRAGMENTS_HEAD) not in _IN_FRAGMENTS:
        raise ValueError
    frame = unboxed(get_frame(stream, number - 1, number_of_frames=frames))
    raster = decode(frame, read_codestream(frame, str(dataset.file_meta.TransferSyntaxUID)))
    size = len(raster.samples) // (raster.rows * raster.columns * raster.components)
    samples = numpy.frombuffer(raster.samples, f"<{'i' if raster.signed else 'u'}{size}").astype(numpy.int32)
    if dataset.PixelRepresentation and not raster.signed:
        sign = 1 << dataset.BitsStored - 1
        samples = ((samples & (2 * sign - 1)) ^ sign) - sign
    if raster.components == 1:
        return samples.reshape(raster.rows, raster.columns)
    colours = samples.astype(numpy.uint8 if raster.bits <= 8 else numpy.uint16)
    return colours.reshape(raster.rows, raster.columns, raster.components)
