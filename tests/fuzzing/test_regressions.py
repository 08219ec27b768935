"""What the fuzzers found, as small as it gets."""

from __future__ import annotations

import logging
import time
import warnings

import pytest

from profiles import ProfileOptions
from tests.support.objects import EXPLICIT, IMPLICIT, Element, ct, encode, meta, part10
from tests.support.running import engine, outcome, reason, rewrite

from . import marks

OPTIONS = engine(ProfileOptions.RetainSafePrivate | ProfileOptions.CleanDesc)


@pytest.mark.parametrize("text", ["1.2.840.10008.1.1", marks.uid(1).decode(), "1.2.3\\4", "1.5 2.5 "])
def test_a_uid_in_the_place_of_a_number_is_none(text: str) -> None:
    assert reason(part10(ct(Element(0x00280103, "US", text)))) == "invalid-length"


@pytest.mark.parametrize("text", ["12345", " -1.5e3 ", "1\\2.5\\ 3 \\", "+.5 "])
def test_numbers_that_are_written_as_text_are_only_wrong(text: str) -> None:
    assert isinstance(outcome(part10(ct(Element(0x00280103, "US", text)))), bytes)


def test_a_number_written_as_endless_text_takes_no_time() -> None:
    started = time.process_time()
    for text in (b"1" * 200_000 + b"x", b" " * 200_000 + b"x", b"1\\" * 100_000 + b"x", b"1.e" * 60_000):
        assert reason(part10(ct(Element(0x00280103, "US", text)), IMPLICIT)) == "invalid-length"
    assert time.process_time() - started < 2


@pytest.mark.parametrize("tag", [0x00080018, 0x0020000D, 0x0020000E])
def test_a_nul_hides_no_second_identity(tag: int) -> None:
    """Its length is damaged: the UID has swallowed text with a backslash in it."""
    assert reason(part10(ct(Element(tag, "UI", b"1.2.3\0DERIVED\\SECONDARY")))) == "invalid-uid"


@pytest.mark.parametrize("tag", [0x00080018, 0x00081155, 0x00200052])
def test_a_uid_that_has_swallowed_its_neighbours_is_refused(tag: int) -> None:
    assert reason(part10(ct(Element(tag, "UI", b"1.2.3\0" + bytes(2000))))) == "invalid-uid"
    assert isinstance(outcome(part10(ct(Element(0x00200052, "UI", "\\".join(["1.2.3.4"] * 1000))))), bytes)


def test_a_character_set_is_no_number() -> None:
    """pydicom, for one, could read nothing of such an object."""
    assert reason(part10(ct(Element(0x00080005, "US", 7)))) == "vr-mismatch"


def test_a_character_set_of_a_thousand_terms_is_none() -> None:
    content = [Element(0x00080005, "CS", "\\".join(["ISO 2022 IR 87"] * 200)), Element(0x00081030, "LO", "é".encode())]
    clean = engine(ProfileOptions.CleanDesc)
    assert b"ISO 2022 IR 87" in rewrite(part10(ct(*content)), clean)


@pytest.mark.parametrize("using", [engine(), OPTIONS], ids=["basic", "options"])
def test_pydicom_says_nothing(using: object, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """It warns of values and logs them, and command lines and notebooks show both."""
    secret = marks.text(1, 40).decode()
    codes = [[Element(0x00080100, "SH", secret), Element(0x00080102, "SH", b"\xff" + secret.encode())]]
    blocks = [[Element(0x00080301, "US", 9), Element(0x00080302, "LO", secret), Element(0x00080303, "CS", "no " + secret)]]
    objects = [
        ct(Element(0x00080005, "CS", "ISO_IR 999"), Element(0x00081030, "LO", "é".encode()), Element(0x00120064, "SQ", codes)),
        ct(Element(0x00080005, "CS", "ISO-IR 100"), Element(0x00081030, "LO", b"\xe9"), Element(0x00120064, "SQ", codes)),
        ct(Element(0x00080005, "CS", "ISO_IR 192"), Element(0x00081030, "LO", b"\xff" + secret.encode())),
        ct(Element(0x00080300, "SQ", blocks), Element(0x00120064, "SQ", codes)),
    ]
    with warnings.catch_warnings(record=True) as warned, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        outcomes = [outcome(part10(elements), using) for elements in objects]  # type: ignore[arg-type]
    assert any(isinstance(found, bytes) for found in outcomes)
    assert [str(warning.message) for warning in warned] == [] and caplog.messages == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("tag", [0x00100020, 0x00100010, 0x00080300, 0x00080020])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_an_element_over_and_over_is_looked_at_as_often(tag: int, syntax: str) -> None:
    """In items, which may be out of order, looking ahead from each to the end took hours."""
    vr = {0x00100020: "LO", 0x00100010: "PN", 0x00080020: "DA"}.get(tag, "SQ")
    item = [Element(tag, vr, b"")] * 40_000
    blob = part10(ct(Element(0x00081115, "SQ", [item])), syntax)
    started = time.process_time()
    for options in ("", ProfileOptions.RetainSafePrivate, "RetainLongModifDates,CleanDesc"):
        assert isinstance(outcome(blob, engine(options)), bytes)
    assert time.process_time() - started < 20


def test_summaries_of_many_attributes_are_not_kept_for_ever() -> None:
    using = engine()
    using._rules._summarised = 4_999_000
    many = [Element(0x00090000 | number, "SH", b"") for number in range(0x1000, 0x1F00)]
    for instance in ("1.2.3.1", "1.2.3.2"):
        content = encode(ct(Element(0x00080018, "UI", instance), *many))
        run = using.deidentify(_Stream(bytes(128) + b"DICM" + meta(EXPLICIT) + content))
        list(run.chunks())
        assert run.report.actions
    assert len(using._rules._summaries) == 1 and using._rules._summarised < 10_000


class _Stream:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int, /) -> bytes:
        found, self._content = self._content[:size], self._content[size:]
        return found


@pytest.mark.parametrize("tag", [0x0040A123, 0x00100010, 0x00080080, 0x00100020])
def test_what_an_earlier_run_put_there_names_nobody(tag: int) -> None:
    """A dummy may stand where no value may be replaced: the object was refused when it was de-identified again."""
    vr = {0x0040A123: "PN", 0x00100010: "PN"}.get(tag, "LO")
    kept = [Element(0x00080008, "CS", "DERIVED\\PRIMARY\\ANONYMIZED"), Element(0x00080060, "CS", "ANONYMIZED")]
    written = rewrite(part10(ct(*kept, Element(tag, vr, "ANONYMIZED"))), engine())
    assert written.count(b"ANONYMIZED") >= 2
