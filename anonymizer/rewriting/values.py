"""One verb per operation: what takes the place of an element, given its value."""

from __future__ import annotations

import re

from profiles import DATE_VRS, ILLEGAL_VALUE, Operation, Plan, Rule, are_legal, compile_plan, is_public_scheme

from ..dicom.character_sets import encode_text, is_encodable, names_character_sets
from ..dicom.encoding import Encoding, encode_value, pad_text, pad_uid
from ..dicom.tags import SOP_CLASS, SOP_INSTANCE, SPECIFIC_CHARACTER_SET
from ..errors import DeidentificationError, Note, OtherPlanError, Reason
from ..files.pieces import Piece
from ..identity.dates import NoDateError, cap_age, shift_da, shift_dt, shift_tm
from ..identity.known_terms import are_known_terms
from ..identity.patients import Patient
from ..identity.subject import SubjectFacts
from ..identity.uids import UidMapping, is_well_known
from .engine_resources import EngineResources
from .illegal_values import legal_part
from .method_codes import Dates, Stamps
from .state import HeaderFindings, Progress
from .text_cleaner import TextCleaner

_DAY = 86_400
_UID = re.compile(rb"[0-9.]{1,64}")
#: bytes, padding among them; broken devices make longer ones than the standard's 64
_LONGEST_UID = 1024
#: characters that no text holds (PS3.5 6.1.3: TAB, LF, FF, CR and ESC may occur); NUL is looked at apart
_CONTROL_BUT_NUL = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def _before_nul(value: bytes) -> bytes:
    """What a value says: up to a NUL, without blanks around it."""
    return value.split(b"\0", 1)[0].strip(b" ")


#: members of an Enum are looked up slowly before Python 3.12
_CAP_AGE = Operation.CAP_AGE
_CLEAN_TEXT = Operation.CLEAN_TEXT
_DEVICE_PSEUDONYM = Operation.DEVICE_PSEUDONYM
_EMPTY = Operation.EMPTY
_KEEP = Operation.KEEP
_KEEP_SCHEME = Operation.KEEP_SCHEME
_KEEP_TERMS = Operation.KEEP_TERMS
_NEW_UID = Operation.NEW_UID
_PATIENT_NAME = Operation.PATIENT_NAME
_REMOVE = Operation.REMOVE
_RENUMBER = Operation.RENUMBER
_SHIFT = Operation.SHIFT
_STAMP = Operation.STAMP


