"""The libraries and models that look for text on this machine, named in the settings of a search."""

from __future__ import annotations

from dataclasses import replace

from anonymizer.internals import text_engine_in_words
from profiles import TextSearch

from .errors import UsageError


def with_text_engine(search: TextSearch) -> TextSearch:
    """Return a search that names what looks for text here: workers look with the same, and ``run.json`` names it.

    Raises:
        UsageError: nothing here can do so.
    """
    engine = text_engine_in_words()
    if not engine:
        raise UsageError("--detect-text needs another package: pip install -e '.[ocr]'")
    return replace(search, engine=engine)
