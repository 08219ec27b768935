"""The audit's JSON files as the command reads and writes them: with codes by its keys, and names that a run can have made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonymizer import Key
from anonymizer.internals import Seal
from storage import Folder
from transforms import check_json, is_run_id, is_table, key_ids_of, seal_json

#: the account of the last run that came to its end
RUN_FILE = "run.json"
#: says with which profile and key an output is made, from before its first object on
ORIGIN_FILE = "output.json"


@dataclass(frozen=True)
class Audit:
    """An audit's folder, and the codes that its files must have.

    Attributes:
        seals: of the run's key, and of that by which original UIDs are hashed, where it is another one. What is written has a
            code of each; what is read needs one of them.
    """

    folder: Folder
    seals: tuple[Seal, ...]

    def read(self, name: str) -> tuple[dict[str, Any], str]:
        """What a file says that a run with one of the keys wrote, and the file's version.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it can't be read.
            ValueError: it is no JSON.
            SealError: no such run wrote it.
        """
        content, version = self.folder.read_json(name)
        return check_json(_own_name(name), content, self.seals), version

    def write(self, name: str, content: Mapping[str, Any], *, version: str | None = None) -> None:
        """Write a file with its codes.

        Raises:
            ObjectConflictError, StorageError: as for ``Folder.write_json``.
        """
        self.folder.write_json(name, seal_json(_own_name(name), content, self.seals), version=version)

    def is_own(self, content: object) -> bool:
        """Whether a file says that a run with one of the keys wrote it."""
        return any(seal.key_id in key_ids_of(content) for seal in self.seals)


def _own_name(name: str) -> str:
    """Without folders: a file that is put aside keeps its code."""
    return name.rpartition("/")[2]


def load_seals(key: Key, scope: str, uid_map_key: str | None, uid_map_scope: str | None) -> tuple[Seal, ...]:
    """The seals of a run's key, and of that by which original UIDs are hashed, where it is another one.

    Args:
        scope: of the run's key.
        uid_map_key: as ``Key.load`` takes it.
        uid_map_scope: None: ``scope``.

    Raises:
        SecretError: the other key can't be used.
    """
    seals = [Seal(key)]
    if uid_map_key is not None:
        seals.append(Seal(Key.load(uid_map_key, scope if uid_map_scope is None else uid_map_scope)))
    return tuple(seals)


def check_names(account: object) -> None:
    """Refuse an account whose run or tables have names that no run gives: with these, files would be read and moved elsewhere.

    Raises:
        ValueError: it has such names, or none.
    """
    try:
        run_id, tables, digests = account["run_id"], account["tables"], account["table_digests"]  # type: ignore[index]
        sound = is_run_id(run_id) and all(is_table(name, run_id) and isinstance(rows, int) for name, rows in tables.items())
        sound = sound and tables.keys() == digests.keys() and all(isinstance(digest, str) for digest in digests.values())
    except (KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ValueError("no account of a run")
