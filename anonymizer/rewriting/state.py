"""What is known of an object on its way through the rewriter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from profiles import PixelRisk, ProfileOptions, Rule

from ..errors import Note
from ..files.pieces import Piece
from ..identity.known_values import KnownValue
from ..identity.patients import Patient
from ..pixels import Notes
from .method_codes import Dates, Stamps, Statement
from .private_blocks import Declared


class HeaderFindings(NamedTuple):
    """What a walk of the header brought that must be known before it: the header is walked once more where it differs.

    Attributes:
        pixel_risks: the risks of an object that is kept in spite of them.
        statement: what it says of what was done to it; None: what is expected.
        missing: by tag of a UID that the object lacks, or has empty: what takes the place of the original one.
    """

    pixel_risks: tuple[PixelRisk, ...] = ()
    statement: Statement | None = None
    missing: Mapping[int, bytes] = MappingProxyType({})


@dataclass(slots=True)
class Progress:
    """What is known of an object so far: all of the rewriter's state between two buffers.

    Attributes:
        last: tag of the last top-level element.
        charset: SpecificCharacterSet in force.
        rules: the rule of each element that was not simply kept, in order.
        uids: top-level UIDs by tag: (original, new), without padding.
        declared: what the object says of its private blocks.
        planes: for each overlay group met: whether it stays.
        overlay_bits, cell_size: bits of the pixel cells that hold overlays, and the cells' size in bytes.
        patient: whom the data set names, where the rewriter had to know it for a new PatientID.
        judged_by: original values by which the object's pixels are judged.
        known: original values that identify somebody.
        new_uids: original UID -> new one, of all that were replaced.
        undone, dates: what custom rules kept that the profile would not, as ``Statements.of`` takes it.
        pixels, encapsulated: the value of PixelData, where it lies in the buffer and stays, and whether it is fragments.
    """

    last: int = -1
    charset: str = ""
    rules: list[Rule] = field(default_factory=list)
    uids: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    notes: set[Note] = field(default_factory=set)
    stamps: Stamps = field(default_factory=Stamps)
    declared: Declared = field(default_factory=dict)
    planes: dict[int, bool] = field(default_factory=dict)
    overlay_bits: int = 0
    cell_size: int = 0
    patient: Patient | None = None
    judged_by: Notes = field(default_factory=Notes)
    known: list[KnownValue] = field(default_factory=list)
    new_uids: dict[bytes, bytes] = field(default_factory=dict)
    pixels: Piece | None = None
    encapsulated: bool = False
    undone: ProfileOptions = ProfileOptions(0)  # noqa: RUF009  # a Flag never changes
    dates: Dates = Dates(0)  # noqa: RUF009

    def screen_out(self, gone: list[tuple[Rule, Rule]]) -> None:
        """Values are gone that named somebody.

        Args:
            gone: the rule of each, and the one that took its place.
        """
        self.notes.add(Note.IDENTIFIER_SCREENED)
        undone = Counter((rule.label, rule.action) for rule, _ in gone)
        stays = []
        for done in self.rules:
            if undone.get((done.label, done.action), 0):
                undone[done.label, done.action] -= 1
            else:
                stays.append(done)
        # in place: the walker has this list
        self.rules[:] = [*stays, *(new for _, new in gone)]

    def copy(self) -> Progress:
        """A copy to go back to."""
        return Progress(
            self.last,
            self.charset,
            self.rules.copy(),
            self.uids.copy(),
            self.notes.copy(),
            self.stamps.copy(),
            self.declared.copy(),
            self.planes.copy(),
            self.overlay_bits,
            self.cell_size,
            self.patient,
            self.judged_by.copy(),
            self.known.copy(),
            self.new_uids.copy(),
            self.pixels,
            self.encapsulated,
            self.undone,
            self.dates,
        )
