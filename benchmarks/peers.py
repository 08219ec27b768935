"""The peers, each run as its documentation says, over a folder: ``python peers.py PEER INPUT OUTPUT [PROCESSES]``.

Runs in an environment that has the peers and not this project.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

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


PEERS: dict[str, Callable[[], Rewrite]] = {
    "copy": _copy,
    "dicognito": _dicognito,
    "dicom-anonymizer": _dicom_anonymizer,
    "deid": _deid,
    "dcmanon": _dcmanon,
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
