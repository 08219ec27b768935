"""Custom profiles as people write them, in CSV, JSON and XML, and what they get wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from profiles import Action, ProfileError, ProfileOptions
from profiles.custom.files import read_csv, read_json, read_source, read_xml
from profiles.custom.patterns import Attribute
from profiles.custom.rules import first_match
from profiles.options import TABLE_OPTIONS
from profiles.tables import DATA, listed
from tests.support.custom_profiles import said

BASIC = ProfileOptions.BasicProfile
#: how fo-dicom writes profiles: its four rows for groups, and one for each way that options fill a row
FO_DICOM = """
                [0-9A-F]{3}[13579BDF],[0-9A-F]{4};X;C;;;;;;;;;
                50[0-9A-F]{2},[0-9A-F]{4};X;;;;;;;;;;C
                60[0-9A-F]{2},4000;X;;;;;;;;;;C
                60[0-9A-F]{2},3000;X;;;;;;;;;;C                
\t\t\t\t0008,0050;Z;;;;;;;;;;
\t\t\t\t0040,0555;X/Z;;;;;;;;;C;
\t\t\t\t0008,002A;X/Z/D;;;;;;K;C;;;
\t\t\t\t0018,1002;U;;K;K;;;;;;;
\t\t\t\t0008,1140;X/Z/U*;;K;;;;;;;;
\t\t\t\t0008,0080;X/Z/D;;;;K;;;;;;
\t\t\t\t0010,2160;X;;;;;K;;;;;
\t\t\t\t0018,4000;X;;;;;;;;C;;
\t\t\t\t0018,1200;X;;;K;;;K;C;;;
\t\t\t"""  # noqa: W291
#: as Aspose.Medical documents it
ASPOSE_CSV = """TagPattern;Action
0010,0010;Z  // Anonymize PatientName
0010,0020;D  // Remove PatientID
0020,000D;U  // Replace StudyInstanceUID
"""
ASPOSE_JSON = """[
    { "Tag": "0010,0010", "Action": "Z" },
    { "Tag": "0010,0020", "Action": "D" },
    { "Tag": "0020,000D", "Action": "U" }
]"""
ASPOSE_XML = """<?xml version="1.0" encoding="utf-8"?>
<root xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <item><tag>0010,0010</tag><action>Z</action></item>
  <!-- PatientID -->
  <item>
    <tag>0010,0020</tag>
    <action>D</action>
  </item>
  <item><tag>0020,000D</tag><action><![CDATA[U]]></action></item>
