"""Names and values on a terminal: in full, and never as orders to it."""

from __future__ import annotations

import re

#: what a terminal may take for an order, or doesn't show; half pairs can't be printed at all
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """``text`` with escapes for what isn't seen."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def text_of(name: bytes) -> str:
    """A name as text; bytes that are no UTF-8 as escapes."""
    return name.decode("utf-8", "backslashreplace")
