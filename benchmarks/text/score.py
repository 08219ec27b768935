"""Comparison of what a tool wrote with what it got: which texts are covered, and what else was changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from .drawing import ring_of
from .generate import LABELS, OBJECTS, mask_of

#: of a text's ink, in each frame where it stands
COVERED = 0.95
#: of the pixels around the ink, inside its bounds: else a text is not covered, though its own pixels are all alike
AROUND = 0.8
#: ... of a mere stroke, which fills the rectangle around it
AROUND_STROKE = 0.5
_STROKE = 8
#: in levels of 8 bits, of objects with lossy frames
TOLERANCE = 12


@dataclass
class ObjectScore:
    """The score of one object.

    Attributes:
        file: of the input.
        cell: the object's factors.
        outcome: "written", "refused" where there is no output, "unreadable" where its pixels can't be compared.
        boxes: each label with "covered" and "frames", the share of its frames in which it is.
        changed: share of pixels that differ.
        strange: share of pixels that differ and don't have the colour of a filled rectangle.
    """

    file: str
    cell: dict[str, Any]
    outcome: str
    boxes: list[dict[str, Any]] = field(default_factory=list)
    changed: float = 0.0
    strange: float = 0.0


def score(folder_in: Path, folder_out: Path, *, processes: int | None = None) -> list[ObjectScore]:
    """Score a folder that :func:`generate` wrote against a folder with a tool's outputs.

    An output belongs to the input with its file name or its SOPInstanceUID, or to the one that ``sources.json`` names:
    an object with the names of outputs and inputs.
    """
    labels = json.loads((folder_in / LABELS).read_text())
    outputs = _outputs(folder_out)
    work = [
        (label, folder_in / OBJECTS / label["file"], outputs.get(label["file"]) or outputs.get(label["instance"]))
        for label in labels["objects"]
    ]
    if (processes or os.cpu_count() or 1) == 1:
        return [score_object(*each) for each in work]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(score_object, *zip(*work, strict=True), chunksize=4))


def _outputs(folder: Path) -> dict[str, Path]:
    """Return outputs by file name and by SOPInstanceUID."""
    sources = folder / "sources.json"
    named = json.loads(sources.read_text()) if sources.is_file() else {}
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path == sources:
            continue
        below = path.relative_to(folder).as_posix()
        if below in named:
            found[named[below]] = path
            continue
        try:
            header = dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True)
        except InvalidDicomError:
            continue
        found[path.name] = path
        found.setdefault(str(header.get("SOPInstanceUID", "")), path)
    return found


def score_object(label: dict[str, Any], source: Path, output: Path | None) -> ObjectScore:
    """Score one object; a missing output is a refusal, which covers all of its texts."""
    found = ObjectScore(label["file"], label["cell"], "written")
    if output is None:
        found.outcome = "refused"
    else:
        before, after = frames_of(source), frames_of(output)
        if after is None or before is None or before.shape != after.shape:
            found.outcome = "unreadable"
        else:
            tolerance = _tolerance(label["cell"], before)
            _score_pixels(found, label, before, after, tolerance)
            return found
    covered = found.outcome == "refused"
    found.boxes = [_outcome_of(box, [covered], label) for box in label["boxes"]]
    return found


def _tolerance(cell: dict[str, Any], before: np.ndarray) -> int:
    """Return by how much a filled pixel may differ from the fill."""
    return TOLERANCE if cell["syntax"] == "jpeg" else 0


def _score_pixels(found: ObjectScore, label: dict[str, Any], before: np.ndarray, after: np.ndarray, tolerance: int) -> None:
    fills: list[np.ndarray] = []
    for box in label["boxes"]:
        covered = []
        for ink in box["inks"]:
            mask = mask_of(ink)
            for frame, left, top in ink["at"]:
                share, fill = coverage(after[frame], mask, left, top, tolerance)
                covered.append(share >= COVERED)
                if covered[-1]:
                    fills.append(fill)
        found.boxes.append(_outcome_of(box, covered, label))
    differs = (np.abs(after - before) > tolerance).any(axis=-1)
    found.changed = float(differs.mean())
    found.strange = _strange(after, differs, tolerance)


def _outcome_of(box: dict[str, Any], covered: list[bool], label: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in box.items() if name != "inks"}
    first = box["inks"][0]
    return kept | {
        "file": label["file"],
        "at": [*first["at"][0][1:], first["columns"], first["rows"]],
        "covered": all(covered),
        "frames": sum(covered) / len(covered),
    }


def coverage(frame: np.ndarray, ink: np.ndarray, left: int, top: int, tolerance: int) -> tuple[float, np.ndarray]:
    """Return the share of ink that has the colour of its filled surroundings, and that colour; 0.0 where they are not filled."""
    width = 2
    rows, columns = ink.shape
    cut_top, cut_left = max(0, width - top), max(0, width - left)
    area = frame[max(0, top - width) : top + rows + width, max(0, left - width) : left + columns + width]
    window = np.s_[cut_top : cut_top + area.shape[0], cut_left : cut_left + area.shape[1]]
    near = ring_of(ink, width)
    inside = near.copy()
    inside[:width], inside[:, :width], inside[rows + width :], inside[:, columns + width :] = False, False, False, False
    # a rectangle may end where the ink does; of a stroke that fills its own bounds only what is beyond them tells
    is_stroke = inside.sum() * _STROKE < ink.sum()
    letters, ring = area[np.pad(ink, width)[window]], area[(near if is_stroke else inside)[window]]
    if not len(letters):
        return 0.0, area[0, 0]
    both = np.concatenate([letters, ring])
    # one that most pixels have, if they have one at all
    fill = np.median(both, axis=0).astype(both.dtype)
    around = (np.abs(ring - fill) <= tolerance).all(axis=-1).mean() if len(ring) else 1.0
    filled = (np.abs(letters - fill) <= tolerance).all(axis=-1).mean()
    return (float(filled) if around >= (AROUND_STROKE if is_stroke else AROUND) else 0.0), fill


def _strange(after: np.ndarray, differs: np.ndarray, tolerance: int) -> float:
    """Return the share of pixels that changed to another value than the commonest one that pixels changed to."""
    if not differs.any():
        return 0.0
    values = after[differs]
    kinds, counts = np.unique(values, axis=0, return_counts=True)
    fill = kinds[counts.argmax()]
    return float((np.abs(values - fill) > tolerance).any(axis=-1).sum() / differs.size)


def frames_of(path: Path) -> np.ndarray | None:
    """Return frames as frames x rows x columns x samples, in RGB or in grey levels or in palette colours; None if unreadable."""
    from pydicom.pixels.processing import apply_color_lut

    try:
        dataset = dcmread(path)
        pixels = dataset.pixel_array
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, dataset)
    except Exception:
        # a tool may write anything, and decoders fail in any way
        return None
    if int(dataset.get("NumberOfFrames", 1)) == 1 and pixels.ndim == (3 if pixels.shape[-1] == 3 else 2):
        pixels = pixels[None]
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    return pixels.astype(np.int32)


def missed(scores: Iterable[ObjectScore]) -> list[dict[str, Any]]:
    """Return texts that are not covered, with their object's factors."""
    return [box | {"object": each.cell} for each in scores for box in each.boxes if not box["covered"]]
