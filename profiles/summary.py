"""A profile in short: the digest of everything that it decides, and its settings in words, for its repr."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol

from .custom import CustomRule
from .date_shift import DateShift
from .decisions import ExplainedAttribute
from .options import ProfileOptions
from .pixels import PixelPolicy
from .safe_private import SafeAttribute
from .tables import EDITION, unlisted
from .verdicts import Verdicts


class Policy(Protocol):
    """A profile, as far as its digest and repr need it."""

    @property
    def options(self) -> ProfileOptions: ...

    @property
    def patient_name(self) -> str | None: ...
    @property
    def patient_id(self) -> str | None: ...
    @property
    def date_shift(self) -> DateShift: ...
    @property
    def cap_ages(self) -> bool: ...
    @property
    def strict(self) -> bool: ...
    @property
    def safe_private(self) -> tuple[SafeAttribute, ...]: ...
    @property
    def custom(self) -> tuple[CustomRule, ...]: ...
    @property
    def pixels(self) -> PixelPolicy: ...
    @property
    def screen(self) -> bool: ...
    @property
    def verdicts(self) -> Verdicts | None: ...
    def explain(self) -> Iterator[ExplainedAttribute]: ...


def profile_digest(profile: Policy) -> str:
    """Return the SHA-256 of everything that ``profile`` decides, in hex digits."""
    settings = (
        EDITION,
        profile.patient_name,
        profile.patient_id,
        profile.options.names(),
        str(profile.date_shift),
        profile.cap_ages,
        profile.strict,
        profile.pixels.settings,
        profile.screen,
    )
    content = hashlib.sha256(repr((*settings, profile.safe_private)).encode())
    if profile.verdicts is not None:
        content.update(f"verdicts {profile.verdicts.digest}\n".encode())
    for rule in profile.custom:
        # a rule counts by what it does: not by the file that it is from, nor by how it was given
        content.update(repr((rule.pattern.text, rule.actions, rule.value, rule.allows_weakening)).encode())
    for row in profile.explain():
        # not by what decided it: rules may move to another file
        content.update(f"{row.tag};{row.keyword};{row.vr};{row.action};{row.meaning}\n".encode())
    for named in unlisted().values():
        content.update(b"%d;%b\n" % (named.tag, b"\\".join(sorted(named.terms))))
    return content.hexdigest()


def settings_in_words(profile: Policy) -> Iterator[str]:
    """Yield ``name=value`` for each setting of ``profile`` that isn't the default.

    What may name a person or place isn't shown: an alias is ``<given>``, and of rules and lists only their number is told.
    """
    for name, alias in (("patient_name", profile.patient_name), ("patient_id", profile.patient_id)):
        if alias is not None:
            yield f"{name}=<given>"
    if profile.date_shift != DateShift():
        yield f"date_shift={str(profile.date_shift)!r}"
    if profile.cap_ages:
        yield "cap_ages=True"
    if profile.strict:
        yield "strict=True"
    if profile.safe_private:
        yield f"safe_private=<{_counted(len(profile.safe_private), 'attribute')}>"
    if profile.custom:
        yield f"custom=<{_counted(len(profile.custom), 'rule')}>"
    yield from _pixel_settings(profile.pixels)
    if not profile.screen:
        yield "screen=False"
    if profile.verdicts is not None:
        yield f"verdicts=<{_counted(profile.verdicts.count, 'value')}>"


def _pixel_settings(policy: PixelPolicy) -> Iterator[str]:
    standard = PixelPolicy()
    # pixels="clean" is the option CleanPixelData
    names = ("trust_burned_in_no", "faces") if policy.cleans else ("pixels", "trust_burned_in_no", "faces")
    for name in names:
        if (value := getattr(policy, name)) != getattr(standard, name):
            yield f"{name}={value!r}"
    if policy.more_risks:
        yield f"pixel_risk=<{_counted(len(policy.more_risks), 'row')}>"
    if files := policy.rules.sources[1:]:
        yield f"pixel_rules=<{_counted(sum(len(source.rules) for source in files), 'rule')}>"
    if policy.rectangles is not None:
        yield f"rectangles=<{_counted(policy.rectangles.count, 'line')}>"
    if policy.text is not None:
        yield f"detect_text={policy.text!r}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
