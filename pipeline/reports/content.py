"""Contents of an edition of the report: all that it says, computed, without HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Edition(Enum):
    """The editions of the report: the one that travels with the data, and the restricted one by which people decide."""

    RELEASE = "release"
    REVIEW = "review"


class Tone(Enum):
    """The weight of a sentence."""

    PLAIN = "plain"
    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    tone: Tone = Tone.PLAIN

    kind = "text"


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        is_number: cells are aligned at the right.
    """

    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """A table. The first cell of each row is its head.

    Attributes:
        caption: what the table shows.
        more: a sentence below it, such as on rows that are left out.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    more: str = ""

    kind = "table"


@dataclass(frozen=True)
class Bars:
    """A bar chart.

    Attributes:
        caption: what the chart shows.
        bars: label and value of each bar.
    """

    caption: str
    bars: tuple[tuple[str, int], ...]

    kind = "bars"


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]
    tone: Tone = Tone.PLAIN

    kind = "items"


@dataclass(frozen=True)
class Form:
    """Lines to fill in by hand, in columns.

    Attributes:
        legend: what is filled in.
        fields: for each form beside another its labels.
    """

    legend: str
    fields: tuple[tuple[str, ...], ...]

    kind = "form"


class Picture(NamedTuple):
    """A picture of a contact sheet.

    Attributes:
        data: base64 of a JPEG.
    """

    caption: str
    data: str


@dataclass(frozen=True)
class PictureGroup:
    """Pictures of one object, before and after.

    Attributes:
        title: of the object.
        remarks: what was blanked by whom.
    """

    title: str
    remarks: tuple[str, ...]
    pictures: tuple[Picture, ...]

    kind = "pictures"


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str

    kind = "heading"


Block = Text | Table | Bars | Items | Form | PictureGroup | Heading


@dataclass(frozen=True)
class Section:
    """A section.

    Attributes:
        name: its id, stable: other pages refer to it.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Content:
    """An edition.

    Attributes:
        is_plan: no object was written: it says what a run would do.
        lead: sentences below the title.
    """

    edition: Edition
    title: str
    is_plan: bool
    lead: tuple[Text, ...]
    sections: tuple[Section, ...]


class KeptValue(NamedTuple):
    """A distinct value that stays in outputs, from the census.

    Attributes:
        attribute: the path, as in the column ``actions``.
        keyword: of the last attribute.
        vr: its VR.
        value: as it stands in outputs.
        before: of a cleaned text: what it was; None: it is unchanged.
        patients, instances: in how many of each.
        patients_exact: False: about so many patients.
        value_hash: keyed hash, 32 hex digits, by which verdicts find the value.
    """

    attribute: str
    keyword: str
    vr: str
    value: str
    before: str | None
    patients: int
    instances: int
    patients_exact: bool = True
    value_hash: str = ""


class KeptValues(NamedTuple):
    """The census of a run.

    Attributes:
        rarest: its rarest values.
        values: number of all its distinct values.
        objects: objects whose values were counted.
    """

    rarest: Sequence[KeptValue]
    values: int
    objects: int


def section(name: str, title: str, *blocks: Block | Sequence[Block] | None) -> Section:
    """Return a section of blocks and lists of blocks; None stands for none."""
    flat: list[Block] = []
    for block in blocks:
        if block is not None:
            flat.extend(block if isinstance(block, Sequence) else [block])
    return Section(name, title, tuple(flat))


def number(value: int) -> str:
    """Return a number with separators."""
    return f"{value:,}"


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[object]], more: str = "") -> Table:
    """Return a table.

    Args:
        columns: titles; one that begins with ``#`` is of numbers.
        rows: cells; numbers get separators.
    """
    heads = tuple(Column(title.removeprefix("#"), title.startswith("#")) for title in columns)
    cells = tuple(tuple(number(cell) if isinstance(cell, int) else str(cell) for cell in row) for row in rows)
    return Table(caption, heads, cells, more)
