"""Manifests as this program writes them: CSV with URIs or absolute paths, and members of zips and tars."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import partial
from typing import BinaryIO

from ..private_file import create_private
from .lines import csv_entries
from .names import Folder, ManifestEntry, ManifestError

_HEADER = b"uri,member\n"


def write_manifest(path: str, objects: Iterable[tuple[bytes, bytes | None]]) -> tuple[int, int]:
    """Write a new file, for its owner alone (0600); it is there whole or not at all.

    Args:
        path: its name ends in ``.csv``.
        objects: URIs or absolute paths; and the member that is meant of a zip or tar, None for the object itself.

    Returns:
        How many were written; and how many no manifest can name: with a NUL byte, or longer than a line may be.

    Raises:
        FileExistsError: there is something of that name, which stays as it is.
        OSError: it can't be written. Whatever ``objects`` raises goes through; no file is left then.
    """
    return create_private(path, partial(_write, objects=objects))


def _write(stream: BinaryIO, objects: Iterable[tuple[bytes, bytes | None]]) -> tuple[int, int]:
    written = unnamed = 0
    stream.write(_HEADER)
    for uri, member in objects:
        row = b'"%s","%s"\n' % (uri.replace(b'"', b'""'), (member or b"").replace(b'"', b'""'))
        if _means(row, uri, member):
            stream.write(row)
            written += 1
        else:
            unnamed += 1
    return written, unnamed


def _means(row: bytes, uri: bytes, member: bytes | None) -> bool:
    """Return whether the reader of the row finds that object: only the reader knows all that it refuses."""
    try:
        found = list(csv_entries(io.BytesIO(_HEADER + row), Folder("/"), (), compressed=False))
    except ManifestError:
        return False
    return found == [ManifestEntry(uri, uri, member=member)]
