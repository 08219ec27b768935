"""JSON files of an audit, which carry authentication codes (MACs) by the run's keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonymizer import Key
from anonymizer.internals import Seal
from storage import Folder
from transforms import SealError, check_json, is_run_id, is_table, key_ids_of, seal_json

#: the account of the last finished run
RUN_FILE = "run.json"
#: the mark of an output: the profile and key with which it is made, written before its first object
ORIGIN_FILE = "output.json"
#: the account of a plan, in a folder of its own
PLAN_FILE = "plan.json"
#: field of a plan's account that no run's has
PLAN = "plan"


class NotARunError(SealError):
    """A plan in the place of a run. The message names no object."""

    def __init__(self) -> None:
        super().__init__("the folder has a plan, which is no run: name the folder of a run's audit tables")


def has_plan(folder: Folder) -> bool:
    """Return whether a folder has the account of a plan.

    Raises:
        StorageError: it can't be listed.
    """
    return PLAN_FILE in folder.names(PLAN_FILE)


@dataclass(frozen=True)
class Audit:
    """Folder of an audit, and the seals that make and check the codes of its files.

    Attributes:
        seals: the seal of the run's key, and that of the key by which original UIDs are hashed, if it is another one. A written
            file gets a code by each. A file that is read needs a code by one of them.
    """

    folder: Folder
    seals: tuple[Seal, ...]

    def read(self, name: str) -> tuple[dict[str, Any], str]:
        """Return the content of a file, whose code is checked, and the file's version on its store.

        Raises:
            FileNotFoundError: there is no such file.
            StorageError: it can't be read.
            ValueError: it is not JSON.
            SealError: no run with one of the keys wrote it.
            NotARunError: it should be a run's account, and the folder is that of a plan.
        """
        try:
            content, version = self.folder.read_json(name)
        except FileNotFoundError:
            if name == RUN_FILE and has_plan(self.folder):
                raise NotARunError from None
            raise
        if _own_name(name) == RUN_FILE and isinstance(content, dict) and PLAN in content:
            # a plan's account under another name
            raise NotARunError
        return check_json(_own_name(name), content, self.seals), version

    def write(self, name: str, content: Mapping[str, Any], *, version: str | None = None) -> None:
        """Write a file with its codes.

        Args:
            name: name of the file, within the folder.
            version: the version that is replaced; ``""``: the file must not exist; None: replace any.

        Raises:
            ObjectConflictError, StorageError: as for ``Folder.write_json``.
        """
        self.folder.write_json(name, seal_json(_own_name(name), content, self.seals), version=version)

    def is_own(self, content: object) -> bool:
        """Return whether ``content`` claims a code by one of the keys. The code is not checked."""
        return any(seal.key_id in key_ids_of(content) for seal in self.seals)


def _own_name(name: str) -> str:
    """Return the name without folders: a file that is moved to ``earlier/`` keeps its code."""
    return name.rpartition("/")[2]


def load_seals(key: Key, scope: str, uid_map_key: str | None, uid_map_scope: str | None) -> tuple[Seal, ...]:
    """Return the seal of a run's key, and that of the key by which original UIDs are hashed, if it is another one.

    Args:
        scope: scope of the run's key.
        uid_map_key: the other key, as ``Key.load`` takes it; None: there is none.
        uid_map_scope: scope of the other key; None: ``scope``.

    Raises:
        SecretError: the other key can't be used.
    """
    seals = [Seal(key)]
    if uid_map_key is not None:
        seals.append(Seal(Key.load(uid_map_key, scope if uid_map_scope is None else uid_map_scope)))
    return tuple(seals)


def check_names(account: object) -> None:
    """Refuse an account with names of runs or tables that no run gives: they could lead to files outside the audit.

    Raises:
        ValueError: it has such names, or is malformed.
    """
    try:
        run_id, tables, digests = account["run_id"], account["tables"], account["table_digests"]  # type: ignore[index]
        sound = is_run_id(run_id) and all(is_table(name, run_id) and isinstance(rows, int) for name, rows in tables.items())
        sound = sound and tables.keys() == digests.keys() and all(isinstance(digest, str) for digest in digests.values())
    except (KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ValueError("not an account of a run")
