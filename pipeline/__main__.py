"""``python -m pipeline``: the same as ``dicom-deid``."""

from .cli import main

if __name__ == "__main__":
    main()
