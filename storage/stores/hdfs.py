"""Objects in file systems that Beam knows and this package has no client of its own for: ``hdfs://``.

Beam's writers commit what was written whenever they are closed, also by an exception or when they are collected. So objects are
written beside their place, under a name that no reader takes for an object, and get their own by a rename.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, TypeVar

import google_crc32c
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from anonymizer import DeidentificationError, Reason

from ..errors import ObjectConflictError, TransientError
from ..locations import as_folder, scheme_of
from ..objects import Written
from ..outages import Outage, check_outage, refusal
from ..retry import retry_transient
from ..store import COUNTS, Entry, OpenEntry, StorageError, StorageOptions
from .local_writer import TEMPORARY
from .remote import SMALL, BytesReader, PiecesReader, RangeReader, head_of, unreadable, unwritable

#: seconds between attempts
PAUSES = (0.2, 0.5, 1.0)

T = TypeVar("T")


class BeamFilesStore:
    """A file system of Beam's in one process. URIs choose it, and Beam's own options tell how to reach it."""

    def divides(self, prefix: str) -> bool:
        """Implement ``ObjectStore.divides``."""
        return False

    def __init__(self, options: StorageOptions) -> None:
        """
        Args:
            options: nothing of it is for file systems.
        """

    # -- names -------------------------------------------------------------------------------------------------------

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Entry]:
        """Implement ``ObjectStore.list``: a request for each folder.

        Beam tells folders from empty files by nothing: an empty file comes where a folder of its name would.
        """
        folder = prefix[: prefix.rindex("/") + 1]
        system = _system(prefix)
        try:
            if system.exists(folder):
                yield from islice(_walk(system, folder, prefix, after), limit)
        except Exception as error:
            raise _explain(prefix, error) from None

    def names(self, folder: str, beginning: str) -> Sequence[str]:
        """Implement ``ObjectStore.names``; folders are among them."""
        try:
            system = _system(folder)
            found = [item.path.rpartition("/")[2] for item in _listed(system, folder)] if system.exists(folder) else []
        except Exception as error:
            raise _explain(folder, error) from None
        return sorted(name for name in found if name.startswith(beginning) and not _is_temporary(name))

    # -- reading -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def open(self, entry: Entry, *, start: int = 0, end: int | None = None, header: bool = False) -> Iterator[OpenEntry]:
        """Implement ``ObjectStore.open``. There is nothing to pin a version by: it is compared when bytes have come."""
        uri = entry.uri.decode()
        system = _system(uri)
        try:
            handle = _insist(lambda: system.open(uri, compression_type=CompressionTypes.UNCOMPRESSED))
        except Exception:
            gone = entry.version and _status(system, entry) is None
            raise (DeidentificationError(Reason.CHANGED_DURING_RUN) if gone else _refused(uri, unreadable())) from None
        COUNTS.add(reads=1)
        last = entry.size if end is None else end
        with contextlib.closing(handle):
            fetch = _fetcher(system, handle)
            if header:
                reader = RangeReader(fetch, entry, start, end)
                try:
                    yield reader
                finally:
                    reader.close()
            elif 0 <= last - start <= SMALL:
                yield BytesReader(*retry_transient(lambda: fetch(entry, start, last - start)))
            else:
                yield PiecesReader(fetch, entry, start, end, lambda now: _check(system, now))

    # -- writing -----------------------------------------------------------------------------------------------------

    def create(self, uri: str, chunks: Iterable[bytes | memoryview], metadata: dict[str, str], *, version: str = "") -> Written:
        """Implement ``ObjectStore.create``; file systems have no place for ``metadata``."""
        head, rest = head_of(chunks)
        if rest is None:
            return _insist(lambda: self._create(uri, [head], version))
        return self._create(uri, chain([head], rest), version)

    def _create(self, uri: str, chunks: Iterable[bytes], version: str) -> Written:
        system = _system(uri)
        with _beside(system, uri) as temporary:
            written = _write(system, temporary, chunks)
            if not self._take_name(system, temporary, uri) and not self._is(system, uri, written):
                found = _status(system, Entry(uri.encode()))
                # there is no condition: another process may slip in between the look and the rename
                if not version or found is None or found.version != version:
                    raise ObjectConflictError
                _replace(system, temporary, uri)
        COUNTS.add(bytes_written=written.size)
        return written

    def _take_name(self, system: Any, temporary: str, uri: str) -> bool:
        """Return whether the object got its name; that may be taken."""
        try:
            if system.exists(uri):
                return False
            # HDFS renames in one step, and refuses where somebody was faster
            system.rename([temporary], [uri])
        except Exception:
            if _status(system, Entry(uri.encode())) is None:
                raise _refused(uri, unwritable()) from None
            return False
        COUNTS.add(writes=1)
        return True

    def _is(self, system: Any, uri: str, written: Written) -> bool:
        found = _status(system, Entry(uri.encode()))
        if found is None or found.size != written.size:
            return False
        crc = 0
        with self.open(found) as stream:
            while piece := stream.read(SMALL):
                crc = google_crc32c.extend(crc, piece)
        return crc == written.crc32c

    # -- small objects -----------------------------------------------------------------------------------------------

    def get(self, uri: str) -> tuple[bytes, str]:
        """Implement ``ObjectStore.get``; the version is a digest of the content."""
        try:
            system = _system(uri)
            if not system.exists(uri):
                raise FileNotFoundError(2, "no such object")
            COUNTS.add(reads=1)
            with contextlib.closing(system.open(uri, compression_type=CompressionTypes.UNCOMPRESSED)) as stream:
                content: bytes = stream.read()
        except FileNotFoundError:
            raise FileNotFoundError(2, "no such object") from None
        except Exception as error:
            raise _explain(uri, error) from None
        return content, hashlib.sha256(content).hexdigest()

    def put(self, uri: str, content: bytes, *, version: str | None = None, durable: bool = True) -> None:
        """Implement ``ObjectStore.put``. There is no condition: another process may slip in between the look and the rename."""
        if version is not None and version != self._version(uri):
            raise ObjectConflictError
        try:
            system = _system(uri)
            with _beside(system, uri) as temporary:
                _write(system, temporary, [content])
                _replace(system, temporary, uri)
        except Exception as error:
            raise _explain(uri, error) from None

    def _version(self, uri: str) -> str:
        try:
            return self.get(uri)[1]
        except FileNotFoundError:
            return ""

    def move(self, source: str, target: str) -> None:
        """Implement ``ObjectStore.move``."""
        folder = target.rpartition("/")[0]
        try:
            system = _system(source)
            if not system.exists(source):
                return
            if not system.exists(folder):
                with contextlib.suppress(OSError):
                    # unless another process was faster
                    system.mkdirs(folder)
            _replace(system, source, target)
        except Exception as error:
            raise _explain(source, error) from None

    def delete(self, uri: str) -> None:
        """Implement ``ObjectStore.delete``."""
        try:
            system = _system(uri)
            if system.exists(uri):
                system.delete([uri])
        except Exception as error:
            raise _explain(uri, error) from None


def _insist(step: Callable[[], T]) -> T:
    """Return the result of ``step``, tried anew where it fails: Beam and the libraries below it try once."""
    for pause in PAUSES:
        try:
            return step()
        except (ObjectConflictError, StorageError):
            raise
        except Exception:
            time.sleep(pause)
    return step()


def _system(uri: str) -> Any:
    """Return Beam's file system for a URI.

    Raises:
        StorageError: it can't be used.
    """
    check_outage(scheme_of(uri))
    try:
        found = FileSystems.get_filesystem(uri)
    except Exception as error:
        raise _explain(uri, error) from None
    if not found.has_dirs():
        # an object store: there a rename is a copy, of which a reader may see the half
        raise StorageError(f"{scheme_of(uri)}:// can't be written safely through Beam")
    return found


def _explain(uri: str, error: Exception) -> StorageError:
    """Return what may be said of a failure: nothing that names an object, as texts of Beam's do."""
    if isinstance(error, StorageError):
        return error
    scheme = scheme_of(uri)
    hint = "; are Beam's options --hdfs_host, --hdfs_port and --hdfs_user right?" if scheme == "hdfs" else ""
    return StorageError(f"{scheme}:// can't be used ({type(error).__name__}){hint}")


