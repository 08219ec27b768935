"""Triage: whether an object's pixels may show who somebody is, judged by what the object says of itself."""

from __future__ import annotations

from profiles import PixelPolicy, PixelRisk, Plan

from ..character_sets import best_text
from .notes import Notes

_MOST_KNOWN = 4096


class PixelTriage:
    """Judges the objects of one engine. Those of a series mostly say the same, and are judged once."""

    def __init__(self, policy: PixelPolicy) -> None:
        self._policy = policy
        self._known: dict[tuple[object, ...], tuple[PixelRisk, ...]] = {}
        #: plan, notes, character set and risks of the last object: replaced whole, for threads share it
        self._last: tuple[Plan | None, dict[int, bytes], str, tuple[PixelRisk, ...]] = (None, {}, "", ())

    def risks(self, plan: Plan, notes: Notes, charset: str) -> tuple[PixelRisk, ...]:
        """The risks of an object whose header was walked by ``plan``, the one that is told first; none for most objects.

        Args:
            charset: the object's SpecificCharacterSet.
        """
        last_plan, last_notes, last_charset, risks = self._last
        if plan is last_plan and notes.top == last_notes and charset == last_charset and not notes.nested:
            return risks
        risks = self._of_alike(plan, notes, charset)
        if not notes.nested:
            self._last = plan, notes.top, charset, risks
        return risks

    def _of_alike(self, plan: Plan, notes: Notes, charset: str) -> tuple[PixelRisk, ...]:
        if notes.nested:
            return self._judge(plan, notes, charset)
        key = (plan.sop_class_uid, plan.replaces_document, charset, *map(notes.top.get, plan.risks.watched))
        risks = self._known.get(key)
        if risks is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            risks = self._known[key] = self._judge(plan, notes, charset)
        return risks

    def _judge(self, plan: Plan, notes: Notes, charset: str) -> tuple[PixelRisk, ...]:
        if plan.replaces_document and not notes.has_pixels:
            # what it said of itself was said of the document
            return ()
        values = {tag: _values(notes.value(tag), charset) for tag in plan.risks.watched}
        return plan.risks.of_object(values, has_pixels=notes.has_pixels, trust_burned_in_no=self._policy.trust_burned_in_no)


def _values(noted: bytes, charset: str) -> tuple[str, ...]:
    """The values of an attribute, each up to a NUL and without padding."""
    return tuple(value.split("\0", 1)[0].strip(" ") for value in best_text(noted, charset).split("\\"))
