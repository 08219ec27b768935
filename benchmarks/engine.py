"""The engine over a folder, by one Anonymizer: ``python -m benchmarks.engine INPUT OUTPUT [OPTIONS] [--no-screen] [--blank]``.

``--blank`` cleans pixels by one rule, of the rectangles that the peers blank.
"""

from __future__ import annotations

import sys
from io import StringIO

from anonymizer import Anonymizer
from profiles import ConfidentialityProfile

from .peers import RECTANGLES, files_below

_COLUMNS = "name,condition,rows,columns,outcome,blank,keep,provenance"


def main() -> None:
    source, target, *arguments = sys.argv[1:]
    options = "".join(each for each in arguments if not each.startswith("--"))
    profile = cleaning_profile() if "--blank" in arguments else plain_profile(options, "--no-screen" not in arguments)
    anonymizer = Anonymizer(profile, bytes(range(32)))
    for pair in files_below(source, target):
        anonymizer.anonymize_file(*pair)


def plain_profile(options: str, screen: bool) -> ConfidentialityProfile:
    return ConfidentialityProfile.default(options, screen=screen)


def cleaning_profile() -> ConfidentialityProfile:
    """Return the Basic Profile with CleanPixelData and one rule."""
    areas = ";".join(",".join(map(str, area)) for area in RECTANGLES)
    rule = f'banner,Modality = US,768,1024,clean,"{areas}",,benchmark'
    return ConfidentialityProfile.default("CleanPixelData", pixel_rules=StringIO(f"{_COLUMNS}\n{rule}\n"))


if __name__ == "__main__":
    main()
