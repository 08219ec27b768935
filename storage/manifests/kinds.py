"""Kinds of manifests, and the reader of each."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from .column_files import orc_entries, parquet_entries
from .lines import csv_entries, text_entries
from .names import Folder, ManifestEntry, ManifestError

_DICOM = slice(128, 132)
#: what files begin with, by the end of their names
_BEGINNINGS = {".txt": b"", ".csv": b"", ".csv.gz": b"\x1f\x8b", ".parquet": b"PAR1", ".orc": b"ORC"}
_INVENTORY = "manifest.json"


def _suffix(name: str) -> str:
    base = name[name.rfind("/") + 1 :]
    # stores write these in lower case, and so do all who ask for inventories
    if base == _INVENTORY or base.endswith("_" + _INVENTORY):
        return _INVENTORY
    return next((suffix for suffix in _BEGINNINGS if base.lower().endswith(suffix)), "")


def looks_like_manifest(name: str) -> bool:
    """Return whether a path or URI ends as those of manifests do.

    That is in .txt, .csv, .csv.gz, .parquet or .orc; or it is manifest.json (S3 Inventory), or ends in _manifest.json
    (inventory reports of Google Cloud Storage).
    """
    return bool(_suffix(name))


def is_manifest(name: str, head: bytes) -> bool:
    """Return whether a file is a manifest, by its name and content.

    Args:
        head: its first bytes: 132, or all.
    """
    suffix = _suffix(name)
    if not suffix or head[_DICOM] == b"DICM":
        return False
    if suffix == _INVENTORY:
        return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{")
    return head.startswith(_BEGINNINGS[suffix])


def read_manifest(stream: BinaryIO, name: str, schema: tuple[str, ...] = ()) -> Iterator[ManifestEntry]:
    """Yield the objects that a manifest lists, in its order, one by one: memory doesn't grow with their number.

    Rows aren't objects that are there now, and are left out, where an inventory says that they are older versions or
    deleted; nor are names that end in ``/`` (folders), unless the size says that there is something.

    Args:
        stream: the file; seekable if it is Parquet or ORC.
        name: its path or URI. Relative names belong to its folder.
        schema: names of the columns of CSV without a header.

    Raises:
        ManifestError: while reading: it can't be used.
        OSError: while reading: the storage failed.
    """
    suffix, folder = _suffix(name), Folder(name)
    if suffix == ".txt":
        return text_entries(stream, folder)
    if suffix in (".csv", ".csv.gz"):
        return csv_entries(stream, folder, schema, compressed=suffix == ".csv.gz")
    if suffix == ".parquet":
        return parquet_entries(stream, folder)
    if suffix == ".orc":
        return orc_entries(stream, folder)
    raise ManifestError("a list of objects is needed: .txt, .csv, .csv.gz, .parquet or .orc")
