"""Objects in Google Cloud Storage, by google-cloud-storage: pinned generations, conditional writes, checksums both ways."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import google_crc32c
from google.api_core.exceptions import BadRequest, NotFound, PreconditionFailed
from google.cloud.storage import Blob
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from anonymizer import DeidentificationError, Reason

from ..errors import ObjectConflictError, TransientError
from ..locations import address, as_folder
from ..objects import Written
from ..outages import refusal
from ..retry import retry_transient
from ..store import COUNTS, Entry, OpenEntry, StorageOptions
from .gcs_client import ERRORS, RETRY, TIMEOUT, answers, client, explain, last_size, outage_of
from .remote import CONTENT_TYPE, PushedStream, content_type, head_of, holds, opened, unreadable, until_whole, unwritable

_PAGE = 1000
_FIELDS = "items(name,size,generation),nextPageToken"
#: sent at once in a resumable upload; kept in memory for as long
_UPLOAD_CHUNK = 8 << 20


class GcsStore:
    """``gs://`` in one process."""

    def divides(self, prefix: str) -> bool:
        """Implement ``ObjectStore.divides``."""
        return True

    def __init__(self, options: StorageOptions) -> None:
        self._options = options

    # -- names -------------------------------------------------------------------------------------------------------

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Entry]:
        """Implement ``ObjectStore.list``: names, sizes and generations, a thousand a request."""
        place = address(prefix)
        folder = f"gs://{place.bucket}/"
        # the API's bound is inclusive: the smallest name behind a name is that and a NUL
        offset = address(after).path + "\0" if after else None
        blobs = client(self._options).list_blobs(
            self._bucket(place.bucket),
            prefix=place.path,
            start_offset=offset,
            max_results=limit,
            page_size=_PAGE,
            fields=_FIELDS,
            retry=RETRY,
            timeout=TIMEOUT,
        )
        try:
            for blob in blobs:
                yield Entry((folder + blob.name).encode(), blob.size, str(blob.generation))
        except ERRORS as error:
            raise explain(error) from None

    # -- reading -----------------------------------------------------------------------------------------------------

    def open(
        self, entry: Entry, *, start: int = 0, end: int | None = None, header: bool = False
    ) -> AbstractContextManager[OpenEntry]:
        """Implement ``ObjectStore.open``."""
        stream = partial(PushedStream, partial(self._push, entry, start, end), entry)
        return opened(entry, start, end, header=header, fetch=self._range, stream=stream)

    def _range(self, entry: Entry, start: int, length: int) -> tuple[bytes, Entry]:
        if length <= 0:
            return b"", entry
        blob = self._blob(entry)
        whole = (start, length) == (0, entry.size)
        bounds = {} if whole else {"start": start, "end": start + length - 1}
        with self._reading(entry):
            content: bytes = blob.download_as_bytes(raw_download=True, checksum=None, retry=RETRY, timeout=TIMEOUT, **bounds)
        COUNTS.add(bytes_read=len(content))
        now = _now(entry, blob)
        if len(content) != (min(length, now.size - start) if now.size >= 0 else length):
            raise TransientError
        if len(content) == now.size:
            _check(blob, google_crc32c.value(content))
        return content, now

    def _push(self, entry: Entry, start: int, end: int | None, sink: PushedStream) -> Entry:
        blob = self._blob(entry)
        checked = _Checked(sink)
        last = None if end is None else end - 1
        with self._reading(entry):
            blob.download_to_file(
                checked, start=start or None, end=last, raw_download=True, checksum=None, retry=RETRY, timeout=TIMEOUT
            )
        COUNTS.add(bytes_read=checked.size)
        now = _now(entry, blob)
        if start == 0 and end is None:
            # the library doesn't check a download that it had to resume
            _check(blob, checked.crc)
        elif now.size >= 0 and checked.size != min(now.size, end if end is not None else now.size) - start:
            raise TransientError
        return now

    # -- writing -----------------------------------------------------------------------------------------------------

    def create(self, uri: str, chunks: Iterable[bytes | memoryview], metadata: dict[str, str], *, version: str = "") -> Written:
        """Implement ``ObjectStore.create``: one request, or one resumable upload for what is larger than 8 MiB."""
        head, rest = head_of(chunks)
        if rest is None:
            return retry_transient(lambda: self._upload(uri, head, metadata, int(version or 0)))
        return self._upload_stream(uri, head, rest, metadata, int(version or 0))

    def _upload(self, uri: str, content: bytes, metadata: dict[str, str], generation: int) -> Written:
        written = Written(len(content), google_crc32c.value(content))
        try:
            self._send(uri, content, CONTENT_TYPE, generation, metadata)
        except PreconditionFailed:
            self._must_be(uri, written)
        except ERRORS as error:
            raise self._refused(uri, error, unwritable()) from None
        else:
            COUNTS.add(bytes_written=written.size)
        return written

    def _send(self, uri: str, content: bytes, kind: str, generation: int | None, metadata: dict[str, str]) -> None:
        """Write an object in the place of ``generation`` (0: none, None: any) by one request; the library's errors go through.

        Raises:
            TransientError: the store saw other bytes than were sent.
        """
        blob = self._blob(Entry(uri.encode()), kms_key_name=self._options.kms_key or None)
        blob.metadata = metadata
        # in the object's metadata the store checks it before the object is there
        blob.crc32c = checksum = _base64(google_crc32c.value(content))
        try:
            blob.upload_from_string(content, kind, if_generation_match=generation, checksum=None, retry=RETRY, timeout=TIMEOUT)
        except BadRequest:
            raise TransientError from None
        if blob.crc32c != checksum:
            self.delete(uri)
            raise TransientError

    def _upload_stream(self, uri: str, head: bytes, rest: Iterator[bytes], metadata: dict[str, str], generation: int) -> Written:
        blob = self._blob(Entry(uri.encode()), kms_key_name=self._options.kms_key or None)
        blob.metadata = metadata
        size, crc = len(head), google_crc32c.value(head)
        try:
            with blob.open(
                "wb",
                chunk_size=_UPLOAD_CHUNK,
                content_type=CONTENT_TYPE,
                if_generation_match=generation,
                checksum="crc32c",
                retry=RETRY,
                timeout=TIMEOUT,
            ) as target:
                target.write(head)
                for piece in rest:
                    size, crc = size + len(piece), google_crc32c.extend(crc, piece)
                    target.write(piece)
        except InvalidResponse as error:
            if error.response.status_code == BadRequest.code:
                raise TransientError from None
            if error.response.status_code != PreconditionFailed.code:
                raise self._refused(uri, error, unwritable()) from None
            # somebody's object is there; what this one would have been is known when all of it has passed
            for piece in rest:
                size, crc = size + len(piece), google_crc32c.extend(crc, piece)
            self._must_be(uri, Written(size, crc))
        except DataCorruption:
            # the object is in place, and is not what was sent
            self.delete(uri)
            raise TransientError from None
        except ERRORS as error:
            raise self._refused(uri, error, unwritable()) from None
        else:
            COUNTS.add(bytes_written=size)
        return Written(size, crc)

    def _must_be(self, uri: str, written: Written) -> None:
        """Check after a failed precondition that the object that is there is the same: that is a success.

        Raises:
            ObjectConflictError: it isn't.
        """
        blob = self._blob(Entry(uri.encode()))
        try:
            blob.reload(retry=RETRY, timeout=TIMEOUT)
        except ERRORS as error:
            raise self._refused(uri, error, unwritable()) from None
        if (blob.size, blob.crc32c) != (written.size, _base64(written.crc32c)):
            raise ObjectConflictError

    def names(self, folder: str, beginning: str) -> Sequence[str]:
        """Implement ``ObjectStore.names``."""
        base = len(as_folder(folder).encode())
        found = (entry.uri[base:].decode() for entry in self.list(as_folder(folder) + beginning))
        return [name for name in found if "/" not in name]

    # -- small objects -----------------------------------------------------------------------------------------------

    def get(self, uri: str) -> tuple[bytes, str]:
        """Implement ``ObjectStore.get``."""
        return until_whole(partial(self._get_small, uri))

    def _get_small(self, uri: str) -> tuple[bytes, str]:
        blob = self._blob(Entry(uri.encode()))
        try:
            content: bytes = blob.download_as_bytes(checksum="crc32c", retry=RETRY, timeout=TIMEOUT)
        except NotFound:
            raise FileNotFoundError(2, "no such object") from None
        except DataCorruption:
            raise TransientError from None
        except ERRORS as error:
            raise explain(error) from None
        return content, str(blob.generation)

    def put(self, uri: str, content: bytes, *, version: str | None = None, durable: bool = True) -> None:
        """Implement ``ObjectStore.put``."""
        generation = None if version is None else int(version or 0)
        try:
            until_whole(partial(self._send, uri, content, content_type(uri), generation, {}))
        except PreconditionFailed:
            # a first attempt may have got through without an answer
            if not holds(self, uri, content):
                raise ObjectConflictError from None
        except ERRORS as error:
            raise explain(error) from None

    def move(self, source: str, target: str) -> None:
        """Implement ``ObjectStore.move``."""
        bucket = self._bucket(address(source).bucket)
        try:
            bucket.rename_blob(self._blob(Entry(source.encode())), address(target).path, retry=RETRY, timeout=TIMEOUT)
        except NotFound:
            return
        except ERRORS as error:
            raise explain(error) from None

    def delete(self, uri: str) -> None:
        """Implement ``ObjectStore.delete``."""
        try:
            self._blob(Entry(uri.encode())).delete(retry=RETRY, timeout=TIMEOUT)
        except NotFound:
            return
        except ERRORS as error:
            raise explain(error) from None

    # -- handles -----------------------------------------------------------------------------------------------------

    def _bucket(self, name: str) -> Any:
        return client(self._options).bucket(name, user_project=self._options.user_project or None)

    def _blob(self, entry: Entry, kms_key_name: str | None = None) -> Any:
        place = address(entry.uri.decode())
        generation = int(entry.version) if entry.version else None
        return Blob(place.path, self._bucket(place.bucket), generation=generation, kms_key_name=kms_key_name)

    @contextlib.contextmanager
    def _reading(self, entry: Entry) -> Iterator[None]:
        try:
            yield
        except NotFound:
            # that generation is gone; without one there never was an object
            reason = Reason.CHANGED_DURING_RUN if entry.version else Reason.UNREADABLE
            raise DeidentificationError(reason) from None
        except DataCorruption:
            raise TransientError from None
        except ERRORS as error:
            raise self._refused(entry.uri.decode(), error, unreadable()) from None

    def _refused(self, uri: str, error: Exception, otherwise: Exception) -> Exception:
        return refusal("gs", outage_of(error), otherwise, lambda: answers(self._options, address(uri).bucket))


class _Checked:
    """A reader that passes bytes on and computes their checksum."""

    def __init__(self, sink: PushedStream) -> None:
        self._sink = sink
        self.crc = 0
        self.size = 0

    def write(self, data: bytes) -> int:
        self.crc = google_crc32c.extend(self.crc, data)
        self.size += len(data)
        return self._sink.write(data)


def _now(entry: Entry, blob: Any) -> Entry:
    return Entry(entry.uri, entry.size if entry.size >= 0 else last_size(), entry.version or str(blob.generation or ""))


def _check(blob: Any, crc: int) -> None:
    """
    Raises:
        TransientError: not what the store holds.
    """
    if blob.crc32c and blob.crc32c != _base64(crc):
        raise TransientError


def _base64(crc: int) -> str:
    return base64.b64encode(crc.to_bytes(4, "big")).decode()
