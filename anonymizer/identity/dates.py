"""Shifting of dates and times (PS3.15 E.3.6) by the grammar of DA, TM, DT and AS (PS3.5 6.2).

Values are bytes without padding; backslashes separate several values. Each missing component counts as its earliest: 2020 is
shifted as 2020-01-01 00:00:00, and truncated to its own precision again.
"""

from __future__ import annotations

import hmac
import re
from datetime import date
from functools import lru_cache
from typing import NoReturn

from profiles import DateShift

from ..keys.key import Key
from ..keys.purposes import Purpose

_DAY = 86_400

_ZONE = rb"(?:\+(?:0[0-9]|1[0-3])[0-5][0-9]|\+1400|-(?!0000)(?:0[0-9]|1[01])[0-5][0-9]|-1200)"
# second 60 is a leap second; 24:00 is not legal (PS3.5 6.2)
_CLOCK = rb"([01][0-9]|2[0-3])(?:%s([0-5][0-9])(?:%s([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?"
_TIME = re.compile(_CLOCK % (b"(:?)", rb"\2"))
_DATE_TIME = re.compile(rb"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:%s)?)?)?(%s)?" % (_CLOCK % (b"", b""), _ZONE))
#: one end of a range; a hyphen that may begin a UTC offset does (PS3.5 6.2: 2007-0500 is a year and an offset)
_MOMENT = rb"[0-9]{4,14}(?:\.[0-9]{1,6})?%s?" % _ZONE
_RANGE = re.compile(rb"(%s)?-(%s)?" % (_MOMENT, _MOMENT))
_TIMEZONE = re.compile(_ZONE)
_YEAR, _MONTH, _DAY_OF_MONTH = rb"(?:19|20)[0-9]{2}", rb"(?:0?[1-9]|1[0-2])", rb"(?:0?[1-9]|[12][0-9]|3[01])"
_MONTH_NAME = rb"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
#: YYYYMMDD, with or without a time; dates with separators, in the orders YMD, DMY and MDY; dates with names of months
_WRITTEN_DATE = re.compile(
    rb"(?<![0-9.])(?:%(y)b(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{2}|[0-9]{4}|[0-9]{6})?"
    rb"|%(y)b([-./])%(m)b\1%(d)b|(?:%(d)b([-./])%(m)b\2|%(m)b([-./])%(d)b\3)%(y)b"
    rb"|%(d)b[-. ]{0,2}%(n)b[-., ]{0,2}%(y)b|(?<![a-z])%(n)b[. ]{0,2}%(d)b,? ?%(y)b)(?![0-9])"
    % {b"y": _YEAR, b"m": _MONTH, b"d": _DAY_OF_MONTH, b"n": _MONTH_NAME},
    re.IGNORECASE,
)
_AGE = re.compile(rb"[0-9]{3}[DWMY]")

#: 45 CFR 164.514(b)(2)(i)(C): older patients share one age
_OLDEST = b"090Y"


class NoDateError(ValueError):
    """A value that is no date, time or age, or a date beyond the calendar. The message holds no value."""

    def __str__(self) -> str:
        return "no legal date, time or age"


class DateShifts:
    """The date shift of each patient: a pure function of key, range and patient, equal in all studies and runs."""

    def __init__(self, key: Key, shift: DateShift) -> None:
        self._key = key.derive(Purpose.DATE_SHIFT)
        self._shift = shift

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")

    def offset(self, patient: bytes) -> int:
        """Return the shift of a patient's dates in seconds; all shifts of the range are equally likely.

        Args:
            patient: the bytes of ``shift_message``.

        Raises:
            ValueError: ``patient`` is empty; patients without an ID must not share a shift.
        """
        if not patient:
            raise ValueError("a date shift needs a patient or study")
        # 256 bits for a few thousand shifts: the bias of the remainder is negligible
        return self._shift[int.from_bytes(hmac.digest(self._key, patient, "sha256"), "big") % len(self._shift)]