def _listed(system: Any, folder: str) -> Iterator[Any]:
    COUNTS.add(lists=1)
    # not `match`: it holds everything in memory, and knows no way to quote a wildcard that is part of a name
    yield from system._list(folder)


def _walk(system: Any, folder: str, prefix: str, after: str) -> Iterator[Entry]:
    found = [item for item in _listed(system, folder) if item.path.startswith(prefix) and not _is_temporary(item.path)]
    for item in sorted(found, key=lambda item: item.path + ("/" if item.size_in_bytes == 0 else "")):
        below = as_folder(item.path)
        if item.size_in_bytes == 0 and _is_folder(system, item.path):
            if after < below or after.startswith(below):
                yield from _walk(system, below, below, after)
        elif item.path > after:
            yield _entry(item)


def _is_folder(system: Any, path: str) -> bool:
    """Return whether it can be listed: a folder that can't is taken for a file, and reading that tells what is wrong."""
    try:
        next(_listed(system, path), None)
    except Exception:
        return False
    return True


def _is_temporary(path: str) -> bool:
    return path.endswith(TEMPORARY)


def _entry(item: Any) -> Entry:
    return Entry(item.path.encode(), item.size_in_bytes, str(item.last_updated_in_seconds or ""))


def _status(system: Any, entry: Entry) -> Entry | None:
    """Return an object as it is now, None where there is none.

    Raises:
        DeidentificationError: that isn't told.
    """
    uri = entry.uri.decode()
    try:
        return _entry(system.metadata(uri)) if system.exists(uri) else None
    except Exception:
        raise _refused(uri, unreadable()) from None


