"""Compound codes by attribute type, and codes that don't fit the type (PS3.15 E.1.1)."""

from __future__ import annotations

import pytest

from profiles import Action


@pytest.mark.parametrize(
    ("code", "attribute_type", "expected"),
    [
        ("Z/D", "1", "D"),
        ("Z/D", "2", "Z"),
        ("X/Z", "2", "Z"),
        ("X/Z", "3", "X"),
        ("X/D", "1", "D"),
        ("X/D", "3", "X"),
        ("X/Z/D", "1", "D"),
        ("X/Z/D", "2", "Z"),
        ("X/Z/D", "3", "X"),
        ("X/Z/U*", "1", "U"),
        ("X/Z/U*", "2", "U"),
        ("X/Z/U*", "3", "X"),
        # where the code alone would break the IOD, the IOD wins
        ("X", "1", "D"),
        ("X", "2", "Z"),
        ("X/Z", "1", "D"),
        ("Z", "1", "D"),
        ("X/D", "2", "Z"),
        # a plain code stands wherever it fits
        ("X", "3", "X"),
        ("Z", "2", "Z"),
        ("Z", "3", "Z"),
        ("D", "3", "D"),
        ("U", "1", "U"),
        ("K", "1", "K"),
    ],
)
def test_a_code_is_resolved_by_the_attributes_type(code: str, attribute_type: str, expected: str) -> None:
    assert Action(code).resolve(attribute_type).value == expected


@pytest.mark.parametrize("code", ["Z/D", "X/D", "X/Z/D", "X/Z", "X/Z/U*"])
def test_a_conditional_type_counts_as_the_unconditional_one(code: str) -> None:
    assert Action(code).resolve("1C") is Action(code).resolve("1")
    assert Action(code).resolve("2C") is Action(code).resolve("2")


@pytest.mark.parametrize(
    ("code", "expected"), [("Z/D", "D"), ("X/Z", "Z"), ("X/D", "D"), ("X/Z/D", "D"), ("X/Z/U*", "U"), ("X", "X")]
)
def test_an_unknown_iod_takes_the_form_that_every_type_allows(code: str, expected: str) -> None:
    assert Action(code).resolve(None).value == expected


def test_every_resolved_code_is_a_plain_one() -> None:
    plain = {"D", "Z", "X", "K", "C", "U"}
    for action in Action:
        for attribute_type in ("1", "1C", "2", "2C", "3", None):
            assert action.resolve(attribute_type).value in plain


def test_each_code_is_explained_in_words() -> None:
    assert len({action.meaning for action in Action}) == 11
    assert Action.X.meaning == "remove"
