"""The confidentiality profile: for each attribute an action code, and the rule that decided it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .actions import Action
from .custom import (
    PROTECTED,
    Attribute,
    CustomRule,
    ProfileSource,
    RuleAction,
    RulesByTag,
    check_strength,
    custom_decision,
    first_match,
    idle_rules,
    read_csv,
    read_json,
    read_source,
    read_xml,
    rules_from_mapping,
    undates,
    warn_of_idle_rules,
)
from .date_shift import DateShift
from .decisions import PRIVATE, SAFE_PRIVATE, Decision, ExplainedAttribute, attribute_keyword, attribute_vr
from .errors import ProfileError
from .explain import explained, explained_all
from .identity import IdentityKind, identity_kinds
from .options import OptionNames, ProfileOptions, check_options
from .pixels import DROP, KEEP, PIXELS, PixelPolicy, RuleFiles, TextSearch, choose_pixels, join_options
from .safe_private import SafeAttribute, read_safe_private, safe_private
from .settings import ProfileSettings, check_settings
from .standard import decide_by_tables, decide_by_vr
from .summary import profile_digest, settings_in_words
from .tables import CLEANABLE_VRS, present_with
from .verdicts import Verdicts

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    # type checkers bring this one with them
    from typing_extensions import Unpack

_GRAPHIC_ANNOTATIONS = 0x00700001


@dataclass(frozen=True)
class ConfidentialityProfile:
    """PS3.15 Annex E, edition ``EDITION``: the Basic Profile, the options chosen on top of it, and custom rules on top of both.

    Attributes:
        options: the options, the Basic Profile always among them.
        patient_name: value for PatientName instead of an empty one.
        patient_id: value for PatientID instead of a keyed pseudonym.
        date_shift: how far RetainLongModifDates moves dates.
        cap_ages: whether ages of 90 years and more become 90 years (45 CFR 164.514(b)(2)(i)(C)).
        strict: whether short strings (LO, SH) that no table names get a dummy; codes stay, their meanings don't.
        safe_private: safe private attributes besides those of Table E.3.10-1.
        custom: rules that come before the tables; the first that matches decides.
        pixels: what is done with objects whose pixels may identify.
        screen: whether kept values are compared with what is known of the patient and those around them.
        verdicts: what people decided on values; None: nothing.
    """

    options: ProfileOptions = ProfileOptions.BasicProfile
    patient_name: str | None = None
    patient_id: str | None = None
    date_shift: DateShift = DateShift()  # noqa: RUF009  # frozen
    cap_ages: bool = False
    strict: bool = False
    safe_private: tuple[SafeAttribute, ...] = ()
    custom: tuple[CustomRule, ...] = ()
    pixels: PixelPolicy = PixelPolicy()  # noqa: RUF009  # frozen
    screen: bool = True
    verdicts: Verdicts | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", check_options(self.options))
        for name, value in (("patient_name", self.patient_name), ("patient_id", self.patient_id)):
            if value is not None and not isinstance(value, str):
                raise ProfileError(f"{name}: a text is needed")
            if value is not None and (not value.strip() or len(value) > 64 or "\\" in value or not value.isprintable()):
                raise ProfileError(f"{name}: 1 to 64 printable characters without a backslash (PS3.5 6.2)")
        if self.safe_private and ProfileOptions.RetainSafePrivate not in self.options:
            raise ProfileError("a list of safe private attributes needs the option RetainSafePrivate")
        for name, joined in zip(("options", "pixels"), join_options(self.options, self.pixels), strict=True):
            object.__setattr__(self, name, joined)
        check_strength(self.custom, self.options, self.standard_action)

    def __repr__(self) -> str:
        options = [repr(",".join(self.options.names()[1:]))] if self.options != ProfileOptions.BasicProfile else []
        return f"ConfidentialityProfile.default({', '.join([*options, *settings_in_words(self)])})"

    def __hash__(self) -> int:
        # plans are looked up by profile for every object: custom rules are many
        return self._hash

    def __getstate__(self) -> dict[str, object]:
        # what was computed stays behind: it is large, and hashes of texts are another process's
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def _hash(self) -> int:
        return hash((self.options, self.patient_name, self.patient_id, self.date_shift, self.pixels.pixels, len(self.custom)))

    # -- ways to make one --------------------------------------------------------------------------------------------

    @classmethod
    def default(
        cls,
        options: OptionNames = None,
        *,
        patient_name: str | None = None,
        patient_id: str | None = None,
        date_shift: DateShift | str | None = None,
        cap_ages: bool = False,
        strict: bool = False,
        safe_private: str | os.PathLike[str] | None = None,
        custom: tuple[CustomRule, ...] = (),
        pixels: str | None = None,
        trust_burned_in_no: bool = False,
        faces: str = KEEP,
        pixel_risk: ProfileSource | None = None,
        pixel_rules: RuleFiles = None,
        accept_rules: Iterable[str] = (),
        rectangles: ProfileSource | None = None,
        slide_labels: str = DROP,
        detect_text: TextSearch | None = None,
        screen: bool = True,
        verdicts: ProfileSource | None = None,
    ) -> ConfidentialityProfile:
        """Return the standard's profile with ``options``: a Flag, names separated by commas, or several of either.

        Args:
            date_shift: a DateShift or its text, such as ``-3650d..-30d/7d``.
            safe_private: a CSV file with more safe private attributes.
            custom: rules, as ``from_csv`` and its like read them.
            pixels: None is clean with the option CleanPixelData, else quarantine. For this and all on pixels: ``PixelPolicy.of``.
            screen: False leaves known identifiers in values that stay, for comparison: PatientIdentityRemoved is NO then.
            verdicts: a CSV file with what people decided on values of a census (``Verdicts.read``).

        Raises:
            ProfileError: unknown or contradictory options, an alias that is no legal value, or what is wrong in which file.
        """
        shift = DateShift.parse(date_shift) if isinstance(date_shift, str) else date_shift or DateShift()
        more = read_safe_private(safe_private) if safe_private is not None else ()
        chosen = ProfileOptions.collect(options)
        on_pixels = trust_burned_in_no, faces, pixel_risk, pixel_rules, accept_rules, rectangles, slide_labels, detect_text
        policy = PixelPolicy.of(choose_pixels(chosen, pixels), *on_pixels)
        decided = Verdicts.read(verdicts) if verdicts is not None else None
        return cls(chosen, patient_name, patient_id, shift, cap_ages, strict, more, custom, policy, screen, decided)

    @classmethod
    def from_csv(
        cls, source: ProfileSource, options: OptionNames = None, **settings: Unpack[ProfileSettings]
    ) -> ConfidentialityProfile:
        """Return a profile with the rules of a CSV file, on top of ``options``.

        Args:
            source: a path or an open stream: ``TagPattern;Action`` in each line, or one column for each option.
            settings: as for ``default``.

        Raises:
            ProfileError: the file, line and rule that can't be used.
        """
        return cls._with(read_csv(*read_source(source)), options, settings)

    @classmethod
    def from_json(
        cls, source: ProfileSource, options: OptionNames = None, **settings: Unpack[ProfileSettings]
    ) -> ConfidentialityProfile:
        """Return a profile as ``from_csv`` does, from JSON: ``[{"Tag": "0010,0010", "Action": "Z"}]``."""
        return cls._with(read_json(*read_source(source)), options, settings)

    @classmethod
    def from_xml(
        cls, source: ProfileSource, options: OptionNames = None, **settings: Unpack[ProfileSettings]
    ) -> ConfidentialityProfile:
        """Return a profile as ``from_csv`` does, from XML: ``<root><item><tag/><action/></item></root>``."""
        return cls._with(read_xml(*read_source(source)), options, settings)

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], options: OptionNames = None, **settings: Unpack[ProfileSettings]
    ) -> ConfidentialityProfile:
        """Return a profile with the rules of a CSV, JSON or XML file, by the end of its name; otherwise as ``from_csv``."""
        readers = {".csv": read_csv, ".json": read_json, ".xml": read_xml}
        read = readers.get(Path(path).suffix.lower())
        if read is None:
            raise ProfileError("the name of a file of custom rules ends in .csv, .json or .xml")
        return cls._with(read(*read_source(path)), options, settings)

    @classmethod
    def from_csv_string(
        cls, text: str, options: OptionNames = None, **settings: Unpack[ProfileSettings]
    ) -> ConfidentialityProfile:
        """Return a profile as ``from_csv`` does, from the file's text."""
        return cls._with(read_csv(text, "CSV text"), options, settings)

    @classmethod
    def from_json_string(
        cls, text: str, options: OptionNames = None, **settings: Unpack[ProfileSettings]
    ) -> ConfidentialityProfile:
        """Return a profile as ``from_json`` does, from the file's text."""
        return cls._with(read_json(text, "JSON text"), options, settings)

    @classmethod
    def from_xml_string(
        cls, text: str, options: OptionNames = None, **settings: Unpack[ProfileSettings]
    ) -> ConfidentialityProfile:
        """Return a profile as ``from_xml`` does, from the file's text."""
        return cls._with(read_xml(text, "XML text"), options, settings)

    @classmethod
    def _with(cls, rules: tuple[CustomRule, ...], options: OptionNames, settings: ProfileSettings) -> ConfidentialityProfile:
        check_settings(settings)
        profile = cls.default(options, custom=rules, **settings)
        warn_of_idle_rules(profile.custom, stacklevel=4)
        return profile

    def with_rules(self, rules: Mapping[str, RuleAction], *, insist: bool = False) -> ConfidentialityProfile:
        """Return this profile with more rules, which come before those that it has; it stays as it is itself.

        ``profile.with_rules({"*TelephoneNumbers": Action.X, "PatientName": (Action.D, "Case^One")})`` is what a file with these
        two lines above all others would be. Of the rules of one call, too, the first that matches an attribute decides.

        Args:
            rules: tag pattern as in CSV (``TagPattern``) -> an Action, its code, or ``(Action.D, value)``.
            insist: whether K and C may leave more than the standard and the options do, as ``K!`` and ``C!`` may. Objects in
                which such a rule left something say so (PatientIdentityRemoved NO).

        Raises:
            ProfileError: the rule that can't be used, or that leaves more than the standard without ``insist``.
        """
        more = rules_from_mapping(rules, insist=insist)
        profile = replace(self, custom=(*more, *self.custom))
        # what was there before and is overruled now was asked for
        warn_of_idle_rules(more, stacklevel=3)
        return profile

    # -- decisions ---------------------------------------------------------------------------------------------------

    def decide(self, tag: int, parents: tuple[Attribute, ...] = ()) -> Decision:
        """Return the decision for the standard or unknown attribute ``tag`` (PS3.15 E.1.1: at every depth).

        Args:
            parents: the sequences that hold it, for custom rules.
        """
        decision = self.decide_by_tables(tag)
        if (needed := present_with().get(tag)) and self.decide(needed, parents).action is Action.X:
            decision = Decision(Action.X, f"E.1-1, without {attribute_keyword(needed)} (PS3.3: type 1C)", listed=True)
        if self.custom and tag not in PROTECTED:
            attribute = Attribute(tag, attribute_keyword(tag), attribute_vr(tag))
            if custom := self._custom((*parents, attribute), decision):
                return custom
        if self.cap_ages and decision.action is Action.K and attribute_vr(tag) == "AS":
            return Decision(Action.C, "cap ages (45 CFR 164.514)", listed=True)
        if decision.action not in (Action.K, Action.C) and ProfileOptions.CleanGraph in self.options:
            if attribute_vr(tag) in CLEANABLE_VRS and any(parent.tag == _GRAPHIC_ANNOTATIONS for parent in parents):
                option = ProfileOptions.CleanGraph
                return Decision(Action.C, "CleanGraph", listed=True, otherwise=decision.action, option=option)
        return decision

    def decide_private(self, creator: str, tag: int, vr: str, parents: tuple[Attribute, ...] = ()) -> Decision:
        """Return the decision for the private attribute ``tag`` of ``creator`` (PS3.15 E.3.10), ``vr`` as the file has it."""
        standard = SAFE_PRIVATE if self.is_listed(creator, tag) else PRIVATE
        if self.custom:
            if decision := self._custom((*parents, Attribute(tag, "", vr, creator)), standard):
                return decision
        return standard

    def is_listed(self, creator: str, tag: int) -> bool:
        """Return whether a list in use has the private attribute ``tag`` of ``creator``."""
        return (creator, tag >> 16, tag & 0xFF) in self._safe

    @cached_property
    def safe_creators(self) -> frozenset[str]:
        """The private creators of the lists in use."""
        return frozenset(creator for creator, _, _ in self._safe)

    def safe_vr(self, creator: str, tag: int) -> str:
        """Return the VR of a safe private attribute by the lists, ``""`` where they have none."""
        return self._safe.get((creator, tag >> 16, tag & 0xFF), "")

    @cached_property
    def _by_tag(self) -> RulesByTag:
        return RulesByTag(self.custom)

    @cached_property
    def _safe(self) -> dict[tuple[str, int, int], str]:
        if ProfileOptions.RetainSafePrivate not in self.options:
            return {}
        return safe_private() | dict(self.safe_private)

    def _custom(self, path: tuple[Attribute, ...], standard: Decision) -> Decision | None:
        rule = first_match(self._by_tag.candidates(path[-1].tag), path, self.options)
        return custom_decision(rule, path[-1], standard, self.options) if rule is not None else None

    def standard_action(self, tag: int) -> Action:
        """Return the action without custom rules; X for any private attribute."""
        return self.decide_by_tables(tag).action

    def decide_by_tables(self, tag: int) -> Decision:
        """Return the decision without custom rules: Table E.1-1, then this project's rules for what it lacks."""
        return decide_by_tables(tag, self.options, strict=self.strict)

    def decide_by_vr(self, vr: str) -> Decision:
        """Return the decision for a standard attribute that no table names."""
        return decide_by_vr(vr, self.options, strict=self.strict)

    # -- what it needs and says of itself ----------------------------------------------------------------------------

    @cached_property
    def looks_at_private(self) -> bool:
        """Return whether a private attribute may stay."""
        return ProfileOptions.RetainSafePrivate in self.options or any(rule.pattern.concerns_private for rule in self.custom)

    @cached_property
    def shifts_dates(self) -> bool:
        """Return whether dates may be moved, so that the patient must be known first."""
        return ProfileOptions.RetainLongModifDates in self.options or self._customly_cleans

    @cached_property
    def cleans_text(self) -> bool:
        """Return whether text may be cleaned, so that identifying words must be known first."""
        cleaning = ProfileOptions.CleanDesc | ProfileOptions.CleanStructdCont | ProfileOptions.CleanGraph
        return bool(self.options & (cleaning | ProfileOptions.RetainPatientChars)) or self._customly_cleans

    @property
    def needs_words(self) -> bool:
        """Return whether identifying words from other objects of the patient or study must be known."""
        return self.screen or self.cleans_text

    @cached_property
    def identity_kinds(self) -> dict[int, IdentityKind]:
        """The kinds of identifying attributes, but for those that an option or a custom rule retains: these are no secrets."""
        return {tag: kind for tag, kind in identity_kinds().items() if not self.decide(tag).retained}

    @property
    def _customly_cleans(self) -> bool:
        return any(rule.action(self.options) is Action.C for rule in self.custom)

    @cached_property
    def idle_rules(self) -> tuple[str, ...]:
        """A message for each custom rule that can never act, for an earlier one or the engine decides."""
        return tuple(idle_rules(self.custom))

    @cached_property
    def weakening_rules(self) -> tuple[str, ...]:
        """The custom rules that keep what the standard would not, and say so: place and text of each."""
        return tuple(rule.origin for rule in self._weakening)

    @cached_property
    def _weakening(self) -> tuple[CustomRule, ...]:
        return tuple(rule for rule in self.custom if rule.allows_weakening and rule.action(self.options) is not None)

    @cached_property
    def statement_depends(self) -> bool:
        """Return whether an object's statement on its de-identification depends on what custom rules did to it."""
        allows = self.verdicts is not None and self.verdicts.allowed > 0
        return bool(self._weakening) or self._customly_cleans or undates(self.custom, self.options, self.longitudinal) or allows

    @cached_property
    def weakens_behind_pixels(self) -> bool:
        """Return whether custom rules may keep attributes behind the pixel data: the object's statement is written before."""
        return any(rule.pattern.reaches_beyond(max(PIXELS)) for rule in self._weakening)

    @cached_property
    def longitudinal(self) -> str:
        """LongitudinalTemporalInformationModified (0028,0303) as PS3.15 E.2 and E.3.6 require, but for what custom rules do."""
        if ProfileOptions.RetainLongFullDates in self.options:
            return "UNMODIFIED"
        return "MODIFIED" if ProfileOptions.RetainLongModifDates in self.options else "REMOVED"

    def explain(self) -> Iterator[ExplainedAttribute]:
        """Yield a line for each row of Table E.1-1, each named unlisted attribute, each custom rule and each rule for others."""
        return explained(self)

    def explain_all(self) -> Iterator[ExplainedAttribute]:
        """Yield the lines of ``explain`` and of all other attributes of the dictionary, by tag; those of rules come last."""
        return explained_all(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of everything that the profile decides: two profiles with one digest give the same outputs."""
        return profile_digest(self)
