"""The archive: what the inputs name, wherever it is: folders, buckets, globs, manifests, zips and tars."""

import contextlib
import io
import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, cast

from anonymizer import Reason

from .containers import SeekableEntry, SequentialTars, is_container, members, open_member
from .input_places import Reading, check_listed, check_place_of
from .locations import as_folder, glob_base, glob_regex, input_base, scheme_of
from .manifests import ManifestEntry, by_container, inventory_files, is_manifest, looks_like_manifest, read_manifest
from .objects import ObjectRef, Packing
from .prefixes import split
from .protocols import ListingPart, OpenObject, Operations
from .registry import store_for
from .store import COUNTS, Entry, OpenEntry, StorageOptions
from .stores.local import LocalStore

_LOCAL, _PREFIX, _OBJECT, _MANIFEST = "local", "prefix", "object", "manifest"
#: enough of a file to tell a manifest from a DICOM object
_HEAD = 256
_thread = threading.local()


@dataclass(frozen=True)
class StoredArchive:
    """Objects in any of the stores.

    Attributes:
        options: how stores are reached.
        concurrency: as ``Archive.concurrency``.
    """

    options: StorageOptions = field(default_factory=StorageOptions)
    concurrency: int = 1
    #: as ``Archive.is_container``
    is_container = staticmethod(is_container)

    def preview(self, location: tuple[int, str]) -> Iterator[ObjectRef]:
        """Yield the objects of an input one after the other, for callers that want but some of them.

        Raises:
            StorageError: its store can't be reached.
            ManifestError: a manifest that can't be used.
        """
        for part in self._parts(location, divide=False):
            yield from self.objects(part)

    def names(self, location: tuple[int, str]) -> Iterator[object]:
        """Yield the names of an input's objects, for callers that only count them: of local files, nothing else is asked for."""
        for part in self._parts(location, divide=False):
            if part.kind == _LOCAL:
                yield from LocalStore.files(part.name)
            else:
                yield from self._named(part) if part.kind == _MANIFEST else self.objects(part)

    def parts(self, location: tuple[int, str]) -> Iterator[ListingPart]:
        """Implement ``Archive.parts``.

        Raises:
            StorageError: the store can't be listed.
            ManifestError: an inventory's manifest that can't be used.
        """
        return self._parts(location, divide=True)

    def _parts(self, location: tuple[int, str], *, divide: bool) -> Iterator[ListingPart]:
        ordinal, name = location
        prefix = f"{ordinal}:".encode() if ordinal else b""
        if looks_like_manifest(name) and self._is_manifest(name):
            yield from self._tables(name, prefix)
        elif not scheme_of(name):
            yield ListingPart(_LOCAL, name, 0, prefix)
        else:
            yield from self._remote_parts(name, prefix, divide=divide)

    def _remote_parts(self, name: str, prefix: bytes, *, divide: bool) -> Iterator[ListingPart]:
        store = store_for(name, self.options)
        first = None if name.endswith("/") else next(store.list(name, limit=1), None)
        if first is not None and first.uri == name.encode():
            # an object of that very name, whatever wildcards are in it
            yield ListingPart(_OBJECT, name, len(name[: name.rindex("/") + 1].encode()), prefix)
        base = literal = as_folder(name)
        pattern = ""
        if (wildcard := re.search(r"[*?[]", name)) is not None:
            base, literal = glob_base(name), name[: wildcard.start()]
            pattern = glob_regex(name[len(base) :])
        for found, is_prefix in split(store, literal) if divide and store.divides(literal) else ((literal, True),):
            yield ListingPart(_PREFIX if is_prefix else _OBJECT, found, len(base.encode()), prefix, pattern)

    def _is_manifest(self, name: str) -> bool:
        try:
            with self._open_file(name) as file:
                return is_manifest(name, file.read(_HEAD))
        except OSError:
            return False

    def _tables(self, name: str, prefix: bytes) -> Iterator[ListingPart]:
        if not name.endswith(".json"):
            yield ListingPart(_MANIFEST, name, 0, prefix)
            return
        with self._open_file(name) as file:
            content = file.read()
        for table in inventory_files(content, name):
            yield ListingPart(_MANIFEST, table.uri, 0, prefix, ",".join(table.schema))

    def _named(self, part: ListingPart) -> Iterator[ManifestEntry]:
        """Yield the entries of a manifest, as they stand there."""
        schema = tuple(filter(None, part.pattern.split(",")))
        with self._open_file(part.name) as file:
            yield from read_manifest(file, part.name, schema)

    def objects(self, part: ListingPart) -> Iterator[ObjectRef]:
        """Implement ``Archive.objects``.

        Raises:
            StorageError: the store can't be listed.
            ManifestError: a manifest that can't be used.
        """
        ordinal = int(part.prefix[:-1] or 0)
        if part.kind == _MANIFEST:
            for found, named in by_container(self._named(part)):
                size, version = found.size, found.version
                if not version and not scheme_of(os.fsdecode(found.uri)):
                    # to ask a file system costs little; an object store is asked when the object is read
                    file_now = LocalStore.entry_of(found.uri)
                    size, version = file_now.size if size < 0 else size, file_now.version
                yield ObjectRef(found.uri, part.prefix + found.source, size, version, None, ordinal, members=named)
            return
        store = store_for(part.name, self.options)
        if part.kind == _LOCAL:
            check_listed(part.name)
            base = input_base(part.name)
            below = os.fsencode(os.path.join(part.name, ""))
            for entry in store.list(part.name):
                if entry.uri.startswith(below):
                    # a folder's files have nothing in their names that could be shorter
                    source = entry.uri[len(below) :]
                else:
                    source = os.fsencode(os.path.relpath(os.fsdecode(entry.uri), base))
                yield ObjectRef(entry.uri, part.prefix + source, entry.size, entry.version, None, ordinal)
            return
        pattern = re.compile(part.pattern, re.DOTALL) if part.pattern else None
        for entry in store.list(part.name, limit=1 if part.kind == _OBJECT else None):
            source = entry.uri[part.base :]
            if entry.uri.endswith(b"/") and entry.size == 0:
                # consoles keep such objects in the place of folders
                continue
            if pattern is None or pattern.fullmatch(source.decode()):
                yield ObjectRef(entry.uri, part.prefix + source, entry.size, entry.version, None, ordinal)

    def members(self, container: ObjectRef) -> Iterator[list[ObjectRef]]:
        """Implement ``Archive.members``."""
        for found in members(container, partial(self._range, container, header=False)):
            if found[-1].member is not None and found[-1].member[0] == Reason.UNREADABLE.value:
                check_place_of(container)
            yield found

    @contextlib.contextmanager
    def open(self, ref: ObjectRef, *, header: bool = False) -> Iterator[OpenObject]:
        """Implement ``Archive.open``."""
        with Reading(ref):
            if ref.member is None:
                with self._range(ref, header=header) as stream:
                    yield _Opened(stream, ref)
            else:
                # a compressed tar is one stream, of which its members take what they need one after the other
                header = header and ref.member[0] != Packing.TAR_STREAM.value
                with open_member(ref, partial(self._range, ref, header=header), sequential=_tars()) as member:
                    yield member

    def release(self) -> None:
        """Implement ``Archive.release``."""
        _tars().close()

    def take_operations(self) -> Operations:
        """Implement ``Archive.take_operations``."""
        return COUNTS.take()

    def _range(
        self, ref: ObjectRef, start: int = 0, end: int | None = None, *, header: bool
    ) -> AbstractContextManager[OpenEntry]:
        store = store_for(os.fsdecode(ref.name), self.options)
        entry = Entry(ref.name, ref.size if ref.member is None else -1, ref.version)
        return store.open(entry, start=start, end=end, header=header)

    @contextlib.contextmanager
    def _open_file(self, name: str) -> Iterator[BinaryIO]:
        """Open a container as a seekable file."""
        if not scheme_of(name):
            with open(name, "rb") as file:
                yield file
            return
        found = next(store_for(name, self.options).list(name, limit=1), None)
        if found is None or found.uri != name.encode():
            raise FileNotFoundError(2, "no such object")
        ref = ObjectRef(found.uri, b"", found.size, found.version)
        with io.BufferedReader(SeekableEntry(partial(self._range, ref, header=False), found.size)) as buffered:
            yield cast(BinaryIO, buffered)


class _Opened:
    """An object that is no member."""

    def __init__(self, stream: OpenEntry, ref: ObjectRef) -> None:
        self._stream = stream
        self._ref = ref
        # no layer between the engine and the store
        self.read = stream.read

    @property
    def ref(self) -> ObjectRef:
        """Implement ``OpenObject.ref``."""
        now = self._stream.entry
        return self._ref._replace(size=now.size, version=now.version)


def _tars() -> SequentialTars:
    """Return this thread's compressed tar: members that are read in their order cost one pass through it."""
    found: SequentialTars | None = getattr(_thread, "tars", None)
    if found is None:
        found = _thread.tars = SequentialTars()
    return found
