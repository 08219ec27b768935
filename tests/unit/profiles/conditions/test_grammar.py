"""The grammar of conditions: what is written is what is read, and any other text is refused in one sentence."""

from __future__ import annotations

import contextlib
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import ProfileError, tags
from profiles.conditions import ALL_VALUES, AllOf, AnyOf, AttributeTest, Condition, Node, Not, render
from tests.support.running import budget

TYPE, MAKER, ROWS = tags()["ImageType"], tags()["Manufacturer"], tags()["Rows"]
OBJECT = {TYPE: ("DERIVED", "", "Screen save"), MAKER: ("G.E. Medical\nSystems",), ROWS: ("512",)}


@pytest.mark.parametrize(
    "text",
    [
        'ImageType matches "scr.*"',
        'ImageType matches ".*EEN SA[uv]E"',
        'ImageType matches exactly "Scr.* save"',
        'not ImageType matches exactly "SCR.*"',
        'not ImageType matches "screen"',
        'Manufacturer matches "G\\.E\\..*systems"',
        "ImageType = exactly DERIVED",
        "not ImageType = exactly Derived",
        "ImageType != exactly Derived",
        "ImageType contains exactly reen",
        "not ImageType contains exactly REEN",
        "ImageType starts with exactly Scr",
        "not ImageType starts with exactly scr",
        "ImageType ends with exactly save",
        "not ImageType ends with exactly SAVE",
        'ImageType in exactly (ORIGINAL, "Screen save")',
        "not ImageType in exactly (derived, original)",
        'ImageType[*] = "derived\\\\screen save"',
        'ImageType[*] matches "DERIVED\\\\\\\\.*"',
        "not ImageType[*] = DERIVED",
        "ImageType[*] is present",
        "BodyPartExamined[*] is absent",
        "Rows[*] > 511",
        'not Manufacturer = "exactly"',
    ],
)
def test_what_holds(text: str) -> None:
    condition = Condition.parse(text)
    assert condition.holds(OBJECT)
    assert Condition.parse(condition.text) == condition
    assert Condition.of(condition.node).holds(OBJECT)


@pytest.mark.parametrize("value", ['a "quoted" word', "two  blanks", "exactly", "a\nline", '"', "Zoë", "a,b;(c)"])
def test_a_value_may_be_any_text(value: str) -> None:
    node = AttributeTest(MAKER, "=", (value,), exact=True)
    assert Condition.parse(render(node)).node == node
    assert node.holds({MAKER: (value,)})
    assert Condition.parse(Condition.of(node).text).node == node


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('ImageType matches "(?=a)b"', "RE2"),
        ('ImageType matches "(a)\\1"', "RE2"),
        ('ImageType matches "(((a{100}){100}){100}){100}"', "RE2"),
        (f'ImageType matches "{"a" * 1001}"', "1000 characters"),
        ('ImageType matches "\ud800"', "RE2"),
        ('ImageType matches ""', "a value is empty"),
        ("ImageType matches", "a value"),
        ("ImageType = exactly", "a value"),
        ("Rows < exactly 5", "a number"),
        ("Rows is exactly present", "'present'"),
        ("ImageType in (exactly A)", "')'"),
        ("ImageType[*", "']'"),
        ("ImageType[**] = A", "']'"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(ProfileError, match=r"^condition: ") as error:
        Condition.parse(text)
    assert said in str(error.value)


def test_a_hostile_pattern_takes_linear_time() -> None:
    # a back-tracking engine needs 2^64 steps for it
    condition = Condition.parse('Manufacturer matches "(a*)*(a*)*b"')
    assert not condition.holds({MAKER: ("a" * 20_000,)})


def test_halves_of_characters_in_values_are_no_error() -> None:
    assert Condition.parse('Manufacturer matches "A.B"').holds({MAKER: ("a\udcffb",)})


# -- any expression --------------------------------------------------------------------------------------------------

PLACES = st.sampled_from([0, 1, 2, 3, 999, ALL_VALUES])
TAGS = st.sampled_from([TYPE, MAKER, ROWS, tags()["BodyPartExamined"]])
TEXTS = st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
PATTERNS = st.sampled_from(["a.*b", r"\d{2,4}", "[^x]+", "(?i)us|ct", 'with "quotes"', r"\\", " blank "])
TEXTUAL = st.sampled_from(["=", "!=", "contains", "starts with", "ends with"])
TESTS = st.one_of(
    st.builds(AttributeTest, TAGS, TEXTUAL, st.tuples(TEXTS), PLACES, st.booleans()),
    st.builds(AttributeTest, TAGS, st.just("in"), st.lists(TEXTS, min_size=1, max_size=3).map(tuple), PLACES, st.booleans()),
    st.builds(AttributeTest, TAGS, st.just("matches"), st.tuples(PATTERNS), PLACES, st.booleans()),
    st.builds(
        AttributeTest, TAGS, st.sampled_from(["<", "<=", ">", ">="]), st.tuples(st.sampled_from(["1", "-2.5", "1E3"])), PLACES
    ),
    st.builds(AttributeTest, TAGS, st.just("is present"), place=PLACES),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=8,
)
VALUES = st.dictionaries(TAGS, st.lists(TEXTS, max_size=3).map(tuple), max_size=4)


@budget(300)
@given(NODES, VALUES)
def test_the_text_of_an_expression_is_read_as_that_expression(node: Node, values: dict[int, tuple[str, ...]]) -> None:
    condition = Condition.of(node)
    again = Condition.parse(str(condition))
    assert again == condition and hash(again) == hash(condition)
    revived = pickle.loads(pickle.dumps(condition))
    assert revived == condition
    assert revived.holds(values) == again.holds(values) == node.holds(values)


WORDS = ["ImageType", "Rows", "and", "or", "not", "(", ")", "[", "*", "]", "1", "=", "!=", "<", "exactly", "in", "matches", "is"]
WORDS += ["present", "absent", "starts", "with", "contains", '"', '""', ",", "A", "(?", "\\", " ", "\n", "\0", "é", "\ud800"]


@budget(500)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ProfileError):
        condition = Condition.parse(text)
        assert condition.holds(OBJECT) in (True, False)
        assert Condition.parse(condition.text) == condition
        assert Condition.parse(render(condition.node)).node == condition.node
