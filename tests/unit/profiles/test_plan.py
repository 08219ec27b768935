"""Plans: the profile resolved for the IOD of one SOP class."""

from __future__ import annotations

import pytest

from profiles import STAMPED, ConfidentialityProfile, Operation, Rule, compile_plan

CT, SR, SC = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.7"
ENHANCED_CT, ENHANCED_PET = "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.130"
GSPS, RT_PLAN = "1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.481.5"
SEGMENTATION, KEY_OBJECTS, DX = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.5.1.4.1.1.1.1"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
UNHEARD_OF = "1.2.840.10008.5.1.4.1.1.99999"


def rule(sop_class: str, *path: int, options: str = "") -> Rule | None:
    """The rule for ``path``."""
    node = compile_plan(ConfidentialityProfile.default(options), sop_class).root
    for tag in path[:-1]:
        parent = node[tag]
        assert parent.has_items
        node = node.items_of(parent)
    return node[path[-1]]


@pytest.mark.parametrize(
    ("sop_class", "path", "action"),
    [
        # ContentDate Z/D: type 2C in images, 1 in structured reports and enhanced images
        (CT, (0x00080023,), "Z"),
        (SR, (0x00080023,), "D"),
        (KEY_OBJECTS, (0x00080033,), "D"),
        (ENHANCED_CT, (0x00080033,), "D"),
        (SEGMENTATION, (0x00080023,), "D"),
        # AcquisitionDateTime X/Z/D
        (CT, (0x0008002A,), "X"),
        (ENHANCED_CT, (0x0008002A,), "D"),
        (ENCAPSULATED_PDF, (0x0008002A,), "Z"),
        # DeviceSerialNumber X/Z/D: type 1 in enhanced equipment
        (CT, (0x00181000,), "X"),
        (ENHANCED_CT, (0x00181000,), "D"),
        (SEGMENTATION, (0x00181000,), "D"),
        # AcquisitionContextSequence X/Z: type 2 in DX and enhanced images
        (CT, (0x00400555,), "X"),
        (DX, (0x00400555,), "Z"),
        (ENHANCED_PET, (0x00400555,), "Z"),
        # OperatorsName X/Z/D: type 2 in RT plans
        (RT_PLAN, (0x00081070,), "Z"),
        (CT, (0x00081070,), "X"),
        # ReviewerName X/Z: type 2 (2C) in RT plans
        (RT_PLAN, (0x300E0008,), "Z"),
        # PatientSexNeutered X/Z: type 2C
        (CT, (0x00102203,), "Z"),
        # ObservationDateTime X/D, ReferencedPerformedProcedureStepSequence: type 2 in SR
        (SR, (0x00081111,), "Z"),
        # ReferencedRequestSequence of SR: X, but type 2 there
        (SR, (0x0040A370, 0x00401001), "Z"),
        (SR, (0x0040A370, 0x00321060), "Z"),
        (SR, (0x0040A370, 0x00081110), "Z"),
        (CT, (0x00401001,), "X"),
        # X by the table, but type 1: PresentationCreationDate, RadiopharmaceuticalStartDateTime
        (GSPS, (0x00700082,), "D"),
        (GSPS, (0x00700083,), "D"),
        (ENHANCED_PET, (0x00540016, 0x00181078), "D"),
        # RTPlanDate X/D, but type 2
        (RT_PLAN, (0x300A0006,), "Z"),
        (RT_PLAN, (0x300A0007,), "Z"),
        # an attribute where its IOD has none
        (SC, (0x00181000,), "X"),
    ],
)  # fmt: skip
def test_a_code_is_resolved_by_the_iod(sop_class: str, path: tuple[int, ...], action: str) -> None:
    found = rule(sop_class, *path)
    assert found is not None and found.action is not None
    assert found.action.value == action


@pytest.mark.parametrize(
    ("tag", "action"),
    [(0x00080023, "D"), (0x00080080, "D"), (0x00080022, "Z"), (0x00181030, "D"), (0x00080020, "Z"), (0x00081030, "X")],
)
def test_an_unknown_iod_gets_the_most_conservative_form(tag: int, action: str) -> None:
    assert not compile_plan(ConfidentialityProfile(), UNHEARD_OF).known_iod
    found = rule(UNHEARD_OF, tag)
    assert found is not None and found.action is not None and found.action.value == action


def test_referenced_images_of_a_presentation_state_stay_with_new_uids() -> None:
    sequence = rule(GSPS, 0x00081115, 0x00081140)
    assert sequence is not None and sequence.operation is Operation.ITEMS
    reference = rule(GSPS, 0x00081115, 0x00081140, 0x00081155)
    assert reference is not None and reference.operation is Operation.NEW_UID


@pytest.mark.parametrize("depth", [1, 2, 5, 20])
def test_the_profile_holds_at_every_depth(depth: int) -> None:
    found = rule(CT, *[0x00081115] * depth, 0x00100010)
    assert found is not None and found.operation is Operation.PATIENT_NAME
    uid = rule(CT, *[0x00081115] * depth, 0x00081155)
    assert uid is not None and uid.operation is Operation.NEW_UID


def test_patient_id_gets_a_pseudonym_or_the_alias() -> None:
    found = rule(CT, 0x00100020)
    assert found is not None and found.operation is Operation.PATIENT_ID
    profile = ConfidentialityProfile.default(patient_id="CASE 1", patient_name="Case^One")
    root = compile_plan(profile, CT).root
    assert root[0x00100020].value == "CASE 1"  # type: ignore[union-attr]
    assert root[0x00100010].value == "Case^One"  # type: ignore[union-attr]


def test_kept_attributes_stay_within_what_they_can_hold() -> None:
    rows, kvp, pixels = rule(CT, 0x00280010), rule(CT, 0x00180060), rule(CT, 0x7FE00010)
    assert rows.stays and kvp.stays and pixels.operation is Operation.KEEP
    assert (rows.limit, rows.text, kvp.text) == (2, False, True)
    assert pixels.limit > 4_000_000_000
    assert b"PN" in kvp.refused_vrs and b"SQ" in rows.refused_vrs
    assert b"DS" not in kvp.refused_vrs and b"UN" not in kvp.refused_vrs


def test_attributes_that_are_set_anew_are_stamped_at_top_level_only() -> None:
    assert STAMPED == (0x00120062, 0x00120063, 0x00120064, 0x00280303)
    for tag in STAMPED:
        found = rule(CT, tag)
        assert found is not None and found.operation is Operation.STAMP
        nested = rule(CT, 0x00081115, tag)
        assert nested is None or nested.operation is not Operation.STAMP


def test_a_path_reads_like_the_standard() -> None:
    found = rule(CT, 0x00081115, 0x00081155)
    assert found is not None and found.label == "(0008,1115)>(0008,1155)"


def test_the_tags_of_private_and_unknown_attributes_are_not_told() -> None:
    private, unknown = rule(CT, 0x00091001), rule(CT, 0x00081999)
    assert private is not None and private.label == "(private)"
    assert unknown is not None and unknown.label == "(unknown)"
    inner = rule(CT, 0x00081115, 0x00291099)
    assert inner is not None and inner.label == "(0008,1115)>(private)"


def test_a_plan_is_compiled_once() -> None:
    assert compile_plan(ConfidentialityProfile(), CT) is compile_plan(ConfidentialityProfile.default(), CT)
    assert compile_plan(ConfidentialityProfile(), CT) is not compile_plan(ConfidentialityProfile.default("RetainUIDs"), CT)
