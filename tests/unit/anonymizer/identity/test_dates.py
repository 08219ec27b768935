"""Dates that move: intervals survive, nothing else of a date does, and what is no date is refused."""

from __future__ import annotations

import copy
import pickle
import re
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anonymizer import Key
from anonymizer.identity.dates import DateShifts, NoDateError, cap_age, is_timezone, shift_da, shift_dt, shift_tm
from profiles import DateShift
from tests.support.running import SECRET

DAY, HOUR = 86_400, 3_600

MOMENTS = st.datetimes(datetime(1850, 1, 1), datetime(2150, 12, 31))
OFFSETS = st.one_of(st.integers(-4000 * DAY, 4000 * DAY), st.integers(-4000, 4000).map(lambda days: days * DAY))
FRACTIONS = st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,6}", fullmatch=True))
ZONES = st.sampled_from(["", "+0000", "-0500", "+1400", "-1200", "+0545"])


def moved(day: str, time: str, offset: int) -> datetime:
    """DA and TM of one moment through the shift, and back to a moment."""
    new = shift_da(day.encode(), offset, time.encode()) + shift_tm(time.encode(), offset)
    return datetime.strptime(new.decode()[:14], "%Y%m%d%H%M%S")


# -- one offset per patient -----------------------------------------------------------------------------------------------


def test_a_patients_shift_is_the_same_in_every_run_and_another_patients_is_not() -> None:
    shifts, again = DateShifts(Key(SECRET), DateShift()), DateShifts(Key(SECRET), DateShift())
    patients = [b"MRN-%d" % number for number in range(50)]
    offsets = [shifts.offset(patient) for patient in patients]
    assert offsets == [again.offset(patient) for patient in patients]
    assert len(set(offsets)) > 40


def test_another_key_or_scope_gives_other_shifts() -> None:
    patients = [b"MRN-%d" % number for number in range(20)]
    keys = (Key(SECRET), Key(SECRET[::-1]), Key(SECRET, "scope"))
    assert len({tuple(DateShifts(key, DateShift()).offset(patient) for patient in patients) for key in keys}) == 3


def test_each_possible_shift_is_as_likely_as_the_others_and_none_is_nothing() -> None:
    shift = DateShift.parse("-3d..3d")
    counts = Counter(DateShifts(Key(SECRET), shift).offset(b"%d" % number) for number in range(6000))
    assert sorted(counts) == [days * DAY for days in (-3, -2, -1, 1, 2, 3)]
    assert all(850 < count < 1150 for count in counts.values())


def test_patients_without_an_id_share_no_shift() -> None:
    with pytest.raises(ValueError, match="needs a patient"):
        DateShifts(Key(SECRET), DateShift()).offset(b"")


@pytest.mark.parametrize("carry", [pickle.dumps, copy.deepcopy])
def test_the_key_of_the_shifts_is_never_pickled(carry: object) -> None:
    assert callable(carry)
    with pytest.raises(TypeError, match="never pickled"):
        carry(DateShifts(Key(SECRET), DateShift()))


# -- intervals ------------------------------------------------------------------------------------------------------------


@given(MOMENTS, MOMENTS, OFFSETS)
def test_date_and_time_of_day_move_together_by_exactly_the_offset(one: datetime, other: datetime, offset: int) -> None:
    for moment in (one, other):
        new = moved(f"{moment:%Y%m%d}", f"{moment:%H%M%S}", offset)
        assert new - moment.replace(microsecond=0) == timedelta(seconds=offset)


@given(MOMENTS, OFFSETS, FRACTIONS, ZONES)
def test_a_datetime_moves_by_exactly_the_offset_and_keeps_fraction_and_zone(
    moment: datetime, offset: int, fraction: str, zone: str
) -> None:
    new = shift_dt(f"{moment:%Y%m%d%H%M%S}{fraction}{zone}".encode(), offset).decode()
    assert new[14:] == fraction + zone
    assert datetime.strptime(new[:14], "%Y%m%d%H%M%S") - moment.replace(microsecond=0) == timedelta(seconds=offset)


