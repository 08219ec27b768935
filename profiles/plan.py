"""Compiled plans: what is done to each attribute path of one SOP class, resolved once and looked up per element."""

from __future__ import annotations

from functools import lru_cache

from .actions import Action
from .attribute_types import AttributeTypes, Path
from .content_items import (
    CODE_MEANING,
    CODING_SCHEME_VERSION,
    DEVICE_CONCEPTS,
    VALUE_ATTRIBUTES,
    content_row,
)
from .custom import Attribute
from .decisions import PRIVATE, SAFE_PRIVATE, UNKNOWN, Decision, attribute_keyword, attribute_vr
from .errors import ProfileError
from .faces import FACE_ATTRIBUTES, GEOMETRY, REGION_SEQUENCES, face_classes
from .identity import BEHIND_IDENTITY
from .options import ProfileOptions
from .pixels import ADMITTING, BURNED_IN_ANNOTATION, PIXELS, class_risks, holds_pixels
from .profile import ConfidentialityProfile
from .reviewed_rules import VERDICT
from .rule_factory import (
    DERIVATION_DESCRIPTION,
    IDENTIFIER_SCREENED,
    REFERENCED_SERIES,
    STAMPED,
    Place,
    RuleFactory,
    blanked_rule,
)
from .rules import Operation, Rule
from .tables import DATE_VRS, tag_text
from .verdicts import Verdict

#: a plan grows with the paths that objects really have; hostile ones must not make it grow without end
_MAX_CACHED_RULES = 200_000

_ENCAPSULATED_DOCUMENT = 0x00420011
#: the audit tells it of each object
MODALITY = 0x00080060
#: and these as they stand in outputs
PATIENT_SEX, PATIENT_AGE = 0x00100040, 0x00101010
_GOES = (Operation.REMOVE, Operation.EMPTY)


class Plan:
    """The rules of one profile for one SOP class (PS3.15 E.1.1: compound codes go by the attribute's type in the IOD).

    Attributes:
        types: of the attributes in objects of the class.
        root: rules of the top-level data set.
        belongs_to_study: whether objects of the class have a study and a series (all but palettes, protocols and the like).
        has_pixels: whether the class is one of images.
        risks: by what objects of the class are judged whose pixels may identify.
        replaces_document: whether an encapsulated document is replaced as a whole.
        heeds_references: whether objects with a list of references (a Common Instance Reference Module) have another plan.
        watched: the attributes by which a site's own pixel rules judge objects, besides those of ``risks``.
        judges_faces: whether objects of the class are looked at for heads.
        tells_patient: whether objects may have a PatientSex or PatientAge once they are de-identified.
        collects: whether values that identify somebody are collected on the way.
        blanked: whether something is blanked in the pixels of the objects.
        stamped: the top-level attributes that are set anew in every object, sorted.
        skips_from: the tag from which on long values that go may be passed over: all is known that decides what goes.
        passes_from: the tag from which on long values that stay may pass: nothing leaves before all is known that decides how.
    """

    def __init__(
        self, profile: ConfidentialityProfile, sop_class_uid: str, *, has_references: bool = False, blanked: bool = False
    ) -> None:
        self.profile = profile
        self.types = types = AttributeTypes(sop_class_uid, has_references=has_references)
        self.belongs_to_study = not types.known_iod or "general-study" in types.modules
        self.has_pixels = any("image-pixel" in module for module in types.modules)
        # who cleans text knows them beforehand
        self.collects = profile.screen and not profile.cleans_text
        self.cached_rules = 0
        self.blanked = blanked
        stamped = set(STAMPED)
        if profile.pixels.cleans:
            # PS3.15 E.3.1 demands it of each image under the option; objects without pixels get none
            stamped.add(BURNED_IN_ANNOTATION)
        if blanked:
            stamped.add(DERIVATION_DESCRIPTION)
        self.stamped = tuple(sorted(stamped))
        self.risks = class_risks(profile.pixels.more_risks, sop_class_uid)
        self.watched = profile.pixels.rules.of_files.watched
        self.judges_faces = profile.pixels.judges_faces and sop_class_uid in face_classes()
        self.root = RuleNode(self, (), ())
        self.tells_patient = any(self.root[tag].judges for tag in (PATIENT_SEX, PATIENT_AGE))
        has_document = "encapsulated-document" in types.modules
        self.replaces_document = has_document and self.root[_ENCAPSULATED_DOCUMENT].operation is Operation.REPLACE
        references = self.root[REFERENCED_SERIES]
        self.heeds_references = references.operation is Operation.ITEMS and references.inspected
        # what an object that is kept says of itself depends on all that it is judged by, up to its pixels
        waits = profile.statement_depends or (profile.pixels.passes_risks and not self.replaces_document)
        self.skips_from = min(PIXELS) if waits else REFERENCED_SERIES
        # ... and no value that could name somebody
        self.passes_from = max(self.skips_from, BEHIND_IDENTITY) if profile.screen else self.skips_from

    @property
    def sop_class_uid(self) -> str:
        """The SOP class."""
        return self.types.sop_class_uid

    @property
    def known_iod(self) -> bool:
        """True if PS3.3's types are known; else each compound code takes its most conservative conformant form."""
        return self.types.known_iod


