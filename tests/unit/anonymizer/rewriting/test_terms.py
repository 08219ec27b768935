"""Attributes that keep known terms and lose the rest: by default, cleaned, several values, in items, in curves."""

from __future__ import annotations

import pytest

from tests.support.objects import IMPLICIT, SYNTAXES, Element, ct, part10, read
from tests.support.running import engine, rewrite, rewrite_with_report

POSITION, WINDOW, SPECIES, REASON = 0x00201040, 0x00281055, 0x00102201, 0x04000565
CURVE = 0x50000020


def left(tag: int, value: bytes, options: str = "", *, vr: str = "LO") -> bytes | None:
    """What a CT with the attribute ``tag`` has in it afterwards; None: it is gone."""
    raw = read(rewrite(part10(ct(Element(tag, vr, value))), engine(options))).get_item(tag)
    return None if raw is None else bytes(raw.value or b"")


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (POSITION, b"SN"),
        (POSITION, b" sn "),
        (POSITION, b"Sternal Notch "),
        (POSITION, b"SLIDE_CORNER"),
        (POSITION, b"NA\0\0"),
        (POSITION, b""),
        (POSITION, b"  "),
        (WINDOW, b"WINDOW1\\WINDOW2 "),
        (WINDOW, b"Algo1 "),
        (WINDOW, b"Brain\\ bone \\\\LUNG "),
        (SPECIES, b"Canis lupus familiaris"),
    ],
)
@pytest.mark.parametrize("options", ["", "CleanDesc", "RetainPatientChars,CleanDesc"])
def test_known_terms_stay_byte_for_byte(tag: int, value: bytes, options: str) -> None:
    assert left(tag, value, options) == value + b" " * (len(value) % 2)


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_they_stay_in_every_syntax_and_at_every_depth(syntax: str) -> None:
    item = [Element(POSITION, "LO", "XY"), Element(WINDOW, "LO", "Doe")]
    new = read(rewrite(part10(ct(Element(WINDOW, "LO", "BONE"), Element(0x00082218, "SQ", [item])), syntax)))
    (inner,) = new.AnatomicRegionSequence
    assert (new.WindowCenterWidthExplanation, inner.PositionReferenceIndicator) == ("BONE", "XY")
    assert "WindowCenterWidthExplanation" not in inner


@pytest.mark.parametrize(
    "value",
    [
        b"Zwickelbauer",
        b"Zwickelbauer\\BONE",
        b"BONE\\Zwickelbauer",
        b"BONE Zwickelbauer",
        b"BONE\0Zwickelbauer",
        b"BONE\0\\LUNG",
        b"BONE\nZwickelbauer",
        b"\0BONE",
        b"\xc3\x9f",
    ],
)
def test_one_value_that_is_no_term_and_the_attribute_goes(value: bytes) -> None:
    assert left(WINDOW, value) is None


def test_where_it_is_required_it_is_emptied() -> None:
    assert left(POSITION, b"Zwickelbauer") == b""


def test_with_clean_descriptors_other_text_is_cleaned() -> None:
    assert left(WINDOW, b"Doe^John liver", "CleanDesc") == b"liver "
    assert left(WINDOW, b"Zwickelbauer", "CleanDesc") is None
    assert left(POSITION, b"Zwickelbauer", "CleanDesc") == b""


def test_the_audit_tells_what_was_removed_or_cleaned_and_not_what_stayed() -> None:
    def actions(value: str, options: str = "") -> list[str]:
        _, report = rewrite_with_report(part10(ct(Element(WINDOW, "LO", value))), engine(options))
        return [row.action for row in report.actions if row.path == "(0028,1055)"]

    assert (actions("BONE"), actions("Doe")) == ([], ["X"])
    assert (actions("BONE", "CleanDesc"), actions("liver Doe", "CleanDesc")) == (["C"], ["C"])


def test_the_reason_of_a_change_keeps_its_two_terms_where_it_is_cleaned() -> None:
    blob = part10(ct(Element(0x04000561, "SQ", [[Element(REASON, "CS", "COERCE")]])))
    assert b"COERCE" not in rewrite(blob)


@pytest.mark.parametrize(("value", "expected"), [(b"ECG ", b"ECG "), (b"DOE ", None)])
def test_a_curve_that_stays_says_what_it_is_if_the_standard_has_a_word_for_it(value: bytes, expected: bytes | None) -> None:
    assert left(CURVE, value, "CleanGraph", vr="CS") == expected
    assert left(CURVE + 0x20000, value, "CleanGraph", vr="CS") == expected
    assert left(CURVE, value, vr="CS") is None


def test_the_offset_from_utc_is_looked_at_as_before() -> None:
    blob = part10(ct(Element(0x00080201, "SH", "+0100")), IMPLICIT)
    assert read(rewrite(blob, engine("RetainLongModifDates"))).TimezoneOffsetFromUTC == "+0100"
    wrong = part10(ct(Element(0x00080201, "SH", "Doe")), IMPLICIT)
    assert "TimezoneOffsetFromUTC" not in read(rewrite(wrong, engine("RetainLongModifDates")))


# -- patient characteristics that the table lacks --------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "expected"), [("", None), ("CleanDesc", None), ("RetainPatientChars", b"23.4")])
def test_the_body_mass_index_goes_with_weight_and_height(options: str, expected: bytes | None) -> None:
    assert left(0x00101022, b"23.4", options, vr="DS") == expected
