"""Zips: every member is found and comes back as it was, or says why not."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from anonymizer import DeidentificationError, Reason
from storage import Packing
from storage.containers import is_container, open_member
from storage.containers.names import shortest_name
from tests.unit.storage.containers.fakes import FakeContainer, reason_of, tar_of, zip_of

METHODS = {
    zipfile.ZIP_STORED: Packing.ZIP_STORED,
    zipfile.ZIP_DEFLATED: Packing.ZIP_DEFLATED,
    zipfile.ZIP_BZIP2: Packing.ZIP_BZIP2,
    zipfile.ZIP_LZMA: Packing.ZIP_LZMA,
}
NOISE = random.Random(1).randbytes(300_000)
FILES = {"a/one": b"1" * 5000, "a/two": NOISE, "empty": b"", "three": b"\0" * 3_000_000 + NOISE}


def only(container: FakeContainer, reason: Reason) -> None:
    """Nothing but the container is listed, with that reason."""
    assert container.outcome() == ([], reason.value)


@pytest.mark.parametrize("suffix", [".zip", ".ZIP", ".tar", ".TaR.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"])
def test_containers_are_told_by_their_names(suffix: str) -> None:
    assert is_container(b"\xff" + suffix.encode())
    assert not is_container(b"x" + suffix.encode() + b"/a.dcm") and not is_container(suffix[1:].encode())


def test_other_names_are_no_containers() -> None:
    assert not any(is_container(name) for name in (b"", b"x.gz", b"x.tar.zst", b"x.dcm", b"zip"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("most", [1 << 30, 7])
def test_members_come_back_as_they_were(method: int, most: int) -> None:
    files = FILES if most > 7 else {"a": b"abc" * 100, "empty": b""}
    container = FakeContainer(zip_of(files, method), most=most)
    assert container.contents() == {b"0/in!/" + name.encode(): content for name, content in files.items()}
    for ref, content in zip(container.members(), files.values(), strict=True):
        assert (ref.name, ref.version, ref.size) == (b"/a/in.zip", "1", len(content))
        assert ref.member is not None and ref.member[0] == METHODS[method].value and type(ref.member) is tuple


def test_a_zip_costs_one_request_to_list_and_one_for_each_member() -> None:
    container = FakeContainer(zip_of({f"f{i}": b"x" * i for i in range(100)}))
    lists = container.lists()
    assert [len(refs) for refs in lists] == [32, 32, 32, 4]
    assert len(container.requests) == 1
    container.requests.clear()
    for refs in lists:
        for ref in refs:
            container.read(ref)
    assert len(container.requests) == 100
    assert all(end is not None and end <= len(container.content) for _, end in container.requests)


def test_a_directory_of_ten_thousand_members_takes_few_requests() -> None:
    container = FakeContainer(zip_of({f"study/series/image-{i:010}.dcm": b"" for i in range(10_000)}, zipfile.ZIP_STORED))
    assert len(container.members()) == 10_000
    assert len(container.requests) <= 4


def test_what_no_listing_told_is_found_out() -> None:
    container = FakeContainer(zip_of(FILES), known=False)
    refs = container.members()
    assert {ref.version for ref in refs} == {"1"} and [container.read(ref) for ref in refs] == list(FILES.values())
    with open_member(refs[0]._replace(version=""), container.open_range) as opened:
        assert opened.ref == refs[0]


def test_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    # limits so low that every field goes to its zip64 place
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    content = zip_of(FILES)
    assert b"PK\6\6" in content
    assert list(FakeContainer(content).contents().values()) == list(FILES.values())
    before = FakeContainer(b"#!/bin/sh\n" * 999 + content)
    assert list(before.contents().values()) == list(FILES.values())


def test_a_zip64_member_written_as_a_stream() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("big", "w", force_zip64=True) as member:
        member.write(b"data")
    assert FakeContainer(out.getvalue()).contents() == {b"0/in!/big": b"data"}


def test_more_members_than_16_bits_count() -> None:
    container = FakeContainer(zip_of({str(i): b"" for i in range(65_600)}, zipfile.ZIP_STORED))
    assert len(container.members()) == 65_600


def test_what_stands_before_a_zip_is_passed_over() -> None:
    container = FakeContainer(b"MZ self-extracting" * 1000 + zip_of(FILES))
    assert list(container.contents().values()) == list(FILES.values())
    # appended to, as zipfile does it: offsets count what stands before
    out = io.BytesIO(b"MZ" * 100)
    out.seek(0, 2)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("a", b"x")
    assert FakeContainer(out.getvalue()).contents() == {b"0/in!/a": b"x"}


def test_a_zip_behind_another_is_not_taken_for_both() -> None:
    only(FakeContainer(zip_of({"a": b"1"}) + zip_of({"b": b"2"})), Reason.INVALID_CONTAINER)
    only(FakeContainer(zip_of({"a": b"1"}) + zip_of({})), Reason.INVALID_CONTAINER)


@pytest.mark.parametrize("comment", [b"", b"c", b"PK\5\6" + b"\0" * 18 + b"x", b"c" * 65535])
def test_comments_and_what_follows_them(comment: bytes) -> None:
    content = zip_of({"a": b"1"}, comment=comment)
    assert FakeContainer(content).contents() == {b"0/in!/a": b"1"}
    if len(comment) < 2:
        assert FakeContainer(content + b"padding" * 9).contents() == {b"0/in!/a": b"1"}


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


@pytest.mark.parametrize("method", METHODS)
def test_streamed_zips_tell_sizes_behind_the_data(method: int) -> None:
    out = Unseekable()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a", b"abc" * 1000)
        archive.writestr("b", b"")
    container = FakeContainer(out.getvalue())
    assert struct.unpack_from("<H", container.content, 6)[0] & 8
    assert container.contents() == {b"0/in!/a": b"abc" * 1000, b"0/in!/b": b""}


@pytest.mark.parametrize(("length", "requests"), [(0, 1), (40, 1), (65, 1), (66, 2), (5000, 2)])
def test_a_long_local_extra_field_takes_one_more_request(length: int, requests: int) -> None:
    # only the local header has the field; the directory's copy is cut out again
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("a")
        info.compress_type = zipfile.ZIP_DEFLATED
        info.extra = struct.pack("<HH", 0xCAFE, length) + b"e" * length
        archive.writestr(info, NOISE)
        archive.writestr("b", NOISE)
        info.extra = b""
    container = FakeContainer(out.getvalue())
    first, second = container.members()
    container.requests.clear()
    assert container.read(first) == NOISE
    assert len(container.requests) == requests
    assert container.read(second) == NOISE


@pytest.mark.filterwarnings("ignore:Duplicate")
def test_names_stay_as_they_are_and_are_unique() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("ünï/ö", "a", "a#2", "a", "a", "back\\slash", "../up", "x!/y"):
            archive.writestr(name, name)
        archive.writestr("folder/", b"")
    # a name in a code page, which nothing declares
    content = out.getvalue().replace(b"back\\slash", b"\x81\xff\x00k\\slash")
    sources = [ref.source.removeprefix(b"0/in!/") for ref in FakeContainer(content).members()]
    names = ["ünï/ö".encode(), b"a", b"a#2", b"a#3", b"a#4", b"\x81\xff\x00k\\slash", b"../up", b"x!/y"]
    assert sources == names
    assert [shortest_name(source) for source in (b"0/in!/a", b"in!/a#3", b"in!/x!/yy", b"in!/#2")] == [1, 1, 2, 0]


def test_a_name_that_lies_about_its_encoding_costs_no_other_member() -> None:
    content = zip_of({"ü": b"1", "b": b"2"}).replace("ü".encode(), b"\xff\xff")
    assert FakeContainer(content).contents() == {b"0/in!/\xff\xff": b"1", b"0/in!/b": b"2"}


def test_names_may_be_as_long_as_a_zip_allows() -> None:
    name = "n" * 65_535
    container = FakeContainer(zip_of({name: b"1", "b": b"2"}))
    assert container.contents() == {b"0/in!/" + name.encode(): b"1", b"0/in!/b": b"2"}


def test_containers_in_containers_are_members() -> None:
    inner = {"quine.zip": zip_of({"a": b"1"}), "in.tar": tar_of({"b": b"2"})}
    assert list(FakeContainer(zip_of(inner, zipfile.ZIP_STORED)).contents().values()) == list(inner.values())


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip" * 1000, b"PK\5\6" + bytes(17), tar_of({"a": b"1"})])
def test_what_is_no_zip(content: bytes) -> None:
    only(FakeContainer(content), Reason.INVALID_CONTAINER)


def test_an_empty_zip_has_no_members() -> None:
    assert FakeContainer(zip_of({})).lists() == []
    assert FakeContainer(zip_of({"folder/": b""})).lists() == []


def test_encrypted_members_are_accounted_for(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"secret")
    if subprocess.run(["which", "zip"], capture_output=True, check=False).returncode:
        pytest.skip("no zip here")
    subprocess.run(["zip", "-q", "-P", "password", "in.zip", "a"], cwd=tmp_path, check=True)
    container = FakeContainer((tmp_path / "in.zip").read_bytes())
    (ref,) = container.members()
    assert (ref.source, ref.size) == (b"0/in!/a", 6)
    assert reason_of(container, ref) is Reason.UNSUPPORTED_MEMBER


@pytest.mark.parametrize(("field", "value"), [(10, 9), (10, 93), (10, 99), (8, 1), (8, 1 << 6), (38, 0o120777 << 16)])
def test_members_that_cant_be_read_are_accounted_for(field: int, value: int) -> None:
    content = bytearray(zip_of({"a": b"1", "b": b"2"}))
    at = content.index(b"PK\1\2")
    struct.pack_into("<L" if field == 38 else "<H", content, at + field, value)
    container = FakeContainer(bytes(content))
    first, second = container.members()
    assert reason_of(container, first) is Reason.UNSUPPORTED_MEMBER and container.read(second) == b"2"


@pytest.mark.parametrize("method", METHODS)
def test_a_member_that_is_not_what_the_directory_says(method: int) -> None:
    container = FakeContainer(zip_of({"a": NOISE, "b": b"2"}, method))
    ref = container.members()[0]
    assert ref.member is not None
    packing, offset, stored_size, crc, *_ = ref.member
    for wrong in (
        ref._replace(size=ref.size - 1),
        ref._replace(size=ref.size + 1),
        ref._replace(size=0),
        ref._replace(member=(packing, offset, stored_size, crc ^ 1)),
        ref._replace(member=(packing, offset, stored_size - 2000, crc)),
        ref._replace(member=(packing, offset + 1, stored_size, crc)),
        ref._replace(member=(packing, len(container.content) - 5, stored_size, crc)),
        *(ref._replace(member=(other.value, *ref.member[1:])) for other in METHODS.values() if other.value != packing),
    ):
        assert reason_of(container, wrong) is Reason.INVALID_CONTAINER
    damaged = bytearray(container.content)
    damaged[len(NOISE) // 2] ^= 1
    assert reason_of(FakeContainer(bytes(damaged)), ref) is Reason.INVALID_CONTAINER


def test_the_last_bytes_come_only_if_the_checksum_holds() -> None:
    container = FakeContainer(zip_of({"a": NOISE}))
    (ref,) = container.members()
    assert ref.member is not None
    wrong = ref._replace(member=(*ref.member[:3], ref.member[3] ^ 1))
    with open_member(wrong, container.open_range) as stream:
        pieces: list[bytes] = []
        with pytest.raises(DeidentificationError, match="invalid-container"):
            pieces.extend(iter(lambda: stream.read(1000), b""))
    assert sum(map(len, pieces)) < ref.size


def test_only_the_beginning_is_fetched_where_only_that_is_read() -> None:
    container = FakeContainer(zip_of({"a": random.Random(2).randbytes(5_000_000)}))
    (ref,) = container.members()
    with open_member(ref, container.open_range) as stream:
        assert len(stream.read(1000)) == 1000
    assert container.streams[-1].total < 100_000
