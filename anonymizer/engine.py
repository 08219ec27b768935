"""The engine: what de-identifies objects by one profile and one key. Everything else is a shell around this."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Container
from dataclasses import replace

from profiles import ConfidentialityProfile, PixelRisk, Plan, Rule, compile_plan, faces

from .buffer import Buffer
from .deflate import ByteStream
from .deidentification import Deidentification
from .describer import Describer
from .encoding import Encoding
from .errors import DeidentificationError, Reason
from .facts import FactFinder, Facts
from .identifying_words import IdentifyingWords
from .keys import Key
from .patients import Patient, PatientTable, PatientTableError
from .pixels import FaceEvidence, PixelTriage, face_evidence
from .progress import Progress
from .pseudonyms import Pseudonyms
from .report import AttributeAction, Scan
from .rewriter import Rewriter
from .source import Source
from .stamps import Stamping
from .tags import AUDIO_CLASSES, SERIES, SOP_CLASS
from .uids import KeyedUids, UidMapping, is_standard_sop_class
from .values import OtherPlanError, Shared, ValueRewriter

#: rules of the objects whose summaries are kept in mind, all together
_MAX_SUMMARISED = 5_000_000


class Engine:
    """De-identifies objects by one profile and one key. It keeps what objects share: plans, constants, known UIDs."""

    def __init__(
        self,
        profile: ConfidentialityProfile,
        key: Key,
        *,
        uid_root: str | None = None,
        patients: PatientTable | None = None,
        uid_hash_key: Key | None = None,
    ) -> None:
        """
        Args:
            uid_root: an organisation's root for new UIDs, None for 2.25.
            uid_hash_key: as ``hash_key`` of KeyedUids.
            patients: the lookup table by which patients are named; objects of others are refused. None: by pseudonyms.

        Raises:
            SecretError: ``uid_root`` can't be used.
            PatientTableError: ``patients`` and one alias for all.
        """
        if patients is not None and (profile.patient_id is not None or profile.patient_name is not None):
            raise PatientTableError("a table of patients and an alias for all of them exclude each other")
        self.profile = profile
        self.uids = KeyedUids(key, uid_root, uid_hash_key)
        self.pseudonyms = Pseudonyms(key)
        self.words = IdentifyingWords(key)
        self.facts = FactFinder(profile, key, patients)
        self.triage = PixelTriage(profile.pixels)
        self._shared = Shared(self.pseudonyms, Stamping(profile), Stamping(profile, identity_removed=False), patients)
        self._describer = Describer(self._shared, self.uids)
        self._summaries: dict[tuple[Rule, ...], tuple[AttributeAction, ...]] = {}
        self._summarised = 0

    def deidentify(
        self,
        stream: ByteStream,
        *,
        uids: UidMapping | None = None,
        size: int | None = None,
        words: Container[str] = frozenset(),
        handle: int | None = None,
        heads: frozenset[bytes] | None = None,
        whose: bool = False,
    ) -> Deidentification:
        """Start on the object that ``stream`` yields.

        Args:
            uids: where new UIDs come from; None: from the key alone.
            size: the object's size in bytes if known: it spares reads.
            words: those that identify somebody in other objects of the patient or study (``words.known``).
            handle: descriptor of the file that ``stream`` reads without a buffer of its own; its long values may then pass as
                ranges of it, in ``batches``.
            heads: keyed hashes of series that count as heads (``FaceEvidence``); None: each object is judged by itself.
            whose: find out the patient, whatever the profile makes of it.
        """
        return Deidentification(self, Source(stream, handle), uids or self.uids, size, words, heads, whose=whose)

    def scan(self, stream: ByteStream, *, uids: UidMapping, size: int | None = None, originals: bool = False) -> Scan:
        """Read an object's header as ``deidentify`` will, and hand every UID that it replaces to ``uids``.

        Args:
            size: the object's size in bytes if known: it spares reads.
            originals: tell who the patient was, too. What is told holds identifiers then.

        Raises:
            DeidentificationError: as ``deidentify``, as far as the header tells; it has a description of the object, and the
                originals that were asked for.
        """
        deidentification = Deidentification(self, Source(stream), uids, size, originals=originals)
        try:
            deidentification.scan()
        except DeidentificationError as error:
            if originals:
                error.originals = deidentification.originals_of_beginning()
            raise error.of(deidentification.describe_beginning(self._describer)) from None
        found = deidentification.progress.uids
        words = tuple(sorted(map(self.words.hash, deidentification.facts.words)))
        facts = deidentification.facts
        return Scan(
            found[SOP_CLASS][1].decode("latin-1"),
            found,
            deidentification.bytes_read,
            facts.person,
            deidentification.patient,
            words,
            deidentification.originals,
            deidentification.face,
            deidentification.describe(self._describer),
        )

    def patient_of(self, stream: ByteStream, *, size: int | None = None) -> Patient | None:
        """The patient whom an object's header names, by an ID or not, whatever else is wrong with it; None: that can't be told.

        Args:
            size: as for ``scan``.
        """
        deidentification = Deidentification(self, Source(stream), self.uids, size, originals=True)
        with contextlib.suppress(DeidentificationError):
            deidentification.scan()
        if (originals := deidentification.originals) is None:
            return None
        patient = Patient.of(originals.patient_id, originals.issuer)
        # what isn't in the object's character set was guessed, and is nobody's ID
        return patient if self.facts.whose(patient) == deidentification.patient else None

    def rewrite_data_set(self, content: bytes, encoding: Encoding, sop_class: str) -> bytes:
        """De-identify a bare data set, which may lack its UIDs.

        Raises:
            DeidentificationError: it can't be understood.
        """
        if sop_class:
            self.check_sop_class(sop_class.encode("latin-1", "replace"))
        plan = compile_plan(self.profile, sop_class)
        facts = self.facts.learn(Buffer(content, complete=True), 0, encoding, is_of_patient=plan.belongs_to_study)
        while True:
            rewriter = self.rewriter(plan, encoding, self.uids, facts, sop_class_fixed=True)
            try:
                pieces, _ = rewriter.rewrite(content, 0, complete=True)
            except OtherPlanError as other:
                plan = other.plan
                continue
            risks = self.pixel_risks(plan, rewriter.progress, keep=self.profile.pixels.keeps)
            self.check_face(self.face(plan, rewriter.progress), None)
            if risks == facts.pixel_risks:
                return b"".join(pieces)
            facts = replace(facts, pixel_risks=risks)

    def pixel_risks(self, plan: Plan, progress: Progress, *, keep: bool) -> tuple[PixelRisk, ...]:
        """The risks of an object that is kept in spite of them; its header was walked by ``plan``.

        Raises:
            DeidentificationError: it has some, and isn't to be kept.
        """
        risks = self.triage.risks(plan, progress.judged_by, progress.charset)
        if risks and not keep:
            raise DeidentificationError(Reason(risks[0].reason), risks[0].tag, tuple(Reason(risk.reason) for risk in risks))
        return risks

    def face(self, plan: Plan, progress: Progress) -> FaceEvidence | None:
        """Evidence of a head in an object whose header was walked by ``plan``; None where heads aren't looked for."""
        if not plan.judges_faces or not progress.judged_by.has_pixels:
            return None
        series = self.uids.hash(progress.uids.get(SERIES, (b"", b""))[0])
        return face_evidence(progress.judged_by, progress.charset, series)

    def check_face(self, evidence: FaceEvidence | None, heads: frozenset[bytes] | None) -> None:
        """Refuse a head.

        Args:
            heads: as for ``deidentify``.

        Raises:
            DeidentificationError: it counts as one.
        """
        if evidence is not None and (evidence.is_head if heads is None else evidence.series in heads):
            reason = Reason.PIXEL_RISK_FACE
            raise DeidentificationError(reason, faces.BODY_PART_EXAMINED, (reason,))

    def check_sop_class(self, sop_class: bytes) -> None:
        """PS3.15 E.1: de-identification of private classes is undefined.

        Raises:
            DeidentificationError: ``sop_class`` is no standard one.
        """
        if not is_standard_sop_class(sop_class) and not compile_plan(self.profile, sop_class.decode("latin-1")).known_iod:
            raise DeidentificationError(Reason.PRIVATE_SOP_CLASS, SOP_CLASS)
        if sop_class in AUDIO_CLASSES:
            # a voice identifies its speaker
            raise DeidentificationError(Reason.AUDIO, SOP_CLASS)

    def rewriter(
        self, plan: Plan, encoding: Encoding, uids: UidMapping, facts: Facts, *, sop_class_fixed: bool = False
    ) -> Rewriter:
        """A rewriter for one object."""
        return Rewriter(plan, encoding, ValueRewriter(plan, self._shared, uids, facts, sop_class_fixed=sop_class_fixed))

    def summary(self, rules: list[Rule]) -> tuple[AttributeAction, ...]:
        """The actions of ``rules``: instances of a series share one tuple."""
        key = tuple(rules)
        summary = self._summaries.get(key)
        if summary is None:
            counts = Counter((rule.label, rule.keyword, rule.action.value) for rule in rules if rule.action is not None)
            summary = tuple(
                AttributeAction(label, keyword, action, count) for (label, keyword, action), count in sorted(counts.items())
            )
            self._summarised += len(key)
            if self._summarised > _MAX_SUMMARISED:
                self._summaries.clear()
                self._summarised = len(key)
            if len(key) <= _MAX_SUMMARISED:
                self._summaries[key] = summary
        return summary
