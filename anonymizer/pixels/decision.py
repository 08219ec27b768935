"""The decision on the pixels of an object at risk: who says what is to be blanked (PS3.15 E.3.1). The blanking follows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from profiles import ADMISSIONS, Outcome, PixelPolicy, PixelRisk, PixelSizeError, Rectangle, Reviewed, RuleMatch, outside, union
from profiles import decide as outcome_of

from ..errors import DeidentificationError
from ..reasons import Reason
from .regions import REGIONS, RegionEvidence, RegionState

_IMAGE_TYPE, _COLUMNS = 0x00080008, 0x00280011
#: third values of ImageType of whole slide images that show the slide's label (PS3.3 C.8.12.4.1.1)
_LABELS = frozenset({"LABEL", "OVERVIEW"})
#: score of reading from which on a line may be what an object speaks of
_CERTAIN = 0.8
#: what blanking can't take out
_FEATURES = Reason.PIXEL_RECOGNIZABLE_FEATURES


class BlankedBy(NamedTuple):
    """One source of a decision.

    Attributes:
        source: ``rule``, ``region``, ``file``, ``label`` or ``text``.
        name: of the rule; empty for others.
        rectangles: the pixels that it says are to be blanked; empty where it says that nothing is to be.
    """

    source: str
    name: str
    rectangles: tuple[Rectangle, ...]


class TextFindings(NamedTuple):
    """The account of a search for text in one object. Nothing that was read is in it.

    Attributes:
        frames: of the object.
        looked: pictures that were looked at: frames, and those of the least and the greatest values of all frames.
        alike: frames that weren't, for they are as one that was.
        rounds: how often a picture was looked at, at most: the last time nothing was found.
        lines: lines of text that were blanked, in all pictures and rounds.
        kept: lines that stay, at most in one picture.
        least_score: the lowest score of reading among lines that were blanked, rounded down to a tenth; 1: there are none.
        rectangles: how many are blanked for them.
        best_score: the highest score of reading among lines that were blanked; 0: there are none.
    """

    frames: int = 0
    looked: int = 0
    alike: int = 0
    rounds: int = 0
    lines: int = 0
    kept: int = 0
    least_score: float = 1.0
    rectangles: int = 0
    best_score: float = 0.0


class PixelDecision(NamedTuple):
    """The decision on the pixels of one object.

    Attributes:
        rows, columns: of the frames for which it was made.
        sources: all that had a say in it.
        text: the search for text in it; None: text wasn't looked for.
    """

    rows: int
    columns: int
    sources: tuple[BlankedBy, ...]
    text: TextFindings | None = None

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
        text: as in PixelDecision.
    """

    rows: int
    columns: int
    frames: int
    sources: tuple[BlankedBy, ...]
    fill: str
    codec_path: str
    verdict: str
    text: TextFindings | None = None


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


class FoundText(NamedTuple):
    """The result of a search for text.

    Attributes:
        rectangles: around what was found.
        findings: the account of it.
    """

    rectangles: tuple[Rectangle, ...]
    findings: TextFindings


def sources_of(policy: PixelPolicy, evidence: PixelEvidence) -> tuple[BlankedBy, ...]:
    """Return what rules, regions and the reviewer's file say of an object.

    Raises:
        DeidentificationError: somebody says that it must not be written.
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
    return tuple(sources)


def needs_search(policy: PixelPolicy, evidence: PixelEvidence, sources: Sequence[BlankedBy]) -> bool:
    """Return whether text is to be looked for in an object: not where a person has looked, nor where all of it goes."""
    if policy.text is None or evidence.reviewed is not None or any(one.source == "label" for one in sources):
        return False
    return policy.text.looks_at_all or bool(evidence.risks)


def decide(evidence: PixelEvidence, sources: tuple[BlankedBy, ...], text: FoundText | None = None) -> PixelDecision | None:
    """Decide what is blanked in an object: the union of what all sources say.

    Args:
        sources: as ``sources_of`` returns them.
        text: what was found, where that ``needs_search``.

    Returns:
        None for an object at no risk in which nobody blanks anything.

    Raises:
        DeidentificationError: nobody says anything of an object at risk, or what it admits of itself isn't found.
    """
    risks = tuple(Reason(risk.reason) for risk in evidence.risks)
    findings = None
    if text is not None:
        sources, findings = (*sources, BlankedBy("text", "", text.rectangles)), text.findings
    blanks_nothing = evidence.reviewed is None and not any(one.rectangles for one in sources)
    is_vague = text is not None and text.findings.best_score < _CERTAIN
    if is_vague and evidence.reviewed is None and not any(one.rectangles for one in sources if one.source != "text"):
        # speckle may be read as a word, and is not what an object speaks of
        blanks_nothing = True
    if blanks_nothing and not risks and text is None:
        return None
    if not sources:
        if evidence.regions.state is RegionState.INVALID:
            raise DeidentificationError(Reason.PIXEL_INVALID_REGIONS, REGIONS, risks)
        raise DeidentificationError(Reason.PIXEL_NO_RULE, 0, risks)
    if blanks_nothing:
        # a rule speaks of a device, and not of an object that says of itself that something is to be seen in it
        for risk in evidence.risks:
            if risk.reason in ADMISSIONS:
                reason = Reason(risk.reason)
                is_sought = text is not None and reason is Reason.BURNED_IN_ANNOTATION
                raise DeidentificationError(Reason.PIXEL_TEXT_NOT_FOUND if is_sought else reason, risk.tag, risks)
    return PixelDecision(evidence.rows, evidence.columns, sources, findings)


def _labels(policy: PixelPolicy, evidence: PixelEvidence) -> Iterable[BlankedBy]:
    """Yield the whole frame of an image of a slide's label."""
    types = evidence.values.get(_IMAGE_TYPE, ())
    if len(types) > 2 and types[2].upper() in _LABELS:
        yield BlankedBy("label", "", (Rectangle(0, 0, evidence.columns, evidence.rows),))
