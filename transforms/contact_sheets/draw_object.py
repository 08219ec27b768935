"""Draw an object before and after its pixels are cleaned: plain functions, no Beam. Pictures are of patients: none is kept."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from anonymizer.internals import CleanedPixels, Engine, displayed_pair, open_spool, read_header_values, write_all
from profiles import Rectangle, union
from storage import Archive, check_running, retry_transient

from .sample_objects import SheetObject

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

_NUMBER_OF_FRAMES = 0x00280008
#: rows or columns of a picture at most
MOST_SIDE = 1024
#: samples of a frame that is drawn: larger ones would fill the memory
_MOST_PIXELS = 40_000_000
#: bytes of an object that is drawn: it is on the disk twice, which other work needs, too
_MOST_BYTES = 1 << 30
_COPIED = 1 << 20
#: lines of the frame of a rectangle in a picture
_LINE = 2
#: of JPEG: small letters stay as legible as they were
_QUALITY = 90
#: colours of sources, by their order
COLOURS = ("#ff3b30", "#00c2ff", "#ffd60a", "#34c759", "#ff5edb", "#ff9500")


class DrawnFrame(NamedTuple):
    """A frame in two pictures.

    Attributes:
        number: of the frame, from 1 on.
        before, after: JPEG; the first has the rectangles.
    """

    number: int
    before: bytes
    after: bytes


class DrawnObject(NamedTuple):
    """An object in pictures.

    Attributes:
        instance: keyed hash of its SOPInstanceUID.
        pixels: the account of its cleaning.
        frames: how many it has.
        drawn: some of them.
    """

    instance: bytes
    pixels: CleanedPixels
    frames: int
    drawn: tuple[DrawnFrame, ...]

    @property
    def blanked(self) -> tuple[Rectangle, ...]:
        """All that is black, disjoint."""
        return union((one.rectangles for one in self.pixels.sources), self.pixels.rows, self.pixels.columns)


class NotDrawnError(Exception):
    """An object that isn't drawn. It says nothing of the object."""


def draw_object(archive: Archive, engine: Engine, one: SheetObject) -> DrawnObject:
    """Clean an object as the job does, throw the output away, and return pictures of some frames.

    Raises:
        DeidentificationError, ValueError, OSError, TransientError, NotDrawnError: it can't be drawn.
        EndOfRunError: the run ends.
    """
    return retry_transient(lambda: _draw(archive, engine, one))


def _draw(archive: Archive, engine: Engine, one: SheetObject) -> DrawnObject:
    if one.pixels.rows * one.pixels.columns > _MOST_PIXELS or one.ref.size > _MOST_BYTES:
        raise NotDrawnError
    # without names, their owner's alone
    with open_spool() as original, open_spool() as cleaned:
        with archive.open(one.ref) as stream:
            copied = 0
            while content := stream.read(_COPIED):
                check_running()
                copied += len(content)
                if copied > _MOST_BYTES:
                    raise NotDrawnError
                write_all(original, [content])
        with _reader(original) as before, _reader(cleaned) as after:
            before.seek(0)
            done = engine.deidentify(before, pixels=one.pixels)
            for chunk in done.chunks():
                check_running()
                write_all(cleaned, [chunk])
            pixels = done.report.pixels
            if pixels is None:
                raise NotDrawnError
            frames = _number_of_frames(before)
            drawn = tuple(_frames(before, after, sampled_frames(frames), pixels))
    return DrawnObject(one.instance, pixels, frames, drawn)


def _reader(spool: int) -> BinaryIO:
    return os.fdopen(os.dup(spool), "rb")


def _number_of_frames(stream: BinaryIO) -> int:
    stream.seek(0)
    text = read_header_values(stream, (_NUMBER_OF_FRAMES,)).values.get(_NUMBER_OF_FRAMES, b"")
    return max(int(text), 1) if text.strip().isdigit() else 1


def sampled_frames(frames: int) -> list[int]:
    """Return the numbers of the frames that are drawn: the first, one in the middle, and the last."""
    return sorted({1, (frames + 1) // 2, frames})


def _frames(before: BinaryIO, after: BinaryIO, numbers: Sequence[int], pixels: CleanedPixels) -> Iterator[DrawnFrame]:
    for number in numbers:
        check_running()
        was, now = displayed_pair(before, after, number)
        yield DrawnFrame(number, _picture(was, pixels), _picture(now))


def _picture(shown: NDArray[uint8], pixels: CleanedPixels | None = None) -> bytes:
    """Return a picture as JPEG.

    Args:
        pixels: what to mark in it; None: nothing.
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(shown).convert("RGB")
    scale = min(1.0, MOST_SIDE / max(image.size))
    if scale < 1:
        size = tuple(max(1, round(side * scale)) for side in image.size)
        image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if pixels is not None:
        pen = ImageDraw.Draw(image)
        for place, source in enumerate(pixels.sources):
            for rectangle in source.rectangles:
                x0, y0, x1, y1 = (round(side * scale) for side in rectangle)
                corners = (x0, y0, max(x1 - 1, x0), max(y1 - 1, y0))
                pen.rectangle(corners, outline=COLOURS[place % len(COLOURS)], width=_LINE)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    return stream.getvalue()
