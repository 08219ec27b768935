"""Engines that screen or don't, and what of an object's identity is left in its output."""

from __future__ import annotations

from collections.abc import Container
from io import BytesIO

from anonymizer import DeidentificationError, Key, Report
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile

from .objects import Element, data_set_of
from .running import SECRET

CHARSET, NAME, PATIENT_ID, BIRTH, OPERATOR, PHONE = 0x00080005, 0x00100010, 0x00100020, 0x00100030, 0x00081070, 0x00102154
INSTITUTION = 0x00080080
#: kept by every profile: LO, SH, CS, DS, IS, OB
VERSION, KERNEL, SCAN_OPTIONS, THICKNESS, NUMBER, ICC = 0x00181020, 0x00181210, 0x00180022, 0x00180050, 0x00200012, 0x00282000
#: what people are called in tests, a word of no language
WHO = "Zwickelbauer"
ZWICKEL = Element(NAME, "PN", f"{WHO}^Ann")
KEPT = "identifier-screened"


def screening(options: str = "", *, rules: str = "", screen: bool = True) -> Engine:
    """An engine; ``rules``: the text of a custom profile."""
    if rules:
        profile = ConfidentialityProfile.from_csv(BytesIO(rules.encode()), options, screen=screen)
    else:
        profile = ConfidentialityProfile.default(options, screen=screen)
    return Engine(profile, Key(SECRET))


def outcome_of(blob: bytes, using: Engine | None = None, words: Container[str] = frozenset()) -> tuple[bytes, Report] | str:
    """The output and its report, or the error's text."""
    run = (using or screening()).deidentify(BytesIO(blob), words=words)
    try:
        return b"".join(run.chunks()), run.report
    except DeidentificationError as error:
        return str(error)


def passed(blob: bytes, using: Engine | None = None, words: Container[str] = frozenset()) -> tuple[bytes, Report]:
    """The same of an object that isn't refused."""
    found = outcome_of(blob, using, words)
    assert not isinstance(found, str), found
    return found


def left(blob: bytes, *secrets: bytes | str, using: Engine | None = None, words: Container[str] = frozenset()) -> list[bytes]:
    """Those of ``secrets`` that stand in the output's data set, in whatever case; none of an object that is refused."""
    found = outcome_of(blob, using, words)
    if isinstance(found, str):
        return []
    content = data_set_of(found[0]).lower()
    encoded = [secret.encode() if isinstance(secret, str) else secret for secret in secrets]
    return [secret for secret in encoded if secret.lower() in content]


def declared_safe(group: int, creator: str, *elements: Element) -> list[Element]:
    """A private block that the object itself calls safe (PS3.3 C.12.1.1.7)."""
    about = [
        Element(0x00080301, "US", group),
        Element(0x00080302, "LO", creator),
        Element(0x00080303, "CS", "SAFE"),
    ]
    return [Element(0x00080300, "SQ", [about]), Element(group << 16 | 0x10, "LO", creator), *elements]
