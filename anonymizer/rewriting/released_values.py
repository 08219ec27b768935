"""The patient's sex and age as they stand in an output: the audit tells of them, so that small groups of patients show."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from profiles import ILLEGAL_VALUE, PATIENT_AGE, PATIENT_SEX, Operation, Rule

from ..identity.dates import NoDateError, cap_age
from .object_state import ObjectState

#: the values that may be told (PS3.3 C.7.1.1, PS3.5 6.2), as people write them, too
_TOLD = {PATIENT_SEX: re.compile(rb"([MFOmfo])"), PATIENT_AGE: re.compile(rb"([0-9]{1,3})([DWMYdwmy]?)")}
#: stands for any other value, which could be somebody's text
_OTHER = "?"


class ReleasedValues(NamedTuple):
    """The patient's sex and age in an output, in the standard's form.

    ``"?"`` where that is another value; ``""`` where it has none, or one that can't be told for certain.
    """

    sex: str = ""
    age: str = ""


_NOTHING = ReleasedValues()


def released_values(state: ObjectState) -> ReleasedValues:
    """Return the patient's sex and age as the rewritten and screened object has them."""
    noted = state.judged_by.top
    if not state.plan.tells_patient or (PATIENT_SEX not in noted and PATIENT_AGE not in noted):
        return _NOTHING
    done = {rule.label: rule for rule in _of_patient(state.rules)}
    return ReleasedValues(_released(state, PATIENT_SEX, done), _released(state, PATIENT_AGE, done))


def _of_patient(rules: Iterable[Rule]) -> Iterable[Rule]:
    return (rule for rule in rules if rule.tag in _TOLD)


def _released(state: ObjectState, tag: int, done: dict[str, Rule]) -> str:
    """
    Args:
        done: rules that were applied, by path.
    """
    original = state.judged_by.top.get(tag)
    planned = state.plan.root[tag]
    if original is None or not planned.judges:
        return ""
    # one that is simply kept is in no list
    rule = done.get(planned.label, planned.plain or planned)
    value = _value(rule, original.split(b"\0", 1)[0].strip(b" "))
    return _told(tag, value)


def _told(tag: int, value: bytes) -> str:
    found = _TOLD[tag].fullmatch(value)
    if found is None:
        return _OTHER if value else ""
    first, *unit = (part.decode("ascii").upper() for part in found.groups())
    # an age without a unit is taken for one in years, as readers take it
    return f"{int(first):03}{unit[0] or 'Y'}" if unit else first


def _value(rule: Rule, original: bytes) -> bytes:
    if rule.reason == ILLEGAL_VALUE:
        # a part of it may stay
        return b""
    if rule.operation is Operation.KEEP:
        return original
    if rule.operation is Operation.CAP_AGE:
        try:
            return cap_age(original)
        except NoDateError:
            return b""
    if rule.operation is Operation.REPLACE and isinstance(rule.value, str):
        return rule.value.encode("ascii", "replace")
    return b""
