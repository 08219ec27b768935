"""Descriptions of objects: of those that are refused, as far as they can be read."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from profiles import MODALITY, Operation, Plan, Rule, modalities, registered_uids, sop_class_modules

from ..dicom.buffer import Buffer
from ..dicom.encoding import Encoding
from ..dicom.tags import PATIENT_ID, SERIES, SOP_CLASS, SOP_INSTANCE, SPECIFIC_CHARACTER_SET, STUDY
from ..errors import DeidentificationError, Description
from ..identity.lookahead import patient_at
from ..identity.patients import Patient
from ..identity.uids import is_well_known

if TYPE_CHECKING:
    from .engine_resources import EngineResources

_UID = re.compile(rb"[0-9.]{1,64}")
_SOUGHT = frozenset({SPECIFIC_CHARACTER_SET, SOP_CLASS, SOP_INSTANCE, MODALITY, STUDY, SERIES})
_IDENTITY = frozenset({SOP_INSTANCE, STUDY, SERIES})
_NO_UID = (b"", b"")

#: descriptions that are kept in mind
_MOST_KNOWN = 1024

#: UIDs by tag: (original, new)
Uids = dict[int, tuple[bytes, bytes]]


class Describer:
    """Makes descriptions, by the key and names of one engine."""

    def __init__(self, resources: EngineResources) -> None:
        self._resources = resources
        self._uids = resources.uids
        # what the instances of a series share
        self._known: dict[tuple[Any, ...], Description] = {}

    def describe(self, plan: Plan, transfer_syntax: str, modality: bytes, patient: Patient | None, uids: Uids) -> Description:
        """Describe an object by what is known of it, but for what is its own alone.

        Args:
            modality: its value, padded or not.
            patient: whom the data set names; None: nobody, or that plays no part in the new PatientID.
            uids: of the object, with what takes their place.
        """
        sop_class, study, series = uids.get(SOP_CLASS, _NO_UID), uids.get(STUDY, _NO_UID), uids.get(SERIES, _NO_UID)
        key = plan, transfer_syntax, modality, patient, sop_class, study, series
        found = self._known.get(key)
        if found is None:
            found = Description(
                _registered(sop_class[0]),
                _registered(transfer_syntax.encode("latin-1", "replace")),
                _modality(modality),
                self._patient_id(plan.root[PATIENT_ID], patient),
                *self._identity(*study),
                *self._identity(*series),
            )
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = found
        return found

    def with_instance(self, description: Description, original: bytes, new: bytes) -> Description:
        """Return the description of an object with its SOPInstanceUID.

        Args:
            original, new: without padding; empty where there is none.
        """
        instance_hash, instance_uid = self._identity(original, new)
        return description._replace(instance_hash=instance_hash, instance_uid=instance_uid)

    def describe_beginning(
        self, plan: Plan, transfer_syntax: str, buffer: Buffer, offset: int, encoding: Encoding
    ) -> Description:
        """Describe an object that can't be walked to its pixels, by what can be found in its beginning.

        Args:
            buffer: all that is at hand; complete.
            offset: where the data set begins.
        """
        found = buffer.find(offset, len(buffer.content), _SOUGHT, encoding)
        values = {tag: buffer.text(element) for tag, element in found.items()}
        uids = {tag: (uid, self._new_uid(plan.root[tag], uid)) for tag, uid in values.items() if tag in _IDENTITY and uid}
        uids[SOP_CLASS] = (values.get(SOP_CLASS, b""),) * 2
        patient = None
        if plan.root[PATIENT_ID].operation is Operation.PATIENT_ID:
            charset = values.get(SPECIFIC_CHARACTER_SET, b"").decode("latin-1")
            try:
                patient = patient_at(buffer, offset, len(buffer.content), encoding, charset)
            except DeidentificationError:
                # nobody can say how it reads
                patient = None
        description = self.describe(plan, transfer_syntax, values.get(MODALITY, b""), patient, uids)
        return self.with_instance(description, *uids.get(SOP_INSTANCE, _NO_UID))

    def _new_uid(self, rule: Rule, uid: bytes) -> bytes:
        if rule.operation is Operation.NEW_UID:
            if is_well_known(uid):
                return uid
            # what the map says isn't known before it is whole
            return b"" if self._uids.goes_on else self._uids.new_uid(uid, rule.tag)
        return uid if rule.operation is Operation.KEEP else b""

    def _identity(self, original: bytes, new: bytes) -> tuple[bytes, str]:
        # what is no UID may be a name
        return self._uids.hash(original) if original else b"", new.decode() if _UID.fullmatch(new) else ""

    def _patient_id(self, rule: Rule, patient: Patient | None) -> str:
        if rule.operation is Operation.REPLACE:
            return rule.value if isinstance(rule.value, str) else ""
        if rule.operation is not Operation.PATIENT_ID or patient is None or not patient.patient_id:
            return ""
        table = self._resources.patients
        if table is None:
            return self._resources.pseudonyms.patient_id(patient).decode()
        new = table.find(patient)
        return (new.patient_id or "") if new is not None else ""


def _registered(uid: bytes) -> str:
    return uid.decode() if uid in _all_registered() else ""


@cache
def _all_registered() -> frozenset[bytes]:
    return frozenset(uid.encode() for uid in chain(registered_uids(), sop_class_modules()))


@lru_cache(maxsize=256)
def _modality(value: bytes) -> str:
    """Return a Defined Term; anything else may be anything."""
    text = value.strip(b"\0 ").decode("latin-1")
    return text if text in modalities() else ""
