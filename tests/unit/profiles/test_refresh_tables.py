"""The developers' tool writes the tables as they are read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from profiles import refresh_tables

COLUMNS = (
    "tag,keyword,vr,in_std_comp_iod,retired,basic,retain_safe_private,retain_uids,retain_device_identity,retain_institution_identity,"
    "retain_patient_characteristics,retain_long_full_dates,retain_long_modified_dates,clean_descriptors,clean_structured_content,clean_graphics"
)
ROWS = [
    '"0008,0018",SOPInstanceUID,UI,Y,N,U,,K,,,,,,,,',
    '"0008,002A",AcquisitionDateTime,DT,Y,N,X/Z/D,,,,,,K,C,,,',
    '"60xx,3000",OverlayData,OW,Y,N,X,,,,,,,,,,C',
]
CONTENT = [
    "121022,DCM,TEXT,Accession Number,N,Y,X,,,,,,,",
    "371524004,SCT,COMPOSITE,Clinical Report,N,Y,X,K,,,,,,",
]
CONTENT_COLUMNS = (
    "code_value,scheme,value_type,code_meaning,retired,in_std_template,basic,retain_uids,retain_device_identity,"
    "retain_institution_identity,retain_patient_characteristics,retain_long_full_dates,retain_long_modified_dates,clean_descriptors"
)
PRIVATE = ['"HOLOGIC, Inc.","7E01,xx12",OB,1,Codec Content']
CID = [
    "113100,DCM,Basic,always",
    "113110,DCM,Retain UIDs Option,retain_uids",
    "113101,DCM,Clean Pixel Data Option,pixels",
    "113102,DCM,x,faces",
]
IODS = {
    "sop": {"1.2.3": "some-image"},
    "sop_retired_fallback": {},
    "iod": {"some-image": [["sop-common", "M"], ["some", "U"]]},
    "mod": {"some": {"0008002A": "1C", "00080018": "1", "00280010": "1", "00081115>0008002A": "2"}, "unused": {"0008002A": "1"}},
}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tables made of the little extracts above."""
    source, target = tmp_path / "source", tmp_path / "data"
    source.mkdir()
    target.mkdir()
    (source / "ps315_e1_1.csv").write_text("\n".join([COLUMNS, *ROWS, ""]))
    (source / "cid7050.csv").write_text("\n".join(["code_value,scheme,code_meaning,e1_1_column_or_use", *CID, ""]))
    (source / "ps315_e3_4_1.csv").write_text("\n".join([CONTENT_COLUMNS, *CONTENT, ""]))
    (source / "safe_private.csv").write_text("\n".join(["private_creator,tag,vr,vm,meaning_short", *PRIVATE, ""]))
    (source / "iod_attribute_types.json.gz").write_bytes(gzip.compress(json.dumps(IODS).encode()))
    monkeypatch.setattr(refresh_tables, "DATA", target)
    refresh_tables.main(source)
    return target


def test_each_row_has_its_code_and_its_options(written: Path) -> None:
    lines = (written / "e1_1.csv").read_text().splitlines()
    assert lines[0].startswith("tag,keyword,vr,BasicProfile,RetainSafePrivate,RetainUIDs")
    assert lines[1:3] == [
        '"(0008,0018)",SOPInstanceUID,UI,U,,K,,,,,,,,',
        '"(0008,002a)",AcquisitionDateTime,DT,X/Z/D,,,,,,K,C,,,',
    ]


def test_only_the_programs_options_have_their_code(written: Path) -> None:
    assert (written / "cid7050.csv").read_text().splitlines()[1:] == [
        "BasicProfile,113100,DCM,Basic",
        "RetainUIDs,113110,DCM,Retain UIDs Option",
        "CleanPixelData,113101,DCM,Clean Pixel Data Option",
    ]


def test_content_items_have_their_earlier_codes(written: Path) -> None:
    lines = (written / "e3_4_1.csv").read_text().splitlines()[1:]
    assert lines == [
        "121022,DCM,,TEXT,Accession Number,X,,,,,,,,,,",
        "371524004,SCT,R-42B89,COMPOSITE,Clinical Report,X,,K,,,,,,,,",
    ]


def test_safe_private_attributes_are_known_by_creator_and_element_byte(written: Path) -> None:
    assert (written / "safe_private.csv").read_text().splitlines()[1:] == [
        '"HOLOGIC, Inc.","(7e01,xx12)",OB,Codec Content',
    ]


def test_types_are_written_where_a_code_depends_on_them(written: Path) -> None:
    assert (written / "iods.csv").read_text().splitlines()[1:] == ["1.2.3,some-image,sop-common/M some/U"]
    lines = (written / "iod_types.csv").read_text().splitlines()[1:]
    assert sorted(lines) == ['some,"(0008,002a)",1C', 'some,"(0008,1115)>(0008,002a)",2']
