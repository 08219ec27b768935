"""Custom profiles in CSV: headers, separators, comments and quotes, and what people get wrong."""

from __future__ import annotations

import pytest

from profiles import ProfileError, ProfileOptions
from profiles.custom.files import read_csv
from profiles.custom.patterns import Attribute
from profiles.custom.rules import first_match
from tests.support.custom_profiles import said

BASIC = ProfileOptions.BasicProfile


def narrow(text: str) -> list[tuple[str, str, str | None]]:
    """Pattern, action and value of the rules in a CSV text."""
    return [(pattern, actions["BasicProfile"], value) for pattern, actions, value, _ in said(read_csv(text, "my.csv"))]


@pytest.mark.parametrize(
    "text",
    [
        "PatientName;X\nPatientID;D;1",
        "TagPattern;Action\nPatientName;X\nPatientID;D;1",
        "Tag;Action;Value\nPatientName;X;\nPatientID;D;1",
        "value ; ACTION ; tag pattern\n;X;PatientName\n1;D;PatientID",
        "Name;Tag;Action;Value;Comment\n;PatientName;X\nPatient ID;PatientID;D;1;why",
        "tag,action,value\nPatientName,X\nPatientID,D,1",
        "PatientName,X\nPatientID,D,1",
        "PatientName\tX\nPatientID\tD\t1",
        "\n  \n// first\nPatientName;X\n# second\n  # third\nPatientID;D;1\n\n",
        "PatientName;X // gone\nPatientID ; D ; 1",
        'PatientName;X # gone; really, "gone"\nPatientID;D;1',
        "PatientName,X // gone; really\nPatientID,D,1",
        "PatientName\tX\t// gone\nPatientID\tD\t1",
        '"PatientName";"X"\n"PatientID";"D";"1"',
        '"PatientName" ; "X" // gone\n "PatientID";"D" ;1',
        "PatientName;X\r\nPatientID;D;1\r\n",
        "PatientName;X\rPatientID;D;1",
    ],
)
def test_all_these_say_the_same(text: str) -> None:
    assert narrow(text) == [("PatientName", "X", None), ("PatientID", "D", "1")]


@pytest.mark.parametrize(
    "pattern",
    [
        "0010,0010",
        "(0010,0010)",
        "(0010, 0010)",
        "50xx,xxxx",
        "0040,0275>0040,0009",
        "0040,0275>PatientID",
        "RequestAttributesSequence>0040,0009",
        ">0010,0010",
        "0029{ACME, Inc; Ltd}10",
        "0029{ACME, Inc}10>0010,0010",
        "00100010",
        "{PN}",
    ],
)
def test_a_tag_needs_no_quotes_where_commas_divide(pattern: str) -> None:
    if ";" not in pattern:
        assert narrow(f"{pattern},X") == [(pattern, "X", None)]
    assert narrow(f"tag,action\n{pattern} , X # why") == [(pattern, "X", None)]
    assert narrow(f"name,tag,action\nwhat,{pattern},X") == [(pattern, "X", None)]
    assert narrow(f'"{pattern}",D,"a, b"' if pattern == "{PN}" else f'"{pattern}",X')[0][0] == pattern


def test_an_expression_with_commas_needs_quotes_there() -> None:
    assert narrow('"[0-9]{4},0010",X') == [("[0-9]{4},0010", "X", None)]
    with pytest.raises(ProfileError, match="line 1"):
        narrow("[0-9]{4},0010,X")


def test_quoted_cells_hold_anything() -> None:
    text = 'PatientComments;D;"a; b // c # d ""e""\n\nf"\n# comment\nPatientID;D;"#5"'
    assert narrow(text) == [("PatientComments", "D", 'a; b // c # d "e"\n\nf'), ("PatientID", "D", "#5")]
    assert [rule.origin for rule in read_csv(text, "my.csv")] == [
        "my.csv line 1: PatientComments;D",
        "my.csv line 5: PatientID;D",
    ]


@pytest.mark.parametrize("value", ["Case #1", "Case // one", "#1", "// one", "1 # one"])
def test_a_comment_is_never_taken_for_a_value_nor_a_value_for_a_comment(value: str) -> None:
    with pytest.raises(ProfileError, match=r"my.csv line 1: PatientID;D: is the comment part of the value\? Quote"):
        narrow(f"PatientID;D;{value}")
    assert narrow(f'PatientID;D;"{value}" // why') == [("PatientID", "D", value)]


