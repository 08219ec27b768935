"""Objects in Azure Blob Storage, by its own client: pinned entity tags, conditional writes, checksums both ways.

Beam's layer can't be made safe: it commits what an exception left when its writer is closed or collected; it renames by a copy
that it doesn't wait for before it removes the source; and it makes a client, and a connection, for each call.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import secrets
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import google_crc32c
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContentSettings

from anonymizer import DeidentificationError, Reason

from ..errors import ObjectConflictError, TransientError
from ..locations import Address, address, as_folder
from ..objects import Written
from ..outages import refusal
from ..retry import retry_transient
from ..store import COUNTS, Entry, OpenEntry, StorageError, StorageOptions
from .azure_client import ERRORS, answers, client, code_of, explain, outage_of, status_of
from .remote import (
    CONTENT_TYPE,
    SMALL,
    BytesReader,
    Parts,
    PiecesReader,
    RangeReader,
    content_type,
    crc32c_of,
    head_of,
    holds,
    sending,
    unreadable,
    until_whole,
    unwritable,
)

_PAGE = 1000
#: the store saw other bytes than were sent; the last is the word of Azurite, the emulator
_CORRUPTED = {"Md5Mismatch", "InvalidMd5", "InvalidOperation"}
_sending = partial(sending, ERRORS, lambda error: code_of(error) in _CORRUPTED)


class AzureStore:
    """``azfs://account/container/name`` in one process."""

    def divides(self, prefix: str) -> bool:
        """Implement ``ObjectStore.divides``."""
        return False

    def __init__(self, options: StorageOptions) -> None:
        self._options = options

    # -- names -------------------------------------------------------------------------------------------------------

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Entry]:
        """Implement ``ObjectStore.list``: names, sizes and entity tags, a thousand a request.

        Azure lists in an order of its own, which depends on the account's kind, and can't begin in the middle: what must be in
        order is brought in order here. That takes the whole listing, so prefixes had better not be split.
        """
        found = (entry for entry in self._list(prefix) if not after or entry.uri > after.encode())
        if after or (limit is not None and limit > 1):
            yield from sorted(found) if limit is None else heapq.nsmallest(limit, found)
        else:
            # one of them says whether there are any
            yield from islice(found, limit)

    def _list(self, prefix: str) -> Iterator[Entry]:
        account, container, path = _place(prefix)
        folder = f"azfs://{account}/{container}/"
        try:
            # with metadata: only that tells folders, where an account has them, from objects
            pages = (
                self._container(account, container)
                .list_blobs(name_starts_with=path, include=["metadata"], results_per_page=_PAGE)
                .by_page()
            )
            for blob in (blob for page in pages for blob in page):
                if (blob.metadata or {}).get("hdi_isfolder") != "true":
                    yield Entry((folder + blob.name).encode(), blob.size, _tag(blob))
        except ERRORS as error:
            raise explain(error) from None

    def names(self, folder: str, beginning: str) -> Sequence[str]:
        """Implement ``ObjectStore.names``."""
        base = len(as_folder(folder).encode())
        found = (entry.uri[base:].decode() for entry in self._list(as_folder(folder) + beginning))
        return sorted(name for name in found if "/" not in name)

    # -- reading -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def open(self, entry: Entry, *, start: int = 0, end: int | None = None, header: bool = False) -> Iterator[OpenEntry]:
        """Implement ``ObjectStore.open``."""
        last = entry.size if end is None else end
        download = _Download(self)
        if header:
            reader = RangeReader(download.fetch, entry, start, end)
            try:
                yield reader
            finally:
                reader.close()
        elif 0 <= last - start <= SMALL:
            yield BytesReader(*retry_transient(lambda: self._whole(entry, start, last - start)))
        else:
            # the library's downloads hold in memory what a request brings
            whole = start == 0 and end is None
            yield PiecesReader(download.fetch, entry, start, end, download.check if whole else lambda _: None)

    def _whole(self, entry: Entry, start: int, length: int) -> tuple[bytes, Entry]:
        download = _Download(self)
        content, now = download.fetch(entry, start, length) if length > 0 else (b"", entry)
        if start == 0 and len(content) == now.size:
            download.check(now)
        return content, now

    def range(self, entry: Entry, start: int, length: int) -> Any:
        """Return one request's answer, all of it in memory; None where the object ends before."""
        try:
            return self._ask(entry, start, length)
        except ERRORS as error:
            if status_of(error) == 416:
                return None
            # that version is gone; without one there never was an object
            changed = isinstance(error, ResourceModifiedError) or (code_of(error) == "BlobNotFound" and entry.version)
            if changed:
                raise DeidentificationError(Reason.CHANGED_DURING_RUN) from None
            raise self.refused(entry.uri.decode(), error, unreadable()) from None

    def refused(self, uri: str, error: Exception, otherwise: Exception) -> Exception:
        """Return the error for a request that failed: ``otherwise``, unless the store is at fault."""
        account, container, _ = _place(uri)
        return refusal("azfs", outage_of(error), otherwise, lambda: answers(account, container, self._options))

    def _unwritable(self, uri: str, error: Exception) -> Exception:
        return self.refused(uri, error, unwritable())

    def _ask(self, entry: Entry, start: int | None = None, length: int | None = None) -> Any:
        condition = _unless_changed(entry.version) if entry.version else {}
        return self._blob(entry.uri.decode()).download_blob(start, length, max_concurrency=1, decompress=False, **condition)

    # -- writing -----------------------------------------------------------------------------------------------------

    def create(self, uri: str, chunks: Iterable[bytes | memoryview], metadata: dict[str, str], *, version: str = "") -> Written:
        """Implement ``ObjectStore.create``: one request, or blocks and their list for what is larger than 8 MiB.

        Names of metadata have ``_`` for ``-`` here: Azure takes none that are no identifiers.
        """
        head, rest = head_of(chunks)
        kept = {name.replace("-", "_"): value for name, value in metadata.items()}
        if rest is None:
            return retry_transient(lambda: self._upload(uri, head, kept, version))
        return self._upload_blocks(uri, Parts(head, rest), kept, version)

    def _upload(self, uri: str, content: bytes, metadata: dict[str, str], version: str) -> Written:
        written = Written(len(content), google_crc32c.value(content))
        try:
            self._send(uri, content, CONTENT_TYPE, version, metadata)
        except (ResourceExistsError, ResourceModifiedError):
            self._must_be(uri, written, hashlib.md5(content, usedforsecurity=False).digest())
        except ERRORS as error:
            raise self._unwritable(uri, error) from None
        else:
            COUNTS.add(bytes_written=written.size)
        return written

    def _send(self, uri: str, content: bytes, kind: str, version: str | None, metadata: dict[str, str]) -> None:
        """Write an object in the place of ``version``, by one request; the library's errors go through.

        Raises:
            TransientError: other bytes arrived than were sent.
        """
        condition = _unless_changed(version) if version else {}
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        with _sending():
            self._blob(uri).upload_blob(
                content,
                overwrite=version != "",
                metadata=metadata,
                content_settings=ContentSettings(content_type=kind, content_md5=bytearray(digest)),
                validate_content=True,
                max_concurrency=1,
                **condition,
            )

    def _upload_blocks(self, uri: str, parts: Parts, metadata: dict[str, str], version: str) -> Written:
        # blocks that aren't in a committed list are no object, and Azure drops them after a week. Two writers of one name share
        # them, so their names must differ
        prefix = secrets.token_hex(8)
        digest = hashlib.md5(usedforsecurity=False)
        blob, blocks = self._blob(uri), []
        try:
            for number, part in enumerate(parts):
                blocks.append(BlobBlock(f"{prefix}{number:06}"))
                digest.update(part)
                retry_transient(partial(self._stage, uri, blob, blocks[-1].id, part))
            with _sending():
                blob.commit_block_list(
                    blocks,
                    content_settings=ContentSettings(content_type=CONTENT_TYPE, content_md5=bytearray(digest.digest())),
                    metadata=metadata,
                    **(_unless_changed(version) if version else {"match_condition": MatchConditions.IfMissing}),
                )
        except ERRORS as error:
            # somebody's object is there, perhaps this one, and the answer that said so got lost
            if not isinstance(error, ResourceExistsError | ResourceModifiedError) and code_of(error) != "InvalidBlockList":
                raise self._unwritable(uri, error) from None
            self._must_be(uri, parts.written, digest.digest())
        else:
            COUNTS.add(bytes_written=parts.written.size)
        return parts.written

    def _stage(self, uri: str, blob: Any, name: str, content: bytes) -> None:
        try:
            with _sending():
                blob.stage_block(name, content, length=len(content), validate_content=True)
        except ERRORS as error:
            raise self._unwritable(uri, error) from None

    def _must_be(self, uri: str, written: Written, md5: bytes) -> None:
        """Check that the object whose name is taken is the same: that is a success.

        Raises:
            ObjectConflictError: it isn't.
        """
        try:
            found = self._blob(uri).get_blob_properties()
        except ERRORS as error:
            # it was there a moment ago
            raise (TransientError() if status_of(error) == 404 else self._unwritable(uri, error)) from None
        known = found.content_settings.content_md5
        if found.size != written.size or (known and bytes(known) != md5):
            raise ObjectConflictError
        if not known and crc32c_of(self, Entry(uri.encode(), found.size, _tag(found))) != written.crc32c:
            raise ObjectConflictError

    # -- small objects -----------------------------------------------------------------------------------------------

    def get(self, uri: str) -> tuple[bytes, str]:
        """Implement ``ObjectStore.get``."""
        try:
            answer = self._ask(Entry(uri.encode()))
            return answer.readall(), _tag(answer.properties)
        except ResourceNotFoundError as error:
            if code_of(error) == "BlobNotFound":
                raise FileNotFoundError(2, "no such object") from None
            raise explain(error) from None
        except ERRORS as error:
            raise explain(error) from None

    def put(self, uri: str, content: bytes, *, version: str | None = None, durable: bool = True) -> None:
        """Implement ``ObjectStore.put``."""
        try:
            until_whole(partial(self._send, uri, content, content_type(uri), version, {}))
        except (ResourceExistsError, ResourceModifiedError):
            # a first attempt may have got through without an answer
            if not holds(self, uri, content):
                raise ObjectConflictError from None
        except ERRORS as error:
            raise explain(error) from None

    def move(self, source: str, target: str) -> None:
        """Implement ``ObjectStore.move``: through this machine, as Azure's own copies are made some time later."""
        try:
            content, _ = self.get(source)
        except FileNotFoundError:
            return
        self.put(target, content)
        self.delete(source)

    def delete(self, uri: str) -> None:
        """Implement ``ObjectStore.delete``."""
        try:
            self._blob(uri).delete_blob()
        except ERRORS as error:
            if code_of(error) != "BlobNotFound":
                raise explain(error) from None

    # -- handles -----------------------------------------------------------------------------------------------------

    def _container(self, account: str, container: str) -> Any:
        return client(account, self._options).get_container_client(container)

    def _blob(self, uri: str) -> Any:
        account, container, path = _place(uri)
        return self._container(account, container).get_blob_client(path)


