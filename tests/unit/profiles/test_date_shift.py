"""The range that dates move in: what may be asked for, and which time belongs to which date."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from profiles import DateShift, ProfileError
from profiles.date_shift import partner_of

DAY = 86_400


def shifts(text: str) -> list[int]:
    """Every shift that the range allows, in order."""
    shift = DateShift.parse(text)
    return [shift[index] for index in range(len(shift))]


def test_by_default_dates_move_one_month_to_ten_years_into_the_past_by_whole_days() -> None:
    shift = DateShift()
    assert (shift[0], shift[len(shift) - 1], len(shift)) == (-3650 * DAY, -30 * DAY, 3621)
    assert DateShift.parse("-3650d..-30d/1d") == DateShift.parse("-3650..-30") == shift
    assert str(shift) == "-3650d..-30d/1d"


def test_a_step_of_weeks_keeps_the_day_of_the_week() -> None:
    assert shifts("-35d..-14d/7d") == [-35 * DAY, -28 * DAY, -21 * DAY, -14 * DAY]


def test_hours_minutes_and_seconds_are_units_too() -> None:
    assert shifts("-2h..-30min/30min") == [-7200, -5400, -3600, -1800]
    assert shifts("10s..12s/1s") == [10, 11, 12]
    assert shifts(" -1d .. +1d / 12h ") == [-DAY, -DAY // 2, DAY // 2, DAY]


def test_nothing_is_no_shift() -> None:
    assert 0 not in shifts("-3d..3d")
    assert shifts("-3d..3d") == [-3 * DAY, -2 * DAY, -DAY, DAY, 2 * DAY, 3 * DAY]
    assert shifts("-2d..0d") == [-2 * DAY, -DAY]
    assert shifts("0d..2d") == [DAY, 2 * DAY]


@pytest.mark.parametrize("index", [-1, 3621])
def test_there_is_no_shift_beyond_the_range(index: int) -> None:
    with pytest.raises(IndexError):
        DateShift()[index]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "EARLIEST..LATEST"),
        ("-30d", "EARLIEST..LATEST"),
        ("-30d..", "EARLIEST..LATEST"),
        ("-3w..-1w", "EARLIEST..LATEST"),
        ("-1.5d..-1d", "EARLIEST..LATEST"),
        ("-30d..-3d/", "EARLIEST..LATEST"),
        ("-٣d..-1d", "EARLIEST..LATEST"),
        ("-30d..-20d;", "EARLIEST..LATEST"),
        ("-30d..-60d", "earlier end comes first"),
        ("-30d..-30d", "fewer than two"),
        ("0d..1d", "fewer than two"),
        ("0..0", "fewer than two"),
        ("-30d..-20d/0d", "more than 0"),
        ("-30d..-20d/-1d", "more than 0"),
        ("-3650d..-30d/7d", "-3647d..-35d"),
        ("-5h..-1h", "multiples of the step"),
        ("-999999999d..-1d", "1000 years"),
        ("1d..999999999d", "1000 years"),
    ],
)
def test_an_unusable_range_is_refused_with_what_is_wrong(text: str, wrong: str) -> None:
    with pytest.raises(ProfileError, match="date shift: .*" + wrong.replace(".", r"\.")):
        DateShift.parse(text)


@pytest.mark.parametrize("values", [(1.0, 3, 1), (True, 3, 1), (-10, -1, None)])
def test_only_whole_seconds_make_a_shift(values: tuple[int, int, int]) -> None:
    with pytest.raises(ProfileError, match="whole seconds"):
        DateShift(*values)


@given(st.integers(-5000, 5000), st.integers(1, 500), st.sampled_from([1, 60, 3600, 43_200, DAY, 7 * DAY]))
def test_a_range_is_its_own_text(first: int, more: int, step: int) -> None:
    try:
        shift = DateShift(first * step, (first + more) * step, step)
    except ProfileError:
        return
    assert DateShift.parse(str(shift)) == shift
    everything = [shift[index] for index in range(len(shift))]
    assert everything == sorted(set(everything)) and 0 not in everything
    assert all(shift.earliest <= seconds <= shift.latest and seconds % step == 0 for seconds in everything)


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("StudyDate", "StudyTime"),
        ("ContentDate", "ContentTime"),
        ("DateOfSecondaryCapture", "TimeOfSecondaryCapture"),
        ("DateOfLastCalibration", "TimeOfLastCalibration"),
        ("IssueDateOfImagingServiceRequest", "IssueTimeOfImagingServiceRequest"),
        ("CalibrationDate", "CalibrationTime"),  # its time has the lower tag
        ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
        ("Date", "Time"),
        ("DateOfDocumentOrVerbalTransactionTrial", "TimeOfDocumentCreationOrVerbalTransactionTrial"),
    ],
)
def test_a_dates_time_is_found_by_its_keyword(date: str, time: str) -> None:
    tag = tag_for_keyword(date)
    assert tag is not None
    partner = partner_of(tag)
    assert partner is not None and keyword_for_tag(partner) == time


@pytest.mark.parametrize(
    "keyword", ["LastMenstrualDate", "StudyTime", "AcquisitionDateTime", "PatientName", "SelectorDAValue", "DateOfManufacture"]
)
def test_what_is_no_date_or_has_no_time_has_no_partner(keyword: str) -> None:
    tag = tag_for_keyword(keyword)
    assert tag is not None and partner_of(tag) is None


@pytest.mark.parametrize("tag", [0x00090020, 0x60110034, 0x00080FFF, 0x50000001])
def test_private_and_unknown_attributes_have_no_partner(tag: int) -> None:
    assert partner_of(tag) is None
