"""Rules: the operation for one attribute path, with all that the engine needs to carry it out."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from enum import IntEnum, auto
from functools import cache
from typing import Any

from .actions import Action
from .dictionary import dictionary
from .dummies import concrete_vr
from .identity import IdentityKind
from .legal_values import accepts
from .options import ProfileOptions
from .tables import UNLISTED_VRS

_NUMBER_SIZES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "AT": 4, "SV": 8, "UV": 8, "US or SS": 2}
TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
NO_LIMIT = 0xFFFFFFFE
_OVERLAY_BIT_POSITION = 0x60000102
_NO_OPTION = ProfileOptions(0)
_SPECIFIC_CHARACTER_SET = 0x00080005
#: nobody decodes text by numbers; the data set would be lost to its readers
_NO_CHARACTER_SET = frozenset(
    b"AE AS AT DA DS DT FD FL IS LT OB OD OF OL OV OW PN SL SQ SS ST SV TM UC UI UL UR US UT UV".split()
)


class Operation(IntEnum):
    """The operations of the engine on an element."""

    KEEP = auto()
    REMOVE = auto()
    EMPTY = auto()
    REPLACE = auto()
    NEW_UID = auto()
    PATIENT_ID = auto()
    PATIENT_NAME = auto()
    DEVICE_PSEUDONYM = auto()
    SHIFT = auto()
    CLEAN_TEXT = auto()
    KEEP_TERMS = auto()
    KEEP_SCHEME = auto()
    KEEP_REPEATED = auto()
    CAP_AGE = auto()
    ITEMS = auto()
    STAMP = auto()
    PRIVATE = auto()
    OVERLAY = auto()
    RENUMBER = auto()
    DERIVE = auto()


@cache
def is_overlay_bit_position(tag: int) -> bool:
    """Return whether it is the OverlayBitPosition (60xx,0102) of a plane: it says which bits of the pixels hold an overlay."""
    return tag & 0xFF01FFFF == _OVERLAY_BIT_POSITION


def refused_vrs(vr: str) -> frozenset[bytes]:
    """Explicit VRs that contradict an attribute of ``vr``: its value would be a name, a date, a text or items."""
    if vr == "SQ":
        return frozenset()
    # numbers may be written as numbers in text, but not as words: what is said to be a number is looked at
    words = ("LO", "SH", "CS", "AS", "DS", "IS") if vr not in TEXT_VRS and vr not in ("", "UN") else ()
    return frozenset(name.encode() for name in (*UNLISTED_VRS, *words, "UI", "SQ") if name != vr)


def value_limit(tag: int, vr: str) -> int:
    """Return the most bytes that numbers of ``vr`` take by the attribute's multiplicity (PS3.6); of others: no limit.

    A longer value has swallowed its neighbours: its length is damaged.
    """
    size = _NUMBER_SIZES.get(vr)
    entry = dictionary().get(tag) if size else None
    most = entry.vm.split("-")[-1] if entry else "n"
    return size * int(most) if size and most.isdigit() else NO_LIMIT


class Rule:
    """The operation for one attribute path, and what it needs.

    Attributes:
        operation: what is done.
        action: the resolved action code, as the audit shows it; None for kept attributes that no option retained.
        tag, keyword, vr: the attribute, and the VR to encode a new value with.
        label: the path as text, ``(0008,1140)>(0008,1155)``; unsafe private and unknown attributes of one place share a label.
        value: for REPLACE: a str, bytes or number, or a list of dummy items (keyword -> value); for KEEP_TERMS: the legal values,
            in capitals; None for offsets from UTC; for KEEP_REPEATED: the top-level attribute that has the same value; for
            DERIVE: a first value that is no longer true, and the one that is.
        creator: of a private attribute.
        has_content: for ITEMS: the items are content items (PS3.3 10.2, C.17.3).
        otherwise: what is done where ``operation`` comes to nothing: a text of which nothing stays, a date that is none.
        inspected: the engine looks at the value before it does anything.
        drops: the element goes without a look at it.
        fixed: one and the same element takes its place, without a look at it.
        stays: the element stays as it is, if its value is one that it may have:
        refused_vrs: explicit VRs of names, dates, texts and items, which the attribute can't have,
        limit: the most bytes that its values can have,
        text: it must hold text without control characters,
        accepts: what else tells that its bytes are what the VR says, as ``legal_values.accepts`` does; None where anything is.
        illegal: makes the rule for a value that isn't; None where any may stay.
        plain: the rule by which the element is treated, once its value was noted; None for an attribute that isn't noted.
        judges: the value is noted, for the object is judged by it.
        presence: nothing but whether there is a value is noted.
        collects: the value is noted, for it identifies somebody, or those that do in its items.
        kind: what an identifying value is.
        retained: an option or a custom rule keeps the value, which is no secret then.
        reason: why the action isn't the profile's own, as the audit shows it.
        undated: a custom rule takes out a date that an option leaves.
        weakens: the options that an object with a value here goes against, as in Decision.
    """

    __slots__ = (
        "accepts",
        "action",
        "collects",
        "creator",
        "drops",
        "fixed",
        "has_content",
        "illegal",
        "inspected",
        "judges",
        "keyword",
        "kind",
        "label",
        "limit",
        "operation",
        "otherwise",
        "plain",
        "presence",
        "reason",
        "refused_vrs",
        "retained",
        "stays",
        "tag",
        "text",
        "undated",
        "value",
        "vr",
        "weakens",
    )

    def __init__(
        self,
        operation: Operation,
        action: Action | None,
        tag: int,
        keyword: str,
        vr: str,
        label: str,
        *,
        value: Any = None,
        creator: str = "",
        has_content: bool = False,
        inspected: bool = False,
        otherwise: Rule | None = None,
        retained: bool = False,
        reason: str = "",
        weakens: ProfileOptions = _NO_OPTION,
        illegal: Callable[[], Rule] | None = None,
    ) -> None:
        self.operation = operation
        self.action = action
        self.tag = tag
        self.keyword = keyword
        self.label = label
        self.vr = concrete_vr(vr)
        self.value = value
        self.creator = creator
        self.has_content = has_content
        self.inspected = inspected
        self.otherwise = otherwise
        self.drops = operation is Operation.REMOVE and not inspected
        # the bit position of an overlay tells of the pixels, and text beyond ASCII depends on the object's character set
        looks = inspected or is_overlay_bit_position(tag) or (isinstance(value, str) and not value.isascii())
        self.fixed = operation in (Operation.EMPTY, Operation.REPLACE) and not looks
        self.stays = operation in (Operation.KEEP, Operation.KEEP_SCHEME) and not inspected and action is None
        self.refused_vrs = refused_vrs(self.vr) if tag != _SPECIFIC_CHARACTER_SET else _NO_CHARACTER_SET
        self.limit = value_limit(tag, vr)
        self.text = self.vr in TEXT_VRS
        self.accepts = accepts(tag, self.vr) if self.text else None
        self.illegal = illegal
        self.retained = retained
        self.reason = reason
        self.weakens = weakens
        self.undated = False
        self.plain: Rule | None = None
        self.judges = self.presence = self.collects = False
        self.kind: IdentityKind | None = None

    @property
    def has_items(self) -> bool:
        """True if the items of the sequence are entered."""
        return self.operation is Operation.ITEMS or (self.operation is Operation.STAMP and self.vr == "SQ")

    def noted(self, *, presence: bool = False) -> Rule:
        """Return this rule for an attribute by which objects are judged."""
        twin = self._twin()
        twin.judges, twin.presence = True, presence
        return twin

    def collected(self, kind: IdentityKind | None) -> Rule:
        """Return this rule for an attribute whose value identifies somebody; None: values in its items may."""
        twin = self._twin()
        # the value is noted whole
        twin.presence, twin.collects, twin.kind = False, True, kind
        return twin

    def _twin(self) -> Rule:
        twin = copy(self)
        twin.plain = self.plain or self
        return twin
