"""The policy for objects whose pixels may identify: refused, kept or cleaned, and by which rules and rectangles."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from ..custom import ProfileSource
from ..errors import ProfileError
from ..options import ProfileOptions
from .rectangles_file import ReviewedRectangles
from .risk import FACE_RISK, NO_RISK, PixelRisk, pixel_risks, read_pixel_risk
from .rule_files import built_in_rules, read_pixel_rules
from .rules import PixelRules, RuleSource
from .text import TextSearch

QUARANTINE, KEEP, CLEAN = "quarantine", "keep", "clean"
DROP, BLANK = "drop", "blank"

#: one file of pixel rules, or several
RuleFiles: TypeAlias = ProfileSource | Iterable[ProfileSource] | None


@dataclass(frozen=True, slots=True)
class PixelPolicy:
    """The policy for objects whose pixels may identify.

    Attributes:
        pixels: ``quarantine``: they are refused; ``keep``: they pass, and don't claim that the identity was removed; ``clean``:
            what rules, regions and rectangles name is blanked, and what nothing is said about is refused.
        trust_burned_in_no: BurnedInAnnotation NO clears ultrasound and secondary captures, too.
        faces: ``quarantine``: CT, MR and PET of heads are refused; ``keep``: they pass.
        more_risks: rows besides those of the table.
        digest: of the file that they are from, SHA-256 in hex digits; ``""``: from none.
        rules: with ``clean`` the project's own pixel rules, before those of files.
        rectangles: those that people decided on.
        slide_labels: with ``clean``, images of a slide's label or of a slide with its label (PS3.3 C.8.12.4): ``drop``: they are
            left out; ``blank``: all of their pixels is blanked.
        text: the search for text in them; None: text isn't looked for.

    Raises:
        ProfileError: a setting that isn't one of these, or rules, rectangles and a search without ``clean``.
    """

    pixels: str = QUARANTINE
    trust_burned_in_no: bool = False
    faces: str = KEEP
    more_risks: tuple[PixelRisk, ...] = ()
    digest: str = ""
    rules: PixelRules = PixelRules()  # noqa: RUF009  # frozen
    rectangles: ReviewedRectangles | None = None
    slide_labels: str = DROP
    text: TextSearch | None = None

    def __post_init__(self) -> None:
        if self.pixels not in (QUARANTINE, KEEP, CLEAN):
            raise ProfileError(f"pixels: {QUARANTINE}, {KEEP} or {CLEAN}")
        if self.faces not in (QUARANTINE, KEEP):
            raise ProfileError(f"faces: {QUARANTINE} or {KEEP}")
        if self.slide_labels not in (DROP, BLANK):
            raise ProfileError(f"slide_labels: {DROP} or {BLANK}")
        files = self.rules.of_files.sources
        if self.cleans:
            object.__setattr__(self, "rules", PixelRules((built_in_rules(), *files)))
            return
        if self.slide_labels != DROP:
            raise ProfileError(f"slide_labels acts with pixels={CLEAN} (--options CleanPixelData) only")
        if self.text is not None:
            raise ProfileError(f"detect_text acts with pixels={CLEAN} (--options CleanPixelData) only")
        if files or self.rectangles is not None:
            raise ProfileError(f"pixel rules and rectangles act with pixels={CLEAN} (--options CleanPixelData) only")
        object.__setattr__(self, "rules", PixelRules())

    @classmethod
    def of(
        cls,
        pixels: str = QUARANTINE,
        trust_burned_in_no: bool = False,
        faces: str = KEEP,
        pixel_risk: ProfileSource | None = None,
        pixel_rules: RuleFiles = None,
        accept_rules: Iterable[str] = (),
        rectangles: ProfileSource | None = None,
        slide_labels: str = DROP,
        text: TextSearch | None = None,
    ) -> PixelPolicy:
        """Return the policy by its settings.

        Args:
            pixel_risk: a CSV file with more rows of the table.
            pixel_rules: a file of pixel rules, as for ``read_pixel_rules``, or several, each of which only adds.
            accept_rules: names of rules whose findings by the lint are accepted.
            rectangles: a CSV file with rectangles that people decided on.
            slide_labels: ``drop`` or ``blank``.
            text: the search for text; None: none.

        Raises:
            ProfileError: a setting that can't be used, or what is wrong in which line of the file.
        """
        accepted = frozenset((accept_rules,) if isinstance(accept_rules, str) else accept_rules)
        has_files = pixel_rules is not None or rectangles is not None
        if pixels != CLEAN and (has_files or accepted):
            # without a look at them
            idle = "pixel rules and rectangles" if has_files else "accepted rules"
            raise ProfileError(f"{idle} act with pixels={CLEAN} (--options CleanPixelData) only")
        rows, digest = read_pixel_risk(pixel_risk) if pixel_risk is not None else ((), "")
        sources = tuple(_sources(pixel_rules, accepted))
        unknown = accepted.difference(*(source.accepted for source in sources))
        if unknown:
            raise ProfileError(f"accepted rules: {sorted(unknown)[0][:64]!r} is no rule with a finding that must be accepted")
        reviewed = ReviewedRectangles.read(rectangles) if rectangles is not None else None
        return cls(pixels, trust_burned_in_no, faces, rows, digest, PixelRules(sources), reviewed, slide_labels, text)

    @property
    def keeps(self) -> bool:
        """Return whether objects at risk pass."""
        return self.pixels == KEEP

    @property
    def cleans(self) -> bool:
        """Return whether objects at risk are cleaned, or refused where that can't be done."""
        return self.pixels == CLEAN

    @property
    def drops_labels(self) -> bool:
        """Return whether images of slides' labels are left out."""
        return self.slide_labels == DROP

    @property
    def passes_risks(self) -> bool:
        """Return whether the triage alone refuses no object."""
        return self.pixels != QUARANTINE

    @property
    def judges_faces(self) -> bool:
        """Return whether heads are looked for."""
        return self.faces == QUARANTINE

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as ``run.json`` has them. Policies with equal ones decide alike."""
        reviewed = self.rectangles
        return {
            "pixels": self.pixels,
            "trust_burned_in_no": self.trust_burned_in_no,
            "faces": self.faces,
            "pixel_risk_digest": self.digest or None,
            "pixel_rules_digest": self.rules.digest if self.cleans else None,
            "pixel_rules": [_in_words(source) for source in self.rules.sources],
            "slide_labels": self.slide_labels if self.cleans else None,
            "rectangles": reviewed
            and {"digest": reviewed.digest, "lines": reviewed.count, "reviewers": list(reviewed.reviewers)},
            # profiles without a search have the digest that they had before there was one
            **({} if self.text is None else {"text": self.text.settings}),
        }


def choose_pixels(options: ProfileOptions, pixels: str | None) -> str:
    """Return what is done with objects at risk, by the options and the setting; None: as the options say.

    Raises:
        ProfileError: they contradict each other.
    """
    if ProfileOptions.CleanPixelData not in options:
        return QUARANTINE if pixels is None else pixels
    if pixels not in (None, CLEAN):
        raise ProfileError(f"the option CleanPixelData and pixels={QUARANTINE} or {KEEP} exclude each other")
    return CLEAN


def join_options(options: ProfileOptions, policy: PixelPolicy) -> tuple[ProfileOptions, PixelPolicy]:
    """Return both, with the option CleanPixelData and a policy that cleans, if one of them asks for that.

    Raises:
        ProfileError: the option, and a policy that keeps.
    """
    if policy.cleans:
        return options | ProfileOptions.CleanPixelData, policy
    if ProfileOptions.CleanPixelData not in options:
        return options, policy
    if policy.keeps:
        raise ProfileError(f"the option CleanPixelData and pixels={KEEP} exclude each other")
    return options, replace(policy, pixels=CLEAN)


def _sources(files: RuleFiles, accepted: frozenset[str]) -> Iterator[RuleSource]:
    if files is None:
        return
    # an open stream is iterable, too
    is_one = isinstance(files, str | os.PathLike) or hasattr(files, "read")
    several = cast("list[ProfileSource]", [files] if is_one else list(cast(Iterable[ProfileSource], files)))
    kinds: dict[str, int] = {}
    for file in several:
        source = read_pixel_rules(file, accepted, ordinals=kinds)
        kinds[source.kind] = kinds.get(source.kind, 0) + 1
        yield source


def _in_words(source: RuleSource) -> dict[str, Any]:
    # the name of a file may name a place
    return {"kind": source.kind, "digest": source.digest, "rules": len(source.rules), "accepted": list(source.accepted)}


def explained_risks(policy: PixelPolicy) -> Iterator[tuple[str, str, str, str]]:
    """Yield each risk as ``explain`` shows it: which objects, the action, its meaning, why."""
    reasons: dict[str, list[str]] = {}
    for row in (*pixel_risks(), *policy.more_risks):
        if row.reason != NO_RISK and row.why not in reasons.setdefault(row.reason, []):
            reasons[row.reason].append(row.why)
    action, meaning = _MEANINGS[policy.pixels]
    for reason, whys in reasons.items():
        yield f"(objects: {reason})", action, meaning, "; ".join(filter(None, whys)) or "a row of the site's own"
    if policy.judges_faces:
        yield f"(objects: {FACE_RISK})", QUARANTINE, "refuse", "CT, MR and PET of heads, and of body parts that nobody names"


_MEANINGS = {
    QUARANTINE: (QUARANTINE, "refuse"),
    KEEP: (KEEP, "let pass, with PatientIdentityRemoved NO"),
    CLEAN: (CLEAN, "blank what rules, regions and rectangles name; refuse what nothing is said about"),
}
