"""Places of a walk: a data set in the buffer, and an element of it."""

from __future__ import annotations

from dataclasses import dataclass

from profiles import RuleNode

from ..dicom.buffer import Buffer
from ..dicom.encoding import IMPLICIT_LITTLE, Encoding


@dataclass(slots=True)
class DataSet:
    """The object's data set, or that of an item.

    Attributes:
        rules: of its elements.
        start, end: where it begins, and where it or what holds it ends; once it was walked, where it ends.
        encoding: of its elements.
        depth: how many sequences it is in; 0 for the object's own.
        delimited: whether an item delimiter ends it before ``end``.
    """

    rules: RuleNode
    start: int
    end: int
    encoding: Encoding
    depth: int = 0
    delimited: bool = False


class Element:
    """An element in the buffer; made where one is rare, or depends on more than its value.

    Attributes:
        vr: as the file has it; ``b""`` in implicit VR.
        position, value: where it and its value begin.
        length: of the value in bytes, or ``UNDEFINED``.
        following: where it ends; of an undefined length, once the end was looked for.
        data_set: that it is in.
    """

    __slots__ = ("data_set", "following", "length", "position", "tag", "value", "vr")

    def __init__(self, tag: int, vr: bytes, position: int, value: int, length: int, data_set: DataSet) -> None:
        self.tag = tag
        self.vr = vr
        self.position = position
        self.value = value
        self.length = length
        self.following = value + length
        self.data_set = data_set

    @property
    def encoding(self) -> Encoding:
        """The encoding of the data set."""
        return self.data_set.encoding

    @property
    def items_encoding(self) -> Encoding:
        """The encoding of the items of a sequence, as the standard demands it: those of UN are implicit (PS3.5 6.2.2)."""
        return IMPLICIT_LITTLE if self.vr == b"UN" else self.data_set.encoding

    def content(self, buffer: Buffer) -> bytes:
        """Return the value, with its padding."""
        return buffer.content[self.value : self.following]
