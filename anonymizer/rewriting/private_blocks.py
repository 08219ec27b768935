"""Private attributes that may stay (PS3.15 E.3.10): known by their creator, in whatever block they are (PS3.5 7.8.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from profiles import Action, Decision, Rule, RuleNode

from ..dicom.buffer import Buffer, NeedMoreError
from ..dicom.encoding import UNDEFINED, Encoding
from ..dicom.quiet_pydicom import quiet_pydicom
from ..dicom.tags import FIRST_PIXELS, PRIVATE_CHARACTERISTICS
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..reasons import Reason
from .data_sets import Element

if TYPE_CHECKING:
    from pydicom import Dataset

#: VRs of private values that go, and may name somebody
MAY_NAME = frozenset({b"SQ", b"PN"})
_BY_OBJECT = "declared safe by the object (0008,0300)"
_ACTIONS = {"D": Action.D, "Z": Action.Z, "X": Action.X, "U": Action.U}
#: bytes of declarations: thousands of private attributes. pydicom takes many times as much memory as they do
_LONGEST = 256 << 10
_NO_OPINION: dict[int, Action] = {}


@dataclass(frozen=True, slots=True)
class DeclaredBlock:
    """A block as PrivateDataElementCharacteristicsSequence has it (PS3.3 C.12.1.1.7).

    Attributes:
        safe: BlockIdentifyingInformationStatus: True for SAFE, False for UNSAFE, None for MIXED.
        actions: by low byte of the element: K for NonidentifyingPrivateElements, or their DeidentificationAction.
    """

    safe: bool | None
    actions: dict[int, Action]

    def decision(self, tag: int) -> Decision | None:
        """Return the decision for an attribute of the block; None: the block doesn't say."""
        action = self.actions.get(tag & 0xFF, Action.K if self.safe else Action.X if self.safe is False else None)
        return None if action is None else Decision(action, _BY_OBJECT, listed=True, final=True)


#: by group and private creator
Declared = dict[tuple[int, str], DeclaredBlock]


def declared_blocks(items: bytes, encoding: Encoding) -> tuple[Declared, list[tuple[int, str]]]:
    """Read the items of PrivateDataElementCharacteristicsSequence: what they declare, and the block that each is about.

    Raises:
        DeidentificationError: they can't be read.
    """
    # here, for few objects declare anything, and pydicom's import takes long
    from ..pydicom_data_sets.datasets import read_items

    if len(items) > _LONGEST:
        raise DeidentificationError(Reason.INVALID_ITEM, PRIVATE_CHARACTERISTICS)
    blocks: Declared = {}
    about = []
    try:
        with quiet_pydicom():
            for item in read_items(items, encoding):
                status = str(item.get("BlockIdentifyingInformationStatus", "")).strip().upper()
                safe = {"SAFE": True, "UNSAFE": False}.get(status)
                group, creator = int(item.PrivateGroupReference), str(item.PrivateCreatorReference).strip()
                blocks[group, creator] = DeclaredBlock(safe, dict(_declared_actions(item)) if safe is not False else _NO_OPINION)
                about.append((group, creator))
    except Exception:
        # whatever pydicom or a strange value does: nothing is known to be safe then
        raise DeidentificationError(Reason.INVALID_ITEM, PRIVATE_CHARACTERISTICS) from None
    return blocks, about


def _declared_actions(item: Dataset) -> Iterator[tuple[int, Action]]:
    for element in _numbers(item, "NonidentifyingPrivateElements"):
        yield element & 0xFF, Action.K
    for part in item.get("DeidentificationActionSequence", ()):
        action = _ACTIONS.get(str(part.get("DeidentificationAction", "")).strip().upper(), Action.X)
        for element in _numbers(part, "IdentifyingPrivateElements"):
            yield element & 0xFF, action


def _numbers(item: Dataset, keyword: str) -> list[int]:
    value = item.get(keyword)
    if value is None:
        return []
    return [value] if isinstance(value, int) else [int(number) for number in value]


class _Creator:
    """A private creator whose place in the output is kept free until an element of its block stays."""

    __slots__ = ("element", "index", "name")

    def __init__(self, name: str, index: int, element: Piece) -> None:
        self.name = name
        self.index = index
        self.element = element


