"""Identifiers of every kind, as people write them into descriptions: seeded, no network."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable
from pathlib import Path

_ONSETS = [
    "b",
    "br",
    "d",
    "dr",
    "f",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kr",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
]
_NUCLEI = ["a", "e", "i", "o", "u", "ei", "ou"]
_CODAS = ["", *["k", "l", "m", "n", "nd", "r", "rt", "s", "tz", "x"]]
_MONTHS = [
    "Jan",
    "Feb",
    "March",
    "April",
    "May",
    "June",
    "July",
    "Aug",
    "Sept",
    "October",
    "Nov",
    "December",
    "Januar",
    "März",
    "Mai",
    "Dez.",
    "janvier",
    "février",
    "août",
    "marzo",
    "agosto",
    "giugno",
    "maart",
]
_REMARK = re.compile(r"^# (written|In|surnames) .*\n", re.MULTILINE)
_SECTION = re.compile(r"^\[([a-z]+)\]\n", re.MULTILINE)


def _sections() -> dict[str, str]:
    """The texts that descriptions are made of, by what they are."""
    text = Path(__file__).with_name("descriptions.txt").read_text(encoding="utf-8")
    parts = _SECTION.split(_REMARK.sub("", text))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


_TEXTS = _sections()
SURNAMES, GIVEN, HARD = (_TEXTS[name].split() for name in ("surnames", "given", "hard"))
CITIES, HOSPITALS, STREETS = (_TEXTS[name].splitlines() for name in ("cities", "hospitals", "streets"))
TEMPLATES = [template.replace("\\n", "\n") for template in _TEXTS["templates"].splitlines()]


def _name(source: random.Random) -> str:
    """A surname of the lists, or of syllables that no list has."""
    if source.random() < 0.6:
        return source.choice(SURNAMES)
    syllables = source.randint(2, 3)
    parts = [
        source.choice(_ONSETS) + source.choice(_NUCLEI) + (source.choice(_CODAS) if source.random() < 0.7 else "")
        for _ in range(syllables)
    ]
    return "".join(parts).title()


def _full(source: random.Random) -> str:
    given, surname = source.choice(GIVEN), _name(source)
    return source.choice(
        [f"{given} {surname}", f"{surname}, {given}", f"{surname} {given}", f"{given[0]}. {surname}", f"{surname} {given[0]}."]
    )


def _hard_full(source: random.Random) -> str:
    given, surname = source.choice(GIVEN), source.choice(HARD)
    return source.choice([f"{given} {surname}", f"{surname}, {given}", f"{surname} {given}", f"{surname}-{_name(source)}"])


def _pn(source: random.Random) -> str:
    surname = source.choice(HARD) if source.random() < 0.3 else _name(source)
    return f"{surname}^{source.choice(GIVEN)}" + source.choice(["", "^^Dr.", f"^{source.choice(GIVEN)[0]}", "="])


def _initials(source: random.Random) -> str:
    letters = [source.choice(string.ascii_uppercase) for _ in range(2)]
    return source.choice(["".join(letters), ".".join(letters) + ".", "/".join(letters).lower(), "-".join(letters)])


def _date(source: random.Random) -> str:
    year, month, day = source.randint(1930, 2025), source.randint(1, 12), source.randint(1, 28)
    word, short = source.choice(_MONTHS), f"{year % 100:02}"
    weekday = source.choice(["Monday", "Mon", "Freitag", "mardi", "jueves", "dinsdag"])
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(day, "th")
    return source.choice(
        [
            f"{day:02}.{month:02}.{year}",
            f"{day}.{month}.{short}",
            f"{month}/{day}/{year}",
            f"{month}/{day}/{short}",
            f"{year}-{month:02}-{day:02}",
            f"{year}{month:02}{day:02}",
            f"{day} {word} {year}",
            f"{word} {day}, {year}",
            f"{day}-{word[:3].upper()}-{short}",
            f"{day:02}{word[:3]}{year}",
            f"{word} {year}",
            f"{month:02}/{year}",
            f"{year}/{month:02}/{day:02}",
            f"{day}{suffix} of {word} {year}",
            f"{weekday}, {day}. {word} {year}",
            f"{day} / {month} / {year}",
            f"{day:02}_{month:02}_{year}",
            f"{year}.{month:02}.{day:02} {source.randint(0, 23):02}:{source.randint(0, 59):02}",
            f"{day}.{month}.",
            f"'{short}",
            str(year),
            f"{day:02}\u2013{month:02}\u2013{year}",
            f"{year}{month:02}{day:02}{source.randint(0, 235959):06}",
        ]
    )


def _age(source: random.Random) -> str:
    age = source.randint(1, 99)
    return source.choice(
        [
            f"{age} yo",
            f"{age}y",
            f"{age} years old",
            f"{age}-year-old",
            f"{age} y/o",
            f"aged {age}",
            f"{age:03}Y",
            f"age {age}",
            f"{age} Jahre",
            f"{age} J.",
            f"{age} ans",
            f"{age} a\u00f1os",
            f"{age} anni",
            f"{age} jaar",
            f"{age} anos",
            f"{age} months",
            f"{age}yr",
            f"{age} J. alt",
            f"{age}-j\u00e4hrig",
            "sixty-two year old",
            f"{age}yoF",
            f"in her {age // 10}0s",
        ]
    )


def _phone(source: random.Random) -> str:
    a, b, c = source.randint(200, 989), source.randint(200, 999), source.randint(1000, 9999)
    return source.choice(
        [
            f"({a}) {b}-{c}",
            f"{a}-{b}-{c}",
            f"{a}.{b}.{c}",
            f"+1 {a} {b} {c}",
            f"+49 (0){a} / {b} {c}",
            f"0{a} {c}{b}",
            f"+33 1 {a % 90 + 10} 45 67 89",
            f"ext. {c}",
            f"x{c}",
            f"{b}-{c}",
            " ".join(str(c) + str(b)),
        ]
    )


def _email(source: random.Random) -> str:
    given, surname = source.choice(GIVEN).lower(), _name(source).lower()
    host = source.choice(["mail.example", "chest-clinic.example", "knee.example", "head.example.org"])
    return source.choice(
        [
            f"{given}.{surname}@{host}",
            f"{surname}{source.randint(1, 99)}@{host}",
            f"{given}_{surname} @ {host}",
            f"{surname} (at) {host}",
        ]
    )


def _machine(source: random.Random) -> str:
    word, number = source.choice(["pacs", "head", "archive", "liver"]), source.randint(1, 99)
    return source.choice(
        [
            f"https://{word}.example.org/chest/{number}",
            f"www.{word}.example",
            f"\\\\{word}{number}\\scans\\brain.dcm",
            f"C:\\Users\\{word}\\ct.dcm",
            f"/data/{word}/chest/scan",
            f"{word}{number}.example.local",
            f"10.{number}.3.{number + 7}",
            f"{word}://node/{number}",
            f"ftp://{word}/bone",
        ]
    )


def _id(source: random.Random) -> str:
    number, letters = source.randint(1000, 9_999_999), "".join(source.choice("BDGHKSXZ") for _ in range(3))
    return source.choice(
        [
            f"{number}",
            f"{letters}{number}",
            f"{number}-{source.randint(1, 9)}",
            f"{letters}-{number}",
            f"H{number:08}",
            f"{number:010}",
            f"1.2.840.{number}.{number}",
            f"{number:07x}z",
            f"{letters[:2]}/{number}",
            f"S{source.randint(20, 25)}-{number}",
            f"CT{number}",
            f"HEAD{number}",
            f"{number} {letters}",
        ]
    )


def _address(source: random.Random) -> str:
    number, street = source.randint(1, 299), source.choice(STREETS)
    places = ["80331 M\u00fcnchen", "SW1A 1AA", "02115", "1012 AB Amsterdam", "K1A 0B1", "75001 Paris", ""]
    return (street.replace("#", str(number)) + " " + source.choice(places)).strip()


def _room(source: random.Random) -> str:
    number = source.randint(1, 40)
    return source.choice(
        [
            f"Room {number}B",
            f"Ward {number}",
            f"Bed L{number % 5 + 1}",
            f"Zimmer {number}",
            f"Station {number % 9 + 1}A",
            f"chambre {number}",
            f"rm. T{number % 9}",
        ]
    )


def _device(source: random.Random) -> str:
    number = source.randint(1, 99)
    return source.choice(
        [
            f"CT{number:02}",
            f"MRSCANNER{number}",
            f"S/N {number:05}",
            f"AE_PACS_{number}",
            f"XR-ROOM-{number:03}",
            f"SN{number:04}X",
        ]
    )


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "surname": _name,
    "full": _full,
    "hard": lambda source: source.choice(HARD),
    "hardfull": _hard_full,
    "titled": lambda source: source.choice(HARD),
    "pn": _pn,
    "initials": _initials,
    "date": _date,
    "time": lambda source: source.choice(["8:05 am", "14:30", "9 Uhr", "1430h", "11h45", "3 p.m."]),
    "age": _age,
    "phone": _phone,
    "email": _email,
    "machine": _machine,
    "id": _id,
    "address": _address,
    "room": _room,
    "device": _device,
    "hospital": lambda source: source.choice(HOSPITALS),
    "city": lambda source: source.choice(CITIES),
}
#: kinds whose values other attributes of the same object have
KNOWN = frozenset(
    ["surname", "full", "hard", "hardfull", "titled", "pn", "id", "address", "hospital", "city", "phone", "room", "device"]
)
