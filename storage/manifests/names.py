"""Names in a manifest's rows: URIs, absolute paths, or names relative to the manifest's folder."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from profiles import UserFacingError

from ..locations import scheme_of

_SCHEME = re.compile(rb"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
#: hdfs and the like may have nothing where buckets have their name
_URI = re.compile(rb"(?:(?:gs|s3)://[^/]+|(?!gs:|s3:)[a-z][a-z0-9+.-]*://[^/]*)/.+", re.IGNORECASE | re.DOTALL)
_DOTS = re.compile(rb"\A(?:\./+)+")


class ManifestError(UserFacingError):
    """A manifest that can't be used. The message names line, row or column, and nothing that stands in it: names identify."""


class ManifestEntry(NamedTuple):
    """An object that a manifest names.

    Attributes:
        uri: as it is to be opened: a URI, or an absolute path in the file system's bytes.
        source: the name that the manifest gives it, relative where that is; with the bucket where a table has one in a column.
        size: in bytes, -1 where the manifest doesn't say.
        version: generation (gs) or entity tag (s3), what a column "version" says, ``""`` where the manifest doesn't say.
        member: the one that is meant of a zip or tar, by what follows ``!/`` in its source name; None: the object itself.
    """

    uri: bytes
    source: bytes
    size: int = -1
    version: str = ""
    member: bytes | None = None


class Folder:
    """The folder of a manifest, to which its relative names belong."""

    def __init__(self, manifest: str) -> None:
        """
        Args:
            manifest: its path or URI.
        """
        if scheme_of(manifest):
            self._prefix = manifest[: manifest.rindex("/") + 1].encode()
        else:
            # absolute, since workers may be elsewhere; but no link is resolved
            self._prefix = os.path.join(os.path.dirname(os.path.abspath(os.fsencode(manifest))), b"")

    def entry(self, name: bytes, size: int = -1, version: str = "") -> ManifestEntry | None:
        """Return the object that ``name`` stands for; None for a folder.

        Raises:
            ManifestError: no object has such a name; the message says why, not where.
        """
        # what `find` says; and ".//a" is no absolute path
        name = _DOTS.sub(b"", name)
        if name in (b"", b".") or (name.endswith(b"/") and size <= 0):
            # consoles keep such objects in the place of folders
            return None
        if b"\0" in name:
            raise ManifestError("a NUL byte, which no name has")
        uri = name if is_uri(name) or name.startswith(b"/") else self._prefix + name
        if not uri.startswith(b"/"):
            _check_uri(uri)
        return ManifestEntry(uri, name, size, version)


def is_uri(name: bytes) -> bool:
    """Return whether there is a scheme."""
    return _SCHEME.match(name) is not None


def _check_uri(uri: bytes) -> None:
    """
    Raises:
        ManifestError: no object has such a URI.
    """
    if not _URI.fullmatch(uri):
        raise ManifestError("a URI without an object's name")
    if not uri.isascii():
        try:
            uri.decode()
        except UnicodeDecodeError:
            # file systems take any bytes, object stores don't
            raise ManifestError("a URI that isn't UTF-8") from None
