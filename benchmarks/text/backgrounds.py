"""Backgrounds that look like the real thing: one function for each kind of image, from a seeded generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .shapes import Rng, blurred, disc, fractal, grid, lines, resized, smooth, speckle

#: paints rows x columns, or rows x columns x 3, of 0..255
Paint = Callable[[Rng, int, int], np.ndarray]


def ultrasound(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint a sector of speckle with layers, cysts and shadows; outside it is black or dark grey."""
    down, across = np.mgrid[:rows, :columns].astype(np.float32)
    apex_y, apex_x = -0.05 * rows, columns * rng.uniform(0.42, 0.58)
    depth = np.hypot(down - apex_y, across - apex_x) / rows
    angle = np.arctan2(across - apex_x, down - apex_y)
    opening = rng.uniform(0.5, 0.75)
    inside = (np.abs(angle) < opening) & (depth > 0.12) & (depth < rng.uniform(0.9, 0.98))
    beam_rows, beam_columns = rows, 220
    grain = speckle(rng, beam_rows, beam_columns)
    tissue = 85 + 45 * fractal(rng, beam_rows, beam_columns, 90)
    tissue += 40 * np.sin(np.linspace(0, rng.uniform(10, 40), beam_rows))[:, None] * smooth(rng, beam_rows, beam_columns, 60)
    for _ in range(rng.integers(0, 4)):
        place = tuple(rng.uniform(-0.6, 0.6, 2))
        tissue *= 1 - 0.92 * disc(beam_rows, beam_columns, place, (rng.uniform(0.05, 0.2), rng.uniform(0.1, 0.3)), 0.1)
    tissue *= np.exp(-np.linspace(0, rng.uniform(0.3, 1.2), beam_rows))[:, None]
    echo = np.clip(tissue, 8, 250) * grain
    row = np.clip(depth * beam_rows, 0, beam_rows - 1).astype(int)
    column = np.clip((angle / opening + 1) / 2 * beam_columns, 0, beam_columns - 1).astype(int)
    outside = float(rng.choice([0, 0, 0, 18, 45]))
    return np.where(inside, echo[row, column], outside)