class _Download:
    """A download of one object in ranges, with a checksum."""

    def __init__(self, store: AzureStore) -> None:
        self._store = store
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._expected = b""

    def fetch(self, entry: Entry, start: int, length: int) -> tuple[bytes, Entry]:
        """Fetch a range, as RangeReader asks for it."""
        answer = self._store.range(entry, start, length)
        if answer is None:
            return b"", entry
        try:
            content: bytes = answer.readall()
        except ERRORS as error:
            raise self._store.refused(entry.uri.decode(), error, unreadable()) from None
        COUNTS.add(bytes_read=len(content))
        properties = answer.properties
        total = str(properties.content_range or "").rpartition("/")[2]
        size = int(total) if total.isdigit() else properties.size
        if -1 != entry.size != size:
            raise TransientError if entry.version else DeidentificationError(Reason.CHANGED_DURING_RUN)
        if len(content) != min(length, size - start):
            raise TransientError
        self._md5.update(content)
        self._expected = bytes(properties.content_settings.content_md5 or b"")
        return content, Entry(entry.uri, size, entry.version or _tag(properties))

    def check(self, _: Entry) -> None:
        """
        Raises:
            TransientError: all that was fetched is not what the store holds.
        """
        if self._expected and self._md5.digest() != self._expected:
            raise TransientError


def _place(uri: str) -> tuple[str, str, str]:
    """Return account, container and name.

    Raises:
        StorageError: no container.
    """
    place: Address = address(uri)
    container, _, path = place.path.partition("/")
    if not container:
        raise StorageError("azfs:// needs a storage account and a container: azfs://ACCOUNT/CONTAINER/")
    return place.bucket, container, path


def _unless_changed(version: str) -> dict[str, Any]:
    return {"etag": f'"{version}"', "match_condition": MatchConditions.IfNotModified}


def _tag(properties: Any) -> str:
    return str(properties.etag or "").strip('"')
