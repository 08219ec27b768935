"""Triage of objects by the risk that their pixels identify a person, judged by their attributes."""

from __future__ import annotations

from profiles import (
    BURNED_IN_ANNOTATION,
    Outcome,
    PixelPolicy,
    PixelRisk,
    PixelRules,
    PixelSizeError,
    Plan,
)

from ..dicom.character_sets import best_text
from .notes import Notes

_MOST_KNOWN = 4096
_ROWS, _COLUMNS = 0x00280010, 0x00280011


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


class RuleTriage:
    """The triage of objects at no risk by a site's own pixel rules. Objects with the same attributes are judged once."""

    def __init__(self, rules: PixelRules) -> None:
        self._rules = rules
        self._tags = tuple(sorted(rules.watched))
        self._known: dict[tuple[object, ...], bool] = {}

    def may_mean(self, notes: Notes, charset: str) -> bool:
        """Return False when no rule means an object, or those that do keep it: nothing comes of them where nothing is at risk.

        Args:
            notes: the notes taken of its header.
            charset: the object's SpecificCharacterSet.
        """
        key = (charset, *map(notes.top.get, self._tags))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = self._match(notes, charset)
        return found

    def _match(self, notes: Notes, charset: str) -> bool:
        values = {tag: split_values(notes.top.get(tag, b""), charset) for tag in self._tags}
        try:
            matches = self._rules.match(values, *(size_of(values[tag]) for tag in (_ROWS, _COLUMNS)))
        except PixelSizeError:
            return True
        return any(match.outcome is not Outcome.KEEP for match in matches)


def size_of(values: tuple[str, ...]) -> int:
    """Return Rows or Columns by its values, 0 where they are no size."""
    return int(values[0]) if len(values) == 1 and values[0].isdecimal() else 0


def split_values(noted: bytes, charset: str) -> tuple[str, ...]:
    """Return the values of an attribute without padding. Text after a NUL within a value becomes a further value at the end."""
    values = [value.strip("\0 ") for value in best_text(noted, charset).split("\\")]
    hidden = [part.strip(" ") for value in values for part in value.split("\0")[1:]]
    return (*(value.split("\0", 1)[0].strip(" ") for value in values), *hidden)