def test_values_may_hold_signs_that_begin_no_comment() -> None:
    assert narrow("RetrieveURL;D;http://example.org/#a") == [("RetrieveURL", "D", "http://example.org/#a")]


def test_option_columns_have_an_order_unless_a_header_names_them() -> None:
    wide = said(read_csv("0008,0018;U;;K;;;;;;;;", "my.csv"))
    assert wide == [("0008,0018", {"BasicProfile": "U", "RetainUIDs": "K"}, None, False)]
    assert wide == said(read_csv("Retain UIDs Option;Tag;Basic Prof.\nK;0008,0018;U", "my.csv"))
    assert wide == said(read_csv("RetainUIDs,TagPattern,BasicProfile\nK,0008,0018,U", "my.csv"))
    assert said(read_csv("Tag;RetainUIDs;Value;BasicProfile\nPatientID;K!;1;D", "my.csv")) == [
        ("PatientID", {"BasicProfile": "D", "RetainUIDs": "K"}, "1", True)
    ]


def test_narrow_rows_may_stand_among_wide_ones() -> None:
    assert said(read_csv("0008,0018;U;;K;;;;;;;;\nPatientName;X", "my.csv"))[1] == (
        "PatientName",
        {"BasicProfile": "X"},
        None,
        False,
    )


def test_a_wide_row_without_an_action_says_nothing() -> None:
    rules = read_csv("PatientName;;;;;;;;;;;\nPatientName;;;K!;;;;;;;;", "my.csv")
    attribute = (Attribute(0x00100010, "PatientName", "PN"),)
    assert first_match(rules, attribute, BASIC) is None
    assert first_match(rules, attribute, BASIC | ProfileOptions.RetainUIDs) is rules[1]


def test_what_stands_behind_the_last_column_is_ignored_as_by_fo_dicom_unless_it_is_an_action() -> None:
    assert said(read_csv("0008,0050;Z;;;;;;;;;;;AccessionNumber", "my.csv")) == said(read_csv("0008,0050;Z;;;;", "my.csv"))
    with pytest.raises(ProfileError, match=r"my.csv line 1: a cell too many"):
        read_csv("0008,0050;Z;;;;;;;;;;;x", "my.csv")
    for text in ("Tag;Action\n0008,0050;Z;;why", "Tag;RetainUIDs\n0008,0050;Z;why"):
        with pytest.raises(ProfileError, match=r"my.csv line 2: a cell too many"):
            read_csv(text, "my.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("// a\n\nPatientName;D\nPatientNam;X", "my.csv line 4: PatientNam;X: there is no keyword .*did you mean PatientName?"),
        ("PatientName;Q", "my.csv line 1: PatientName;Q: 'Q' is no action"),
        ("PatientName;", "my.csv line 1: 'PatientName' has no action"),
        ("PatientName", "my.csv line 1: 'PatientName' has no action"),
        ("PatientName;;Case", "my.csv line 1: 'PatientName' has no action"),
        (";X", "my.csv line 1: a rule needs a tag"),
        (
            "PatientBirthDate;D;01.01.2000",
            "my.csv line 1: PatientBirthDate;D: the value is not legal for PatientBirthDate: no legal DA",
        ),
        ("PatientName;X;Case", "my.csv line 1: PatientName;X: a value needs the action D"),
        ("PatientName;D;a;b", "my.csv line 1: .*'a' is no action"),
        ("SOPClassUID;X", "my.csv line 1: SOPClassUID;X: the engine itself"),
        ('PatientName;D;"Case', "my.csv line 1: a quoted cell has no end"),
        ('X;Y\nPatientName;"D" x', "my.csv line 2: something stands behind a quoted cell"),
        ("Tag;Action;Colour\nPatientName;X;red", "my.csv line 1: 'Colour' is not known"),
        ("Tag;Action;action\nPatientName;X;X", "my.csv line 1: 'action' comes twice"),
        ("Tag;RetainUIDs;Rtn. UIDs Opt.\nPatientName;X;X", "my.csv line 1: 'Rtn. UIDs Opt.' comes twice"),
        ("\nTag;Action;RetainUIDs\nPatientName;X;K", "my.csv line 2: either Action or the options' names"),
        ("Tag;Value\nPatientName;X", "my.csv line 2: 'PatientName' has no action"),
        ("", "my.csv: no rules"),
        ("Tag;Action\n// none", "my.csv: no rules"),
    ],
)
def test_errors_in_csv_name_file_line_and_rule(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        read_csv(text, "my.csv")
