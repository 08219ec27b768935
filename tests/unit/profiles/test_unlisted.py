"""Attributes outside of Table E.1-1 that the profile judges by hand or by their kind: texts, labels, terms, UIDs of kinds."""

from __future__ import annotations

import pytest
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]  # documented there

from profiles import ConfidentialityProfile
from profiles.tables import listed, unlisted

BASIC = ConfidentialityProfile()
CLEAN_DESC = ConfidentialityProfile.default("CleanDesc")

RETIRED_TEXTS = [
    tag
    for tag, (vr, _, _, retired, _) in DicomDictionary.items()
    if retired and vr in ("LO", "SH", "ST", "LT", "UT", "PN") and tag >> 16 >= 8 and tag not in listed()
]


@pytest.mark.parametrize("tag", [*RETIRED_TEXTS, 0x002804A2], ids=lambda tag: f"{tag:08x}")
def test_a_retired_text_goes_and_is_not_cleaned(tag: int) -> None:
    for profile in (BASIC, CLEAN_DESC, ConfidentialityProfile.default("RetainDeviceIdent,RetainPatientChars,RetainUIDs")):
        assert profile.decide(tag).action.value in ("X", "X/Z/D")


def test_retired_texts_are_many() -> None:
    assert len(RETIRED_TEXTS) > 40
    assert {0x00180030, 0x00201020, 0x0040A067, 0x0040A16A, 0x00401060} <= set(RETIRED_TEXTS)


@pytest.mark.parametrize("tag", [0x00280040, 0x00321055, 0x00200020])
def test_a_retired_or_current_code_string_is_no_text(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "K"
