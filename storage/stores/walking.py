"""The files below folders of this machine: each once, whatever links there are."""

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..locations import glob_regex


def matches(pattern: str) -> Iterator[str]:
    """Yield the matches of a pattern, folders whole."""
    if "**" in Path(pattern).parts:
        yield from _deep_matches(pattern)
        return
    for match in glob.iglob(pattern):
        if os.path.isdir(match):
            yield from walk(match)
        else:
            yield match


def _deep_matches(pattern: str) -> Iterator[str]:
    """Yield the matches of a pattern with ``**``; the module glob would follow links in circles there."""
    parts = Path(pattern).parts
    first = parts.index("**")
    base, rest = os.path.join("", *parts[:first]), "/".join(parts[first:])
    matches = re.compile(glob_regex(rest, hidden=False), re.DOTALL).fullmatch
    for folder in filter(os.path.isdir, glob.iglob(base) if glob.has_magic(base) else [base or os.curdir]):
        below = len(os.path.join(folder, ""))
        for file in walk(folder):
            if matches(file[below:]):
                yield file if base else file[below:]


def walk(folder: str) -> Iterator[str]:
    """Yield every file below ``folder``, whatever links there are and however deep it is: each folder once.

    What is below it is met by its own path. Links to folders that lie elsewhere are followed when all else is done, in the
    order of their names, so that the same files have the same names each time.
    """
    real = os.path.realpath(folder)
    trees, links, pending = {real}, list[str](), [(folder, real)]
    while pending or links:
        if not pending:
            links.sort(reverse=True)
            folder = links.pop()
            real = os.path.realpath(folder)
            if any(above in trees for above in (real, *_above(real))):
                continue
            trees.add(real)
            pending.append((folder, real))
        folder, real = pending.pop()
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError:
            # a folder that can't be listed is itself listed: opening it fails, and the audit shows that something is missing
            yield folder
            continue
        for entry in entries:
            try:
                is_dir = entry.is_dir()
            except OSError:
                is_dir = False
            if not is_dir:
                yield entry.path
            elif entry.is_symlink():
                links.append(entry.path)
            elif (inside := os.path.join(real, entry.name)) not in trees:
                pending.append((entry.path, inside))


def _above(path: str) -> Iterator[str]:
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent
