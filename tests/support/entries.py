"""What the tests of all stores share."""

from __future__ import annotations

from storage import Entry, ObjectStore, OpenEntry


def content_of(stream: OpenEntry) -> bytes:
    """All that a reader gives."""
    content = b""
    while piece := stream.read(1 << 20):
        content += piece
    return content


def only(store: ObjectStore, uri: str) -> Entry:
    """The one object that a listing finds."""
    (entry,) = store.list(uri)
    return entry
