"""Small files, wherever they are: a folder of them, which the audit is, and single ones."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anonymizer.internals import make_folders

from .locations import join, scheme_of
from .outages import cannot_write
from .registry import store_for
from .store import ObjectStore, StorageError, StorageOptions

#: of a file, with the folders below this one: no step leads up or out
_NAME = re.compile(r"(?:(?!\.{1,2}(?:/|$))[^/\0]+(?:/(?!$)|$))+")


@dataclass(frozen=True)
class Folder:
    """A folder of small files on any store: its owner's alone, as far as the store has permissions (on this machine: 0700, 0600).

    Picklable.

    Attributes:
        location: path or URI.
        options: how its store is reached.
    """

    location: str
    options: StorageOptions = field(default_factory=StorageOptions)

    @property
    def _store(self) -> ObjectStore:
        return store_for(self.location, self.options)

    def create(self, name: str, content: bytes, *, durable: bool = True) -> None:
        """Implement ``TableTarget.create``."""
        self._store.put(self._at(name, make=True), content, durable=durable)

    def names(self, beginning: str = "") -> Sequence[str]:
        """Return the names of the files right in it that begin so.

        Raises:
            StorageError: it can't be listed.
        """
        return self._store.names(self.location, beginning)

    def read(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it can't be read.
        """
        return self._store.get(self._at(name))[0]

    def read_json(self, name: str) -> tuple[Any, str]:
        """Return the content of a JSON file, and the version of the file.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it can't be read.
            ValueError: it is no JSON.
        """
        content, version = self._store.get(self._at(name))
        try:
            return json.loads(content), version
        except RecursionError:
            raise ValueError("nested too deep") from None

    def write_json(self, name: str, content: Mapping[str, Any], *, version: str | None = None) -> None:
        """Write a JSON file that is there whole or not at all.

        Args:
            version: as for ``ObjectStore.put``.

        Raises:
            ObjectConflictError: another version is there.
            StorageError: it can't be written.
        """
        self._store.put(self._at(name, make=True), (json.dumps(content, indent=2) + "\n").encode(), version=version)

    def move(self, name: str, folder: str) -> None:
        """Move a file into a folder below this one; nothing happens where there is none."""
        self._store.move(self._at(name), self._at(f"{folder}/{name}", make=True))

    def delete(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""
        self._store.delete(self._at(name))

    def _at(self, name: str, *, make: bool = False) -> str:
        """Return the location of a file of that name.

        Args:
            make: see to it that the folders are there in which it lies.

        Raises:
            StorageError: in no place below this folder, or they can't be made.
        """
        if _NAME.fullmatch(name) is None:
            raise StorageError("has a name in it that no run has made")
        if "/" in name and not scheme_of(self.location):
            place = Path(self.location)
            for step in name.split("/")[:-1]:
                place = place / step
                # who can write here must not choose where else
                if place.is_symlink():
                    raise StorageError("has a link in it in a folder's place: remove the link")
                if make:
                    _make_private(place)
        return join(self.location, name)

    def check_folder(self, name: str) -> None:
        """Refuse a place that should be a folder and is none, before anything is written.

        Raises:
            StorageError: a link, or something else.
        """
        place = Path(self.location, name)
        if not scheme_of(self.location) and (place.is_symlink() or (place.exists() and not place.is_dir())):
            raise StorageError("has something in it in a folder's place: remove it")

    def make(self, *, closed: bool) -> None:
        """Make sure that the folder can be used, before anything is written to it.

        Args:
            closed: refuse a folder of this machine that others than its owner may enter. It is never closed here: it may be
                any folder that somebody named by mistake.

        Raises:
            StorageError: what is wrong with it.
        """
        if scheme_of(self.location):
            self.names()
            return
        mode = _make_private(Path(self.location))
        if closed and stat.S_IMODE(mode) & 0o077:
            raise StorageError("is open to others than its owner: close it (chmod 700), or name a folder that is not there yet")
        if mode & stat.S_IWOTH:
            raise StorageError("can be written by everybody: close it (chmod o-w), or name a folder that is not there yet")


def _make_private(folder: Path) -> int:
    """Make the folder, if need be, and return its mode."""
    try:
        make_folders(folder, 0o700)
        return folder.stat().st_mode
    except OSError as error:
        raise cannot_write(error) or StorageError(f"can't be made: {error.strerror}") from None


@dataclass(frozen=True)
class FileReader:
    """A reader of whole files on object storage. Picklable.

    Attributes:
        options: how their stores are reached.
    """

    options: StorageOptions

    def __call__(self, location: str) -> bytes:
        """Return the content of a file.

        Args:
            location: path or URI.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it can't be read.
        """
        return store_for(location, self.options).get(location)[0]
