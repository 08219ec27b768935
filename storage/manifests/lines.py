"""Manifests in lines: plain text with a name in each, and CSV."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from .columns import Columns, has_names, normal
from .names import Folder, ManifestEntry, ManifestError

#: bytes; so that a file without lines isn't read as a whole
_MAX_LINE = 1 << 20
_BOM = b"\xef\xbb\xbf"
_GENERATION = re.compile(rb"(gs://.+)#([1-9][0-9]{0,18})", re.IGNORECASE | re.DOTALL)


class _Lines:
    """The lines of a file, each with its end, without a byte order mark. ``number`` is that of the last, from 1.

    Iterating raises ManifestError for what is no line of a manifest, or compressed and broken.
    """

    def __init__(self, stream: BinaryIO | gzip.GzipFile) -> None:
        self.number = 0
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            line = self._stream.readline(_MAX_LINE + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise ManifestError(f"after line {self.number}: the compressed file is broken, or not whole") from None
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > _MAX_LINE:
            raise ManifestError(f"line {self.number}: it is longer than any name")
        if b"\0" in line:
            raise ManifestError(f"line {self.number}: a NUL byte, which no name has; UTF-8 is needed, not UTF-16")
        return line.removeprefix(_BOM) if self.number == 1 else line


def text_entries(stream: BinaryIO, folder: Folder) -> Iterator[ManifestEntry]:
    """Yield the objects of a text with a name in each line. Lines that are blank or begin with ``#`` don't count.

    ``#`` and digits behind a gs:// URI are its generation, as ``gsutil ls -a`` has it.

    Raises:
        ManifestError: a line can't be used.
    """
    lines = _Lines(stream)
    for line in lines:
        # other blanks may belong to the name
        name = line.removesuffix(b"\n").removesuffix(b"\r")
        if name.startswith(b"#") or not name.strip():
            continue
        try:
            if found := _GENERATION.fullmatch(name):
                entry = folder.entry(found[1], version=found[2].decode())
                # two generations are two objects, and so have two names
                entry = entry and entry._replace(source=name)
            else:
                entry = folder.entry(name)
        except ManifestError as error:
            raise ManifestError(f"line {lines.number}: {error}") from None
        if entry is not None:
            yield entry


def csv_entries(stream: BinaryIO, folder: Folder, schema: tuple[str, ...], *, compressed: bool) -> Iterator[ManifestEntry]:
    """Yield the objects of a CSV file, its cells divided by commas, semicolons or tabs.

    Args:
        schema: names of the columns, where the file has no header of its own.

    Raises:
        ManifestError: no header, or a line can't be used.
    """
    lines = _Lines(gzip.GzipFile(fileobj=stream) if compressed else stream)
    # bytes that aren't UTF-8 come through as lone surrogates
    texts = (line.decode(errors="surrogateescape") for line in lines)
    records = _records(texts, lines, schema)
    first = next(records, None)
    if first is None:
        return
    number, cells = first
    # a schema may come with a header all the same
    has_header = not schema or sorted(map(normal, cells)) == sorted(map(normal, schema))
    try:
        columns = Columns(cells if has_header else schema, folder, unit="line", encoded=True)
    except ManifestError as error:
        hint = "; the first line looks like a name" if any("/" in cell for cell in cells) else ""
        raise ManifestError(f"line {number}: {error}{hint}") from None
    for number, cells in records if has_header else chain([first], records):
        if entry := columns.entry(number, cells):
            yield entry


def _records(texts: Iterator[str], lines: _Lines, schema: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each record's first line and its cells; without blank lines."""
    first = next((text for text in texts if text.strip()), "")
    delimiter = next((one for one in ",;\t" if _divides(one, first, schema)), ",")
    number = lines.number
    reader = csv.reader(chain([first], texts), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise ManifestError(f"line {number}: broken quotation marks or line") from None
        if cells is None:
            return
        if any(cells):
            yield number, cells
        number = lines.number + 1


def _divides(delimiter: str, line: str, schema: tuple[str, ...]) -> bool:
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return False
    return len(cells) == len(schema) if schema else has_names(cells)
