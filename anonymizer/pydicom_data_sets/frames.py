"""Frames of a file as a viewer shows them, by pydicom: for people who look at rectangles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    import numpy.typing
    from pydicom import Dataset

    Samples = numpy.typing.NDArray[Any]

#: darkest and brightest of the displayed values, in percent of the pixels
_DARKEST, _BRIGHTEST = 0.5, 99.5
_ROWS = 0x00280010
#: rows and columns of the pixels that are looked at for these
_SAMPLED = 1000


def displayed_frame(path: str, number: int) -> numpy.typing.NDArray[numpy.uint8]:
    """Return a frame as a picture of 8 bits: of shape (rows, columns), or (rows, columns, 3) for colours.

    Grey values are windowed between percentiles.

    Args:
        number: of the frame, from 1 on.

    Raises:
        ValueError: the file has no such frame, or none that can be decoded here.
    """
    import numpy
    from pydicom import dcmread
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.processing import apply_color_lut, convert_color_space
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import UID

    from ..codecs import has_decoder
    from ..dicom.headers import read_header_values
    from ..dicom.quiet_pydicom import quiet_pydicom

    cause = "it is no DICOM image"
    with quiet_pydicom():
        try:
            dataset = dcmread(path, force=True)
            if "TransferSyntaxUID" not in dataset.file_meta:
                # a file without preamble or file meta, whose syntax the engine finds out as well
                with open(path, "rb") as stream:
                    dataset.file_meta.TransferSyntaxUID = UID(read_header_values(stream, (_ROWS,)).transfer_syntax)
            syntax = dataset.file_meta.TransferSyntaxUID
            name = syntax.name if syntax.name != syntax else "its transfer syntax"
            cause = f"no decoder of {name} is installed"
            missing = syntax.is_compressed and not get_decoder(syntax).is_available
            frames, photometric = int(dataset.get("NumberOfFrames") or 1), str(dataset.PhotometricInterpretation)
            shown = None
            if number <= frames and has_decoder(syntax):
                cause = "its pixels don't fit its header"
                shown = _decoded(dataset, number, frames)
            elif number <= frames:
                cause = cause if missing else "its pixels don't fit its header"
                shown = pixel_array(dataset, index=number - 1, raw=True)
            if shown is not None and photometric == "PALETTE COLOR":
                shown = apply_color_lut(shown, dataset)
            elif shown is not None and photometric.startswith("YBR_FULL"):
                shown = convert_color_space(shown, photometric, "RGB")
        except Exception:  # of whatever decoder; its text may hold values
            raise ValueError(f"the frame can't be decoded here: {cause}") from None
    if shown is None:
        raise ValueError("the file has not so many frames")
    if shown.ndim == 2:
        # of some pixels: a picture needs no more
        sample = shown[:: max(1, shown.shape[0] // _SAMPLED), :: max(1, shown.shape[1] // _SAMPLED)]
        low, high = (float(value) for value in numpy.percentile(sample, (_DARKEST, _BRIGHTEST)))
    else:
        bits = 8 * shown.itemsize if photometric == "PALETTE COLOR" else int(dataset.BitsStored)
        low, high = 0.0, float((1 << bits) - 1)
    picture = numpy.empty(shown.shape, numpy.uint8)
    for row, line in enumerate(shown):
        # line by line: frames may be large
        picture[row] = numpy.clip((line.astype(numpy.float32) - low) / max(high - low, 1.0), 0, 1) * 255
    return 255 - picture if photometric == "MONOCHROME1" else picture


def _decoded(dataset: Dataset, number: int, frames: int) -> Samples:
    """Return a frame as the engine's own decoders read it, with the sign that the header states."""
    import numpy
    from pydicom.encaps import get_frame

    from ..codecs import decode
    from ..codestreams import read_codestream, unboxed

    frame = unboxed(get_frame(dataset.PixelData, number - 1, number_of_frames=frames))
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
