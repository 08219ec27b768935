"""The store of a location: the module that knows its scheme, if the packages that it needs are installed."""

from __future__ import annotations

import importlib
import sys
from functools import lru_cache
from typing import NamedTuple

from .locations import scheme_of
from .store import ObjectStore, StorageError, StorageOptions
from .stores.local import LocalStore


class _Kind(NamedTuple):
    module: str
    store: str
    #: of this project: what installs the packages that the module imports
    extra: str = ""


_KINDS = {
    "gs": _Kind("gcs", "GcsStore"),
    "s3": _Kind("s3", "S3Store", "aws"),
    "azfs": _Kind("azure", "AzureStore", "azure"),
    "hdfs": _Kind("hdfs", "BeamFilesStore", "hdfs"),
}


def check_scheme(location: str) -> None:
    """Refuse a location of a kind that nobody knows.

    Raises:
        StorageError: which kinds there are.
    """
    scheme = scheme_of(location)
    if scheme and scheme not in _KINDS:
        raise StorageError(f"{scheme}:// is not known: there are folders, {', '.join(f'{name}://' for name in _KINDS)}")


def store_for(location: str, options: StorageOptions) -> ObjectStore:
    """Return the process's store for ``location``.

    Raises:
        StorageError: unknown, not installed, or without credentials.
    """
    return _store(scheme_of(location), options)


def has_connected() -> bool:
    """Return whether this process has had a store elsewhere than on this machine, and may hold connections to it."""
    return any(f"{__package__}.stores.{kind.module}" in sys.modules for kind in _KINDS.values())


@lru_cache(maxsize=16)
def _store(scheme: str, options: StorageOptions) -> ObjectStore:
    if not scheme:
        return LocalStore()
    kind = _KINDS.get(scheme)
    if kind is None:
        check_scheme(f"{scheme}://")
    assert kind is not None
    try:
        module = importlib.import_module(f".stores.{kind.module}", __package__)
    except ImportError:
        raise StorageError(f"{scheme}:// needs more packages: pip install -e '.[{kind.extra}]'") from None
    store: ObjectStore = getattr(module, kind.store)(options)
    return store
