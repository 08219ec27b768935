"""Sentences for users who lack an extra."""

#: behind the name of an option
NEEDS_OCR = "needs another package: pip install -e '.[ocr]'"
