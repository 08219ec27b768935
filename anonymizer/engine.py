"""The engine: it de-identifies objects by one profile and one key. Everything else is a shell around it."""

from __future__ import annotations

import contextlib
from collections.abc import Container

from profiles import ConfidentialityProfile

from .blanking import PixelForm, form_of
from .dicom.deflate import ByteStream
from .dicom.encoding import Encoding
from .dicom.object_reader import ObjectReader
from .dicom.tags import SOP_CLASS
from .errors import DeidentificationError
from .identity.identifying_words import IdentifyingWords
from .identity.known_values import KnownValue, known_words
from .identity.patients import Patient, PatientTable, PatientTableError
from .identity.pseudonyms import Pseudonyms
from .identity.subject import SubjectReader
from .identity.uids import KeyedUids, UidMapping
from .keys.key import Key
from .pixels import PixelDecision, PixelTriage, ReviewedObjects, RuleTriage
from .reasons import Reason
from .report import PixelInspection, Scan
from .review.object_review import ReviewRules
from .review.values import ValueHashes
from .rewriting.bare_data_sets import rewrite_bare
from .rewriting.describer import Describer
from .rewriting.engine_resources import EngineResources
from .rewriting.method_codes import Statements
from .rewriting.object_rewriter import Deidentification
from .rewriting.object_rules import ObjectRules
from .screening.screen import Screen


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
        self.subjects = SubjectReader(profile, key, patients)
        hashes = ValueHashes(key)
        verdicts = {} if profile.verdicts is None else profile.verdicts.table(hashes.of_digest)
        resources = EngineResources(
            profile=profile,
            uids=self.uids,
            pseudonyms=self.pseudonyms,
            subjects=self.subjects,
            patients=patients,
            statements=Statements(profile),
            triage=PixelTriage(profile.pixels),
            screen=Screen(profile) if profile.screen else None,
            review=ReviewRules(hashes, verdicts),
            reviewed=None if (rectangles := profile.pixels.rectangles) is None else ReviewedObjects(rectangles, key),
            rule_triage=RuleTriage(rules) if (rules := profile.pixels.rules.of_files).sources else None,
        )
        self._rules = ObjectRules(resources)
        self._describer = Describer(resources)
        self._last_words: tuple[list[KnownValue], str, tuple[bytes, ...]] = [], "", ()

    def deidentify(
        self,
        stream: ByteStream,
        *,
        uids: UidMapping | None = None,
        size: int | None = None,
        words: Container[str] = frozenset(),
        handle: int | None = None,
        heads: frozenset[bytes] | None = None,
        pixels: PixelDecision | None = None,
        wants_patient: bool = False,
        collects: bool = False,
    ) -> Deidentification:
        """Start on the object that ``stream`` yields.

        Args:
            uids: where new UIDs come from; None: from the key alone.
            size: the object's size in bytes if known: it spares reads.
            words: those that identify somebody in other objects of the patient or study (``words.known``).
            handle: descriptor of the file that ``stream`` reads without a buffer of its own; its long values may then pass as
                ranges of it, in ``batches``.
            heads: keyed hashes of series that count as heads (``FaceEvidence``); None: each object is judged by itself.
            pixels: the decision on its pixels that a scan came to; None: it is come to here.
            wants_patient: find out the patient, whatever the profile makes of it.
            collects: note the values that stay (``Deidentification.kept``).
        """
        return Deidentification(
            self._rules,
            ObjectReader(stream, handle),
            uids or self.uids,
            size=size,
            words=words,
            heads=heads,
            pixels=pixels,
            wants_patient=wants_patient,
            collects=collects,
        )

    @property
    def searches_pixels(self) -> bool:
        """Return whether text is looked for in some objects: these must be scanned before they are de-identified."""
        return self.profile.pixels.text is not None

    def scan(
        self,
        stream: ByteStream,
        *,
        uids: UidMapping,
        size: int | None = None,
        originals: bool = False,
        searches: bool = False,
    ) -> Scan:
        """Read an object's header as ``deidentify`` will, and hand every UID that it replaces to ``uids``.

        Args:
            size: the object's size in bytes if known: it spares reads.
            searches: read the pixels, too, where text is to be looked for, and do so. Else the scan ``needs_search`` there.
            originals: tell who the patient was, too. What is told holds identifiers then.

        Raises:
            DeidentificationError: as ``deidentify``, as far as the header tells; it has a description of the object, and the
                originals that were asked for.
        """
        deidentification = Deidentification(
            self._rules, ObjectReader(stream), uids, size=size, originals=originals, searches=searches
        )
        try:
            deidentification.scan()
        except DeidentificationError as error:
            if originals:
                error.originals = deidentification.originals_of_beginning()
            raise error.of(deidentification.describe_beginning(self._describer)) from None
        found = deidentification.state.uids
        words = self._hashed_words(*deidentification.known)
        return Scan(
            found[SOP_CLASS][1].decode("latin-1"),
            found,
            deidentification.bytes_read,
            deidentification.person,
            deidentification.patient,
            words,
            deidentification.originals,
            deidentification.face,
            deidentification.describe(self._describer),
            deidentification.pixels.decision,
            deidentification.pixels.needs_search,
        )

    def _hashed_words(self, known: list[KnownValue], charset: str) -> tuple[bytes, ...]:
        last_known, last_charset, words = self._last_words
        if known != last_known or charset != last_charset:
            # objects of one patient mostly come together
            words = tuple(sorted(map(self.words.hash, known_words(known, charset))))
            # in one go: threads share it
            self._last_words = known.copy(), charset, words
        return words

    def inspect_pixels(self, stream: ByteStream) -> PixelInspection:
        """Return what a scan finds out about an object's pixels, and why it refuses the object, if it does."""
        deidentification = Deidentification(self._rules, ObjectReader(stream), self.uids, searches=True)
        error = None
        try:
            deidentification.scan()
        except DeidentificationError as refused:
            error = refused
        syntax = deidentification.describe_beginning(self._describer).transfer_syntax_uid
        form = form_of(syntax)
        evidence, decision = deidentification.pixels.evidence, deidentification.pixels.decision
        return PixelInspection(evidence, decision, error, syntax, form is not None, form is PixelForm.DCT)

    def patient_of(self, stream: ByteStream, *, size: int | None = None) -> Patient | None:
        """Return the patient whom an object's header names, whatever else is wrong with it; None: that can't be told.

        Args:
            size: as for ``scan``.
        """
        deidentification = Deidentification(self._rules, ObjectReader(stream), self.uids, size=size, originals=True)
        with contextlib.suppress(DeidentificationError):
            deidentification.scan()
        if (originals := deidentification.originals) is None:
            return None
        patient = Patient.of(originals.patient_id, originals.issuer)
        # what isn't in the object's character set was guessed, and is nobody's ID
        return patient if self.subjects.patient_hash(patient) == deidentification.patient else None

    def pixel_risks(self, stream: ByteStream) -> tuple[Reason, ...]:
        """Return the risks of an object's pixels by its header, the one to report first at the beginning. No text is looked for.

        Raises:
            DeidentificationError: the header can't be understood so far.
        """
        deidentification = Deidentification(self._rules, ObjectReader(stream), self.uids)
        try:
            deidentification.scan()
        except DeidentificationError:
            if not deidentification.pixel_risks:
                raise
        return deidentification.pixel_risks

    def rewrite_data_set(
        self, content: bytes, encoding: Encoding, sop_class: str, fragments_syntax: str = ""
    ) -> tuple[bytes, str]:
        """De-identify a bare data set, which may lack its UIDs; the second value is the transfer syntax of its fragments then.

        Args:
            sop_class: its class, whatever the data set says.
            fragments_syntax: transfer syntax of pixel data in fragments; ``""``: nobody says how they are compressed.

        Raises:
            DeidentificationError: it can't be understood.
        """
        return rewrite_bare(self._rules, content, encoding, sop_class, fragments_syntax)
