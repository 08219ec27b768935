"""The page for privacy officers says what the program does: its tables are checked against it, attribute by attribute."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword

from anonymizer import Anonymizer
from pipeline.cli import main
from profiles import Action, ConfidentialityProfile, ProfileOptions
from tests.support.keys import KEY

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "explanation" / "privacy.md").read_text()
#: without line ends
TEXT = " ".join(PAGE.split())
CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.33"

OPTIONS = [option for option in ProfileOptions if option is not ProfileOptions.BasicProfile]
#: what the page calls the actions: under the Basic Profile by their first letter, under an option by the VR
BASIC_VERBS = {"X": "removed", "Z": "emptied", "D": "replaced", "U": "replaced", "K": "left"}
CLEANING_VERBS = {"DA": "moved", "TM": "moved", "DT": "moved", "AE": "renamed"}
#: attributes of groups that repeat, which pydicom doesn't know by keyword
REPEATING = {"OverlayData": 0x60003000}

PLANTED = {"AS": "093Y", "DA": "19870605", "DT": "19870605112233", "TM": "112233", "UI": "1.2.3.987654321", "PN": "Quagga^Zebra"}


def table(name: str) -> list[list[str]]:
    """The cells of the rows of one of the page's tables, without its head."""
    section = PAGE.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]
    return [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in section.splitlines()[2:]]


IDENTIFIERS = table("identifiers")
LETTERED = [row for row in IDENTIFIERS if row[0].strip("| ").isalpha()]
SETTINGS = table("settings")
#: flags that say where objects are and how they are reached, and nothing about what stays in them
ELSEWHERE = {"--input", "--output", "--audit", "--detach", "--debug", "--help", "--in-place"}
ELSEWHERE |= {"--resume", "--mixed-output", "--allow-empty", "--max-gone", "--replace-changed", "--conflicts", "--recheck"}
ELSEWHERE |= {"--log-format", "--metrics-file", "--print-patients", "--plan", "--dry-run", "--diff", "--made-by"}
ELSEWHERE |= {"--anonymous", "--user-project", "--requester-pays", "--kms-key", "--io-threads"}
PURPOSES = table("purposes")


def in_basic(row: list[str]) -> Iterator[tuple[str, str]]:
    """(attribute, what the row says the Basic Profile does to it)."""
    for verb, names in re.findall(r"(removed|emptied|replaced|left): ((?:`\w+`(?:, )?)+)", row[2]):
        yield from ((name, verb) for name in re.findall(r"`(\w+)`", names))


def in_options(row: list[str]) -> Iterator[tuple[str, str, str]]:
    """(option, attribute, what the row says the option does to it)."""
    for claims, names in re.findall(r"((?:(?:kept|moved|cleaned|renamed) by `\w+`(?:, )?)+): ((?:`\w+`(?:, )?)+)", row[3]):
        for verb, option in re.findall(r"(\w+) by `(\w+)`", claims):
            yield from ((option, name, verb) for name in re.findall(r"`(\w+)`", names))


NAMED = sorted({name for row in IDENTIFIERS for name, _ in in_basic(row)})
CLAIMS = {claim for row in IDENTIFIERS for claim in in_options(row)}


def tag_of(keyword: str) -> int:
    tag = REPEATING.get(keyword) or tag_for_keyword(keyword)
    assert tag is not None, keyword
    return tag


def action(keyword: str, options: ProfileOptions | str = "") -> str:
    """The code of the action, under the Basic Profile or with options."""
    if keyword == "PatientID":
        # whatever the table says: it gets a pseudonym
        return "D"
    return ConfidentialityProfile.default(options).decide(tag_of(keyword)).action.value


def test_all_18_identifiers_are_there_in_their_order() -> None:
    assert [row[0].strip("| ") for row in LETTERED] == list("ABCDEFGHIJKLMNOPQR")
    assert len(IDENTIFIERS) == 19


def test_what_looks_like_an_attribute_is_one() -> None:
    words = set(re.findall(r"`([A-Z]\w+)`", PAGE)) - {option.name for option in ProfileOptions}
    assert words == set(NAMED)
    assert all(tag_of(word) for word in words)


@pytest.mark.parametrize("row", IDENTIFIERS, ids=lambda row: row[1][:20])
def test_the_basic_profile_does_what_the_page_says(row: list[str]) -> None:
    said = dict(in_basic(row))
    assert said == {name: BASIC_VERBS[action(name)[0]] for name in said}


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_brings_back_what_the_page_says_and_nothing_else(option: ProfileOptions) -> None:
    done = set()
    for name in NAMED:
        decided = Action(action(name, option))
        if decided in (Action.K, Action.C) and action(name) != "K":
            verb = "kept" if decided is Action.K else CLEANING_VERBS.get(dictionary_VR(tag_of(name)), "cleaned")
            done.add((option.name, name, verb))
    assert done == {claim for claim in CLAIMS if claim[0] == option.name}


def test_what_an_option_brings_back_stands_beside_the_attribute() -> None:
    for row in IDENTIFIERS:
        assert {name for _, name, _ in in_options(row)} <= {name for name, _ in in_basic(row)}, row[1]


def value_for(keyword: str) -> str | None:
    """A value that nobody else would have; None for what holds no text."""
    vr = dictionary_VR(tag_of(keyword))
    if vr in ("SQ", "DS", "OB", "OW") or " " in vr:
        return None
    # of its own: what stands in an identifying attribute, too, is screened
    return PLANTED.get(vr, f"OKAPI{NAMED.index(keyword):03}")


