"""What a program listens on, seen from outside: the sockets of it and of all processes that come from it (Linux)."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_LISTENS = "0A"
_ACCEPTS = 0x10000


class Listener(NamedTuple):
    """An open door.

    Attributes:
        kind: tcp, tcp6, udp, udp6 or unix.
        address: a path, or the host as the kernel writes it (hexadecimal digits); of an abstract socket, with @ before it.
    """

    kind: str
    address: str

    @property
    def is_loopback(self) -> bool:
        """Whether nobody reaches it from another machine."""
        return self.address in ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")


def process_tree(root: int) -> set[int]:
    """A process and all that come from it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # the name in parentheses may hold anything
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, todo = set(), [root]
    while todo:
        found.add(pid := todo.pop())
        todo += children.get(pid, [])
    return found


def listeners(root: int) -> set[Listener]:
    """What a process, or one that comes from it, listens on now."""
    # the table first: a socket that is opened later is not in it, and one that is closed meanwhile belongs to nobody
    table = _table(root)
    owned = {inode for pid in process_tree(root) for inode in _sockets(pid)}
    return {listener for inode, listener in table if inode in owned}


def _sockets(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if match := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{name}")):
                    found.add(match.group(1))
    return found


def _table(pid: int) -> list[tuple[str, Listener]]:
    found = []
    with contextlib.suppress(FileNotFoundError):
        for kind in ("tcp", "tcp6", "udp", "udp6"):
            for row in _rows(pid, kind):
                (host, port), (_, peer) = row[1].split(":"), row[2].split(":")
                is_open = row[3] == _LISTENS if kind.startswith("tcp") else int(port, 16) and not int(peer, 16)
                if is_open:
                    found.append((row[9], Listener(kind, host)))
        for row in _rows(pid, "unix"):
            path = row[7] if len(row) > 7 else ""
            # whoever knows its name may use an abstract socket, whatever is done with it
            if int(row[3], 16) & _ACCEPTS or path.startswith("@"):
                found.append((row[6], Listener("unix", path)))
    return found


def _rows(pid: int, kind: str) -> list[list[str]]:
    return [
        line.split(None, 7 if kind == "unix" else -1) for line in (PROC / str(pid) / "net" / kind).read_text().splitlines()[1:]
    ]