@given(MOMENTS, OFFSETS)
def test_a_datetime_and_a_pair_of_date_and_time_stay_the_same_moment(moment: datetime, offset: int) -> None:
    day, time = f"{moment:%Y%m%d}".encode(), f"{moment:%H%M%S.%f}".encode()
    assert shift_dt(day + time, offset) == shift_da(day, offset, time) + shift_tm(time, offset)


@given(MOMENTS, MOMENTS, OFFSETS)
def test_dates_without_a_time_keep_their_distance_in_days(one: datetime, other: datetime, offset: int) -> None:
    days = [datetime.strptime(shift_da(f"{day:%Y%m%d}".encode(), offset, None).decode(), "%Y%m%d") for day in (one, other)]
    assert days[0] - days[1] == one.replace(hour=0, minute=0, second=0, microsecond=0) - other.replace(
        hour=0, minute=0, second=0, microsecond=0
    )


@given(MOMENTS, OFFSETS, st.sampled_from(["%Y%m%d", "%Y%m%d%H", "%Y%m%d%H%M"]))
def test_a_partial_datetime_moves_from_its_earliest_moment(moment: datetime, offset: int, form: str) -> None:
    earliest = datetime.strptime(moment.strftime(form), form)
    expected = (earliest + timedelta(seconds=offset)).strftime(form)
    assert shift_dt(moment.strftime(form).encode(), offset).decode() == expected


@given(MOMENTS, st.integers(-4000, 4000), FRACTIONS)
def test_whole_days_leave_the_time_untouched(moment: datetime, days: int, fraction: str) -> None:
    time = f"{moment:%H%M%S}{fraction}".encode()
    assert shift_tm(time, days * DAY) == time


@pytest.mark.parametrize(
    ("day", "time", "offset", "expected"),
    [
        (b"20200301", b"000000", -1, (b"20200229", b"235959")),  # leap year
        (b"19000301", b"000000", -1, (b"19000228", b"235959")),  # none
        (b"20200228", b"235959.123456", 1, (b"20200229", b"000000.123456")),
        (b"20191231", b"2330", HOUR, (b"20200101", b"0030")),
        (b"20200101", b"00", -HOUR, (b"20191231", b"23")),
        (b"20200101", b"10", 90 * 60, (b"20200101", b"11")),
        (b"20200101", b"22", 90 * 60, (b"20200101", b"23")),
        (b"20200101", b"23:30:00.5", HOUR, (b"20200102", b"00:30:00.5")),
        (b"2020.01.01", b"23:30", HOUR, (b"2020.01.02", b"00:30")),
        (b"20200101", b"120000", -DAY - HOUR, (b"20191231", b"110000")),
        (b"20161231", b"235960", HOUR, (b"20170101", b"010000")),  # leap second
        (b"20161231", b"235960.25", -DAY, (b"20161230", b"235960.25")),
        (b"20200101\\20200102", b"2330\\1200", HOUR, (b"20200102\\20200102", b"0030\\1300")),
        (b"20200101\\20200102", b"2330", HOUR, (b"20200102\\20200102", b"0030")),
        (b"20200101", b"2330\\1200", HOUR, (b"20200102", b"0030\\1300")),
        (b"20200101-20200102", b"2330-1200", HOUR, (b"20200102-20200102", b"0030-1300")),
        (b"20200101-", b"2330-", HOUR, (b"20200102-", b"0030-")),
        (b"20200101", b"", -HOUR, (b"20191231", b"")),
        (b"", b"2330", HOUR, (b"", b"0030")),
    ],
)
def test_a_pair_crosses_midnight_together(day: bytes, time: bytes, offset: int, expected: tuple[bytes, bytes]) -> None:
    assert (shift_da(day, offset, time), shift_tm(time, offset)) == expected


@pytest.mark.parametrize("times", [None, b"", b"  ", b"half past two", b"2400"])
def test_a_date_whose_time_is_unknown_moves_as_from_midnight(times: bytes | None) -> None:
    assert shift_da(b"20200101", HOUR, times) == b"20200101"
    assert shift_da(b"20200101", -HOUR, times) == b"20191231"


