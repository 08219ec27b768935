"""Pixel rules in the project's own files: which objects they mean, what they come to, and what is wrong in which line."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import pytest

from profiles import (
    Area,
    Condition,
    Outcome,
    PixelRule,
    PixelRules,
    PixelSizeError,
    ProfileError,
    Rectangle,
    RuleMatch,
    RuleSource,
    decide,
    lint_pixel_rules,
    read_pixel_rules,
    tags,
)
from profiles.pixels import Semantics
from profiles.pixels.rule_files import built_in_rules

HEAD = "name,condition,rows,columns,outcome,blank,keep,provenance\n"
MODEL, TYPE, CLASS = tags()["ManufacturerModelName"], tags()["ImageType"], tags()["SOPClassUID"]


def rules(lines: str, name: str = "ours.csv") -> PixelRules:
    stream = io.StringIO(HEAD + lines)
    stream.name = name  # type: ignore[misc]
    return PixelRules((read_pixel_rules(stream),))


def test_a_rule_means_images_of_its_size_whose_attributes_fit() -> None:
    found = rules('banner,ManufacturerModelName = LOGIQ,480,640,clean,"0,0,640,40;-100,-20,0,0",,Doe looked\n')
    assert found.tags == {MODEL}
    (match,) = found.match({MODEL: ("Logiq",)}, 480, 640)
    assert match == RuleMatch("banner", Outcome.CLEAN, (Rectangle(0, 0, 640, 40), Rectangle(540, 460, 640, 480)))
    assert found.match({MODEL: ("Logiq",)}, 640, 480) == ()
    assert found.match({MODEL: ("Vivid",)}, 480, 640) == found.match({}, 480, 640) == ()


def test_keep_alone_blanks_all_but_that() -> None:
    (match,) = rules('fan,,480,640,clean,,"10,20,-10,-20",Doe\n').match({}, 480, 640)
    assert match.rectangles == (
        Rectangle(0, 0, 640, 20),
        Rectangle(0, 20, 10, 460),
        Rectangle(630, 20, 640, 460),
        Rectangle(0, 460, 640, 480),
    )


def test_keep_takes_out_of_what_is_blanked() -> None:
    (match,) = rules('strip,,100,100,clean,"0,0,100,10","40,0,60,10",Doe\n').match({}, 100, 100)
    assert match.rectangles == (Rectangle(0, 0, 40, 10), Rectangle(60, 0, 100, 10))


def test_all_needs_no_size() -> None:
    found = rules("whole,ImageType contains SCREEN,,,clean,all,,Doe\n")
    for size in ((1, 1), (512, 640)):
        assert found.match({TYPE: ("SCREEN SAVE",)}, *size)[0].rectangles == (Rectangle(0, 0, size[1], size[0]),)


def test_all_rules_that_match_apply_and_the_strictest_outcome_wins() -> None:
    lines = "a,Modality is absent,,,clean,all,,Doe\nb,Modality is absent,,,keep,,,Doe\nc,ImageType = X,,,quarantine,,,Doe\n"
    found = rules(lines + "d,ImageType = Y,,,drop,,,Doe\n")
    assert [match.rule for match in found.match({}, 5, 5)] == ["a", "b"]
    assert decide(found.match({}, 5, 5)) is Outcome.CLEAN
    assert decide(found.match({TYPE: ("X",)}, 5, 5)) is Outcome.QUARANTINE
    assert decide(found.match({TYPE: ("X", "Y")}, 5, 5)) is Outcome.DROP


def test_no_match_and_no_pixel_to_blank_decide_nothing() -> None:
    assert decide(()) is None
    assert decide([RuleMatch("a", Outcome.KEEP)]) is Outcome.KEEP
    # a rule that blanks nothing has seen nothing: with it, nothing passes that didn't before
    assert decide([RuleMatch("a", Outcome.CLEAN)]) is None
    assert decide([RuleMatch("a", Outcome.CLEAN), RuleMatch("b", Outcome.KEEP)]) is None


def test_files_only_add() -> None:
    first = read_pixel_rules(io.StringIO(HEAD + 'a,,10,10,clean,"0,0,10,1",,Doe\n'))
    second = read_pixel_rules(io.StringIO(HEAD + 'b,,10,10,clean,,"0,0,10,9",Doe\n'))
    found = PixelRules((first, second)).match({}, 10, 10)
    assert [match.rectangles for match in found] == [(Rectangle(0, 0, 10, 1),), (Rectangle(0, 9, 10, 10),)]
    with pytest.raises(ProfileError, match="two files have a pixel rule a"):
        PixelRules((first, first))


def test_in_order_a_later_rule_may_keep_what_an_earlier_one_blanks() -> None:
    blanks = PixelRule("a", None, None, None, Outcome.CLEAN, (Area(0, 0, 0, 0),))
    keeps = PixelRule("b", None, None, None, Outcome.CLEAN, (Area(2, 2, 4, 4, False), Area(0, 0, 1, 1)))
    matches = list(RuleSource("deid", Semantics.IN_ORDER, (blanks, keeps)).match({}, 4, 4))
    assert matches[0].rectangles == (Rectangle(1, 0, 4, 1), Rectangle(0, 1, 4, 2), Rectangle(0, 2, 2, 4))
    # each pixel counts for the rule that has it last
    assert matches[1].rectangles == (Rectangle(0, 0, 1, 1),)


def test_first_match_ends_the_search() -> None:
    condition = Condition.parse("Rows = 4")
    several = tuple(PixelRule(name, condition, None, None, Outcome.CLEAN, (Area(0, 0, 1, 1),)) for name in "ab")
    found = PixelRules((RuleSource("ctp", Semantics.FIRST, several),))
    # whatever the values say, Rows is that of the image
    assert [match.rule for match in found.match({tags()["Rows"]: ("7",)}, 4, 4)] == ["a"]
    assert found.match({tags()["Rows"]: ("4",)}, 7, 4) == ()


def test_a_rectangle_that_does_not_fit_is_an_error_that_names_the_rule() -> None:
    rule = PixelRule("large", None, None, None, Outcome.CLEAN, (Area(0, 0, 50, 50),))
    with pytest.raises(PixelSizeError, match="pixel rule large: a rectangle isn't inside the image"):
        PixelRules((RuleSource("own", Semantics.ALL, (rule,)),)).match({}, 10, 10)


def test_json_says_the_same_as_csv(tmp_path: Path) -> None:
    line = {
        "name": "banner",
        "condition": 'Manufacturer = exactly "A, B"',
        "rows": 480,
        "columns": "640",
        "outcome": "clean",
        "blank": [[0, 0, 640, 40], [0, -20, 0, 0]],
        "keep": "1,1,2,2",
        "provenance": "Doe",
    }
    path = tmp_path / "rules.json"
    path.write_text(json.dumps([line, {"name": "x", "condition": "Modality = OT", "outcome": "drop", "provenance": "Doe"}]))
    csv = rules(
        'banner,"Manufacturer = exactly ""A, B""",480,640,clean,"0,0,640,40;0,-20,0,0","1,1,2,2",Doe\n'
        "x,Modality = OT,,,drop,,,Doe\n"
    )
    of_json = read_pixel_rules(path)
    assert of_json.rules == csv.sources[0].rules
    assert PixelRules((of_json,)).digest == csv.digest
    assert of_json.digest != csv.sources[0].digest


