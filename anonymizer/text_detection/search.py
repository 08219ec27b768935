"""The search for text in the frames of one object: look, blank, look again, until nothing is found (PS3.15 E.3.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from profiles import FEW_FRAMES, Rectangle, TextSearch, union

from ..blanking import FrameDecoder, ImageFormat
from ..dicom.encoding import Encoding
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..pixels import TextFindings
from ..reasons import Reason
from .client import FoundText, find_text
from .lines import counts, is_part, number_of, rectangles_of
from .views import planes_of, shown

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Samples = numpy.typing.NDArray[Any]

#: times that a picture is looked at; the last of them must find nothing
_MOST_ROUNDS = 6
#: frames from which the least and the greatest values are taken, at most
_MOST_FOLDED = 64
#: parts of the frames of which each is folded
_PARTS = 2
#: rectangles of an object: more would be blanked for many times the time, and no page has so many lines
_MOST_RECTANGLES = 1000


class PixelSearch:
    """Look for text in the pixel data of one object while it is read.

    In loops, what moves or flickers is looked for in each k-th frame; what stays, thoroughly, in the first one, and in pictures
    of the least and the greatest values of each half of the frames: speckle is gone there. Frames that are alike are looked at
    once. Rectangles are united over all frames.
    """

    def __init__(
        self,
        search: TextSearch,
        image: ImageFormat,
        syntax: str,
        black: Sequence[Rectangle],
        keeps: Callable[[str, float], bool] | None = None,
        *,
        moves: bool = False,
        windows: Sequence[tuple[float, float]] = (),
    ) -> None:
        """
        Args:
            image: as ``read_image_format`` returns it, of the syntax's form.
            syntax: UID of the transfer syntax.
            black: what others say is to be blanked, in pixels.
            keeps: whether a line may stay, by its text and the score of that; None: none does.
            moves: the frames are those of a loop; else each is looked at.
            windows: least and greatest stored values that the header says are to be shown.

        Raises:
            DeidentificationError: the pixels can't be decoded here.
        """
        self._search = search
        self._image = image
        self._decoder = FrameDecoder(image, syntax)
        self._black = list(black)
        self._keeps = keeps
        self._moves = moves
        self._windows = tuple(windows)
        self._seen: set[bytes] = set()
        self._found: list[Rectangle] = []
        self._seconds = 0.0
        self._findings = TextFindings()
        self._is_done = False

    @property
    def findings(self) -> TextFindings:
        """The account of the search, once ``look`` is exhausted.

        Raises:
            ValueError: it isn't.
        """
        if not self._is_done:
            raise ValueError("the pixels have not been looked at yet")
        return self._findings

    @property
    def rectangles(self) -> tuple[Rectangle, ...]:
        """The rectangles around what was found, disjoint."""
        return union((self._found,), self._image.rows, self._image.columns)

    def look(
        self, buffer: Piece, read: Callable[[int], bytes], length: int, encoding: Encoding
    ) -> Generator[list[Piece], None, bytes]:
        """Look at the value, and yield nothing of it; return the bytes that were read behind it.

        Args:
            buffer, read, length, encoding: as for ``PixelCleaner.clean``.

        Raises:
            DeidentificationError: the pixels can't be decoded, or some text stays whatever is blanked (``pixel-text-remains``);
                the search takes too long (``pixel-text-timeout``), or its models are missing or fail.
        """
        frames = self._image.frames
        step = -(-frames // _MOST_FOLDED)
        # where each is looked at, the folded pictures show nothing else
        folds = not all(map(self._is_looked_at, range(min(frames, _MOST_FOLDED))))
        decoded = self._decoder.decode(
            buffer, read, length, encoding, lambda number: self._is_looked_at(number) or (folds and number % step == 0)
        )
        # a blank frame, or a flash, spoils one part
        folded: list[tuple[Samples, Samples] | None] = [None] * _PARTS
        is_thorough = frames <= FEW_FRAMES
        while True:
            try:
                number, samples = next(decoded)
            except StopIteration as end:
                behind: bytes = end.value
                break
            frame = shown(samples, self._image)
            if folds:
                part = number * _PARTS // frames
                folded[part] = _folded(folded[part], frame)
            if self._is_looked_at(number):
                # what stands still is looked for thoroughly in one frame that shows something, and in the folded ones
                is_first = not is_thorough and not self._findings.looked and int(frame.min()) != int(frame.max())
                self._look(frame, thorough=is_thorough or is_first)
        for pair in folded:
            for frame in pair or ():
                self._look(frame, thorough=True)
        self._findings = self._findings._replace(frames=frames, rectangles=len(self.rectangles))
        self._is_done = True
        yield from ()
        return behind

    def _is_looked_at(self, number: int) -> bool:
        return self._search.looks_at(number, self._image.frames, moves=self._moves)

    def _look(self, frame: Samples, *, thorough: bool) -> None:
        digest = hashlib.blake2b(frame.tobytes(), digest_size=16).digest()
        if digest in self._seen:
            self._findings = self._findings._replace(alike=self._findings.alike + 1)
            return
        self._seen.add(digest)
        planes, colour = planes_of(frame, self._image, self._windows)
        for turn in range(_MOST_ROUNDS):
            left = int(self._search.seconds - self._seconds)
            if left <= 0:
                raise DeidentificationError(Reason.PIXEL_TEXT_TIMEOUT, PIXEL_DATA)
            wants_texts = self._keeps is not None
            # at first nothing is black: what is left of a line that another frame's rectangle cuts is no line to any model
            black = self._black if turn else ()
            lines, seconds = find_text(planes, black, colour=colour, thorough=thorough, texts=wants_texts, most=left)
            self._seconds += seconds
            lines = [line for line in lines if counts(line, self._image.rows, self._image.columns)]
            kept = list(filter(self._stays, lines))
            # a line goes if only one of its readings does
            gone = [line for line in lines if line not in kept and not any(is_part(line, other) for other in kept)]
            self._note(turn, gone, number_of(kept))
            if not gone:
                return
            areas = rectangles_of(gone, self._image.rows, self._image.columns)
            self._black += areas
            self._found = list(union((self._found, areas), self._image.rows, self._image.columns))
            if len(self._found) > _MOST_RECTANGLES:
                break
        raise DeidentificationError(Reason.PIXEL_TEXT_REMAINS, PIXEL_DATA)

    def _stays(self, line: FoundText) -> bool:
        return self._keeps is not None and self._keeps(line.text, line.recognition)

    def _note(self, turn: int, gone: Sequence[FoundText], kept: int) -> None:
        found = self._findings
        least = min((int(10 * line.recognition) / 10 for line in gone), default=found.least_score)
        best = max((line.recognition for line in gone), default=found.best_score)
        self._findings = found._replace(
            looked=found.looked + (turn == 0),
            rounds=max(found.rounds, turn + 1),
            lines=found.lines + number_of(gone),
            kept=max(found.kept, kept),
            least_score=min(least, found.least_score),
            best_score=max(best, found.best_score),
        )


def _folded(folded: tuple[Samples, Samples] | None, frame: Samples) -> tuple[Samples, Samples]:
    """Return the least and the greatest values of all frames so far."""
    import numpy

    if folded is None:
        return frame.copy(), frame.copy()
    least, greatest = folded
    numpy.minimum(least, frame, out=least)
    numpy.maximum(greatest, frame, out=greatest)
    return folded
