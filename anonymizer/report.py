"""Reports on an object: what was done to it, what its header says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from .errors import DeidentificationError, Description, Originals
from .pixels import CleanedPixels, FaceEvidence, PixelDecision, PixelEvidence
from .reasons import Note, Reason


class AttributeAction(NamedTuple):
    """An action on the attributes at one path of an object.

    Attributes:
        path: ``(0008,1140)>(0008,1155)``; ``(private)`` and ``(unknown)`` stand for all such attributes of one place that
            go, ``(content item)`` for items; private ones that stay are ``(0019,"SIEMENS MR HEADER",0c)``.
        keyword: of the last attribute, or ``""``.
        action: ``D``, ``Z``, ``X``, ``K``, ``C`` or ``U``.
        count: how many elements.
        reason: ``identifier-screened`` where values are gone for they named somebody who is known; ``""`` for the profile's own
            actions.
    """

    path: str
    keyword: str
    action: str
    count: int  # type: ignore[assignment]  # shadows tuple.count, which nobody calls on an action
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one object. It holds no value of the original but its SOP class, and UIDs that the profile retains.

    Attributes:
        sop_class_uid, transfer_syntax_uid: as in the original.
        sop_instance_uid, study_instance_uid, series_instance_uid: the new ones, ``""`` where the object has none.
        actions: what was done, ordered by path.
        notes: what was mended on the way, and what to know of the output.
        pixel_risks: for which reasons the object would have been refused, had the profile not kept or cleaned its pixels.
        pixels: the cleaning of its pixels; None where nothing had to be cleaned.
        patient_sex, patient_age: as they stand in the output; ``""`` where it has none, or none that is legal.
    """

    sop_class_uid: str
    transfer_syntax_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    actions: tuple[AttributeAction, ...]
    notes: tuple[Note, ...]
    pixel_risks: tuple[Reason, ...] = ()
    pixels: CleanedPixels | None = None
    patient_sex: str = ""
    patient_age: str = ""

    def __repr__(self) -> str:
        counts: Counter[str] = Counter()
        for action in self.actions:
            counts[action.action] += action.count
        parts = [", ".join(f"{action} {counts[action]}" for action in sorted(counts)) or "no actions"]
        for name, codes in (("notes", self.notes), ("risks", self.pixel_risks)):
            if codes:
                parts.append(f"{name} {', '.join(map(str, codes))}")
        return f"<Report: {'; '.join(parts)}>"


class PixelInspection(NamedTuple):
    """The findings of a scan about an object's pixels.

    Attributes:
        evidence: that by which it is decided what is blanked; None for an object that is at no risk, or was refused before.
        decision: what is blanked; None where nothing was decided.
        error: why the object is refused; None: it isn't.
        transfer_syntax: its UID; ``""`` where nothing tells it.
        can_clean: pixels in this transfer syntax can be cleaned.
        whole_blocks: what is cleaned in it grows to whole blocks of pixels.
    """

    evidence: PixelEvidence | None
    decision: PixelDecision | None
    error: DeidentificationError | None
    transfer_syntax: str
    can_clean: bool
    whole_blocks: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """The findings of a header scan. It holds original UIDs and perhaps names, so its repr shows none of them.

    Attributes:
        sop_class_uid: the class.
        uids: top-level UIDs by tag, (original, new), without padding.
        bytes_read: bytes of the object that had to be read.
        person: keyed hash of whose object it is: the patient, or the study where no PatientID tells; empty unless needed.
        patient: keyed hash of the patient, 8 bytes; empty where no PatientID tells.
        words: hashes of the words that identify somebody (``IdentifyingWords.hash``), sorted; for memory only; empty unless the
            profile cleans text.
        originals: who the patient was; None unless asked for.
        face: evidence of a head; None where the profile doesn't look for any.
        description: what the audit says of the object, but for its own UID.
        pixels: the decision on pixels that are cleaned; None where there is nothing to decide.
        needs_search: the decision waits for a search for text, which this scan was not to do.
    """

    sop_class_uid: str
    uids: dict[int, tuple[bytes, bytes]]
    bytes_read: int
    person: bytes = b""
    patient: bytes = b""
    words: tuple[bytes, ...] = ()
    originals: Originals | None = None
    face: FaceEvidence | None = None
    description: Description = Description()  # noqa: RUF009  # a constant
    pixels: PixelDecision | None = None
    needs_search: bool = False

    def __repr__(self) -> str:
        return f"<Scan: {len(self.uids)} UIDs, {len(self.words)} words, {self.bytes_read} bytes read>"
