"""The state of one object on its way through the rewriters, who share it and have none of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from profiles import VERDICT, Action, Decision, PixelRisk, Plan, ProfileOptions, Rule

from ..dicom.buffer import Buffer, Bulk
from ..dicom.encoding import Encoding
from ..files.pieces import Piece
from ..identity.known_values import KnownValue
from ..identity.patients import Patient
from ..identity.subject import SubjectFacts
from ..identity.uids import UidMapping
from ..pixels import Notes
from ..reasons import Note
from ..review.values import CleanedText
from .content_tree import ContentTree
from .engine_resources import EngineResources
from .method_codes import DateHandling, Stamping, Stamps, Statement
from .private_blocks import Declared

if TYPE_CHECKING:
    from ..descriptors.cleaner import DescriptorCleaner

_NO_OPTION, _NO_DATES = ProfileOptions(0), DateHandling(0)
_NOTHING = Buffer(b"", complete=False)


class HeaderFindings(NamedTuple):
    """Findings of a walk of the header that must be known before it: the header is walked once more where they differ.

    Attributes:
        pixel_risks: the risks of an object that is kept in spite of them.
        statement: what it says of what was done to it; None: what is expected.
        missing: by tag of a UID that the object lacks, or has empty: what takes the place of the original one.
        blanks_pixels: something is blanked in its pixels.
        searches_pixels: text is looked for in them.
    """

    pixel_risks: tuple[PixelRisk, ...] = ()
    statement: Statement | None = None
    missing: Mapping[int, bytes] = MappingProxyType({})
    blanks_pixels: bool = False
    searches_pixels: bool = False


class ObjectState:
    """The state of one object: what is known of it, and where its walk is.

    Attributes:
        resources: what all objects of the engine share.
        plan: the rules for the object.
        encoding: of its data set.
        uid_mapping: where new UIDs come from.
        facts: what was learnt of the object before the first element was rewritten.
        missing: as HeaderFindings has it.
        stamping: what the object will say of itself.
        cleaner: cleans the object's texts; None before the first.
        cleaned: the texts that were cleaned since the last review; None: nobody reviews them.
        buffer: the bytes at hand.
        start: where the data set begins in them, or what is left of it.
        bulk: the value that they don't hold, at which the walk stopped; None at the end of the data set.
        tree: the tree of content items that is being walked.
        has_references: whether there is a list of references that the plan knows nothing of.
        is_local: whether the coding scheme met last is one that nobody published.
        labels: what the labels of the items of the sequence at hand were, by tag and what they are; None outside of sequences.
        own_dates: the object's own dates, and the buffer in which they were looked for.
        last: tag of the last top-level element.
        charset: SpecificCharacterSet in force.
        rules: the rule of each element that was not simply kept, in order.
        uids: top-level UIDs by tag: (original, new), without padding.
        notes: what was mended.
        stamps: what is added to the object.
        declared: what the object says of its private blocks.
        planes: for each overlay group met: whether it stays.
        overlay_bits, cell_size: bits of the pixel cells that hold overlays, and the cells' size in bytes.
        patient: whom the data set names, where the rewriter had to know it for a new PatientID.
        judged_by: original values by which the object's pixels are judged.
        known: original values that identify somebody.
        new_uids: original UID -> new one, of all that were replaced.
        blanks_pixels: something is blanked in PixelData.
        hands_over_pixels: PixelData isn't passed but handed to whoever blanks it, or looks for text in it.
        pixel_vr, pixel_length: VR and length in bytes of PixelData as the file has it, where it stays.
        pixels, encapsulated: the value of PixelData, where it lies in the buffer and stays, and whether it is fragments.
        undone, dates: what custom rules kept that the profile would not, as ``Statements.of`` takes it.
    """

    __slots__ = (
        "blanks_pixels",
        "buffer",
        "bulk",
        "cell_size",
        "charset",
        "cleaned",
        "cleaner",
        "dates",
        "declared",
        "encapsulated",
        "encoding",
        "facts",
        "hands_over_pixels",
        "has_references",
        "is_local",
        "judged_by",
        "known",
        "labels",
        "last",
        "missing",
        "new_uids",
        "notes",
        "overlay_bits",
        "own_dates",
        "patient",
        "pixel_length",
        "pixel_vr",
        "pixels",
        "plan",
        "planes",
        "resources",
        "rules",
        "stamping",
        "stamps",
        "start",
        "tree",
        "uid_mapping",
        "uids",
        "undone",
    )

    def __init__(
        self, resources: EngineResources, plan: Plan, encoding: Encoding, uid_mapping: UidMapping, facts: SubjectFacts
    ) -> None:
        self.resources = resources
        self.plan = plan
        self.encoding = encoding
        self.uid_mapping = uid_mapping
        self.facts = facts
        self.missing: Mapping[int, bytes] = {}
        self.blanks_pixels = self.hands_over_pixels = False
        self.pixel_vr, self.pixel_length = b"", 0
        self.stamping: Stamping = resources.statements.stamping(plan, None)
        self.cleaner: DescriptorCleaner | None = None
        self.cleaned: list[CleanedText] | None = None
        self.buffer = _NOTHING
        self.start = 0
        self.bulk: Bulk | None = None
        self.tree: ContentTree | None = None
        self.has_references = self.is_local = False
        self.labels: dict[tuple[int, str], str] | None = None
        self.own_dates = _NOTHING, frozenset[bytes]()
        self.last = -1
        self.charset = ""
        self.rules: list[Rule] = []
        self.uids: dict[int, tuple[bytes, bytes]] = {}
        self.notes: set[Note] = set()
        self.stamps = Stamps(plan.stamped)
        self.declared: Declared = {}
        self.planes: dict[int, bool] = {}
        self.overlay_bits = self.cell_size = 0
        self.patient: Patient | None = None
        self.judged_by = Notes()
        self.known: list[KnownValue] = []
        self.new_uids: dict[bytes, bytes] = {}
        self.pixels: Piece | None = None
        self.encapsulated = False
        self.undone = _NO_OPTION
        self.dates = _NO_DATES

    def uid(self, tag: int) -> tuple[bytes, bytes]:
        """Return the original and the new UID in the top-level attribute ``tag``, without padding; empty where there is none."""
        return self.uids.get(tag, (b"", b""))

    def declared_decision(self, tag: int, creator: str) -> Decision | None:
        """Return what the object itself declares of a private attribute."""
        block = self.declared.get((tag >> 16, creator))
        return None if block is None else block.decision(tag)

    def note_screened(self, gone: list[tuple[Rule, Rule]]) -> None:
        """Note that values are gone that named somebody, as ``note_gone`` does."""
        self.notes.add(Note.IDENTIFIER_SCREENED)
        self.note_gone(gone)

    def note_gone(self, gone: list[tuple[Rule, Rule]]) -> None:
        """Note that values are gone that the rules kept.

        Args:
            gone: the rule of each, and the one that took its place.
        """
        undone = Counter((rule.label, rule.action) for rule, _ in gone)
        stays = []
        for done in self.rules:
            # a text that somebody allowed would have been cleaned
            key = done.label, Action.C if done.reason == VERDICT else done.action
            if undone.get(key, 0):
                undone[key] -= 1
            else:
                stays.append(done)
        self.rules = [*stays, *(new for _, new in gone)]

    def sorted_notes(self, of_file: Iterable[Note]) -> tuple[Note, ...]:
        """Return all notes on the object, with those on its file, in a fixed order."""
        says_no = () if self.stamping.identity_removed else (Note.IDENTITY_NOT_REMOVED,)
        return tuple(sorted({*of_file, *self.notes, *says_no}, key=lambda note: note.value))

    def copy(self) -> ObjectState:
        """Return a copy to go back to."""
        twin = copy(self)
        twin.rules = self.rules.copy()
        twin.uids = self.uids.copy()
        twin.notes = self.notes.copy()
        twin.stamps = self.stamps.copy()
        twin.declared = self.declared.copy()
        twin.planes = self.planes.copy()
        twin.judged_by = self.judged_by.copy()
        twin.known = self.known.copy()
        twin.cleaned = None if self.cleaned is None else self.cleaned.copy()
        twin.new_uids = self.new_uids.copy()
        return twin