class RuleNode(dict[int, Rule]):
    """Rules by tag for the data sets at one path, made when first met.

    Attributes:
        plan: the plan that the node belongs to.
        is_content: whether the data sets here are content items (PS3.3 10.2, C.17.3).
    """

    __slots__ = (
        "_content_items",
        "_items",
        "_label",
        "_local_codes",
        "_parents",
        "_path",
        "_private",
        "_rules",
        "_screening",
        "_shared",
        "is_content",
        "plan",
    )

    def __init__(
        self, plan: Plan, path: Path, parents: tuple[Attribute, ...], label: str = "", *, is_content: bool = False
    ) -> None:
        super().__init__()
        self.plan = plan
        self.is_content = is_content
        self._path = path
        self._parents = parents
        self._label = label
        self._local_codes: RuleNode | None = None
        self._rules = RuleFactory(plan.profile, plan.types, path, is_content=is_content, stamped=plan.stamped)
        self._items: dict[Rule, RuleNode] = {}
        self._shared: dict[str, Rule] = {}
        self._screening: dict[str, Rule] = {}
        self._private: dict[tuple[str, int, bytes, Decision | None], Rule] = {}
        self._content_items: dict[tuple[str, str, str], RuleNode | None] = {}

    def __missing__(self, tag: int) -> Rule:
        profile = self.plan.profile
        if tag >> 16 & 1 and profile.looks_at_private:
            rule = self._share(Operation.PRIVATE, None, "", tag)
        else:
            decision = profile.decide(tag, self._parents)
            if decision.shared:
                rule = self._share(Operation.REMOVE, decision.action, decision.shared, tag)
            else:
                rule = self._rule(self._place(tag), decision)
                rule.undated = decision.undated
            rule = self._collected(tag, self._judged(tag, rule), decision)
        if self._may_cache():
            self[tag] = rule
        return rule

    def _rule(self, place: Place, decision: Decision) -> Rule:
        rule = self._rules.rule(place, decision)
        if self.plan.blanked:
            rule = blanked_rule(place, rule, self.plan.types)
        if not self._path and place.tag in ADMITTING and rule.operation is Operation.KEEP and rule.action is None:
            if self.plan.replaces_document:
                # it was said of the document that is gone
                return place.rule(Operation.REPLACE, Action.D, value="NO")
        return rule

    def _judged(self, tag: int, rule: Rule) -> Rule:
        """Return ``rule``, with its value noted where the object is judged by it."""
        tells_of_face = self.plan.judges_faces and self._tells_of_face(tag)
        if self._path:
            if holds_pixels(tag) and rule.operation is Operation.KEEP:
                return rule.noted(presence=True)
            return rule.noted() if tag in ADMITTING or tells_of_face else rule
        if holds_pixels(tag):
            # pixels that go show nothing
            return rule.noted(presence=True) if rule.operation is Operation.KEEP else rule
        if tag in (PATIENT_SEX, PATIENT_AGE) and rule.operation not in _GOES:
            return rule.noted()
        presence = False if tag in self.plan.watched else self.plan.risks.watched.get(tag)
        if presence is None and not tells_of_face and tag != MODALITY:
            return rule
        return rule.noted(presence=bool(presence) and not tells_of_face)

    def _collected(self, tag: int, rule: Rule, decision: Decision) -> Rule:
        """Return ``rule``, with values that identify somebody collected, for they must stand nowhere else."""
        if not self.plan.collects or decision.retained:
            return rule
        if decision.shared in (PRIVATE.shared, UNKNOWN.shared):
            # sequences of devices repeat what the header says, and names of no attribute are names
            what = f"{decision.shared} collected"
            twin = self._shared.get(what)
            if twin is None:
                # one for all: there may be a million of them
                twin = self._shared[what] = rule.collected(None)
            return twin
        if rule.vr == "SQ":
            goes = rule.operation in (Operation.REMOVE, Operation.EMPTY, Operation.REPLACE)
            return rule.collected(None) if goes else rule
        kind = self.plan.profile.identity_kinds.get(tag)
        return rule if kind is None else rule.collected(kind)

    def _tells_of_face(self, tag: int) -> bool:
        if not self._path:
            return tag in FACE_ATTRIBUTES
        return tag in GEOMETRY or (tag == CODE_MEANING and self._path[-2:] in REGION_SEQUENCES)

    def _may_cache(self) -> bool:
        self.plan.cached_rules += 1
        return self.plan.cached_rules < _MAX_CACHED_RULES

    def _share(self, operation: Operation, action: Action | None, what: str, tag: int) -> Rule:
        """Return the one rule for tags that are many and all treated alike."""
        rule = self._shared.get(what)
        if rule is None:
            rule = self._shared[what] = Rule(operation, action, tag, "", "UN", self._labelled(what))
        return rule

    def _place(self, tag: int) -> Place:
        return Place(tag, attribute_vr(tag), self._labelled(tag_text(tag)), attribute_keyword(tag))

    def _labelled(self, leaf: str) -> str:
        return f"{self._label}>{leaf}" if self._label else leaf

    # -- items -------------------------------------------------------------------------------------------------------

    def items_of(self, rule: Rule) -> RuleNode:
        """Return the rules for the items of a sequence that ``rule``, one of this node, enters."""
        node = self._items.get(rule)
        if node is None:
            attribute = Attribute(rule.tag, rule.keyword, rule.vr, rule.creator)
            path, parents = (*self._path, rule.tag), (*self._parents, attribute)
            node = RuleNode(self.plan, path, parents, rule.label, is_content=rule.has_content)
            if self._may_cache():
                self._items[rule] = node
        return node

    # -- private attributes ------------------------------------------------------------------------------------------

    @property
    def removed_item(self) -> Rule:
        """The rule that the audit has for removed content items."""
        return self._share(Operation.REMOVE, Action.X, "(content item)", 0xFFFEE000)

    @property
    def removed_private(self) -> Rule:
        """The rule for private attributes that go."""
        return self._share(Operation.REMOVE, Action.X, "(private)", 0x00090010)

    def private(self, creator: str, tag: int, vr: bytes, declared: Decision | None) -> Rule:
        """Return the rule for the private attribute ``tag`` of ``creator`` (PS3.15 E.3.10).

        Args:
            vr: as the file has it, empty or ``UN`` where it has none.
            declared: what the object itself says of the attribute (PrivateDataElementCharacteristicsSequence).
        """
        key = creator, tag, vr, declared
        rule = self._private.get(key)
        if rule is None:
            name = vr.decode("latin-1")
            decision = self.plan.profile.decide_private(creator, tag, name, self._parents)
            if declared is not None and decision in (SAFE_PRIVATE, PRIVATE):
                # the object knows its attributes better than the list does; custom rules come before both
                decision = declared
            rule = self._private_rule(creator, tag, name, decision)
            if self._may_cache():
                self._private[key] = rule
        return rule

    def _private_rule(self, creator: str, tag: int, vr: str, decision: Decision) -> Rule:
        if decision.shared or decision.action is Action.X:
            return self.removed_private
        profile = self.plan.profile
        listed_vr = profile.safe_vr(creator, tag)
        if vr not in ("", "UN") and listed_vr and vr not in listed_vr.split("/"):
            # it isn't what the list speaks of
            return self.removed_private
        known_vr = vr if vr not in ("", "UN") else listed_vr.split("/")[0]
        if known_vr in ("", "UN") or (decision.action is Action.K and known_vr in ("PN", "AE")):
            return self.removed_private
        # a creator that no list has may be anybody's name, and the audit repeats labels
        name = f'"{creator}"' if profile.is_listed(creator, tag) else "private"
        place = Place(tag, known_vr, self._labelled(f"({tag >> 16:04x},{name},{tag & 0xFF:02x})"), creator=creator)
        if known_vr in DATE_VRS and decision.action is Action.C and decision.final:
            # the object says so, and no rule: it may be the device's date, which must not move
            return self.removed_private
        if known_vr in DATE_VRS | {"UI"} and decision.action is Action.K:
            # safe is what it means, but dates and UIDs link all the same, and a date may be the device's
            action = profile.decide_by_vr(known_vr).action
            action = Action.X if known_vr in DATE_VRS and action is not Action.K else action
            decision = Decision(action, decision.decided_by, listed=True)
            if decision.action is Action.X:
                return self.removed_private
        try:
            return self._rules.rule(place, decision)
        except ProfileError:
            # a custom rule's value is none for this VR
            return self.removed_private

    # -- codes of a site's own -------------------------------------------------------------------------------------

    @property
    def local_codes(self) -> RuleNode:
        """The rules for what follows the designator of a scheme that isn't public: CodeMeaning is somebody's text there."""
        if self._local_codes is None:
            node = RuleNode(self.plan, self._path, self._parents, self._label, is_content=self.is_content)
            for tag in (CODING_SCHEME_VERSION, CODE_MEANING):
                rule = self[tag].plain or self[tag]
                if rule.illegal is not None:
                    # a rule that keeps it says that it does
                    node[tag] = self._judged(tag, rule.illegal())
            self._local_codes = node
        return self._local_codes

    # -- values that hold an identifier ------------------------------------------------------------------------------

    def screening(self, rule: Rule) -> Rule:
        """Return the rule that replaces ``rule`` where a value holds an identifier of somebody: what is unlisted deserves."""
        found = self._screening.get(rule.label)
        if found is None:
            place = Place(rule.tag, rule.vr, rule.label, rule.keyword)
            found = self._rules.replacement(place, Action.X_Z_D, IDENTIFIER_SCREENED)
            if self._may_cache():
                self._screening[rule.label] = found
        return found

    def reviewed(self, rule: Rule, verdict: Verdict) -> Rule:
        """Return the rule that replaces ``rule`` where a reviewer decided that a value goes: by the type of the attribute."""
        place = Place(rule.tag, rule.vr, rule.label, rule.keyword)
        action = Action.D if verdict is Verdict.DUMMY else Action.X_Z_D
        return self._rules.replacement(place, action, VERDICT)

    # -- content items -----------------------------------------------------------------------------------------------

    def content_item(self, code_value: str, coding_scheme: str, value_type: str) -> RuleNode | None:
        """Return the rules inside a content item by its concept name and value type (PS3.15 E.3.4-1); None: the item goes."""
        row = content_row(code_value, coding_scheme, value_type)
        if row is None:
            return self._device_item(DEVICE_CONCEPTS.get((code_value, coding_scheme)) if value_type == "TEXT" else None)
        key = code_value, coding_scheme, value_type
        node = self._content_items.get(key, self)
        if node is self:
            action = row.action(self.plan.profile.options)
            if action is Action.K and value_type == "NUM" and self.plan.profile.cap_ages:
                # its number and unit stand in items of their own; the age itself is in PatientAge
                action = Action.X
            node = None
            if action is not Action.X:
                node = RuleNode(self.plan, self._path, self._parents, self._label, is_content=True)
                if tag := VALUE_ATTRIBUTES.get(value_type):
                    # the item stays, so that what a template requires is there
                    plain = Action.D if action is Action.X_D else action
                    decision = Decision(plain, "E.3.4-1", listed=True, otherwise=Action.D, final=True)
                    node[tag] = node._rules.rule(node._place(tag), decision)
            self._content_items[key] = node
        return node

    def _device_item(self, attribute: int | None) -> RuleNode:
        """Return the rules inside a content item that the table lacks: one that repeats an attribute of the device may stay."""
        if attribute is None or ProfileOptions.RetainDeviceIdent not in self.plan.profile.options:
            return self
        key = "", "", tag_text(attribute)
        node = self._content_items.get(key)
        if node is None:
            node = RuleNode(self.plan, self._path, self._parents, self._label, is_content=True)
            tag = VALUE_ATTRIBUTES["TEXT"]
            node[tag] = self._place(tag).rule(
                Operation.KEEP_REPEATED, Action.K, value=attribute, otherwise=self[tag].plain or self[tag]
            )
            self._content_items[key] = node
        return node


@lru_cache(maxsize=256)
def compile_plan(
    profile: ConfidentialityProfile, sop_class_uid: str, *, has_references: bool = False, blanked: bool = False
) -> Plan:
    """Return the plan of ``profile`` for objects of ``sop_class_uid``, compiled once per process."""
    return Plan(profile, sop_class_uid, has_references=has_references, blanked=blanked)
