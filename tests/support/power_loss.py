"""What a disk keeps of a program's work when the power fails: told from the system calls of the program, recorded by strace.

The disk of this model keeps no more than it must: content that was synced, and names in folders that were synced; or, as real
ones do, names whose content never came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from random import Random

#: to be put before a command
STRACE = (
    *("strace", "-f", "--seccomp-bpf", "-y", "-qq", "-xx", "-s", "10000000", "--signal=none", "--status=successful", "-e"),
    "trace=openat,link,linkat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,write,writev,fsync,fdatasync,syncfs,close",
)

_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)(?:<.*>)?$")
_UNFINISHED = re.compile(r"^(\d+) +(\w+)\((.*?)(?: <unfinished \.\.\.>)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_HANDLE = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2})*)>")
_FOLDER = re.compile(r"(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>")


class Keeps(Enum):
    """What the disk keeps beside what was synced."""

    #: nothing
    NOTHING = "nothing"
    #: all names, with no content where that wasn't synced
    NAMES = "names"
    #: of each folder the old names or the new ones; of each content nothing, a part, zeros or all
    ANYTHING = "anything"


@dataclass(eq=False)
class _File:
    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


@dataclass(eq=False)
class _Folder:
    names: dict[str, _File | _Folder] = field(default_factory=dict)
    synced: dict[str, _File | _Folder] = field(default_factory=dict)


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _text(escaped: str) -> str:
    return _bytes(escaped).decode(errors="surrogateescape")


def calls(trace: str) -> Iterator[tuple[str, str, int]]:
    """(name, arguments, result) of each call in its order: where two overlap, in the order in which they ended, but a sync counts
    from its beginning: what is written meanwhile may miss it.
    """
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        if found := _UNFINISHED.match(line):
            pid, name, arguments = found.groups()
            begun[pid] = arguments
            if "sync" in name:
                yield f"begin-{name}", arguments, int(pid)
        elif found := _RESUMED.match(line):
            pid, name, rest = found.groups()
            whole = f"{pid} {name}({begun.pop(pid, '')}{rest}"
            if found := _CALL.match(whole):
                yield (f"end-{name}", found.group(2), int(pid)) if "sync" in name else (name, found.group(2), int(found.group(3)))
        elif found := _CALL.match(line):
            yield found.group(1), found.group(2), int(found.group(3))


class Disk:
    """Folders below ``root`` as a program changes them, and what of that is safe."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._top = _Folder()
        self._open: dict[int, _File | _Folder] = {}
        #: syncs under way, and what they have brought to the disk when they end
        self._syncing: dict[int, list[tuple[_File | _Folder, object]]] = {}
        #: names and content that changed
        self.changes = 0

    def load(self) -> None:
        """Take what is there by now, as safe."""
        _load(self._top, Path(self._root))

    def apply(self, name: str, arguments: str, result: int) -> None:
        """Follow a call."""
        if name.startswith("begin-"):
            self._syncing[result] = self._to_sync(name, arguments)
        elif name.startswith("end-"):
            _keep(self._syncing.pop(result, []))
        elif "sync" in name:
            _keep(self._to_sync(name, arguments))
        else:
            _CALLS[name](self, arguments, result)

    def _to_sync(self, name: str, arguments: str) -> list[tuple[_File | _Folder, object]]:
        if name.endswith("syncfs"):
            return [(node, _present(node)) for node in _all(self._top)]
        node = self._open.get(int(arguments.split("<")[0]))
        return [] if node is None else [(node, _present(node))]

    # -- where --------------------------------------------------------------------------------------------------------

    def _paths(self, arguments: str) -> list[str]:
        """The paths that a call names, each below the folder that stands before it."""
        folders, found = "", []
        for part in re.finditer(rf"{_FOLDER.pattern}|{_TEXT.pattern}", arguments):
            if part.group(1) is not None:
                folders = _text(part.group(1))
            else:
                text = _text(part.group(2))
                found.append(text if text.startswith("/") else f"{folders}/{text}")
        return found

    def _place(self, path: str) -> tuple[_Folder, str] | None:
        """The folder in which a path lies, and its name there; None for what lies elsewhere."""
        if not path.startswith(f"{self._root}/"):
            return None
        *above, name = path[len(self._root) + 1 :].rstrip("/").split("/")
        folder = self._top
        for step in above:
            inner = folder.names.get(step)
            if not isinstance(inner, _Folder):
                return None
            folder = inner
        return folder, name

    # -- calls --------------------------------------------------------------------------------------------------------

    def _openat(self, arguments: str, handle: int) -> None:
        path = self._paths(arguments)[0]
        place = self._place(path)
        if place is None:
            self._open.pop(handle, None)
            if path == self._root:
                self._open[handle] = self._top
            return
        folder, name = place
        if name not in folder.names:
            assert "O_CREAT" in arguments, path
            folder.names[name] = _File()
            self.changes += 1
        node = folder.names[name]
        if "O_TRUNC" in arguments and isinstance(node, _File):
            node.content.clear()
        self._open[handle] = node

    def _close(self, arguments: str, result: int) -> None:
        self._open.pop(int(arguments.split("<")[0]), None)

    def _write(self, arguments: str, result: int) -> None:
        found = _HANDLE.match(arguments)
        node = self._open.get(int(found.group(1))) if found else None
        if isinstance(node, _File):
            rest = arguments.split(", ", 1)[1]
            node.content += b"".join(_bytes(text) for text in _TEXT.findall(rest))[:result]
            self.changes += 1

    def _mkdir(self, arguments: str, result: int) -> None:
        if place := self._place(self._paths(arguments)[0]):
            place[0].names[place[1]] = _Folder()
            self.changes += 1

    def _link(self, arguments: str, result: int) -> None:
        old, new = map(self._place, self._paths(arguments))
        if old and new:
            new[0].names[new[1]] = old[0].names[old[1]]
            self.changes += 1

    def _rename(self, arguments: str, result: int) -> None:
        old, new = map(self._place, self._paths(arguments))
        if old and new:
            new[0].names[new[1]] = old[0].names.pop(old[1])
            self.changes += 1

    def _unlink(self, arguments: str, result: int) -> None:
        if place := self._place(self._paths(arguments)[0]):
            del place[0].names[place[1]]
            self.changes += 1

    # -- after the cut -----------------------------------------------------------------------------------------------

    def survive(self, target: Path, keeps: Keeps, chance: Random) -> None:
        """Make what the disk has, if the power fails now."""
        _make(self._top, target, keeps, chance)


