"""One verb per operation: what takes the place of an element, given its value."""

from __future__ import annotations

import re

from profiles import Operation, Plan, Rule, compile_plan

from .encoding import Encoding, decode_text, encode_value, is_encodable
from .errors import DeidentificationError, Reason
from .files import Piece
from .part10 import pad_uid
from .progress import Progress
from .pseudonyms import Pseudonyms
from .tags import BURNED_IN, SOP_CLASS, SPECIFIC_CHARACTER_SET
from .uids import UidMapping, is_well_known

#: characters that no text holds (PS3.5 6.1.3: TAB, LF, FF, CR and ESC may occur); NUL is looked at apart
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_UID = re.compile(rb"[0-9.]{1,64}")
_CONTROL_BUT_NUL = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def _before_nul(value: bytes) -> bytes:
    """What a value says: up to a NUL, without blanks around it."""
    return value.split(b"\0", 1)[0].strip(b" ")


class OtherPlanError(Exception):
    """The object isn't what the plan in use is for.

    Attributes:
        plan: the right one.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


class ValueRewriter:
    """Makes the replacements for one object's values.

    Attributes:
        progress: what is known of the object so far.
    """

    def __init__(
        self,
        plan: Plan,
        uids: UidMapping,
        pseudonyms: Pseudonyms,
        constants: dict[tuple[Rule, Encoding], bytes],
        *,
        keep_burned_in: bool,
        sop_class_fixed: bool,
    ) -> None:
        """
        Args:
            constants: elements that are the same in every object, shared by all that use ``plan``.
            keep_burned_in: whether BurnedInAnnotation YES is let through.
            sop_class_fixed: whether ``plan`` is used whatever SOPClassUID says.
        """
        self._plan = plan
        self._uids = uids
        self._pseudonyms = pseudonyms
        self._constants = constants
        self._keep_burned_in = keep_burned_in
        self._sop_class_fixed = sop_class_fixed
        self.progress = Progress()

    def rewrite(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        """The element that takes the place of one with the value ``content``; None: it stays as it is.

        Raises:
            OtherPlanError: the value says that another plan is the right one.
            DeidentificationError: the value can't be understood, or says that the object must not be written.
        """
        if rule.inspected:
            self._inspect(rule, content)
        operation = rule.operation
        if operation is Operation.KEEP:
            if rule.action is not None:
                self.progress.rules.append(rule)
            return self.kept(rule, content, encoding)
        if operation is Operation.NEW_UID:
            return self._replace_uids(rule, content, encoding)
        if operation is Operation.STAMP:
            self.progress.stamps.found(rule.tag, self._text(rule, content))
            return []
        if operation is Operation.PSEUDONYM:
            return [self._pseudonym(rule, content, encoding)]
        return self.change(rule, encoding)

    def change(self, rule: Rule, encoding: Encoding) -> list[Piece]:
        """The element, if any, that takes the place of one whatever its value was."""
        self.progress.rules.append(rule)
        if rule.operation is Operation.REMOVE:
            return []
        constant = self._constants.get((rule, encoding))
        return [constant or self._constant(rule, encoding)]

    def kept(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        """Look at a value that is to stay: text ends at a NUL, and what stands behind it goes (rules of PS3.5 6.2).

        Raises:
            DeidentificationError: control characters: a damaged length has swallowed other elements.
        """
        if not rule.text:
            return None
        cut = self._text(rule, content)
        if cut == content.rstrip(b"\0 "):
            return None
        return [encoding.element(rule.tag, rule.vr, pad_uid(cut) if rule.vr == "UI" else cut + b" " * (len(cut) % 2))]

    @staticmethod
    def _text(rule: Rule, content: bytes) -> bytes:
        """A text without padding, each of its values up to a NUL."""
        text = content.rstrip(b"\0 ")
        if _CONTROL_BUT_NUL.search(text):
            raise DeidentificationError(Reason.INVALID_VALUE, rule.tag)
        return b"\\".join(part.split(b"\0", 1)[0] for part in text.split(b"\\")) if b"\0" in text else text

    def _pseudonym(self, rule: Rule, content: bytes, encoding: Encoding) -> bytes:
        patient_id = content.strip(b"\0 ")
        self.progress.rules.append(rule)
        # an empty PatientID stays empty: a pseudonym would join all patients that have none
        new = self._pseudonyms.patient_id(decode_text(patient_id, self.progress.charset).strip()) if patient_id else b""
        return encoding.element(rule.tag, rule.vr, new)

    def _constant(self, rule: Rule, encoding: Encoding) -> bytes:
        if rule.operation is Operation.EMPTY:
            constant = encoding.element(rule.tag, rule.vr, b"")
        elif isinstance(rule.value, str) and not rule.value.isascii():
            if not is_encodable(rule.value, self.progress.charset):
                raise DeidentificationError(Reason.ALIAS_NOT_ENCODABLE, rule.tag)
            return encode_value(rule.tag, rule.vr, rule.value, encoding, self.progress.charset)
        else:
            constant = encode_value(rule.tag, rule.vr, rule.value, encoding)
        self._constants[rule, encoding] = constant
        return constant

    def _replace_uids(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        new_uids = []
        for part in content.split(b"\\") if b"\\" in content else (content,):
            uid = _before_nul(part)
            new_uids.append(uid if not uid or is_well_known(uid) else self._uids.new_uid(uid, rule.tag))
        new = b"\\".join(new_uids)
        if rule.inspected:
            self._identify(rule, _before_nul(content), new)
        padded = pad_uid(new)
        if padded == content:
            return None
        self.progress.rules.append(rule)
        return [encoding.element(rule.tag, "UI", padded)]

    def _inspect(self, rule: Rule, content: bytes) -> None:
        tag = rule.tag
        if tag == SPECIFIC_CHARACTER_SET:
            self.progress.charset = content.strip(b"\0 ").decode("latin-1")
        elif tag == BURNED_IN:
            values = (_before_nul(value).upper() for value in content.split(b"\\"))
            if b"YES" in values and not self._keep_burned_in:
                raise DeidentificationError(Reason.BURNED_IN_ANNOTATION, tag)
        elif rule.operation is Operation.REMOVE:
            if content.strip(b"\0"):
                raise DeidentificationError(Reason.EMBEDDED_OVERLAY, tag)
        elif rule.operation is Operation.KEEP:
            uid = _before_nul(content)
            if tag != SOP_CLASS and uid and not _UID.fullmatch(uid):
                # a retained UID names files and stands in the file meta: nothing else may
                raise DeidentificationError(Reason.INVALID_UID, tag)
            self._identify(rule, uid, uid)
            if tag == SOP_CLASS and not self._sop_class_fixed and (name := uid.decode("latin-1")) != self._plan.sop_class_uid:
                raise OtherPlanError(compile_plan(self._plan.profile, name))

    def _identify(self, rule: Rule, original: bytes, new: bytes) -> None:
        if b"\\" in original:
            # an object has one identity
            raise DeidentificationError(Reason.INVALID_UID, rule.tag)
        self.progress.uids[rule.tag] = (original, new)
