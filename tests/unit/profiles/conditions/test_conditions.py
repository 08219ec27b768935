"""Conditions: what is read, what holds, and what a message says about one that can't be read."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import ProfileError, tags
from profiles.conditions import AllOf, AnyOf, AttributeTest, Condition, Node, Not
from tests.support.running import budget

TYPE, SAMPLES, MAKER = tags()["ImageType"], tags()["SamplesPerPixel"], tags()["Manufacturer"]
OBJECT = {TYPE: ("DERIVED", "", "Screen save"), SAMPLES: ("3",), MAKER: ("ACME  Medical",), tags()["Modality"]: ("",)}


@pytest.mark.parametrize(
    "text",
    [
        "ImageType = DERIVED",
        "ImageType = derived",
        'ImageType = "screen save"',
        "ImageType != DERIVED",
        "ImageType[1] = DERIVED",
        'ImageType[3] in (LABEL, "SCREEN SAVE")',
        "ImageType contains CREEN",
        "ImageType starts with Scr",
        'ImageType ends with " save"',
        "SamplesPerPixel > 1",
        "SamplesPerPixel >= 3 and SamplesPerPixel <= 3 and SamplesPerPixel < 4",
        "SamplesPerPixel = 3",
        "ImageType is present",
        "Modality is absent",
        "BodyPartExamined is absent",
        "ImageType[2] is absent",
        "ImageType[4] is absent",
        "not Modality = CT",
        "not (Modality is present or SamplesPerPixel = 1)",
        "Modality = CT or ImageType = DERIVED and SamplesPerPixel = 3",
    ],
)
def test_what_holds(text: str) -> None:
    assert Condition.parse(text).holds(OBJECT)
    assert not Condition.parse(f"not ({text})").holds(OBJECT)


@pytest.mark.parametrize(
    "text",
    [
        "ImageType = SAVE",
        "ImageType[2] = DERIVED",
        "ImageType[2] != DERIVED",
        "ImageType in (ORIGINAL, PRIMARY)",
        "ImageType starts with SAVE",
        "ImageType > 1",
        "Modality != CT",
        "Modality contains C",
        "SamplesPerPixel < 3",
        "(Modality = CT or ImageType = DERIVED) and SamplesPerPixel = 1",
    ],
)
def test_what_does_not_hold(text: str) -> None:
    assert not Condition.parse(text).holds(OBJECT)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "keyword of an attribute"),
        ("ImageTyp = X", "keyword of an attribute"),
        ("(0008,0008) = X", "keyword of an attribute"),
        ("ImageType", "a comparison"),
        ("ImageType like X", "a comparison"),
        ("ImageType =", "a value"),
        ('ImageType = ""', "'is absent'"),
        ('ImageType = "X', "character 13"),
        ("ImageType = X Y", "'and' or 'or'"),
        ("ImageType = X or", "keyword of an attribute"),
        ("ImageType = X)", "'and' or 'or'"),
        ("(ImageType = X", "')'"),
        ("ImageType in X", "'('"),
        ("ImageType in (X, )", "a value"),
        ("ImageType in (X Y)", "')'"),
        ("ImageType[0] = X", "number of a value"),
        ("ImageType[x] = X", "number of a value"),
        ("ImageType[3 = X", "']'"),
        ("ImageType starts X", "'with'"),
        ("ImageType is gone", "'present'"),
        ("SamplesPerPixel > many", "a number"),
        ("ImageType = $", "character 13"),
        ("ImageType = A/B", "stands in double quotes"),
        ("Modalty = US", "'Modalty' is none; did you mean Modality?"),
        ("not (xyzzy is present)", "'xyzzy' is none"),
        ("Manufacturer = LOGIQ 700", "character 22; a value with blanks stands in double quotes"),
        ("(Manufacturer contains LOGIQ 700)", "a value with blanks stands in double quotes"),
        ("Manufacturer in (LOGIQ 700)", "a value with blanks stands in double quotes"),
        ("not " * 40 + "ImageType = X", "levels"),
        ("(" * 1000 + "ImageType = X", "levels"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ProfileError, match=r"^condition: ") as error:
        Condition.parse(text)
    assert said in str(error.value)


@pytest.mark.parametrize("text", ["PatientName = Doe or Roe", '"Roe" = PatientName', "PatientName = Doe Roe", "Roe"])
def test_a_word_that_may_be_a_value_is_not_repeated(text: str) -> None:
    with pytest.raises(ProfileError) as error:
        Condition.parse(text)
    assert "Roe" not in str(error.value) and "oe" not in str(error.value)


def test_a_long_word_is_not_repeated_whole() -> None:
    with pytest.raises(ProfileError) as error:
        Condition.parse(f"{'Modality' * 10_000} = US")
    assert len(str(error.value)) < 300


VALUES = st.sampled_from(["CT", "SCREEN SAVE", "3", "1.5", "a.b-c+d_e", "and", "OR", "in", "not"])
KEYWORDS = st.sampled_from(["ImageType", "SamplesPerPixel", "Manufacturer", "BodyPartExamined"])


@st.composite
def attribute_tests(draw: Any) -> tuple[str, Node]:
    keyword, place = draw(KEYWORDS), draw(st.integers(0, 3))
    named = f"{keyword}[{place}]" if place else keyword
    operation = draw(
        st.sampled_from(["=", "!=", "contains", "starts with", "ends with", "in", "is present", "is absent", "<", ">="])
    )
    present = AttributeTest(tags()[keyword], "is present", place=place)
    match operation:
        case "is present":
            return f"{named} is present", present
        case "is absent":
            return f"{named}  is absent", Not(present)
        case "<" | ">=":
            number = draw(st.sampled_from(["1", "-2", "3.5"]))
            return f"{named}{operation}{number}", AttributeTest(tags()[keyword], operation, (number,), place)
        case "in":
            several = tuple(draw(st.lists(VALUES, min_size=1, max_size=3)))
            written = ", ".join(f'"{value}"' for value in several)
            return f"{named} in ({written})", AttributeTest(tags()[keyword], "in", tuple(map(str.upper, several)), place)
    value = draw(VALUES)
    return f'{named} {operation} "{value}"', AttributeTest(tags()[keyword], operation, (value.upper(),), place)


def joined(word: str, kind: type[AllOf] | type[AnyOf], parts: list[tuple[str, Node]]) -> tuple[str, Node]:
    return f" {word} ".join(f"({text})" for text, _ in parts), kind(tuple(node for _, node in parts))


CONDITIONS = st.recursive(
    attribute_tests(),
    lambda inner: st.one_of(
        inner.map(lambda one: (f"not ({one[0]})", Not(one[1]))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: joined("and", AllOf, parts)),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: joined("OR", AnyOf, parts)),
    ),
    max_leaves=8,
)


@budget(200)
@given(CONDITIONS)
def test_a_condition_says_what_was_written(written: tuple[str, Node]) -> None:
    text, node = written
    condition = Condition.parse(text)
    assert condition.node == node
    assert Condition.parse(condition.text).node == node


@budget(300)
@given(st.text(alphabet='ImageTypeand or not()[]=<>!,"3\n', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ProfileError):
        assert Condition.parse(text).holds(OBJECT) in (True, False)