_CALLS = {
    **dict.fromkeys(("link", "linkat"), Disk._link),
    **dict.fromkeys(("rename", "renameat", "renameat2"), Disk._rename),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), Disk._unlink),
    **dict.fromkeys(("mkdir", "mkdirat"), Disk._mkdir),
    **dict.fromkeys(("write", "writev"), Disk._write),
    "openat": Disk._openat,
    "close": Disk._close,
}


def _load(folder: _Folder, path: Path) -> None:
    for entry in path.iterdir():
        node: _File | _Folder
        if entry.is_dir():
            node = _Folder()
            _load(node, entry)
        else:
            node = _File(bytearray(entry.read_bytes()), entry.read_bytes())
        folder.names[entry.name] = folder.synced[entry.name] = node


def _all(folder: _Folder) -> Iterator[_File | _Folder]:
    yield folder
    for node in folder.names.values():
        if isinstance(node, _Folder):
            yield from _all(node)
        else:
            yield node


def _present(node: _File | _Folder) -> object:
    return bytes(node.content) if isinstance(node, _File) else dict(node.names)


def _keep(found: list[tuple[_File | _Folder, object]]) -> None:
    for node, present in found:
        node.synced = present  # type: ignore[assignment]


def _make(folder: _Folder, target: Path, keeps: Keeps, chance: Random) -> None:
    target.mkdir(parents=True, exist_ok=True)
    names = folder.synced if keeps is Keeps.NOTHING else folder.names
    if keeps is Keeps.ANYTHING and chance.random() < 0.5:
        names = folder.synced
    for name, node in names.items():
        if isinstance(node, _Folder):
            _make(node, target / name, keeps, chance)
            continue
        content, whole = node.synced, bytes(node.content)
        if keeps is Keeps.ANYTHING and content != whole:
            content = chance.choice([content, whole[: len(whole) // 2], bytes(len(whole)), whole])
        (target / name).write_bytes(content)