# -- the forms of the grammar ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"20200131", b"20200201"),
        (b"2020.01.31", b"2020.02.01"),
        (b"20200131-20201231", b"20200201-20210101"),
        (b"-20200131", b"-20200201"),
        (b"20200131-", b"20200201-"),
        (b"2020.01.31-2020.12.31", b"2020.02.01-2021.01.01"),
        (b"20200131\\20201231", b"20200201\\20210101"),
        (b"20200131\\\\20201231\\", b"20200201\\\\20210101\\"),
        (b" 20200131 ", b"20200201"),
        (b"00010101", b"00010102"),
        (b"", b""),
        (b"        ", b""),
        (b"\\\\\\\\\\\\\\\\", b"\\\\\\\\\\\\\\\\"),
    ],
)
def test_every_form_of_a_date_moves_and_keeps_its_form(value: bytes, expected: bytes) -> None:
    assert shift_da(value, DAY, None) == expected
    # a shift with hours in it takes the longer way
    assert shift_da(value, DAY + 1, None) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"00", b"23"),
        (b"1005", b"0905"),
        (b"100507", b"090507"),
        (b"100507.1", b"090507.1"),
        (b"100507.000001", b"090507.000001"),
        (b"10:05:07", b"09:05:07"),
        (b"10:05:07.25", b"09:05:07.25"),
        (b"0800-1200", b"0700-1100"),
        (b"-1200", b"-1100"),
        (b"0800-", b"0700-"),
        (b"08\\0930", b"07\\0830"),
        (b" 0800 ", b"0700"),
        (b"", b""),
    ],
)
def test_every_form_of_a_time_moves_and_keeps_its_form(value: bytes, expected: bytes) -> None:
    assert shift_tm(value, -HOUR) == expected
    assert shift_tm(value, -DAY) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"2020", b"2019"),
        (b"202001", b"201912"),
        (b"20200101", b"20191231"),
        (b"2020010110", b"2020010109"),
        (b"202001011005", b"202001010905"),
        (b"20200101000507.5", b"20191231230507.5"),
        (b"20200101100507.123456+0100", b"20200101090507.123456+0100"),
        (b"2020-0500", b"2019-0500"),  # a year and a zone
        (b"2020-2021", b"2019-2020"),  # a range of years: no zone is that far
        (b"2020-", b"2019-"),
        (b"-2020", b"-2019"),
        (b"2020-0500-2021-0500", b"2019-0500-2020-0500"),
        (b"20200101+0100-20200201", b"20191231+0100-20200131"),
        (b"20200101100000-0500-", b"20200101090000-0500-"),
        (b"202001\\20200101", b"201912\\20191231"),
        (b" 20200101 ", b"20191231"),
        (b"20161231235960.5+0000", b"20161231230000.5+0000"),
        (b"", b""),
    ],
)
def test_every_form_of_a_datetime_moves_and_keeps_its_form(value: bytes, expected: bytes) -> None:
    assert shift_dt(value, -HOUR) == expected


NO_DATES = [
    b"20200230",
    b"20190229",
    b"20201301",
    b"00000000",
    b"2020",
    b"202001",
    b"2020.0101",
    b"2020.01.1",
    b"2020-01-01",
    b"20200101-20200102-20200103",
    b"-",
    b"20200101\0",
    b"20200101\n",
    b"20200101 \\x",
    b"1_200101",
    b"+2020101",
    "２０２０0101".encode(),
    b"DOE^JANE",
    b"20200101120000",
]
NO_TIMES = [b"24", b"2400", b"240000", b"1", b"106", b"1060", b"100061", b"100000.", b"100000.1234567", b"10:0500", b"1005:00"]
NO_TIMES += [b"-", b"1000-1100-1200", b"10.5", b"10 00", b"DOE", b"1000\0", b"1000\n", b"1000\\DOE", b"1000+0100"]
NO_MOMENTS = [b"202", b"20201", b"202013", b"20200230", b"2020010124", b"202001011060", b"20200101.5", b"20200101100000."]
NO_MOMENTS += [
    b"20200101+1401",
    b"20200101-0000",
    b"20200101-1201",
    b"20200101+0060",
    b"20200101+01",
    b"-",
    b"2020.01.01",
    b"DOE",
]
NO_MOMENTS += [b"2019-2020-2021", b"2020Z", b"2020 01", b"0000", b"2020\0", b"2020\n", b"2020\\DOE"]


