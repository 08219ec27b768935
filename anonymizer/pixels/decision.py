"""The decision on the pixels of an object at risk: who says what is to be blanked (PS3.15 E.3.1). The blanking follows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from profiles import ADMISSIONS, Outcome, PixelPolicy, PixelRisk, PixelSizeError, Rectangle, Reviewed, RuleMatch, outside, union
from profiles import decide as outcome_of

from ..errors import DeidentificationError
from ..reasons import Reason
from .regions import REGIONS, RegionEvidence, RegionState

_IMAGE_TYPE, _COLUMNS = 0x00080008, 0x00280011
#: third values of ImageType of whole slide images that show the slide's label (PS3.3 C.8.12.4.1.1)
_LABELS = frozenset({"LABEL", "OVERVIEW"})
#: what blanking can't take out
_FEATURES = Reason.PIXEL_RECOGNIZABLE_FEATURES


class BlankedBy(NamedTuple):
    """One source of a decision.

    Attributes:
        source: ``rule``, ``region``, ``file`` or ``label``.
        name: of the rule; empty for others.
        rectangles: the pixels that it says are to be blanked; empty where it says that nothing is to be.
    """

    source: str
    name: str
    rectangles: tuple[Rectangle, ...]


class PixelDecision(NamedTuple):
    """The decision on the pixels of one object.

    Attributes:
        rows, columns: of the frames for which it was made.
        sources: all that had a say in it.
    """

    rows: int
    columns: int
    sources: tuple[BlankedBy, ...]

    @property
    def rectangles(self) -> tuple[Rectangle, ...]:
        """The union of what all sources say, disjoint."""
        return union((one.rectangles for one in self.sources), self.rows, self.columns)


class CleanedPixels(NamedTuple):
    """The account of the cleaning of one object's pixels: a table of it is part of the audit.

    Attributes:
        rows, columns: of its frames.
        frames: how many were cleaned; 0 where nothing was to be blanked.
        sources: all that had a say, with the pixels that are black because of each.
        fill: the stored values of black, for each sample, separated by commas; empty where nothing was blanked.
        codec_path: in which way the pixels were read and written; empty as well.
        verdict: ``verified``: what was written was decoded and compared; ``kept``: all agree that nothing is to be blanked.
    """

    rows: int
    columns: int
    frames: int
    sources: tuple[BlankedBy, ...]
    fill: str
    codec_path: str
    verdict: str


class PixelEvidence(NamedTuple):
    """Evidence by which the decision is made, but for the policy.

    Attributes:
        risks: of the object; none: a site's own rule or a reviewer speaks of it all the same.
        values: of the attributes that the policy's rules ask for, and of ImageType.
        rows, columns: of its frames.
        regions: the regions of ultrasound.
        reviewed: what the reviewer's file says of the object; None: nothing.
    """

    risks: tuple[PixelRisk, ...]
    values: Mapping[int, tuple[str, ...]]
    rows: int
    columns: int
    regions: RegionEvidence
    reviewed: Reviewed | None


def decide(policy: PixelPolicy, evidence: PixelEvidence) -> PixelDecision | None:
    """Decide what is blanked in an object: the union of what rules, regions and the reviewer's file say.

    Returns:
        None for an object at no risk in which nobody blanks anything.

    Raises:
        DeidentificationError: somebody says that it must not be written, or nobody says anything of one at risk.
    """
    risks = tuple(Reason(risk.reason) for risk in evidence.risks)

    def refuse(reason: Reason, tag: int = 0) -> DeidentificationError:
        return DeidentificationError(reason, tag, risks)

    if _FEATURES in risks:
        raise refuse(_FEATURES, next(risk.tag for risk in evidence.risks if risk.reason == _FEATURES.value))
    sources = list(_labels(policy, evidence))
    if sources and policy.drops_labels:
        raise refuse(Reason.SLIDE_LABEL, _IMAGE_TYPE)
    try:
        matches = policy.rules.match(evidence.values, evidence.rows, evidence.columns)
    except PixelSizeError:
        raise refuse(Reason.PIXEL_SIZE_MISMATCH, _COLUMNS) from None
    said, reviewed = [*matches], evidence.reviewed
    if reviewed is not None:
        if reviewed.outcome is None:
            # somebody saw another image
            raise refuse(Reason.PIXEL_SIZE_MISMATCH, _COLUMNS)
        said.append(RuleMatch("", reviewed.outcome, reviewed.rectangles))
    outcome = outcome_of(said)
    if outcome is Outcome.DROP:
        raise refuse(Reason.PIXEL_RULE_DROP)
    if outcome is Outcome.QUARANTINE:
        raise refuse(Reason.PIXEL_RULE_QUARANTINE)
    if outcome is not None:
        sources += [BlankedBy("rule", match.rule, match.rectangles) for match in matches]
        if reviewed is not None:
            sources.append(BlankedBy("file", "", reviewed.rectangles))
    if evidence.regions.state is RegionState.VALID:
        around = outside(evidence.regions.regions, evidence.rows, evidence.columns)
        sources.append(BlankedBy("region", "", around))
    blanks_nothing = reviewed is None and not any(one.rectangles for one in sources)
    if blanks_nothing and not risks:
        return None
    if not sources:
        if evidence.regions.state is RegionState.INVALID:
            raise refuse(Reason.PIXEL_INVALID_REGIONS, REGIONS)
        raise refuse(Reason.PIXEL_NO_RULE)
    if blanks_nothing:
        # a rule speaks of a device, and not of an object that says of itself that something is to be seen in it
        for risk in evidence.risks:
            if risk.reason in ADMISSIONS:
                raise refuse(Reason(risk.reason), risk.tag)
    return PixelDecision(evidence.rows, evidence.columns, tuple(sources))


def _labels(policy: PixelPolicy, evidence: PixelEvidence) -> Iterable[BlankedBy]:
    """Yield the whole frame of an image of a slide's label."""
    types = evidence.values.get(_IMAGE_TYPE, ())
    if len(types) > 2 and types[2].upper() in _LABELS:
        yield BlankedBy("label", "", (Rectangle(0, 0, evidence.columns, evidence.rows),))
