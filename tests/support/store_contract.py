"""What every kind of storage promises, as tests: each kind's own file has a class of it, with a ``place`` and what differs."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from typing import ClassVar

import google_crc32c
import pytest

from anonymizer import DeidentificationError, Reason
from storage import COUNTS, Entry, ObjectConflictError, Operations, StorageOptions, TransientError, prefixes, split, store_for
from storage.stores.remote import PART, SMALL
from tests.support.entries import content_of
from tests.support.places import Place, left

#: what URLs, XML, JSON, globs and sorting may take for something else
ODD_NAMES = (
    ".hidden",
    "a.dcm",
    "a/+ %#?.dcm",
    "a/%2F&=;.dcm",
    "a/[x]*.dcm",
    "a/b/c",
    "a/é.dcm",
    "a/\ufb00",
    "a/\U0010ffff",
    "a0",
    "z/empty",
    "é",
)
MIB = 1 << 20
LARGE = SMALL + 1000


def some(size: int) -> bytes:
    """Content that is nowhere the same."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def refused(place: Place, entry: Entry, *, header: bool) -> Exception:
    """The error by which an object isn't read."""
    with pytest.raises((DeidentificationError, OSError)) as error, place.store.open(entry, header=header) as stream:
        content_of(stream)
    return error.value


