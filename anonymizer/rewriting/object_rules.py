"""What one profile and one key say of whole objects: which are refused, how each is rewritten, what is told of it."""

from __future__ import annotations

from collections import Counter

from profiles import ConfidentialityProfile, PixelRisk, Plan, Rule, compile_plan, faces

from ..dicom.encoding import Encoding
from ..dicom.tags import AUDIO_CLASSES, SERIES, SOP_CLASS, SOP_INSTANCE, STUDY
from ..errors import DeidentificationError, Reason
from ..identity.subject import SubjectFacts, SubjectReader
from ..identity.uids import KeyedUids, UidMapping, is_standard_sop_class
from ..pixels import FaceEvidence, PixelTriage, face_evidence
from ..report import AttributeAction
from ..screening.screen import Screen
from .data_set_rewriter import Rewriter
from .engine_resources import EngineResources
from .method_codes import Statement
from .state import HeaderFindings, Progress
from .values import ValueRewriter

_NO_UID = (b"", b"")
#: rules of the objects whose summaries are kept in mind, all together
_MAX_SUMMARISED = 5_000_000


class ObjectRules:
    """The rules for whole objects, and what objects share.

    Attributes:
        profile: the policy.
        facts: finds out what the profile must know of each object.
        screen: looks for known identifiers in what is to be written; None where the profile doesn't.
    """

    def __init__(self, profile: ConfidentialityProfile, uids: KeyedUids, facts: SubjectReader, shared: EngineResources) -> None:
        """
        Args:
            uids: by whose hashes series are told apart.
            shared: what the rewriters share.
        """
        self.profile = profile
        self.facts = facts
        self._uids = uids
        self._triage = PixelTriage(profile.pixels)
        self._shared = shared
        self.screen = Screen(profile) if profile.screen else None
        self._summaries: dict[tuple[Rule, ...], tuple[AttributeAction, ...]] = {}
        self._summarised = 0

    def pixel_risks(self, plan: Plan, progress: Progress, *, keep: bool) -> tuple[PixelRisk, ...]:
        """The risks of an object that is kept in spite of them; its header was walked by ``plan``.

        Raises:
            DeidentificationError: it has some, and isn't to be kept.
        """
        risks = self._triage.risks(plan, progress.judged_by, progress.charset)
        if risks and not keep:
            raise DeidentificationError(Reason(risks[0].reason), risks[0].tag, tuple(Reason(risk.reason) for risk in risks))
        return risks

    def statement(self, progress: Progress, risks: tuple[PixelRisk, ...]) -> Statement | None:
        """What an object says of what was done to it that was walked so far; None: what is expected.

        Args:
            risks: for which it is kept all the same.
        """
        statements = self._shared.statements
        if not risks and not statements.depends:
            return None
        statement = statements.of(progress.rules, progress.undone, progress.dates, at_risk=bool(risks))
        return None if statement == statements.expected else statement

    @staticmethod
    def missing_uids(plan: Plan, progress: Progress) -> dict[int, bytes]:
        """What takes the place of StudyInstanceUID and SeriesInstanceUID of an object of ``plan`` that names none.

        No other object has these: the study's is made from the series, or from the object, and so is the series'.
        """
        uids = progress.uids
        series, study, instance = (uids.get(tag, _NO_UID)[0] for tag in (SERIES, STUDY, SOP_INSTANCE))
        missing = {}
        if not (series and study) and instance and plan.belongs_to_study:
            # no UID is written like that
            if not series:
                missing[SERIES] = b"series of " + instance
            if not study:
                missing[STUDY] = b"study of " + (series or instance)
        return missing

    def face(self, plan: Plan, progress: Progress) -> FaceEvidence | None:
        """Evidence of a head in an object whose header was walked by ``plan``; None where heads aren't looked for."""
        if not plan.judges_faces or not progress.judged_by.has_pixels:
            return None
        series = self._uids.hash(progress.uids.get(SERIES, (b"", b""))[0])
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
        self,
        plan: Plan,
        encoding: Encoding,
        uids: UidMapping,
        facts: SubjectFacts,
        judgement: HeaderFindings,
        *,
        sop_class_fixed: bool = False,
    ) -> Rewriter:
        """A rewriter for one object."""
        values = ValueRewriter(plan, self._shared, uids, facts, judgement, encoding, sop_class_fixed=sop_class_fixed)
        return Rewriter(plan, encoding, values)

    def summary(self, rules: list[Rule]) -> tuple[AttributeAction, ...]:
        """The actions of ``rules``: instances of a series share one tuple."""
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