def test_what_decides_is_in_the_digest_and_what_does_not_is_not() -> None:
    line = 'a,Modality = US,10,10,clean,"0,0,5,5",,Doe'
    others = [
        line.replace("a,", "b,", 1),
        line.replace("US", "XA"),
        line.replace("10,10", "11,11"),
        line.replace("0,0,5,5", "0,0,5,6"),
        'a,Modality = US,10,10,clean,,"0,0,5,5",Doe',
        "a,Modality = US,10,10,drop,,,Doe",
    ]
    assert len({rules(other + "\n").digest for other in [line, *others]}) == len(others) + 1
    assert rules(line.replace("Doe", "Roe") + "\n").digest == rules(line + "\n").digest


def test_rules_may_be_sent_to_another_process() -> None:
    found = rules('a,"Modality matches ""US|XA""",10,10,clean,"0,0,5,5",,Doe\n')
    assert found.tags and found.digest
    revived = pickle.loads(pickle.dumps(found))
    assert revived == found and hash(revived) == hash(found) and revived.digest == found.digest
    assert revived.match({tags()["Modality"]: ("XA",)}, 10, 10)[0].rule == "a"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a b,Modality = US,,,drop,,,Doe", "line 2: a name has"),
        (f"{'a' * 65},Modality = US,,,drop,,,Doe", "line 2: a name has"),
        (",Modality = US,,,drop,,,Doe", "line 2: a name has"),
        ("a,Modality = US,,,drop,,,Doe\na,Modality = CT,,,drop,,,Doe", "line 3: the name of an earlier rule"),
        ("a,Modality = US,,,drop,,, ", "a provenance is needed"),
        ("a,Modality = US,,,blur,,,Doe", "the outcome is keep, clean, quarantine, drop"),
        ("a,Modality like US,,,drop,,,Doe", "line 2: condition: "),
        ("a,TransferSyntaxUID is present,,,drop,,,Doe", "file meta"),
        ("a,DataSetTrailingPadding is present,,,drop,,,Doe", "behind the pixel data"),
        (f'a,Modality = US,20,30,clean,"{";".join(["0,0,1,1"] * 257)}",,Doe', "256"),
        ("a,ReferencedImageSequence = 1,,,drop,,,Doe", "presence"),
        ("a,,,,drop,,,Doe", "a condition is needed"),
        ("a,,10,10,keep,,,Doe", "a condition is needed"),
        ("a,Modality = US,10,,drop,,,Doe", "rows and columns are numbers"),
        ("a,Modality = US,0,10,drop,,,Doe", "rows and columns are numbers"),
        ("a,Modality = US,65536,10,drop,,,Doe", "rows and columns are numbers"),
        ("a,Modality = US,1.5,10,drop,,,Doe", "rows and columns are numbers"),
        ("a,Modality = US,,,clean,,,Doe", "needs rectangles"),
        ('a,Modality = US,,,clean,"0,0,5,5",,Doe', "rows and columns of the images are needed"),
        ('a,Modality = US,,,clean,all,"0,0,5,5",Doe', "rows and columns of the images are needed"),
        ("a,Modality = US,10,10,clean,,all,Doe", "the outcome keep"),
        ('a,Modality = US,,,drop,"0,0,5,5",,Doe', "the outcome drop has no rectangles"),
        ("a,Modality = US,10,10,keep,all,,Doe", "the outcome keep has no rectangles"),
        ('a,Modality = US,10,10,clean,"0,0,11,5",,Doe', "isn't inside"),
        ('a,Modality = US,10,10,clean,,"0,0,5,11",Doe', "isn't inside"),
        ('a,Modality = US,10,10,clean,"5,0,5,5",,Doe', "isn't inside"),
        ('a,Modality = US,10,10,clean,"0,0,5",,Doe', "x0,y0,x1,y1"),
        ('a,Modality = US,10,10,clean,"0,0,5,x",,Doe', "x0,y0,x1,y1"),
        ('a,Modality = US,10,10,clean,"0,0,5,5;;0,0,1,1",,Doe', "x0,y0,x1,y1"),
        ('a,Modality = US,10,10,clean,"all;0,0,5,5",,Doe', "x0,y0,x1,y1"),
        ("a,Modality = US,,,drop,,", "cells"),
        ("a,Modality = US,,,drop,,,Doe,more", "cells"),
        ("", "no pixel rules in it"),
    ],
)
def test_a_file_that_says_nothing_clear_is_refused(line: str, said: str) -> None:
    with pytest.raises(ProfileError, match=r"^ours\.csv") as error:
        rules(line + "\n" if line else "")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ('"0,0,5,5;6,0,11,5",', "rectangle 2 of blank, 6,0,11,5, isn't inside an image of 10 columns and 20 rows"),
        ('"0,0,5,5;6,0,6,5",', "rectangle 2 of blank, 6,0,6,5, isn't"),
        ('"0,0,5,5;6,0,7,5","0,0,1,1;9,19,1,1"', "rectangle 2 of keep, 9,19,1,1, isn't"),
    ],
)
def test_a_rectangle_that_is_none_is_named_and_ends_are_explained(cells: str, said: str) -> None:
    with pytest.raises(ProfileError) as error:
        rules(f"a,Modality = US,20,10,clean,{cells},Doe\n")
    assert said in str(error.value) and "the last two are ends" in str(error.value)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (HEAD.replace("rows", "row"), "'row' is none of them: did you mean rows?"),
        (HEAD.replace(",", ";"), "commas stand between"),
        (HEAD.replace(",", "\t"), "commas stand between"),
        (HEAD.replace("keep,", ""), ""),
        (HEAD.replace("keep", "blank"), "each stands there once"),
        (HEAD.replace(",provenance", ""), "provenance is missing"),
        ("us,Modality = US,480\n", "the first line has none of them"),
    ],
)
def test_what_is_wrong_with_a_head_is_said(head: str, said: str) -> None:
    stream = io.StringIO(head)
    stream.name = "ours.csv"  # type: ignore[misc]
    with pytest.raises(ProfileError) as error:
        read_pixel_rules(stream)
    assert said in str(error.value) and "Modality" not in str(error.value)
    assert ("the columns are name, condition" in str(error.value)) is bool(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [(bytes(128) + b"DICM", "a DICOM object was given"), (b"\xff" * 128 + b"DICM", "a DICOM"), (b"PK\3\4\xff", "a spreadsheet")],
)
def test_what_is_no_file_of_rules_at_all_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "DOE_JOHN"
    path.write_bytes(content)
    with pytest.raises(ProfileError) as error:
        read_pixel_rules(path)
    assert said in str(error.value)
    # of an object, the file's name may be a patient's
    assert ("DOE" in str(error.value)) is (b"DICM" not in content)


