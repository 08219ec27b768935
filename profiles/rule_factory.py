"""From what the profile thinks of an attribute to the rule by which its elements are treated."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from .actions import Action
from .attribute_types import AttributeTypes, Path
from .content_items import (
    CODE_ATTRIBUTES,
    CODE_MEANING,
    CODE_VALUE,
    CODING_SCHEME,
    CODING_SCHEME_VERSION,
    CONTENT_SEQUENCES,
)
from .custom import typed_value
from .decisions import PUBLIC_DATES, Decision
from .dummies import dummy_value
from .legal_values import has_grammar
from .options import ProfileOptions
from .pixels import SPECIMEN_LABEL_IN_IMAGE, holds_pixels
from .profile import ConfidentialityProfile
from .rules import Operation, Rule, is_overlay_bit_position
from .tables import CLEANABLE_VRS, CURVES, DATE_VRS, OVERLAYS, dummy_items
from .terms import DUMMY_SCHEME

#: set anew for every object (PS3.15 E.1.1, E.2, E.3.6): PatientIdentityRemoved, DeidentificationMethod,
#: DeidentificationMethodCodeSequence, LongitudinalTemporalInformationModified
STAMPED = (0x00120062, 0x00120063, 0x00120064, 0x00280303)
#: its presence tells of the Common Instance Reference Module
REFERENCED_SERIES = 0x00081115
#: why a value is gone that held an identifier, as the audit shows it
IDENTIFIER_SCREENED = "identifier-screened"
#: ... or wasn't what its VR says
ILLEGAL_VALUE = "illegal-value"
#: ... or is of a code of a site's own
LOCAL_CODE = "local-code"
#: versions of a site's coding scheme that name nobody
_VERSIONS = frozenset(
    b"%d%b" % (major, minor) for major in range(100) for minor in (b"", b".0", b".1", b".2", b".3", b".4", b".5")
)
_PATIENT_NAME, _PATIENT_ID = 0x00100010, 0x00100020
#: values of the top-level data set that the engine must know: class and instance UIDs, and whether pixels hold overlays
_INSPECTED = frozenset({0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x7FE00010})
#: and of each nested one: character set
_INSPECTED_EVERYWHERE = frozenset({0x00080005})
_SOP_CLASS, _PHOTOMETRIC, _PIXEL_DATA = 0x00080016, 0x00280004, 0x7FE00010
_CONTENT_REFERENCE = 0x0040DB73
_TIMEZONE = 0x00080201
#: ReasonForTheAttributeModification and its terms (PS3.3 C.12.1.1.9)
_REASON, _REASONS = 0x04000565, frozenset({b"CORRECT", b"COERCE"})

#: why an attribute was changed, as the audit shows it
PIXELS_BLANKED = "pixels-blanked"
#: DerivationDescription, which says what was done to the pixels
DERIVATION_DESCRIPTION = 0x00082111
#: ImageType, and FrameType of each frame, whose first value says whether the pixels are as they were acquired
_IMAGE_TYPES = frozenset({0x00080008, 0x00089007})
#: no longer true, or made from the pixels as they were: IconImageSequence, the smallest and largest pixel values of image, series
#: and plane, the tables of where frames begin
_GONE_WHERE_BLANKED = frozenset(
    (
        0x00880200,
        *(0x00280106, 0x00280107, 0x00280108, 0x00280109, 0x00280110, 0x00280111),
        *(0x7FE00001, 0x7FE00002, 0x7FE00003),
    )
)


class Place(NamedTuple):
    """An attribute at its place in a data set."""

    tag: int
    vr: str
    label: str
    keyword: str = ""
    creator: str = ""

    @property
    def is_graphic(self) -> bool:
        """True if it belongs to a curve or an overlay plane."""
        group = self.tag >> 16
        return not group & 1 and group & 0xFF00 in (CURVES, OVERLAYS)

    def rule(self, operation: Operation, action: Action | None, **needs: Any) -> Rule:
        """Return a rule for the attribute."""
        return Rule(operation, action, self.tag, self.keyword, self.vr, self.label, creator=self.creator, **needs)


class RuleFactory:
    """Makes the rules for the data sets at one path."""

    def __init__(
        self,
        profile: ConfidentialityProfile,
        types: AttributeTypes,
        path: Path,
        *,
        is_content: bool,
        stamped: tuple[int, ...] = STAMPED,
    ) -> None:
        """
        Args:
            types: of the attributes in objects of the SOP class.
            path: of the sequences above; empty at the top level.
            stamped: the attributes that are set anew, at the top level.
            is_content: whether the data sets here are content items.
        """
        self.is_content = is_content
        self._profile = profile
        self._types = types
        self._path = path
        self._stamped = stamped

    def rule(self, place: Place, decision: Decision) -> Rule:
        """Return the rule for an attribute with the profile's ``decision``."""
        tag, vr = place.tag, place.vr
        top_level = not self._path
        if top_level and tag in self._stamped:
            return place.rule(Operation.STAMP, None)
        if tag in STAMPED:
            # what an item says of an earlier de-identification isn't trusted either
            return place.rule(Operation.REMOVE, Action.X)
        if decision.terms and decision.action is not Action.K:
            cleaned = Action.C if decision.action is Action.C else None
            plain = self.rule(place, replace(decision, terms=frozenset()))
            return place.rule(Operation.KEEP_TERMS, cleaned, value=decision.terms, otherwise=plain)
        action = decision.action if decision.final else self._types.resolve(decision.action, (*self._path, tag))
        if place.is_graphic and tag >> 16 & 0xFF00 == OVERLAYS and action is not Action.X:
            # planes belong to images; in items nobody says what they are
            return self._overlay_rule(place, decision) if top_level else place.rule(Operation.REMOVE, Action.X)
        if action is Action.C:
            return self._cleaning_rule(place, decision)
        recorded = action if decision.listed or decision.action is not Action.K else None
        if vr == "SQ":
            return self._sequence_rule(place, action, recorded, decision.weakens)
        if action is Action.X or (action is Action.U and vr != "UI") or (vr == "" and action is not Action.K):
            # a new UID in another VR would be none, and nobody knows what an unknown VR may hold
            # an overlay that lies in unused bits of the pixels is not removed with its group
            embedded = top_level and is_overlay_bit_position(tag)
            return place.rule(Operation.REMOVE, Action.X, inspected=embedded)
        if tag in (_PATIENT_NAME, _PATIENT_ID) and action in (Action.Z, Action.D) and decision.value is None:
            return self._patient_rule(place, action)
        if action is Action.Z:
            return place.rule(Operation.EMPTY, action)
        inspected = (top_level and tag in _INSPECTED) or tag in _INSPECTED_EVERYWHERE
        if action is Action.U or (action is Action.D and vr == "UI" and decision.value is None):
            return place.rule(Operation.NEW_UID, Action.U, inspected=inspected)
        if action is Action.D:
            return place.rule(Operation.REPLACE, action, value=self._new_value(place, decision.value))
        if tag == _SOP_CLASS and not top_level and ProfileOptions.RetainUIDs not in self._profile.options:
            # the check of an object's class doesn't look into items
            return place.rule(Operation.NEW_UID, Action.U)
        if tag == _CONTENT_REFERENCE and self.is_content:
            return place.rule(Operation.RENUMBER, recorded)
        return self._keeping_rule(place, recorded, decision, inspected=inspected)

    def _keeping_rule(self, place: Place, recorded: Action | None, decision: Decision, *, inspected: bool = False) -> Rule:
        if decision.allows_weakening:
            # it stays whatever it is, and the object says so
            anyway = place.rule(Operation.KEEP, Action.K, retained=True, weakens=ProfileOptions.BasicProfile)
        if place.tag == CODING_SCHEME:
            dummy = place.rule(Operation.REPLACE, Action.D, value=DUMMY_SCHEME, reason=LOCAL_CODE)
            otherwise = anyway if decision.allows_weakening else dummy
            return place.rule(Operation.KEEP_SCHEME, recorded, retained=decision.retained, otherwise=otherwise)
        illegal = None
        if decision.allows_weakening:
            illegal = lambda: anyway  # noqa: E731
        elif place.tag in (CODING_SCHEME_VERSION, CODE_MEANING):
            illegal = cache(lambda: self.local_code_rule(place))
        elif (has_grammar(place.vr) or place.tag == CODE_VALUE) and not inspected:
            # made when it is needed: few values are illegal, and the types of all attributes are many
            illegal = cache(lambda: self.replacement(place, decision.otherwise, ILLEGAL_VALUE))
        return place.rule(
            Operation.KEEP,
            recorded,
            inspected=inspected,
            retained=decision.retained,
            weakens=decision.weakens,
            illegal=illegal,
        )

    def local_code_rule(self, place: Place) -> Rule:
        """Return the rule for CodingSchemeVersion or CodeMeaning without the designator of a public scheme: text of a site."""
        if place.tag == CODING_SCHEME_VERSION:
            gone = place.rule(Operation.REMOVE, Action.X, reason=LOCAL_CODE)
            return place.rule(Operation.KEEP_TERMS, None, value=_VERSIONS, otherwise=gone)
        plain = place.rule(Operation.REPLACE, Action.D, value=self._new_value(place, None), reason=LOCAL_CODE)
        if not self._profile.options & (ProfileOptions.CleanDesc | ProfileOptions.CleanStructdCont):
            return plain
        return place.rule(Operation.CLEAN_TEXT, Action.C, otherwise=plain, reason=LOCAL_CODE)

    def replacement(self, place: Place, action: Action, reason: str) -> Rule:
        """Return the rule for a value that must not stay, for another reason than the profile's.

        Args:
            action: X, Z, D, U or a compound of them, which the attribute's type resolves.
        """
        if place.tag & 0x10000:
            action = Action.X
        elif place.tag in CODE_ATTRIBUTES:
            # the one requires the other, wherever a code stands
            action = Action.D
        else:
            action = action.resolve(self._types.required_type((*self._path, place.tag)))
        if action is Action.D and place.vr == "UI":
            action = Action.U
        if action is Action.X:
            return place.rule(Operation.REMOVE, action, reason=reason)
        if action is Action.Z:
            return place.rule(Operation.EMPTY, action, reason=reason)
        if action is Action.U:
            return place.rule(Operation.NEW_UID, action, reason=reason)
        return place.rule(Operation.REPLACE, action, value=self._new_value(place, None), reason=reason)

    def _new_value(self, place: Place, value: str | None) -> Any:
        if value is not None:
            return typed_value(value, place.vr)
        return dummy_value(place.keyword, place.vr, self._types.sop_class_uid)

    def _patient_rule(self, place: Place, action: Action) -> Rule:
        profile = self._profile
        alias = profile.patient_name if place.tag == _PATIENT_NAME else profile.patient_id
        if alias is not None:
            return place.rule(Operation.REPLACE, Action.D, value=alias)
        if place.tag == _PATIENT_ID:
            return place.rule(Operation.PATIENT_ID, Action.D)
        dummy = self._new_value(place, None)
        unnamed = (
            place.rule(Operation.EMPTY, action) if action is Action.Z else place.rule(Operation.REPLACE, action, value=dummy)
        )
        return place.rule(Operation.PATIENT_NAME, Action.D, otherwise=unnamed)

    def _sequence_rule(self, place: Place, action: Action, recorded: Action | None, weakens: ProfileOptions) -> Rule:
        if action is Action.X:
            return place.rule(Operation.REMOVE, action)
        if action is Action.Z:
            return place.rule(Operation.EMPTY, action)
        if action is Action.D and (items := dummy_items().get(place.keyword)):
            return place.rule(Operation.REPLACE, action, value=items)
        # K, C, U and a required sequence without a dummy of its own: it stays, and its items are de-identified
        kept = Action.U if action is Action.D else recorded
        inspected = not self._path and place.tag == REFERENCED_SERIES and not self._types.has_references
        is_content = place.tag in CONTENT_SEQUENCES and (action is Action.C or self.is_content)
        return place.rule(Operation.ITEMS, kept, has_content=is_content, inspected=inspected, weakens=weakens)

    def _cleaning_rule(self, place: Place, decision: Decision) -> Rule:
        """C by VR; what can't be cleaned gets the action that it would have without the option."""
        tag, vr = place.tag, place.vr
        if vr == "SQ":
            return self._sequence_rule(place, Action.C, Action.C, decision.weakens)
        if place.keyword in PUBLIC_DATES:
            return place.rule(Operation.REPLACE, Action.C, value=self._new_value(place, None))
        if vr in DATE_VRS:
            return self._fallible(Operation.SHIFT, place, decision)
        if tag in (_TIMEZONE, _REASON):
            return self._fallible(Operation.KEEP_TERMS, place, decision, _REASONS if tag == _REASON else None)
        if vr == "AS":
            return self._fallible(Operation.CAP_AGE, place, decision)
        if vr in CLEANABLE_VRS:
            return self._fallible(Operation.CLEAN_TEXT, place, decision)
        if vr == "AE":
            return place.rule(Operation.DEVICE_PSEUDONYM, Action.C)
        if vr == "UI":
            return place.rule(Operation.NEW_UID, Action.U, inspected=not self._path and tag in _INSPECTED)
        if place.is_graphic:
            return self._keeping_rule(place, Action.C, decision)
        return self.rule(place, Decision(decision.otherwise, decision.decided_by, listed=True))

    def _fallible(self, operation: Operation, place: Place, decision: Decision, value: object = None) -> Rule:
        """Return a rule that may find nothing to keep, with the one that then takes its place."""
        otherwise = self.rule(place, Decision(decision.otherwise, "", listed=True))
        return place.rule(operation, Action.C, value=value, otherwise=otherwise, weakens=decision.weakens)

    def _overlay_rule(self, place: Place, decision: Decision) -> Rule:
        """Return the rule for an element of an overlay plane, which each object decides by whether the plane may stay."""
        action = Action.C if decision.action is Action.C else Action.K
        goes = place.rule(Operation.REMOVE, Action.X)
        cleaned = place.rule(Operation.CLEAN_TEXT, Action.C, otherwise=goes, weakens=decision.weakens)
        stays = cleaned if place.vr in CLEANABLE_VRS else self._keeping_rule(place, action, decision)
        return place.rule(Operation.OVERLAY, action, value=stays, otherwise=goes)