class StoreContract:
    """The promises of ``ObjectStore`` and of ``RemoteStore.create``. Attributes say where a kind differs, and why."""

    #: of what names may hold besides ODD_NAMES
    more_names: ClassVar[tuple[str, ...]] = ()
    #: how versions look
    versions: ClassVar[str]
    #: any prefix is listed, in the order of names, and from any name on
    lists_prefixes: ClassVar[bool] = True
    #: there are folders, which are named beside objects
    has_folders: ClassVar[bool] = False
    #: an object that isn't there is an OSError, as what it is for every file; the archive makes a reason of it
    missing_is_os_error: ClassVar[bool] = False
    #: a size that is known without a version is held against what is there now
    compares_sizes: ClassVar[bool] = True
    #: the header of an object without a byte is read, also when its size isn't known
    finds_no_header: ClassVar[bool] = True
    #: all that is read is of one version, also when the object is replaced in the meantime
    pins_versions: ClassVar[bool] = True
    #: whether size and version of an object without a byte are known when it was read as a header, and when it was read whole
    tells_of_nothing: ClassVar[tuple[bool, bool]] = (True, True)
    #: bytes that are fetched at most before somebody asks for them
    ahead: ClassVar[int] = PART

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    def writes_of(self, size: int) -> int:
        """What counts as a write of an object."""
        raise NotImplementedError

    def reads_of(self, size: int) -> int:
        """What counts as a read of a whole object."""
        raise NotImplementedError

    def other_versions(self, version: str) -> list[str]:
        """Versions that an object of that version hasn't."""
        return [f"{version}1"]

    # -- names -------------------------------------------------------------------------------------------------------

    def test_a_uri_leads_to_the_store(self, place: Place) -> None:
        found = store_for(place.root, StorageOptions())
        assert type(found) is type(place.store)

    def test_names_come_with_size_and_version_in_their_order(self, place: Place) -> None:
        names = sorted((*ODD_NAMES, *self.more_names))
        contents = {name: b"" if name == "z/empty" else name.encode() for name in names}
        place.put_all(contents)
        entries = sorted(place.store.list(place.root))
        assert [entry.uri.decode() for entry in entries] == [place.root + name for name in names]
        for entry, content in zip(entries, contents.values(), strict=True):
            assert entry.size == len(content)
            assert re.fullmatch(self.versions, entry.version)
            with place.store.open(entry) as stream:
                assert content_of(stream) == content
            with place.store.open(entry, header=True) as stream:
                assert stream.read(100) == content
        if not self.lists_prefixes:
            return
        assert list(place.store.list(place.root, limit=1000)) == entries
        for number, entry in enumerate(entries):
            assert list(place.store.list(place.root, after=entry.uri.decode())) == entries[number + 1 :]
        assert list(place.store.list(place.root, after=f"{place.root}a0", limit=1)) == [entries[names.index("a0") + 1]]
        below = [entry for entry in entries if entry.uri.startswith(f"{place.root}a/".encode())]
        assert list(place.store.list(f"{place.root}a/", after=f"{place.root}a/%2F&=;.dcm")) == below[1:]
        assert list(place.store.list(f"{place.root}a/", after=place.root, limit=2)) == below[:2]
        assert [entry.uri.decode() for entry in place.store.list(f"{place.root}a.")] == [f"{place.root}a.dcm"]
        assert list(place.store.list(f"{place.root}nothing/")) == []

    def test_only_what_lies_right_in_a_folder_is_named(self, place: Place) -> None:
        for name in ("a/run-2.json", "a/run-1.json", "a/other", "a/b/run-3.json", "run-4.json"):
            place.put(name, b"1")
        folders = ["b"] * self.has_folders
        assert list(place.store.names(f"{place.root}a", "run")) == ["run-1.json", "run-2.json"]
        assert list(place.store.names(f"{place.root}a", "run-2")) == ["run-2.json"]
        assert list(place.store.names(f"{place.root}a", "")) == [*folders, "other", "run-1.json", "run-2.json"]
        assert list(place.store.names(f"{place.root}nothing", "")) == []

    def test_parts_of_a_place_hold_each_object_once(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        names = sorted(f"a/1.2.{number * 7919 % 10007}/é {number}.dcm" for number in range(300))
        place.put_all(dict.fromkeys(names, b"x"))
        monkeypatch.setattr(prefixes, "PAGE", 20)
        monkeypatch.setattr(prefixes, "FEW_PAGES", 1)
        whole = f"{place.root}a/"
        parts = list(split(place.store, whole, 10)) if place.store.divides(whole) else [(whole, True)]
        assert len(parts) > 5 or not place.store.divides(whole)
        assert all(is_prefix for _, is_prefix in parts)
        found = [entry.uri.decode() for name, _ in parts for entry in place.store.list(name)]
        assert sorted(found) == [place.root + name for name in names]

    # -- reading -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("size", [0, 1000, 200_000, 3_000_000, LARGE, PART + 5_000_000])
    def test_an_object_is_written_once_and_read_twice(self, place: Place, size: int) -> None:
        content = some(size)
        COUNTS.take()
        written = place.write("study/series/x.dcm", (content[at : at + 300_000] for at in range(0, size, 300_000)))
        assert written == (size, google_crc32c.value(content))
        writes = self.writes_of(size)
        assert COUNTS.take() == Operations(writes=writes, bytes_written=size if writes else 0)
        assert left(place) == (["study/series/x.dcm"], [])
        assert place.get("study/series/x.dcm") == content
        entry = place.entry("study/series/x.dcm")
        assert entry.size == size
        COUNTS.take()
        with place.store.open(entry, header=True) as stream:
            assert stream.read(1000) == content[:1000]
            assert stream.entry == entry
        header = COUNTS.take()
        assert header.reads == min(1, self.reads_of(size))
        # a header's range is longer where long headers were seen before
        assert header.bytes_read <= MIB
        with place.store.open(entry) as stream:
            assert content_of(stream) == content
            assert stream.entry == entry
        reads = self.reads_of(size)
        assert COUNTS.take() == Operations(reads=reads, bytes_read=size if reads else 0)

    def test_the_checksum_is_crc_32c(self, place: Place) -> None:
        assert place.write("x", [memoryview(b"1234"), b"56789"]) == (9, 0xE3069283)

    @pytest.mark.parametrize("size", [0, 500, 500_000, LARGE, PART + 5_000_000])
    def test_size_and_version_are_learnt_where_a_manifest_has_none(self, place: Place, size: int) -> None:
        content = some(size)
        place.put("x", content)
        entry = place.entry("x")
        unknown = Entry(entry.uri)
        for header in (True, False):
            COUNTS.take()
            if size == 0 and header and not self.finds_no_header:
                error = refused(place, unknown, header=True)
                assert isinstance(error, DeidentificationError) and error.reason is Reason.UNREADABLE
                continue
            with place.store.open(unknown, header=header) as stream:
                assert (stream.read(100) if header else content_of(stream)) == content[: 100 if header else size]
                told = size > 0 or self.tells_of_nothing[0 if header else 1]
                assert stream.entry == (entry if told else unknown)
            # that there isn't a byte is known when one was asked for
            assert COUNTS.take().reads == (min(1, self.reads_of(max(size, 1))) if header else self.reads_of(max(size, 1)))

    @pytest.mark.parametrize("size", [1000, 200_000, LARGE, PART + 5_000_000])
    def test_a_part_is_read_alone(self, place: Place, size: int) -> None:
        content = some(size)
        place.put("x", content)
        entry = place.entry("x")
        COUNTS.take()
        for start, end in ((5, size - 5), (3, size * 3 // 5), (size - 10, size + 100), (7, 7)):
            reads = self.reads_of(len(content[start:end]))
            for known in (entry, Entry(entry.uri, -1, entry.version), Entry(entry.uri)):
                with place.store.open(known, start=start, end=end) as stream:
                    assert content_of(stream) == content[start:end]
                assert COUNTS.take().reads == reads
                with place.store.open(known, start=start, end=end, header=True) as stream:
                    assert stream.read(5) == content[start:end][:5]
                assert COUNTS.take().reads == min(1, reads)
        with place.store.open(entry, start=size - size // 2) as stream:
            assert content_of(stream) == content[size - size // 2 :]
        with place.store.open(Entry(entry.uri), start=size - 2) as stream:
            assert content_of(stream) == content[-2:]
            assert stream.entry == entry

    def test_a_reader_that_stops_early_ends_the_download(self, place: Place) -> None:
        place.put("x", bytes(60_000_000))
        entry = place.entry("x")
        COUNTS.take()
        threads = threading.active_count()
        for _ in range(3):
            with place.store.open(entry) as stream:
                assert len(stream.read(1000)) == 1000
        assert threading.active_count() == threads
        assert COUNTS.take().bytes_read <= 3 * self.ahead

    @pytest.mark.parametrize("header", [True, False])
    @pytest.mark.parametrize("size", [1000, LARGE])
    def test_another_version_is_not_read(self, place: Place, size: int, header: bool) -> None:
        place.put("x", bytes(size))
        entry = place.entry("x")
        place.put("x", b"1" + bytes(size - 1))
        gone = entry._replace(uri=entry.uri + b"-gone")
        others = [entry, *([Entry(entry.uri, size + 1)] if self.compares_sizes else [])]
        for other in [*others, *([] if self.missing_is_os_error else [gone])]:
            error = refused(place, other, header=header)
            assert isinstance(error, DeidentificationError) and error.reason is Reason.CHANGED_DURING_RUN
        if not self.compares_sizes:
            with contextlib.suppress(TransientError), place.store.open(Entry(entry.uri, size + 1), header=header) as stream:
                assert content_of(stream) == place.get("x")
        for missing in (gone, gone._replace(version="")) if self.missing_is_os_error else (gone._replace(version=""),):
            error = refused(place, missing, header=header)
            if self.missing_is_os_error:
                assert isinstance(error, FileNotFoundError)
            else:
                assert isinstance(error, DeidentificationError) and error.reason is Reason.UNREADABLE

    def test_what_is_read_is_of_one_version(self, place: Place) -> None:
        content = bytes(PART + 20_000_000)
        place.put("x", content)
        found, reason = b"", None
        with place.store.open(place.entry("x")) as stream:
            stream.read(10)
            place.put("x", b"1" * len(content))
            try:
                found = bytes(10) + content_of(stream)
            except DeidentificationError as error:
                reason = error.reason
        assert (reason is Reason.CHANGED_DURING_RUN or found == content) is self.pins_versions

    # -- writing -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("by", ["us", "another program"])
    @pytest.mark.parametrize("size", [1000, LARGE, PART + 5_000_000])
    def test_the_same_again_is_a_success_and_something_else_a_conflict(self, place: Place, size: int, by: str) -> None:
        if by == "us":
            place.write("x.dcm", [bytes(size)], run="1")
        else:
            place.put("x.dcm", bytes(size))
        stamp = place.stamp("x.dcm")
        again = place.write("x.dcm", [memoryview(bytes(100)), bytes(size - 100)], run="2")
        assert again == (size, google_crc32c.value(bytes(size)))
        for other in (b"1" + bytes(size - 1), bytes(size + 1), bytes(size - 1)):
            with pytest.raises(ObjectConflictError):
                place.write("x.dcm", [other])
        assert place.stamp("x.dcm") == stamp
        assert left(place) == (["x.dcm"], [])

    @pytest.mark.parametrize("size", [1000, LARGE])
    def test_a_version_is_replaced_and_no_other(self, place: Place, size: int) -> None:
        place.put("x.dcm", b"1")
        version = place.version("x.dcm")
        for other in self.other_versions(version):
            with pytest.raises(ObjectConflictError):
                place.write("x.dcm", [bytes(size)], instead_of=other)
        assert place.get("x.dcm") == b"1"
        for _ in range(2):
            # the second time the answer to the first may have got lost
            assert place.write("x.dcm", [bytes(size)], instead_of=version).size == size
        with pytest.raises(ObjectConflictError):
            place.write("x.dcm", [b"2"], instead_of=version)
        assert place.get("x.dcm") == bytes(size)
        assert left(place) == (["x.dcm"], [])

    @pytest.mark.parametrize("size", [1000, LARGE, PART + 20_000_000])
    @pytest.mark.parametrize("error", [DeidentificationError(Reason.TRUNCATED), KeyboardInterrupt()])
    def test_an_object_is_seen_whole_or_not_at_all(self, place: Place, size: int, error: BaseException) -> None:
        def chunks() -> Iterator[bytes]:
            for at in range(0, size, 100_000):
                if at % 20_000_000 == 0:
                    assert place.names() == []
                yield bytes(100_000)
            assert place.names() == []
            raise error

        with pytest.raises(type(error)) as raised:
            place.write("s/x.dcm", chunks())
        assert raised.value is error
        assert left(place) == ([], [])

    def test_threads_share_a_store(self, place: Place) -> None:
        sizes, problems = range(100, 116), list[BaseException]()
        COUNTS.take()

        def work(size: int) -> None:
            try:
                place.write(f"{size}", [bytes(size)])
                with place.store.open(place.entry(f"{size}")) as stream:
                    assert content_of(stream) == bytes(size)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(size,)) for size in sizes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        counted = COUNTS.take()
        writes, reads = sum(map(self.writes_of, sizes)), sum(map(self.reads_of, sizes))
        assert (counted.writes, counted.bytes_written) == (writes, 1720 if writes else 0)
        assert (counted.reads, counted.bytes_read, counted.lists) == ((reads, 1720, 16) if reads else (0, 0, 0))

    # -- small files -------------------------------------------------------------------------------------------------

    def test_small_files_are_replaced_only_as_the_version_allows(self, place: Place) -> None:
        store, uri, moved = place.store, f"{place.root}audit/run.json", f"{place.root}audit/earlier/run.json"
        with pytest.raises(FileNotFoundError):
            store.get(uri)
        store.put(uri, b"1", version="")
        with pytest.raises(ObjectConflictError):
            store.put(uri, b"2", version="")
        content, version = store.get(uri)
        assert content == b"1"
        store.put(uri, b"2", version=version)
        with pytest.raises(ObjectConflictError):
            store.put(uri, b"3", version=version)
        assert place.get("audit/run.json") == b"2"
        store.put(uri, b"4")
        store.move(uri, moved)
        store.move(uri, moved)
        assert store.get(moved)[0] == b"4"
        with pytest.raises(FileNotFoundError):
            store.get(uri)
        # what was to be replaced isn't there any more
        with pytest.raises(ObjectConflictError):
            store.put(uri, b"1", version=version)
        assert list(store.names(f"{place.root}audit", "")) == ["earlier"] * self.has_folders
        assert list(store.names(f"{place.root}audit/earlier", "run")) == ["run.json"]
        store.put(uri, b"5")
        store.move(uri, moved)
        assert place.get("audit/earlier/run.json") == b"5"
        store.delete(moved)
        store.delete(moved)
        assert left(place) == ([], [])

    def test_names_are_not_logged(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        place.write("Doe^Jane.dcm", [b"1"])
        with place.store.open(place.entry("Doe^Jane.dcm")) as stream:
            content_of(stream)
        with pytest.raises(FileNotFoundError):
            place.store.get(f"{place.root}Doe^Jane.json")
        place.store.put(f"{place.root}Doe^Jane.json", b"1")
        place.store.move(f"{place.root}Doe^Jane.json", f"{place.root}Doe^John.json")
        place.store.delete(f"{place.root}Doe^John.json")
        assert "Doe" not in caplog.text
