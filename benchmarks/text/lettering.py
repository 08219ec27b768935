"""Masks of text: in fonts that this machine has, of any size, turned."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "C:/Windows/Fonts")
#: the files of each style; without any of them it is pillow's own font
_FILES = {
    "sans": ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "arial.ttf"),
    "sans 2": ("LiberationSans-Regular.ttf", "FreeSans.ttf", "arial.ttf"),
    "mono": ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "cour.ttf"),
    "narrow": ("LiberationSansNarrow-Regular.ttf", "DejaVuSansCondensed.ttf", "arialn.ttf"),
    "serif": ("LiberationSerif-Regular.ttf", "DejaVuSerif.ttf", "times.ttf"),
    "bold": ("DejaVuSans-Bold.ttf", "LiberationSans-Bold.ttf", "arialbd.ttf"),
    "terminal": ("TerminusTTF-4.46.0.ttf", "cour.ttf"),
    "italic": ("LiberationSans-Italic.ttf", "DejaVuSans-Oblique.ttf", "ariali.ttf"),
}
#: styles: pillow's own outlines, a bitmap font of 6 x 11 that is enlarged by whole factors, and what the machine has
FONTS = ("pillow", "bitmap", *_FILES)
_BITMAP_HEIGHT = 11


@cache
def installed() -> dict[str, Path]:
    """Return the font files of this machine by their names."""
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in sorted(Path(folder).rglob("*.tt[fc]")) if Path(folder).is_dir() else []:
            found.setdefault(path.name, path)
    return found


@cache
def _outlines(font: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FILES.get(font, ()):
        if name in installed():
            return ImageFont.truetype(installed()[name], size)
    return ImageFont.load_default(size)


def letters(text: str, font: str, size: int, *, smooth: bool) -> np.ndarray:
    """Return the coverage of a text's pixels, 0..1, cut to what is inked."""
    factor = 1
    face: ImageFont.FreeTypeFont | ImageFont.ImageFont
    if font == "bitmap":
        # it has the first 256 characters, and is not smooth
        face, factor, smooth = ImageFont.load_default_imagefont(), max(1, round(size / _BITMAP_HEIGHT)), False
        text = text.encode("latin-1", "replace").decode("latin-1")
    else:
        face = _outlines(font, size)
    canvas = Image.new("L", (round(size * (len(text) + 2) * 1.2) + 40, size * 3 + 20))
    pen = ImageDraw.Draw(canvas)
    pen.fontmode = "L" if smooth else "1"
    pen.text((size // 2 + 4, size // 2 + 4), text, fill=255, font=face)
    mask = np.asarray(canvas, np.float32) / 255
    return trimmed(np.repeat(np.repeat(mask, factor, 0), factor, 1))


def turned(mask: np.ndarray, degrees: int) -> np.ndarray:
    """Return a mask that is turned against the clock."""
    if degrees % 90 == 0:
        return np.rot90(mask, degrees // 90)
    image = Image.fromarray((mask * 255).astype(np.uint8))
    return trimmed(np.asarray(image.rotate(degrees, Image.Resampling.BICUBIC, expand=True), np.float32) / 255)


def trimmed(mask: np.ndarray) -> np.ndarray:
    """Return a mask without empty rows and columns around it."""
    rows, columns = (np.flatnonzero(ink_of(mask).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return mask[:1, :1]
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def ink_of(mask: np.ndarray) -> np.ndarray:
    """Return which pixels of a mask are ink: those that the letters cover by more than 40 %."""
    return mask > 0.4