@pytest.mark.parametrize(
    ("text", "guard"),
    [
        ('{Modality.equals("US")}(0,0,10,10)', '* Rows.equals("480") * Columns.equals("640")}'),
        ("FORMAT dicom\n%filter graylist\nLABEL a\n  contains Modality US\n  coordinates 0,0,9,9\n", "+ equals Rows 480"),
    ],
)
def test_the_lint_speaks_the_language_of_the_rule(text: str, guard: str) -> None:
    """And what it proposes is enough for it."""
    (finding,) = lint_pixel_rules(io.StringIO(text))
    assert guard in finding.sentence
    with pytest.raises(ProfileError, match=f"--accept-rule {finding.rule}$"):
        read_pixel_rules(io.StringIO(text))
    guarded = text.replace(")}", ') * Rows.equals("480") * Columns.equals("640")}')
    guarded = guarded.replace("Modality US\n", "Modality US\n + equals Rows 480\n + equals Columns 640\n")
    assert guarded != text and lint_pixel_rules(io.StringIO(guarded)) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "a list of rules"),
        ('{"name": "a"}', "a list of rules"),
        ("[1]", "item 1: a rule is needed"),
        ('[{"name": "a", "outcome": "drop"}]', "the keys are"),
        ('[{"name": "a", "outcome": "drop", "provenance": "x", "wide": 1}]', "the keys are"),
        ('[{"name": "a", "name": "b", "outcome": "drop", "provenance": "x"}]', "once"),
        ('[{"name": "a", "outcome": ["drop"], "provenance": "x"}]', "outcome is no text"),
        ('[{"name": "a", "outcome": "clean", "blank": [0, 0, 5, 5], "provenance": "x"}]', "list of [x0, y0, x1, y1]"),
        ('[{"name": "a", "condition": "Modality = \\ud800", "outcome": "drop", "provenance": "x"}]', "condition"),
        ("[" * 100_000, "lists within lists"),
        ("[", "no JSON"),
    ],
)
def test_json_that_says_nothing_clear_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "ours.json"
    path.write_text(text)
    with pytest.raises(ProfileError, match=r"^ours\.json") as error:
        read_pixel_rules(path)
    assert said in str(error.value)
    assert len(str(error.value)) < 400


