"""The cleaning of one object's texts (PS3.15 E.3.5), and of labels that must tell the items of a sequence apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiles import ProfileOptions, Rule, Verdict, allowed_rule, dummy_rule, is_defined_term, removed_rule

from ..dicom.character_sets import best_text, decode_text, is_encodable
from ..errors import DeidentificationError
from ..review.values import CleanedText
from .object_state import ObjectState

if TYPE_CHECKING:
    from ..descriptors.cleaner import DescriptorCleaner

#: VRs in which a backslash separates values
_MULTIPLE = ("LO", "SH", "UC")
#: ends of the keywords of attributes by which items are told apart
_LABELS = ("Label", "Name")


def clean_text(state: ObjectState, rule: Rule, content: bytes) -> str | None:
    """Return text without what identifies; None where nothing stays of it, and ``rule.otherwise`` counts.

    Args:
        content: the value, with its padding.
    """
    try:
        text = decode_text(content.split(b"\0", 1)[0].rstrip(b" "), state.charset)
    except DeidentificationError:
        return None
    values = text.split("\\") if rule.vr in _MULTIPLE else [text]
    clean, tag = _cleaner(state).clean, rule.tag
    cleaned = "\\".join(filter(None, [value if is_defined_term(tag, value) else clean(value) for value in values]))
    if (text and not cleaned) or not is_encodable(cleaned, state.charset) or _is_anothers(state, rule, cleaned, text):
        return None
    return cleaned


def reviewed_text(state: ObjectState, rule: Rule, content: bytes, cleaned: str | None) -> Rule | None:
    """Note a text that is cleaned, for its review, and return the rule that a reviewer's verdict puts in the place of ``rule``.

    Args:
        content: the value, with its padding.
        cleaned: what ``clean_text`` leaves of it.
    """
    assert state.cleaned is not None
    before = best_text(content.split(b"\0", 1)[0], state.charset).strip(" ")
    after = (cleaned or "").strip(" ")
    if not before:
        return None
    match state.resources.review.verdict_on_text(rule, before, after):
        case Verdict.ALLOW:
            state.cleaned.append(CleanedText(rule, before, before))
            return allowed_rule(rule)
        case Verdict.REMOVE if rule.otherwise is not None:
            return removed_rule(rule)
        case Verdict.DUMMY:
            return dummy_rule(rule, state.plan.sop_class_uid)
    state.cleaned.append(CleanedText(rule, before, after))
    return None


def _is_anothers(state: ObjectState, rule: Rule, cleaned: str, text: str) -> bool:
    """Find out whether another item has the label that cleaning leaves of ``text``, and had another one before."""
    if state.labels is None or not rule.keyword.endswith(_LABELS):
        return False
    return state.labels.setdefault((rule.tag, cleaned), text) != text


def _cleaner(state: ObjectState) -> DescriptorCleaner:
    """Return the object's cleaner, which knows the words that name the patient, or somebody or something around them."""
    if state.cleaner is None:
        # here, for few profiles clean text, and reading the vocabulary takes a while
        from ..descriptors.cleaner import DescriptorCleaner

        words, elsewhere = state.facts.words, state.facts.elsewhere
        keeps = ProfileOptions.RetainPatientChars in state.plan.profile.options
        state.cleaner = DescriptorCleaner(lambda word: word in words or word in elsewhere, keep_patient_characteristics=keeps)
    return state.cleaner
