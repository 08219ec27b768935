"""Headers that were walked before: what is gone over in an object is what a walk would have made of it, to the byte."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.data import get_testdata_file

from anonymizer import DeidentificationError, Report
from anonymizer.identity.known_values import KnownValue
from anonymizer.internals import Engine
from anonymizer.rewriting.header_cache import HeaderCache
from profiles import IdentityKind, Operation, Rule
from tests.support.objects import EXPLICIT, IMPLICIT, Element, ct, part10
from tests.support.running import budget, engine, rewrite, rewrite_with_report

#: files with long headers, private groups, sequences, overlays and an earlier de-identification
FILES = ("CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "examples_overlay.dcm", "rtplan.dcm")
OPTIONS = ("", "RetainSafePrivate,RetainDeviceIdent", "RetainLongModifDates,CleanDesc,RetainPatientChars", "RetainUIDs")


@cache
def original(name: str) -> bytes:
    return Path(str(get_testdata_file(name))).read_bytes()


def outcome(blob: bytes, using: Engine) -> tuple[bytes, Report] | str:
    try:
        return rewrite_with_report(blob, using)
    except DeidentificationError as error:
        return f"{error.reason.value} {error}"


@st.composite
def siblings(draw: st.DrawFn) -> list[bytes]:
    """One file several times, with a few bytes of its header changed, lost or more."""
    content = original(draw(st.sampled_from(FILES)))
    found = []
    for _ in range(draw(st.integers(2, 4))):
        blob = bytearray(content)
        for _ in range(draw(st.integers(0, 3))):
            position = draw(st.integers(132, min(len(content), 9000)))
            match draw(st.sampled_from(["set", "set", "insert", "delete"])):
                case "set":
                    blob[position : position + 1] = draw(st.binary(min_size=1, max_size=1))
                case "insert":
                    blob[position:position] = draw(st.binary(min_size=1, max_size=3))
                case _:
                    del blob[position : position + draw(st.integers(1, 3))]
        found.append(bytes(blob))
    return found


@pytest.mark.parametrize("options", OPTIONS)
def test_what_was_seen_before_makes_no_difference(options: str) -> None:
    warm = engine(options)

    @given(siblings())
    @budget(60)
    def check(blobs: list[bytes]) -> None:
        for blob in blobs:
            assert outcome(blob, warm) == outcome(blob, engine(options))

    check()


#: what each object of a series may say of its pixels, or not say
SAID = (
    (Element(0x00080008, "CS", "ORIGINAL\\PRIMARY"), Element(0x00080008, "CS", "DERIVED\\SECONDARY\\SCREEN SAVE")),
    (Element(0x00080104, "LO", "one"), Element(0x00080104, "LO", "another " * 90)),
    (
        Element(0x00081115, "SQ", [[Element(0x00280301, "CS", "NO")]]),
        Element(0x00081115, "SQ", [[Element(0x00280301, "CS", "YES")]]),
    ),
    (Element(0x00200037, "DS", ""), Element(0x00200037, "DS", "0\\1\\0\\0\\0\\1")),
    (Element(0x00280002, "US", 1), Element(0x00280002, "US", 3)),
    (Element(0x00280101, "US", 8), Element(0x00280101, "US", 12)),
    (Element(0x00280301, "CS", "NO"), Element(0x00280301, "CS", "YES")),
    (Element(0x00280302, "CS", "NO"), Element(0x00280302, "CS", "YES")),
)


@pytest.mark.parametrize("pixels", ["quarantine", "keep"])
def test_each_object_is_judged_by_what_it_says_itself(pixels: str) -> None:
    """What was noted of other objects, and how they were judged, makes no difference."""
    warm = engine(pixels=pixels)
    judged = set()

    @given(st.lists(st.tuples(*(st.sampled_from([None, *choice]) for choice in SAID)), min_size=2, max_size=4))
    @budget(60)
    def check(series: list[tuple[Element | None, ...]]) -> None:
        for said in series:
            blob = part10(ct(*(element for element in said if element is not None)))
            found = outcome(blob, warm)
            assert found == outcome(blob, engine(pixels=pixels))
            judged.add(found if isinstance(found, str) else found[1].pixel_risks)

    check()
    assert len(judged) > 3


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_an_element_that_differs_is_never_gone_over(syntax: str) -> None:
    """Each element of a long header in turn is another one than in the objects before."""
    tags = [tag for tag, entry in DicomDictionary.items() if tag >> 16 == 0x0018 and entry[0] == "CS"][:80]
    texts = [Element(tag, "CS", f"VALUE {number:04d}") for number, tag in enumerate(sorted(tags))]
    using = engine()
    for number in range(len(texts)):
        changed = list(texts)
        changed[number] = Element(texts[number].tag, "CS", f"OTHER {number:04d}")
        for elements in (texts, changed):
            blob = part10(ct(*elements), syntax)
            assert rewrite(blob, using) == rewrite(blob, engine())


def test_a_control_character_is_found_behind_what_is_familiar() -> None:
    blobs = [part10(ct(Element(0x00181020, "LO", text), Element(0x00280106, "US", 1))) for text in ("clean text", "clean\1text")]
    using = engine("RetainDeviceIdent")
    rewrite(blobs[0], using)
    with pytest.raises(DeidentificationError):
        rewrite(blobs[1], using)


RULE = Rule(Operation.REMOVE, None, 0x00081030, "", "LO", "")


def walked(familiar: HeaderCache, buffer: bytes, limit: int = 0xFFFFFFFF) -> tuple[int, int, int, bytes]:
    pieces: list[bytes | memoryview] = []
    judged_by: dict[int, bytes] = {}
    position, last, run, _ = familiar.walk(buffer, [], judged_by, []).skip(0, -1, 0, limit, pieces)
    assert judged_by == {}
    return position, last, run, b"".join(pieces)


def test_a_stretch_is_gone_over_with_its_edits_rules_and_notes() -> None:
    familiar = HeaderCache()
    rules = [RULE]
    # what was noted before the stretch is none of it
    judged_by = {1: b"before"}
    walk = familiar.walk(b"aabbccdd--", rules, judged_by, [])
    walk.skip(0, -1, 0, 0xFFFFFFFF, [])
    # two neighbours were changed, one of them removed
    walk.edits.extend([(2, 4, b"B"), (4, 6, b"")])
    rules.append(RULE)
    judged_by |= {5: b"ORIGINAL", 7: b""}
    walk.stop(8, 7)
    found: list[Rule] = []
    noted: dict[int, bytes] = {}
    pieces: list[bytes | memoryview] = []
    assert familiar.walk(b"aabbccdd??", found, noted, []).skip(0, -1, 0, 0xFFFFFFFF, pieces)[:3] == (8, 7, 6)
    assert (b"".join(pieces), found, noted) == (b"aaB", [RULE], {5: b"ORIGINAL", 7: b""})
    assert walked(familiar, b"aabbccdX??") == (0, -1, 0, b"")
    # a stamp belongs in between
    assert walked(familiar, b"aabbccdd??", limit=6) == (0, -1, 0, b"")


@pytest.mark.parametrize("inside", [{}, {5: b"ORIGINAL"}, {5: b"ORIGINAL", 7: b""}])
def test_a_note_of_the_element_behind_a_stretch_is_none_of_it(inside: dict[int, bytes]) -> None:
    """That element may be another one the next time."""
    familiar = HeaderCache()
    judged_by: dict[int, bytes] = {}
    walk = familiar.walk(b"aabbccdd--", [], judged_by, [])
    walk.skip(0, -1, 0, 0xFFFFFFFF, [])
    judged_by |= inside | {9: b"behind"}
    walk.stop(8, 7)
    noted: dict[int, bytes] = {}
    assert familiar.walk(b"aabbccdd??", [], noted, []).skip(0, -1, 0, 0xFFFFFFFF, [])[:2] == (8, 7)
    assert noted == inside


def test_who_is_named_in_a_stretch_is_known_again() -> None:
    """And who is named in the element behind it is not: that may be another one the next time."""
    familiar = HeaderCache()
    known: list[KnownValue] = []
    walk = familiar.walk(b"aabbccdd--", [], {}, known)
    walk.skip(0, -1, 0, 0xFFFFFFFF, [])
    inside = [KnownValue(3, IdentityKind.NAME, b"Doe"), KnownValue(7, IdentityKind.IDENTIFIER, b"4711", "ISO_IR 192")]
    known += [*inside, KnownValue(9, IdentityKind.NAME, b"Behind"), KnownValue(9, IdentityKind.NAME, b"In an item of it")]
    walk.stop(8, 7)
    found: list[KnownValue] = []
    assert familiar.walk(b"aabbccdd??", [], {}, found).skip(0, -1, 0, 0xFFFFFFFF, [])[:2] == (8, 7)
    assert found == inside


def test_stretches_that_follow_each_other_have_each_its_own_notes() -> None:
    familiar = HeaderCache()
    judged_by: dict[int, bytes] = {}
    walk = familiar.walk(b"aabbccdd--", [], judged_by, [])
    walk.skip(0, -1, 0, 0xFFFFFFFF, [])
    judged_by[3] = b"one"
    walk.skip(4, 3, 0, 0xFFFFFFFF, [])
    judged_by[7] = b"two"
    walk.stop(8, 7)
    for content, expected in ((b"aabbccdd", {3: b"one", 7: b"two"}), (b"aabbccdX", {3: b"one"})):
        noted: dict[int, bytes] = {}
        familiar.walk(content, [], noted, []).skip(0, -1, 0, 0xFFFFFFFF, [])
        assert noted == expected


def test_memory_is_bounded() -> None:
    familiar = HeaderCache()
    for number in range(5000):
        walk = familiar.walk(b"%08d" % number * 100, [], {}, [])
        walk.skip(0, number % 600, 0, 0xFFFFFFFF, [])
        walk.stop(800 if number % 2 else 8, number)
    assert len(familiar.slots) <= 512 and max(len(slot.stretches) for slot in familiar.slots.values()) <= 6
    long = b"x" * 100_000
    walk = familiar.walk(long, [], {}, [])
    walk.skip(0, 9999, 0, 0xFFFFFFFF, [])
    walk.stop(len(long), 10_000)
    assert familiar.slot(9999).stretches == ()


def test_stretches_end_where_instances_differ() -> None:
    """What differs in each instance is walked; what stands before and behind it is soon gone over."""
    tags = sorted(tag for tag, entry in DicomDictionary.items() if tag >> 16 == 0x0018 and entry[0] == "CS")[:60]

    def instance(number: int) -> bytes:
        return part10(ct(*(Element(tag, "CS", f"VALUE {number:04d}" if tag == tags[20] else "THE SAME") for tag in tags)))

    using = engine()
    for number in range(80):
        rewrite(instance(number), using)
    (familiar,) = using._rules.resources.header_caches.values()
    before = {tag: slot.stretches for tag, slot in familiar.slots.items()}
    assert rewrite(instance(99), using) == rewrite(instance(99), engine())
    # nothing was new, and what differs isn't kept any more
    assert {tag: slot.stretches for tag, slot in familiar.slots.items()} == before
    assert before[tags[19]] == ()
    # until it doesn't differ any more
    for _ in range(80):
        rewrite(instance(0), using)
    assert familiar.slots[tags[19]].misses == 0