class ValueRewriter:
    """Makes the replacements for one object's values.

    Attributes:
        shared: what all objects share.
        progress: what is known of the object so far.
        encoding: of the data set.
        stamping: what the object will say of itself.
        texts: cleans the object's texts.
        is_local: whether the coding scheme met last is one that nobody published.
    """

    def __init__(
        self,
        plan: Plan,
        shared: EngineResources,
        uids: UidMapping,
        facts: SubjectFacts,
        judgement: HeaderFindings,
        encoding: Encoding,
        *,
        sop_class_fixed: bool,
    ) -> None:
        """
        Args:
            shared: what all objects share.
            facts: what was learnt of the object before.
            judgement: what an earlier walk of its header brought.
            encoding: of the data set.
            sop_class_fixed: whether ``plan`` is used whatever SOPClassUID says.
        """
        self._plan = plan
        self.shared = shared
        self._uids = uids
        self._facts = facts
        self._sop_class_fixed = sop_class_fixed
        self.texts = TextCleaner(plan, facts)
        self.is_local = False
        self._missing = judgement.missing
        self.encoding = encoding
        self.stamping = shared.statements.stamping(judgement.statement)
        self.progress = self.begin()

    def begin(self) -> Progress:
        """What is known of the object before its first element.

        Raises:
            DeidentificationError: a UID that it lacks can't be made.
        """
        progress = self.progress = Progress()
        if self._missing:
            added = {}
            for tag, original in self._missing.items():
                rule = self._plan.root[tag]
                given = tag == SOP_INSTANCE
                progress.notes.add(Note.UID_FROM_FILE_META if given else Note.MISSING_UID_ADDED)
                if given and rule.operation is _KEEP:
                    self._inspect(rule, original)
                else:
                    self._identify(rule, original, self._new_uid(original, rule))
                added[tag] = self.encoding.element(tag, "UI", pad_uid(progress.uids[tag][1]))
            progress.stamps = Stamps(added)
        return progress

    @property
    def names_patients(self) -> bool:
        """Whether a table has new names for patients."""
        return self.shared.patients is not None

    @property
    def shifts_times(self) -> bool:
        """Whether the object's dates move by more than whole days."""
        return bool(self._facts.offset and self._facts.offset % _DAY)

    def rewrite(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        """The element that takes the place of one with the value ``content``; None: it stays as it is.

        Raises:
            OtherPlanError: the value says that another plan is the right one.
            DeidentificationError: the value can't be understood, or says that the object must not be written.
        """
        operation = rule.operation
        if rule.inspected and rule.tag in self._missing:
            # empty: another is added
            return []
        if operation is _NEW_UID:
            return self._replace_uids(rule, content, encoding)
        if rule.inspected:
            self._inspect(rule, content)
        if operation is _KEEP or operation is _RENUMBER:
            # outside of its tree a reference stays as it is
            if rule.illegal is not None and rule.accepts is not None and not rule.accepts(content):
                # what only needs padding is looked at closely
                if not are_legal(rule.tag, rule.vr, self._text(rule, content)):
                    return self._illegal(rule, content, encoding)
            return self.keep(rule, content, encoding)
        if operation is _STAMP:
            self.progress.stamps.found(rule.tag, self._text(rule, content))
            return []
        if operation is _CLEAN_TEXT:
            return self._clean(rule, content, encoding)
        if operation is _DEVICE_PSEUDONYM:
            return self._new_text(rule, b"\\".join(map(self.shared.pseudonyms.device, self._parts(content))), content, encoding)
        if operation is _KEEP_TERMS:
            return self._keep_terms(rule, content, encoding)
        if operation is _KEEP_SCHEME:
            return self._keep_scheme(rule, content, encoding)
        if operation is _CAP_AGE:
            return self._cap_age(rule, content, encoding)
        return self.change(rule, encoding)

    def identity(self, rule: Rule, patient: Patient | None, encoding: Encoding) -> list[Piece]:
        """PatientID or PatientName: from the table of patients, else a keyed pseudonym and no name (PS3.15 E.1.1).

        Args:
            patient: whom the data set names; None where that plays no part.

        Raises:
            DeidentificationError: the table doesn't have the patient.
        """
        table, is_name = self.shared.patients, rule.operation is _PATIENT_NAME
        if patient is None or (is_name and (table is None or not patient.patient_id)):
            return self._otherwise(rule, encoding)
        if table is None or not patient.patient_id:
            self.progress.rules.append(rule)
            # an empty PatientID stays empty: a pseudonym would join all patients that have none
            pseudonym = self.shared.pseudonyms.patient_id(patient) if patient.patient_id else b""
            return [encoding.element(rule.tag, rule.vr, pseudonym)]
        new = table.find(patient)
        if new is None:
            raise DeidentificationError(Reason.PATIENT_NOT_IN_TABLE, rule.tag)
        text = new.patient_name if is_name else new.patient_id
        if text is None:
            return self._otherwise(rule, encoding)
        self.progress.rules.append(rule)
        return [self._encoded(rule, text, encoding)]

    def shift(self, rule: Rule, content: bytes, time: bytes | None, encoding: Encoding) -> list[Piece] | None:
        """A date or time, moved by the patient's offset; what is none gets the action that it would have without the option.

        Args:
            time: value of the TM that belongs to a DA, where both cross midnight together.
        """
        value, offset = content.strip(b"\0 "), self._facts.offset
        if offset is None:
            return self._otherwise(rule, encoding)
        try:
            if rule.vr == "DA":
                new = shift_da(value, offset, time)
            else:
                new = shift_tm(value, offset) if rule.vr == "TM" else shift_dt(value, offset)
        except NoDateError:
            return self._otherwise(rule, encoding)
        return self._new_text(rule, new, content, encoding)

    def _leaves_more(self, rule: Rule, what: Dates) -> None:
        """Note that a value is left, where that has a say in what the object says of itself."""
        if not self.shared.statements.depends:
            return
        self.progress.undone |= rule.weakens
        if rule.vr in DATE_VRS:
            self.progress.dates |= what

    def _otherwise(self, rule: Rule, encoding: Encoding) -> list[Piece]:
        assert rule.otherwise is not None
        return self.change(rule.otherwise, encoding)

    def _new_text(self, rule: Rule, new: bytes, content: bytes, encoding: Encoding) -> list[Piece] | None:
        """The element with the text ``new``; None where that is what it has."""
        self.progress.rules.append(rule)
        if new and (rule.weakens or rule.operation is _SHIFT):
            self._leaves_more(rule, Dates.MOVED)
        padded = pad_text(new)
        return None if padded == content else [encoding.element(rule.tag, rule.vr, padded)]

    @staticmethod
    def _parts(content: bytes) -> list[bytes]:
        return [part.strip(b"\0 ") for part in content.split(b"\\")]

    def cleaned(self, rule: Rule, content: bytes) -> str | None:
        """As ``TextCleaner.cleaned``."""
        return self.texts.cleaned(rule, content, self.progress.charset)

    def _clean(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        cleaned = self.cleaned(rule, content)
        if cleaned is None:
            return self._otherwise(rule, encoding)
        if cleaned.isascii():
            return self._new_text(rule, cleaned.encode(), content, encoding)
        self.progress.rules.append(rule)
        self._leaves_more(rule, Dates.MOVED)
        return [self._encoded(rule, cleaned, encoding)]

    def _keep_terms(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        """Text all of whose values are known terms, as it stands; of any other, what ``rule.otherwise`` makes of it."""
        if are_known_terms(content, rule.value):
            if rule.action is not None:
                self.progress.rules.append(rule)
            return None
        assert rule.otherwise is not None
        return self.rewrite(rule.otherwise, content, encoding)

    def _keep_scheme(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        """The designator of a coding scheme that is public; others name who made them."""
        self.is_local = not is_public_scheme(self._text(rule, content).decode("latin-1").strip())
        if not self.is_local:
            return self.kept(rule, content, encoding)
        assert rule.otherwise is not None
        return self.rewrite(rule.otherwise, content, encoding)

    def _cap_age(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        try:
            new = cap_age(content.strip(b"\0 "))
        except NoDateError:
            return self._otherwise(rule, encoding)
        return self._new_text(rule, new, content, encoding)

    def change(self, rule: Rule, encoding: Encoding) -> list[Piece]:
        """The element, if any, that takes the place of one whatever its value was."""
        self.progress.rules.append(rule)
        if rule.operation is _REMOVE:
            return []
        return [self.shared.constants[encoding].get(rule) or self.constant(rule, encoding)]

    def keep(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        """A value that is to stay, whatever it is.

        Raises:
            DeidentificationError: as ``kept``.
        """
        if rule.action is not None:
            self.progress.rules.append(rule)
            if content.strip(b"\0 "):
                self._leaves_more(rule, Dates.KEPT if rule.weakens else Dates.RETAINED)
        return self.kept(rule, content, encoding)

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
        return [encoding.element(rule.tag, rule.vr, pad_uid(cut) if rule.vr == "UI" else pad_text(cut))]

    def _illegal(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        """What takes the place of a value that isn't what its VR says.

        Raises:
            DeidentificationError: it is required, and any other value would say what isn't true.
        """
        assert rule.illegal is not None
        new = rule.illegal()
        if new.reason != ILLEGAL_VALUE:
            # a code of a site's own, or a rule that keeps whatever stands there
            return self.rewrite(new, content, encoding)
        self.progress.notes.add(Note.ILLEGAL_VALUE_REMOVED)
        left = legal_part(rule, new, self._text(rule, content))
        if left is None:
            return self.rewrite(new, content, encoding)
        self.progress.rules.append(new)
        return [encoding.element(rule.tag, rule.vr, pad_text(left))]

    @staticmethod
    def _text(rule: Rule, content: bytes) -> bytes:
        """A text without padding, each of its values up to a NUL."""
        text = content.rstrip(b"\0 ")
        if _CONTROL_BUT_NUL.search(text):
            raise DeidentificationError(Reason.INVALID_VALUE, rule.tag)
        return b"\\".join(part.split(b"\0", 1)[0] for part in text.split(b"\\")) if b"\0" in text else text

    def constant(self, rule: Rule, encoding: Encoding) -> bytes:
        """The element that takes the place of all with ``rule``; if it is the same in every object, it is kept."""
        if rule.operation is _EMPTY:
            constant = encoding.element(rule.tag, rule.vr, b"")
        elif isinstance(rule.value, str) and not rule.value.isascii():
            return self._encoded(rule, rule.value, encoding)
        else:
            constant = encode_value(rule.tag, rule.vr, rule.value, encoding)
        self.shared.constants[encoding][rule] = constant
        return constant

    def _encoded(self, rule: Rule, text: str, encoding: Encoding) -> bytes:
        """An element with ``text`` in the object's character set.

        Raises:
            DeidentificationError: it can't be written there.
        """
        if not is_encodable(text, self.progress.charset):
            raise DeidentificationError(Reason.ALIAS_NOT_ENCODABLE, rule.tag)
        return encode_text(rule.tag, rule.vr, text, encoding, self.progress.charset)

    def _replace_uids(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        uid = _before_nul(content)
        if len(content) > _LONGEST_UID and max(map(len, content.split(b"\\"))) > _LONGEST_UID:
            # it has swallowed its neighbours: its length is damaged
            raise DeidentificationError(Reason.INVALID_UID, rule.tag)
        if b"\\" in content:
            new = b"\\".join([self._new_uid(_before_nul(part), rule) for part in content.split(b"\\")])
        else:
            new = self._new_uid(uid, rule)
        if rule.inspected:
            self._identify(rule, uid, new)
        padded = pad_uid(new)
        if padded == content:
            return None
        self.progress.rules.append(rule)
        return [encoding.element(rule.tag, "UI", padded)]

    def _new_uid(self, uid: bytes, rule: Rule) -> bytes:
        if not uid or is_well_known(uid):
            return uid
        new = self.progress.new_uids[uid] = self._uids.new_uid(uid, rule.tag)
        return new

    def _inspect(self, rule: Rule, content: bytes) -> None:
        tag = rule.tag
        if tag == SPECIFIC_CHARACTER_SET:
            if not names_character_sets(content):
                raise DeidentificationError(Reason.INVALID_VALUE, tag)
            self.progress.charset = content.strip(b"\0 ").decode("latin-1")
        elif rule.operation is _KEEP:
            uid = _before_nul(content)
            if tag != SOP_CLASS and uid and not _UID.fullmatch(uid):
                # a retained UID names files and stands in the file meta: nothing else may
                raise DeidentificationError(Reason.INVALID_UID, tag)
            self._identify(rule, uid, uid)
            if tag == SOP_CLASS and not self._sop_class_fixed and (name := uid.decode("latin-1")) != self._plan.sop_class_uid:
                raise OtherPlanError(compile_plan(self._plan.profile, name))

    def _identify(self, rule: Rule, original: bytes, new: bytes) -> None:
        if b"\\" in original or b"\\" in new:
            # an object has one identity; a NUL may hide the second one
            raise DeidentificationError(Reason.INVALID_UID, rule.tag)
        self.progress.uids[rule.tag] = (original, new)
