"""An archive with planted identifiers and bad input, and the real command run over it once."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from pydicom.data import get_testdata_file

from pipeline.cli import main
from tests.support.forked import SIGNALS, run_forked
from tests.support.keys import write_key
from tests.support.objects import EXPLICIT, Element, ct, from_dataset, nested, part10, read
from tests.support.planting import planted
from tests.support.tokens import Tokens

ROOT = Path(__file__).resolve().parents[2]

#: bundled files of many classes, encodings and character sets
REAL = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "JPEG2000.dcm",
    "JPEG-lossy.dcm",
    "MR_small_RLE.dcm",
    "rtplan.dcm",
    "rtdose.dcm",
    "rtstruct.dcm",
    "reportsi.dcm",
    "test-SR.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "ExplVR_BigEnd.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "waveform_ecg.dcm",
    "examples_palette.dcm",
    "examples_ybr_color.dcm",
)
#: those of them whose pixels may show who somebody is, and why they are refused
AT_RISK = {
    "JPEG2000.dcm": "pixel-risk-secondary-capture",
    "JPEG-lossy.dcm": "pixel-risk-secondary-capture",
    "image_dfl.dcm": "pixel-risk-secondary-capture",
    "ExplVR_BigEnd.dcm": "pixel-risk-ultrasound",
    "SC_rgb_jpeg_gdcm.dcm": "pixel-risk-secondary-capture",
    "examples_palette.dcm": "pixel-risk-ultrasound",
    "examples_ybr_color.dcm": "pixel-risk-ultrasound",
}
#: writes all that can be read
KEEPING = "--pixels=keep"


def audit_of(output: Path) -> Path:
    """Where an output's audit is by default: beside it."""
    return output.with_name(f"{output.name}-audit")


@dataclass
class Run:
    """A finished command and what it wrote."""

    output: Path
    code: int
    log: str

    @property
    def audit(self) -> Path:
        """Where its audit is by default."""
        return audit_of(self.output)

    @property
    def report(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.audit / "run.json").read_text())
        return content

    def table(self, name: str) -> list[dict[str, Any]]:
        """Rows of the tables that ``run.json`` lists."""
        files = [file for file in self.report["tables"] if file.startswith(name)]
        return [row for file in files for row in pq.read_table(self.audit / file).to_pylist()]

    def objects(self) -> dict[str, bytes]:
        """The written objects by name."""
        files = self.output.rglob("*.dcm")
        return {str(file.relative_to(self.output)): file.read_bytes() for file in files}


@dataclass
class PlantedArchive:
    """Files with planted tokens, in folders and under names that are tokens too.

    Attributes:
        readable: objects that can be de-identified.
        at_risk: those of them that are refused unless pixels are kept, by reason code.
    """

    folder: Path
    key: Path
    tokens: Tokens = field(default_factory=Tokens)
    readable: int = 0
    at_risk: Counter[str] = field(default_factory=Counter)
    files: int = 0

    @property
    def passing(self) -> int:
        """Objects that are written by default."""
        return self.readable - self.at_risk.total()

    def add(self, content: bytes, suffix: str = ".dcm") -> Path:
        """A new file with ``content``, in a folder of its own."""
        folder = self.folder / self.tokens.text()
        folder.mkdir(parents=True)
        path = folder / f"{self.tokens.text()}{suffix}"
        path.write_bytes(content)
        self.files += 1
        return path


def run_command(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``python -m pipeline``, in a process forked from one that has imported it."""
    return run_forked(*arguments, env=env)


def run_in_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in this process, for what ends before any work: wrong usage, help, explanations."""
    result = CliRunner().invoke(main, arguments, prog_name="dicom-deid")
    # an error that is no exit would be a traceback
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def run_real_command(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``python -m pipeline`` as a user's shell would run it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments], capture_output=True, text=True, env=environment, timeout=300, check=False
    )


def deidentify(archive: Path, output: Path, key: Path, *arguments: str) -> Run:
    """``dicom-deid run`` over a folder."""
    done = run_command("run", "--input", str(archive), "--output", str(output), "--key", f"file:{key}", *arguments)
    return Run(output, done.returncode, done.stdout + done.stderr)


@pytest.fixture
def heard() -> Iterator[None]:
    """What is ignored here is ignored by the commands, too, and tests may be started with nohup, or behind a shell's back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # by most keys, some new UID of the planted archive has the digits of a planted date by chance
    return write_key(tmp_path_factory.mktemp("key") / "key", hashlib.sha256(b"key 13 of the tests").hexdigest())


@pytest.fixture(scope="session")
def planted_archive(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> PlantedArchive:
    archive = PlantedArchive(tmp_path_factory.mktemp("archive"), key_file)
    for name in REAL:
        path = get_testdata_file(name)
        assert isinstance(path, str), f"pydicom has no {name} any more"
        archive.add(planted(path, archive.tokens))
        archive.readable += 1
        if name in AT_RISK:
            archive.at_risk[AT_RISK[name]] += 1
    tokens = archive.tokens
    archive.add(tokens.text().encode() * 20, ".txt")
    archive.add(b"")
    archive.add(part10(ct(Element(0x00100010, "PN", tokens.text())))[:-5])
    archive.add(part10(ct(Element(0x00280301, "CS", "YES"), Element(0x00100010, "PN", tokens.text()))))
    archive.readable += 1
    archive.at_risk["burned-in-annotation"] += 1
    archive.add(part10(ct(nested(100, Element(0x00100010, "PN", tokens.text())))))
    archive.add(part10(ct(Element(0x00100010, "PN", tokens.text()), without=[0x00080018]), instance=""))
    return archive


@pytest.fixture(scope="session")
def planted_run(planted_archive: PlantedArchive, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(planted_archive.folder, tmp_path_factory.mktemp("out") / "output", planted_archive.key)


@pytest.fixture(scope="session")
def planted_kept(planted_archive: PlantedArchive, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that writes what the other one refuses for its pixels: nothing else may be left in it."""
    return deidentify(planted_archive.folder, tmp_path_factory.mktemp("kept") / "output", planted_archive.key, KEEPING)


def ct_file(instance: str, *extra: Element, study: str = "1.2.826.0.1.999.1.2", syntax: str = EXPLICIT) -> bytes:
    """A small CT with its own instance UID."""
    return part10(ct(Element(0x00080018, "UI", instance), Element(0x0020000D, "UI", study), *extra), syntax)


def write_studies(folder: Path, names: Iterable[str], more: Callable[[int], list[Element]]) -> None:
    """Write a small CT under each of ``names``, 50 in a study of one series; ``more``: further elements, by its number."""
    for number, name in enumerate(names):
        study = f"1.2.3.{number // 50}"
        extra = [Element(0x0020000E, "UI", f"{study}.1"), *more(number)]
        (folder / name).write_bytes(ct_file(f"{study}.9.{number}", *extra, study=study))


def as_explicit(content: bytes) -> bytes:
    """A file written anew by pydicom."""
    return from_dataset(read(content))
