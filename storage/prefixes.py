"""Prefixes, split into parts that can be listed side by side.

Stores list a prefix from its first name to its last, a thousand names a request: ten million names one after the other take
most of an hour. Names are strings, so the parts are longer prefixes. Folders are no help: an archive may have one or a million.
"""

from __future__ import annotations

from collections.abc import Iterator

from .store import Entry, ObjectStore

#: names in one answer: a prefix with fewer isn't split
PAGE = 1000
#: nor is an input whose answers are so few
FEW_PAGES = 10
#: parts of an input, or a level more: enough for the workers of a large run, and each probe costs an operation
PARTS = 64
#: sorts behind whatever a name goes on with
_LAST = "\U0010ffff"


def split(store: ObjectStore, prefix: str, parts: int = PARTS) -> Iterator[tuple[str, bool]]:
    """Yield (name, whether it is a prefix): together they hold each object below ``prefix`` once.

    Raises:
        StorageError: the store can't be listed.
    """
    if len(list(store.list(prefix, limit=FEW_PAGES * PAGE))) < FEW_PAGES * PAGE:
        yield prefix, True
        return
    level = [prefix]
    # a level is split as a whole: a prefix that is left out would be a part as large as its neighbours together
    while level and len(level) < parts:
        deeper: list[str] = []
        for prefix in level:
            page = list(store.list(prefix, limit=PAGE))
            if len(page) < PAGE:
                # small enough, or empty
                if page:
                    yield prefix, True
                continue
            stem = _common(store, prefix, _name(page[0]), _name(page[-1]))
            children = _children(store, stem, page[0])
            if children is None:
                yield stem, True
                continue
            if children[0] == stem:
                # the object of that very name
                yield children.pop(0), False
            deeper += children
        level = deeper
    yield from ((prefix, True) for prefix in level)


def _name(entry: Entry) -> str:
    return entry.uri.decode()


def _common(store: ObjectStore, prefix: str, first: str, later: str) -> str:
    """Return the longest prefix that all names below ``prefix`` share: ``first`` is the first of them, ``later`` another one."""
    low, high = len(prefix), len(prefix)
    for one, other in zip(first[low:], later[low:], strict=False):
        if one != other:
            break
        high += 1
    while low < high:
        middle = (low + high + 1) // 2
        if next(store.list(prefix, after=first[:middle] + _LAST, limit=1), None) is None:
            low = middle
        else:
            high = middle - 1
    return first[:low]


def _children(store: ObjectStore, stem: str, first: Entry) -> list[str] | None:
    """Return the prefixes that are a character longer than ``stem``, behind ``stem`` itself where an object has that very name.

    None where they can't be told apart.
    """
    children: list[str] = []
    entry: Entry | None = first
    while entry is not None:
        name = _name(entry)
        child = name[: len(stem) + 1]
        if children and child <= children[-1]:
            # a name that goes on with the last character of all
            return None
        children.append(child)
        entry = next(store.list(stem, after=child if child == stem else child + _LAST, limit=1), None)
    return children