</root>
"""


# -- profiles of others ----------------------------------------------------------------------------------------------


def test_a_profile_of_fo_dicom_means_the_same() -> None:
    rules = read_csv(FO_DICOM, "fo-dicom.csv")

    def decided(tag: int, *options: ProfileOptions, creator: str = "", vr: str = "SQ") -> Action | None:
        chosen = BASIC
        for option in options:
            chosen |= option
        found = first_match(rules, (Attribute(tag, "Keyword", vr, creator),), chosen)
        return found.action(chosen) if found else None

    assert len(rules) == 13
    assert decided(0x00080050) is Action.Z
    assert decided(0x00081140) is Action.X_Z_U
    assert decided(0x00081140, ProfileOptions.RetainUIDs) is Action.K
    assert decided(0x60023000) is Action.X
    assert decided(0x60023000, ProfileOptions.CleanGraph) is Action.C
    assert decided(0x60023001) is None
    assert decided(0x50123456, ProfileOptions.CleanDesc) is Action.X
    assert decided(0x00291010, creator="ACME") is Action.X
    assert decided(0x00400555, ProfileOptions.CleanStructdCont) is Action.C
    assert decided(0x0008002A, ProfileOptions.RetainLongModifDates) is Action.C
    assert decided(0x0008002A, ProfileOptions.RetainLongFullDates) is Action.K
    # the last column that is chosen counts
    assert decided(0x00181200, ProfileOptions.RetainDeviceIdent, ProfileOptions.RetainLongModifDates) is Action.C
    assert decided(0x00181200, ProfileOptions.RetainDeviceIdent) is Action.K


def test_older_profiles_of_fo_dicom_have_a_column_less() -> None:
    assert said(read_csv("0018,4000;X;;;;;;;;C;", "old.csv")) == said(read_csv("0018,4000;X;;;;;;;;C;;", "new.csv"))


def test_the_profiles_that_aspose_medical_documents_load() -> None:
    expected = [
        ("0010,0010", {"BasicProfile": "Z"}, None, False),
        ("0010,0020", {"BasicProfile": "D"}, None, False),
        ("0020,000D", {"BasicProfile": "U"}, None, False),
    ]
    assert said(read_csv(ASPOSE_CSV, "a.csv")) == expected
    assert said(read_json(ASPOSE_JSON, "a.json")) == expected
    assert said(read_xml(ASPOSE_XML, "a.xml")) == expected


def test_its_names_for_the_options_are_known() -> None:
    names = [
        "basic_profile", "rtn_safe_priv_opt", "rtn_uids_opt", "rtn_dev_id_opt", "rtn_inst_id_opt", "rtn_pat_chars_opt",
        "rtn_long_full_dates_opt", "rtn_long_modif_dates_opt", "clean_desc_opt", "clean_struct_cont_opt", "clean_graph_opt",
    ]  # fmt: skip
    item = {"tag": "0040,A730", **dict.fromkeys(names, "X")}
    assert [option for option, _ in read_json(json.dumps([item]), "a.json")[0].actions] == list(TABLE_OPTIONS)
    elements = "".join(f"<{name}>{text}</{name}>" for name, text in item.items())
    assert [option for option, _ in read_xml(f"<root><item>{elements}</item></root>", "a.xml")[0].actions] == list(TABLE_OPTIONS)


def test_the_standards_table_is_a_profile() -> None:
    text, name = read_source(DATA / "e1_1.csv")
    rules = read_csv(text, name)
    for tag, row in listed().items():
        for option in ProfileOptions:
            expected = dict(row.options).get(option, row.basic)
            decided = first_match(rules, (Attribute(tag, row.keyword, row.vr),), BASIC | option)
            assert decided is None if tag < 0x00080002 else decided and decided.action(BASIC | option) is expected


# -- JSON and XML ----------------------------------------------------------------------------------------------------


def test_keys_and_elements_in_any_case_and_with_options() -> None:
    expected = [("PatientID", {"BasicProfile": "D", "RetainUIDs": "K"}, "1", True)]
    item = {"TAGPATTERN": " PatientID ", "retain uids": "k!", "BasicProfile": "d", "VALUE": "1", "Comment": None}
    assert said(read_json(json.dumps([item]), "a.json")) == expected
    fields = "<TagPattern> PatientID\n</TagPattern><retainUids>k!</retainUids><Basic>D</Basic><VALUE>1</VALUE>"
    assert said(read_xml(f"<Profile><ITEM>{fields}</ITEM></Profile>", "a.xml")) == expected


def test_numbers_in_json_are_texts() -> None:
    assert read_json('[{"Tag": "Rows", "Action": "D", "Value": 512}]', "a.json")[0].value == "512"
    assert read_json('[{"Tag": "PatientWeight", "Action": "D", "Value": 70.50}]', "a.json")[0].value == "70.50"


def test_a_path_may_be_written_as_it_is_in_xml() -> None:
    for sign in (">", "&gt;", "&#62;"):
        xml = f"<root><item><tag>RequestAttributesSequence{sign}PatientID</tag><action>X</action></item></root>"
        assert read_xml(xml, "a.xml")[0].pattern.text == "RequestAttributesSequence>PatientID"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[{"Tag": "PatientName", "Action": "D"},\n{"Tag": "PatientNam", "Action": "X"}]',
            "a.json item 2: PatientNam;X: .*PatientName",
        ),
        ('[{"Tag": "PatientName", "Action": "D", "tag": "PatientID"}]', "a.json item 1: 'tag' comes twice"),
        ('[{"Tag": "PatientName", "Tag": "PatientName", "Action": "D"}]', "a.json item 1: 'Tag' comes twice"),
        ('[{"Tag": "PatientName", "TagPattern": "PatientName", "Action": "D"}]', "a.json item 1: 'TagPattern' comes twice"),
        ('[{"Tag": "PatientName", "Action": "D", "Colour": "red"}]', "a.json item 1: 'Colour' is not known"),
        ('[{"Tag": "PatientName", "Action": ""}]', "a.json item 1: 'PatientName' has no action"),
        ('[{"Tag": "PatientName", "Action": null}]', "a.json item 1: 'PatientName' has no action"),
        ('[{"Tag": "PatientName"}]', "a.json item 1: 'PatientName' has no action"),
        ('[{"Action": "X"}]', "a.json item 1: a rule needs a tag"),
        ('[{"Tag": ["PatientName"], "Action": "X"}]', "a.json item 1: 'Tag' must be a text"),
        ('[{"Tag": "PatientName", "Action": true}]', "a.json item 1: 'Action' must be a text"),
        ('[{"Tag": "PatientName", "Action": {"X": 1}}]', "a.json item 1: 'Action' must be a text"),
        ('[{"Tag": "PatientName", "Action": "X", "RetainUIDs": "K"}]', "a.json item 1: either Action or"),
        ('["PatientName"]', "a.json item 1: a rule is needed"),
        ('{"Tag": "PatientName", "Action": "X"}', "a.json: a list of rules is needed"),
        ("7", "a.json: a list of rules is needed"),
        ("[]", "a.json: no rules"),
        ("[\n{]", "a.json line 2: no JSON"),
        ("", "a.json line 1: no JSON"),
        ("[" * 100_000, "a.json"),
        ('[{"Tag": "PatientID", "Action": "D", "Value": "\\ud800"}]', "a.json item 1: .*not legal for PatientID"),
    ],
)
def test_errors_in_json_name_file_item_and_rule(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        read_json(text, "a.json")


def _item(content: str) -> str:
    return f"<root>\n<item><tag>PatientID</tag><action>X</action></item>\n<item>{content}</item></root>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_item("<tag>PatientNam</tag><action>X</action>"), r"a.xml item 2 \(line 3\): PatientNam;X: .*PatientName"),
        (_item("<tag>PatientName</tag><action/>"), r"a.xml item 2 \(line 3\): 'PatientName' has no action"),
        (_item("<tag>PatientName</tag>"), r"a.xml item 2 \(line 3\): 'PatientName' has no action"),
        (_item("<action>X</action>"), r"a.xml item 2 \(line 3\): a rule needs a tag"),
        (_item("<tag>PatientName</tag><tag>PatientName</tag><action>X</action>"), r"a.xml item 2 \(line 3\): 'tag' comes twice"),
        (_item("<tag>PatientName</tag><colour>red</colour>"), r"a.xml item 2 \(line 3\): 'colour' is not known"),
        (_item("<tag>Patient<b>Name</b></tag><action>X</action>"), "a.xml line 3: <b> within a text"),
        (_item("PatientName X"), "a.xml line 3: a text outside of elements"),
        (_item("<tag kind='a'>PatientName</tag><action>X</action>"), "a.xml line 3: <tag> has attributes"),
        ("<root><item tag='PatientName' action='X'/></root>", "a.xml line 1: <item> has attributes"),
        ("<root><rule/></root>", "a.xml line 1: <rule> is not known"),
        ("<root>text</root>", "a.xml line 1: a text outside of elements"),
        ("<root/>", "a.xml: no rules"),
        ("<root>\n<item></root>", "a.xml line 2: no XML"),
        ("", "a.xml line 1: no XML"),
    ],
)
def test_errors_in_xml_name_file_item_line_and_rule(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        read_xml(text, "a.xml")


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE root [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>',
        '<!DOCTYPE root [<!ENTITY c SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE root SYSTEM "http://example.org/a.dtd">',
        "<!DOCTYPE root>",
    ],
)
def test_entity_bombs_and_files_of_others_are_refused(head: str) -> None:
    with pytest.raises(ProfileError, match=r"a.xml line 1: document types and entities are refused"):
        read_xml(f"{head}<root><item><tag>PatientName</tag><action>&c;</action></item></root>", "a.xml")


def test_what_xml_says_of_its_encoding_is_past() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>' + _item("<tag>PatientName</tag><action>D</action><value>Jürgen</value>")
    assert read_xml(text, "a.xml")[1].value == "Jürgen"


# -- files and streams -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_source_is_a_path_or_an_open_stream(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "my.csv"
    path.write_bytes(mark + "PatientName;D;Jürgen".encode())
    expected = ("PatientName;D;Jürgen", "my.csv")
    assert read_source(path) == expected
    assert read_source(str(path)) == expected
    with path.open("rb") as binary, path.open(encoding="utf-8") as text:
        assert read_source(binary) == expected
        assert read_source(text) == expected
    assert read_source(io.BytesIO(path.read_bytes())) == (expected[0], "profile")
    assert read_source(io.StringIO(expected[0])) == (expected[0], "profile")


def test_what_cannot_be_read_is_an_error_without_folders(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("PatientName;D;Jürgen".encode("latin-1"))
    large = tmp_path / "large.csv"
    with large.open("wb") as stream:
        stream.truncate(16_000_001)
    closed = io.BytesIO(b"")
    closed.close()
    for source, message in (
        (latin, "latin.csv: not UTF-8, from byte 15 on"),
        (io.BytesIO("PatientName".encode("utf-16")), "profile: not UTF-8"),
        (tmp_path / "none.csv", "none.csv: can't be read: No such file"),
        (tmp_path, "can't be read: Is a directory"),
        (large, "large.csv: too large"),
        (closed, "profile: can't be read"),
        ("a\0b", "can't be read"),
        (7, "profile: can't be read"),
    ):
        with pytest.raises(ProfileError, match=message) as caught:
            read_source(source)  # type: ignore[arg-type]
        assert str(tmp_path.parent) not in str(caught.value)
