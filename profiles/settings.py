"""The settings of a profile besides its options and rules: their names and types."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from typing import TypedDict

from .custom import ProfileSource
from .date_shift import DateShift
from .pixels import RuleFiles, TextSearch


class ProfileSettings(TypedDict, total=False):
    """The settings that ``ConfidentialityProfile.default`` takes by name, and ``from_csv`` and its kin besides their rules."""

    patient_name: str | None
    patient_id: str | None
    date_shift: DateShift | str | None
    cap_ages: bool
    strict: bool
    safe_private: str | os.PathLike[str] | None
    pixels: str | None
    trust_burned_in_no: bool
    faces: str
    pixel_risk: ProfileSource | None
    pixel_rules: RuleFiles
    accept_rules: Iterable[str]
    rectangles: ProfileSource | None
    slide_labels: str
    detect_text: TextSearch | None
    screen: bool
    verdicts: ProfileSource | None


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