def test_a_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    contents = {
        "own": HEAD + "a,Modality = US,,,drop,,,Doe\n",
        "own-json": '\n[{"name": "a", "condition": "Modality = US", "outcome": "drop", "provenance": "Doe"}]',
        "ctp": 'CT\n{Modality.equals("CT") * Rows.equals("512") * Columns.equals("512")}(0,0,10,10)',
        "deid": "# a recipe\nFORMAT dicom\n%filter graylist\nLABEL a\n  contains Modality CT\n  coordinates all\n",
    }
    for kind, text in contents.items():
        path = tmp_path / f"rules-{kind}"
        path.write_text(text)
        assert read_pixel_rules(path).kind == kind.removesuffix("-json")
    other = tmp_path / "other"
    other.write_text("Modality = US\n")
    with pytest.raises(ProfileError, match="these are no pixel rules"):
        read_pixel_rules(other)


def test_own_rules_have_nothing_to_accept() -> None:
    text = HEAD + "a,Modality = US,,,clean,all,,Doe\n" + 'b,Modality = US,10,10,clean,"0,0,5,5",,Doe\n'
    assert lint_pixel_rules(io.StringIO(text)) == ()


def test_the_built_in_table_blanks_the_banner_of_one_device_of_one_size() -> None:
    found = PixelRules((built_in_rules(),))
    values = {
        CLASS: ("1.2.840.10008.5.1.4.1.1.6.1",),
        MODEL: ("LOGIQ 700",),
        tags()["Manufacturer"]: ("G.E. Medical Systems",),
    }
    assert set(values) <= found.tags
    (match,) = found.match(values, 480, 640)
    assert match.rectangles == (Rectangle(0, 0, 640, 107), Rectangle(0, 340, 640, 480))
    assert found.match(values, 576, 768) == found.match({**values, MODEL: ("LOGIQ 9",)}, 480, 640) == ()


