"""dciodvfy, an independent validator, finds no error in an output that it didn't find in the input."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from anonymizer import Anonymizer, DeidentificationError
from profiles import ConfidentialityProfile
from tests.support.keys import KEY
from tests.support.objects import DEFLATED, bundled_files
from tests.support.table import OPTIONS, Combination, name_of

#: dciodvfy knows the standard of 2022: what newer SOP classes need it can't say
_VARIABLE = re.compile(rb"[0-9]+(\.[0-9]+)+|<[^>]*>|0x[0-9a-f]+")


#: the Basic Profile, and five combinations of options that touch every rule
COMBINATIONS: tuple[Combination, ...] = (
    (),
    ("RetainSafePrivate", "RetainDeviceIdent", "RetainPatientChars", "RetainLongModifDates", "CleanDesc"),
    ("RetainUIDs", "RetainPatientChars", "RetainLongFullDates", "RetainInstitutionIdent"),
    ("CleanDesc", "CleanStructdCont", "CleanGraph"),
    tuple(option for option in OPTIONS if option != "RetainLongFullDates"),
    ("RetainLongModifDates", "CleanStructdCont"),
)


@cache
def errors(path: Path) -> set[bytes]:
    """dciodvfy's errors without the values they name."""
    done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, check=False, timeout=60)
    return {_VARIABLE.sub(b"*", line) for line in (done.stdout + done.stderr).splitlines() if line.startswith(b"Error")}


NEEDS_DCIODVFY = pytest.mark.skipif(
    shutil.which("dciodvfy") is None and "CI" not in os.environ, reason="dciodvfy (dicom3tools) isn't installed"
)


@NEEDS_DCIODVFY
@pytest.mark.parametrize("options", COMBINATIONS, ids=name_of)
def test_conformance_does_not_get_worse(options: Combination, tmp_path: Path) -> None:
    # many of the files are pictures of nobody knows what
    _check(ConfidentialityProfile.default(list(options), pixels="keep"), tmp_path)


@NEEDS_DCIODVFY
@pytest.mark.parametrize("rule", ["*;K!", "SeriesDescription;K!", "{DA};K!"])
def test_nor_do_the_stamps_of_what_was_left_make_it_worse(rule: str, tmp_path: Path) -> None:
    _check(ConfidentialityProfile.from_csv_string(rule, pixels="keep", screen=False), tmp_path)


def _check(profile: ConfidentialityProfile, tmp_path: Path) -> None:
    anonymizer = Anonymizer(profile, KEY)
    worse: dict[str, set[bytes]] = {}
    compared = 0
    for number, path in enumerate(bundled_files()):
        output = tmp_path / f"{number}.dcm"
        try:
            anonymizer.anonymize_file(path, output)
        except DeidentificationError:
            continue
        if DEFLATED.encode() in path.read_bytes()[:1024]:
            # dciodvfy takes deflated bytes for elements
            continue
        compared += 1
        if new := errors(output) - errors(path):
            worse[path.name] = new
    assert compared > 80
    assert worse == {}
