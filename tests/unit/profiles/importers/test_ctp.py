"""CTP pixel scripts: the first signature that matches, and the pixels that CTP would blank."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import PixelRules, ProfileError, Rectangle, lint_pixel_rules, read_pixel_rules, tags
from profiles.importers import read_ctp_script
from tests.support.running import budget

SIZE = 'Rows.equals("480") * Columns.equals("640")'
OBJECT = {
    "Manufacturer": ("ACME  Medical",),
    "ImageType": ("DERIVED", "SECONDARY", "", "Screen"),
    "Modality": ("US",),
    "SamplesPerPixel": ("3",),
    "SliceThickness": ("2.5",),
}


def values(**changes: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    return {tags()[keyword]: value for keyword, value in {**OBJECT, **changes}.items()}


def script(text: str, *accept: str) -> PixelRules:
    stream = io.StringIO(text)
    stream.name = "site.script"  # type: ignore[misc]
    return PixelRules((read_pixel_rules(stream, accept),))


def matching(condition: str, **changes: tuple[str, ...]) -> bool:
    found = script(f"{{{SIZE} * ({condition})}} (0,0,1,1)")
    return bool(found.match(values(**changes), 480, 640))


@pytest.mark.parametrize(
    "condition",
    [
        'Modality.equals("US")',
        '[0008,0060].equals("US")',
        ' [ 0008 , 0060 ] . equals ( "US" ) ',
        '!Modality.equals("us")',
        'Modality.equalsIgnoreCase("us")',
        'Manufacturer.contains("  Med")',
        'Manufacturer.containsIgnoreCase("acme  m")',
        '!Manufacturer.contains("ACME Medical")',
        'Manufacturer.startsWith("ACME ")',
        'Manufacturer.startsWithIgnoreCase("acme  ")',
        'Manufacturer.endsWith(" Medical")',
        'Manufacturer.endsWithIgnoreCase("MEDICAL")',
        'Manufacturer.matches("ACME\\s+M.*")',
        '!Manufacturer.matches("ACME")',
        '!Manufacturer.matches("acme.*")',
        'Manufacturer.matchesIgnoreCase("acme.*")',
        'ImageType.equals("DERIVED\\SECONDARY\\\\Screen")',
        'ImageType.contains("DERIVED\\SECONDARY")',
        'ImageType.matches("DERIVED\\\\.*")',
        '!ImageType.equals("DERIVED")',
        'SamplesPerPixel.isGreaterThan("1") * SliceThickness.isLessThan("2.6")',
        '!SamplesPerPixel.isLessThan("3")',
        # what is missing reads as an empty text
        'StationName.equals("")',
        'StationName.matches(".*")',
        '!StationName.equals("X")',
        '!StationName.contains("X")',
        '!Modality.equals("")',
        '!SliceLocation.isLessThan("9")',
        # and binds more than or, and not more than both
        'Modality.equals("US") + Modality.equals("CT") * Modality.equals("MR")',
        '!(Modality.equals("US") * Modality.equals("CT")) * !Modality.equals("CT")',
        '(Modality.equals("CT") + Modality.equals("US")) * Manufacturer.contains("ACME")',
        'Modality.equals("US") // a comment with "quotes" and * signs\n * Manufacturer.contains("ACME")',
    ],
)
def test_what_matches(condition: str) -> None:
    assert matching(condition)
    assert not matching(f"!({condition}\n)")


@pytest.mark.parametrize(
    "condition", ['StationName.contains("") * Modality.startsWith("")', 'true * !false + Modality.equals("X")']
)
def test_what_always_matches(condition: str) -> None:
    assert matching(condition)
    with pytest.raises(ProfileError, match="the condition never holds"):
        matching(f"!({condition})")


def test_values_that_are_empty_are_missing() -> None:
    assert matching('Modality.equals("")', Modality=("",))
    assert matching('Modality.matches("(US)?")', Modality=()) and matching('Modality.matches("(US)?")')
    assert not matching('Modality.matches("(US)?")', Modality=("CT",))


def test_a_rectangle_is_one_pixel_wider_and_higher_and_ends_at_the_edge() -> None:
    found = script(f"{{{SIZE}}}(10,20,30,40)(600, 470, 40, 10)")
    assert found.match({}, 480, 640)[0].rectangles == (Rectangle(10, 20, 41, 61), Rectangle(600, 470, 640, 480))


def test_a_negative_corner_counts_from_the_right_and_bottom() -> None:
    found = script(f"{{{SIZE}}}(-100,-50,20,10) then (-10,0,10,1) and (-10,100,300,1)")
    assert found.match({}, 480, 640)[0].rectangles == (
        Rectangle(630, 0, 640, 2),
        Rectangle(630, 100, 640, 102),
        Rectangle(540, 430, 561, 441),
    )


def test_the_first_signature_that_matches_is_the_only_one() -> None:
    text = f"""
    Words, and [brackets] that mean nothing (nor do these, or those).
    {{ {SIZE} * Modality.equals("CT") }} (0,0,9,9)
    a second one: {{ {SIZE} * Manufacturer.contains("ACME") }}
        (0,0,19,19) some words
        (100,0,19,19)
    {{ {SIZE} * Modality.equals("US") }} (0,0,29,29)
    """
    found = script(text)
    (match,) = found.match(values(), 480, 640)
    assert match.rule == "ctp-0002"
    assert match.rectangles == (Rectangle(0, 0, 20, 20), Rectangle(100, 0, 120, 20))
    assert [rule.provenance for rule in found.rules] == ["site.script line 3", "site.script line 4", "site.script line 7"]
    assert found.match(values(), 600, 800) == ()


def test_a_signature_without_rectangles_ends_the_search_and_lets_nothing_pass() -> None:
    from profiles import decide

    found = script(f'{{{SIZE} * Modality.equals("US")}} \n {{{SIZE}}}(0,0,9,9)')
    matches = found.match(values(), 480, 640)
    assert [(match.rule, match.rectangles) for match in matches] == [("ctp-0001", ())]
    assert decide(matches) is None
    assert ("no-areas", "ctp-0001") in {(finding.kind, finding.rule) for finding in found.sources[0].findings}


def findings(text: str) -> list[tuple[str, str, int]]:
    stream = io.StringIO(text)
    stream.name = "site.script"  # type: ignore[misc]
    return [(finding.kind, finding.rule, finding.line) for finding in lint_pixel_rules(stream)]


@pytest.mark.parametrize(
    "condition",
    [
        "",
        'Modality("US")',
        'Modality.equals("US"',
        "Modality.equals(US)",
        'Modality.equals("US") Modality.equals("CT")',
        'Modality.equals("US") *',
        '(Modality.equals("US")',
        'Modality.equals("US"))',
        'Modality.isblank("")',
        'Modality.isGreaterThanIgnoreCase("3")',
        'Modality.isLessThan("3")',
        'Rows.isLessThan("-3")',
        'Rows.isLessThan("x")',
        'Nonsense.equals("US")',
        '[0029,1010].equals("US")',
        '[0029[SIEMENS]10].equals("US")',
        '[0002,0010].equals("1.2.840.10008.1.2")',
        'RequestAttributesSequence::ScheduledProcedureStepID.equals("X")',
        'RequestAttributesSequence.equals("X")',
        'Modality.matches("(?!US).*")',
        'Modality.matches("(U)\\1")',
        'Modality.matches("US)(")',
        'Modality.matches("[A-Z&&[^U]]+")',
        'Modality.matches("[a[bc]]")',
        "false",
        "!" * 40 + 'Modality.equals("US")',
    ],
)
def test_what_cannot_be_taken_over_must_be_accepted_and_is_then_left_out(condition: str) -> None:
    text = f"{{{condition}}}(0,0,9,9)\n{{{SIZE}}}(0,0,9,9)"
    assert findings(text)[0] == ("untranslated", "ctp-0001", 1)
    with pytest.raises(
        ProfileError,
        match=r"^site\.script line 1: ctp-0001: untranslated: .*: mend these rules, or accept each of them by its name",
    ):
        script(text)
    found = script(text, "ctp-0001")
    assert found.sources[0].accepted == ("ctp-0001",)
    assert [rule.name for rule in found.rules] == ["ctp-0002"]


@pytest.mark.parametrize(
    "rectangle", ["(0,0,10)", "(0,0,10,10,10)", "(0,0,-5,10)", "(0,0,w,10)", "(0,0,99999,10)", "(0,0,1.5,1)"]
)
def test_a_rectangle_that_cannot_be_read_is_told(rectangle: str) -> None:
    assert findings(f"{{{SIZE}}}{rectangle}(0,0,5,5)")[0] == ("untranslated", "ctp-0001", 1)


def test_rectangles_for_any_size_must_be_accepted_and_are_then_cut_off() -> None:
    text = '{Modality.equals("US") * Rows.equals("480")}(0,0,1000,20)\n{Modality.equals("CT")}'
    assert findings(text) == [("unguarded-size", "ctp-0001", 1), ("no-areas", "ctp-0002", 2)]
    with pytest.raises(ProfileError, match="unguarded-size"):
        script(text)
    found = script(text, "ctp-0001")
    assert found.match(values(), 480, 640)[0].rectangles == (Rectangle(0, 0, 640, 21),)
    assert found.sources[0].accepted == ("ctp-0001",)


def test_a_size_in_each_alternative_guards() -> None:
    one, other = SIZE, 'Rows.equals("600") * Columns.equals("800")'
    assert findings(f"{{({one}) + ({other})}}(0,0,5,5)") == []
    assert findings(f'{{({one}) + Modality.equals("US")}}(0,0,5,5)') == [("unguarded-size", "ctp-0001", 1)]
    assert findings(f"{{!({one})}}(0,0,5,5)") == [("unguarded-size", "ctp-0001", 1)]


def test_a_signature_behind_a_wider_one_is_shadowed() -> None:
    text = "\n".join(
        [
            f'{{{SIZE} * Modality.equals("US")}}(0,0,5,5)',
            f'{{Manufacturer.contains("A") * Modality.equals("US") * {SIZE}}}(0,0,5,5)',
            f'{{{SIZE} * (Modality.equals("CT") + Modality.equals("MR"))}}(0,0,5,5)',
            f'{{{SIZE} * Modality.equals("MR") * Manufacturer.contains("A")}}(0,0,5,5)',
            f'{{{SIZE} * Manufacturer.contains("A")}}(0,0,5,5)',
        ]
    )
    assert findings(text) == [("shadowed", "ctp-0002", 2), ("shadowed", "ctp-0004", 4)]
    # it is told, and nothing needs to be accepted
    assert len(script(text).sources[0].rules) == 5


def test_names_that_are_accepted_for_nothing_are_an_error() -> None:
    from profiles import PixelPolicy

    stream = io.StringIO(f"{{{SIZE}}}(0,0,5,5)")
    with pytest.raises(ProfileError, match="'ctp-0009' is no rule with a finding"):
        PixelPolicy.of("clean", pixel_rules=stream, accept_rules=["ctp-0009"])


PIECES = [
    "{",
    "}",
    "(",
    ")",
    "Modality",
    "Rows",
    ".equals",
    ".matches",
    '("US")',
    '("(")',
    "*",
    "+",
    "!",
    "//",
    "\n",
    "(0,0,5,5)",
    "[",
]
PIECES += ["0008,0060]", "true", "false", ",", '"', "-1", "::", ".isLessThan", '("5")', " ", "é"]


@budget(500)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_text_is_read_or_its_rules_are_refused(text: str) -> None:
    drafts = list(read_ctp_script(text))
    with contextlib.suppress(ProfileError):
        found = script(text, *(draft.name for draft in drafts))
        with contextlib.suppress(ProfileError):
            found.match(values(), 480, 640)
    assert len({draft.name for draft in drafts}) == len(drafts)