@pytest.mark.parametrize("offset", [-DAY, -DAY - 1, DAY, 1])
def test_what_is_no_date_is_refused_and_never_stays(offset: int) -> None:
    for value in NO_DATES:
        with pytest.raises(NoDateError):
            shift_da(value, offset, b"1200")
    for value in NO_TIMES:
        with pytest.raises(NoDateError):
            shift_tm(value, offset)
    for value in NO_MOMENTS:
        with pytest.raises(NoDateError):
            shift_dt(value, offset)


@given(st.text("0123456789.:+-\\ ", max_size=20).map(str.encode), OFFSETS.filter(lambda seconds: seconds % DAY != 0))
def test_whatever_digits_stand_there_the_result_is_legal_or_none(value: bytes, offset: int) -> None:
    for shift, legal in (
        (lambda: shift_da(value, offset, None), rb"([0-9]{8}|[0-9]{4}\.[0-9]{2}\.[0-9]{2})"),
        (lambda: shift_tm(value, offset), rb"[0-2][0-9](:?[0-5][0-9](:?[0-5][0-9](\.[0-9]{1,6})?)?)?"),
        (lambda: shift_dt(value, offset), rb"[0-9]{4,14}(\.[0-9]{1,6})?([+-][01][0-9][0-5][0-9])?"),
    ):
        try:
            new = shift()
        except NoDateError:
            continue
        for part in new.split(b"\\"):
            assert re.fullmatch(rb"(%s)?-?(%s)?" % (legal, legal), part)


@pytest.mark.parametrize(
    ("value", "offset"), [(b"00010101", -DAY), (b"99991231", DAY), (b"20200101", -365_250 * 100 * DAY), (b"20200101", 2**80)]
)
def test_a_date_that_leaves_the_calendar_is_refused(value: bytes, offset: int) -> None:
    with pytest.raises(NoDateError):
        shift_da(value, offset, None)
    with pytest.raises(NoDateError):
        shift_dt(value[:4] + b"01" if offset < 0 else value, offset)
    with pytest.raises(NoDateError):
        shift_da(value, offset + (1 if offset > 0 else -1), b"1200")


@pytest.mark.parametrize("value", [b"DOE^JANE", b"20201301", b"20200132"])
def test_the_error_holds_no_value_and_crosses_processes(value: bytes) -> None:
    with pytest.raises(NoDateError) as caught:
        shift_da(value, DAY, None)
    assert value.decode() not in repr(caught.value) + str(caught.value) + repr(caught.value.args)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), NoDateError)


@given(MOMENTS, OFFSETS)
def test_a_shift_undone_gives_the_original(moment: datetime, offset: int) -> None:
    assume(offset)
    value = f"{moment:%Y%m%d%H%M%S}".encode()
    assert shift_dt(shift_dt(value, offset), -offset) == value != shift_dt(value, offset)


# -- time zones and ages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"+0000", b"-0500", b"+1400", b"-1200", b"+0545", b"-0330"])
def test_offsets_from_utc_are_known(value: bytes) -> None:
    assert is_timezone(value)


@pytest.mark.parametrize(
    "value", [b"", b"0000", b"-0000", b"+1401", b"-1201", b"+0560", b"+01:00", b"+05", b"Z", b"+0000\0", b"+0000\n"]
)
def test_what_is_no_offset_from_utc_is_told_from_it(value: bytes) -> None:
    assert not is_timezone(value)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (b"089Y", b"089Y"),
        (b"090Y", b"090Y"),
        (b"091Y", b"090Y"),
        (b"104Y", b"090Y"),
        (b"999Y", b"090Y"),
        (b"000Y", b"000Y"),
        (b"999M", b"999M"),  # 83 years
        (b"999W", b"999W"),
        (b"999D", b"999D"),
        (b"045Y\\101Y", b"045Y\\090Y"),
        (b"", b""),
    ],
)
def test_ages_from_90_years_on_are_one(age: bytes, expected: bytes) -> None:
    assert cap_age(age) == expected


@pytest.mark.parametrize("age", [b"45Y", b"1080M", b"045", b"045y", b"Y", b"04 Y", b"-45Y", b"045Y\0", b"045Y\n", b"ninety"])
def test_what_is_no_age_is_refused(age: bytes) -> None:
    with pytest.raises(NoDateError):
        cap_age(age)
