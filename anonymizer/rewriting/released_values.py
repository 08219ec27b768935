"""The patient's sex and age as they stand in an output: the audit tells of them, so that small groups of patients show."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from profiles import ILLEGAL_VALUE, PATIENT_AGE, PATIENT_SEX, Operation, Rule

from ..identity.dates import NoDateError, cap_age
from .object_state import ObjectState

#: the values that may be told (PS3.3 C.7.1.1, PS3.5 6.2); any other could be somebody's text
_LEGAL = {PATIENT_SEX: re.compile(rb"[MFO]"), PATIENT_AGE: re.compile(rb"[0-9]{3}[DWMY]")}


class ReleasedValues(NamedTuple):
    """The patient's sex and age in an output; ``""`` where it has none, or one that can't be told for certain."""

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
    return (rule for rule in rules if rule.tag in _LEGAL)


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
    return value.decode("ascii") if _LEGAL[tag].fullmatch(value) else ""


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
