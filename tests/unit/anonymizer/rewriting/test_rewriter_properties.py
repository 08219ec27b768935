"""Random objects: no planted token comes through, the rest is what the standard says, a second run changes nothing."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from anonymizer import DeidentificationError, Key
from anonymizer.internals import KeyedUids
from tests.support.objects import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT, SYNTAXES, Element, ct, data_set_of, part10, read, tags
from tests.support.running import SECRET, budget, engine, outcome, rewrite
from tests.support.tokens import Tokens

UIDS = KeyedUids(Key(SECRET))
BASIC, IDEMPOTENT = engine(), engine("RetainUIDs", patient_id="CASE", patient_name="Case")
#: also lets pass what is at risk: of most real files the refusal would be all that is seen
KEEPING = engine(pixels="keep")

#: tag -> (VR, what becomes of it in a CT image at any depth); from PS3.15 Table E.1-1 and PS3.6
LEAVES = {
    0x00080000: ("UL", "group length"),
    0x00080008: ("CS", "keep"),
    0x00080014: ("UI", "uid"),
    0x00080020: ("DA", "empty"),
    0x00080050: ("SH", "empty"),
    0x00080081: ("ST", "remove"),
    0x00080090: ("PN", "empty"),
    0x00081030: ("LO", "remove"),
    0x00081155: ("UI", "uid"),
    0x00081999: ("LO", "remove"),
    0x00090010: ("LO", "remove"),
    0x00091001: ("UN", "remove"),
    0x00091010: ("OB", "remove"),
    0x00100010: ("PN", "empty"),
    0x00100030: ("DA", "empty"),
    0x00102160: ("SH", "remove"),
    0x00104000: ("LT", "remove"),
    0x00120010: ("LO", "dummy"),
    0x00120040: ("LO", "dummy"),
    0x00180015: ("CS", "keep"),
    0x00180050: ("DS", "keep"),
    0x00181020: ("LO", "keep"),
    0x00181030: ("LO", "remove"),
    0x00200052: ("UI", "uid"),
    0x00204000: ("LT", "remove"),
    0x00280010: ("US", "keep"),
    0x00281050: ("DS", "keep"),
    0x00281201: ("OW", "keep"),
    0x00291010: ("LO", "remove"),
    0x00321060: ("LO", "remove"),
    0x00400254: ("LO", "remove"),
    0x60003000: ("OW", "remove"),
}
SEQUENCES = {
    0x00081115: "items",
    0x00081199: "items",
    0x00081250: "items",
    0x00082218: "items",
    0x00091002: "remove",
    0x00400275: "remove",
    0x04000561: "remove",
}
STAMPS = {0x00120062, 0x00120063, 0x00120064, 0x00280303}

KEPT_VALUES = {
    "CS": st.sampled_from([b"", b"ORIGINAL", b"ORIGINAL\\PRIMARY ", b" ODD\0"]),
    # without control characters, which would be taken for damage, and with what the standard allows of them
    "LO": st.binary(max_size=12).map(lambda text: bytes(byte for byte in text if byte >= 0x20 or byte in b"\t\n\f\r\x1b")),
    "DS": st.sampled_from([b"", b"1.5", b"+0040.0 ", b"1e-5\\.5"]),
    "OW": st.binary(max_size=40),
    "US": st.integers(0, 65535),
}


@st.composite
def data_sets(draw: st.DrawFn, tokens: Tokens, depth: int = 0) -> list[Element]:
    """Elements in order, tokens in all that must not come through."""
    elements = []
    for tag in draw(st.lists(st.sampled_from(sorted(LEAVES)), max_size=8, unique=True)):
        vr, fate = LEAVES[tag]
        elements.append(
            Element(tag, vr, draw(KEPT_VALUES[vr]) if fate == "keep" else planted(tokens, vr, draw(st.integers(0, 9))))
        )
    if depth < 4:
        for tag in draw(st.lists(st.sampled_from(sorted(SEQUENCES)), max_size=3 - depth // 2, unique=True)):
            items = draw(st.lists(data_sets(tokens, depth + 1), max_size=3))
            undefined, undefined_items, as_un = (
                draw(st.booleans()),
                draw(st.booleans()),
                draw(st.sampled_from([False, False, True])),
            )
            elements.append(Element(tag, "SQ", items, undefined, undefined_items, as_un))
    return sorted(elements, key=lambda element: element.tag)


def planted(tokens: Tokens, vr: str, kind: int) -> Any:
    """A value with a token in it; now and then an empty one."""
    if vr == "UL":
        return 4
    if kind == 0:
        return b""
    if vr == "UI":
        return "\\".join(tokens.uid() for _ in range(1 + (kind == 1)))
    if vr == "DA":
        return tokens.date()
    return tokens.text() * (40 if kind == 1 and vr in ("LT", "UN", "OB", "OW") else 1)


@st.composite
def objects(draw: st.DrawFn) -> tuple[list[Element], str, Tokens]:
    """A CT image with random contents, an encoding for it, the tokens planted in it."""
    tokens = Tokens()
    syntax = draw(st.sampled_from(list(SYNTAXES.values())))
    identity = [Element(tag, "UI", tokens.uid()) for tag in (0x00080018, 0x0020000D, 0x0020000E)]
    identity += [Element(0x00100010, "PN", tokens.text()), Element(0x00100020, "LO", tokens.text())]
    elements = ct(*draw(data_sets(tokens)), *identity)
    if syntax == BIG:
        # UN holds little endian whatever is around it, which pydicom doesn't read
        elements = without_un(elements)
    return elements, syntax, tokens


def without_un(elements: list[Element]) -> list[Element]:
    """``elements``, none of them disguised."""
    return [
        replace(element, as_un=False, value=[without_un(item) for item in element.value])
        if isinstance(element.value, list)
        else element
        for element in elements
    ]


# -- the oracle -----------------------------------------------------------------------------------------------------------


def check(found: Dataset, elements: list[Element], tokens: Tokens, depth: int = 0) -> None:
    """``found`` is what has to become of ``elements``."""
    expected = [element for element in elements if fate_of(element) not in ("remove", "group length")]
    assert [tag for tag in tags(found) if depth or tag not in STAMPS] == [element.tag for element in expected]
    for element in expected:
        fate = fate_of(element)
        raw = found.get_item(element.tag)
        if fate == "items":
            assert found[element.tag].VR == "SQ" and len(found[element.tag].value) == len(element.value)
            for item, inner in zip(found[element.tag].value, element.value, strict=True):
                check(item, inner, tokens, depth + 1)
        elif fate == "empty":
            assert not raw.value
        elif fate == "uid":
            originals = element.value.split("\\") if element.value else []
            assert (raw.value or b"").rstrip(b"\0") == b"\\".join(UIDS.new_uid(uid.encode(), 0) for uid in originals)
        elif fate == "dummy":
            assert raw.value and not tokens.found_in(raw.value)
        elif element.vr == "US":
            assert found[element.tag].value == element.value
        else:
            value = element.value.encode() if isinstance(element.value, str) else element.value
            padding = b"\0" if element.vr in ("UI", "OB") else b" "
            assert (raw.value or b"") == value + padding * (len(value) % 2)


def fate_of(element: Element) -> str:
    """What becomes of ``element``."""
    if element.tag in SEQUENCES:
        return SEQUENCES[element.tag]
    fixed = {0x00080016: "keep", 0x00080018: "uid", 0x00080060: "keep", 0x00100020: "dummy", 0x0020000D: "uid", 0x0020000E: "uid"}
    fixed |= {0x00200037: "keep", 0x00280011: "keep", 0x7FE00010: "keep"}
    return fixed.get(element.tag) or LEAVES[element.tag][1]


# -- properties -----------------------------------------------------------------------------------------------------------


@given(objects())
@budget(120)
def test_no_planted_token_comes_through_and_the_rest_is_what_the_table_says(drawn: tuple[list[Element], str, Tokens]) -> None:
    elements, syntax, tokens = drawn
    output = rewrite(part10(elements, syntax), BASIC)
    assert tokens.found_in(output) == [] and tokens.found_in(data_set_of(output)) == []
    check(read(output), elements, tokens)


@given(objects())
@budget(40)
def test_a_second_run_changes_nothing(drawn: tuple[list[Element], str, Tokens]) -> None:
    elements, syntax, _ = drawn
    once = rewrite(part10(elements, syntax), IDEMPOTENT)
    assert rewrite(once, IDEMPOTENT) == once
    first = rewrite(part10(elements, syntax), BASIC)
    second = rewrite(first, BASIC)
    assert [element.tag for element in read(second).iterall()] == [element.tag for element in read(first).iterall()]


@given(objects(), st.integers(450, 2000), st.integers(16, 300))
@budget(60)
def test_reading_in_small_pieces_changes_nothing(drawn: tuple[list[Element], str, Tokens], head: int, chunk: int) -> None:
    elements, syntax, _ = drawn
    blob = part10(elements, syntax)
    expected = outcome(blob, BASIC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anonymizer.rewriting.object_rewriter._HEAD", head)
        patch.setattr("anonymizer.rewriting.object_rewriter._LONG_HEAD", head)
        patch.setattr("anonymizer.dicom.object_reader._CHUNK", chunk)
        assert outcome(blob, BASIC) == expected


@given(objects(), st.sampled_from([IMPLICIT, EXPLICIT, BIG, DEFLATED]))
@budget(30)
def test_the_encoding_makes_no_difference(drawn: tuple[list[Element], str, Tokens], other: str) -> None:
    elements = without_un(drawn[0])
    one, two = (read(rewrite(part10(elements, syntax), BASIC)) for syntax in (drawn[1], other))
    differing = [element.tag for element in one if element.VR not in ("OW", "OB") and element != two[element.tag]]
    assert differing == [] and list(one.keys()) == list(two.keys())


# -- damage ---------------------------------------------------------------------------------------------------------------

SMALL_FILES = [
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "ExplVR_LitEndNoMeta.dcm",
    "JPEG2000.dcm",
    "MR_small_implicit.dcm",
    "SC_rgb_rle_2frame.dcm",
    "image_dfl.dcm",
    "reportsi.dcm",
    "rtplan.dcm",
    "rtstruct.dcm",
    "nested_priv_SQ.dcm",
]
ORIGINALS = {name: Path(str(get_testdata_file(name))).read_bytes() for name in SMALL_FILES}
ORIGINALS["synthetic"] = part10(
    ct(
        Element(0x00080005, "CS", "ISO_IR 192"),
        Element(
            0x00081115, "SQ", [[Element(0x00081155, "UI", "1.2.3"), Element(0x00100020, "LO", "é".encode())]], True, True, True
        ),
        Element(0x00120064, "SQ", [[Element(0x00080100, "SH", "113100"), Element(0x00080102, "SH", "DCM")]]),
        Element(0x00091002, "SQ", [[Element(0x00091003, "LO", "x")]], True),
        sop_class=CT,
    )
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A small real file with a few changes anywhere."""
    content = bytearray(ORIGINALS[draw(st.sampled_from(sorted(ORIGINALS)))])
    for _ in range(draw(st.integers(1, 6))):
        # most of it in the header, where structure is
        position = draw(st.integers(0, min(len(content), draw(st.sampled_from([400, 1500, 20_000]))) - 1))
        new = draw(
            st.one_of(
                st.binary(min_size=1, max_size=4), st.sampled_from([b"\xff\xff\xff\xff", b"\xfe\xff", b"SQ", b"UN", b"\0\0\0\0"])
            )
        )
        match draw(st.sampled_from(["set", "set", "set", "insert", "delete", "cut"])):
            case "set":
                content[position : position + len(new)] = new
            case "insert":
                content[position:position] = new
            case "delete":
                del content[position : position + len(new)]
            case _:
                del content[max(position, 200) :]
        if not content:
            break
    return bytes(content)


@given(damaged())
@budget(1000)
def test_damage_ends_in_a_reason_code_or_in_a_sound_object(blob: bytes) -> None:
    """Nothing but DeidentificationError may come out; what comes out whole can be read again, by pydicom if it could before."""
    try:
        output = rewrite(blob, KEEPING)
    except DeidentificationError:
        return
    if readable(blob):
        assert readable(output)
    assert isinstance(rewrite(output, KEEPING), bytes)


def readable(blob: bytes) -> bool:
    """Whether pydicom can read ``blob``: a damaged character set alone can keep it from that."""
    try:
        return len(dcmread(BytesIO(blob), force=True)) > 0
    except Exception:
        return False


@given(st.binary(max_size=300), st.booleans())
@budget(300)
def test_noise_is_never_anything_but_refused_or_whole(noise: bytes, dressed: bool) -> None:
    outcome(bytes(128) + b"DICM" + noise if dressed else noise, BASIC)
