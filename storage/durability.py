"""Durability on this machine: files are brought to the disk beside the work; what says that they are there waits for it."""

import ctypes
import os
import platform
import sys
import threading
import weakref
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

from anonymizer.internals import sync_file, sync_folder

from .outages import cannot_sync, cannot_write

#: magic numbers of file systems that one call brings to the disk whole, and that say so if they can't: those that keep their data
#: on this machine. For others the call may come back before the data is where it belongs
_WHOLE = frozenset(
    {
        0xEF53,  # ext2, ext3, ext4
        0x58465342,  # XFS
        0x9123683E,  # Btrfs
        0x2FC12FC1,  # ZFS
        0xF2F52010,  # F2FS
        0xCA451A4E,  # bcachefs
        0x01021994,  # tmpfs
    }
)
#: the first Linux whose ``syncfs`` tells of what could not be written
_TELLS = (5, 8)


class Syncer:
    """A thread that brings files below a folder to the disk, with their names; nobody but who asks waits for it."""

    def __init__(self, folder: str) -> None:
        # as it stands before the files' names
        self._folder = folder.rstrip("/") or "/"
        self._lock = threading.Lock()
        self._paths: list[str] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dicom-deid-sync")
        self._whole = -1
        self._failed: Exception | None = None
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if _syncs_whole(handle):
            # open as long as there is work: it tells of what went wrong since
            self._whole = handle
            weakref.finalize(self, os.close, handle)
        else:
            os.close(handle)

    def add(self, path: str) -> None:
        """Add a file that is whole, and has its name."""
        with self._lock:
            self._paths.append(path)

    def flush(self) -> "Future[None]":
        """Return a future that is done when all files added before are on the disk.

        It raises StorageUnavailableError if they can't be brought there.
        """
        return self._thread.submit(self._sync)

    def _sync(self) -> None:
        with self._lock:
            paths, self._paths = self._paths, []
        if self._failed is not None:
            # nobody knows what of it is there
            raise self._failed
        if not paths:
            # one call for all that were added meanwhile: whoever asked for the others is served by then
            return
        try:
            if self._whole >= 0:
                _sync_file_system(self._whole)
            else:
                sync_files(paths, self._folder)
        except OSError as error:
            self._failed = cannot_write(error) or cannot_sync(error)
            raise self._failed from None


def sync_content(path: str) -> None:
    """Bring a file to the disk, whatever becomes of its name.

    Raises:
        OSError: it can't be brought there.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        sync_file(handle)
    finally:
        os.close(handle)


def sync_files(paths: Iterable[str], folder: str) -> None:
    """Bring files to the disk one by one, and their names, and those of the folders between them and ``folder``.

    Raises:
        OSError: one can't be brought there.
    """
    folders: set[str] = set()
    for path in paths:
        sync_content(path)
        above = os.path.dirname(path)
        while above not in folders:
            folders.add(above)
            above = above if above == folder else os.path.dirname(above) or os.curdir
    # names after what they lead to
    for one in sorted(folders, reverse=True):
        sync_folder(one)


def _syncs_whole(handle: int) -> bool:
    """Return whether one call brings all of an open folder's file system to the disk."""
    libc = _libc()
    if libc is None:
        return False
    # struct statfs begins with the magic number, a long
    status = (ctypes.c_long * 64)()
    return libc.fstatfs(handle, ctypes.byref(status)) == 0 and (status[0] & 0xFFFFFFFF) in _WHOLE


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL | None:
    if sys.platform != "linux" or _linux_version() < _TELLS:
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    return libc if hasattr(libc, "syncfs") and hasattr(libc, "fstatfs") else None


def _linux_version() -> tuple[int, ...]:
    numbers = platform.release().split("-")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit())


def _sync_file_system(handle: int) -> None:
    libc = _libc()
    assert libc is not None
    if libc.syncfs(handle):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def nothing_to_wait_for() -> Future[None]:
    """Return a future that is done by now."""
    future: Future[None] = Future()
    future.set_result(None)
    return future
