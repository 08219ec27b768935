"""The engine over a folder, by one Anonymizer: ``python -m benchmarks.engine INPUT OUTPUT [OPTIONS] [--no-screen]``."""

from __future__ import annotations

import sys

from anonymizer import Anonymizer
from profiles import ConfidentialityProfile

from .peers import files_below


def main() -> None:
    source, target, *options = sys.argv[1:]
    screen = "--no-screen" not in options
    profile = ConfidentialityProfile.default("".join(options if screen else options[:-1]), screen=screen)
    anonymizer = Anonymizer(profile, bytes(range(32)))
    for pair in files_below(source, target):
        anonymizer.anonymize_file(*pair)


if __name__ == "__main__":
    main()
