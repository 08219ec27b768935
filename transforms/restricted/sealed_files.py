"""Restricted tables of a run: files of one kind in a folder, whose names tell who has the key if a run wrote them."""

from __future__ import annotations

from dataclasses import dataclass

from anonymizer.internals import Seal
from storage import TableTarget

from ..engine_config import EngineConfig
from .cms import encrypt

#: the ends of their names: Parquet; EnvelopedData of that
PLAIN_SUFFIX, ENCRYPTED_SUFFIX = ".parquet", ".parquet.p7m"
#: of a code in a name
_CODE_BYTES = 16


@dataclass(frozen=True)
class SealedFiles:
    """The place of a run's files of one kind. Picklable.

    Attributes:
        folder: files there are readable by their owner alone, where the store has permissions.
        kind: the beginning of the names of all of them.
        run_id: stands in the names, too.
        config: gives the seal.
        certificate: of the only reader, DER; empty: files are not encrypted.
    """

    folder: TableTarget
    kind: str
    run_id: str
    config: EngineConfig
    certificate: bytes = b""

    @property
    def prefix(self) -> str:
        """The beginning of the names of the run's files."""
        return f"{self.kind}{self.run_id}"

    def create(self, name: str, content: bytes, *, durable: bool = True) -> None:
        """Write a file, as ``TableTarget.create`` does, encrypted if it is to be; its code replaces the last part of the name.

        Raises:
            EnvelopeError: the packages of this worker can't encrypt.
        """
        suffix = PLAIN_SUFFIX
        if self.certificate:
            suffix, content = ENCRYPTED_SUFFIX, encrypt(content, self.certificate)
        self.folder.create(sealed_name(self.prefix, suffix, content, self.config.seal()), content, durable=durable)


def sealed_name(prefix: str, suffix: str, content: bytes, seal: Seal) -> str:
    """Return the name of a file: with the key one can tell by it if a run wrote the file.

    Args:
        prefix: kind and run id.
    """
    return f"{prefix}-{seal.code(prefix + suffix, content)[:_CODE_BYTES].hex()}{suffix}"