def _check(system: Any, entry: Entry) -> Entry:
    """
    Raises:
        DeidentificationError: the object isn't the one that was listed.
    """
    now = _status(system, entry)
    if now is None or -1 != entry.size != now.size or entry.version not in ("", now.version):
        raise DeidentificationError(Reason.CHANGED_DURING_RUN)
    return now


def _fetcher(system: Any, handle: Any) -> Callable[[Entry, int, int], tuple[bytes, Entry]]:
    """Return a fetcher of ranges, as RangeReader needs it."""
    # below Beam's buffer, which would fill up with 20 MB for each header
    raw = getattr(handle, "raw", handle)
    checked: set[bytes] = set()

    def fetch(entry: Entry, start: int, length: int) -> tuple[bytes, Entry]:
        try:
            content = _insist(lambda: _read(raw, start, length))
        except Exception:
            raise _refused(entry.uri.decode(), unreadable()) from None
        COUNTS.add(bytes_read=len(content))
        if entry.uri not in checked:
            entry = _check(system, entry)
            checked.add(entry.uri)
        if len(content) != max(0, min(length, entry.size - start)):
            raise TransientError
        return content, entry

    return fetch


def _read(raw: Any, start: int, length: int) -> bytes:
    raw.seek(start)
    content = bytearray()
    while len(content) < length and (piece := raw.read(length - len(content))):
        content += piece
    return bytes(content)


@contextlib.contextmanager
def _beside(system: Any, uri: str) -> Iterator[str]:
    """Provide a name for an unfinished object, which is removed if it didn't get its own.

    It lies in the same folder, where the run may write and the rename is one step, and begins with a dot: Hadoop's own tools
    pass over such names, as this store does.
    """
    folder = uri[: uri.rindex("/") + 1]
    temporary = f"{folder}.{secrets.token_hex(16)}{TEMPORARY}"
    try:
        yield temporary
    finally:
        with contextlib.suppress(Exception):
            if system.exists(temporary):
                system.delete([temporary])


def _write(system: Any, temporary: str, chunks: Iterable[bytes]) -> Written:
    size, crc = 0, 0
    handle = None
    try:
        for content in chunks:
            size, crc = size + len(content), google_crc32c.extend(crc, content)
            handle = handle or _begun(system, temporary)
            _done(temporary, lambda content=content, handle=handle: handle.write(content))  # type: ignore[misc]
        handle = handle or _begun(system, temporary)
        _done(temporary, handle.close)
    except BaseException:
        if handle is not None:
            # a writer that isn't closed writes when it is collected: after the half was removed
            with contextlib.suppress(Exception):
                handle.close()
        raise
    COUNTS.add(writes=1)
    return Written(size, crc)


def _begun(system: Any, temporary: str) -> Any:
    return _done(temporary, lambda: system.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED))


def _done(uri: str, step: Callable[[], Any]) -> Any:
    """Return the result of a step that writes, apart from exceptions of ``chunks``."""
    try:
        return step()
    except Exception:
        raise _refused(uri, unwritable()) from None


def _refused(uri: str, otherwise: Exception) -> Exception:
    """Return the error for a failure: ``otherwise``, unless the file system doesn't answer at all."""

    def answers() -> bool:
        try:
            FileSystems.get_filesystem(uri).exists(uri[: uri.rindex("/") + 1])
        except Exception:
            return False
        return True

    return refusal(scheme_of(uri), Outage.NO_ANSWER, otherwise, answers)


def _replace(system: Any, source: str, target: str) -> None:
    if system.exists(target):
        system.delete([target])
    system.rename([source], [target])
    COUNTS.add(writes=1)
