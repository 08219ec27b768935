"""Regular expressions of custom profiles: what Python would warn of is refused, without a touch of the host's filters."""

from __future__ import annotations

import contextlib
import os
import random
import warnings

import pytest

from profiles import ProfileError
from profiles.custom.patterns import TagPattern

PIECES = [
    "0010",
    ",",
    "[",
    "]",
    "^",
    "-",
    "--",
    "&&",
    "~~",
    "||",
    "[[",
    "(?i)",
    "(",
    ")",
    "\\[",
    "\\]",
    "\\\\",
    "0-9",
    "a",
    "|",
    "[^]",
    ".",
]


@pytest.mark.parametrize("text", ["0010,[[0-9]", "0010,[0--9]", "0010,[a&&b]", "0010,[a~~b]", "0010,[a||b]", "0010,(?i)0010.*"])
def test_what_may_change_its_meaning_is_refused(text: str) -> None:
    with pytest.raises(ProfileError):
        TagPattern.parse(text)


def test_nothing_is_warned_of_whatever_the_expression() -> None:
    choose = random.Random(7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2_000 if os.environ.get("DEID_QUICK") else 6_000):
            text = "0010," + "".join(choose.choices(PIECES, k=choose.randint(1, 7)))
            before = warnings.filters
            with contextlib.suppress(ProfileError):
                TagPattern.parse(text)
            assert warnings.filters is before
