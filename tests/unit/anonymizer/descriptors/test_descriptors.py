"""Descriptions that are cleaned: nothing that identifies stays, what is clinical does, and people can still read it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import profiles
from anonymizer.descriptors.cleaner import DescriptorCleaner
from anonymizer.descriptors.words import identifying_words, normal_word
from profiles import ConfidentialityProfile, ProfileOptions, descriptor_words, identity_attributes
from tests.measure_descriptors import clean as clean_description
from tests.support.descriptions import descriptions, measured
from tests.support.running import budget

NOBODY = DescriptorCleaner(lambda word: False)
DATA = Path(profiles.__file__).parent / "data"


def knowing(*values: str) -> DescriptorCleaner:
    """A cleaner for a patient of whom other attributes tell ``values``."""
    words = frozenset[str]().union(*map(identifying_words, values))
    return DescriptorCleaner(words.__contains__)


# -- how well it does, on labelled descriptions ----------------------------------------------------------------------


@pytest.mark.parametrize(("known", "recall"), [(True, 1.0), (False, 0.995)])
def test_identifiers_go_and_clinical_words_stay(known: bool, recall: float) -> None:
    made = descriptions(known)
    assert len(made) >= 300 and len({description.text for description in made}) > 390
    result = measured(made, clean_description)
    assert result.identifiers > 500 and result.clinical > 1500
    assert result.recall >= recall, result.left
    assert result.share >= 0.9


def test_the_measure_sees_what_is_left_and_what_is_lost() -> None:
    made = descriptions(known=False, count=50)
    assert measured(made, lambda description: description.text).recall < 0.1
    assert measured(made, lambda description: "").share == 0


# -- what stays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "MRI brain without contrast",
        "T2 FLAIR AX",
        "t1_vibe_fs_tra_bh_dyn",
        "ep2d_diff_3scan_trace_p2_ADC",
        "CT abdomen/pelvis 5 mm",
        "lumbar spine L4-L5, disc herniation",
        "b1000 ADC",
        "Schädel nativ",
        "Thorax sans injection",
        "Gd-DTPA 15 ml",
        "hepatocellular carcinoma, restaging",
    ],
)
def test_clinical_text_stays_as_it_is(text: str) -> None:
    assert NOBODY.clean(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("MRI brain Smith^John", "MRI"),
        ("CT chest 12/03/1955", "CT chest"),
        ("CT chest, tel. 555-1234", "CT chest"),
        ("CT chest of a 45 year old", "CT chest"),
        ("read by Dr. Stone: CT chest", "CT chest"),
        ("http://pacs.example/chest CT chest", "CT chest"),
        ("CT chest MRN 4711-0815", "CT chest"),
        ("CT chest, room 12 B", "CT chest"),
        ("liver lesion, jane.doe@example.org", "liver lesion"),
    ],
)
def test_what_looks_like_an_identifier_goes(text: str, left: str) -> None:
    cleaned = NOBODY.clean(text)
    assert set(re.findall(r"\w+", cleaned)) <= set(re.findall(r"\w+", left))
    assert re.findall(r"\w+", left)[0] in cleaned or left.startswith("MRI brain")


def test_text_of_which_nothing_is_known_is_empty() -> None:
    assert [NOBODY.clean(text) for text in ("", "  ", "Jane Doe", "4711", "田中太郎", "Иванов", "^^^^")] == [""] * 7


# -- words of the patient --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["CT Head", "CT head_neck", "Head-CT", "HEAD CT", "CT of the head's base"])
def test_a_clinical_word_that_names_the_patient_goes(text: str) -> None:
    assert "head" in NOBODY.clean(text).lower()
    assert "head" not in knowing("Head^Anna").clean(text).lower()


def test_words_are_known_without_diacritics_and_in_any_case() -> None:
    assert knowing("KÖPF^Jürgen").clean("Köpf, koepf, KOPF") == ""
    assert normal_word("É") == normal_word("e") == "e"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Doe^Jane^^Dr.", {"doe", "jane"}),
        ("Müller-Lüdenscheidt^Anna", {"muller", "ludenscheidt", "anna"}),
        ("MRN-4711", {"mrn", "4711"}),
        ("", set()),
    ],
)
def test_identifying_words_are_those_of_a_name_or_number(value: str, words: set[str]) -> None:
    assert words <= identifying_words(value)


def test_patient_characteristics_stay_where_they_are_retained() -> None:
    keeping = DescriptorCleaner(lambda word: False, keep_patient_characteristics=True)
    text = "obese male with chest pain"
    assert "obese" not in NOBODY.clean(text) and "male" not in NOBODY.clean(text)
    assert keeping.clean(text) == text
    assert "45" not in keeping.clean("male, 45 years, chest pain")


# -- properties ------------------------------------------------------------------------------------------------------

_WORDS = st.sampled_from(
    ["CT", "chest", "of", "Dr.", "for", "MRI", "brain", "with", "left", "T2", "5 mm", "and", "the", ",", "-", "(", ")"]
)
#: no word of any language, and no vocabulary has it
_TOKENS = st.from_regex(r"[bcdfghjklmnpqrstvwxz]{5,9}", fullmatch=True)
_TEXTS = st.lists(st.one_of(_WORDS, _TOKENS, st.text(max_size=8)), max_size=12).map(" ".join)


@given(
    st.lists(_WORDS, max_size=6),
    _TOKENS,
    st.lists(_WORDS, max_size=6),
    st.sampled_from([" ", "_", "-", "/", ".", ", ", ""]),
    st.booleans(),
)
@budget(300)
def test_a_word_of_no_vocabulary_never_stays(before: list[str], token: str, behind: list[str], joint: str, upper: bool) -> None:
    assume(token not in descriptor_words().vocabulary)
    text = joint.join([" ".join(before), token.upper() if upper else token, " ".join(behind)])
    assert token not in NOBODY.clean(text).lower()


@given(_TEXTS)
@budget(300)
def test_cleaning_twice_is_cleaning_once_and_nothing_is_added(text: str) -> None:
    cleaned = NOBODY.clean(text)
    assert len(cleaned) <= len(text) or not text.isascii()
    assert NOBODY.clean(cleaned) == cleaned
    letters = iter(normal_word(text))
    assert all(letter in letters for letter in normal_word(re.sub(r"\s", "", cleaned))), cleaned


@given(_TEXTS, st.sampled_from(["chest", "brain", "left", "with"]))
@budget(200)
def test_what_identifies_never_stays_whatever_surrounds_it(text: str, word: str) -> None:
    cleaned = DescriptorCleaner(frozenset([word]).__contains__).clean(f"{text} {word} {text}")
    assert word not in re.findall(r"[a-z]+", cleaned.lower())


# -- the word lists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["clinical_words.txt", "name_words.txt", "trait_words.txt", "technique_words.txt"])
def test_word_lists_are_sorted_and_plain(name: str) -> None:
    words = [line for line in (DATA / name).read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    assert words == sorted(set(words)) and all(word == word.lower().strip() for word in words)


def test_no_month_weekday_or_usual_name_is_in_the_vocabulary() -> None:
    words = [
        "january",
        "march",
        "monday",
        "friday",
        "smith",
        "jones",
        "johnson",
        "garcia",
        "schmidt",
        "dupont",
        "rossi",
        "maria",
        "london",
        "berlin",
        "madrid",
        "paris",
    ]
    assert not descriptor_words().vocabulary & set(words)


def test_no_attribute_whose_words_are_denied_is_cleaned_itself() -> None:
    profile = ConfidentialityProfile(ProfileOptions.CleanDesc | ProfileOptions.CleanGraph)
    assert [tag for tag in identity_attributes() if profile.decide(tag).action.value == "C"] == []
