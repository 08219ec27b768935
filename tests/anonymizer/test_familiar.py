"""Headers that were walked before: what is gone over in an object is what a walk would have made of it, to the byte."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.data import get_testdata_file

from anonymizer import DeidentificationError, Engine, Report
from anonymizer.familiar import FamiliarStretches
from profiles import Operation, Rule
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


def walked(familiar: FamiliarStretches, buffer: bytes, limit: int = 0xFFFFFFFF) -> tuple[int, int, int, bytes]:
    pieces: list[bytes | memoryview] = []
    position, last, run, _ = familiar.walk(buffer, []).skip(0, -1, 0, limit, pieces)
    return position, last, run, b"".join(pieces)


def test_a_stretch_is_gone_over_with_its_edits_and_rules() -> None:
    familiar = FamiliarStretches()
    rules = [RULE]
    walk = familiar.walk(b"aabbccdd--", rules)
    walk.skip(0, -1, 0, 0xFFFFFFFF, [])
    # two neighbours were changed, one of them removed
    walk.edits.extend([(2, 4, b"B"), (4, 6, b"")])
    rules.append(RULE)
    walk.stop(8, 7)
    found: list[Rule] = []
    pieces: list[bytes | memoryview] = []
    assert familiar.walk(b"aabbccdd??", found).skip(0, -1, 0, 0xFFFFFFFF, pieces)[:3] == (8, 7, 6)
    assert (b"".join(pieces), found) == (b"aaB", [RULE])
    assert walked(familiar, b"aabbccdX??") == (0, -1, 0, b"")
    # a stamp belongs in between
    assert walked(familiar, b"aabbccdd??", limit=6) == (0, -1, 0, b"")


def test_memory_is_bounded() -> None:
    familiar = FamiliarStretches()
    for number in range(5000):
        walk = familiar.walk(b"%08d" % number * 100, [])
        walk.skip(0, number % 600, 0, 0xFFFFFFFF, [])
        walk.stop(800 if number % 2 else 8, number)
    assert len(familiar.places) <= 512 and max(len(place.stretches) for place in familiar.places.values()) <= 6
    long = b"x" * 100_000
    walk = familiar.walk(long, [])
    walk.skip(0, 9999, 0, 0xFFFFFFFF, [])
    walk.stop(len(long), 10_000)
    assert familiar.place(9999).stretches == ()


def test_stretches_end_where_instances_differ() -> None:
    """What differs in each instance is walked; what stands before and behind it is soon gone over."""
    tags = sorted(tag for tag, entry in DicomDictionary.items() if tag >> 16 == 0x0018 and entry[0] == "CS")[:60]

    def instance(number: int) -> bytes:
        return part10(ct(*(Element(tag, "CS", f"VALUE {number:04d}" if tag == tags[20] else "THE SAME") for tag in tags)))

    using = engine()
    for number in range(80):
        rewrite(instance(number), using)
    (familiar,) = using._shared.familiar.values()
    before = {tag: place.stretches for tag, place in familiar.places.items()}
    assert rewrite(instance(99), using) == rewrite(instance(99), engine())
    # nothing was new, and what differs isn't kept any more
    assert {tag: place.stretches for tag, place in familiar.places.items()} == before
    assert before[tags[19]] == ()
    # until it doesn't differ any more
    for _ in range(80):
        rewrite(instance(0), using)
    assert familiar.places[tags[19]].misses == 0
