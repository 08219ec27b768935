"""The forms of values by their VR: what tells them apart is fast, and one way of telling agrees with the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.legal_values import accepts, has_grammar, is_legal
from tests.support.running import budget

VRS = ["AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"]
#: an attribute without terms
_TAG = 0x00180060


@pytest.mark.parametrize("vr", VRS)
@pytest.mark.parametrize("piece", [b"1", b"1\\", b" ", b"1 ", b"19990102-", b"1.2.", b"+-", b"10:", b"A "])
def test_no_value_takes_long(vr: str, piece: bytes) -> None:
    # ... as it would if one way to match were tried after the other
    assert not accepts(_TAG, vr)(piece * (200_000 // len(piece)) + b"x")


@given(st.sampled_from(VRS), st.lists(st.text("0123456789.,-+:/ eEDWMYAZaz^_#", max_size=18), min_size=1, max_size=3))
@budget(400)
def test_elements_are_accepted_if_each_value_is_legal(vr: str, values: list[str]) -> None:
    text = "\\".join(values).encode()
    whole = bool(accepts(_TAG, vr)(b"<" + text + b">", 1, 1 + len(text)))
    each = all(is_legal(_TAG, vr, value.encode()) for value in values)
    if vr == "CS":
        # blanks count there, and are looked at closely
        assert each or not whole
    else:
        assert whole == each


@pytest.mark.parametrize("vr", ["LO", "SH", "LT", "PN", "UT"])
def test_texts_have_no_form_but_no_control_characters_either(vr: str) -> None:
    assert not has_grammar(vr)
    assert accepts(_TAG, vr)("Zwickelbauer^Ähre\r\n\t".encode("latin-1")) and not accepts(_TAG, vr)(b"a\0b")
