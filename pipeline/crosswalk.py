"""The restricted crosswalk of a run: where it goes, and how it is read again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer import Seal
from transforms import (
    CROSSWALK,
    CROSSWALK_SCHEMA,
    ENCRYPTED_SUFFIX,
    PLAIN_SUFFIX,
    CrosswalkTarget,
    EngineConfig,
    EnvelopeError,
    crosswalk_name,
    decrypt,
    load_certificate,
)

from .errors import RunError, UsageError
from .options import JobOptions
from .storage import FileReader, Folder, StorageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: what a name may be, of those by which an object is known outside
NAMED_BY = ("new_study_instance_uid", "new_series_instance_uid", "new_sop_instance_uid", "new_patient_id", "source_id")
#: of rows that are alike but for the run that wrote them, one is shown
COLUMNS = tuple(name for name in CROSSWALK_SCHEMA.names if name != "run_id")
_BATCH_ROWS = 8192
_NAME = re.compile(f"{CROSSWALK}[0-9a-z]{{8,32}}-[0-9a-f]{{16,32}}({re.escape(PLAIN_SUFFIX)}|{re.escape(ENCRYPTED_SUFFIX)})")


def crosswalk_target(options: JobOptions, run_id: str, config: EngineConfig) -> CrosswalkTarget | None:
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
    folder = Folder(options.crosswalk, options.storage)
    try:
        folder.make(closed=not certificate)
    except StorageError as error:
        raise UsageError(f"--crosswalk {error}") from None
    return CrosswalkTarget(folder, run_id, config.key_id, config, certificate)


class Crosswalk:
    """The files of all runs in a crosswalk's folder.

    Attributes:
        encrypted: whether one of them is encrypted.
    """

    def __init__(self, folder: Folder, seals: Collection[Seal]) -> None:
        """
        Args:
            seals: of the keys of the runs; none: files are believed as they are.

        Raises:
            UsageError: there is none.
            RunError: the folder can't be listed.
        """
        self._folder = folder
        self._seals = seals
        try:
            names = folder.names(CROSSWALK)
        except StorageError as error:
            raise RunError(f"the crosswalk can't be read: {error}") from None
        # messages tell names: those of runs, and none that somebody else chose
        self._names = [name for name in names if _NAME.fullmatch(name)]
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
            self._check(name, content)
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

    def _check(self, name: str, content: bytes) -> None:
        """Refuse a file that no run with one of the keys has written."""
        run_id, suffix = name.removeprefix(CROSSWALK).partition("-")[0], name[name.index(".") :]
        if self._seals and not any(crosswalk_name(run_id, suffix, content, seal) == name for seal in self._seals):
            raise RunError(
                "a file of the crosswalk was not written by a run with this key, or was changed since: put it back from a copy, "
                "or read it with --unchecked"
            )
