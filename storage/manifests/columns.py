"""The columns of tables that list objects: names, sizes and versions, and the entry of a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn
from urllib.parse import unquote_to_bytes

from ..containers import is_container
from .names import Folder, ManifestEntry, ManifestError, is_uri

#: names of columns, without what doesn't count in them, by what the columns hold. Of "uri" and "name" one is needed
_COLUMNS = {
    "uri": ("uri", "url"),
    "name": ("path", "name", "key", "object", "objectname", "filename", "file"),
    "bucket": ("bucket", "bucketname"),
    "member": ("member",),
    "size": ("size", "bytes", "contentlength"),
    "version": ("version",),
    "generation": ("generation",),
    "etag": ("etag",),
    "latest": ("islatest",),
    "marker": ("isdeletemarker",),
    "deleted": ("timedeleted",),
}
_ROLES = {column: role for role, columns in _COLUMNS.items() for column in columns}
#: whose objects a table with a column of buckets lists, by the column of their names
_SCHEMES = {"name": "gs", "key": "s3"}
_SEPARATORS = re.compile(r"[_\-\s]")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_GENERATION = re.compile(r"[1-9][0-9]{0,18}")
_SIZE = re.compile(r"[0-9]{1,19}")
_MAX_SIZE = 2**63 - 1
#: a key as S3 Inventory encodes it for CSV
_ENCODED = re.compile(rb"(?:[!-$&-~]|%[0-9A-Fa-f]{2})*")
_NOT_ENCODED = "it isn't URL-encoded, as S3 Inventory has keys in CSV; what isn't needs a column uri with whole URIs"

#: text (bytes that aren't UTF-8 as lone surrogates), a number, a flag, or nothing; of times only whether there is one
Cell = str | int | None


def normal(column: str) -> str:
    """Return a column's name without what doesn't count in it: case, ``_``, ``-`` and blanks."""
    return _SEPARATORS.sub("", column).lower()


def role_of(column: str) -> str | None:
    """Return the role of a column of that name; None: it isn't needed."""
    return _ROLES.get(normal(column))


def has_names(header: Sequence[str]) -> bool:
    """Return whether a column holds names of objects."""
    return any(role_of(column) in ("uri", "name") for column in header)


class Columns:
    """The columns of a table, which make entries of its rows."""

    def __init__(self, header: Sequence[str], folder: Folder, *, unit: str, encoded: bool) -> None:
        """
        Args:
            header: the names of all columns.
            folder: where the table lies.
            unit: "line" or "row", for messages.
            encoded: S3 Inventory would have URL-encoded keys in a table like this one.

        Raises:
            ManifestError: no column holds names, or two hold the same.
        """
        self._folder = folder
        self._unit = unit
        self._width = len(header)
        self._places: dict[str, int] = {}
        #: as messages have them: known names only, since a header may be missing, and its place be taken by values
        self._shown: dict[str, str] = {}
        for place, column in enumerate(map(normal, header)):
            role = _ROLES.get(column)
            if role is None:
                continue
            if role in self._places:
                raise ManifestError(f"the columns {self._shown[role]} and {column} hold the same: which one is meant?")
            self._places[role] = place
            self._shown[role] = column
        self._name = "uri" if "uri" in self._places else "name"
        if self._name not in self._places:
            raise ManifestError(f"no column is one of {', '.join((*_COLUMNS['uri'], *_COLUMNS['name']))}: a header is needed")
        self._scheme = ""
        if self._name == "name" and "bucket" in self._places:
            self._scheme = _SCHEMES.get(self._shown["name"], "")
            if not self._scheme:
                raise ManifestError(
                    "beside a column of buckets names are needed in a column name (gs) or key (s3), or URIs in uri"
                )
        self._encoded = encoded and self._scheme == "s3"

    def entry(self, number: int, cells: Sequence[Cell]) -> ManifestEntry | None:
        """Return the object of a row; None where it is no current one, or a folder.

        Args:
            number: of the line or row.
            cells: one for each column.

        Raises:
            ManifestError: a cell can't be used.
        """
        if len(cells) != self._width:
            raise ManifestError(f"{self._unit} {number}: as many cells as there are columns are needed")
        # a flag that is missing says nothing against the object
        if self._flag(number, cells, "latest") is False or self._flag(number, cells, "marker"):
            return None
        if self._is_deleted(number, cells):
            return None
        size = self._size(number, cells)
        name = self._whole_name(number, cells)
        member = _bytes(self._text(cells, "member")) or None
        if member is not None and not is_container(name):
            self._wrong(number, "member", "the row names no zip or tar, and nothing else has members: leave the cell empty")
        try:
            entry = self._folder.entry(name, size)
        except ManifestError as error:
            self._wrong(number, self._name, str(error))
        return entry and entry._replace(version=self._version(number, cells, entry.uri), member=member)

    def _wrong(self, number: int, role: str, problem: str) -> NoReturn:
        raise ManifestError(f"{self._unit} {number}, column {self._shown[role]}: {problem}") from None

    def _cell(self, cells: Sequence[Cell], role: str) -> Cell:
        place = self._places.get(role)
        return None if place is None else cells[place]

    def _text(self, cells: Sequence[Cell], role: str) -> str:
        cell = self._cell(cells, role)
        return "" if cell is None else str(cell)

    def _flag(self, number: int, cells: Sequence[Cell], role: str) -> bool | None:
        cell = self._text(cells, role).strip().lower()
        if cell and cell not in _FLAGS:
            self._wrong(number, role, "neither true nor false")
        return _FLAGS.get(cell)

    def _is_deleted(self, number: int, cells: Sequence[Cell]) -> bool:
        cell = self._cell(cells, "deleted")
        if not isinstance(cell, str):
            return bool(cell)
        cell = cell.strip()
        # some word for nothing must not make objects vanish
        if cell and not cell[0].isdigit():
            self._wrong(number, "deleted", "no time")
        return bool(cell)

    def _size(self, number: int, cells: Sequence[Cell]) -> int:
        cell = self._text(cells, "size").strip()
        if not cell:
            return -1
        if not _SIZE.fullmatch(cell) or (size := int(cell)) > _MAX_SIZE:
            self._wrong(number, "size", "no number of bytes")
        return size

    def _whole_name(self, number: int, cells: Sequence[Cell]) -> bytes:
        name = _bytes(self._text(cells, self._name))
        if not name:
            self._wrong(number, self._name, "it is empty")
        if not self._scheme or is_uri(name):
            return name
        bucket = _bytes(self._text(cells, "bucket"))
        if not bucket or b"/" in bucket:
            self._wrong(number, "bucket", "no bucket's name")
        if self._encoded:
            if not _ENCODED.fullmatch(name):
                self._wrong(number, self._name, _NOT_ENCODED)
            name = unquote_to_bytes(name.replace(b"+", b" "))
        return b"%s://%s/%s" % (self._scheme.encode(), bucket, name)

    def _version(self, number: int, cells: Sequence[Cell], uri: bytes) -> str:
        # an etag of gs:// isn't what the store compares, nor is a version ID of s3://
        scheme = uri[:5].lower()
        other = "generation" if scheme == b"gs://" else "etag" if scheme == b"s3://" else "version"
        role = "version" if self._cell(cells, "version") not in (None, "") else other
        version = self._text(cells, role).strip()
        if role == "etag":
            version = version.strip('"')
        if not version:
            return ""
        if scheme == b"gs://":
            if not _GENERATION.fullmatch(version):
                self._wrong(number, role, "no generation")
        elif not (version.isascii() and version.isprintable()):
            self._wrong(number, role, "a character that no version has")
        return version


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
