"""What the profile decides for listed, unlisted, private and unknown attributes, and for its options."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from profiles import Action, ConfidentialityProfile, ExplainedAttribute, ProfileError, ProfileOptions

BASIC = ConfidentialityProfile()

STRUCTURAL_UIDS = [
    0x0008001A, 0x0008001B, 0x00080062, 0x0008010C, 0x00080117, 0x00080118, 0x00081150, 0x0008115A, 0x00083002, 0x0008040E,
    0x00340003, 0x04000010, 0x04000510, 0x3010001F, 0x30100052, 0x30100053,
]  # fmt: skip


@pytest.mark.parametrize("tag", [0x00090010, 0x00091001, 0x00290010, 0x7FE10010, 0xFFFF0000, 0x60010010, 0x50010010, 0x00010001])
def test_private_attributes_are_removed(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "X"


@pytest.mark.parametrize("tag", [0x00081999, 0x0010FFFE, 0x00FE0010, 0x7FFE0001, 0xF0000010])
def test_attributes_that_no_dictionary_knows_are_removed(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "X"


@pytest.mark.parametrize("tag", [0x60003000, 0x60024000, 0x60000010, 0x60000102, 0x601E3000, 0x60FE1500, 0x60000022])
def test_an_overlay_goes_as_a_whole_plane_in_each_of_its_groups(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "X"


@pytest.mark.parametrize("tag", [0x50000005, 0x50003000, 0x501E0010, 0x50FE2500])
def test_curves_are_removed_in_each_of_their_groups(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "X"


@pytest.mark.parametrize("tag", [0x00080000, 0x00080001, 0x00100000, 0x00280000, 0x7FE00000])
def test_group_lengths_are_removed(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "X"


@pytest.mark.parametrize("tag", [0x00000100, 0x00001000, 0x00020003, 0x00020016, 0x00041220, 0x00041511, 0x00060010])
def test_commands_file_meta_and_directory_records_are_removed_from_a_data_set(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "X"


@pytest.mark.parametrize("tag", STRUCTURAL_UIDS)
def test_the_uid_of_a_kind_stays_if_it_is_registered_or_uids_are_retained(tag: int) -> None:
    decision = BASIC.decide(tag)
    assert (decision.action.value, decision.decided_by) == ("U", "unlisted: UID of a kind: a registered one stays")
    assert ConfidentialityProfile.default("RetainUIDs").decide(tag).action.value == "K"


@pytest.mark.parametrize("options", ["", "RetainUIDs"])
def test_the_sop_class_stays(options: str) -> None:
    assert ConfidentialityProfile.default(options).decide(0x00080016).action.value == "K"


@pytest.mark.parametrize(
    "tag",
    [
        0x0040A160,  # TextValue UT
        0x0040A121,  # Date DA
        0x0040A122,  # Time TM
        0x0040A120,  # DateTime DT
        0x00080119,  # LongCodeValue UC
        0x00080120,  # URNCodeValue UR
        0x0040A123,  # PersonName PN
    ],
)
def test_text_dates_and_names_that_the_table_does_not_list_do_not_pass(tag: int) -> None:
    assert BASIC.decide(tag).action.value in {"X", "D", "X/Z/D", "X/D"}


@pytest.mark.parametrize(
    "tag",
    [
        0x00080008,  # ImageType CS
        0x00080060,  # Modality CS
        0x00080104,  # CodeMeaning LO
        0x00180015,  # BodyPartExamined CS
        0x00180050,  # SliceThickness DS
        0x00180060,  # KVP DS
        0x00181150,  # ExposureTime IS
        0x00200032,  # ImagePositionPatient DS
        0x00280010,  # Rows US
        0x00281050,  # WindowCenter DS
        0x7FE00010,  # PixelData
        0x00281201,  # RedPaletteColorLookupTableData
        0x00082218,  # AnatomicRegionSequence SQ
    ],
)
def test_technical_attributes_that_the_table_does_not_list_are_kept(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "K"


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (0x00100033, "X/Z/D"),  # PatientBirthDateInAlternativeCalendar, VR LO
        (0x00100034, "X/Z/D"),
        (0x00100035, "X"),
        (0x00281055, "X/Z/D"),  # WindowCenterWidthExplanation
        (0x00201040, "Z"),  # PositionReferenceIndicator: type 2 wherever its module is
        (0x30020002, "Z/D"),  # RTImageLabel
        (0x300A00C2, "Z/D"),  # BeamName
        (0x04000500, "X"),  # EncryptedAttributesSequence
        (0x00080300, "X"),  # PrivateDataElementCharacteristicsSequence
    ],
)
def test_comments_labels_and_hidden_dates_of_short_vrs_go_with_a_reason(tag: int, code: str) -> None:
    decision = BASIC.decide(tag)
    assert decision.action.value == code
    assert decision.decided_by.startswith("unlisted: ")


@pytest.mark.parametrize("tag", [0x00081167, 0x00089123, 0x0018991E, 0x00200242, 0x00209312, 0x00280304, 0x0040E031, 0x300A0675])
def test_an_instance_uid_that_the_table_does_not_list_is_replaced(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "U"
    assert ConfidentialityProfile.default("RetainUIDs").decide(tag).action.value == "K"


# -- options --------------------------------------------------------------------------------------------------------------


def changed_by(options: str) -> dict[str, ExplainedAttribute]:
    """Tag (or ``*VR``) -> the line of ``explain`` that ``options`` change."""
    before, after = list(BASIC.explain()), list(ConfidentialityProfile.default(options).explain())
    assert [line.tag for line in before] == [line.tag for line in after]
    return {new.tag or f"*{new.vr}": new for old, new in zip(before, after, strict=True) if old.action != new.action}


def test_retain_institution_changes_its_rows_and_no_other() -> None:
    # its tenth, ClinicalTrialProtocolEthicsCommitteeName, may not be there without the approval's number, which goes
    changed = changed_by("RetainInstitutionIdent")
    assert set(changed) == {
        "(0008,0080)", "(0008,0081)", "(0008,0082)", "(0008,1040)", "(0008,1041)", "(0012,0030)", "(0012,0031)", "(0012,0060)",
        "(0400,0564)",
    }  # fmt: skip
    assert {(line.action, line.decided_by) for line in changed.values()} == {("K", "RetainInstitutionIdent")}


def test_retain_uids_changes_its_rows_and_unlisted_uids_and_no_other() -> None:
    changed = changed_by("RetainUIDs")
    # of the 60 rows, 4 belong to commands, file meta and directories, which a data set never holds
    assert len(changed) == 60 - 4 + 1 + len(STRUCTURAL_UIDS)
    assert {line.action for line in changed.values()} == {"K"}
    expected = {
        "(0008,0018)",
        "(0008,1140)",
        "(0008,1155)",
        "(0020,000d)",
        "(0020,000e)",
        "(0020,0052)",
        "(006a,0003)",
        "(0008,1120)",
        "*UI",
    }
    assert expected <= set(changed)
    # a UID in structured content and that of a signature have no K
    assert not {"(0040,a124)", "(0400,0100)"} & set(changed)
    assert {line.vr for line in changed.values()} == {"UI", "SQ"}


def test_retain_full_dates_changes_its_rows_and_unlisted_dates_and_no_other() -> None:
    changed = changed_by("RetainLongFullDates")
    assert len(changed) == 169 + 3
    assert {line.action for line in changed.values()} == {"K"}
    expected = {"(0008,0020)", "(0008,0030)", "(0008,002a)", "(0008,0201)", "(0016,008d)", "(0040,a13a)", "*DA", "*TM", "*DT"}
    assert expected <= set(changed)
    assert not {"(0010,0030)", "(0010,0032)"} & set(changed), "a birth date is no longitudinal date"


def test_the_date_option_says_what_it_did() -> None:
    assert BASIC.longitudinal == "REMOVED"
    assert ConfidentialityProfile.default("RetainLongFullDates").longitudinal == "UNMODIFIED"


# -- aliases --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alias", ["", "   ", "A\\B", "A\nB", "A\x00B", "A\x1bB", "x" * 65])
@pytest.mark.parametrize("name", ["patient_name", "patient_id"])
def test_an_alias_that_is_no_legal_value_is_refused(name: str, alias: str) -> None:
    with pytest.raises(ProfileError, match=name):
        ConfidentialityProfile.default(**{name: alias})


@pytest.mark.parametrize("alias", ["A", "x" * 64, "Case^0001", "Jörg", "山田^太郎"])
def test_a_legal_alias_is_taken(alias: str) -> None:
    profile = ConfidentialityProfile.default(patient_name=alias, patient_id=alias)
    assert (profile.patient_name, profile.patient_id) == (alias, alias)


# -- digest and explain ---------------------------------------------------------------------------------------------------


def test_the_digest_changes_with_everything_that_changes_the_output() -> None:
    profiles = [
        BASIC,
        ConfidentialityProfile.default("RetainUIDs"),
        ConfidentialityProfile.default("RetainInstitutionIdent"),
        ConfidentialityProfile.default("RetainLongFullDates"),
        ConfidentialityProfile.default("RetainUIDs,RetainLongFullDates"),
        ConfidentialityProfile.default(patient_name="A"),
        ConfidentialityProfile.default(patient_id="A"),
        ConfidentialityProfile.default(patient_name="A", patient_id="A"),
        ConfidentialityProfile.default(patient_name="B"),
        ConfidentialityProfile.default(patient_name="None"),
    ]
    assert len({profile.digest for profile in profiles}) == len(profiles)
    assert all(len(profile.digest) == 64 and int(profile.digest, 16) for profile in profiles)


def test_the_digest_is_the_same_on_every_machine() -> None:
    code = "from profiles import ConfidentialityProfile as P; print(P.default('RetainUIDs', patient_name='J\\u00f6rg').digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {ConfidentialityProfile.default(ProfileOptions.RetainUIDs, patient_name="Jörg").digest}


def test_explain_covers_every_row_and_every_rule() -> None:
    lines = list(BASIC.explain())
    tags = [line.tag for line in lines if line.tag]
    assert len(lines) > 657
    assert {"(0010,0010)", "(60xx,3000)", "(50xx,xxxx)", "(gggg,eeee)", "(gggg,0000)", "(0010,0033)"} <= set(tags)
    assert len(set(tags)) == len(tags)
    others = {line.vr: line.action for line in lines if line.keyword == "(other standard attributes)"}
    assert set(others) == {"PN", "AE", "DA", "TM", "DT", "ST", "LT", "UT", "UC", "UR", "UI", "SQ", ""}
    assert others["UI"] == "U" and others[""] == "K" and others["PN"] == "X/Z/D"
    assert all(line.meaning and line.decided_by for line in lines)


def test_explain_says_of_a_row_what_the_table_says() -> None:
    by_tag = {line.tag: line for line in BASIC.explain()}
    name, comments = by_tag["(0010,0010)"], by_tag["(0010,4000)"]
    assert (name.keyword, name.vr, name.action, name.decided_by) == ("PatientName", "PN", "Z", "E.1-1")
    assert (comments.keyword, comments.action, comments.meaning) == ("PatientComments", "X", "remove")


def test_a_profile_travels_without_what_was_computed_from_it() -> None:
    profile = ConfidentialityProfile.from_csv_string("Manufacturer;X\n^0018,11[0-9]{2};Z", "RetainSafePrivate")
    small = len(pickle.dumps(profile))
    assert hash(profile) and profile.digest and profile.decide(0x00080070).action is Action.X
    assert len(pickle.dumps(profile)) == small
    twin = pickle.loads(pickle.dumps(profile))
    assert twin == profile and hash(twin) == hash(profile) and twin.digest == profile.digest
