"""URIs, what a glob matches, what lies inside what."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import address, as_folder, glob_base, glob_regex, is_inside, join, scheme_of
from tests.support.running import budget


def test_the_parts_of_a_uri() -> None:
    assert address("gs://bucket/a/b.dcm") == ("gs", "bucket", "a/b.dcm")
    assert address("S3://bucket") == ("s3", "bucket", "")
    assert address("gs://bucket//a#1?x").uri == "gs://bucket//a#1?x"
    assert [scheme_of(name) for name in ("gs://b/x", "AZFS://a/b", "/a/b", "a://", "C:/x", "")] == ["gs", "azfs", "", "a", "", ""]
    for broken in ("bucket/a", "gs://", "gs:///a"):
        with pytest.raises(ValueError, match="no URI"):
            address(broken)
    assert join("gs://b/x/", "y/z") == "gs://b/x/y/z"
    assert join("/a", "y") == "/a/y"
    assert as_folder("gs://b/x//") == "gs://b/x/"


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.dcm", "a.dcm", True),
        ("*.dcm", "a/b.dcm", False),
        ("*", "a/b/c.dcm", True),
        ("2024-*", "2024-05/b/c.dcm", True),
        ("2024-*/*.dcm", "2024-05/c.dcm", True),
        ("2024-*/*.dcm", "2024-05/d/c.dcm", False),
        ("**", "a/b/c", True),
        ("**/*.dcm", "c.dcm", True),
        ("**/*.dcm", "a/b/c.dcm", True),
        ("**/*.dcm", "a/b.dcm/c", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "ab", False),
        ("??", "ab", True),
        ("??", "a/", False),
        ("[ab]x", "bx", True),
        ("[!ab]x", "bx", False),
        ("[!ab]x", "cx", True),
        ("a[[]1]", "a[1]", True),
        ("a.b*", "axb", False),
        ("[^a]", "^", True),
        ("[^a]", "b", False),
        ("[a", "[a", True),
    ],
)
def test_what_a_glob_matches(pattern: str, name: str, matches: bool) -> None:
    assert (re.fullmatch(glob_regex(pattern), name) is not None) == matches


@budget(200)
@given(st.lists(st.sampled_from(["*", "?", "a", "b", "[ab]", "[!a]", "**", "/", ".c"]), min_size=1, max_size=6).map("".join))
def test_a_glob_on_a_bucket_matches_what_it_matches_in_a_folder(tmp_path_factory: pytest.TempPathFactory, pattern: str) -> None:
    if pattern.startswith("/") or "//" in pattern or any("**" in step and step != "**" for step in pattern.split("/")):
        return
    if not glob.has_magic(pattern) or pattern.endswith("/"):
        return
    root = _tree(tmp_path_factory)
    here = os.path.join(root, pattern)
    found = set()
    for match in glob.iglob(here, recursive=True):
        if os.path.isfile(match):
            found.add(os.path.relpath(match, root))
        elif "**" not in pattern:
            found |= {os.path.relpath(file, root) for file in Path(match).rglob("*") if file.is_file()}
    names = {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}
    assert {name for name in names if re.fullmatch(glob_regex(pattern), name)} == found


_TREES: list[Path] = []


def _tree(factory: pytest.TempPathFactory) -> Path:
    if not _TREES:
        root = factory.mktemp("tree")
        for name in ("a", "b", "ab", "a.c", "d/a", "d/b.c", "d/ab/a", "d/ab/b/a.c", "aa/a/b/b", "ba/ab.c", "^/a", "d/[/b"):
            path = root / name if name != "a" else root / "c.c"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(b"x")
        _TREES.append(root)
    return _TREES[0]


def test_the_folder_before_a_wildcard() -> None:
    assert glob_base("gs://b/a/c*/d") == "gs://b/a/"
    assert glob_base("gs://b/*") == "gs://b/"
    assert glob_base("gs://b/a[1]/c") == "gs://b/"


def test_what_lies_inside_what(tmp_path: Path) -> None:
    assert is_inside("gs://b/a/c", "gs://b/a")
    assert is_inside("gs://b/a/", "gs://b/a")
    assert is_inside("gs://b/a", "gs://b")
    assert not is_inside("gs://b/ab", "gs://b/a")
    assert not is_inside("gs://b/a", "s3://b")
    assert not is_inside("/b/a", "gs://b")
    assert is_inside(str(tmp_path / "a" / ".." / "b"), str(tmp_path))
