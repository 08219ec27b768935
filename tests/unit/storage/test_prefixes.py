"""Parts of a prefix hold each of its objects once, and no part most of them."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from storage import Entry, split
from storage.prefixes import FEW_PAGES, PAGE
from tests.support.running import budget

BUCKET = "gs://b/"


class SortedNames:
    """A store that only lists, as object stores do: in the order of UTF-8."""

    def __init__(self, names: set[str]) -> None:
        self.names = sorted(BUCKET + name for name in names)
        assert self.names == sorted(self.names, key=str.encode)
        self.requests = 0

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Entry]:
        self.requests += 1
        at = bisect_right(self.names, after) if after > prefix else 0
        found = 0
        for name in self.names[max(at, bisect_right(self.names, prefix[:-1]) if prefix else 0) :]:
            if name.startswith(prefix):
                if limit is not None and found >= limit:
                    return
                found += 1
                yield Entry(name.encode(), 1, "1")
            elif name > prefix:
                return


def parts_of(store: SortedNames, prefix: str = BUCKET, parts: int = 64) -> list[list[str]]:
    """What each part holds."""
    found = []
    for name, is_prefix in split(store, prefix, parts):  # type: ignore[arg-type]
        found.append([each for each in store.names if (each.startswith(name) if is_prefix else each == name)])
    return found


def check(names: set[str], parts: int = 64) -> list[list[str]]:
    store = SortedNames(names)
    found = parts_of(store, parts=parts)
    assert sorted(name for part in found for name in part) == store.names
    return found


def uid(generator: random.Random, root: str) -> str:
    return f"{root}{generator.randrange(10**30)}"


def test_a_small_prefix_is_one_part() -> None:
    store = SortedNames({f"a/{number}" for number in range(FEW_PAGES * PAGE - 1)})
    assert list(map(len, parts_of(store))) == [FEW_PAGES * PAGE - 1]
    assert store.requests == 1
    assert list(map(len, check(set()))) == [0]


def test_flat_names_are_split_evenly() -> None:
    generator = random.Random(1)
    names = {f"archive/{uid(generator, '1.2.840.113619.2.55.3.')}.dcm" for _ in range(30_000)}
    found = check(names)
    assert len(found) >= 32
    assert max(map(len, found)) < 30_000 // 16


def test_studies_and_series_are_split_wherever_they_differ() -> None:
    generator = random.Random(2)
    series = [f"{uid(generator, '2.25.')}/{uid(generator, '2.25.')}" for _ in range(300)]
    names = {f"{folder}/{uid(generator, '2.25.')}.dcm" for folder in series for _ in range(60)}
    found = check(names)
    assert len(found) >= 32
    assert max(map(len, found)) < len(names) // 8


def test_one_study_among_small_ones_is_split_too() -> None:
    generator = random.Random(3)
    names = {f"1.2.3/{uid(generator, '1.2.3.4.')}" for _ in range(20_000)} | {f"9.{number}/x" for number in range(50)}
    assert max(map(len, check(names))) < 20_000 // 8


def test_probes_cost_little() -> None:
    generator = random.Random(4)
    store = SortedNames({uid(generator, "1.2.840.113619.") for _ in range(50_000)})
    list(split(store, BUCKET))  # type: ignore[arg-type]
    assert store.requests < 300


CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")


@budget(100)
@given(st.sets(st.text(st.sampled_from("ab/\U0010ffff\U0010fffeé~"), max_size=6) | st.text(CHARACTERS, max_size=4), max_size=60))
def test_no_object_is_lost_or_doubled_whatever_its_name(names: set[str]) -> None:
    from unittest.mock import patch

    with patch("storage.prefixes.PAGE", 3), patch("storage.prefixes.FEW_PAGES", 2):
        check(names, parts=8)
