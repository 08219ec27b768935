"""Decisions: an action and the rule behind it; and the attributes as the data dictionary knows them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .actions import Action
from .dictionary import entry_of
from .options import ProfileOptions
from .tables import RETIRED_TEXT_VRS, listed


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of a profile for one attribute.

    Attributes:
        action: the code, possibly a compound one that the attribute's type in its IOD resolves.
        decided_by: the rule: ``E.1-1``, an option's name, a custom rule, or one of this project's rules for what the table lacks.
        listed: whether Table E.1-1 or a custom rule has the attribute.
        shared: for tags that are many and all removed: what the audit calls them together.
        final: no attribute type changes the action: the module that would need the attribute goes as a whole.
        otherwise: for C: the action on a value of which cleaning leaves nothing.
        value: for D: the value that a custom rule puts in place.
        retained: an option or a custom rule keeps what the Basic Profile would not: the value is no secret then.
        terms: in capitals, what stays whatever the action.
        allows_weakening: a custom rule keeps it, whatever the value is.
        undated: a custom rule takes out a date that an option leaves.
        option: the option that decided; none where none did.
        weakens: the Basic Profile and the option that a custom rule goes against: an object with a value here can't claim them.
    """

    action: Action
    decided_by: str
    listed: bool = False
    shared: str = ""
    final: bool = False
    otherwise: Action = Action.X_Z_D
    value: str | None = None
    retained: bool = False
    terms: frozenset[bytes] = frozenset()
    allows_weakening: bool = False
    undated: bool = False
    option: ProfileOptions = ProfileOptions(0)  # noqa: RUF009  # a Flag never changes
    weakens: ProfileOptions = ProfileOptions(0)  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class ExplainedAttribute:
    """A line of ``dicom-deid explain``."""

    tag: str
    keyword: str
    vr: str
    action: str
    meaning: str
    decided_by: str


#: versions of tables and templates: anyone can look up what they were, and would know how far dates moved
PUBLIC_DATES = frozenset({"ContextGroupVersion", "ContextGroupLocalVersion", "TemplateVersion", "TemplateLocalVersion"})

#: rules for attributes outside Table E.1-1, by rank: what they cover, the action, the reason (shown by ``explain``)
PRIVATE = Decision(Action.X, "E.1-1 (private attribute)", listed=True, shared="(private)")
SAFE_PRIVATE = Decision(Action.K, "RetainSafePrivate (E.3.10-1)", listed=True)
CURVE = Decision(Action.X, "E.1-1 (curve)", listed=True, final=True)
CURVE_AUDIO = Decision(Action.X, "E.1-1 (curve: audio is not kept)", listed=True, final=True)
OVERLAY = Decision(Action.X, "E.1-1 (overlay: the whole plane goes with its data)", listed=True, final=True)
OUTSIDE_DATA_SET = Decision(Action.X, "command, file meta or directory element inside a data set", shared="(groups 0000 to 0006)")
RETIRED_LENGTH = Decision(Action.X, "group length or length to end: retired", shared="(gggg,0000)")
RETIRED_TEXT = Decision(Action.X, "retired text: no edition says any more what may stand there")
UNKNOWN = Decision(Action.X, "unknown to the data dictionary", shared="(unknown)")
RISKY_VR = Decision(Action.X_Z_D, "unlisted, but of a VR that names people, dates or free text")
SHORT_STRING = Decision(Action.D, "strict: unlisted short string")
UNLISTED_UID = Decision(Action.U, "unlisted UID of an instance")
TECHNICAL = Decision(Action.K, "unlisted technical attribute")
SEQUENCE = Decision(Action.K, "unlisted sequence: its items are de-identified")

SCREENED = "(values that name somebody known)"
#: rules for whole objects and for what no attribute says, as ``explain`` shows them: what it is, action, meaning, why
OBJECT_RULES = (
    ("(objects of private SOP classes)", "quarantine", "refuse", "their de-identification is undefined (PS3.15 E.1)"),
    ("(audio objects)", "quarantine", "refuse", "a voice identifies its speaker"),
    ("(encapsulated documents)", "D", "replace", "PDF, CDA, STL, OBJ and MTL: by a small legal document of the type"),
    ("(overlays in unused bits of the pixels)", "X", "clear the bits", "where pixels are compressed, the object is quarantined"),
    (
        "(codes of schemes that nobody published)",
        "D",
        "replace designator and meaning",
        "text of a site; options clean the meaning",
    ),
    ("(values that aren't what their VR says)", "X/Z/D", "as without the option", "no number, date or term stands there"),
    (SCREENED, "X/Z/D", "remove", "names, IDs, dates of birth, original UIDs, wherever they stand"),
    (
        "(missing UIDs of study, series and instance)",
        "U",
        "add",
        "keyed, from the series or the object; the instance's from the file meta",
    ),
    ("(digital signatures)", "X", "remove", "at every depth: they would not hold, and name the signer"),
    ("(file meta information, preamble, trailing data)", "X", "write anew, or cut", "PS3.15 E.1.1"),
)


@lru_cache(maxsize=65_536)  # bounded: hostile objects may hold any tag
def attribute_vr(tag: int) -> str:
    """Return the VR of a standard attribute: from Table E.1-1 or PS3.6 (``US or SS`` where that says so); ``""`` when unknown."""
    if row := listed().get(tag):
        return row.vr
    entry = entry_of(tag)
    return entry.vr if entry else ""


def is_retired_text(tag: int) -> bool:
    """Return whether it is a text or a name that the standard has retired."""
    entry = entry_of(tag)
    return entry is not None and entry.retired and entry.vr in RETIRED_TEXT_VRS


def attribute_keyword(tag: int) -> str:
    """Return the keyword of a standard attribute, ``""`` for private and unknown ones."""
    if row := listed().get(tag):
        return row.keyword
    entry = entry_of(tag)
    return entry.keyword if entry else ""
