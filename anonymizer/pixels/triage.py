"""Triage of objects by the risk that their pixels identify a person, judged by their attributes."""

from __future__ import annotations

from profiles import BURNED_IN_ANNOTATION, PixelPolicy, PixelRisk, Plan

from ..dicom.character_sets import best_text
from .notes import Notes

_MOST_KNOWN = 4096


class PixelTriage:
    """The triage of one engine's objects. Objects with the same attributes, such as most of a series, are judged once."""

    def __init__(self, policy: PixelPolicy) -> None:
        self._policy = policy
        self._known: dict[tuple[object, ...], tuple[PixelRisk, ...]] = {}
        #: plan, notes, character set and risks of the last object; replaced in one assignment, because threads share it
        self._last: tuple[Plan | None, dict[int, bytes], str, tuple[PixelRisk, ...]] = (None, {}, "", ())

    def risks(self, plan: Plan, notes: Notes, charset: str) -> tuple[PixelRisk, ...]:
        """Return the pixel risks of an object, the one to report first at the beginning; most objects have none.

        Args:
            plan: the plan by which its header was parsed.
            notes: the notes taken of its header.
            charset: the object's SpecificCharacterSet.
        """
        if notes.nested:
            return self._judge(plan, notes, charset)
        last_plan, last_notes, last_charset, risks = self._last
        if plan is not last_plan or notes.top != last_notes or charset != last_charset:
            risks = self._of_alike(plan, notes, charset)
            # a copy: the object, perhaps in another thread, may still add notes
            self._last = plan, dict(notes.top), charset, risks
        return risks

    def _of_alike(self, plan: Plan, notes: Notes, charset: str) -> tuple[PixelRisk, ...]:
        key = (plan.sop_class_uid, plan.replaces_document, notes.has_pixels, charset, *map(notes.top.get, plan.risks.watched))
        risks = self._known.get(key)
        if risks is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            risks = self._known[key] = self._judge(plan, notes, charset)
        return risks

    def _judge(self, plan: Plan, notes: Notes, charset: str) -> tuple[PixelRisk, ...]:
        if plan.replaces_document and not notes.has_pixels:
            # its attributes describe the document, which is replaced
            return ()
        values = {tag: split_values(notes.value(tag), charset) for tag in plan.risks.watched}
        own = [value.upper() for value in split_values(notes.top.get(BURNED_IN_ANNOTATION, b""), charset) if value]
        return plan.risks.of_object(
            values,
            has_pixels=notes.has_pixels,
            says_no=set(own) == {"NO"},
            trust_burned_in_no=self._policy.trust_burned_in_no,
        )


def split_values(noted: bytes, charset: str) -> tuple[str, ...]:
    """Return the values of an attribute without padding. Text after a NUL within a value becomes a further value at the end."""
    values = [value.strip("\0 ") for value in best_text(noted, charset).split("\\")]
    hidden = [part.strip(" ") for value in values for part in value.split("\0")[1:]]
    return (*(value.split("\0", 1)[0].strip(" ") for value in values), *hidden)
