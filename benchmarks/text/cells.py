"""The plan of a labelled set: which level of each factor an object and its texts have, in balanced draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np

from .backgrounds import BACKGROUNDS, EXTRAS
from .lettering import FONTS
from .shapes import Rng
from .texts import DECK

SIZES = (8, 10, 12, 14, 16, 20, 28, 48)
POSITIONS = ("corner", "edge", "centre", "anywhere", "over texture", "over lines")
CONTRASTS = ("white on black", "bright on picture", "grey", "dark on bright", "outlined", "inverted")
COLOUR_CONTRASTS = (*CONTRASTS, "colour on colour")
_ROTATIONS = (0, 0, 0, 0, 0, 0, 90, 270, 180, 1)
_STAYS = ("static", "static", "timer", "a third", "moving")
#: transfer syntaxes by their names here
NATIVE, RLE, JPEG, JPEGLS, JPEG2000 = "native", "rle", "jpeg", "jpeg-ls", "jpeg2000"

T = TypeVar("T")


@dataclass(frozen=True)
class TextCell:
    """The factors of one text.

    Attributes:
        kind: of text.
        font: style.
        size: of the font in pixels.
        smooth: antialiased.
        contrast: against what is below.
        delta: difference of grey levels, for "grey".
        rotation: degrees against the clock.
        position: in the frame.
        stays: in frames: all, a third, moving, changing.
    """

    kind: str
    font: str
    size: int
    smooth: bool
    contrast: str
    delta: int
    rotation: int
    position: str
    stays: str


@dataclass(frozen=True)
class ObjectCell:
    """The factors of one object.

    Attributes:
        background: kind of image.
        rows: of a frame.
        columns: of a frame.
        extra: lines that are no text.
        photometric: interpretation.
        planar: configuration.
        bits: stored.
        signed: pixels.
        span: of grey levels above 8 bits: "whole", or "outliers" where few pixels stretch it.
        syntax: of transfer.
        quality: of JPEG.
        frames: number of them.
        texts: none in a third of the objects.
    """

    background: str
    rows: int
    columns: int
    extra: str
    photometric: str
    planar: int
    bits: int
    signed: bool
    span: str
    syntax: str
    quality: int
    frames: int
    texts: tuple[TextCell, ...] = ()

    def factors(self) -> dict[str, Any]:
        """Return the object's factors without its texts'."""
        found = asdict(self)
        del found["texts"]
        return found

    def within(self, largest: int) -> ObjectCell:
        """Return the cell with frames of at most ``largest`` rows and columns."""
        return replace(self, rows=min(self.rows, largest), columns=min(self.columns, largest))


class Decks:
    """Shuffled decks: each level of a factor is drawn once before any is drawn again."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._decks: dict[tuple[str, Sequence[Any]], list[Any]] = {}

    def draw(self, factor: str, levels: Sequence[T]) -> T:
        """Return the next level of a factor; other levels make another deck."""
        deck = self._decks.setdefault((factor, tuple(levels)), [])
        if not deck:
            deck.extend(levels[place] for place in self._rng.permutation(len(levels)))
        found: T = deck.pop()
        return found


def plan(count: int, seed: int, *, texts: int = 5) -> list[ObjectCell]:
    """Return the cells of a set; every third object has no text, the others up to ``texts``."""
    rng = np.random.default_rng(seed)
    # decks of their own, so that both parts have the same backgrounds
    with_text, without = Decks(rng), Decks(rng)
    return [_object(without, 0) if number % 3 == 2 else _object(with_text, texts) for number in range(count)]


def _object(decks: Decks, texts: int) -> ObjectCell:
    name = decks.draw("background", tuple(BACKGROUNDS))
    background = BACKGROUNDS[name]
    rows, columns = decks.draw(f"size of {name}", background.sizes)
    few = rows * columns < 900_000
    frames = decks.draw("frames", (1, 1, 1, 1, 1, 1, 3, 3, 30)) if few else 1
    planar, bits, signed, span, quality = 0, 8, False, "whole", 0
    if background.colour:
        photometric = decks.draw("photometric of colour", ("RGB", "RGB", "YBR_FULL", "PALETTE COLOR"))
    else:
        photometric = decks.draw("photometric of grey", ("MONOCHROME2",) * 4 + ("MONOCHROME1",) * 2 + ("RGB", "PALETTE COLOR"))
    if photometric.startswith("MONOCHROME"):
        bits = decks.draw("bits", (8, 8, 10, 12, 16))
    if bits > 8:
        span = decks.draw("span", ("whole", "outliers"))
        signed = decks.draw("signed", (False, False, True))
    if photometric in ("YBR_FULL", "PALETTE COLOR") or signed:
        syntax = decks.draw("syntax of these", (NATIVE, RLE))
    elif bits > 8:
        syntax = decks.draw("syntax above 8 bits", (NATIVE, RLE, JPEGLS, JPEG2000))
    else:
        syntax = decks.draw("syntax", (NATIVE, RLE, JPEG, JPEG, JPEGLS, JPEG2000))
    if photometric in ("RGB", "YBR_FULL") and syntax == NATIVE:
        planar = decks.draw("planar", (0, 1))
    if syntax == JPEG:
        quality = decks.draw("quality", (50, 75, 90))
    contrasts = COLOUR_CONTRASTS if background.colour or photometric == "RGB" else CONTRASTS
    return ObjectCell(
        name,
        rows,
        columns,
        decks.draw("extra", EXTRAS),
        photometric,
        planar,
        bits,
        signed,
        span,
        syntax,
        quality,
        frames,
        tuple(_text(decks, contrasts, frames) for _ in range(texts)),
    )


def _text(decks: Decks, contrasts: tuple[str, ...], frames: int) -> TextCell:
    contrast = decks.draw("contrast", contrasts)
    rotation = decks.draw("rotation", _ROTATIONS)
    font = decks.draw("font", FONTS)
    return TextCell(
        decks.draw("kind", DECK),
        font,
        # those of the bitmap font are whole factors of its height
        decks.draw("size of bitmap", (11, 11, 22, 44)) if font == "bitmap" else decks.draw("size", SIZES),
        decks.draw("smooth", (True, True, False)) and font != "bitmap",
        contrast,
        decks.draw("delta", (30, 45, 60, 90, 120)) if contrast == "grey" else 0,
        decks.draw("tilt", (-15, -10, -5, 5, 10, 15)) if rotation == 1 else rotation,
        decks.draw("position", POSITIONS),
        decks.draw("stays", _STAYS) if frames > 1 else "static",
    )
