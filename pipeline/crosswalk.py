"""The restricted crosswalk of a run: where it goes, and how it is read again."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms import (
    CROSSWALK,
    CROSSWALK_SCHEMA,
    ENCRYPTED_SUFFIX,
    PLAIN_SUFFIX,
    CrosswalkTarget,
    EnvelopeError,
    decrypt,
    load_certificate,
)

from .errors import RunError, UsageError
from .options import JobOptions
from .storage import FileReader, Folder, PrivateFolder, StorageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: what a name may be, of those by which an object is known outside
NAMED_BY = ("new_study_instance_uid", "new_series_instance_uid", "new_sop_instance_uid", "new_patient_id", "source_id")
#: of rows that are alike but for the run that wrote them, one is shown
COLUMNS = tuple(name for name in CROSSWALK_SCHEMA.names if name != "run_id")
_BATCH_ROWS = 8192


def crosswalk_target(options: JobOptions, run_id: str, key_id: str) -> CrosswalkTarget | None:
    """Where the run's crosswalk goes, made ready; None where none is asked for.

    Raises:
        UsageError: the certificate or the folder can't be used.
    """
    if options.crosswalk is None:
        return None
    certificate = b""
    if options.crosswalk_certificate is not None:
        try:
            certificate = load_certificate(FileReader(options.storage)(options.crosswalk_certificate))
        except FileNotFoundError:
            raise UsageError("--crosswalk-certificate doesn't exist") from None
        except (EnvelopeError, StorageError) as error:
            raise UsageError(f"--crosswalk-certificate: {error}") from None
    folder = PrivateFolder(options.crosswalk, options.storage)
    try:
        folder.make(closed=not certificate)
    except StorageError as error:
        raise UsageError(f"--crosswalk {error}") from None
    return CrosswalkTarget(folder, run_id, key_id, certificate)


class Crosswalk:
    """The files of all runs in a crosswalk's folder.

    Attributes:
        encrypted: whether one of them is encrypted.
    """

    def __init__(self, folder: Folder) -> None:
        """
        Raises:
            UsageError: there is none.
            RunError: the folder can't be listed.
        """
        self._folder = folder
        try:
            names = folder.names(CROSSWALK)
        except StorageError as error:
            raise RunError(f"the crosswalk can't be read: {error}") from None
        self._names = [name for name in names if name.endswith((PLAIN_SUFFIX, ENCRYPTED_SUFFIX))]
        if not self._names:
            raise UsageError("--crosswalk: no crosswalk is there")
        self.encrypted = any(name.endswith(ENCRYPTED_SUFFIX) for name in self._names)

    def rows(self, names: Collection[str], keys: list[RSAPrivateKey]) -> Iterator[dict[str, Any]]:
        """Rows by COLUMNS, each once: of objects, studies, series and patients that are named so; of all, if nothing is named.

        Args:
            names: values of the columns NAMED_BY.
            keys: what opens files that are encrypted.

        Raises:
            RunError: a file can't be read or decrypted.
        """
        wanted = pa.array(sorted(names), pa.string())
        seen = set()
        for name in self._names:
            for table in self._tables(name, keys):
                if names:
                    masks = (pc.is_in(table[column], value_set=wanted) for column in NAMED_BY)
                    table = table.filter(reduce(pc.or_, masks))
                for row in table.select(list(COLUMNS)).to_pylist():
                    # of a large archive, the rows themselves would fill the memory
                    digest = hashlib.blake2b(repr(tuple(row.values())).encode(), digest_size=16).digest()
                    if digest not in seen:
                        seen.add(digest)
                        yield row

    def _tables(self, name: str, keys: list[RSAPrivateKey]) -> Iterator[pa.Table]:
        try:
            content = self._folder.read(name)
            if name.endswith(ENCRYPTED_SUFFIX):
                content = decrypt(content, keys)
            file = pq.ParquetFile(pa.BufferReader(content))
            if file.schema_arrow.names != CROSSWALK_SCHEMA.names:
                raise RunError(f"{name} is of another version")
            for batch in file.iter_batches(_BATCH_ROWS):
                yield pa.Table.from_batches([batch])
        except FileNotFoundError:
            raise RunError(f"{name} is gone") from None
        except (EnvelopeError, StorageError) as error:
            raise RunError(f"{name}: {error}") from None
        except (pa.ArrowException, OSError):
            # Arrow's messages may quote what it found
            raise RunError(f"{name} is damaged, or encrypted to another certificate than the private key's") from None
