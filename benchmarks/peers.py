"""The peers, each run as its documentation says, over a folder: ``python peers.py PEER INPUT OUTPUT [PROCESSES]``.

Runs in an environment that has the peers and not this project.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from typing import Any

#: what is blanked in pixels, half-open: left, top, right, bottom
RECTANGLES = ((0, 0, 1024, 40), (0, 728, 320, 768))
#: the exit status where a peer's decoders can't read the pixels
UNREADABLE = 65
#: takes a file and writes another
Rewrite = Callable[[str, str], object]


def _copy() -> Rewrite:
    """Return a plain copy, which is no peer: what Python itself takes to read and write."""

    def rewrite(source: str, target: str) -> None:
        with open(source, "rb") as stream:
            content = stream.read()
        with open(target, "wb") as stream:
            stream.write(content)

    return rewrite


def _dicognito() -> Rewrite:
    import pydicom
    from dicognito.anonymizer import Anonymizer

    # without a seed, each process would give a patient another name
    anonymizer = Anonymizer(seed="benchmark")

    def rewrite(source: str, target: str) -> None:
        with pydicom.dcmread(source) as dataset:
            anonymizer.anonymize(dataset)
            dataset.save_as(target)

    return rewrite


def _dicom_anonymizer() -> Rewrite:
    from dicomanonymizer import anonymize_dicom_file

    return anonymize_dicom_file


def _deid() -> Rewrite:
    from deid.config import DeidRecipe
    from deid.dicom import replace_identifiers

    # its default, which it would otherwise read again for each file
    recipe = DeidRecipe()

    def rewrite(source: str, target: str) -> None:
        # it takes the folder only, and gives the output the input's name
        replace_identifiers(dicom_files=[source], deid=recipe, save=True, output_folder=os.path.dirname(target))

    return rewrite


def _dcmanon() -> Rewrite:
    from dcmanon import Anonymizer

    anonymizer = Anonymizer()

    def rewrite(source: str, target: str) -> None:
        content = anonymizer.anonymize(source)
        with open(target, "wb") as stream:
            stream.write(content)

    return rewrite


def _pydicom_pixels() -> Rewrite:
    """Return a cleaner as pydicom's documentation has its parts: decompress, change the array, compress."""
    import numpy
    from pydicom import dcmread
    from pydicom.pixels import get_encoder

    # the loss of the syntaxes that lose something, as the inputs have it
    loss: dict[str, dict[str, Any]] = {
        "1.2.840.10008.1.2.4.81": {"jls_error": 2},
        "1.2.840.10008.1.2.4.91": {"j2k_psnr": [42]},
    }

    def rewrite(source: str, target: str) -> None:
        dataset = dcmread(source)
        syntax = dataset.file_meta.TransferSyntaxUID
        with _or_unreadable():
            if syntax.is_compressed:
                dataset.decompress()
            pixels = numpy.array(dataset.pixel_array)
        for left, top, right, bottom in RECTANGLES:
            pixels[:, top:bottom, left:right] = 0
        try:
            encodes = syntax.is_compressed and get_encoder(syntax).is_available
        except NotImplementedError:
            encodes = False
        if encodes:
            dataset.compress(syntax, pixels, **loss.get(syntax, {}))
        else:
            dataset.PixelData = pixels.tobytes()
        dataset.save_as(target)

    return rewrite


def _deid_pixels() -> Rewrite:
    from deid.dicom import DicomCleaner

    areas = "\n".join(f"  coordinates {','.join(map(str, area))}" for area in RECTANGLES)
    # it takes a file; the folder goes when the function does
    folder_of_recipe = tempfile.TemporaryDirectory()
    recipe = os.path.join(folder_of_recipe.name, "deid.banner")
    with open(recipe, "w") as stream:
        stream.write(f"FORMAT dicom\n\n%filter graylist\n\nLABEL banner\n  contains Modality US\n{areas}\n")

    def rewrite(source: str, target: str, _: object = folder_of_recipe) -> None:
        # as documented, one for each file
        cleaner = DicomCleaner(output_folder=os.path.dirname(target), deid=recipe)
        cleaner.detect(source)
        with _or_unreadable():
            cleaner.clean()
        # it chooses the name
        cleaner.save_dicom()

    return rewrite


@contextlib.contextmanager
def _or_unreadable() -> Iterator[None]:
    """End the program with the status for it where a decoder is missing or refuses what it gets."""
    try:
        yield
    except (NotImplementedError, RuntimeError):
        traceback.print_exc()
        sys.exit(UNREADABLE)


PEERS: dict[str, Callable[[], Rewrite]] = {
    "copy": _copy,
    "dicognito": _dicognito,
    "dicom-anonymizer": _dicom_anonymizer,
    "deid": _deid,
    "dcmanon": _dcmanon,
    "pydicom-pixels": _pydicom_pixels,
    "deid-pixels": _deid_pixels,
}


def files_below(source: str, target: str) -> Iterator[tuple[str, str]]:
    """Yield each file of the tree ``source``, and its path below ``target``, which gets the same folders."""
    for folder, _, names in os.walk(source):
        below = os.path.join(target, os.path.relpath(folder, source))
        os.makedirs(below, exist_ok=True)
        for name in names:
            yield os.path.join(folder, name), os.path.join(below, name)


_rewrite: Rewrite


def _prepare(peer: str) -> None:
    global _rewrite
    _rewrite = PEERS[peer]()


def _rewrite_one(pair: tuple[str, str]) -> None:
    _rewrite(*pair)


def main() -> None:
    peer, source, target = sys.argv[1:4]
    processes = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    if processes == 1:
        rewrite = PEERS[peer]()
        for pair in files_below(source, target):
            rewrite(*pair)
        return
    from multiprocessing import Pool

    with Pool(processes, _prepare, (peer,)) as pool:
        for _ in pool.imap_unordered(_rewrite_one, files_below(source, target), chunksize=16):
            pass
        # waited for, so that what they took is counted
        pool.close()
        pool.join()


if __name__ == "__main__":
    main()
