"""Rules of custom profiles: which attributes, which action under which option, which value."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NoReturn

from ..actions import Action
from ..dictionary import dictionary
from ..dummies import concrete_vr
from ..errors import ProfileError
from ..options import ProfileOptions
from ..tables import TableRow, listed, table_rows
from .patterns import Attribute, Path, TagPattern

#: attributes that the engine itself writes or reads by: SOPClassUID, SpecificCharacterSet, and what says that an object is
#: de-identified (PatientIdentityRemoved, DeidentificationMethod, DeidentificationMethodCodeSequence,
#: LongitudinalTemporalInformationModified). No rule is for them
PROTECTED = frozenset({0x00080016, 0x00080005, 0x00120062, 0x00120063, 0x00120064, 0x00280303})
#: SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID: an object is filed under them
IDENTITY = frozenset({0x00080018, 0x0020000D, 0x0020000E})
_LENGTH_TO_END = 0x00080001
_ITEM_GROUP = 0xFFFE
#: what messages show of a pattern or a code
_MAX_SHOWN = 100

#: actions that leave values, or parts of them
KEEPING = frozenset({Action.K, Action.C})
_ACTIONS = {action.value: action for action in Action} | {"X/Z/U": Action.X_Z_U}

_INTEGERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q"}
_FLOATS = {"FL": "f", "FD": "d"}
_SINGLE_TEXTS = frozenset({"LT", "ST", "UT", "UR"})
_TEXTS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"}) | _SINGLE_TEXTS
_LAYOUT = "\t\n\f\r"
#: pydicom takes ranges, which only queries have
_RANGES = {vr: re.compile(r"[\d.]+" + zone) for vr, zone in (("DA", ""), ("TM", ""), ("DT", r"([+-](0\d|1[0-4])[0-5]\d)?"))}
_MULTIPLICITY = re.compile(r"(\d+)(?:-(\d*)(n?))?")


@dataclass(frozen=True)
class CustomRule:
    """A rule of a custom profile.

    Attributes:
        pattern: the attributes that it is for.
        actions: the action under each option, in the standard's order; the Basic Profile's is the one without options.
        value: what takes the place of the value where the action is D; None: a dummy.
        allows_weakening: whether it says (by ``!``) that it keeps what the standard would not.
        origin: file, place and rule, for people: ``my.csv line 3: PatientName;D``.
    """

    pattern: TagPattern
    actions: tuple[tuple[ProfileOptions, Action], ...]
    value: str | None
    allows_weakening: bool
    origin: str

    def __repr__(self) -> str:
        # the value may be what a person or place is called
        actions = ", ".join(f"{option.name}: {action.value}" for option, action in self.actions)
        value = ", value=<given>" if self.value is not None else ""
        insists = ", allows_weakening=True" if self.allows_weakening else ""
        return f"<CustomRule {self.pattern.text!r}, {actions}{value}{insists}>"

    def action(self, options: ProfileOptions) -> Action | None:
        """Return the action under ``options``, that of the last option that has one. None: it has none; the next rule counts."""
        for option, action in reversed(self.actions):
            if option in options or option is ProfileOptions.BasicProfile:
                return action
        return None

    def may_decide(self, attribute: Attribute, options: ProfileOptions) -> bool:
        """Return whether it may act under ``options`` on an attribute that it matches."""
        action = self.action(options)
        return action is not None and not _is_engines(attribute) and _applies(self, action, attribute)


def first_match(rules: Iterable[CustomRule], path: Path, options: ProfileOptions) -> CustomRule | None:
    """Return the rule that decides for the attribute at ``path``: the first that matches and has an action under ``options``.

    None where there is none, and always for what belongs to the engine: ``PROTECTED``, group lengths, file meta information,
    private creators.
    """
    attribute = path[-1]
    if _is_engines(attribute):
        return None
    return next((rule for rule in rules if rule.pattern.matches(path) and rule.may_decide(attribute, options)), None)


class RulesByTag:
    """Rules in their order, so that ``first_match`` need not look at those that name other attributes."""

    def __init__(self, rules: Iterable[CustomRule]) -> None:
        self._several: list[CustomRule] = []
        self._single: dict[int, list[CustomRule]] = {}
        for rule in rules:
            tag = rule.pattern.single_tag
            if tag is None:
                self._several.append(rule)
                for candidates in self._single.values():
                    candidates.append(rule)
            else:
                self._single.setdefault(tag, list(self._several)).append(rule)

    def candidates(self, tag: int) -> list[CustomRule]:
        """Return the rules that may be for ``tag``, private tags included, in their order."""
        return self._single.get(tag, self._several)


def _is_engines(attribute: Attribute) -> bool:
    tag = attribute.tag
    if tag in PROTECTED or tag < 0x00080000 or tag >> 16 == _ITEM_GROUP or tag & 0xFFFF == 0 or tag == _LENGTH_TO_END:
        return True
    # without a creator, it is one itself, or belongs to none
    return bool(tag & 0x10000) and not attribute.creator


def _applies(rule: CustomRule, action: Action, attribute: Attribute) -> bool:
    """Return whether a rule that matches may do what it says; many match more than those who write them think of."""
    if attribute.tag in IDENTITY:
        return action in (Action.U, Action.K)
    if action in KEEPING and attribute.tag & 0x10000:
        return rule.allows_weakening and rule.pattern.names_private
    if action in KEEPING and not attribute.keyword:
        return rule.allows_weakening
    return True


def weakens(custom: Action, standard: Action) -> bool:
    """Return whether ``custom`` leaves more than ``standard``: K leaves more than C, and C more than all others."""
    return _strength(custom) < _strength(standard)


def _strength(action: Action) -> int:
    return {Action.K: 0, Action.C: 1}.get(action, 2)


def check_strength(rules: tuple[CustomRule, ...], options: ProfileOptions, standard: Callable[[int], Action]) -> None:
    """Check that each rule that leaves more than the standard says so.

    Args:
        standard: tag -> the action without custom rules, the ``options`` considered. Where that is stronger than Table E.1-1, the
            table counts, too: what is there to be cleaned and can't be is not thereby kept.

    Raises:
        ProfileError: the rule, and the first attribute that it would leave; ``!`` behind the action is missing.
    """
    for index, rule in enumerate(rules):
        action = rule.action(options)
        if rule.allows_weakening or action not in KEEPING or action is None:
            continue
        # C without a creator is the standard's own code for private attributes: the safe ones stay (PS3.15 E.3.10)
        if rule.pattern.names_private and (action is Action.K or rule.pattern.names_creator):
            _weak(rule, action, "private attributes")
        for attribute in rule.pattern.attributes():
            tag = attribute.tag
            if _is_engines(attribute) or not weakens(action, standard(tag)) or not weakens(action, _table_action(tag, options)):
                continue
            earlier = (other for other in rules[:index] if other.pattern.is_everywhere)
            if first_match(earlier, (attribute,), options) is None:
                _weak(rule, action, attribute.keyword or f"({attribute.tag >> 16:04x},{attribute.tag & 0xFFFF:04x})")


def _table_action(tag: int, options: ProfileOptions) -> Action:
    """Return the weakest action of Table E.1-1 for the attribute under ``options``; X where it has no row."""
    row = listed().get(tag) or next((row for pattern, row in _repeating() if pattern.matches((Attribute(tag, "", ""),))), None)
    if row is None:
        return Action.X
    return min((row.basic, *(action for option, action in row.options if option in options)), key=_strength)


@cache
def _repeating() -> tuple[tuple[TagPattern, TableRow], ...]:
    return tuple((TagPattern.parse(row.tag), row) for row in table_rows() if "x" in row.tag)


def _weak(rule: CustomRule, action: Action, what: str) -> NoReturn:
    raise ProfileError(
        f"{rule.origin}: leaves more of {what} than the standard and the options do; "
        f"to have it so, write {action.value}! (with_rules: insist=True)"
    )


# -- making rules ----------------------------------------------------------------------------------------------------


def make_rule(place: str, pattern: str, cells: Mapping[ProfileOptions, str], value: str = "") -> CustomRule:
    """Return a rule from the texts of a file.

    Args:
        place: where it stands, ``my.csv line 3``.
        cells: option -> text of its action, which may be empty.
        value: ``""`` for none.

    Raises:
        ProfileError: what is wrong, with place and rule.
    """
    filled = {option: cells[option].strip() for option in ProfileOptions if cells.get(option, "").strip()}
    if list(filled) == [ProfileOptions.BasicProfile]:
        codes = list(filled.values())
    else:
        codes = [f"{option.name} {code}" for option, code in filled.items()]
    origin = f"{place}: {';'.join(map(_shown, (pattern.strip(), *codes)))}"
    try:
        parsed = [(option, *_parse_action(code)) for option, code in filled.items()]
        rule = CustomRule(
            pattern=TagPattern.parse(pattern),
            actions=tuple((option, action) for option, action, _ in parsed),
            value=value.strip() or None,
            allows_weakening=any(allows_weakening for _, _, allows_weakening in parsed),
            origin=origin,
        )
        _check(rule)
    except ProfileError as error:
        raise ProfileError(f"{origin}: {error}") from None
    return rule


def _shown(text: str) -> str:
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def is_action(text: str) -> bool:
    """Return whether ``text`` is the code of an action."""
    return re.sub(r"[\s!]", "", text).upper() in _ACTIONS


def _parse_action(text: str) -> tuple[Action, bool]:
    """Return the action, and whether ``!`` stands behind it."""
    code = re.sub(r"\s", "", text).upper()
    action = _ACTIONS.get(code.removesuffix("!"))
    if action is None:
        raise ProfileError(f"{_shown(text)!r} is no action; there are {', '.join(action.value for action in Action)}")
    if code.endswith("!") and action not in KEEPING:
        raise ProfileError("only K and C can have a !, which says that they knowingly leave more than the standard")
    return action, code.endswith("!")


def _check(rule: CustomRule) -> None:
    actions = {action for _, action in rule.actions}
    tag = rule.pattern.single_tag
    if tag in PROTECTED:
        raise ProfileError("the engine itself keeps or writes this attribute")
    if tag in IDENTITY and not actions <= {Action.U, Action.K}:
        raise ProfileError("an object is filed under this UID: only U and K are possible")
    if rule.value is not None and Action.D not in actions:
        raise ProfileError("a value needs the action D")
    if rule.value is None and Action.U not in actions:
        return
    for attribute in rule.pattern.attributes():
        if _is_engines(attribute) or attribute.tag in IDENTITY:
            continue
        if Action.U in actions and attribute.vr not in ("UI", "SQ", ""):
            raise ProfileError(f"U is for UIDs, and {attribute.keyword} is {attribute.vr}")
        if rule.value is not None and attribute.vr:
            try:
                _check_value(rule.value, attribute)
            except ProfileError as error:
                raise ProfileError(f"the value is not legal for {attribute.keyword}: {error}") from None


def _check_value(value: str, attribute: Attribute) -> None:
    """Check that ``value`` is legal for ``attribute`` (PS3.5 6.2, 6.4)."""
    typed = typed_value(value, attribute.vr)
    count = len(typed) if isinstance(typed, list) else 1
    if isinstance(typed, str) and concrete_vr(attribute.vr) not in _SINGLE_TEXTS:
        count = len(typed.split("\\"))
    found = _MULTIPLICITY.fullmatch(entry.vm if (entry := dictionary().get(attribute.tag)) else "1-n")
    if found is None:
        return
    least = int(found[1])
    most = math.inf if found[3] else int(found[2] or found[1])
    # 2-2n: pairs
    step = int(found[2]) if found[3] and found[2] else 1
    if not least <= count <= most or count % step:
        raise ProfileError(f"it has {found[0]} values, divided by a backslash")


def typed_value(value: str, vr: str) -> str | int | float | list[int] | list[float]:
    """Return the text of a rule as pydicom can write it with ``vr``; several values are divided by a backslash.

    Raises:
        ProfileError: it is no legal value of ``vr``, or ``vr`` has no values that are text or numbers.
    """
    vr = concrete_vr(vr)
    parts = value.split("\\")
    if not any(parts):
        raise ProfileError("it is empty")
    if vr in _INTEGERS:
        integers = [_integer(part.strip(), _INTEGERS[vr]) for part in parts]
        return integers if len(integers) > 1 else integers[0]
    if vr in _FLOATS:
        floats = [_float(part.strip(), _FLOATS[vr]) for part in parts]
        return floats if len(floats) > 1 else floats[0]
    if vr not in _TEXTS:
        raise ProfileError(f"{vr} can't be given as text")
    for part in [value] if vr in _SINGLE_TEXTS else parts:
        _check_text(part, vr)
    return value


def _integer(text: str, form: str) -> int:
    try:
        number = int(text)
        struct.pack(f"<{form}", number)
    except (ValueError, struct.error):
        raise ProfileError(f"an integer of {8 * struct.calcsize(f'<{form}')} bits is needed") from None
    return number


def _float(text: str, form: str) -> float:
    try:
        number = float(text)
        struct.pack(f"<{form}", number)
    except (ValueError, OverflowError, struct.error):
        raise ProfileError("a number is needed") from None
    if not math.isfinite(number):
        raise ProfileError("a number is needed")
    return number


def _check_text(text: str, vr: str) -> None:
    # here, for few profiles have values, and pydicom's import takes long
    from pydicom import config
    from pydicom.valuerep import validate_value

    printable = text.translate(dict.fromkeys(map(ord, _LAYOUT))) if vr in ("LT", "ST", "UT") else text
    if not printable.isprintable():
        raise ProfileError(f"{vr} has no control characters")
    try:
        # some of its messages repeat the value, so none is passed on
        validate_value(vr, text, config.RAISE)
        if (vr == "DA" and text) or (vr == "DT" and text[:8].isdecimal() and len(text) >= 8):
            datetime.strptime(text[:8], "%Y%m%d")
    except ValueError:
        raise ProfileError(f"no legal {vr}") from None
    if vr in _RANGES and text and not _RANGES[vr].fullmatch(text):
        raise ProfileError(f"no legal {vr}, which as a value is no range")
    if vr == "IS" and text:
        _integer(text, "l")
