"""Compiled plans: what is done to each attribute path of one SOP class, resolved once and looked up per element."""

from __future__ import annotations

from enum import IntEnum, auto
from functools import cache, lru_cache
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VM

from .actions import Action
from .dummies import concrete_vr, dummy_value
from .profile import ConfidentialityProfile, Decision, attribute_keyword, attribute_vr
from .tables import UNLISTED_VRS, dummy_items, module_types, sop_class_modules, tag_text

Path = tuple[int, ...]

_STRICTEST_FIRST = ("1", "1C", "2", "2C", "3")

#: a plan grows with the paths that objects really have; hostile ones must not make it grow without end
_MAX_CACHED_RULES = 200_000

_NUMBER_SIZES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "AT": 4, "SV": 8, "UV": 8, "US or SS": 2}
_TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})

_PATIENT_NAME, _PATIENT_ID = 0x00100010, 0x00100020
#: set anew for every object (PS3.15 E.1.1, E.2, E.3.6): PatientIdentityRemoved, DeidentificationMethod,
#: DeidentificationMethodCodeSequence, LongitudinalTemporalInformationModified
STAMPED = (0x00120062, 0x00120063, 0x00120064, 0x00280303)
#: values of the top-level data set that the engine must know: class and instance UIDs
_INSPECTED = frozenset({0x00080016, 0x00080018, 0x0020000D, 0x0020000E})
#: and of each nested one: character set, burned-in annotation
_INSPECTED_EVERYWHERE = frozenset({0x00080005, 0x00280301})
#: its presence tells of the Common Instance Reference Module
_REFERENCED_SERIES = 0x00081115
#: an overlay that lies in unused bits of the pixels is not removed with its group
_OVERLAY_BIT_POSITION, _REPEATING = 0x60000102, 0xFF00FFFF


class Operation(IntEnum):
    """What the engine does with an element."""

    KEEP = auto()
    REMOVE = auto()
    EMPTY = auto()
    REPLACE = auto()
    NEW_UID = auto()
    PSEUDONYM = auto()
    ITEMS = auto()
    STAMP = auto()


@cache
def refused_vrs(vr: str) -> frozenset[bytes]:
    """Explicit VRs that contradict an attribute of ``vr``: its value would be a name, a date, a text or items."""
    if vr == "SQ":
        return frozenset()
    return frozenset(name.encode() for name in (*UNLISTED_VRS, "UI", "SQ") if name != vr)


def value_limit(tag: int, vr: str) -> int:
    """The most bytes that numbers of ``vr`` take by the attribute's multiplicity (PS3.6); of others: no limit.

    A longer value has swallowed its neighbours: its length is damaged.
    """
    size = _NUMBER_SIZES.get(vr)
    multiplicity = dictionary_VM(tag).split("-")[-1] if size and dictionary_has_tag(tag) else "n"
    return size * int(multiplicity) if size and multiplicity.isdigit() else 0xFFFFFFFE


def path_label(path: Path, leaf: str = "") -> str:
    """``(0x00081140, 0x00081155)`` -> ``(0008,1140)>(0008,1155)``, followed by ``leaf`` where one is given."""
    parts = list(map(tag_text, path))
    return ">".join([*parts, leaf] if leaf else parts)


class Rule:
    """The operation for one attribute path, and what it needs.

    Attributes:
        operation: what is done.
        action: the resolved action code, as the audit shows it; None for kept attributes that no option retained.
        tag, keyword, vr: the attribute, and the VR to encode a new value with.
        label: the path as text, ``(0008,1140)>(0008,1155)``; private and unknown attributes of one place share a label.
        value: for REPLACE: a str, bytes or number, or a list of dummy items (keyword -> value).
        items: for ITEMS and STAMP of a sequence: the rules inside its items.
        inspected: the engine looks at the value before it does anything.
        drops: the element goes without a look at it.
        stays: the element stays as it is, if its value is one that it may have:
        refused_vrs: explicit VRs of names, dates, texts and items, which the attribute can't have,
        limit: the most bytes that its values can have,
        text: it must hold text without control characters.
    """

    __slots__ = (
        "action",
        "drops",
        "inspected",
        "items",
        "keyword",
        "label",
        "limit",
        "operation",
        "refused_vrs",
        "stays",
        "tag",
        "text",
        "value",
        "vr",
    )

    def __init__(
        self,
        operation: Operation,
        action: Action | None,
        path: Path,
        vr: str,
        *,
        value: Any = None,
        items: PlanNode | None = None,
        inspected: bool = False,
        label: str = "",
    ) -> None:
        self.operation = operation
        self.action = action
        self.tag = path[-1]
        self.keyword = "" if label else attribute_keyword(path[-1])
        self.label = path_label(path[:-1], label or path_label(path[-1:]))
        self.vr = concrete_vr(vr)
        self.value = value
        self.items = items
        self.inspected = inspected
        self.drops = operation is Operation.REMOVE and not inspected
        self.stays = operation is Operation.KEEP and not inspected and action is None
        self.refused_vrs = refused_vrs(self.vr)
        self.limit = 0 if label else value_limit(path[-1], vr)
        self.text = self.vr in _TEXT_VRS


