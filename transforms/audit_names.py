"""Names of the audit's files: those that a run can have made, and no others, for anybody may be able to write to the audit."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable
from typing import NamedTuple

#: the folder for accounts that were put aside, and their tables, below the audit's
EARLIER = "earlier"
#: kinds of tables: the beginnings of their files' names
INSTANCES_TABLE, UID_MAP_TABLE, REFERENCES_TABLE = "instances", "uid_map", "references"
GONE_TABLE, WORDS_TABLE, PIXELS_TABLE = "gone", "words", "pixels"
TABLES = (INSTANCES_TABLE, UID_MAP_TABLE, REFERENCES_TABLE, GONE_TABLE, WORDS_TABLE, PIXELS_TABLE)
#: the beginning of ledgers' names
LEDGER = "ledger"
#: the beginning of the names of files with lines of reviewed rectangles
_REVIEWED = "reviewed"

#: as ``new_run_id`` makes them; versions before had no time in them
_RUN_ID = re.compile("[0-9]{14}[0-9a-f]{8}|[0-9a-f]{8}")
_TABLE = re.compile(f"(?:{'|'.join(TABLES)})-({_RUN_ID.pattern})(?:-[a-z0-9_]{{1,40}})*-[0-9a-f]{{16}}\\.parquet")
_REVIEWED_FILE = re.compile(f"{_REVIEWED}-[0-9a-f]{{32}}\\.bin")
_LEDGER = re.compile(f"{LEDGER}-({_RUN_ID.pattern})-[0-9a-f]{{16}}-([0-9]{{1,12}})\\.bin")


class LedgerFile(NamedTuple):
    """A ledger by its name.

    Attributes:
        objects: the number of objects in it; one that went through both passes is in two files.
    """

    name: str
    run_id: str
    objects: int


def new_run_id() -> str:
    """Return an id for a run that begins: UTC to a 4,096th of a second (three hexadecimal digits), and random digits.

    Ids sort by time: small runs follow each other within a second.
    """
    seconds, rest = divmod(time.time_ns(), 10**9)
    return f"{time.strftime('%Y%m%d%H%M%S', time.gmtime(seconds))}{rest * 4096 // 10**9:03x}{secrets.token_hex(3)[1:]}"


def is_run_id(text: object) -> bool:
    """Return True when ``text`` can be the id of a run: no path, and nothing empty."""
    return isinstance(text, str) and _RUN_ID.fullmatch(text) is not None


def put_aside(name: str) -> str:
    """Return the place of a table file when its account is put aside; ``""`` for a file of another kind."""
    found = _TABLE.fullmatch(name)
    return f"{EARLIER}/{found.group(1)}/{name}" if found else ""


def is_table(name: object, run_id: str) -> bool:
    """Return True when the run can have made a table file of that name."""
    found = _TABLE.fullmatch(name) if isinstance(name, str) else None
    return found is not None and found.group(1) == run_id


def account_name(run_id: str) -> str:
    """Return the name of the file in which a run's job lists its tables."""
    return f"account-{run_id}.json"


def reviewed_name(digest: str) -> str:
    """Return the name of the file for lines of reviewed rectangles with that digest, in hexadecimal digits."""
    return f"{_REVIEWED}-{digest[:32]}.bin"


def reviewed_files(names: Iterable[str]) -> list[str]:
    """Return those of the names that ``reviewed_name`` can have made."""
    return [name for name in names if _REVIEWED_FILE.fullmatch(name)]


def ledger_file(name: str) -> LedgerFile | None:
    """Return the ledger of that name; None for a file of another kind."""
    found = _LEDGER.fullmatch(name)
    return None if found is None else LedgerFile(name, found.group(1), int(found.group(2)))
