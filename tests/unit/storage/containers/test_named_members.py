"""Of zips and tars of which some members are listed, just these are read, and each has an outcome."""

from __future__ import annotations

import random
import tarfile
import zipfile

import pytest

from anonymizer import Reason
from storage import ObjectRef
from tests.unit.storage.containers.fakes import FakeContainer, entry, reason_of, tar_of, tar_with, zip_of

FILES = {f"study/{number}.dcm": random.Random(number).randbytes(2000) for number in range(100)}
KINDS = {
    b"/a/in.zip": lambda files: zip_of(files),
    b"/a/in.tar": lambda files: tar_of(files),
    b"/a/in.tar.gz": lambda files: tar_of(files, "w:gz"),
    b"/a/in.tar.xz": lambda files: tar_of(files, "w:xz"),
}


def named(container: FakeContainer, *members: bytes) -> list[ObjectRef]:
    container.ref = container.ref._replace(members=members)
    lists = container.lists()
    assert all(lists) and container.open_now == 0
    return [ref for refs in lists for ref in refs]


@pytest.mark.parametrize("kind", KINDS)
def test_just_the_named_members_are_listed_under_the_names_that_they_have_anyway(kind: bytes) -> None:
    container = FakeContainer(KINDS[kind](FILES), kind)
    whole = {ref.source: ref for ref in container.members()}
    refs = named(container, b"study/70.dcm", b"study/3.dcm")
    assert sorted(ref.source for ref in refs) == [b"0/in!/study/3.dcm", b"0/in!/study/70.dcm"]
    for ref in refs:
        assert container.read(ref) == FILES[ref.source.decode().removeprefix("0/in!/")]
        assert ref.members is None and ref.member is not None
        # they differ in but what says that they are a part
        assert ref == whole[ref.source]._replace(member=(*ref.member[:-1], len(b"0/in!/")))


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_that_is_not_there_is_unreadable(kind: bytes) -> None:
    container = FakeContainer(KINDS[kind](FILES), kind)
    refs = named(container, b"study/3.dcm", b"other", b"study/3.dcm#2", b"other")
    assert [(ref.source, ref.size >= 0) for ref in refs] == [
        (b"0/in!/study/3.dcm", True),
        *[(b"0/in!/other", False)] * 2,
        (b"0/in!/study/3.dcm#2", False),
    ]
    assert [reason_of(container, ref) for ref in refs] == [None, *[Reason.UNREADABLE] * 3]
    assert all(ref.members is None for ref in refs)


@pytest.mark.parametrize("kind", KINDS)
def test_a_container_that_can_not_be_opened_gives_its_reason_to_each(kind: bytes) -> None:
    container = FakeContainer(b"PK\3\4 no container" * 40, kind)
    refs = named(container, *(b"%d" % number for number in range(70)))
    assert {ref.source for ref in refs} == {b"0/in!/%d" % number for number in range(70)}
    assert {reason_of(container, ref) for ref in refs} == {Reason.INVALID_CONTAINER}
    assert max(map(len, container.lists())) <= 32


@pytest.mark.parametrize("kind", KINDS)
def test_repeated_names_are_told_apart_as_in_source_names(kind: bytes) -> None:
    info = [entry("a"), entry("a#2"), entry("a"), entry("b")]
    contents = [b"first", b"second", b"third", b"last"]
    if kind.endswith(b".zip"):
        with pytest.warns(UserWarning, match="Duplicate"):
            content = _zip_with(list(zip(["a", "a#2", "a", "b"], contents, strict=True)))
    else:
        content = tar_with(*zip(info, contents, strict=True))
        kind = b"/a/in.tar"
    container = FakeContainer(content, kind)
    assert {ref.source: container.read(ref) for ref in container.members()} == {
        b"0/in!/a": b"first", b"0/in!/a#2": b"second", b"0/in!/a#3": b"third", b"0/in!/b": b"last",
    }  # fmt: skip
    refs = named(container, b"a#3", b"a#2")
    assert {ref.source: container.read(ref) for ref in refs} == {b"0/in!/a#2": b"second", b"0/in!/a#3": b"third"}


def _zip_with(files: list[tuple[str, bytes]]) -> bytes:
    import io

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def test_a_member_that_is_named_twice_is_listed_twice() -> None:
    container = FakeContainer(zip_of({"a": b"1", "b": b"2"}))
    assert [ref.source for ref in named(container, b"a", b"b", b"a")] == [b"0/in!/a", b"0/in!/a", b"0/in!/b"]


def test_odd_bytes() -> None:
    name = b"\xff\xfe,\n'".decode("utf-8", "surrogateescape")
    container = FakeContainer(tar_of({name: b"1", "b": b"2"}, form=tarfile.GNU_FORMAT), b"/a/in.tar")
    assert [ref.source for ref in named(container, b"\xff\xfe,\n'")] == [b"0/in!/\xff\xfe,\n'"]


def test_of_a_tar_no_more_is_read_than_it_takes_to_find_them() -> None:
    container = FakeContainer(tar_of(FILES), b"/a/in.tar")
    named(container, b"study/0.dcm")
    assert container.requests[0][0] == 0 and sum(stream.total for stream in container.streams) < len(container.content) / 2


def test_of_a_broken_tar_those_are_read_that_lie_before_the_fault() -> None:
    content = tar_of(FILES)
    container = FakeContainer(content[: len(content) // 2], b"/a/in.tar")
    refs = named(container, b"study/0.dcm", b"study/99.dcm")
    assert [reason_of(container, ref) for ref in refs] == [None, Reason.INVALID_CONTAINER]
