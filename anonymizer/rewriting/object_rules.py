"""The rules for whole objects: which plan is an object's, which are refused, what is told of it."""

from __future__ import annotations

from collections import Counter

from profiles import PixelRisk, Plan, Rule, compile_plan, faces, holds_pixels

from ..dicom.buffer import Buffer
from ..dicom.encoding import Encoding
from ..dicom.tags import AUDIO_CLASSES, SERIES, SOP_CLASS, SOP_INSTANCE, STUDY
from ..errors import DeidentificationError
from ..identity.lookahead import find_class
from ..identity.subject import SubjectFacts
from ..identity.uids import UidMapping, is_standard_sop_class
from ..pixels import FaceEvidence, face_evidence
from ..reasons import Reason
from ..report import AttributeAction
from .engine_resources import EngineResources
from .method_codes import PixelState, Statement
from .object_state import HeaderFindings, ObjectState
from .uid_values import add_missing_uids

#: rules of the objects whose summaries are kept in mind, all together
_MAX_SUMMARISED = 5_000_000


class ObjectRules:
    """The rules for whole objects.

    Attributes:
        resources: what objects share.
    """

    def __init__(self, resources: EngineResources) -> None:
        self.resources = resources
        self._summaries: dict[tuple[Rule, ...], tuple[AttributeAction, ...]] = {}
        self._summarised = 0

    # -- before an object is walked ----------------------------------------------------------------------------------

    def plan_of(self, buffer: Buffer, position: int, encoding: Encoding, sop_class_uid: str) -> Plan:
        """Return the plan for the object whose data set begins at ``position``.

        Args:
            sop_class_uid: the class by the file meta; what the data set says comes before it.

        Raises:
            NeedMoreError: what decides it lies beyond the buffer.
            DeidentificationError: pixels are cleaned, the two classes differ, and so do the risks of their pixels.
        """
        profile = self.resources.profile
        plan = compile_plan(profile, sop_class_uid)
        found = find_class(buffer, position, encoding, sop_class_uid)
        if found.sop_class is not None and (own := found.sop_class.decode("latin-1")) != sop_class_uid:
            by_meta, plan = plan, compile_plan(profile, own)
            if sop_class_uid and own and profile.pixels.cleans and by_meta.risks.rows != plan.risks.rows:
                # the data set counts; but who says that pixels were cleaned must know by which risks to judge them
                raise DeidentificationError(Reason.INVALID_FILE_META)
        return self.with_references(plan) if found.has_references else plan

    def with_references(self, plan: Plan) -> Plan:
        """Return the plan for objects as ``plan`` is for, that have a list of references."""
        if not plan.heeds_references:
            return plan
        return compile_plan(self.resources.profile, plan.sop_class_uid, has_references=True, blanked=plan.blanked)

    def blanking(self, plan: Plan) -> Plan:
        """Return the plan for objects as ``plan`` is for, in whose pixels something is blanked."""
        has_references = plan.types.has_references
        return compile_plan(self.resources.profile, plan.sop_class_uid, has_references=has_references, blanked=True)

    def begin(
        self,
        plan: Plan,
        encoding: Encoding,
        uids: UidMapping,
        facts: SubjectFacts,
        findings: HeaderFindings,
        *,
        reviews: bool = False,
    ) -> ObjectState:
        """Begin with an object: the state before its first element.

        Args:
            reviews: texts that are cleaned are noted for a review.

        Raises:
            DeidentificationError: a UID that it lacks can't be made.
        """
        state = ObjectState(self.resources, plan, encoding, uids, facts)
        if reviews or self.resources.review.verdicts:
            state.cleaned = []
        if findings.statement is not None:
            state.stamping = self.resources.statements.stamping(plan, findings.statement)
        state.blanks_pixels = findings.blanks_pixels
        state.hands_over_pixels = findings.blanks_pixels or findings.searches_pixels
        if findings.missing:
            state.missing = findings.missing
            add_missing_uids(state)
        return state

    # -- once its header was walked ----------------------------------------------------------------------------------

    def pixel_risks(self, state: ObjectState, *, keep: bool) -> tuple[PixelRisk, ...]:
        """Return the risks of an object that is kept in spite of them.

        Raises:
            DeidentificationError: it has some, and isn't to be kept.
        """
        risks = self.resources.triage.risks(state.plan, state.judged_by, state.charset)
        if risks and not keep:
            raise DeidentificationError(Reason(risks[0].reason), risks[0].tag, tuple(Reason(risk.reason) for risk in risks))
        return risks

    def statement(self, state: ObjectState, risks: tuple[PixelRisk, ...], *, is_blanked: bool = False) -> Statement | None:
        """Return what an object says of what was done to it so far; None: what is expected.

        Args:
            risks: of its pixels, for which it isn't refused.
            is_blanked: something is blanked in its pixels.
        """
        statements, cleans = self.resources.statements, self.resources.profile.pixels.cleans
        if not risks and not is_blanked and not statements.depends:
            # nearly all objects: nothing is unusual but an image without pixels, or pixels in what is none
            if not cleans or state.judged_by.has_pixels == state.plan.has_pixels:
                return None
        pixels = PixelState(state.judged_by.has_pixels, bool(risks) and not cleans, is_blanked)
        statement = statements.of(state.rules, state.undone, state.dates, pixels)
        return None if statement == statements.expected(state.plan) else statement

    @staticmethod
    def missing_uids(state: ObjectState) -> dict[int, bytes]:
        """Return what takes the place of StudyInstanceUID and SeriesInstanceUID of an object that names none.

        No other object has these: the study's is made from the series, or from the object, and so is the series'.
        """
        series, study = state.uid(SERIES)[0], state.uid(STUDY)[0]
        missing: dict[int, bytes] = {}
        if series and study:
            return missing
        instance = state.uid(SOP_INSTANCE)[0]
        if instance and state.plan.belongs_to_study:
            # no UID is written like that
            if not series:
                missing[SERIES] = b"series of " + instance
            if not study:
                missing[STUDY] = b"study of " + (series or instance)
        return missing

    @staticmethod
    def check_nested_pixels(state: ObjectState) -> None:
        """Refuse an image in which something is blanked, and whose sequences keep other pixels: icons, mostly.

        Raises:
            DeidentificationError: there are some.
        """
        if state.blanks_pixels and any(map(holds_pixels, state.judged_by.nested)):
            raise DeidentificationError(Reason.PIXEL_NESTED_DATA)

    def face(self, state: ObjectState) -> FaceEvidence | None:
        """Return the evidence of a head in an object; None where heads aren't looked for."""
        if not state.plan.judges_faces or not state.judged_by.has_pixels:
            return None
        return face_evidence(state.judged_by, state.charset, self.resources.uids.hash(state.uid(SERIES)[0]))

    @staticmethod
    def check_face(evidence: FaceEvidence | None, heads: frozenset[bytes] | None) -> None:
        """Refuse a head.

        Args:
            heads: as for ``deidentify``.

        Raises:
            DeidentificationError: it counts as one.
        """
        if evidence is not None and (evidence.is_head if heads is None else evidence.series in heads):
            reason = Reason.PIXEL_RISK_FACE
            raise DeidentificationError(reason, faces.BODY_PART_EXAMINED, (reason,))

    def check_identity(self, state: ObjectState) -> None:
        """Refuse an object without UIDs of its own, and one of a class that isn't de-identified.

        Raises:
            DeidentificationError: it is such a one.
        """
        for tag, reason in ((SOP_CLASS, Reason.MISSING_SOP_CLASS_UID), (SOP_INSTANCE, Reason.MISSING_SOP_INSTANCE_UID)):
            if not state.uid(tag)[0]:
                raise DeidentificationError(reason, tag)
        sop_class = state.uid(SOP_CLASS)[0]
        if sop_class.decode("latin-1") != state.plan.sop_class_uid:
            # the look ahead was to find it: other bytes than it saw are no data set that we understand
            raise DeidentificationError(Reason.INVALID_LENGTH, SOP_CLASS)
        self.check_sop_class(sop_class)

    def check_sop_class(self, sop_class: bytes) -> None:
        """Refuse an object of a class whose de-identification is undefined (PS3.15 E.1), and one of sound.

        Raises:
            DeidentificationError: ``sop_class`` is no standard one.
        """
        if not is_standard_sop_class(sop_class):
            if not compile_plan(self.resources.profile, sop_class.decode("latin-1")).known_iod:
                raise DeidentificationError(Reason.PRIVATE_SOP_CLASS, SOP_CLASS)
        if sop_class in AUDIO_CLASSES:
            # a voice identifies its speaker
            raise DeidentificationError(Reason.AUDIO, SOP_CLASS)

    @staticmethod
    def check_study(state: ObjectState) -> None:
        """Refuse an object that lacks the UIDs of the study and series which its class has.

        Raises:
            DeidentificationError: it does.
        """
        if not state.plan.belongs_to_study:
            return
        for tag, reason in ((STUDY, Reason.MISSING_STUDY_INSTANCE_UID), (SERIES, Reason.MISSING_SERIES_INSTANCE_UID)):
            if not state.uid(tag)[0]:
                raise DeidentificationError(reason, tag)

    def summary(self, rules: list[Rule]) -> tuple[AttributeAction, ...]:
        """Return the actions of ``rules``: instances of a series share one tuple."""
        key = tuple(rules)
        summary = self._summaries.get(key)
        if summary is None:
            done = (rule for rule in rules if rule.action is not None)
            counts = Counter((rule.label, rule.keyword, rule.action.value, rule.reason) for rule in done if rule.action)
            summary = tuple(
                AttributeAction(label, keyword, action, count, reason)
                for (label, keyword, action, reason), count in sorted(counts.items())
            )
            self._summarised += len(key)
            if self._summarised > _MAX_SUMMARISED:
                self._summaries.clear()
                self._summarised = len(key)
            if len(key) <= _MAX_SUMMARISED:
                self._summaries[key] = summary
        return summary
