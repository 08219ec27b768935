"""Noise, gradients, lines and discs from which backgrounds are made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

Rng = np.random.Generator


def smooth(rng: Rng, rows: int, columns: int, cell: float) -> np.ndarray:
    """Return noise of mean 0 and deviation 1 whose grain is about ``cell`` pixels."""
    small = rng.standard_normal((max(2, round(rows / cell) + 1), max(2, round(columns / cell) + 1))).astype(np.float32)
    found = resized(small, rows, columns)
    return np.asarray((found - found.mean()) / (found.std() + 1e-6))


def resized(picture: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return a grey picture in another size."""
    image = Image.fromarray(np.ascontiguousarray(picture, np.float32))
    return np.asarray(image.resize((columns, rows), Image.Resampling.BICUBIC))


def fractal(rng: Rng, rows: int, columns: int, cell: float, octaves: int = 4, keep: float = 0.55) -> np.ndarray:
    """Return clouds: noise of several grains, each finer one weaker."""
    found = np.zeros((rows, columns), np.float32)
    weight = 1.0
    for octave in range(octaves):
        found += weight * smooth(rng, rows, columns, max(1.0, cell / 2**octave))
        weight *= keep
    return np.asarray(found / (found.std() + 1e-6))


def grid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return y and x of each pixel, in -1..1."""
    down = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    return np.broadcast_to(down, (rows, columns)), np.broadcast_to(across, (rows, columns))


def disc(rows: int, columns: int, centre: tuple[float, float], radii: tuple[float, float], soft: float = 0.02) -> np.ndarray:
    """Return an ellipse, 1 inside and 0 outside, with a soft edge; centre and radii in -1..1, y first."""
    down, across = grid(rows, columns)
    distance = np.hypot((down - centre[0]) / radii[0], (across - centre[1]) / radii[1])
    return np.clip((1 - distance) / soft + 0.5, 0, 1)


def lines(rows: int, columns: int, strokes: Sequence[tuple[Sequence[tuple[float, float]], float]]) -> np.ndarray:
    """Return polylines as coverage 0..1: for each its points as x and y in pixels, and its width."""
    image = Image.new("L", (columns, rows))
    pen = ImageDraw.Draw(image)
    for points, width in strokes:
        pen.line(list(points), fill=255, width=max(1, round(width)), joint="curve")
    return np.asarray(image, np.float32) / 255


def blurred(picture: np.ndarray, width: int) -> np.ndarray:
    """Return a picture after a box blur, twice."""
    found = picture.astype(np.float32)
    for axis in (0, 1, 0, 1):
        sums = np.cumsum(np.concatenate([np.repeat(found.take([0], axis), width, axis), found], axis), axis)
        upper = sums.take(range(width, sums.shape[axis]), axis)
        lower = sums.take(range(sums.shape[axis] - width), axis)
        found = np.roll((upper - lower) / width, -(width // 2), axis)
    return found


def speckle(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """Return the speckle of a sector in beam coordinates: long across, short along the beam; mean 1."""
    found = rng.rayleigh(0.8, (rows, columns)).astype(np.float32)
    return (found + np.roll(found, 1, 1) + np.roll(found, 2, 1) + np.roll(found, 1, 0)) / 4