class Plan:
    """The rules of one profile for one SOP class (PS3.15 E.1.1: compound codes go by the attribute's type in the IOD).

    Attributes:
        root: rules of the top-level data set.
        known_iod: whether PS3.3's types are known; else each compound code takes its most conservative conformant form.
        belongs_to_study: whether objects of the class have a study and a series (all but palettes, protocols and the like).
        has_pixels: whether the class is one of images.
        has_references: whether the object has a Common Instance Reference Module (PS3.3 C.12.2). Only objects with references may
            have it, so lists of references stay, with new UIDs.
    """

    def __init__(self, profile: ConfidentialityProfile, sop_class_uid: str, *, has_references: bool = False) -> None:
        self.profile = profile
        self.sop_class_uid = sop_class_uid
        self.has_references = has_references
        modules = sop_class_modules().get(sop_class_uid)
        self.known_iod = modules is not None
        self.belongs_to_study = modules is None or "general-study" in modules
        self.has_pixels = any("image-pixel" in module for module in modules or ())
        self._types: dict[Path, str] = {}
        for module in modules or ():
            for path, attribute_type in module_types().get(module, ()):
                known = self._types.get(path, "3")
                self._types[path] = min(known, attribute_type, key=_STRICTEST_FIRST.index)
        self.cached_rules = 0
        self.root = PlanNode(self, ())

    def attribute_type(self, path: Path) -> str | None:
        """The attribute's type at ``path``: the strictest of the IOD's modules, 3 where none has it, None for unknown IODs."""
        return self._types.get(path, "3") if self.known_iod else None

    def rule(self, path: Path, decision: Decision) -> Rule:
        """The rule for ``path``, of which the profile thinks ``decision``."""
        tag = path[-1]
        top_level = len(path) == 1
        if top_level and tag in STAMPED:
            items = PlanNode(self, path) if attribute_vr(tag) == "SQ" else None
            return Rule(Operation.STAMP, None, path, attribute_vr(tag), items=items)
        vr = attribute_vr(tag)
        action = decision.action if decision.final else decision.action.resolve(self.attribute_type(path))
        if decision.action is Action.X_Z_U and self.has_references:
            action = Action.U
        recorded = action if decision.listed or decision.action is not Action.K else None
        if vr == "SQ":
            return self._sequence_rule(path, action, recorded)
        if action is Action.X:
            embedded = top_level and tag & _REPEATING == _OVERLAY_BIT_POSITION
            return Rule(Operation.REMOVE, Action.X, path, vr, inspected=embedded)
        if tag == _PATIENT_ID and action in (Action.Z, Action.D) and self.profile.patient_id is None:
            return Rule(Operation.PSEUDONYM, Action.D, path, vr)
        alias = {_PATIENT_NAME: self.profile.patient_name, _PATIENT_ID: self.profile.patient_id}.get(tag)
        if alias is not None and action in (Action.Z, Action.D):
            return Rule(Operation.REPLACE, Action.D, path, vr, value=alias)
        if action is Action.Z:
            return Rule(Operation.EMPTY, action, path, vr)
        inspected = (top_level and tag in _INSPECTED) or tag in _INSPECTED_EVERYWHERE
        if action is Action.U or (action is Action.D and vr == "UI"):
            return Rule(Operation.NEW_UID, Action.U, path, vr, inspected=inspected)
        if action is Action.D:
            value = dummy_value(attribute_keyword(tag), vr, self.sop_class_uid)
            return Rule(Operation.REPLACE, action, path, vr, value=value)
        if action is not Action.K:
            # C belongs to options that check_options refuses as long as they are unfinished
            raise AssertionError(f"no operation for {action}")
        return Rule(Operation.KEEP, recorded, path, vr, inspected=inspected)

    def _sequence_rule(self, path: Path, action: Action, recorded: Action | None) -> Rule:
        if action is Action.X:
            return Rule(Operation.REMOVE, action, path, "SQ")
        if action is Action.Z:
            return Rule(Operation.EMPTY, action, path, "SQ")
        if action is Action.D and (items := dummy_items().get(attribute_keyword(path[-1]))):
            return Rule(Operation.REPLACE, action, path, "SQ", value=items)
        # K, U and a required sequence without a dummy of its own: it stays, and its items are de-identified
        kept = Action.U if action is Action.D else recorded
        inspected = path == (_REFERENCED_SERIES,) and not self.has_references
        return Rule(Operation.ITEMS, kept, path, "SQ", items=PlanNode(self, path), inspected=inspected)


class PlanNode(dict[int, Rule]):
    """Rules by tag for the data sets at one path, made when first met."""

    __slots__ = ("_shared", "path", "plan")

    def __init__(self, plan: Plan, path: Path) -> None:
        super().__init__()
        self.plan = plan
        self.path = path
        self._shared: dict[str, Rule] = {}

    def __missing__(self, tag: int) -> Rule:
        decision = self.plan.profile.decide(tag)
        if decision.shared:
            # these tags are many and all treated alike: one rule serves them
            rule = self._shared.get(decision.shared)
            if rule is None:
                rule = Rule(Operation.REMOVE, decision.action, (*self.path, tag), "UN", label=decision.shared)
                self._shared[decision.shared] = rule
        else:
            rule = self.plan.rule((*self.path, tag), decision)
        if self.plan.cached_rules < _MAX_CACHED_RULES:
            self.plan.cached_rules += 1
            self[tag] = rule
        return rule


@lru_cache(maxsize=256)
def compile_plan(profile: ConfidentialityProfile, sop_class_uid: str, *, has_references: bool = False) -> Plan:
    """The plan of ``profile`` for objects of ``sop_class_uid``, compiled once per process."""
    return Plan(profile, sop_class_uid, has_references=has_references)