def blanked_rule(place: Place, rule: Rule, types: AttributeTypes) -> Rule:
    """Return the rule for an attribute of an image in which something is blanked.

    Args:
        rule: the rule in an image that stays as it is.
        types: of the attributes in objects of the SOP class.
    """
    tag = place.tag
    if tag in _IMAGE_TYPES and rule.operation is Operation.KEEP and _may_be_derived(types):
        # the pixels are no longer as they were acquired (PS3.3 C.7.6.1.1.2)
        return place.rule(Operation.DERIVE, Action.C, value=(b"ORIGINAL", b"DERIVED"), otherwise=rule, reason=PIXELS_BLANKED)
    if tag == _PHOTOMETRIC and rule.operation is Operation.KEEP:
        # JPEG 2000 is encoded anew without loss, with the transform that can be undone (PS3.5 8.2.4)
        return place.rule(Operation.DERIVE, Action.C, value=(b"YBR_ICT", b"YBR_RCT"), otherwise=rule, reason=PIXELS_BLANKED)
    if tag == SPECIMEN_LABEL_IN_IMAGE and rule.operation is Operation.KEEP:
        # the label went with what was blanked
        return place.rule(Operation.REPLACE, Action.D, value="NO", reason=PIXELS_BLANKED)
    if tag in _GONE_WHERE_BLANKED or place.is_graphic or (holds_pixels(tag) and tag != _PIXEL_DATA):
        # what is drawn over the pixels, or is another form of them, may repeat what was blanked there
        embedded = is_overlay_bit_position(tag)
        return place.rule(Operation.REMOVE, Action.X, reason=PIXELS_BLANKED, inspected=embedded)
    return rule


def _may_be_derived(types: AttributeTypes) -> bool:
    """Return whether an image of the class may say DERIVED: in others, attributes of the acquisition would be wrong then."""
    modules = types.modules
    is_ophthalmic = any(name.startswith("ophthalmic-") for name in modules)
    return not types.known_iod or ("general-image" in modules and not is_ophthalmic)