class PrivateBlocks:
    """The private blocks of one data set. A creator stays exactly when an element of its block does."""

    def __init__(self, declared: Declared, pieces: list[Piece]) -> None:
        """
        Args:
            declared: what the object says of its blocks.
            pieces: of the data set.
        """
        self._declared = declared
        self._pieces = pieces
        self._creators: dict[int, _Creator] = {}

    def reserve(self, tag: int, name: bytes, element: Piece, index: int) -> Piece:
        """Return what keeps the place of a creator, which is to stand at ``index`` of the pieces."""
        text = name.strip(b"\0 ").decode("latin-1")
        self._creators[tag >> 16 << 8 | tag & 0xFF] = _Creator(text, index, element)
        return b""

    def rule(self, node: RuleNode, tag: int, vr: bytes) -> Rule:
        """Return the rule for the element ``tag`` of a block; without a creator it is nobody's, and goes."""
        creator = self._creators.get(tag >> 8)
        if creator is None or not creator.name:
            return node.removed_private
        declared = self._declared.get((tag >> 16, creator.name)) if self._declared else None
        return node.private(creator.name, tag, vr, declared.decision(tag) if declared else None)

    def dropped(self, node: RuleNode, tag: int, vr: bytes) -> Rule | None:
        """Return the rule for an element of a block that goes, if it does and names nobody."""
        if tag & 0xFFFF <= 0xFF or vr in MAY_NAME:
            return None
        rule = self.rule(node, tag, vr)
        return rule if rule.drops else None

    def creator(self, tag: int) -> str:
        """Return the name of the creator of the block that ``tag`` is in."""
        return self._creators[tag >> 8].name

    def keep_creator(self, tag: int) -> None:
        """Keep the creator of the block of ``tag``, which stays."""
        creator = self._creators[tag >> 8]
        self._pieces[creator.index] = creator.element


def is_creator(tag: int) -> bool:
    """Find out whether the private ``tag`` is a private creator's."""
    return 0x10 <= tag & 0xFFFF <= 0xFF


class RetainedItems:
    """Chooses the items of PrivateDataElementCharacteristicsSequence that still hold."""

    def __init__(self, node: RuleNode, holds: Iterable[bool]) -> None:
        self._node = node
        self._holds = iter(holds)

    def enter(self, start: int, end: int, encoding: Encoding) -> RuleNode | None:
        """Return the rules for the next item, None where it goes."""
        return self._node if next(self._holds, False) else None

    def leave(self) -> None:
        """Leave the item, which was walked."""


def retained_items(buffer: Buffer, element: Element, rules: RuleNode, root: RuleNode) -> tuple[Declared, RetainedItems]:
    """Read what PrivateDataElementCharacteristicsSequence declares, and which of its items stay.

    An item stays if an element of its block does: of blocks that go, nothing is told.

    Args:
        element: the sequence.
        rules: of its items.
        root: the rules of the object's data set.

    Raises:
        NeedMoreError: the private elements go on beyond the buffer.
        DeidentificationError: the sequence can't be read.
    """
    start, following, encoding = element.value, element.following, element.items_encoding
    is_delimited = element.length == UNDEFINED
    if is_delimited:
        following = buffer.skip_items(start, encoding, PRIVATE_CHARACTERISTICS)
    if following > len(buffer.content):
        buffer.raise_out_of_bounds(following, PRIVATE_CHARACTERISTICS)
    found = buffer.items(start, following, encoding, PRIVATE_CHARACTERISTICS)
    inner = next((inner for _, _, inner in found), encoding)
    declared, about = declared_blocks(buffer.content[start : following - 8 if is_delimited else following], inner)
    staying = set(_staying(buffer, following, element.encoding, root, declared))
    return declared, RetainedItems(rules, (block in staying for block in about))


def _staying(buffer: Buffer, position: int, encoding: Encoding, root: RuleNode, declared: Declared) -> Iterator[tuple[int, str]]:
    """Yield group and creator of each private element before the pixels, from ``position`` on, that stays."""
    blocks, before = PrivateBlocks(declared, []), -1
    try:
        while position < len(buffer.content):
            tag, vr, start, length = buffer.element(position, encoding)
            if tag >= FIRST_PIXELS or tag <= before:
                # what is out of order is the rewriter's; an item may have such a sequence over and over
                return
            before = tag
            position = buffer.value_end(vr, start, length, encoding, tag)
            if tag >> 16 & 1:
                if is_creator(tag):
                    blocks.reserve(tag, buffer.content[start:position], b"", 0)
                elif not blocks.rule(root, tag, vr).drops:
                    yield tag >> 16, blocks.creator(tag)
    except DeidentificationError:
        # the rewriter comes to the same place, and says what is wrong there
        return
    if not buffer.complete:
        raise NeedMoreError
