"""A container in memory, and ways to read all of it."""

from __future__ import annotations

import contextlib
import io
import tarfile
import zipfile
from collections.abc import Iterator

from anonymizer import DeidentificationError, Reason
from storage import Entry, ObjectRef, OpenEntry
from storage.containers import SequentialTars, members, open_member

#: what a container may turn out to be, with bytes changed at random
DOCUMENTED = {Reason.INVALID_CONTAINER.value, Reason.CONTAINER_LIMIT.value}


class FakeOpen:
    """An open range. It gives fewer bytes than it is asked for, as streams may."""

    def __init__(self, content: bytes, entry: Entry, most: int) -> None:
        self._stream = io.BytesIO(content)
        self._most = most
        self.entry = entry
        self.total = 0

    def read(self, size: int, /) -> bytes:
        assert size > 0
        piece = self._stream.read(min(size, self._most))
        self.total += len(piece)
        return piece


class FakeContainer:
    """A container whose requests are counted."""

    def __init__(self, content: bytes, name: bytes = b"/a/in.zip", *, known: bool = True, most: int = 1 << 30) -> None:
        """
        Args:
            known: a listing told the size and version.
            most: bytes that a read gives.
        """
        self.content = content
        self.version = "1"
        self.most = most
        self.requests: list[tuple[int, int | None]] = []
        self.streams: list[FakeOpen] = []
        self.open_now = 0
        self.ref = ObjectRef(name, b"0/in", len(content) if known else -1, self.version if known else "")

    @contextlib.contextmanager
    def open_range(self, start: int, end: int | None) -> Iterator[OpenEntry]:
        assert start >= 0 and (end is None or start < end), "stores refuse empty ranges"
        self.requests.append((start, end))
        self.open_now += 1
        entry = Entry(self.ref.name, len(self.content), self.version)
        try:
            self.streams.append(FakeOpen(self.content[start:end], entry, self.most))
            yield self.streams[-1]
        finally:
            self.open_now -= 1

    def lists(self) -> list[list[ObjectRef]]:
        return list(members(self.ref, self.open_range))

    def members(self) -> list[ObjectRef]:
        """The members of a sound container."""
        found, fault = self.outcome()
        assert fault is None
        return found

    def outcome(self) -> tuple[list[ObjectRef], str | None]:
        """The members, and why there are no more, where something was wrong."""
        lists = self.lists()
        assert all(lists) and self.open_now == 0
        refs = [ref for refs in lists for ref in refs]
        if refs and refs[-1].source == self.ref.source:
            last = refs[-1]
            assert last.member is not None and last == self.ref._replace(member=(last.member[0], 0, 0, -1, len(self.ref.source)))
            assert len(lists[-1]) == 1
            return refs[:-1], last.member[0]
        return refs, None

    def read(self, ref: ObjectRef, size: int = 1 << 16, sequential: SequentialTars | None = None) -> bytes:
        """A member's bytes."""
        pieces = []
        with open_member(ref, self.open_range, sequential=sequential) as stream:
            while piece := stream.read(size):
                assert len(piece) <= size
                pieces.append(piece)
            assert stream.read(size) == b""
        return b"".join(pieces)

    def contents(self) -> dict[bytes, bytes]:
        """Every member of a sound container by its source name."""
        return {ref.source: self.read(ref) for ref in self.members()}


def reason_of(container: FakeContainer, ref: ObjectRef) -> Reason | None:
    """Why a member can't be read."""
    try:
        content = container.read(ref)
    except DeidentificationError as error:
        return error.reason
    assert len(content) == ref.size
    return None


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.comment = comment
    return out.getvalue()


def tar_of(files: dict[str, bytes], mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def tar_with(*entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of any entries."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, content in entries:
            info.size = len(content) or info.size
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info
