"""The table of what is at risk: it is whole, it says what the project's owner asked for, and a site can add to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from anonymizer import Reason
from profiles import ConfidentialityProfile, PixelPolicy, ProfileError
from profiles.dictionary import uids_by_keyword
from profiles.pixels.risk import ADMISSIONS, CLASS_RISKS, FACE_RISK, class_risks, pixel_risks, read_pixel_risk
from profiles.tables import sop_class_modules

#: why pixels that are to be cleaned can't be: no risks
CLEANING = {
    "pixel-no-rule",
    "pixel-invalid-regions",
    "pixel-size-mismatch",
    "pixel-rule-quarantine",
    "pixel-rule-drop",
    "pixel-nested-data",
    "pixel-unsupported-syntax",
    "pixel-unsupported-format",
    "pixel-invalid-image",
    "pixel-length-mismatch",
    "pixel-invalid-frames",
    "pixel-codec-missing",
    "pixel-codec-failed",
    "pixel-verification-failed",
    "pixel-text-not-found",
    "pixel-text-timeout",
    "pixel-text-remains",
    "pixel-text-engine-missing",
    "pixel-text-engine-failed",
}
HEAD = "reason,sop_classes,condition,burned_in_no,why\n"


def test_each_class_with_pixels_is_judged() -> None:
    named = {uid for row in pixel_risks() for uid in row.sop_classes}
    with_pixels = {uid for uid, modules in sop_class_modules().items() if any("image-pixel" in name for name in modules)}
    assert with_pixels - named == set()


def test_no_class_is_at_risk_and_judged_to_be_none() -> None:
    none = {uid for row in pixel_risks() if row.reason == "none" for uid in row.sop_classes}
    assert none.isdisjoint(uid for row in pixel_risks() if row.reason != "none" for uid in row.sop_classes)


def test_each_row_says_why() -> None:
    assert all(row.why for row in pixel_risks())


def test_each_risk_has_a_reason_code_and_each_code_a_risk() -> None:
    codes = {reason.value for reason in Reason if reason.value.startswith("pixel-")} - CLEANING | {"burned-in-annotation"}
    assert codes == {*ADMISSIONS, *CLASS_RISKS, FACE_RISK}
    assert {row.reason for row in pixel_risks()} == codes - {"pixel-risk-site", FACE_RISK} | {"none"}


def test_a_site_adds_rows(tmp_path: Path) -> None:
    file = tmp_path / "ours.csv"
    file.write_text(HEAD + 'pixel-risk-site,CTImageStorage 1.2.840.10008.5.1.4.1.1.4,"Manufacturer contains ACME",clears,ours\n')
    policy = PixelPolicy.of(pixel_risk=file)
    ct = uids_by_keyword()["CTImageStorage"]
    assert [row.reason for row in class_risks(policy.more_risks, ct).rows][-1] == "pixel-risk-site"
    assert len(class_risks(policy.more_risks, "1.2.840.10008.5.1.4.1.1.1").rows) == len(
        class_risks((), "1.2.840.10008.5.1.4.1.1.1").rows
    )
    assert policy.settings["pixel_risk_digest"] == policy.digest != ""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("risk,class\nx,y\n", "columns"),
        ("reason\npixel-risk-site\n", "columns"),
        (HEAD + "pixel-risk-mine,any,Modality = CT,,\n", "line 2: the reason is"),
        (HEAD + "none,CTImageStorage,,,\n", "only add"),
        (HEAD + "pixel-risk-site,unlisted,,,\n", "only add"),
        (HEAD + "pixel-risk-site,,Modality = CT,,\n", "SOP classes are needed"),
        (HEAD + "pixel-risk-site,any CTImageStorage,Modality = CT,,\n", "alone"),
        (HEAD + "pixel-risk-site,any,,,\n", "a condition is needed"),
        (HEAD + "pixel-risk-site,CTImage,,,\n", "PS3.6"),
        (HEAD + "pixel-risk-site,1.2.3,,,\n", "PS3.6"),
        (HEAD + "pixel-risk-site,any,Modality is CT,,\n", "line 2: condition: "),
        (HEAD + "pixel-risk-site,any,ReferencedImageSequence = 1,,\n", "presence"),
        (HEAD + "pixel-risk-site,any,Modality = CT,perhaps,\n", "burned_in_no"),
        (HEAD + "pixel-risk-site,any,TransferSyntaxUID is absent,,\n", "file meta"),
        (HEAD.replace("\n", "\r") + "pixel-risk-site,any,Modality = CT,,\r", "CSV"),
        (HEAD + f"pixel-risk-site,any,Modality = CT,,{'x' * 200_000}\n", "CSV"),
        (HEAD + "pixel-risk-site,any\n", "cells"),
        (HEAD + "pixel-risk-site,any,Modality = CT,,why,more\n", "cells"),
    ],
)
def test_a_file_that_says_nothing_clear_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    file = tmp_path / "ours.csv"
    file.write_bytes(lines.encode())
    with pytest.raises(ProfileError, match=r"^ours\.csv") as error:
        read_pixel_risk(file)
    assert said in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="can't be read"):
        PixelPolicy.of(pixel_risk=tmp_path / "none.csv")


@pytest.mark.parametrize("settings", [{"pixels": "blur"}, {"pixels": ""}, {"faces": "blur"}])
def test_unknown_settings_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ProfileError, match=r"(pixels: quarantine, keep or clean)|(faces: quarantine or keep)"):
        ConfidentialityProfile.default(**settings)  # type: ignore[arg-type]


def test_all_that_decides_what_leaves_is_in_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "ours.csv"
    file.write_text(HEAD + "pixel-risk-site,any,Modality = CT,,\n")
    profiles = [
        ConfidentialityProfile(),
        ConfidentialityProfile.default(pixels="keep"),
        ConfidentialityProfile.default(trust_burned_in_no=True),
        ConfidentialityProfile.default(faces="quarantine"),
        ConfidentialityProfile.default(pixel_risk=file),
    ]
    assert len({profile.digest for profile in profiles}) == len(profiles)
    assert len(set(profiles)) == len(profiles)


def test_explain_shows_each_risk_and_what_is_done() -> None:
    for profile, action in ((ConfidentialityProfile(), "quarantine"), (ConfidentialityProfile.default(pixels="keep"), "keep")):
        lines = {row.keyword: row for row in profile.explain() if "pixel-" in row.keyword}
        assert lines["(objects: pixel-risk-ultrasound)"].action == action
        assert "sector" in lines["(objects: pixel-risk-ultrasound)"].decided_by
        assert "(objects: pixel-risk-face)" not in lines
    heads = ConfidentialityProfile.default(faces="quarantine", pixels="keep")
    assert {row.action for row in heads.explain() if FACE_RISK in row.keyword} == {"quarantine"}
