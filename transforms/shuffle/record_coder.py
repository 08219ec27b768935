"""Coders of the records that pass between steps: MessagePack, which can hold plain values only, so that decoding runs no code.

Beam's own coder pickles named tuples and enumerations. Here they are written as the plain values that they consist of, and made
again by the annotations of their fields.
"""

import threading
from collections.abc import Callable, Hashable
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import msgpack
import pyarrow as pa
from apache_beam.coders import Coder
from apache_beam.coders.typecoders import registry

from .arrow_shards import to_bytes
from .packing import compress, decompress

T = TypeVar("T")
Restore = Callable[[Any], Any]
#: MessagePack has these; tuples it writes as lists do, and reads as tuples
_PLAIN = (int, float, bool, str, bytes, NoneType)


def encode_record(record: Any) -> bytes:
    """Return a record as MessagePack; equal records have equal bytes."""
    # subclasses of tuple, list and int are written as those are
    return cast(bytes, _packers.pack(record))


def decode_record(kind: type[T], encoded: bytes) -> T:
    """Return the record of that kind that was encoded.

    Raises:
        ValueError, TypeError: the bytes are broken, or are those of another record.
    """
    plain = msgpack.unpackb(encoded, use_list=False)
    restore = _restorer(cast(Hashable, kind))
    return cast(T, plain if restore is None else restore(plain))


def _value_of(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} is no part of a record")


class _Packers(threading.local):
    """A packer for each thread: to make one takes longer than to write a small record."""

    def __init__(self) -> None:
        self.pack = msgpack.Packer(default=_value_of).pack


_packers = _Packers()


@cache
def _restorer(kind: Any) -> Restore | None:
    """Return a function from plain values to a ``kind``; None where they are one already.

    Raises:
        TypeError: no such value can be part of a record.
    """
    if kind in _PLAIN:
        return None
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _optional_restorer(arguments)
    if origin is tuple:
        return _tuple_restorer(arguments)
    if origin is list:
        return _list_restorer(list, arguments[0])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if isinstance(kind, type) and issubclass(kind, list):
        return _list_restorer(kind, get_args(kind.__orig_bases__[0])[0])  # type: ignore[attr-defined]
    if isinstance(kind, type) and issubclass(kind, tuple):
        return _named_tuple_restorer(kind)
    raise TypeError(f"{kind} is no part of a record")


def _optional_restorer(arguments: tuple[Any, ...]) -> Restore | None:
    (restore,) = (_restorer(argument) for argument in arguments if argument is not NoneType)
    if restore is None:
        return None
    return lambda plain: None if plain is None else restore(plain)


def _list_restorer(kind: type[list[Any]], element: Any) -> Restore:
    restore = _restorer(element)
    return kind if restore is None else lambda plain: kind(map(restore, plain))


def _tuple_restorer(arguments: tuple[Any, ...]) -> Restore | None:
    if arguments[-1] is Ellipsis:
        restore = _restorer(arguments[0])
        return None if restore is None else lambda plain: tuple(map(restore, plain))
    if any(_restorer(argument) is not None for argument in arguments):
        raise TypeError("records in a tuple need names: a NamedTuple")
    return None


def _named_tuple_restorer(kind: Any) -> Restore:
    hints = get_type_hints(kind)
    restorers = ((index, _restorer(hints[name])) for index, name in enumerate(kind._fields))
    nested = [(index, restore) for index, restore in restorers if restore is not None]
    make = cast(Restore, kind._make)

    def restored(plain: Any) -> Any:
        fields = list(plain)
        for index, restore in nested:
            fields[index] = restore(fields[index])
        return make(fields)

    return restored if nested else make


def _estimated(value: Any) -> int:
    if isinstance(value, bytes | str):
        return len(value) + 2
    if not isinstance(value, list | tuple) or not value:
        return 1
    if hasattr(value, "_fields"):
        return 1 + sum(map(_estimated, value))
    # all others are like the first
    return 3 + len(value) * _estimated(value[0])


class RecordCoder(Coder):
    """Writes records of one kind: a NamedTuple, or a subclass of list with such elements."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    @classmethod
    def from_type_hint(cls, typehint: Any, registry: Any) -> Any:
        """Return the coder of a kind of records, as Beam's registry asks for it."""
        return cls(typehint)

    def encode(self, value: Any) -> bytes:
        """Return a record as bytes."""
        return encode_record(value)

    def decode(self, encoded: bytes) -> Any:
        """Return the record that was encoded."""
        return decode_record(self._kind, encoded)

    def estimate_size(self, value: Any) -> int:
        """Return about the record's size in bytes, before it is compressed: Beam asks for each third element, so it is quick."""
        return _estimated(value)

    def is_deterministic(self) -> bool:
        """Return True: equal records have equal bytes."""
        return True

    def to_type_hint(self) -> Any:
        """Return the kind of records."""
        return self._kind

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._kind is other._kind

    def __hash__(self) -> int:
        return hash((type(self), self._kind))

    def __repr__(self) -> str:
        return f"{type(self).__name__}[{self._kind.__name__}]"


class PackedRecordCoder(RecordCoder):
    """Writes records compressed: those of which one holds much."""

    def encode(self, value: Any) -> bytes:
        """Return a record as bytes, compressed."""
        return compress(encode_record(value))

    def decode(self, encoded: bytes) -> Any:
        """Return the record that was encoded."""
        return decode_record(self._kind, decompress(encoded))


def register_record(kind: type[Any], coder: type[RecordCoder] = RecordCoder) -> None:
    """Let Beam write records of that kind by one of these coders.

    Raises:
        TypeError: a field of the record can't be written.
    """
    _restorer(cast(Hashable, kind))
    registry.register_coder(kind, coder)


class TableCoder(Coder):
    """Writes Arrow's tables as Arrow's streams: Beam would pickle them."""

    def encode(self, value: pa.Table) -> bytes:
        """Return a table as bytes."""
        return to_bytes(value)

    def decode(self, encoded: bytes) -> pa.Table:
        """Return the table that was encoded."""
        return pa.ipc.open_stream(encoded).read_all()

    def estimate_size(self, value: pa.Table) -> int:
        """Return the table's size in memory."""
        return int(value.nbytes)

    def is_deterministic(self) -> bool:
        """Return True: equal tables have equal bytes."""
        return True

    def to_type_hint(self) -> Any:
        """Return the type of tables."""
        return pa.Table


registry.register_coder(pa.Table, TableCoder)
