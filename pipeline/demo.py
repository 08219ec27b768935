"""``python -m pipeline.demo``: the job on the sample files of pydicom, with a table of values before and after."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from rich.console import Console
from rich.table import Table

from anonymizer import Anonymizer, DeidentificationError, create_key_file

from .cli import main
from .exit_codes import EXIT_QUARANTINED

_SHOWN = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "StudyDate",
    "InstitutionName",
    "SOPInstanceUID",
    "Rows",
    "PatientIdentityRemoved",
)
#: an ultrasound, and two secondary captures
_RISKY = ("examples_ybr_color.dcm", "examples_palette.dcm", "SC_rgb_small_odd.dcm")


def demo(folder: Path) -> None:
    """Write a key, the de-identified samples and their audit to ``folder``, and print some values before and after."""
    folder.mkdir(exist_ok=True)
    key = folder / "key"
    with contextlib.suppress(FileExistsError):
        create_key_file(key)
    sample = get_testdata_file("CT_small.dcm")
    samples = str(Path(str(sample)).parent)
    arguments = ["run", "--input", samples, "--output", str(folder / "output"), "--key", f"file:{key}"]
    try:
        main(arguments)
    except SystemExit as end:
        if end.code not in (0, EXIT_QUARANTINED):
            raise
    before = pydicom.dcmread(str(sample))
    after = Anonymizer(key=f"file:{key}").anonymize(before)
    table = Table("attribute", "before", "after", title="One of the samples")
    for keyword in _SHOWN:
        table.add_row(keyword, str(before.get(keyword, "(absent)")), str(after.get(keyword, "(absent)")))
    Console().print(table)
    Console().print(_refused(Anonymizer(key=f"file:{key}")))
    print("With --options CleanPixelData, rules and reviewers say what to blank in them: docs/how-to/clean-pixels.md.")
    print("Other quarantined samples are broken on purpose, for tests of pydicom.")
    print("docs/reference/reason-codes.md explains the reason codes.")


def _refused(anonymizer: Anonymizer) -> Table:
    """Return a table of samples whose pixels may identify a person, and the option that lets each pass."""
    table = Table("sample", "refused as", "passes with", title="Samples whose pixels may identify a person")
    for name in _RISKY:
        try:
            anonymizer.anonymize(str(get_testdata_file(name)))
        except DeidentificationError as error:
            table.add_row(name, error.reason.value, "--pixels keep")
    return table


if __name__ == "__main__":
    demo(Path(sys.argv[1] if len(sys.argv) > 1 else "deid-demo"))
