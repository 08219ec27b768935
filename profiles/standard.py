"""Decisions without custom rules: Table E.1-1 and the options, then this project's rules for what the table lacks."""

from __future__ import annotations

from dataclasses import replace

from .actions import Action
from .decisions import (
    CURVE,
    CURVE_AUDIO,
    OUTSIDE_DATA_SET,
    OVERLAY,
    PRIVATE,
    RETIRED_LENGTH,
    RETIRED_TEXT,
    RISKY_VR,
    SEQUENCE,
    SHORT_STRING,
    TECHNICAL,
    UNKNOWN,
    UNLISTED_UID,
    Decision,
    attribute_vr,
    is_retired_text,
)
from .options import ProfileOptions
from .tables import (
    CLEANABLE_VRS,
    CURVES,
    DATE_VRS,
    FREE_TEXT_VRS,
    OVERLAYS,
    UNLISTED_VRS,
    TableRow,
    UnlistedRow,
    listed,
    shared_dates,
    unlisted,
)

_SHORT_STRING_VRS = frozenset({"LO", "SH"})
_BURNED_IN_ANNOTATION = 0x00280301
_LENGTH_TO_END = 0x00080001
_PRIVATE_CHARACTERISTICS = 0x00080300
#: elements of a curve that hold sound (PS3.3 2004, C.10.3)
_CURVE_AUDIO = range(0x2000, 0x2010)


def decide_by_tables(tag: int, options: ProfileOptions, *, strict: bool) -> Decision:
    """Return the decision without custom rules: Table E.1-1, then this project's rules for what it lacks."""
    group = tag >> 16
    if group & 1:
        return PRIVATE
    if group < 0x0008:
        return OUTSIDE_DATA_SET
    if tag & 0xFFFF == 0 or tag == _LENGTH_TO_END:
        return RETIRED_LENGTH
    if group & 0xFF00 in (CURVES, OVERLAYS):
        return _graphic(tag, options)
    if ProfileOptions.RetainLongModifDates in options and (why := shared_dates().get(tag)):
        row = listed().get(tag)
        decided_by = f"RetainLongModifDates, but shared by patients: {why}"
        return Decision(row.basic if row else RISKY_VR.action, decided_by, listed=row is not None)
    if row := listed().get(tag):
        return _listed(row, options)
    if named := unlisted().get(tag):
        if tag == _PRIVATE_CHARACTERISTICS and ProfileOptions.RetainSafePrivate in options:
            return Decision(Action.K, "RetainSafePrivate: what is said of private attributes that stay", listed=True)
        return _named(named, options)
    if is_retired_text(tag):
        return RETIRED_TEXT
    decision = decide_by_vr(attribute_vr(tag), options, strict=strict)
    if tag == _BURNED_IN_ANNOTATION and ProfileOptions.CleanPixelData in options:
        return replace(decision, decided_by="CleanPixelData: NO in each image that is written (PS3.15 E.3.1)")
    return decision


def _listed(row: TableRow, options: ProfileOptions) -> Decision:
    chosen = [(option, action) for option, action in row.options if option in options]
    # what one option retains, another need not clean; but a true date among moved ones would tell how far they moved
    first = Action.C if row.vr in DATE_VRS else Action.K
    for option, action in sorted(chosen, key=lambda chosen: chosen[1] is not first):
        if action is Action.C and row.vr == "OB":
            return Decision(row.basic, f"E.1-1 ({option.name}: binary values can't be cleaned)", listed=True)
        retained = action is Action.K
        return Decision(action, str(option.name), listed=True, otherwise=row.basic, retained=retained, option=option)
    return Decision(row.basic, "E.1-1", listed=True)


def _named(row: UnlistedRow, options: ProfileOptions) -> Decision:
    if row.action is Action.U and ProfileOptions.RetainUIDs in options:
        return Decision(Action.K, "RetainUIDs", otherwise=Action.U, retained=True, option=ProfileOptions.RetainUIDs)
    chosen = {action: option for option, action in row.options if option in options}
    if retained_by := chosen.get(Action.K):
        return Decision(Action.K, str(retained_by.name), listed=True, otherwise=row.action, retained=True, option=retained_by)
    if cleaned_by := chosen.get(Action.C):
        why = f"{cleaned_by.name}: {row.reason}"
        return Decision(Action.C, why, otherwise=row.action, terms=row.terms, option=cleaned_by)
    return Decision(row.action, f"unlisted: {row.reason}", terms=row.terms)


def _graphic(tag: int, options: ProfileOptions) -> Decision:
    """Return the decision for curves and overlay planes: removed as a whole, or numbers kept and texts cleaned (PS3.15 E.3.3)."""
    curve = tag >> 16 & 0xFF00 == CURVES
    # groups beyond look alike and are none (PS3.5 7.6)
    if ProfileOptions.CleanGraph not in options or tag >> 16 & 0xFF > 0x1E:
        return CURVE if curve else OVERLAY
    vr = attribute_vr(tag)
    if vr == "":
        return UNKNOWN
    if curve and tag & 0xFFFF in _CURVE_AUDIO:
        return CURVE_AUDIO
    if vr in CLEANABLE_VRS:
        return Decision(Action.C, "CleanGraph", listed=True, otherwise=Action.X, option=ProfileOptions.CleanGraph)
    if curve and (named := unlisted().get(tag & 0xFF00FFFF)):
        return Decision(named.action, f"CleanGraph: {named.reason}", listed=True, terms=named.terms)
    return Decision(Action.C if tag & 0xFFFF == 0x3000 else Action.K, "CleanGraph", listed=True)


def decide_by_vr(vr: str, options: ProfileOptions, *, strict: bool) -> Decision:
    """Return the decision for a standard attribute that no table names."""
    if vr == "":
        return UNKNOWN
    if vr == "SQ":
        return SEQUENCE
    if vr == "UI":
        retained = ProfileOptions.RetainUIDs in options
        return (
            Decision(Action.K, "RetainUIDs", otherwise=Action.U, retained=True, option=ProfileOptions.RetainUIDs)
            if retained
            else UNLISTED_UID
        )
    if vr in DATE_VRS and ProfileOptions.RetainLongFullDates in options:
        option = ProfileOptions.RetainLongFullDates
        return Decision(Action.K, "RetainLongFullDates", listed=True, retained=True, option=option)
    if vr in DATE_VRS and ProfileOptions.RetainLongModifDates in options:
        return Decision(Action.C, "RetainLongModifDates", option=ProfileOptions.RetainLongModifDates)
    if vr in FREE_TEXT_VRS and ProfileOptions.CleanDesc in options:
        return Decision(Action.C, "CleanDesc", option=ProfileOptions.CleanDesc)
    if strict and vr in _SHORT_STRING_VRS:
        return SHORT_STRING
    return RISKY_VR if vr in UNLISTED_VRS else TECHNICAL
