"""``python -m tests.benchmark``: CPU per file of ``anonymize_file`` against a plain copy and, where installed, dicognito.

All of it in one process and one run, in turn, so that the ratios hold on a noisy machine. Nothing here is a test.
"""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from anonymizer import Anonymizer
from profiles import ConfidentialityProfile

_FILES, _ROUNDS = 50, 7
_CLEANING = "RetainSafePrivate,RetainLongModifDates,RetainDeviceIdent,RetainPatientChars,CleanDesc,CleanStructdCont,CleanGraph"


def ct_series(folder: Path) -> list[Path]:
    """A series of 0.5 MB CT images with the header of a real one."""
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.Rows = dataset.Columns = 512
    paths = []
    for number in range(_FILES):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(
            entropy_srcs=["benchmark", str(number)]
        )
        dataset.PixelData = bytes([number, 0]) * 512 * 512
        paths.append(folder / f"{number}.dcm")
        dataset.save_as(paths[-1])
    return paths


def contenders() -> dict[str, Callable[[Path, Path], object]]:
    """What is measured, by name: each takes a file and writes another."""

    def anonymize_with(options: str) -> Callable[[Path, Path], object]:
        profile = ConfidentialityProfile.default(options)
        return Anonymizer(profile, b"a key for the benchmark, 32 bytes or more").anonymize_file

    found: dict[str, Callable[[Path, Path], object]] = {
        "read and write": lambda path, out: out.write_bytes(path.read_bytes()),
        "anonymize_file": anonymize_with(""),
        "RetainSafePrivate": anonymize_with("RetainSafePrivate"),
        "RetainLongModifDates": anonymize_with("RetainLongModifDates"),
        "CleanDesc": anonymize_with("CleanDesc"),
        "these three and all else that cleans": anonymize_with(_CLEANING),
    }
    if importlib.util.find_spec("dicognito"):
        from dicognito.anonymizer import Anonymizer as Dicognito

        dicognito = Dicognito()

        def run_dicognito(path: Path, out: Path) -> None:
            with pydicom.dcmread(path) as dataset:
                dicognito.anonymize(dataset)
                dataset.save_as(out)

        found["dicognito"] = run_dicognito
    return found


def main() -> None:
    """Print milliseconds of CPU per file and the ratio to ``anonymize_file``."""
    with tempfile.TemporaryDirectory() as name:
        paths = ct_series(Path(name))
        functions = contenders()
        times: dict[str, list[float]] = {contender: [] for contender in functions}
        for _ in range(_ROUNDS):
            for contender, function in functions.items():
                # new files each time: what it costs a file system to replace one differs from system to system
                with tempfile.TemporaryDirectory() as output:
                    started = time.process_time()
                    for path in paths:
                        function(path, Path(output) / path.name)
                    times[contender].append((time.process_time() - started) / len(paths) * 1000)
    ours = statistics.median(times["anonymize_file"])
    print("| 0.5 MB CT, one process | CPU ms per file | times anonymize_file |\n|---|---|---|")
    for contender, rounds in times.items():
        median = statistics.median(rounds)
        print(f"| {contender} | {median:.2f} | {median / ours:.2f} |")


if __name__ == "__main__":
    main()