@cache
def outcome(options: str) -> Dataset:
    """What comes of an object with each attribute that the page names."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    for keyword in NAMED:
        if (value := value_for(keyword)) is not None:
            setattr(dataset, keyword, value)
    dataset.PatientID = "OKAPI777"
    return Anonymizer(ConfidentialityProfile.default(options), key=KEY).anonymize(dataset)


@pytest.mark.parametrize("options", ["", *(str(option.name) for option in OPTIONS)])
def test_objects_come_out_as_the_page_says(options: str) -> None:
    verbs = {name: verb for row in IDENTIFIERS for name, verb in in_basic(row)}
    verbs |= {name: verb for option, name, verb in CLAIMS if option == options}
    for keyword, verb in verbs.items():
        before, after = value_for(keyword), str(outcome(options).get(keyword, ""))
        if before is None:
            continue
        if verb in ("kept", "left"):
            assert after == before, keyword
        elif verb == "moved" and dictionary_VR(tag_of(keyword)) == "TM":
            assert after == before, "whole days leave times of day as they are"
        else:
            assert before not in after, keyword
            assert after or verb not in ("moved", "renamed", "replaced"), keyword


def test_each_option_and_setting_has_its_row() -> None:
    named = {name for row in SETTINGS for name in re.findall(r"`([\w-]+)`", row[0])}
    about_people = {flag for flag in flags("run", "file") if flag not in ELSEWHERE}
    # the options of Annex E have rows of their own, and --safe-private is part of one
    assert named == {str(option.name) for option in OPTIONS} | about_people - {"--options", "--safe-private"}
    assert "`--safe-private`" in PAGE


def flags(*commands: str) -> set[str]:
    return {flag for name in commands for parameter in main.commands[name].params for flag in parameter.opts if flag[:2] == "--"}


def test_no_setting_is_named_that_does_not_exist() -> None:
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) <= flags("run", "file", "explain")


def test_what_brings_an_identifier_back_is_not_called_harmless() -> None:
    for row in SETTINGS:
        for option in OPTIONS:
            if f"`{option.name}`" == row[0].strip("| "):
                claims = {claim for lettered in LETTERED for claim in in_options(lettered) if claim[0] == option.name}
                assert row[2].startswith("Not ruled out") == (not claims), option
                # what is known of ages has a remedy
                assert row[2].startswith("Only with `--cap-ages`") == (option is ProfileOptions.RetainPatientChars)


@pytest.mark.parametrize("row", PURPOSES, ids=lambda row: row[0].strip("| "))
def test_the_commands_can_be_typed(row: list[str]) -> None:
    program, command, *arguments = shlex.split(row[1].strip("`"))
    assert (program, command) == ("dicom-deid", "run")
    context = main.commands[command].make_context(command, arguments, parent=click.Context(main))
    assert context.params["beam_args"] == ()
    assert context.params["inputs"] and context.params["output"]
    ConfidentialityProfile.default(context.params["options"], cap_ages=context.params["cap_ages"])


def test_the_default_of_the_date_shift() -> None:
    shift = ConfidentialityProfile().date_shift
    assert (shift.earliest, shift.latest, shift.step) == (-3650 * 86_400, -30 * 86_400, 86_400)
    assert "by default 30 to 3650 whole days back" in TEXT


def test_no_true_and_no_public_date_gives_the_offset_away() -> None:
    profile = ConfidentialityProfile.default("RetainDeviceIdent,RetainLongModifDates")
    dataset = Dataset()
    dataset.SOPClassUID, dataset.PatientID, dataset.StudyDate = SR, "MRN-1", "20200131"
    dataset.CalibrationDate, dataset.ContextGroupVersion = "20200131", "20020904"
    result = Anonymizer(profile, key=KEY).anonymize(dataset)
    assert result.StudyDate != "20200131" and "CalibrationDate" not in result
    assert result.ContextGroupVersion.startswith("1900")
    assert "those of code tables and templates get a dummy" in TEXT


def test_ages_are_capped_and_those_in_reports_go() -> None:
    profile = ConfidentialityProfile.default("RetainPatientChars,CleanStructdCont", cap_ages=True)
    dataset = Dataset()
    dataset.SOPClassUID = SR
    dataset.PatientAge = "093Y"
    item = code_item("NUM", "121033", "Subject Age")
    measured = Dataset()
    measured.NumericValue = "93"
    item.MeasuredValueSequence = [measured]
    dataset.ContentSequence = [item]
    result = Anonymizer(profile, key=KEY).anonymize(dataset)
    assert result.PatientAge == "090Y"
    ages = [str(element.value) for element in result.iterall() if element.keyword == "NumericValue"]
    assert "93" not in ages and "(Subject Age) go then" in TEXT


def code_item(value_type: str, code: str, meaning: str) -> Dataset:
    name = Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = code, "DCM", meaning
    item = Dataset()
    item.RelationshipType, item.ValueType, item.ConceptNameCodeSequence = "CONTAINS", value_type, [name]
    return item


def test_the_page_is_short_and_says_which_statements_are_law() -> None:
    assert 120 <= len(PAGE.splitlines()) <= 230
    assert all(mark in PAGE for mark in ("[law]", "[guidance]", "[reading]"))
