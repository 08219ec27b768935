"""One object with every attribute of every VR goes through all pairs and triples of options, and comes out whole."""

from __future__ import annotations

from itertools import combinations

import pytest

from anonymizer import Anonymizer
from profiles import ConfidentialityProfile
from tests.support.keys import KEY
from tests.support.many_attributes import file_of, many_attributes
from tests.support.objects import CT, data_set_of, read
from tests.support.table import OPTIONS, Combination, name_of
from tests.support.tokens import Tokens

_BOTH_DATES = {"RetainLongFullDates", "RetainLongModifDates"}
TOGETHER: list[Combination] = [
    chosen for count in (1, 2, 3) for chosen in combinations(OPTIONS, count) if not set(chosen) >= _BOTH_DATES
]
#: what cleaning leaves nothing of, what it leaves all of, and what is no value of its VR
WORDS = {"nothing stays": "Zwickelbauer", "all stays": "MRI brain", "no words": "?? -- !!"}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS.keys())
@pytest.mark.parametrize("third", OPTIONS)
def test_no_combination_of_options_fails(third: str, words: str) -> None:
    tokens = Tokens()
    blob = file_of(many_attributes(CT, tokens, words=words))
    for options in TOGETHER:
        if options[-1] != third:
            continue
        output = Anonymizer(ConfidentialityProfile.default(list(options), pixels="keep"), KEY).anonymize(blob)
        dataset = read(output)
        assert dataset.PixelData == b"\1\2\3\4\5\6\7\x08", name_of(options)
        assert dataset.PatientIdentityRemoved == "YES"
        if not any(option.startswith("Retain") for option in options):
            assert not tokens.found_in(data_set_of(output)), name_of(options)