def shift_da(value: bytes, offset: int, times: bytes | None) -> bytes:
    """Shift the dates of ``value`` (DA) by ``offset`` seconds.

    Dates may be YYYYMMDD, YYYY.MM.DD of ACR-NEMA, and ranges of either. Each keeps its form; spaces around it are removed.

    Args:
        times: value of the TM attribute that belongs to this one (``partner_of``) in the same data set, with which the dates
            cross midnight together. A date without a legal time there counts as midnight: it is shifted by the whole days in
            ``offset``, rounded down, so that intervals between such dates are kept.

    Raises:
        NoDateError: a value is no date, or the result is outside the years 1 to 9999.
    """
    days, seconds = divmod(offset, _DAY)
    if not seconds and len(value) == 8 and value.isdigit():
        return _moved(value, days)
    dates = value.split(b"\\")
    clocks = times.split(b"\\") if times and seconds else []
    clocks += [b""] * (len(dates) - len(clocks))
    return b"\\".join(
        [_shift_dates(day.strip(b" "), days, seconds, clock.strip(b" ")) for day, clock in zip(dates, clocks, strict=False)]
    )


def _shift_dates(value: bytes, days: int, seconds: int, clock: bytes) -> bytes:
    """Shift one date, or a range of dates whose ends have the ends of ``clock`` as their times."""
    if not value:
        return value
    if b"-" not in value:
        return _moved(value, days + _midnights(clock, seconds))
    ends = _ends(value)
    clocks = clock.split(b"-") if clock.count(b"-") == 1 else [b"", b""]
    return b"-".join([_moved(end, days + _midnights(at, seconds)) if end else end for end, at in zip(ends, clocks, strict=True)])


def _ends(value: bytes) -> list[bytes]:
    """Return both ends of a range, one of which may be empty.

    Raises:
        NoDateError: ``value`` is no range.
    """
    ends = value.split(b"-")
    if len(ends) != 2 or value == b"-":
        raise NoDateError
    return ends


@lru_cache(maxsize=4096)  # objects of a study share times
def _midnights(clock: bytes, seconds: int) -> int:
    """Count the midnights in the ``seconds`` (less than a day) after the time ``clock``; 0 if it is no time."""
    found = _TIME.fullmatch(clock) if clock else None
    return 0 if found is None else (_second_of_day(*found.group(1, 3, 4)) + seconds) // _DAY


def _second_of_day(hour: bytes | None, minute: bytes | None, second: bytes | None) -> int:
    return (int(hour) * 3600 if hour else 0) + (int(minute) * 60 if minute else 0) + (int(second) if second else 0)


@lru_cache(maxsize=4096)  # objects of a study share dates
def _moved(day: bytes, days: int) -> bytes:
    """Shift one date by ``days``, in its own form.

    Raises:
        NoDateError: ``day`` is no date, or the result is outside the years 1 to 9999.
    """
    dotted = len(day) == 10 and day[4:5] == b"." == day[7:8]
    digits = day[:4] + day[5:7] + day[8:] if dotted else day
    if len(digits) != 8 or not digits.isdigit():
        raise NoDateError
    try:
        new = date.fromordinal(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).toordinal() + days)
    except (ValueError, OverflowError):
        raise NoDateError from None
    return new.isoformat().replace("-", "." if dotted else "").encode()


def shift_tm(value: bytes, offset: int) -> bytes:
    """Shift the times of ``value`` (TM) by ``offset`` seconds, modulo 24 hours; fractions of a second are kept.

    Times may be HH, HHMM, HHMMSS and HHMMSS.F, the form of ACR-NEMA with colons, and ranges. A shift by whole days leaves the
    value unchanged. A leap second shifted by any other offset counts as the first second of the next minute.

    Raises:
        NoDateError: a value is no time.
    """
    seconds = offset % _DAY
    if not seconds and _TIME.fullmatch(value):
        return value
    times = [_shift_times(time.strip(b" "), seconds) for time in value.split(b"\\")]
    return b"\\".join(times) if seconds else value


