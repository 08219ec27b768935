"""A person for each object, and the texts that stand in pictures: identifiers of that person, and words of the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .shapes import Rng

_FAMILIES = (
    "Doe",
    "Smith",
    "Müller",
    "Johnson",
    "García",
    "Nguyen",
    "Kowalski",
    "O'Brien",
    "Rossi",
    "Yılmaz",
    "Andersson",
    "Lefèvre",
    "Schäfer",
    "Okafor",
    "Patel",
    "Kim",
    "Haddad",
    "Van-der-Berg",
    "Novák",
    "Ivanova",
)
_GIVEN = [
    "John",
    "Anna",
    "Maria",
    "Wei",
    "Ahmed",
    "Zoë",
    "Jürgen",
    "Olga",
    "José",
    "Priya",
    "Thomas",
    "Ingrid",
    "Mary-Ann",
    "Luca",
    "Fatima",
    "Karl",
    "Chloé",
    "Min",
    "Ada",
    "Peter",
]
_PLACES = ["Mercy", "Riverside", "St.Mary", "Charité", "Northwood", "Lakeview", "Hôtel-Dieu", "Sunnyside", "Bethesda", "Westend"]
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True)
class Person:
    """The patient of an object, whose values stand in header and picture.

    Attributes:
        family: name.
        given: name.
        identifier: medical record number.
        birth: year, month and day.
        taken: year, month and day of the study.
        accession: number.
        place: hospital.
        phone: number.
    """

    family: str
    given: str
    identifier: str
    birth: tuple[int, int, int]
    taken: tuple[int, int, int]
    accession: str
    place: str
    phone: str


def person(rng: Rng) -> Person:
    """Return somebody."""

    def digits(count: int) -> str:
        return "".join(map(str, rng.integers(0, 10, count)))

    identifier = (digits(8), f"{digits(4)}-{digits(4)}", f"MRN{digits(7)}", f"{digits(3)}-{digits(2)}-{digits(1)}")[
        rng.integers(4)
    ]
    return Person(
        str(rng.choice(_FAMILIES)),
        str(rng.choice(_GIVEN)),
        identifier,
        (int(rng.integers(1925, 2012)), int(rng.integers(1, 13)), int(rng.integers(1, 29))),
        (int(rng.integers(2008, 2026)), int(rng.integers(1, 13)), int(rng.integers(1, 29))),
        ("ACC" if rng.random() < 0.3 else "") + digits(7),
        str(rng.choice(_PLACES)),
        f"+49 30 {digits(7)}" if rng.random() < 0.5 else f"({digits(3)}) {digits(3)}-{digits(4)}",
    )


def _date(rng: Rng, date: tuple[int, int, int]) -> str:
    year, month, day = date
    forms = (
        f"{year}-{month:02d}-{day:02d}",
        f"{day:02d}.{month:02d}.{year}",
        f"{month:02d}/{day:02d}/{year}",
        f"{day:02d}-{_MONTHS[month - 1]}-{year % 100:02d}",
        f"{year}{month:02d}{day:02d}",
        f"{_MONTHS[month - 1]} {day} {year}",
    )
    return forms[rng.integers(len(forms))]


def _name(rng: Rng, who: Person) -> str:
    forms = (
        f"{who.family.upper()}^{who.given.upper()}",
        f"{who.family}, {who.given}",
        f"{who.given} {who.family}",
        f"{who.family.upper()} {who.given[0]}.",
        f"Name: {who.family}, {who.given}",
        who.family.upper(),
    )
    return forms[rng.integers(len(forms))]


def _time(rng: Rng) -> str:
    return f"{rng.integers(24):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"


def _measurement(rng: Rng) -> str:
    forms = (
        f"Dist {rng.integers(1, 15)}.{rng.integers(100):02d} cm",
        f"MI {rng.integers(0, 2)}.{rng.integers(10)}",
        f"TIS {rng.integers(0, 3)}.{rng.integers(10)}",
        f"{rng.integers(60, 140)} kV",
        f"{rng.integers(5, 60)} fps",
        f"EF {rng.integers(20, 75)} %",
        f"W {rng.integers(100, 4000)} L {rng.integers(-100, 900)}",
        f"Vmax {rng.integers(20, 300)} cm/s",
        f"Z {rng.integers(1, 5)}.{rng.integers(10)}",
    )
    return forms[rng.integers(len(forms))]


def _machine(rng: Rng) -> str:
    return str(
        rng.choice(
            [
                "Abdomen",
                "C5-1",
                "Gain 50",
                "FREEZE",
                "2D",
                "Portable",
                "AP supine",
                "LEFT",
                "Cardiac",
                "Freq Gen",
                "ZOOM",
                "PA erect",
            ]
        )
    )


def _single(rng: Rng) -> str:
    return str(rng.choice(list("RLRLAPHFPV5")))


#: kinds of text: whether they tell who it is, and how one is made
KINDS: dict[str, tuple[bool, Callable[[Rng, Person], str]]] = {
    "name": (True, _name),
    "record number": (True, lambda rng, who: ("", "ID ", "ID: ", "MRN ")[rng.integers(4)] + who.identifier),
    "birth date": (True, lambda rng, who: ("", "DOB ", "*", "geb. ")[rng.integers(4)] + _date(rng, who.birth)),
    "study date": (True, lambda rng, who: _date(rng, who.taken) + ("", f" {_time(rng)}")[rng.integers(2)]),
    "accession": (True, lambda rng, who: ("", "Acc# ", "Acc ")[rng.integers(3)] + who.accession),
    "place": (True, lambda rng, who: f"{who.place} {('Hospital', 'Klinik', 'Medical Center', 'Radiology')[rng.integers(4)]}"),
    "phone": (True, lambda rng, who: ("", "Tel ")[rng.integers(2)] + who.phone),
    "initials": (True, lambda rng, who: who.family[0].upper() + who.given[0].upper()),
    "measurement": (False, lambda rng, who: _measurement(rng)),
    "machine": (False, lambda rng, who: _machine(rng)),
    "single character": (False, lambda rng, who: _single(rng)),
}
#: the kinds as often as they are drawn
DECK = (*("name",) * 4, *("record number",) * 2, "birth date", "study date", "accession", "place", "phone", "initials",
        "measurement", "measurement", "machine", "single character")  # fmt: skip


def next_tick(text: str, tick: int) -> str:
    """Return a text whose digits are counted on, as those of a timer; one without digits gets a count."""
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    if not digits:
        return f"{text} {tick:02d}"
    letters = list(text)
    for place in digits[-2:]:
        letters[place] = str((int(letters[place]) + tick * (3 if place == digits[-1] else 1)) % 10)
    return "".join(letters)
