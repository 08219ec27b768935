"""What every object store promises besides: few requests, and bytes that go wrong on their way noticed and sent again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from anonymizer import DeidentificationError, Reason
from storage import COUNTS, Entry, ObjectConflictError, Operations, StorageError, TransientError
from storage.store import RemoteStore
from storage.stores import remote
from storage.stores.remote import SMALL
from tests.support.entries import content_of
from tests.support.fault_proxy import FaultPlan, FaultProxy, fault_proxy
from tests.support.places import BucketPlace, left
from tests.support.store_contract import StoreContract, some
from tests.support.stores import new_bucket

#: of bytes and answers; what a store says of itself is for tests/server/test_lost_stores.py
FAULTS = ("cut-before", "cut-after", "503", "truncate", "short", "corrupt", "corrupt-upload")


class BucketContract(StoreContract):
    """The promises of stores over HTTP; a file system has no requests, and nothing of its own to hold bytes against.

    A kind's own class, or its conftest.py, has a fixture ``server``: one of tests/support/stores.py.
    """

    #: before a bucket's name
    beginning: ClassVar[str]
    kind_of_place: ClassVar[type[BucketPlace]] = BucketPlace
    #: a URI in a bucket that can't be, and what is raised for it
    impossible: ClassVar[str]
    impossible_is: ClassVar[type[Exception]] = StorageError
    #: whether a small file that isn't there and a bucket that isn't there are told apart
    tells_missing_buckets: ClassVar[bool] = True
    #: faults on the way of small files that nobody notices
    unnoticed: ClassVar[frozenset[str]] = frozenset()
    #: faults on the way of small files that end the replacement of a version by a conflict
    ends_a_replacement: ClassVar[frozenset[str]] = frozenset()
    #: faults on the way of large objects that end an upload by an error; the object is written by the next one
    ends_an_upload: ClassVar[dict[str, type[Exception]]] = {}
    #: of large objects, the requests that a fault happens to, where it can't happen to all
    only: ClassVar[dict[str, str]] = {}

    def lead(self, server: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have this process's clients go to ``server`` by that URL, and those end that go elsewhere."""
        raise NotImplementedError

    def forget(self) -> None:
        """End this process's clients."""
        raise NotImplementedError

    def new_store(self) -> RemoteStore:
        raise NotImplementedError

    @pytest.fixture
    def place(self, server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketPlace]:
        self.lead(server, server.url, monkeypatch)
        bucket = new_bucket(server)
        COUNTS.take()
        yield self.kind_of_place(server, bucket, f"{self.beginning}{bucket}/", self.new_store())
        self.forget()
        # the servers hold all in memory, for all tests of a worker
        server.remove_bucket(bucket)

    @pytest.fixture
    def proxy(self, place: BucketPlace, server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
        """On the way to ``place`` of the product's clients, and not of the test's own."""
        monkeypatch.setattr("time.sleep", lambda _: None)
        with fault_proxy(upstream=server.url) as proxy:
            self.lead(server, proxy.url, monkeypatch)
            yield proxy

    # -- requests ----------------------------------------------------------------------------------------------------

    def test_pages_are_one_request_each(self, place: BucketPlace) -> None:
        names = [f"{number:04}" for number in range(1010)]
        place.put_all(dict.fromkeys(names, b"x"))
        assert [entry.uri.decode() for entry in place.store.list(place.root)] == [place.root + name for name in names]
        assert COUNTS.take() == Operations(lists=2)
        assert len(list(place.store.list(place.root, limit=1005))) == 1005
        assert COUNTS.take() == Operations(lists=2)
        assert len(list(place.store.list(place.root, limit=1))) == 1
        assert COUNTS.take() == Operations(lists=1)
        (found,) = place.store.list(place.root, after=f"{place.root}0499", limit=1)
        assert found.uri.decode() == f"{place.root}0500"
        assert COUNTS.take() == Operations(lists=1 if place.store.divides(place.root) else 2)

    def test_long_headers_are_learnt(self, place: BucketPlace, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remote, "_SIZES", remote._HeaderSizes())
        place.put_all({f"{number}": bytes(900_000) for number in range(40)})
        entries = list(place.store.list(place.root))
        COUNTS.take()
        for entry in entries:
            with place.store.open(entry, header=True) as stream:
                assert len(stream.read(65_536)) == 65_536
                rest = 300_000
                while rest > 0:
                    rest -= len(stream.read(65_536))
        # two for each at first, one when it is known how long they are
        assert 40 < COUNTS.take().reads < 40 + 25

    def test_an_object_says_what_it_is(self, place: BucketPlace) -> None:
        for name, content in (("small", b"1"), ("large", bytes(SMALL + 1))):
            place.write(name, [content], run="r")
            assert self.described(place.metadata(name)) == ("application/dicom", {"run-id": "r", "source-id": "s"})
        for name, kind in (("run.json", "application/json"), ("a.parquet", "application/vnd.apache.parquet")):
            place.store.put(place.root + name, b"{}", version="")
            assert self.described(place.metadata(name)) == (kind, {})

    def described(self, metadata: dict[str, Any]) -> tuple[str, dict[str, str]]:
        """An object's type, and what the project had the store keep beside it."""
        raise NotImplementedError

    # -- on the way --------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("kind", FAULTS)
    @pytest.mark.parametrize("size", [100_000, SMALL + 5_000_000])
    def test_what_goes_wrong_on_the_way_is_noticed_and_done_again(
        self, place: BucketPlace, proxy: FaultProxy, kind: str, size: int
    ) -> None:
        content = some(size)
        proxy.plan = plan = FaultPlan(
            seed=1, share=1.0, kinds=(kind,), only=self.only.get(kind) if size > SMALL else None, max_repeats=1
        )
        if size > SMALL and kind in self.ends_an_upload:
            with pytest.raises(self.ends_an_upload[kind]):
                place.write("ours", [content])
            assert left(place) == ([], [])
            proxy.plan = None
        assert place.write("ours", [content]).size == size
        assert place.get("ours") == content
        # an upload of which nobody was told that it began: the bucket's lifecycle removes it, no reader sees it
        assert len(place.unfinished()) <= (kind == "cut-after")
        proxy.plan = plan
        place.put("theirs", content)
        for name in ("ours", "theirs"):
            for entry in (place.entry(name), Entry((place.root + name).encode())):
                for header in (True, False):
                    assert self.read_at_last(place, entry, header=header) == content[: 100 if header else size]
        assert proxy.faults()[kind] > 0

    def read_at_last(self, place: BucketPlace, entry: Entry, *, header: bool) -> bytes:
        """What is read of an object: one that was handed on already is begun anew by who read it."""
        for _ in range(2):
            try:
                with place.store.open(entry, header=header) as stream:
                    return stream.read(100) if header else content_of(stream)
            except TransientError:
                continue
        with place.store.open(entry, header=header) as stream:
            return stream.read(100) if header else content_of(stream)

    @pytest.mark.parametrize("kind", FAULTS)
    def test_small_files_get_through_what_goes_wrong_on_the_way(self, place: BucketPlace, proxy: FaultProxy, kind: str) -> None:
        proxy.plan = FaultPlan(seed=1, share=1.0, kinds=(kind,), max_repeats=1)
        uri, other = f"{place.root}audit/run.json", f"{place.root}audit/earlier/run.json"
        first, second = some(1000), some(2000)
        place.store.put(uri, first, version="")
        assert place.get("audit/run.json") == first
        version: str | None
        content, version = place.store.get(uri)
        assert (content == first) is (kind not in self.unnoticed)
        if kind in self.ends_a_replacement:
            with pytest.raises(ObjectConflictError):
                place.store.put(uri, second, version=version)
            version = None
        place.store.put(uri, second, version=version)
        assert place.get("audit/run.json") == second
        assert list(place.store.names(f"{place.root}audit", "")) == ["run.json"]
        if kind not in self.unnoticed:
            place.store.move(uri, other)
            assert {name: place.get(name) for name in place.names()} == {"audit/earlier/run.json": second}
            place.store.delete(other)
            assert place.names() == []
        assert proxy.faults()[kind] > 0

    def test_a_small_file_whose_answer_was_lost_is_written(self, place: BucketPlace) -> None:
        uri = f"{place.root}audit/run.json"
        for _ in range(2):
            place.store.put(uri, b"1", version="")
        _, version = place.store.get(uri)
        for _ in range(2):
            place.store.put(uri, b"2", version=version)
        with pytest.raises(ObjectConflictError):
            place.store.put(uri, b"1", version="")
        assert place.get("audit/run.json") == b"2"

    # -- reaching it -------------------------------------------------------------------------------------------------

    def test_what_is_wrong_with_a_bucket_is_said_without_its_name(self, place: BucketPlace) -> None:
        nowhere = f"{self.beginning}no-such-bucket/x"
        attempts = [
            lambda: list(place.store.list(nowhere)),
            lambda: place.store.names(nowhere, ""),
            lambda: place.store.put(nowhere, b"", version=""),
            lambda: place.store.put(nowhere, b""),
        ]
        if self.tells_missing_buckets:
            attempts += [lambda: place.store.get(nowhere), lambda: place.store.delete(nowhere)]
        else:
            with pytest.raises(FileNotFoundError):
                place.store.get(nowhere)
            place.store.delete(nowhere)
        for attempt in attempts:
            with pytest.raises(StorageError, match="doesn't exist") as error:
                attempt()
            assert "no-such" not in str(error.value)
        for content in (b"1", bytes(SMALL + 1)):
            with pytest.raises(DeidentificationError) as refused:
                self.new_store().create(nowhere, [content], {})
            assert refused.value.reason is Reason.OUTPUT_UNWRITABLE
        with pytest.raises(self.impossible_is) as impossible:
            list(place.store.list(self.impossible))
        assert "BAD" not in str(impossible.value)
