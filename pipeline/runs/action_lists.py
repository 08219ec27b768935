"""Distinct lists of actions of audit tables by number: the instances of a series share one, so they are few."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

_FIELDS = ("path", "keyword", "action", "reason")
_NUMBER = pa.int32()


class AttributeAction(NamedTuple):
    """An action on an attribute, without the number of its elements."""

    path: str
    keyword: str
    action: str
    reason: str


class ActionChange(NamedTuple):
    """A change of what is done to an attribute.

    Attributes:
        before, now: codes of actions with their reasons; empty: none is listed.
    """

    path: str
    keyword: str
    before: str
    now: str


class ActionLists:
    """Lists of actions by number. Memory grows with the number of distinct lists and their lengths."""

    def __init__(self) -> None:
        self._actions: dict[AttributeAction, int] = {}
        self._by_number: list[AttributeAction] = []
        self._lists: dict[bytes, int] = {}
        self._contents: list[bytes] = []

    def numbers(self, column: pa.ListArray) -> pa.Array:
        """Return the number of each list of a column of actions."""
        flat = pc.list_flatten(column)
        encoded = [_field(flat, name).dictionary_encode() for name in _FIELDS]
        # one code for the four values of an action
        codes = reduce(
            lambda code, values: pc.add(pc.multiply(code, len(values.dictionary) or 1), values.indices.cast(pa.int64())),
            encoded,
            pa.repeat(pa.scalar(0, pa.int64()), len(flat)),
        ).dictionary_encode()
        texts = [values.dictionary.to_pylist() for values in encoded]
        known = pa.array([self._number_of(code, texts) for code in codes.dictionary.to_pylist()], _NUMBER)
        content = known.take(codes.indices).to_numpy(zero_copy_only=False).tobytes()
        width, start, numbers = _NUMBER.bit_width // 8, 0, []
        for length in pc.fill_null(pc.list_value_length(column), 0).to_pylist():
            end = start + length * width
            numbers.append(self._list_number(content[start:end]))
            start = end
        return pa.array(numbers, _NUMBER)

    def _number_of(self, code: int, texts: list[list[str]]) -> int:
        values = []
        for dictionary in reversed(texts):
            code, place = divmod(code, len(dictionary) or 1)
            values.append(dictionary[place])
        action = AttributeAction(*reversed(values))
        number = self._actions.setdefault(action, len(self._by_number))
        if number == len(self._by_number):
            self._by_number.append(action)
        return number

    def _list_number(self, content: bytes) -> int:
        number = self._lists.setdefault(content, len(self._contents))
        if number == len(self._contents):
            self._contents.append(content)
        return number

    def changes(self, before: int, now: int) -> list[ActionChange]:
        """Return the attributes to which other things are done in one list than in another."""
        if before == now:
            return []
        old, new = self._by_path(before), self._by_path(now)
        return [
            ActionChange(*attribute, in_words(old.get(attribute, ())), in_words(new.get(attribute, ())))
            for attribute in sorted(old.keys() | new.keys())
            if old.get(attribute) != new.get(attribute)
        ]

    def _by_path(self, number: int) -> dict[tuple[str, str], set[tuple[str, str]]]:
        found: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        for place in memoryview(self._contents[number]).cast("i"):
            action = self._by_number[place]
            found[action.path, action.keyword].add((action.action, action.reason))
        return found


def in_words(actions: set[tuple[str, str]] | tuple[()]) -> str:
    """Return actions with their reasons as text."""
    return ", ".join(f"{action} ({reason})" if reason else action for action, reason in sorted(actions))


def _field(actions: pa.StructArray, name: str) -> pa.Array:
    # version 0.1 gave no reasons
    if actions.type.get_field_index(name) < 0:
        return pa.repeat(pa.scalar("", pa.string()), len(actions))
    return pc.fill_null(pc.struct_field(actions, name), "")