def test_rules_that_mean_an_object_but_for_the_size_of_its_image_are_told() -> None:
    found = rules(
        "a,Modality = US,20,10,clean,all,,Doe\nb,Modality = US,10,20,clean,all,,Doe\nc,Modality = CT,20,10,drop,,,Doe\n"
        "d,Modality = US,,,keep,,,Doe\ne,,20,10,clean,all,,Doe\nf,Modality = US and Rows > 10,20,10,drop,,,Doe\n"
    )
    assert [rule.name for rule in found.of_other_sizes({tags()["Modality"]: ("US",)}, 10, 20)] == ["a"]
    assert [rule.name for rule in found.of_other_sizes({tags()["Modality"]: ("US",)}, 20, 10)] == ["b"]
    assert [rule.name for rule in found.of_other_sizes({tags()["Modality"]: ("US",)}, 11, 20)] == ["a", "b", "f"]


def test_files_that_are_used_together_are_looked_at_together() -> None:
    script = '{Modality.equals("US")}(0,0,10,10)'
    assert [finding.rule for finding in lint_pixel_rules(io.StringIO(script), io.StringIO(script))] == ["ctp-0001", "ctp2-0001"]


def test_a_rule_of_ones_own_that_blanks_nothing_is_an_error() -> None:
    with pytest.raises(ProfileError, match="it blanks nothing"):
        rules('a,Modality = US,10,10,clean,"0,0,5,5","0,0,10,10",Doe\n')


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ctp-0001", '{Rows.equals("480") * Columns.equals("640")}' + "(0,0,1,1)" * 257),
        (
            "deid-graylist-0001",
            "FORMAT dicom\n%filter graylist\nLABEL x\n  equals Rows 480 + equals Columns 640\n" + "  coordinates 0,0,1,1\n" * 257,
        ),
    ],
)
def test_an_imported_rule_with_too_many_rectangles_is_told_by_its_name_and_may_be_left_out(name: str, text: str) -> None:
    (finding,) = (one for one in lint_pixel_rules(io.StringIO(text)) if one.must_be_accepted)
    assert finding.rule == name and "more than 256 rectangles" in str(finding)
    with pytest.raises(ProfileError, match=f"accept-rule {name}"):
        read_pixel_rules(io.StringIO(text))
    assert read_pixel_rules(io.StringIO(text), [name]).rules == ()
