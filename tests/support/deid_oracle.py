"""Evaluates recipes by the package deid itself: a program for an interpreter that has it.

It reads cases as JSON, ``[{"recipe": text, "object": {keyword: value or values}, "rows": n, "columns": n}]``, and writes for each
the filters whose labels matched, in order, and the mask of kept pixels, or the name of the error.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any


def evaluated(case: dict[str, Any]) -> dict[str, Any]:
    """What the package does with one case."""
    import numpy
    from deid.config import DeidRecipe
    from deid.dicom.pixels.clean import clean_pixel_data
    from deid.dicom.pixels.detect import has_burned_pixels
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for keyword, value in case["object"].items():
        setattr(dataset, keyword, value)
    dataset.Rows, dataset.Columns = case["rows"], case["columns"]
    dataset.SamplesPerPixel, dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 8, 8, 7
    dataset.PixelRepresentation, dataset.PhotometricInterpretation = 0, "MONOCHROME2"
    dataset.PixelData = numpy.ones((case["rows"], case["columns"]), numpy.uint8).tobytes()
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "deid.recipe")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(case["recipe"])
            # anew each time: a recipe that was used carries the last object's coordinates
            recipe = DeidRecipe(path)
        found = has_burned_pixels(dataset, deid=recipe)
        cleaned = clean_pixel_data(dataset, found)
    except (Exception, SystemExit) as error:
        return {"error": type(error).__name__}
    return {"filters": [one["group"] for one in found["results"]], "mask": cleaned.tolist()}


if __name__ == "__main__":
    silent = open(os.devnull, "w")  # noqa: SIM115  # for the whole program
    out, sys.stdout, sys.stderr = sys.stdout, silent, silent
    json.dump([evaluated(case) for case in json.load(sys.stdin)], out)
