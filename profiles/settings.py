"""The settings of a profile besides its options and rules: their names and types, and those of one profile in words."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator
from typing import Protocol, TypedDict

from .custom import CustomRule, ProfileSource
from .date_shift import DateShift
from .pixel_risk import PixelPolicy
from .safe_private import SafeAttribute


class ProfileSettings(TypedDict, total=False):
    """The settings that ``ConfidentialityProfile.default`` takes by name, and ``from_csv`` and its kin besides their rules."""

    patient_name: str | None
    patient_id: str | None
    date_shift: DateShift | str | None
    cap_ages: bool
    strict: bool
    safe_private: str | os.PathLike[str] | None
    pixels: str
    trust_burned_in_no: bool
    faces: str
    pixel_risk: ProfileSource | None
    screen: bool


def check_settings(names: Iterable[str]) -> None:
    """Check that each of ``names`` is a setting.

    Raises:
        TypeError: one that is none; the message suggests the nearest one.
    """
    known = ProfileSettings.__annotations__
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known)}"
            raise TypeError(f"{name!r} is no setting of a profile; {hint}")


class Policy(Protocol):
    """A profile, as far as its settings are concerned."""

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


def _pixel_settings(policy: PixelPolicy) -> Iterator[str]:
    standard = PixelPolicy()
    for name in ("pixels", "trust_burned_in_no", "faces"):
        if (value := getattr(policy, name)) != getattr(standard, name):
            yield f"{name}={value!r}"
    if policy.more_risks:
        yield f"pixel_risk=<{_counted(len(policy.more_risks), 'row')}>"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
