"""dciodvfy, an independent validator, finds no error in an output that it didn't find in the input."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from anonymizer import Anonymizer, DeidentificationError
from tests.support.objects import bundled_files

#: dciodvfy knows the standard of 2022: what newer SOP classes need it can't say
_VARIABLE = re.compile(rb"[0-9]+(\.[0-9]+)+|<[^>]*>|0x[0-9a-f]+")


def errors(path: Path) -> set[bytes]:
    """dciodvfy's errors without the values they name."""
    done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, check=False, timeout=60)
    return {_VARIABLE.sub(b"*", line) for line in (done.stdout + done.stderr).splitlines() if line.startswith(b"Error")}


@pytest.mark.skipif(shutil.which("dciodvfy") is None and "CI" not in os.environ, reason="dciodvfy (dicom3tools) isn't installed")
def test_conformance_does_not_get_worse(tmp_path: Path) -> None:
    anonymizer = Anonymizer(key=b"k" * 32)
    worse: dict[str, set[bytes]] = {}
    compared = 0
    for number, path in enumerate(bundled_files()):
        output = tmp_path / f"{number}.dcm"
        try:
            anonymizer.anonymize_file(path, output)
        except DeidentificationError:
            continue
        compared += 1
        if new := errors(output) - errors(path):
            worse[path.name] = new
    assert compared > 80
    assert worse == {}
