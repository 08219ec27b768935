"""Names of places: paths and URIs, their globs, and whether one lies inside another."""

from __future__ import annotations

import fnmatch
import glob
import re
from pathlib import Path
from typing import NamedTuple

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


class Address(NamedTuple):
    """The parts of a URI: ``scheme://bucket/path``; other stores have something else in the bucket's place."""

    scheme: str
    bucket: str
    path: str

    @property
    def uri(self) -> str:
        """The URI."""
        return f"{self.scheme}://{self.bucket}/{self.path}"


def scheme_of(location: str) -> str:
    """Return the scheme in lower case; empty for a path on this machine."""
    found = _SCHEME.match(location)
    return found.group(1).lower() if found else ""


def address(uri: str) -> Address:
    """Return the parts of ``uri``.

    Raises:
        ValueError: no scheme, or no bucket behind it.
    """
    found = _SCHEME.match(uri)
    bucket, _, path = uri[found.end() :].partition("/") if found else ("", "", "")
    if found is None or not bucket:
        raise ValueError("no URI")
    return Address(found.group(1).lower(), bucket, path)


def join(folder: str, name: str) -> str:
    """Return the location ``name`` below ``folder``."""
    return f"{folder.rstrip('/')}/{name}" if scheme_of(folder) else str(Path(folder) / name)


def as_folder(uri: str) -> str:
    """Return ``uri`` as a prefix of the names below it, and of no others."""
    return uri.rstrip("/") + "/"


def has_magic(location: str) -> bool:
    """Return whether there are wildcards."""
    return glob.has_magic(location)


def glob_base(pattern: str) -> str:
    """Return the folder of a URI before the first wildcard, ending in ``/``."""
    first = re.search(r"[*?[]", pattern)
    return pattern[: pattern.rindex("/", 0, first.start() if first else len(pattern)) + 1]


def glob_regex(pattern: str, *, hidden: bool = True) -> str:
    """Return a regular expression for a glob's matches, whole folders among them, as ``glob`` has it on this machine.

    ``*`` and ``?`` stay within a name, ``**`` stands for any number of folders.

    Args:
        hidden: whether wildcards match names that begin with a dot.
    """
    parts = []
    steps = pattern.split("/")
    shown = "" if hidden else r"(?!\.)"
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        if step == "**":
            parts.append(f"(?:{shown}[^/]+/)*{shown}[^/]*" if last else f"(?:{shown}[^/]+/)*")
            continue
        parts.append((shown if step[:1] in ("*", "?", "[") else "") + _step_regex(step) + ("" if last else "/"))
    return "".join(parts) + ("" if steps[-1] == "**" else "(?:/.*)?" if "**" not in steps else "")


def _step_regex(step: str) -> str:
    found, at = "", 0
    while at < len(step):
        char = step[at]
        at += 1
        if char == "*":
            found += "[^/]*"
        elif char == "?":
            found += "[^/]"
        elif char == "[" and (end := step.find("]", at + 1 + (step[at : at + 1] == "!"))) > 0:
            members = step[at:end].replace("\\", r"\\").replace("[", r"\[")
            members = "^" + members[1:] if members[0] == "!" else members.replace("^", r"\^", 1) if members[0] == "^" else members
            found += f"(?!/)[{members}]"
            at = end + 1
        else:
            found += re.escape(char)
    return found


def is_inside(location: str, folder: str) -> bool:
    """Return whether ``location`` is ``folder`` or lies below it."""
    if scheme_of(location) != scheme_of(folder):
        return False
    if scheme_of(folder):
        return as_folder(location).startswith(as_folder(folder))
    inner, outer = Path(location).resolve(), Path(folder).resolve()
    return inner == outer or outer in inner.parents


def input_base(location: str) -> Path:
    """Return the folder of an input's objects: itself, a file's folder, the part of a glob before the first wildcard."""
    path = Path(location)
    if path.is_dir():
        return path
    if not glob.has_magic(location) or path.exists():
        return path.parent
    parts = path.parts
    literal = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:literal])


def is_folder(location: str) -> bool:
    return not has_magic(location) if scheme_of(location) else Path(location).is_dir()


def would_list(location: str, target: str) -> bool:
    """Return whether an input's listing would come upon objects written below ``target``."""
    if scheme_of(location):
        if not has_magic(location):
            return is_inside(target, location)
        base = glob_base(location)
        # a folder that matches is listed to the bottom
        return is_inside(target, base) and re.fullmatch(glob_regex(location[len(base) :]), target[len(base) :]) is not None
    base_path, path = input_base(location).resolve(), Path(target).resolve()
    if scheme_of(target) or (path != base_path and base_path not in path.parents):
        return False
    if Path(location).exists():
        return Path(location).is_dir()
    wildcards = Path(location).parts[len(input_base(location).parts) :]
    below = path.relative_to(base_path).parts
    return "**" in wildcards or all(map(fnmatch.fnmatch, below, wildcards))
