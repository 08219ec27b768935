"""Names for people of what the standard registers."""

from __future__ import annotations

import re
from functools import cache

from profiles import DATE_VRS, dictionary, tags, uids_by_keyword

#: of objects whose modality is missing, or no term of the standard: that may be anybody's text
NO_MODALITY = "none, or no Defined Term"
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@cache
def _keywords() -> dict[str, str]:
    return {uid: keyword for keyword, uid in uids_by_keyword().items()}


def class_name(uid: str) -> str:
    """Return the name of a SOP class; a class that isn't registered has no name that may be told."""
    if not uid:
        return "not known"
    keyword = _keywords().get(uid)
    return in_words(keyword) if keyword else "a class that is not registered"


def is_date(keyword: str) -> bool:
    """Return whether an attribute has dates or times."""
    tag = tags().get(keyword)
    return tag is not None and dictionary()[tag].vr in DATE_VRS


def in_words(keyword: str) -> str:
    """Return the words of a keyword: ``CTImageStorage``: CT Image Storage."""
    return " ".join(_WORDS.split(keyword))
