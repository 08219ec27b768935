"""Reason codes are a closed list that audits rely on."""

from __future__ import annotations

import pickle

import pytest

from anonymizer import DeidentificationError, Note, Reason


def test_codes_are_words_with_hyphens_and_each_its_own() -> None:
    codes = [item.value for item in (*Reason, *Note)]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower() and code.replace("-", "").isalpha() for code in codes)
    assert all(item.name.lower().replace("_", "-") == item.value for item in (*Reason, *Note))


@pytest.mark.parametrize("tag", [0, 0x00081155, 0x00091001])
def test_an_error_survives_the_way_between_workers(tag: int) -> None:
    error = DeidentificationError(Reason.INVALID_LENGTH, tag)
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.reason, twin.tag, str(twin)) == (error.reason, error.tag, str(error))


@pytest.mark.parametrize("code", [*Reason, *Note])
def test_a_code_as_text_is_the_stable_one(code: Reason | Note) -> None:
    assert (str(code), f"{code}", f"{code:>40}".strip()) == (code.value,) * 3
    assert repr(code) == f"<{type(code).__name__}.{code.name}: {code.value!r}>"