def _shift_times(value: bytes, seconds: int) -> bytes:
    """Shift one time, or a range of times."""
    if b"-" in value:
        return b"-".join([_shift_time(end, seconds) for end in _ends(value)])
    return _shift_time(value, seconds)


def _shift_time(value: bytes, seconds: int) -> bytes:
    if not value:
        return value
    found = _TIME.fullmatch(value)
    if found is None:
        raise NoDateError
    hour, separator, minute, second, fraction = found.groups()
    new = _clock_text((_second_of_day(hour, minute, second) + seconds) % _DAY, separator or b"")
    # in the original precision
    return new[: found.end(4)] + fraction if fraction else new[: len(value)]


def _clock_text(second_of_day: int, separator: bytes) -> bytes:
    minutes, second = divmod(second_of_day, 60)
    hour, minute = divmod(minutes, 60)
    return b"%02d%s%02d%s%02d" % (hour, separator, minute, separator, second)


def shift_dt(value: bytes, offset: int) -> bytes:
    """Shift the date-times of ``value`` (DT) by ``offset`` seconds; precision, fractions and UTC offsets are kept.

    Date-times may be YYYY to YYYYMMDDHHMMSS.FFFFFF, with or without a UTC offset of -1200 to +1400, and ranges. Spaces around
    them are removed. Intervals between date-times of one precision are kept for days and finer units; months and years vary in
    length.

    Raises:
        NoDateError: a value is no date-time, or the result is outside the years 1 to 9999.
    """
    return b"\\".join([_shift_moments(moment.strip(b" "), offset) for moment in value.split(b"\\")])


def _shift_moments(value: bytes, offset: int) -> bytes:
    """Shift one date-time, or a range of date-times."""
    if b"-" not in value or _DATE_TIME.fullmatch(value):
        return _shift_moment(value, offset)
    ends = _RANGE.fullmatch(value)
    if ends is None or value == b"-":
        raise NoDateError
    first, last = ends.groups(b"")
    if first and last and first[:4] > last[:4]:
        # not a range, but a UTC offset that doesn't exist
        raise NoDateError
    return _shift_moment(first, offset) + b"-" + _shift_moment(last, offset)


def _shift_moment(value: bytes, offset: int) -> bytes:
    if not value:
        return value
    found = _DATE_TIME.fullmatch(value)
    if found is None:
        raise NoDateError
    year, month, day = found.group(1, 2, 3)
    precision = found.end(3) if day else found.end(2) if month else 4
    days, seconds = divmod(offset, _DAY)
    rest = value[precision:]
    if seconds:
        hour, minute, second = found.group(4, 5, 6)
        over, seconds = divmod(_second_of_day(hour, minute, second) + seconds, _DAY)
        days += over
        digits = 6 if second else 4 if minute else 2 if hour else 0
        rest = _clock_text(seconds, b"")[:digits] + rest[digits:]
    return _moved(year + (month or b"01") + (day or b"01"), days)[:precision] + rest


def holds_date(text: bytes) -> bool:
    """Return whether ``text`` contains a date of the years 1900 to 2099 in a common notation."""
    return _WRITTEN_DATE.search(text) is not None


def is_timezone(value: bytes) -> bool:
    """Return whether ``value`` is a legal TimezoneOffsetFromUTC: -1200 to +1400, but not -0000 (PS3.3 C.12.1.1.8)."""
    return _TIMEZONE.fullmatch(value) is not None


def cap_age(value: bytes) -> bytes:
    """Cap ages (AS): replace those of 90 years and more by ``090Y`` (HIPAA, 45 CFR 164.514(b)(2)(i)(C)), and keep others.

    Raises:
        NoDateError: a value is no age.
    """
    return b"\\".join([_cap_age(age.strip(b" ")) for age in value.split(b"\\")])


def _cap_age(age: bytes) -> bytes:
    if not age:
        return age
    if not _AGE.fullmatch(age):
        raise NoDateError
    # three digits of months, weeks or days are less than 90 years (PS3.5 6.2)
    return _OLDEST if age.endswith(b"Y") and age > _OLDEST else age
