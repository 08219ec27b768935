"""Table E.1-1 as it is built in, against facts of the standard."""

from __future__ import annotations

from collections import Counter

import pytest

from profiles import EDITION, Action, ConfidentialityProfile, ProfileOptions
from profiles.tables import UnlistedRow, listed, method_codes, sop_class_modules, table_rows, unlisted

#: rows of PS3.15 Table E.1-1, 2026d: code -> tags
ROWS = {
    "X": [
        0x00080081, 0x00080092, 0x00080094, 0x00080201, 0x00081030, 0x0008103E, 0x00081048, 0x00100021, 0x00101001, 0x00101010,
        0x00102160, 0x00104000, 0x00204000, 0x00380300, 0x00400275, 0x04000561, 0xFFFAFFFA, 0xFFFCFFFC,
    ],
    "D": [
        0x00080106, 0x00080107, 0x00120010, 0x00120020, 0x00120040, 0x00120042, 0x00120081, 0x001811BB, 0x00189074, 0x00189151,
        0x00189367, 0x00189369, 0x00189371, 0x00420011,
    ],
    "U": [
        0x00080014, 0x00080017, 0x00080018, 0x00080019, 0x00080058, 0x00081155, 0x00081195, 0x00083010, 0x00181002, 0x0020000D,
        0x0020000E, 0x00200052, 0x00200200, 0x30060024,
    ],
    "Z": [
        0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x0008009C, 0x00100010, 0x00100030, 0x00100040, 0x00120021, 0x00120030,
        0x00120031, 0x00120050, 0x00120060, 0x00200010,
    ],
    "X/D": [
        0x00080012, 0x00080021, 0x00080031, 0x00081072, 0x00181030, 0x00181400, 0x0018700A, 0x0018700C, 0x00189516, 0x0040A032,
    ],
    "X/Z": [
        0x00080022, 0x00080032, 0x00081110, 0x00102203, 0x00321060, 0x00400555, 0x22000002, 0x22000005, 0x30080105, 0x300A00B2,
        0x300E0008,
    ],
    "X/Z/D": [0x00080013, 0x0008002A, 0x00080080, 0x00080082, 0x00081010, 0x00081070, 0x00081111, 0x00181000],
    "Z/D": [0x00080023, 0x00080033, 0x00100020, 0x00180010, 0x00189919, 0x00700084],
    "X/Z/U*": [0x00081140, 0x00082112],
}  # fmt: skip


def test_the_edition_is_stated() -> None:
    assert EDITION == "2026d"


def test_the_whole_table_is_there() -> None:
    assert len(table_rows()) == 657
    assert len({row.tag for row in table_rows()}) == 657
    assert Counter(row.basic.value for row in table_rows()) == {
        "X": 417, "D": 93, "U": 55, "Z": 42, "X/D": 23, "X/Z": 11, "X/Z/D": 8, "Z/D": 6, "X/Z/U*": 2,
    }  # fmt: skip


@pytest.mark.parametrize(("code", "tag"), [(code, tag) for code, tags in ROWS.items() for tag in tags])
def test_a_row_has_the_standards_code(code: str, tag: int) -> None:
    assert listed()[tag].basic.value == code


@pytest.mark.parametrize(
    ("tag", "keyword", "vr"),
    [
        (0x00080018, "SOPInstanceUID", "UI"),
        (0x00080050, "AccessionNumber", "SH"),
        (0x00081140, "ReferencedImageSequence", "SQ"),
        (0x00100010, "PatientName", "PN"),
        (0x00100030, "PatientBirthDate", "DA"),
        (0x00104000, "PatientComments", "LT"),
        (0x0040A730, "ContentSequence", "SQ"),
        (0x00420011, "EncapsulatedDocument", "OB"),
    ],
)
def test_a_row_has_the_standards_keyword_and_vr(tag: int, keyword: str, vr: str) -> None:
    assert (listed()[tag].keyword, listed()[tag].vr) == (keyword, vr)


def test_repeating_groups_and_private_attributes_have_their_rows() -> None:
    assert {row.tag: row.basic.value for row in table_rows() if set(row.tag) & set("xg")} == {
        "(50xx,xxxx)": "X",
        "(60xx,3000)": "X",
        "(60xx,4000)": "X",
        "(gggg,eeee)": "X",
    }


@pytest.mark.parametrize(
    ("option", "counts"),
    [
        (ProfileOptions.RetainUIDs, {"K": 60}),
        (ProfileOptions.RetainInstitutionIdent, {"K": 10}),
        (ProfileOptions.RetainLongFullDates, {"K": 169}),
        (ProfileOptions.RetainDeviceIdent, {"K": 48, "C": 11}),
        (ProfileOptions.RetainPatientChars, {"K": 14, "C": 5}),
    ],
)
def test_each_option_has_its_column(option: ProfileOptions, counts: dict[str, int]) -> None:
    assert Counter(dict(row.options)[option].value for row in table_rows() if option in dict(row.options)) == counts


@pytest.mark.parametrize("row", unlisted().values(), ids=lambda row: row.keyword)
def test_an_attribute_of_the_projects_own_list_is_not_in_the_table_and_has_a_reason(row: UnlistedRow) -> None:
    assert row.tag not in listed()
    assert len(row.reason) >= 5


def test_each_option_has_its_code_in_cid_7050() -> None:
    codes = {option.name: (code.code_value, code.coding_scheme) for option, code in method_codes().items()}
    assert codes == {
        "BasicProfile": ("113100", "DCM"),
        "CleanPixelData": ("113101", "DCM"),
        "CleanGraph": ("113103", "DCM"),
        "CleanStructdCont": ("113104", "DCM"),
        "CleanDesc": ("113105", "DCM"),
        "RetainLongFullDates": ("113106", "DCM"),
        "RetainLongModifDates": ("113107", "DCM"),
        "RetainPatientChars": ("113108", "DCM"),
        "RetainDeviceIdent": ("113109", "DCM"),
        "RetainUIDs": ("113110", "DCM"),
        "RetainSafePrivate": ("113111", "DCM"),
        "RetainInstitutionIdent": ("113112", "DCM"),
    }


@pytest.mark.parametrize(
    "sop_class",
    [
        "1.2.840.10008.5.1.4.1.1.1",  # CR
        "1.2.840.10008.5.1.4.1.1.2",  # CT
        "1.2.840.10008.5.1.4.1.1.2.1",  # enhanced CT
        "1.2.840.10008.5.1.4.1.1.4",  # MR
        "1.2.840.10008.5.1.4.1.1.6.1",  # US
        "1.2.840.10008.5.1.4.1.1.7",  # SC
        "1.2.840.10008.5.1.4.1.1.66.4",  # SEG
        "1.2.840.10008.5.1.4.1.1.77.1.6",  # WSI
        "1.2.840.10008.5.1.4.1.1.88.33",  # SR
        "1.2.840.10008.5.1.4.1.1.104.1",  # PDF
        "1.2.840.10008.5.1.4.1.1.128",  # PET
        "1.2.840.10008.5.1.4.1.1.481.3",  # RTSTRUCT
        "1.2.840.10008.5.1.4.1.1.481.5",  # RTPLAN
    ],
)
def test_the_iod_of_a_storage_class_is_known(sop_class: str) -> None:
    modules = sop_class_modules()[sop_class]
    assert {"patient", "general-study", "sop-common"} <= set(modules)


def test_every_code_is_one_that_the_basic_profile_may_use() -> None:
    assert {row.basic for row in table_rows()} <= set(Action) - {Action.K, Action.C}
    assert ConfidentialityProfile().decide(0x00100010).decided_by == "E.1-1"
