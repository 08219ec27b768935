"""The engine over a folder: ``python -m benchmarks.engine INPUT OUTPUT [OPTIONS]``, by one Anonymizer in one process."""

from __future__ import annotations

import sys

from anonymizer import Anonymizer
from profiles import ConfidentialityProfile

from .peers import files_below


def main() -> None:
    source, target = sys.argv[1:3]
    profile = ConfidentialityProfile.default("".join(sys.argv[3:]))
    anonymizer = Anonymizer(profile, bytes(range(32)))
    for pair in files_below(source, target):
        anonymizer.anonymize_file(*pair)


if __name__ == "__main__":
    main()
