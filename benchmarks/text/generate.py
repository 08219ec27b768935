"""Generation of the labelled set: DICOM files, and ``labels.json`` that says which pixels are ink."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .cells import ObjectCell, plan
from .drawing import Ink, Text, draw
from .lettering import ink_of
from .objects import write_object
from .texts import KINDS, person

LABELS = "labels.json"
#: of the folder with the objects, beside the labels
OBJECTS = "objects"


def generate(
    folder: Path, count: int, seed: int, *, texts: int = 5, processes: int | None = None, largest: int = 4096
) -> dict[str, Any]:
    """Write ``count`` objects and their labels; the same for a seed, where the machine's fonts are the same.

    No frame has more rows or columns than ``largest``.
    """
    (folder / OBJECTS).mkdir(parents=True)
    cells = [cell.within(largest) for cell in plan(count, seed, texts=texts)]
    work = [(folder / OBJECTS, seed, number, cell) for number, cell in enumerate(cells)]
    if (processes or os.cpu_count() or 1) == 1:
        objects = [_generate_one(*each) for each in work]
    else:
        with ProcessPoolExecutor(processes) as pool:
            objects = list(pool.map(_generate_one, *zip(*work, strict=True), chunksize=4))
    labels = {"seed": seed, "objects": objects}
    (folder / LABELS).write_text(json.dumps(labels))
    return labels


def _generate_one(folder: Path, seed: int, number: int, cell: ObjectCell) -> dict[str, Any]:
    rng = np.random.default_rng((seed, number))
    who = person(rng)
    frames, texts = draw(rng, cell, who)
    name = f"object-{number:05d}.dcm"
    instance = write_object(folder / name, frames, cell, who, rng, number)
    return {"file": name, "instance": instance, "cell": cell.factors(), "boxes": [_label(text) for text in texts]}


def _label(text: Text) -> dict[str, Any]:
    return {
        "text": text.text,
        "identifier": KINDS[text.cell.kind][0],
        "visibility": text.visibility,
        "cell": asdict(text.cell),
        "inks": [_runs(ink) for ink in text.inks if ink.at],
    }


def _runs(ink: Ink) -> dict[str, Any]:
    """Return a mask as the starts and lengths of its runs, row after row."""
    mask = ink_of(ink.coverage)
    flat = np.concatenate([[0], mask.ravel().astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(flat))
    runs = np.stack([edges[::2], edges[1::2] - edges[::2]], 1)
    return {"rows": mask.shape[0], "columns": mask.shape[1], "runs": runs.ravel().tolist(), "at": ink.at}


def mask_of(ink: dict[str, Any]) -> np.ndarray:
    """Return the mask that a label's runs describe."""
    flat = np.zeros(ink["rows"] * ink["columns"], bool)
    runs = ink["runs"]
    for start, length in zip(runs[::2], runs[1::2], strict=True):
        flat[start : start + length] = True
    return flat.reshape(ink["rows"], ink["columns"])
