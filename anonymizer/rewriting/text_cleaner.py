"""The cleaning of one object's texts (PS3.15 E.3.5), and of labels that must tell the items of a sequence apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiles import Plan, ProfileOptions, Rule, is_defined_term

from ..dicom.character_sets import decode_text, is_encodable
from ..errors import DeidentificationError
from ..identity.subject import SubjectFacts

if TYPE_CHECKING:
    from ..descriptors.cleaner import DescriptorCleaner

#: VRs in which a backslash separates values
_MULTIPLE = ("LO", "SH", "UC")
#: ends of the keywords of attributes by which items are told apart
_LABELS = ("Label", "Name")


class TextCleaner:
    """Cleans the texts of one object.

    Attributes:
        labels: what the labels of the items of the sequence at hand were, by tag and what they are; None outside of sequences.
    """

    def __init__(self, plan: Plan, facts: SubjectFacts) -> None:
        self._plan = plan
        self._facts = facts
        self._cleaner: DescriptorCleaner | None = None
        self.labels: dict[tuple[int, str], str] | None = None

    def cleaned(self, rule: Rule, content: bytes, charset: str) -> str | None:
        """Text without what identifies; None where nothing stays of it, and ``rule.otherwise`` counts.

        Args:
            content: the value, with its padding.
            charset: SpecificCharacterSet in force.
        """
        try:
            text = decode_text(content.split(b"\0", 1)[0].rstrip(b" "), charset)
        except DeidentificationError:
            return None
        values = text.split("\\") if rule.vr in _MULTIPLE else [text]
        clean, tag = self._descriptor_cleaner.clean, rule.tag
        cleaned = "\\".join(filter(None, [value if is_defined_term(tag, value) else clean(value) for value in values]))
        if (text and not cleaned) or not is_encodable(cleaned, charset) or self._is_anothers(rule, cleaned, text):
            return None
        return cleaned

    def _is_anothers(self, rule: Rule, cleaned: str, text: str) -> bool:
        """Whether another item of the sequence has the label that cleaning leaves of ``text``, and had another one before."""
        if self.labels is None or not rule.keyword.endswith(_LABELS):
            return False
        return self.labels.setdefault((rule.tag, cleaned), text) != text

    @property
    def _descriptor_cleaner(self) -> DescriptorCleaner:
        if self._cleaner is None:
            # here, for few profiles clean text, and reading the vocabulary takes a while
            from ..descriptors.cleaner import DescriptorCleaner

            keeps = ProfileOptions.RetainPatientChars in self._plan.profile.options
            self._cleaner = DescriptorCleaner(self._is_identifying, keep_patient_characteristics=keeps)
        return self._cleaner

    def _is_identifying(self, word: str) -> bool:
        """Whether a word names the patient or somebody or something around them, here or in other objects of theirs."""
        facts = self._facts
        return word in facts.words or word in facts.elsewhere
