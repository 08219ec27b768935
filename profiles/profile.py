"""The confidentiality profile: for each attribute an action code, and what decided it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR, repeater_has_tag

from .actions import Action
from .errors import ProfileError
from .options import ProfileOptions, check_options
from .tables import (
    CURVES,
    EDITION,
    OVERLAYS,
    UNLISTED_VRS,
    MethodCode,
    TableRow,
    listed,
    method_codes,
    parse_tag,
    table_rows,
    tag_text,
    unlisted,
)

_DATE_VRS = frozenset({"DA", "TM", "DT"})
_LENGTH_TO_END = 0x00080001


@dataclass(frozen=True, slots=True)
class Decision:
    """What the profile does to one attribute.

    Attributes:
        action: the code, possibly a compound one that the attribute's type in its IOD resolves.
        decided_by: the rule: ``E.1-1``, an option's name, or one of this project's rules for what the table lacks.
        listed: whether Table E.1-1 has the attribute.
        shared: for tags that are many and all removed: what the audit calls them together.
        final: no attribute type changes the action: the module that would need the attribute goes as a whole.
    """

    action: Action
    decided_by: str
    listed: bool = False
    shared: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class ExplainedAttribute:
    """A line of ``dicom-deid explain``."""

    tag: str
    keyword: str
    vr: str
    action: str
    meaning: str
    decided_by: str


#: rules for attributes outside Table E.1-1, by rank: what they cover, the action, the reason (shown by ``explain``)
PRIVATE = Decision(Action.X, "E.1-1 (private attribute)", listed=True, shared="(private)")
CURVE = Decision(Action.X, "E.1-1 (curve)", listed=True, final=True)
OVERLAY = Decision(Action.X, "E.1-1 (overlay: the whole plane goes with its data)", listed=True, final=True)
OUTSIDE_DATA_SET = Decision(Action.X, "command, file meta or directory element inside a data set", shared="(groups 0000 to 0006)")
RETIRED_LENGTH = Decision(Action.X, "group length or length to end: retired", shared="(gggg,0000)")
UNKNOWN = Decision(Action.X, "unknown to the data dictionary", shared="(unknown)")
RISKY_VR = Decision(Action.X_Z_D, "unlisted, but of a VR that names people, dates or free text")
UNLISTED_UID = Decision(Action.U, "unlisted UID of an instance")
TECHNICAL = Decision(Action.K, "unlisted technical attribute")
SEQUENCE = Decision(Action.K, "unlisted sequence: its items are de-identified")


def _is_standard(tag: int) -> bool:
    # pydicom's repeating groups match odd, that is private, groups as well
    return dictionary_has_tag(tag) or (not tag >> 16 & 1 and repeater_has_tag(tag))


@lru_cache(maxsize=65_536)  # bounded: hostile objects may hold any tag
def attribute_vr(tag: int) -> str:
    """The VR of a standard attribute: from Table E.1-1 or PS3.6 (``US or SS`` where that says so); ``""`` when unknown."""
    if row := listed().get(tag):
        return row.vr
    return dictionary_VR(tag) if _is_standard(tag) else ""


def attribute_keyword(tag: int) -> str:
    """The keyword of a standard attribute, ``""`` for private and unknown ones."""
    if row := listed().get(tag):
        return row.keyword
    return dictionary_keyword(tag) if _is_standard(tag) else ""


@dataclass(frozen=True)
class ConfidentialityProfile:
    """PS3.15 Annex E, edition ``EDITION``: the Basic Profile and the options chosen on top of it.

    Attributes:
        options: the options, the Basic Profile always among them.
        patient_name: value for PatientName instead of an empty one.
        patient_id: value for PatientID instead of a keyed pseudonym.
    """

    options: ProfileOptions = ProfileOptions.BasicProfile
    patient_name: str | None = None
    patient_id: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", check_options(self.options))
        for name, value in (("patient_name", self.patient_name), ("patient_id", self.patient_id)):
            if value is not None and not isinstance(value, str):
                raise ProfileError(f"{name}: a text is needed")
            if value is not None and (not value.strip() or len(value) > 64 or "\\" in value or not value.isprintable()):
                raise ProfileError(f"{name}: 1 to 64 printable characters without a backslash (PS3.5 6.2)")

    @classmethod
    def default(
        cls,
        options: ProfileOptions | str | Iterable[ProfileOptions | str] | None = None,
        *,
        patient_name: str | None = None,
        patient_id: str | None = None,
    ) -> ConfidentialityProfile:
        """The standard's profile with ``options``: a Flag, names separated by commas, or several of either; None: no options.

        Raises:
            ProfileError: unknown, contradictory or unfinished options, or an alias that is no legal value.
        """
        return cls(ProfileOptions.collect(options), patient_name, patient_id)

    def decide(self, tag: int) -> Decision:
        """The decision for the attribute ``tag``, wherever it stands (PS3.15 E.1.1: at every depth)."""
        group = tag >> 16
        if group & 1:
            return PRIVATE
        if group < 0x0008:
            return OUTSIDE_DATA_SET
        if tag & 0xFFFF == 0 or tag == _LENGTH_TO_END:
            return RETIRED_LENGTH
        if group & 0xFF00 == CURVES:
            return CURVE
        if group & 0xFF00 == OVERLAYS:
            return OVERLAY
        if row := listed().get(tag):
            for option, action in row.options:
                if option in self.options:
                    return Decision(action, str(option.name), listed=True)
            return Decision(row.basic, "E.1-1", listed=True)
        if named := unlisted().get(tag):
            return Decision(named.action, f"unlisted: {named.reason}")
        return self._by_vr(attribute_vr(tag))

    def _by_vr(self, vr: str) -> Decision:
        if vr == "":
            return UNKNOWN
        if vr == "SQ":
            return SEQUENCE
        if vr == "UI":
            retained = ProfileOptions.RetainUIDs in self.options
            return Decision(Action.K, "RetainUIDs") if retained else UNLISTED_UID
        if vr in _DATE_VRS and ProfileOptions.RetainLongFullDates in self.options:
            return Decision(Action.K, "RetainLongFullDates")
        return RISKY_VR if vr in UNLISTED_VRS else TECHNICAL

    def _explained_row(self, row: TableRow) -> ExplainedAttribute:
        """A row of Table E.1-1 as it comes out, where that is more than its code."""
        decision = self.decide(parse_tag(row.tag))
        alias = {"PatientName": self.patient_name, "PatientID": self.patient_id}.get(row.keyword)
        if alias is not None:
            return ExplainedAttribute(row.tag, row.keyword, row.vr, "D", "replace with the text given", "alias")
        if row.keyword == "PatientID":
            return ExplainedAttribute(row.tag, row.keyword, row.vr, "D", "replace with a keyed pseudonym", decision.decided_by)
        if row.keyword == "MediaStorageSOPInstanceUID":
            return ExplainedAttribute(row.tag, row.keyword, row.vr, "U", Action.U.meaning, "file meta is written anew")
        if row.vr == "UI" and decision.action is Action.D:
            return ExplainedAttribute(row.tag, row.keyword, row.vr, "U", Action.U.meaning, decision.decided_by)
        return _explained(row.tag, row.keyword, row.vr, decision)

    @property
    def method_codes(self) -> list[MethodCode]:
        """CID 7050 codes of the profile and its options, for DeidentificationMethodCodeSequence (PS3.15 E.1.1)."""
        return [code for option, code in method_codes().items() if option in self.options]

    @property
    def longitudinal(self) -> str:
        """LongitudinalTemporalInformationModified (0028,0303) as PS3.15 E.2 and E.3.6 require."""
        return "UNMODIFIED" if ProfileOptions.RetainLongFullDates in self.options else "REMOVED"

    @cached_property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of everything the profile decides: two profiles with one digest give the same outputs."""
        content = hashlib.sha256(repr((EDITION, self.patient_name, self.patient_id, self.options.names())).encode())
        for row in self.explain():
            content.update(f"{row.tag};{row.action};{row.decided_by}\n".encode())
        return content.hexdigest()

    def explain(self) -> Iterator[ExplainedAttribute]:
        """Each row of Table E.1-1, each named unlisted attribute, then the rules for all others."""
        for row in table_rows():
            if "x" in row.tag or "g" in row.tag:
                decision = {"5": CURVE, "6": OVERLAY, "g": PRIVATE}[row.tag[1]]
                keyword = row.keyword or {"5": "(curves)", "g": "(private attributes)"}[row.tag[1]]
                yield _explained(row.tag, keyword, row.vr, decision)
            else:
                yield self._explained_row(row)
        for named in unlisted().values():
            yield _explained(tag_text(named.tag), named.keyword, attribute_vr(named.tag), self.decide(named.tag))
        for vr in sorted(UNLISTED_VRS | {"UI", "SQ"}):
            yield _explained("", "(other standard attributes)", vr, self._by_vr(vr))
        yield _explained("", "(other standard attributes)", "", TECHNICAL)
        yield _explained("", "(unknown attributes)", "", UNKNOWN)
        yield _explained("(gggg,0000)", "(group lengths)", "UL", RETIRED_LENGTH)
        yield _explained("(0002,xxxx)", "(groups 0000 to 0006)", "", OUTSIDE_DATA_SET)


def _explained(tag: str, keyword: str, vr: str, decision: Decision) -> ExplainedAttribute:
    return ExplainedAttribute(tag, keyword, vr, decision.action.value, decision.action.meaning, decision.decided_by)
