"""Counts of what happened to attributes, from the column of actions of ``instances``."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiles import attribute_keyword, parse_tag

#: paths whose attribute is remembered; deep reports have many
_MOST_PATHS = 100_000
_LAST = re.compile(r"\(([0-9a-fA-F]{4}),([0-9a-fA-F]{4})\)$")
_PRIVATE = re.compile(r'\([0-9a-fA-F]{4},(?:"(.*)"|private),[0-9a-fA-F]{2}\)$', re.DOTALL)
#: names that stand for many attributes
PRIVATE_GONE, UNKNOWN_GONE, CONTENT_ITEM, PRIVATE_KEPT = "(private)", "(unknown)", "(content item)", "(private, kept)"
_SHARED = (PRIVATE_GONE, UNKNOWN_GONE, CONTENT_ITEM)


class ActionKey(NamedTuple):
    """An action on an attribute, and its reason.

    Attributes:
        attribute: its keyword, or its tag where it has none; ``(private)``, ``(unknown)``, ``(content item)`` of what goes;
            ``(private, kept)`` of private attributes that stay.
        creator: of a private attribute that stays and that a list has; restricted.
        action: a code of Table E.1-1a.
        reason: as in the column.
    """

    attribute: str
    creator: str
    action: str
    reason: str


class ActionCount(NamedTuple):
    """In how many instances, and on how many elements."""

    instances: int
    elements: int


def attribute_of(path: str) -> tuple[str, str]:
    """Return the attribute at the end of a path, and its private creator, as ``ActionKey`` has them."""
    for name in _SHARED:
        if path.endswith(name):
            return name, ""
    if found := _LAST.search(path):
        return attribute_keyword(parse_tag(f"({found.group(1)},{found.group(2)})")) or found.group(0), ""
    if found := _PRIVATE.search(path):
        return PRIVATE_KEPT, found.group(1) or ""
    return UNKNOWN_GONE, ""


class ActionTally:
    """Counts of actions, batch by batch; no work per row in Python."""

    def __init__(self) -> None:
        self._paths: dict[str, int] = {}
        self._attributes: dict[tuple[str, str], int] = {}
        self.instances: Counter[ActionKey] = Counter()
        self.elements: Counter[ActionKey] = Counter()

    def add(self, actions: pa.ListArray) -> None:
        """Count the actions of rows.

        Args:
            actions: of rows that the run wrote.
        """
        entries = actions.flatten()
        if not len(entries):
            return
        # version 0.1 gave no reasons
        fields = {field.name for field in entries.type}
        none = pa.repeat(pa.scalar(""), len(entries))
        paths, kinds, reasons = (
            _encoded(entries.field(name) if name in fields else none) for name in ("path", "action", "reason")
        )
        # of few rows with equal lists the same paths come again and again: each is looked at once
        attributes = np.array([self._attribute(path) for path in paths.dictionary.to_pylist()], np.int64)
        many = len(kinds.dictionary) * len(reasons.dictionary)
        codes = attributes[_indices(paths)] * many + _indices(kinds) * len(reasons.dictionary) + _indices(reasons)
        elements = np.bincount(codes, weights=entries.field("count").to_numpy(zero_copy_only=False))
        instances = np.bincount(self._once_each(codes, attributes, paths, actions, many))
        names = list(self._attributes)
        for code in np.flatnonzero(elements):
            place, rest = divmod(int(code), many)
            kind, reason = divmod(rest, len(reasons.dictionary))
            key = ActionKey(*names[place], kinds.dictionary[kind].as_py(), reasons.dictionary[reason].as_py() or "")
            self.elements[key] += int(elements[code])
            self.instances[key] += int(instances[code])

    def result(self) -> dict[ActionKey, ActionCount]:
        """Return all counts."""
        return {key: ActionCount(self.instances[key], self.elements[key]) for key in sorted(self.elements)}

    def _attribute(self, path: str) -> int:
        found = self._paths.get(path)
        if found is None:
            if len(self._paths) >= _MOST_PATHS:
                self._paths.clear()
            found = self._paths[path] = self._attributes.setdefault(attribute_of(path), len(self._attributes))
        return found

    @staticmethod
    def _once_each(
        codes: np.ndarray, attributes: np.ndarray, paths: pa.DictionaryArray, actions: pa.ListArray, many: int
    ) -> np.ndarray:
        """Return the codes, each once for a row. Paths are unique in a row: only attributes at several paths can repeat."""
        at_several = np.flatnonzero(np.bincount(attributes) > 1)
        if not len(at_several):
            return codes
        is_several = np.zeros(int(attributes.max()) + 1, bool)
        is_several[at_several] = True
        may_repeat = is_several[codes // many]
        rows = pc.list_parent_indices(actions).to_numpy(zero_copy_only=False)[may_repeat]
        width = int(codes.max()) + 1
        # rows come in order: sorting nearly sorted numbers is quick
        unique = np.unique(rows.astype(np.int64) * width + codes[may_repeat]) % width
        return np.concatenate([codes[~may_repeat], unique])


def _encoded(column: pa.Array) -> pa.DictionaryArray:
    return column if isinstance(column, pa.DictionaryArray) else pc.dictionary_encode(pc.fill_null(column, ""))


def _indices(column: pa.DictionaryArray) -> np.ndarray:
    return column.indices.to_numpy(zero_copy_only=False)
