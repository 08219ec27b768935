"""The lines of a run's reviewed rectangles and verdicts: a file of the audit, for a job's graph has room for a few only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from anonymizer.internals import SEAL_SIZE, Seal
from storage import NotOursError, TableFolder

from .audit_names import reviewed_name
from .sealed_json import SealError


@dataclass(frozen=True)
class ReviewedLines:
    """A file with lines of people's decisions, by keyed hashes. Picklable.

    Attributes:
        folder: of the audit.
        name: of the file in it. Its content decides it, so that runs with the same lines share a file.
    """

    folder: TableFolder
    name: str

    @classmethod
    def of(cls, folder: TableFolder, lines: bytes) -> ReviewedLines:
        """Return the file for lines, as ``take_out_lines`` returns them. It need not be there yet."""
        return cls(folder, reviewed_name(hashlib.sha256(lines).hexdigest()))

    def write(self, lines: bytes, seal: Seal) -> None:
        """Write the file, unless it is there.

        Raises:
            StorageError: it can't be read or written.
        """
        try:
            self(seal)
        except SealError:
            self.folder.create(self.name, seal.code(self.name, lines) + lines)

    def __call__(self, seal: Seal) -> bytes:
        """Return the lines.

        Raises:
            SealError: the file is missing, or no run with this key wrote it so.
            StorageError: it can't be read.
        """
        try:
            content = self.folder.read(self.name)
        except (FileNotFoundError, NotOursError):
            content = b""
        code, lines = content[:SEAL_SIZE], content[SEAL_SIZE:]
        if not seal.fits(self.name, lines, code):
            raise SealError(f"{self.name} is missing in the audit, or was changed since a run wrote it: start the run again")
        return lines
