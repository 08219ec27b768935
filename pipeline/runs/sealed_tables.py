"""Reader of restricted tables: files of one kind in a folder, checked by their names and decrypted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.internals import Seal
from storage import Folder, StorageError
from transforms import ENCRYPTED_SUFFIX, PLAIN_SUFFIX, EnvelopeError, decrypt, sealed_name

from ..errors import RunError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_BATCH_ROWS = 8192


class SealedTables:
    """The files of one kind in a folder.

    Attributes:
        names: their names.
        encrypted: True if one of them is encrypted.
    """

    def __init__(self, folder: Folder, kind: str, what: str, seals: Collection[Seal], unchecked: str = "") -> None:
        """List the files.

        Args:
            kind: the beginning of their names.
            what: what they are, for messages.
            seals: seals of the runs' keys; without any, files are not authenticated.
            unchecked: end of the message about a file that no run wrote.

        Raises:
            RunError: the folder can't be listed.
        """
        self._folder = folder
        self._kind = kind
        self._what = what
        self._seals = seals
        self._unchecked = unchecked
        suffixes = "|".join(map(re.escape, (PLAIN_SUFFIX, ENCRYPTED_SUFFIX)))
        known = re.compile(f"{re.escape(kind)}[0-9a-z]{{8,32}}-[0-9a-f]{{16,32}}(?:{suffixes})")
        try:
            # messages quote these names, so names that somebody else chose are left out
            self.names = [name for name in folder.names(kind) if known.fullmatch(name)]
        except StorageError as error:
            raise RunError(f"{what} can't be read: {error}") from None
        self.encrypted = any(name.endswith(ENCRYPTED_SUFFIX) for name in self.names)

    def of_run(self, run_id: str) -> list[str]:
        """Return the names of the files of a run."""
        return [name for name in self.names if name.startswith(f"{self._kind}{run_id}-")]

    def tables(self, name: str, keys: list[RSAPrivateKey], layouts: Sequence[list[str]]) -> Iterator[pa.Table]:
        """Yield a file's rows.

        Args:
            keys: private keys for encrypted files.
            layouts: names of the columns that files may have.

        Raises:
            RunError: the file can't be read or decrypted, or no run with one of the keys wrote it.
        """
        try:
            content = self._folder.read(name)
            self._check(name, content)
            if name.endswith(ENCRYPTED_SUFFIX):
                content = decrypt(content, keys)
            file = pq.ParquetFile(pa.BufferReader(content))
            if file.schema_arrow.names not in layouts:
                raise RunError(f"{name} was written by another version")
            for batch in file.iter_batches(_BATCH_ROWS):
                yield pa.Table.from_batches([batch])
        except FileNotFoundError:
            raise RunError(f"{name} was removed during the search: run again") from None
        except (EnvelopeError, StorageError) as error:
            raise RunError(f"{name}: {error}") from None
        except (pa.ArrowException, OSError):
            # Arrow's messages may quote values
            raise RunError(f"{name} is damaged, or encrypted for another certificate than that of --private-key") from None

    def _check(self, name: str, content: bytes) -> None:
        """Refuse a file that no run with one of the keys wrote."""
        prefix, suffix = name.rpartition("-")[0], name[name.index(".") :]
        if self._seals and not any(sealed_name(prefix, suffix, content, seal) == name for seal in self._seals):
            raise RunError(
                f"a file of {self._what} was not written by a run with this key, or was changed since: restore it from a copy"
                + self._unchecked
            )
