"""Objects in S3, by boto3: pinned entity tags, conditional writes, checksums both ways.

Beam's own layer asks for metadata before each read, writes in parts whatever the size, and commits what an exception left.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import google_crc32c
from botocore.exceptions import ClientError

from anonymizer import DeidentificationError, Reason

from ..errors import ObjectConflictError, TransientError
from ..locations import Address, address, as_folder
from ..objects import Written
from ..outages import refusal
from ..retry import retry_transient
from ..store import COUNTS, Entry, OpenEntry, StorageOptions
from .remote import (
    CONTENT_TYPE,
    Parts,
    content_type,
    crc32c_of,
    head_of,
    holds,
    opened,
    sending,
    unreadable,
    until_whole,
    unwritable,
)
from .s3_client import ERRORS, PAUSES, answers, client, code_of, explain, is_missing, is_unmet, outage_of
from .s3_stream import S3Stream, check, content_of, crc32c_text, has_arrived

_PAGE = 1000
#: the store saw other bytes than were sent
_CORRUPTED = {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"}
_sending = partial(sending, ERRORS, lambda error: code_of(error) in _CORRUPTED)
#: two requests for one name at the same time
_CONFLICTS = {"ConditionalRequestConflict", "OperationAborted", "409"}


class _Unmet(Exception):
    """An object that isn't the one to be replaced."""