def fluoroscopy(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint smooth anatomy with ribs and filled vessels, quantum noise, and a collimator's circle."""
    picture = 135 + 38 * fractal(rng, rows, columns, rows / 2, 3)
    down, _ = grid(rows, columns)
    ribs = [([(x, rows * (k / 6 + 0.06 * np.cos(x / columns * 3))) for x in range(0, columns, 8)], rows / 28) for k in range(7)]
    picture -= 22 * blurred(lines(rows, columns, ribs), 7)
    vessels: list[tuple[list[tuple[float, float]], float]] = []
    for _ in range(rng.integers(2, 7)):
        x, y, turn = rng.uniform(0.2, 0.8) * columns, rng.uniform(0, 0.5) * rows, rng.uniform(0, 6)
        points = []
        for _ in range(40):
            turn += rng.normal(0, 0.25)
            x, y = x + rows / 60 * np.cos(turn), y + rows / 60 * abs(np.sin(turn))
            points.append((float(x), float(y)))
        vessels.append((points, rng.uniform(2, rows / 70)))
    picture -= rng.uniform(30, 80) * blurred(lines(rows, columns, vessels), 3)
    picture += 20 * down + rng.normal(0, rng.uniform(3, 12), picture.shape)
    if rng.random() < 0.7:
        radius = rng.uniform(0.95, 1.15)
        picture = picture * disc(rows, columns, (0, 0), (radius, radius), 0.01)
    return np.asarray(picture)


def film(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint a radiograph of a chest with ribs, in a bright unexposed border."""
    picture = 150 + 18 * fractal(rng, rows, columns, rows / 3, 5)
    for side in (-0.38, 0.38):
        picture -= 95 * disc(rows, columns, (0.0, side), (0.62, 0.28), 0.25)
    picture += 60 * disc(rows, columns, (0.1, 0.05), (0.9, 0.11), 0.9)
    picture += 45 * disc(rows, columns, (0.3, -0.14), (0.28, 0.25), 0.3)
    for side in (-1, 1):
        ribs = []
        for rib in range(9):
            steps = np.linspace(0, 1, 40)
            x = columns / 2 * (1 + side * (0.08 + 0.7 * np.sin(steps * 2.2)))
            y = rows * (0.16 + 0.075 * rib + 0.16 * steps**1.5)
            ribs.append((list(zip(x.tolist(), y.tolist(), strict=True)), rows / 55))
        picture += 16 * blurred(lines(rows, columns, ribs), 5)
    picture += rng.normal(0, 4, picture.shape)
    border = [round(size * rng.uniform(0, 0.09)) for size in (rows, rows, columns, columns)]
    level = float(rng.choice([250.0, 225.0, 8.0]))
    for edge, width in zip((np.s_[: border[0]], np.s_[rows - border[1] :]), border[:2], strict=True):
        picture[edge] = level if width else picture[edge]
    picture[:, : border[2]] = level
    picture[:, columns - border[3] :] = level
    return picture


def resonance(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint a slice of a head: skull, brain with folds, ventricles; Rician noise around it."""
    head = disc(rows, columns, (0, 0), (0.86, 0.7), 0.02)
    skull = disc(rows, columns, (0, 0), (0.78, 0.62), 0.03)
    brain = disc(rows, columns, (0, 0), (0.72, 0.56), 0.03)
    folds = 1 / (1 + np.exp(-6 * fractal(rng, rows, columns, rows / 14, 2)))
    picture = 170 * (head - skull) + brain * (85 + 70 * folds) + 6 * skull
    for side in (-0.12, 0.12):
        picture *= 1 - 0.8 * disc(rows, columns, (-0.05, side), (0.28, 0.08), 0.3)
    picture *= 1 + 0.15 * smooth(rng, rows, columns, rows / 1.5)
    sigma = rng.uniform(2, 9)
    return np.asarray(np.hypot(picture + rng.normal(0, sigma, picture.shape), rng.normal(0, sigma, picture.shape)))


def sheet(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint a digitized sheet of film: 5 rows of 4 slices on black, grain, dust, and a bright rim."""
    picture = np.full((rows, columns), rng.uniform(6, 26))
    high, wide = rows // 5, columns // 4
    slices = [resonance(rng, 200, 200) for _ in range(4)]
    gap = max(4, high // 30)
    for row in range(5):
        for column in range(4):
            tile = resized(slices[int(rng.integers(4))], high - 2 * gap, wide - 2 * gap)
            picture[row * high + gap : (row + 1) * high - gap, column * wide + gap : (column + 1) * wide - gap] = tile
    picture += rng.normal(0, 4, picture.shape)
    dust = rng.random(picture.shape) < 2e-5
    picture[dust] = 240
    rim = round(columns * rng.uniform(0, 0.012))
    if rim:
        picture[:rim], picture[:, :rim] = 245, 245
    return picture


def capture(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint a screen: windows with title bars and frames, a table, a curve, a picture in a pane."""
    dark = rng.random() < 0.5
    base, pane, line = (24, 40, 90) if dark else (212, 245, 150)
    picture = np.full((rows, columns, 3), float(base))
    for _ in range(rng.integers(2, 5)):
        top, left = int(rng.integers(0, rows * 2 // 3)), int(rng.integers(0, columns * 2 // 3))
        high, wide = int(rng.integers(rows // 5, rows // 2)), int(rng.integers(columns // 5, columns // 2))
        window = picture[top : top + high, left : left + wide]
        window[:] = line
        window[1:-1, 1:-1] = pane
        window[1:20, 1:-1] = rng.choice(np.array([(30, 60, 140), (90, 90, 90), (0, 110, 130)]))
        kind = rng.integers(3)
        body = window[24:-4, 4:-4]
        if kind == 0:
            body[:: int(rng.integers(14, 30))] = line
            body[:, :: int(rng.integers(50, 120))] = line
        elif kind == 1 and min(body.shape[:2]) > 40:
            body[:] = resonance(rng, *body.shape[:2])[..., None]
        elif min(body.shape[:2]) > 8:
            x = np.arange(0, body.shape[1], 2)
            curve = body.shape[0] / 2 * (1 + 0.8 * np.sin(x / rng.uniform(9, 40)) * np.exp(-x / columns))
            drawn = lines(body.shape[0], body.shape[1], [(list(zip(x.tolist(), curve.tolist(), strict=True)), 1)])
            body[drawn > 0.5] = (230, 60, 60) if rng.random() < 0.5 else (0, 160, 60)
    return picture


def endoscopy(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint mucosa with folds, vessels and specular lights in an aperture on black."""
    folds = fractal(rng, rows, columns, rows / 3, 4)
    down, across = grid(rows, columns)
    centre = rng.uniform(-0.3, 0.3, 2)
    light = np.exp(-1.6 * (np.hypot(down - centre[0], across - centre[1]) - 0.7) ** 2)
    value = np.clip(light * (0.75 + 0.18 * folds) + 0.03 * smooth(rng, rows, columns, 3), 0, 1)
    vessels = np.clip(1 - np.abs(fractal(rng, rows, columns, rows / 6, 2)) * 9, 0, 1)
    picture = value[..., None] * np.array((228, 128, 108)) - 40 * vessels[..., None] * np.array((0.3, 1, 1))
    picture[(fractal(rng, rows, columns, 14, 2) > 2.4) & (light > 0.6)] = 252
    edge = rng.uniform(0.85, 1.0)
    inside = disc(rows, columns, (0, 0), (edge, edge * rows / columns * 1.05), 0.004)
    return np.asarray(np.clip(picture, 0, 255) * inside[..., None])


def doppler(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint a sector with flow in red and blue, and the bar of its colours."""
    picture = np.repeat(ultrasound(rng, rows, columns)[..., None], 3, 2)
    flow = fractal(rng, rows, columns, rows / 9, 3)
    top, left = int(rows * rng.uniform(0.3, 0.45)), int(columns * rng.uniform(0.35, 0.45))
    box = np.s_[top : top + rows // 3, left : left + columns // 4]
    strength = np.clip(np.abs(flow[box]) - 0.5, 0, 1.2)[..., None] / 1.2
    colour = np.where(flow[box][..., None] > 0, np.array((255, 60, 20)), np.array((20, 90, 255))) * (0.4 + 0.6 * strength)
    picture[box] = np.where(strength > 0, colour, picture[box])
    ramp = np.linspace(-1, 1, rows // 4)[:, None, None]
    place = np.s_[rows // 8 : rows // 8 + len(ramp), columns - 40 : columns - 24]
    picture[place] = np.where(ramp < 0, -ramp * np.array((255, 120, 20)), ramp * np.array((20, 120, 255)))
    return picture


def photograph(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint a photograph: patches of skin, cloth and wall with texture and hard edges."""
    picture = np.zeros((rows, columns, 3))
    owner = np.argmax([smooth(rng, rows, columns, rows / 2.5) for _ in range(5)], axis=0)
    colours = np.array([(205, 160, 135), (60, 110, 90), (225, 225, 215), (70, 75, 120), (150, 110, 70)], float)
    for patch in range(5):
        grain = rng.uniform(4, 26) * fractal(rng, rows, columns, rng.uniform(3, 30), 3, rng.uniform(0.4, 0.9))
        mine = owner == patch
        picture[mine] = colours[patch] + grain[mine, None]
    weave = 9 * (np.sin(np.arange(columns) * 1.3)[None, :] * np.sin(np.arange(rows) * 1.3)[:, None])
    picture[owner == 1] += weave[owner == 1][:, None]
    picture *= (1 + 0.2 * smooth(rng, rows, columns, rows))[..., None]
    return picture + rng.normal(0, 3, picture.shape)


def perfusion(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint a map of banded colours in the shape of a head, and its bar."""
    level = np.clip(0.5 + 0.22 * fractal(rng, rows, columns, rows / 6, 4), 0, 0.999)
    bands = int(rng.integers(8, 33))
    ramp = np.floor(np.linspace(0, 0.999, rows // 2) * bands)[::-1, None] / bands
    head = disc(rows, columns, (0, 0), (0.8, 0.62), 0.001) > 0.5
    picture = np.where(head[..., None], _rainbow(np.floor(level * bands) / bands), 0)
    picture[rows // 4 : rows // 4 + len(ramp), columns - 36 : columns - 18] = _rainbow(np.repeat(ramp, 18, 1))
    return picture


def _rainbow(value: np.ndarray) -> np.ndarray:
    """Return blue, cyan, green, yellow and red for 0..1."""
    centres = np.array((0.75, 0.5, 0.25))
    return np.asarray(255 * np.clip(1.5 - np.abs(value[..., None] - centres) * 4, 0, 1))


def black(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Paint nothing."""
    return np.zeros((rows, columns))


@dataclass(frozen=True)
class Background:
    """A kind of image.

    Attributes:
        paint: its function.
        modality: DICOM's word.
        sop_class: of a single frame.
        sizes: rows and columns that occur.
        colour: three samples a pixel.
        speckled: its noise changes from frame to frame.
    """

    paint: Paint
    modality: str
    sop_class: str
    sizes: tuple[tuple[int, int], ...]
    colour: bool = False
    speckled: bool = False


_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SCREENS = ((480, 640), (600, 800), (768, 1024))
BACKGROUNDS = {
    "ultrasound": Background(ultrasound, "US", _STORAGE + "6.1", _SCREENS, speckled=True),
    "fluoroscopy": Background(fluoroscopy, "XA", _STORAGE + "12.1", ((512, 512), (768, 768)), speckled=True),
    "film": Background(film, "CR", _STORAGE + "1", ((1400, 1200), (1000, 1200))),
    "film sheet": Background(sheet, "OT", _STORAGE + "7", ((2000, 1640),)),
    "magnetic resonance": Background(resonance, "MR", _STORAGE + "7", ((256, 256), (512, 512)), speckled=True),
    "screen capture": Background(capture, "OT", _STORAGE + "7", _SCREENS, colour=True),
    "endoscopy": Background(endoscopy, "ES", _STORAGE + "77.1.1", _SCREENS[:2], colour=True),
    "colour Doppler": Background(doppler, "US", _STORAGE + "6.1", _SCREENS, colour=True, speckled=True),
    "photograph": Background(photograph, "XC", _STORAGE + "77.1.4", _SCREENS[:2], colour=True),
    "perfusion map": Background(perfusion, "MR", _STORAGE + "7", ((512, 512),), colour=True),
    "black": Background(black, "OT", _STORAGE + "7", _SCREENS),
}
#: what is drawn over a background and is no text
EXTRAS = ("none", "graticule", "rulers", "calipers", "bar", "trace")


def add_extra(rng: Rng, picture: np.ndarray, extra: str) -> None:
    """Draw a graticule, rulers, calipers, a bar of grey levels or an ECG into a picture."""
    rows, columns = picture.shape[:2]
    level = rng.uniform(120, 250)
    strokes: list[tuple[list[tuple[float, float]], float]] = []
    if extra == "graticule":
        step = int(rng.integers(40, 110))
        strokes += [([(x, 0), (x, rows)], 1) for x in range(step, columns, step)]
        strokes += [([(0, y), (columns, y)], 1) for y in range(step, rows, step)]
    elif extra == "rulers":
        x = int(columns * rng.uniform(0.9, 0.97))
        strokes.append(([(x, rows * 0.1), (x, rows * 0.9)], 1))
        strokes += [
            ([(x - (10 if k % 5 == 0 else 5), y), (x, y)], 1) for k, y in enumerate(range(rows // 10, rows * 9 // 10, rows // 50))
        ]
    elif extra == "calipers":
        (x0, x1), (y0, y1) = rng.uniform(0.3, 0.7, 2) * columns, rng.uniform(0.3, 0.7, 2) * rows
        for x, y in ((x0, y0), (x1, y1)):
            strokes += [([(x - 7, y), (x + 7, y)], 1), ([(x, y - 7), (x, y + 7)], 1)]
        for k in range(20):
            a, b = k / 20, k / 20 + 0.012
            strokes.append((([(x0 + (x1 - x0) * a, y0 + (y1 - y0) * a), (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)]), 1))
    elif extra == "bar":
        ramp = np.linspace(255, 0, rows // 3)[:, None]
        bar = picture[rows // 3 : rows // 3 + len(ramp), 14:30]
        bar[:] = ramp[..., None] if picture.ndim == 3 else ramp
    elif extra == "trace":
        time = np.arange(0, columns, 2)
        beat = (time % (columns // 5)) / (columns / 5)
        y = (
            rows * 0.9
            - 0.06 * rows * np.exp(-(((beat - 0.4) / 0.02) ** 2))
            - 0.015 * rows * np.exp(-(((beat - 0.7) / 0.06) ** 2))
        )
        strokes.append((list(zip(time.tolist(), y.tolist(), strict=True)), 1))
    drawn = lines(rows, columns, strokes) > 0.5
    picture[drawn] = (60, level, 60) if picture.ndim == 3 and rng.random() < 0.5 else level
