"""Frames of lossless JPEG, JPEG-LS, JPEG 2000 and HTJ2K, decoded, cleaned, encoded without loss, and proven one by one."""

from __future__ import annotations

from collections.abc import Sequence

from profiles import Rectangle

from ..codecs import Coding, Raster, check_codec, decode, encode
from ..codestreams import CODESTREAM_SYNTAXES, Codestream, Family, read_codestream, unboxed
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..reasons import Reason
from .agreement import black_samples, check_agreement, most_packed, stated_black
from .image_format import ImageFormat
from .layout import Blanker, Layout, effective_rectangles
from .proof import Proof

#: HTJ2K with the progression that lets clients ask for resolutions (PS3.5 10.18)
_RPCL_SYNTAX = "1.2.840.10008.1.2.4.202"
_CODEC_NAMES = {
    Family.JPEG_LOSSLESS: "jpeg-lossless",
    Family.JPEG_LS: "jpeg-ls",
    Family.JPEG_2000: "jpeg-2000",
    Family.HTJ2K: "htj2k",
}


class RasterFrames:
    """Clean the frames of an image in one of these families. Only one is in memory at a time.

    Attributes:
        codec: the name of the family in the account.
        fill: stored values of black, for each sample, separated by commas; empty before a frame was cleaned.
        most: bytes that a frame's codestream may have.
    """

    def __init__(self, image: ImageFormat, rectangles: Sequence[Rectangle], syntax: str, written: str) -> None:
        """
        Args:
            rectangles: in pixels, inside the image.
            syntax, written: UIDs of the transfer syntax, and of that in which the frames are written.

        Raises:
            DeidentificationError: a frame is too large (``pixel-unsupported-format``); ``pixel-codec-missing``.
        """
        self.most = most_packed(image)
        family = CODESTREAM_SYNTAXES[syntax]
        check_codec(family)
        self.codec = _CODEC_NAMES[family]
        self.fill = ""
        self._image = image
        self._syntax = syntax
        self._written_syntax = written
        self._rectangles = tuple(rectangles)
        self._areas = effective_rectangles(image, rectangles)
        #: of frames alike, which nearly all are: what blanks them, and what proves it
        self._known: tuple[Codestream, Blanker, Proof] | None = None

    def effective(self, rectangles: Sequence[Rectangle]) -> tuple[Rectangle, ...]:
        """Return the pixels that are black where ``rectangles`` are asked for: these."""
        return effective_rectangles(self._image, rectangles)

    def clean(self, frame: bytes) -> bytes:
        """Return ``frame`` with the rectangles black, of even length. Without rectangles it stays as it is.

        Raises:
            DeidentificationError: it is broken, or not what the header says (``pixel-invalid-frames``); its codec is missing or
                failed; it is not what it should be once it was cleaned (``pixel-verification-failed``).
        """
        import numpy

        frame = unboxed(frame)
        codestream = read_codestream(frame, self._syntax)
        check_agreement(self._image, codestream)
        if not self._areas:
            return frame + b"\0" * (len(frame) % 2)
        blanker, proof = self._tools(codestream)
        before = decode(frame, codestream)
        line = len(before.samples) // before.rows
        lines = numpy.frombuffer(bytearray(before.samples), numpy.uint8).reshape(before.rows, line)
        blanker.blank(lines, 0)
        cleaned = encode(before._replace(samples=lines.reshape(-1).data), self._coding(codestream))
        del lines
        after = self._decoded_again(cleaned, codestream)
        shape = before.rows, line
        proof.check(
            numpy.frombuffer(before.samples, numpy.uint8).reshape(shape),
            numpy.frombuffer(after.samples, numpy.uint8).reshape(shape),
            0,
        )
        return cleaned

    def _tools(self, codestream: Codestream) -> tuple[Blanker, Proof]:
        """Return what blanks frames like ``codestream``, and what proves it."""
        if self._known is None or self._known[0] != codestream:
            fill = stated_black(self._image, codestream)
            if self.fill not in ("", fill):
                # the account has one black for all frames
                raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, PIXEL_DATA)
            self.fill = fill
            layout = _layout(self._image, codestream)
            self._known = codestream, Blanker(layout, self._areas), Proof(layout, self._rectangles)
        return self._known[1:]

    def _coding(self, codestream: Codestream) -> Coding:
        """Return how frames are encoded: as they were, but for what a label of the header says otherwise.

        The component transform is as PhotometricInterpretation says (PS3.5 8.2.4). Readers see the same samples with it and
        without, for decoders undo it.
        """
        return Coding(
            family=codestream.family,
            predictor=codestream.predictor or 1,
            interleave=codestream.interleave,
            component_transform=self._image.photometric in ("YBR_RCT", "YBR_ICT"),
            progression="RPCL" if self._syntax == _RPCL_SYNTAX else "",
        )

    def _decoded_again(self, cleaned: bytes, codestream: Codestream) -> Raster:
        """Return the samples in what will be written.

        Raises:
            DeidentificationError: ``pixel-verification-failed``: it can't be read, or says something else than it should.
        """
        failed = DeidentificationError(Reason.PIXEL_VERIFICATION_FAILED, PIXEL_DATA)
        try:
            written = read_codestream(cleaned, self._written_syntax)
            check_agreement(self._image, written)
            after = decode(cleaned, written)
        except DeidentificationError as error:
            raise failed if error.reason is Reason.PIXEL_INVALID_FRAMES else error from None
        coding = self._coding(codestream)
        says = (written.bits, written.signed, written.component_transform, written.interleave)
        expected = (codestream.bits, codestream.signed, coding.component_transform, coding.interleave)
        is_rpcl = self._syntax != _RPCL_SYNTAX or written.progression == "RPCL"
        if says != expected or not written.lossless or not is_rpcl or len(cleaned) % 2:
            raise failed
        return after


def _layout(image: ImageFormat, codestream: Codestream) -> Layout:
    """Return the arrangement of a decoded frame, with black as the codestream holds it."""
    size = 1 if codestream.bits <= 8 else 2 if codestream.bits <= 16 else 4
    fill = [each.to_bytes(size, "little", signed=codestream.signed) for each in black_samples(image, codestream)]
    return Layout(image.rows, image.columns, size * image.samples, 1, (b"".join(fill),))