class S3Store:
    """``s3://`` in one process."""

    def divides(self, prefix: str) -> bool:
        """Implement ``ObjectStore.divides``; directory buckets, known by how their names end, list in no order."""
        return not address(prefix).bucket.endswith("--x-s3")

    def __init__(self, options: StorageOptions) -> None:
        self._options = options
        self._payer = {"RequestPayer": "requester"} if options.requester_pays else {}
        self._kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": options.kms_key} if options.kms_key else {}

    @property
    def _client(self) -> Any:
        return client(self._options)

    def _at(self, uri: str) -> dict[str, str]:
        place = address(uri)
        return {"Bucket": place.bucket, "Key": place.path, **self._payer}

    # -- names -------------------------------------------------------------------------------------------------------

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Entry]:
        """Implement ``ObjectStore.list``: names, sizes and entity tags, a thousand a request."""
        yield from self._list(address(prefix), limit, {"StartAfter": address(after).path} if after else {})

    def _list(self, place: Address, limit: int | None, more: dict[str, str]) -> Iterator[Entry]:
        # names come URL-encoded, which XML can't break; the library asks for that and decodes them
        request: dict[str, Any] = {"Bucket": place.bucket, "Prefix": place.path, **self._payer, **more}
        folder = f"s3://{place.bucket}/"
        left = limit
        while left is None or left > 0:
            request["MaxKeys"] = _PAGE if left is None else min(left, _PAGE)
            try:
                page = self._client.list_objects_v2(**request)
            except ERRORS as error:
                raise explain(error) from None
            found = page.get("Contents", ())
            for item in found:
                yield Entry((folder + item["Key"]).encode(), item["Size"], item["ETag"].strip('"'))
            if left is not None:
                left -= len(found)
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def names(self, folder: str, beginning: str) -> Sequence[str]:
        """Implement ``ObjectStore.names``."""
        base = len(as_folder(folder).encode())
        found = self._list(address(as_folder(folder) + beginning), None, {"Delimiter": "/"})
        return [entry.uri[base:].decode() for entry in found]

    # -- reading -----------------------------------------------------------------------------------------------------

    def open(
        self, entry: Entry, *, start: int = 0, end: int | None = None, header: bool = False
    ) -> AbstractContextManager[OpenEntry]:
        """Implement ``ObjectStore.open``."""
        stream = partial(S3Stream, self._get, entry, start, end)
        return opened(entry, start, end, header=header, fetch=self._range, stream=stream)

    def _range(self, entry: Entry, start: int, length: int) -> tuple[bytes, Entry]:
        if length <= 0:
            return b"", entry
        whole = (start, length) == (0, entry.size)
        for pause in (*PAUSES, None):
            answer = self._get(entry, start, None if whole else start + length)
            if answer is None:
                return b"", entry
            try:
                content, now = content_of(entry, answer, start, length)
                break
            except ERRORS as error:
                # the connection broke off
                if pause is None:
                    raise self._refused(entry.uri.decode(), error, unreadable()) from None
                time.sleep(pause)
        COUNTS.add(bytes_read=len(content))
        if whole:
            check(answer, content)
        return content, now

    def _get(self, entry: Entry, start: int, end: int | None) -> Any:
        """Return the answer that brings these bytes; None where the object ends before."""
        try:
            return self._ask(entry, start, end)
        except ERRORS as error:
            if code_of(error) in ("InvalidRange", "416"):
                return None
            # that version is gone; without one there never was an object
            changed = is_unmet(error) or (is_missing(error) and entry.version)
            if changed:
                raise DeidentificationError(Reason.CHANGED_DURING_RUN) from None
            raise self._refused(entry.uri.decode(), error, unreadable()) from None

    def _ask(self, entry: Entry, start: int = 0, end: int | None = None) -> Any:
        request = self._at(entry.uri.decode())
        if entry.version:
            request["IfMatch"] = f'"{entry.version}"'
        part = start > 0 or end is not None
        if part:
            request["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        answer = self._client.get_object(**request)
        if part and "ContentRange" not in answer:
            # the whole, from its beginning
            answer["Body"].close()
            raise TransientError
        return answer

    # -- writing -----------------------------------------------------------------------------------------------------

    def create(self, uri: str, chunks: Iterable[bytes | memoryview], metadata: dict[str, str], *, version: str = "") -> Written:
        """Implement ``ObjectStore.create``: one request, or an upload in parts for what is larger than 8 MiB."""
        head, rest = head_of(chunks)
        if rest is None:
            return retry_transient(lambda: self._upload(uri, head, metadata, version))
        return self._upload_parts(uri, Parts(head, rest), metadata, version)

    def _upload(self, uri: str, content: bytes, metadata: dict[str, str], version: str) -> Written:
        written = Written(len(content), google_crc32c.value(content))
        try:
            self._send(uri, content, CONTENT_TYPE, version, metadata)
        except _Unmet:
            self._must_be(uri, written)
        except ERRORS as error:
            raise self._unwritable(uri, error) from None
        else:
            COUNTS.add(bytes_written=written.size)
        return written

    def _send(self, uri: str, content: bytes, content_type: str, version: str | None, metadata: dict[str, str]) -> None:
        """Write an object by one request, in the place of ``version``: "" for none, None for whatever is there.

        Raises:
            _Unmet: something else is there.
            TransientError: other bytes arrived than were sent.
        """
        checksum = crc32c_text(google_crc32c.value(content))
        # the store refuses bytes that don't fit the checksum, and one that doesn't know it those that don't fit the signature
        put = partial(
            self._client.put_object,
            **self._at(uri),
            **self._kms,
            Body=content,
            ContentType=content_type,
            Metadata=metadata,
            ChecksumAlgorithm="CRC32C",
            ChecksumCRC32C=checksum,
        )
        answer = self._conditionally(put, uri, version)
        if not has_arrived(answer, content, checksum):
            self.delete(uri)
            raise TransientError

    def _conditionally(self, request: Callable[..., Any], uri: str, version: str | None) -> Any:
        """Return the answer to a request that replaces ``version`` and nothing else.

        Raises:
            _Unmet: something else is there.
            TransientError: other bytes arrived than were sent, or somebody else writes all the time.
        """
        condition = {} if version is None else {"IfMatch": f'"{version}"'} if version else {"IfNoneMatch": "*"}
        for pause in (*PAUSES, None):
            try:
                with _sending():
                    return request(**condition)
            except ClientError as error:
                if is_unmet(error) or (version and is_missing(error)) or code_of(error) == "NoSuchUpload":
                    # an upload is gone when it was completed, and the answer that said so got lost
                    raise _Unmet from None
                if code_of(error) == "NotImplemented" and condition:
                    # a store without conditions. Another process may slip in after this look, but only with the same bytes:
                    # what a run writes under a name depends on nothing but its source and the key
                    if self._version(uri) != version:
                        raise _Unmet from None
                    condition = {}
                elif code_of(error) in _CONFLICTS and pause is not None:
                    time.sleep(pause)
                else:
                    raise
        raise TransientError

    def _version(self, uri: str) -> str:
        try:
            return str(self._client.head_object(**self._at(uri))["ETag"]).strip('"')
        except ClientError as error:
            if is_missing(error):
                return ""
            raise

    def _upload_parts(self, uri: str, parts: Parts, metadata: dict[str, str], version: str) -> Written:
        try:
            with self._unfinished(uri, metadata) as place:
                sent = [retry_transient(partial(self._send_part, place, number, part)) for number, part in enumerate(parts, 1)]
                if version and self._version(uri) != version:
                    # not all stores know a condition here
                    raise _Unmet
                complete = partial(self._client.complete_multipart_upload, **place, MultipartUpload={"Parts": sent})
                answer = self._conditionally(complete, uri, version)
        except _Unmet:
            self._must_be(uri, parts.written)
            return parts.written
        except ERRORS as error:
            raise self._unwritable(uri, error) from None
        whole = answer.get("ChecksumType") == "FULL_OBJECT" and answer.get("ChecksumCRC32C")
        if whole and whole != crc32c_text(parts.written.crc32c):
            self.delete(uri)
            raise TransientError
        COUNTS.add(bytes_written=parts.written.size)
        return parts.written

    @contextlib.contextmanager
    def _unfinished(self, uri: str, metadata: dict[str, str]) -> Iterator[dict[str, str]]:
        """Provide an upload in parts, which are no object before it is completed; any exception in the block drops it."""
        place = self._at(uri)
        place["UploadId"] = self._client.create_multipart_upload(
            **place,
            **self._kms,
            ContentType=CONTENT_TYPE,
            Metadata=metadata,
            ChecksumAlgorithm="CRC32C",
            # the store makes one checksum of the whole from those of the parts
            ChecksumType="FULL_OBJECT",
        )["UploadId"]
        try:
            yield place
        except BaseException:
            with contextlib.suppress(*ERRORS):
                self._client.abort_multipart_upload(**place)
            raise

    def _send_part(self, place: dict[str, str], number: int, content: bytes) -> dict[str, Any]:
        checksum = crc32c_text(google_crc32c.value(content))
        try:
            with _sending():
                answer = self._client.upload_part(
                    **place, PartNumber=number, Body=content, ChecksumAlgorithm="CRC32C", ChecksumCRC32C=checksum
                )
        except ERRORS as error:
            raise self._unwritable(f"s3://{place['Bucket']}/{place['Key']}", error) from None
        if not has_arrived(answer, content, checksum):
            raise TransientError
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32C": checksum}

    def _must_be(self, uri: str, written: Written) -> None:
        """Check after an unmet condition that the object that is there is the same: that is a success.

        Raises:
            ObjectConflictError: it isn't.
        """
        try:
            found = self._client.head_object(**self._at(uri), ChecksumMode="ENABLED")
        except ERRORS as error:
            # it was there a moment ago
            raise (TransientError() if is_missing(error) else self._unwritable(uri, error)) from None
        checksum = found.get("ChecksumCRC32C") or "-"
        if found["ContentLength"] != written.size or ("-" not in checksum and checksum != crc32c_text(written.crc32c)):
            raise ObjectConflictError
        if "-" in checksum and crc32c_of(self, Entry(uri.encode(), written.size, found["ETag"].strip('"'))) != written.crc32c:
            raise ObjectConflictError

    # -- small objects -----------------------------------------------------------------------------------------------

    def get(self, uri: str) -> tuple[bytes, str]:
        """Implement ``ObjectStore.get``."""
        return until_whole(partial(self._get_small, uri))

    def _get_small(self, uri: str) -> tuple[bytes, str]:
        try:
            answer = self._ask(Entry(uri.encode()))
            content: bytes = answer["Body"].read()
        except ClientError as error:
            if is_missing(error):
                raise FileNotFoundError(2, "no such object") from None
            raise explain(error) from None
        except ERRORS:
            raise TransientError from None
        check(answer, content)
        return content, str(answer["ETag"]).strip('"')

    def put(self, uri: str, content: bytes, *, version: str | None = None, durable: bool = True) -> None:
        """Implement ``ObjectStore.put``."""
        try:
            until_whole(partial(self._send, uri, content, content_type(uri), version, {}))
        except _Unmet:
            # a first attempt may have got through without an answer
            if not holds(self, uri, content):
                raise ObjectConflictError from None
        except ERRORS as error:
            raise explain(error) from None

    def move(self, source: str, target: str) -> None:
        """Implement ``ObjectStore.move``."""
        found = address(source)
        try:
            copied = {"CopySource": {"Bucket": found.bucket, "Key": found.path}}
            self._client.copy_object(**self._at(target), **self._kms, **copied)
        except ERRORS as error:
            if is_missing(error):
                return
            raise explain(error) from None
        self.delete(source)

    def delete(self, uri: str) -> None:
        """Implement ``ObjectStore.delete``."""
        try:
            self._client.delete_object(**self._at(uri))
        except ERRORS as error:
            raise explain(error) from None

    def _unwritable(self, uri: str, error: Exception) -> Exception:
        return TransientError() if code_of(error) in _CONFLICTS else self._refused(uri, error, unwritable())

    def _refused(self, uri: str, error: Exception, otherwise: Exception) -> Exception:
        return refusal("s3", outage_of(error), otherwise, lambda: answers(self._options, address(uri).bucket))
