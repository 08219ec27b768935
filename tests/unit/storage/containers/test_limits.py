"""Bombs are refused, faults are noticed wherever they are, and memory stays bounded."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import struct
import tarfile
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import DeidentificationError, Reason
from storage import ObjectRef, Packing, TransientError
from storage.containers import SequentialTars, limits, members, open_member
from tests.support.running import budget
from tests.unit.storage.containers.fakes import DOCUMENTED, FakeContainer, entry, reason_of, tar_of, tar_with, zip_of

FILES = {"a": b"one" * 30, "b/c": random.Random(1).randbytes(40), "d": b""}
SMALL = {
    "stored.zip": zip_of(FILES, zipfile.ZIP_STORED),
    "deflated.zip": zip_of(FILES),
    "bzip2.zip": zip_of(FILES, zipfile.ZIP_BZIP2),
    "lzma.zip": zip_of(FILES, zipfile.ZIP_LZMA),
    "in.zip": zip_of({"inner.zip": zip_of(FILES), "x": b"y"}, zipfile.ZIP_STORED),
    "pax.tar": tar_of({**FILES, "ü" * 60: b"x"}),
    "gnu.tar": tar_of({**FILES, "n" * 120: b"x"}, form=tarfile.GNU_FORMAT),
    "in.tar.gz": tar_of(FILES, "w:gz"),
    "in.tar.bz2": tar_of(FILES, "w:bz2"),
    "in.tar.xz": tar_of(FILES, "w:xz"),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_truncated_container_is_never_taken_for_a_whole_one(name: str) -> None:
    whole = FakeContainer(SMALL[name], name.encode())
    contents = {ref: whole.read(ref) for ref in whole.members()}
    for length in range(len(whole.content)):
        cut = FakeContainer(whole.content[:length], name.encode())
        found, fault = cut.outcome()
        assert found == list(contents) if fault is None else fault == Reason.INVALID_CONTAINER.value
        assert name.endswith("tar") or not (fault and found)
        assert all(cut.read(ref) == contents[ref] for ref in found[-2:])


@pytest.mark.parametrize("name", SMALL)
@budget(150)
@given(data=st.data())
def test_damaged_containers_end_in_documented_ways(name: str, data: st.DataObject) -> None:
    content = bytearray(SMALL[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    if data.draw(st.booleans()):
        # so that damage to tar headers gets beyond their checksums
        for at in range(0, len(content) - 511, 512):
            if content[at + 257 : at + 262] == b"ustar":
                content[at + 148 : at + 156] = b" " * 8
                content[at + 148 : at + 156] = b"%06o\0 " % sum(content[at : at + 512])
    container = FakeContainer(bytes(content), name.encode())
    found, fault = container.outcome()
    assert fault is None or fault in DOCUMENTED
    assert len({ref.source for ref in found}) == len(found)
    for ref in found:
        if ref.size < 1 << 20:
            assert reason_of(container, ref) in (
                None,
                Reason.INVALID_CONTAINER,
                Reason.UNSUPPORTED_MEMBER,
                Reason.CONTAINER_LIMIT,
            )


@budget(100)
@given(content=st.binary(max_size=2000), head=st.sampled_from([b"", b"PK\5\6", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0"]))
def test_anything_may_come(content: bytes, head: bytes) -> None:
    for name in (b"a.zip", b"a.tar"):
        _, fault = FakeContainer(head + content + head, name).outcome()
        assert fault in (*DOCUMENTED, None)


@pytest.mark.parametrize("name", ["deflated.zip", "pax.tar", "in.tar.gz"])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("no"), Reason.UNREADABLE),
        (TransientError(), Reason.UNREADABLE),
        (DeidentificationError(Reason.CHANGED_DURING_RUN), Reason.CHANGED_DURING_RUN),
        (RuntimeError("a/name"), Reason.INTERNAL_ERROR),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_containers_that_cant_be_read(name: str, error: Exception, reason: Reason, at_once: bool) -> None:
    container = FakeContainer(SMALL[name], name.encode())

    class Failing:
        entry = None

        def read(self, size: int) -> bytes:
            raise error

    @contextlib.contextmanager
    def failing(start, end):  # type: ignore[no-untyped-def]
        if at_once:
            raise error
        yield Failing()

    container.open_range = failing  # type: ignore[method-assign]
    assert container.outcome() == ([], reason.value)


@pytest.mark.parametrize("name", ["deflated.zip", "in.tar.gz"])
def test_bytes_that_went_wrong_are_asked_for_again(name: str) -> None:
    container = FakeContainer(SMALL[name], name.encode())
    whole = container.open_range
    failures = iter([True, True, False])

    @contextlib.contextmanager
    def failing(start, end):  # type: ignore[no-untyped-def]
        with whole(start, end) as stream:
            read, count = stream.read, iter(range(99))

            def fail(size: int) -> bytes:
                if next(count) == 1 and next(failures):
                    raise TransientError
                return read(min(size, 100))

            stream.read = fail  # type: ignore[method-assign]
            yield stream

    container.open_range = failing  # type: ignore[method-assign]
    assert len(container.members()) == 3


def test_a_member_that_is_no_member_or_cant_be_read() -> None:
    container = FakeContainer(SMALL["deflated.zip"])
    with pytest.raises(ValueError, match="no member"):
        open_member(container.ref, container.open_range)
    for reason in (Reason.CONTAINER_LIMIT, Reason.UNREADABLE):
        assert reason_of(container, container.ref._replace(member=(reason.value, 0, 0, -1, len(container.ref.source)))) is reason
    assert container.requests == []


# -- bombs ------------------------------------------------------------------------------------------------------------


def overlapping(count: int) -> bytes:
    """Fifield's: every file's data goes on through the headers of the files behind it to one kernel."""
    deflate = zlib.compressobj(wbits=-15)
    kernel = deflate.compress(bytes(10_000_000)) + deflate.flush()
    names = [b"%03d" % i for i in range(count)]

    def local(name: bytes, stored: int, size: int) -> bytes:
        return struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, stored, size, len(name), 0) + name

    tail, files = kernel, []
    stored, size = len(kernel), 10_000_000
    for name in reversed(names):
        header = local(name, stored, size)
        tail = header + tail
        files.append((name, stored, size, len(tail)))
        quoted = 5 + len(header)
        tail = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + tail
        stored, size = stored + quoted, size + len(header)
    directory = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, stored, size, 3, 0, 0, 0, 0, 0, len(tail) - at) + name
        for name, stored, size, at in reversed(files)
    )
    return tail + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(tail), 0)


def test_members_must_not_lie_in_each_other() -> None:
    assert len(zipfile.ZipFile(io.BytesIO(overlapping(50))).infolist()) == 50
    assert FakeContainer(overlapping(50)).outcome() == ([], Reason.INVALID_CONTAINER.value)
    content = bytearray(SMALL["deflated.zip"])
    first = content.index(b"PK\1\2")
    # the second entry points to the first one's data, and then the first one's into the directory
    struct.pack_into("<L", content, content.index(b"PK\1\2", first + 1) + 42, 0)
    assert FakeContainer(bytes(content)).outcome() == ([], Reason.INVALID_CONTAINER.value)
    content = bytearray(SMALL["deflated.zip"])
    struct.pack_into("<L", content, content.rindex(b"PK\1\2") + 20, 99)
    assert FakeContainer(bytes(content)).outcome() == ([], Reason.INVALID_CONTAINER.value)


@pytest.mark.parametrize("name", ["a.zip", "a.tgz", "a.txz", "a.tbz2"])
def test_ratio_bombs(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(limits, "SMALL_TOTAL", 1 << 20)
    zeros = {"a": bytes(20_000_000)}
    modes = {"a.tgz": "w:gz", "a.txz": "w:xz", "a.tbz2": "w:bz2"}
    content = tar_of(zeros, modes[name]) if name in modes else zip_of(zeros)
    for known in (True, False):
        assert FakeContainer(content, name.encode(), known=known).outcome() == ([], Reason.CONTAINER_LIMIT.value)
    monkeypatch.setattr(limits, "SMALL_TOTAL", 1 << 30)
    assert len(FakeContainer(content, name.encode()).members()) == 1


def test_a_bomb_behind_a_tars_end() -> None:
    container = FakeContainer(gzip.compress(tar_of({"a": b"1"})) + gzip.compress(bytes(1 << 20)) * 1100, b"a.tgz")
    assert container.outcome() == ([], Reason.CONTAINER_LIMIT.value)


def test_hard_links_count_what_reading_them_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SMALL_TOTAL", 1 << 20)
    links = [(entry(f"l{i}", tarfile.LNKTYPE, "a"), b"") for i in range(900)]
    content = tar_with((entry("a"), bytes(500_000)), *links)
    found, fault = FakeContainer(content, b"a.tar").outcome()
    assert fault == Reason.CONTAINER_LIMIT.value and len(found) < 900
    assert FakeContainer(gzip.compress(content), b"a.tgz").outcome() == ([], Reason.CONTAINER_LIMIT.value)


@pytest.mark.parametrize("name", ["deflated.zip", "in.tar.gz", "pax.tar"])
@pytest.mark.parametrize("limit", ["MAX_MEMBERS", "MAX_NAMES"])
def test_too_many_members_or_names(monkeypatch: pytest.MonkeyPatch, name: str, limit: str) -> None:
    monkeypatch.setattr(limits, limit, 2)
    assert FakeContainer(SMALL[name], name.encode()).outcome()[1] == Reason.CONTAINER_LIMIT.value


def test_too_large_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.containers.zip_directory.MAX_DIRECTORY", 100)
    container = FakeContainer(SMALL["deflated.zip"])
    assert container.outcome() == ([], Reason.CONTAINER_LIMIT.value) and len(container.requests) == 1


def test_a_claimed_window_takes_no_memory() -> None:
    content = zip_of({"a": b"x" * 1000}, zipfile.ZIP_LZMA)
    at = content.index(b"\x05\x00", 30)
    container = FakeContainer(content[: at + 3] + b"\xff\xff\xff\xff" + content[at + 7 :])
    (ref,) = container.members()
    assert container.read(ref) == b"x" * 1000
    large = ref._replace(size=1 << 30)
    assert reason_of(container, large) is Reason.CONTAINER_LIMIT


# -- memory -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def no_more_than(limit: int):  # type: ignore[no-untyped-def]
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_memory_does_not_grow_with_a_member(method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, archive.open("zeros", "w") as member:
        for _ in range(64):
            member.write(bytes(1 << 20))
    container = FakeContainer(out.getvalue())
    (ref,) = container.members()
    # LZMA's own window takes 8 MiB of it
    with no_more_than(12 << 20), open_member(ref, container.open_range) as stream:
        total = 0
        while piece := stream.read(1 << 16):
            total += len(piece)
        assert total == ref.size == 64 << 20


def test_memory_does_not_grow_with_a_tar() -> None:
    container = FakeContainer(tar_of({"zeros": bytes(64 << 20), "b": b"2"}, "w:gz"), b"a.tgz")
    with no_more_than(8 << 20):
        (refs,) = members(container.ref, container.open_range)
        with contextlib.closing(SequentialTars()) as tars, open_member(refs[1], container.open_range, sequential=tars) as stream:
            assert stream.read(10) == b"2"


def test_many_empty_streams_take_no_time() -> None:
    content = gzip.compress(b"") * 50_000 + gzip.compress(tar_of({"a": b"1"}))
    container = FakeContainer(content, b"a.tgz")
    assert list(container.contents().values()) == [b"1"]


def test_a_ref_is_what_its_coders_expect() -> None:
    for name, content in SMALL.items():
        for ref in FakeContainer(content, name.encode()).members():
            assert isinstance(ref, ObjectRef) and type(ref.member) is tuple
            assert [type(field) for field in ref.member] == [str, int, int, int, int]
            assert Packing(ref.member[0])
