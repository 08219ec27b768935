"""The place of contact sheets: a folder of the run in the folder that was named, closed or encrypted."""

from __future__ import annotations

from dataclasses import dataclass

from storage import TableTarget

from ..restricted.cms import encrypt

#: the beginning of the names of runs' folders, and the end of the names of encrypted files
SHEETS, ENCRYPTED = "sheets-", ".p7m"
INDEX, VERDICTS = "index.html", "verdicts.csv"


def page_name(number: int) -> str:
    """Return the name of a page's file."""
    return f"page-{number:04}.html"


@dataclass(frozen=True)
class SheetsTarget:
    """The place of a run's contact sheets. Picklable.

    Attributes:
        folder: the named folder; files there are readable by their owner alone, where the store has permissions.
        run_id: stands in the name of the run's own folder below it: no run writes to another one's.
        certificate: of the only reader, DER; empty: files are not encrypted.
        samples: objects of each group that are drawn.
    """

    folder: TableTarget
    run_id: str
    certificate: bytes = b""
    samples: int = 12

    def create(self, name: str, content: bytes) -> None:
        """Write a file, encrypted if it is to be.

        Raises:
            EnvelopeError: the packages of this worker can't encrypt.
            StorageError: it can't be written.
        """
        if self.certificate:
            name, content = name + ENCRYPTED, encrypt(content, self.certificate)
        self.folder.create(f"{SHEETS}{self.run_id}/{name}", content)
