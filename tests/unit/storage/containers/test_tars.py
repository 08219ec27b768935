"""Tars: every member is found and comes back as it was, and an end that isn't the end is noticed."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import random
import tarfile

import pytest

from anonymizer import Reason
from storage import Packing
from storage.containers import SequentialTars, forward, open_member
from tests.unit.storage.containers.fakes import FakeContainer, entry, reason_of, tar_of, tar_with, zip_of

NOISE = random.Random(1).randbytes(300_000)
FILES = {"a/one": b"1" * 5000, "a/two": NOISE, "empty": b"", "three": b"\0" * 3_000_000 + NOISE, "four": b"4" * 512}
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
MODES = {"w": b"in.tar", "w:gz": b"in.tgz", "w:bz2": b"in.tar.bz2", "w:xz": b"in.txz"}
NAME = b"0/in!/"


def tar(content: bytes, name: bytes = b"in.tar", **options: bool) -> FakeContainer:
    return FakeContainer(content, name, **options)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", FORMATS)
def test_members_come_back_as_they_were(mode: str, form: str) -> None:
    container = tar(tar_of(FILES, mode, FORMATS[form]), MODES[mode])
    assert container.contents() == {NAME + name.encode(): content for name, content in FILES.items()}
    packing = Packing.TAR if mode == "w" else Packing.TAR_STREAM
    assert {ref.member and ref.member[0] for ref in container.members()} == {packing.value}


@pytest.mark.parametrize("form", FORMATS)
def test_names_are_the_bytes_that_tar_has(form: str) -> None:
    names = ["ünï/ö", "d" * 90 + "/" + "f" * 99] + ([] if form == "ustar" else ["long/" * 300 + "name", "n" * 70_000])
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=FORMATS[form], encoding="utf-8") as archive:
        for name in names:
            archive.addfile(entry(name))
    assert [ref.source.removeprefix(NAME).decode() for ref in tar(out.getvalue()).members()] == names
    latin = tar_of({"x\udcfcy": b"1"}, form=FORMATS["gnu"])
    assert tar(latin).contents() == {NAME + b"x\xfcy": b"1"}


def test_a_long_name_that_is_cut_behind_a_slash_is_no_folder() -> None:
    name = "d" * 99 + "/" + "file"
    assert tar(tar_of({name: b"1"}, form=FORMATS["gnu"])).contents() == {NAME + name.encode(): b"1"}


def test_repeated_names_are_told_apart() -> None:
    container = tar(tar_with((entry("a"), b"1"), (entry("a"), b"22")))
    assert container.contents() == {NAME + b"a": b"1", NAME + b"a#2": b"22"}


def test_a_plain_tar_costs_one_request_to_list_and_one_for_each_member() -> None:
    container = tar(tar_of({f"f{i}": b"x" * (i + 1) for i in range(70)}), known=False)
    lists = container.lists()
    assert [len(refs) for refs in lists] == [32, 32, 6] and len(container.requests) == 1
    container.requests.clear()
    assert [container.read(ref) for refs in lists for ref in refs] == [b"x" * (i + 1) for i in range(70)]
    assert len(container.requests) == 70


def test_what_is_long_is_not_read_to_be_passed_over() -> None:
    files = {"a": b"1", "long": bytes(20_000_000), "b": b"2", "last": bytes(20_000_000)}
    container = tar(tar_of(files))
    assert list(container.contents().values()) == list(files.values())
    container.streams.clear()
    container.lists()
    assert len(container.streams) == 3 and sum(stream.total for stream in container.streams) < 1_000_000
    assert [ref.source for ref in tar(container.content[:30_000_000]).outcome()[0]] == [NAME + b"a", NAME + b"long", NAME + b"b"]


def test_a_tar_that_changes_while_it_is_listed() -> None:
    container = tar(tar_of({"long": bytes(20_000_000), "b": b"2"}))
    listing = container.open_range

    @contextlib.contextmanager
    def changing(start, end):  # type: ignore[no-untyped-def]
        with listing(start, end) as stream:
            stream.entry = stream.entry._replace(version=str(start))  # type: ignore[misc]
            yield stream

    container.open_range = changing  # type: ignore[method-assign]
    assert container.outcome()[1] == Reason.CHANGED_DURING_RUN.value


@pytest.mark.parametrize("mode", list(MODES)[1:])
def test_a_compressed_tar_is_decoded_once_in_each_pass(mode: str) -> None:
    files = {f"f{i}": NOISE[: i * 10] for i in range(1, 100)}
    container = tar(tar_of(files, mode), MODES[mode])
    (refs,) = container.lists()
    assert len(container.requests) == 1
    container.requests.clear()
    with contextlib.closing(SequentialTars()) as tars:
        for ref, content in zip(refs, files.values(), strict=True):
            with open_member(ref, container.open_range, sequential=tars) as stream:
                # a header scan leaves off in the middle
                assert stream.read(5) == content[:5] and stream.ref == ref
        assert len(container.requests) == 1 and container.open_now == 1
        assert container.read(refs[3], sequential=tars) == files["f4"]
        assert len(container.requests) == 2 and container.open_now == 1
        other = tar(tar_of({"x": b"y"}, mode), b"other.tgz")
        assert other.read(other.members()[0], sequential=tars) == b"y"
        assert (container.open_now, other.open_now) == (0, 1)
    assert other.open_now == 0


def test_a_fault_closes_the_tar_and_the_next_member_begins_anew() -> None:
    container = tar(tar_of({"a": NOISE, "b": b"2"}, "w:gz"), b"in.tgz")
    first, second = container.members()
    with contextlib.closing(SequentialTars()) as tars:
        opened = open_member(first, container.open_range, sequential=tars)
        with opened as stream:
            stream.read(10)
            container.streams[-1].read = lambda size: (_ for _ in ()).throw(OSError("gone"))  # type: ignore[method-assign]
            with pytest.raises(OSError, match="gone"):
                list(iter(lambda: stream.read(1000), b""))
            assert container.open_now == 0
        assert container.read(second, sequential=tars) == b"2"
        with pytest.raises(ValueError, match="isn't open"):
            stream.read(1)


def test_the_name_may_be_wrong_about_the_compression() -> None:
    assert tar(tar_of(FILES), b"in.tgz").contents().keys() == tar(tar_of(FILES, "w:xz"), b"in.tar").contents().keys()


def test_hard_links_have_their_targets_data() -> None:
    link = entry("link", tarfile.LNKTYPE, "a")
    chain, lost = entry("chain", tarfile.LNKTYPE, "link"), entry("lost", tarfile.LNKTYPE, "b")
    content = tar_with((entry("a"), b"data"), (link, b""), (chain, b""), (lost, b""), (entry("b"), b"later"))
    for container in (tar(content), tar(gzip.compress(content, mtime=0), b"in.tgz")):
        refs = {ref.source.removeprefix(NAME): ref for ref in container.members()}
        assert [container.read(refs[name]) for name in (b"a", b"link", b"chain", b"b")] == [b"data"] * 3 + [b"later"]
        assert reason_of(container, refs[b"lost"]) is Reason.UNSUPPORTED_MEMBER


def test_folders_are_no_members_and_special_files_are_accounted_for() -> None:
    kinds = [tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE, b"Q", b"M"]
    special = [(entry(f"s{i}", kind, "a"), b"" if i < 4 else b"data") for i, kind in enumerate(kinds)]
    sparse = entry("sparse")
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "real", "GNU.sparse.realsize": "99"}
    folder = entry("folder", tarfile.DIRTYPE)
    old = entry("old/", tarfile.AREGTYPE)
    label = entry("label", b"V")
    content = tar_with(
        (folder, b""), (label, b""), (entry("a"), b"1"), *special, (sparse, b"map"), (old, b""), (entry("z"), b"2")
    )
    container = tar(content)
    refs = container.members()
    names = [b"a", *(b"s%d" % i for i in range(7)), b"real", b"z"]
    assert [ref.source.removeprefix(NAME) for ref in refs] == names
    assert [reason_of(container, ref) for ref in refs] == [None, *[Reason.UNSUPPORTED_MEMBER] * 8, None]
    assert container.read(refs[-1]) == b"2"


def test_sparse_maps_of_gnu_tar_are_passed_over() -> None:
    block = bytearray(tar_of({"s": b"x" * 512}, form=tarfile.GNU_FORMAT)[:512])
    block[156:157] = b"S"
    block[482] = 1
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    maps = bytearray(512), bytes(512)
    maps[0][504] = 1
    content = bytes(block) + maps[0] + maps[1] + b"x" * 512 + tar_of({"b": b"2"})
    container = tar(content)
    first, second = container.members()
    assert reason_of(container, first) is Reason.UNSUPPORTED_MEMBER and container.read(second) == b"2"


def test_common_pax_headers_and_sizes_beyond_octal() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", pax_headers={"comment": "x", "path": ""}) as archive:
        info = entry("a")
        info.size, info.pax_headers = 3, {"size": "3", "path": "päx"}
        archive.addfile(info, io.BytesIO(b"abc"))
    assert tar(out.getvalue()).contents() == {NAME + "päx".encode(): b"abc"}
    gnu = bytearray(tar_of({"a": b"abc"}, form=tarfile.GNU_FORMAT))
    gnu[124:136] = b"\x80" + (3).to_bytes(11, "big")
    gnu[148:156] = b" " * 8
    gnu[148:156] = b"%06o\0 " % sum(gnu[:512])
    assert tar(bytes(gnu)).contents() == {NAME + b"a": b"abc"}


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_tar_has_no_members(mode: str) -> None:
    assert tar(tar_of({}, mode)).lists() == []
    assert tar(tar_of({"folder/": b""}, mode)).lists() == []


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"no tar" * 500, zip_of({"a": b"1"}), gzip.compress(b"", mtime=0), gzip.compress(b"no tar" * 500, mtime=0)],
)
def test_what_is_no_tar(content: bytes) -> None:
    assert tar(content).outcome() == ([], Reason.INVALID_CONTAINER.value)


# -- ends -------------------------------------------------------------------------------------------------------------


def test_a_tar_without_its_end_is_broken() -> None:
    content = tar_of({"a": b"1", "b": b"2"})[:2048]
    found, fault = tar(content).outcome()
    assert ([ref.source for ref in found], fault) == ([NAME + b"a", NAME + b"b"], Reason.INVALID_CONTAINER.value)
    assert tar(gzip.compress(content, mtime=0), b"in.tgz").outcome() == ([], Reason.INVALID_CONTAINER.value)


def test_a_hole_in_a_tar_is_not_its_end() -> None:
    whole = tar_of({"a": b"1", "b": b"2"})
    assert tar(whole[:1024] + bytes(512) + whole[1024:]).outcome()[1] == Reason.INVALID_CONTAINER.value
    assert tar(whole[:2048] + bytes(512)).outcome()[1] is None


def test_a_tar_behind_another_is_not_missed() -> None:
    both = tar_of({"a": b"1"}) + tar_of({"b": b"2"})
    assert tar(both).outcome()[1] == Reason.INVALID_CONTAINER.value
    two = gzip.compress(tar_of({"a": b"1"}), mtime=0) + gzip.compress(tar_of({"b": b"2"}))
    assert tar(two, b"in.tgz").outcome() == ([], Reason.INVALID_CONTAINER.value)


def test_garbage_behind_the_end_is_nobodys() -> None:
    assert list(tar(tar_of({"a": b"1"}) + NOISE).contents().values()) == [b"1"]
    for mode in list(MODES)[1:]:
        assert list(tar(tar_of({"a": b"1"}, mode) + NOISE).contents().values()) == [b"1"]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("padding", [0, 4, 70_000])
def test_a_compressed_tar_may_be_in_several_streams(compress, padding: int) -> None:  # type: ignore[no-untyped-def]
    content = tar_of(FILES)
    parts = [content[start : start + 1000] for start in range(0, 20_000, 1000)] + [content[20_000:]]
    container = tar((b"\0" * padding).join(compress(part) for part in parts), b"in.tgz")
    assert list(container.contents().values()) == list(FILES.values())


def test_checksums_of_compressed_tars_hold() -> None:
    content = bytearray(gzip.compress(tar_of({"a": NOISE}), compresslevel=0, mtime=0))
    content[len(content) // 2] ^= 1
    assert tar(bytes(content), b"in.tgz").outcome() == ([], Reason.INVALID_CONTAINER.value)


def test_headers_longer_than_any_honest_one() -> None:
    for kind in (b"x", b"g", b"L", b"K"):
        block = bytearray(tar_of({"a": b""}, form=tarfile.GNU_FORMAT)[:512])
        block[156:157] = kind
        block[124:136] = b"%011o\0" % (8**11 - 1)
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        content = bytes(block) + bytes(1_000_000)
        assert tar(content).outcome() == ([], Reason.CONTAINER_LIMIT.value)


def test_the_worth_of_a_request_is_more_than_a_chunk() -> None:
    assert forward._WORTH_A_REQUEST > forward._CHUNK
