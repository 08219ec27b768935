"""Frames of one object: the background, the texts of its plan, and which pixels are ink."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .backgrounds import BACKGROUNDS, add_extra
from .cells import ObjectCell, TextCell
from .lettering import ink_of, letters, turned
from .shapes import Rng
from .texts import KINDS, Person, next_tick

#: free pixels around each text
_MARGIN = 8
_TRIES = 80


@dataclass
class Ink:
    """A mask and where it stands.

    Attributes:
        coverage: of pixels by letters, 0..1.
        at: frame, left and top of each place.
    """

    coverage: np.ndarray
    at: list[tuple[int, int, int]]


@dataclass
class Text:
    """A text in a picture.

    Attributes:
        text: its words, those of the first frame.
        cell: its factors.
        inks: one, or one for each thing that a timer shows.
        visibility: difference of ink and surroundings in units of the surroundings' deviation, at its least over frames.
    """

    text: str
    cell: TextCell
    inks: list[Ink]
    visibility: float = 0.0
    colours: list[Any] = field(default_factory=list)


def draw(rng: Rng, cell: ObjectCell, who: Person) -> tuple[np.ndarray, list[Text]]:
    """Return frames of 8 bits, with three samples a pixel where they have colour, and the texts in them."""
    background = BACKGROUNDS[cell.background]
    base = background.paint(rng, cell.rows, cell.columns).astype(np.float32)
    if cell.photometric == "RGB" and base.ndim == 2:
        base = np.repeat(base[..., None], 3, 2)
    add_extra(rng, base, cell.extra)
    texts = _placed(rng, base, cell, who)
    frames = []
    for number, picture in enumerate(_moving(rng, base, cell.frames, speckled=background.speckled)):
        for text in texts:
            for ink in text.inks:
                for frame, left, top in ink.at:
                    if frame == number:
                        _write(picture, ink.coverage, left, top, text)
        frames.append(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
    return np.stack(frames), texts


def _moving(rng: Rng, base: np.ndarray, frames: int, *, speckled: bool) -> Iterator[np.ndarray]:
    """Yield frames in which the anatomy moves and speckle changes."""
    yield np.clip(base, 0, 255)
    for number in range(1, frames):
        picture: np.ndarray = base
        if base.any():
            picture = np.roll(base, (round(4 * np.sin(number / 3)), round(3 * np.cos(number / 2))), (0, 1))
        if speckled:
            grain = rng.rayleigh(0.8, base.shape[:2]).astype(np.float32)
            factor: np.ndarray = 0.4 + 0.6 * (grain + np.roll(grain, 1, 1) + np.roll(grain, 2, 1)) / 3
            picture = picture * (factor[..., None] if base.ndim == 3 else factor)
        yield np.clip(picture, 0, 255)


def _placed(rng: Rng, base: np.ndarray, cell: ObjectCell, who: Person) -> list[Text]:
    taken = np.zeros(base.shape[:2], bool)
    found: list[Text] = []
    for wanted in cell.texts:
        for attempt in range(4):
            words = KINDS[wanted.kind][1](rng, who)
            if text := _place(rng, base, taken, cell, wanted, words):
                found.append(text)
                break
            # too long for this frame: at its half, the last time as small as it gets
            if attempt == 2:
                wanted = replace(wanted, size=12 if wanted.font != "bitmap" else 11)
    return found


def _place(rng: Rng, base: np.ndarray, taken: np.ndarray, cell: ObjectCell, wanted: TextCell, words: str) -> Text | None:
    """Return a text at a free place, or None where there is none."""
    rows, columns = base.shape[:2]
    masks = [_mask(words, wanted)]
    changing = wanted.stays == "timer"
    if changing:
        masks += [_mask(next_tick(words, tick), wanted) for tick in range(1, cell.frames)]
    high, wide = (max(mask.shape[axis] for mask in masks) for axis in (0, 1))
    shown = range(cell.frames)
    if wanted.stays == "a third":
        first = int(rng.integers(cell.frames))
        shown = range(first, min(cell.frames, first + max(1, cell.frames // 3)))
    steps = [(0, 0)] * cell.frames
    if wanted.stays == "moving":
        # to the right and down, by up to 2 pixels a frame
        pace = rng.integers(1, 3, 2)
        steps = [(int(pace[0]) * frame, int(pace[1]) * frame) for frame in range(cell.frames)]
    width, height = wide + steps[-1][0], high + steps[-1][1]
    if width > columns or height > rows:
        return None
    for _ in range(_TRIES):
        left, top = _corner(rng, base, wanted.position, width, height)
        area = np.s_[max(0, top - _MARGIN) : top + height + _MARGIN, max(0, left - _MARGIN) : left + width + _MARGIN]
        if not taken[area].any():
            break
    else:
        return None
    taken[area] = True
    if wanted.position == "over lines":
        below = base[top : top + height, left : left + width]
        below[height // 2 :: max(20, height)] = 150
        below[:, 9 :: max(20, wide // 4)] = 150
    if changing:
        inks = [Ink(mask, [(frame, left, top)]) for frame, mask in enumerate(masks)]
    else:
        inks = [Ink(masks[0], [(frame, left + steps[frame][0], top + steps[frame][1]) for frame in shown])]
    text = Text(words, wanted, inks)
    text.colours = _colours(rng, base[top : top + height, left : left + width], wanted)
    return text


def _mask(words: str, cell: TextCell) -> np.ndarray:
    return turned(letters(words, cell.font, cell.size, smooth=cell.smooth), cell.rotation)


def _corner(rng: Rng, base: np.ndarray, position: str, width: int, height: int) -> tuple[int, int]:
    """Return left and top for a text."""
    down, across = base.shape[0] - height, base.shape[1] - width
    left, top = int(rng.integers(0, across + 1)), int(rng.integers(0, down + 1))
    if position == "corner":
        near = rng.integers(2, 40, 2)
        left = min(across, int(near[0])) if rng.random() < 0.5 else max(0, across - int(near[0]))
        top = min(down, int(near[1])) if rng.random() < 0.5 else max(0, down - int(near[1]))
    elif position == "edge":
        if rng.random() < 0.5:
            left = 0 if rng.random() < 0.5 else across
        else:
            top = 0 if rng.random() < 0.5 else down
    elif position == "centre":
        left, top = (min(max(0, round(size * rng.normal(0.5, 0.15))), size) for size in (across, down))
    elif position == "over texture":
        tries = [(int(rng.integers(0, across + 1)), int(rng.integers(0, down + 1))) for _ in range(5)]
        left, top = max(tries, key=lambda place: float(base[place[1] : place[1] + height, place[0] : place[0] + width].std()))
    return left, top


_HUES = ((255, 255, 0), (0, 255, 0), (0, 255, 255), (255, 128, 0), (255, 60, 60), (120, 160, 255), (255, 120, 255))
_GROUNDS = ((0, 0, 128), (0, 70, 0), (90, 0, 90), (128, 0, 0), (60, 60, 60), (255, 255, 255), (0, 110, 130))


def _colours(rng: Rng, below: np.ndarray, cell: TextCell) -> list[Any]:
    """Return the colours of letters and of the plate below them, which may be missing."""
    if cell.contrast == "white on black":
        return [rng.uniform(190, 255), 0.0]
    if cell.contrast == "dark on bright":
        return [rng.uniform(0, 50), rng.uniform(180, 255)]
    if cell.contrast == "grey":
        mean = float(below.mean())
        up = mean + cell.delta <= 255 and (mean < cell.delta or rng.random() < 0.7)
        return [mean + cell.delta if up else mean - cell.delta, None]
    if cell.contrast == "colour on colour":
        ground = _GROUNDS[rng.integers(len(_GROUNDS))]
        far = [hue for hue in _HUES if np.abs(np.subtract(hue, ground)).max() >= 120]
        return [np.array(far[rng.integers(len(far))], np.float32), np.array(ground, np.float32)]
    if cell.contrast == "bright on picture" and below.ndim == 3 and rng.random() < 0.5:
        return [np.array(_HUES[rng.integers(len(_HUES))], np.float32), None]
    return [255.0, None]


def _write(picture: np.ndarray, coverage: np.ndarray, left: int, top: int, text: Text) -> None:
    """Write letters into a picture, with what is below or around them, and note how visible they are."""
    rows, columns = coverage.shape
    area = picture[top : top + rows, left : left + columns]
    mask = coverage[..., None] if picture.ndim == 3 else coverage
    colour, ground = text.colours
    if ground is not None:
        picture[max(0, top - 4) : top + rows + 4, max(0, left - 4) : left + columns + 4] = ground
    if text.cell.contrast == "inverted":
        ink = ink_of(coverage)
        area[ink] = (area[ink].astype(int) ^ 128).astype(np.float32)
    else:
        if text.cell.contrast == "outlined":
            around = picture[max(0, top - 1) : top + rows + 1, max(0, left - 1) : left + columns + 1]
            wide = np.zeros(picture.shape[:2], bool)
            for down, across in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)):
                y, x = max(0, top + down), max(0, left + across)
                part = wide[y : top + down + rows, x : left + across + columns]
                part |= ink_of(coverage)[: part.shape[0], : part.shape[1]]
            around[wide[max(0, top - 1) : top + rows + 1, max(0, left - 1) : left + columns + 1]] = 0
        area[:] = area * (1 - mask) + mask * colour
    seen = visibility(picture, ink_of(coverage), left, top)
    text.visibility = min(text.visibility or seen, seen)


def ring_of(ink: np.ndarray, width: int = 2) -> np.ndarray:
    """Return the pixels within ``width`` of ink that are none, in a mask that is larger by ``width`` on each side."""
    wide = np.pad(ink, width)
    near = wide.copy()
    for _ in range(width):
        grown = near.copy()
        grown[1:] |= near[:-1]
        grown[:-1] |= near[1:]
        near = grown.copy()
        near[:, 1:] |= grown[:, :-1]
        near[:, :-1] |= grown[:, 1:]
    found: np.ndarray = near & ~wide
    return found


def visibility(picture: np.ndarray, ink: np.ndarray, left: int, top: int) -> float:
    """Return how far ink stands out from the pixels around it, in their deviations; at best over channels.

    Each pixel of ink is compared with the mean of its own surroundings, so that letters may be darker here and brighter there.
    """
    edge = 3
    rows, columns = ink.shape
    cut = np.s_[max(0, edge - top) :, max(0, edge - left) :]
    area = picture[max(0, top - edge) : top + rows + edge, max(0, left - edge) : left + columns + edge]
    near, letters = (mask[cut][: area.shape[0], : area.shape[1]] for mask in (ring_of(ink, edge), np.pad(ink, edge)))
    if not near.any() or not letters.any():
        return 0.0
    found = 0.0
    for channel in range(area.shape[2] if area.ndim == 3 else 1):
        levels = area[..., channel] if area.ndim == 3 else area
        around = _window_sum(levels * near, edge + 2) / np.maximum(1, _window_sum(near.astype(np.float32), edge + 2))
        apart = np.abs((levels - around)[letters]).mean()
        noise = (levels - around)[near].std()
        found = max(found, float(apart / (noise + 4)))
    return round(found, 2)


def _window_sum(values: np.ndarray, reach: int) -> np.ndarray:
    """Return the sums over windows of ``reach`` pixels to each side."""
    found = values
    for axis in (0, 1):
        padding = [(reach + 1, reach) if each == axis else (0, 0) for each in (0, 1)]
        sums = np.cumsum(np.pad(found, padding), axis=axis)
        size = sums.shape[axis]
        found = sums.take(range(2 * reach + 1, size), axis) - sums.take(range(size - 2 * reach - 1), axis)
    return found
