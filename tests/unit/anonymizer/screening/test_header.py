"""The screen of one header: values that name somebody go, structure and neighbours stay right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.filereader import read_dataset

from anonymizer import DeidentificationError
from anonymizer.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from anonymizer.identity.known_values import KnownValue
from anonymizer.screening.header import HeaderScreen, ScreenedHeader
from anonymizer.screening.known_identity import KnownIdentity
from profiles import ConfidentialityProfile, IdentityKind, compile_plan
from tests.support.objects import BIG, CT, EXPLICIT, IMPLICIT, Element, encode, header, nested

ENCODINGS = {EXPLICIT: EXPLICIT_LITTLE, IMPLICIT: IMPLICIT_LITTLE, BIG: EXPLICIT_BIG}
VERSION, KERNEL, ICC, SPACING, MEANING = 0x00181020, 0x00181210, 0x00282000, 0x00280030, 0x00080104
ZWICKEL = KnownIdentity([KnownValue(0x00100010, IdentityKind.NAME, b"Zwickel^Ann")], "")
ORIGINAL = "1.2.826.0.1.999.77"


def screened(
    elements: Sequence[Element] | bytes,
    syntax: str = EXPLICIT,
    *,
    options: str = "",
    identity: KnownIdentity = ZWICKEL,
    elsewhere: frozenset[str] = frozenset(),
    charset: str = "",
) -> ScreenedHeader:
    """What the screen makes of a CT's header."""
    content = elements if isinstance(elements, bytes) else encode(elements, syntax)
    root = compile_plan(ConfidentialityProfile.default(options), CT).root
    screen = HeaderScreen(content, identity, elsewhere, frozenset({ORIGINAL.encode()}))
    return screen.screen(root, ENCODINGS[syntax], charset)


def read_back(content: bytes, encoding: Encoding) -> Dataset:
    """Elements as pydicom reads them."""
    return read_dataset(BytesIO(content), is_implicit_VR=not encoding.explicit, is_little_endian=encoding.little)


@pytest.mark.parametrize("syntax", ENCODINGS)
def test_a_header_that_names_nobody_is_as_it_was(syntax: str) -> None:
    inner = [Element(VERSION, "LO", "4.1"), Element(ICC, "OB", b"icc ")]
    elements = [
        Element(0x00081115, "SQ", [inner, []], undefined=True, undefined_items=True),
        Element(0x00082112, "SQ", [inner]),
        Element(0x00089215, "SQ", [inner], as_un=True),
        Element(VERSION, "LO", ""),
        Element(KERNEL, "SH", "B30 "),
    ]
    found = screened(elements, syntax)
    assert found.content == encode(elements, syntax)
    assert (found.gone, found.judged) == ([], [])


@pytest.mark.parametrize("syntax", ENCODINGS)
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("levels", [0, 1, 5])
def test_a_value_goes_at_every_depth_and_lengths_are_right(syntax: str, undefined: bool, levels: int) -> None:
    both = [Element(VERSION, "LO", "by Zwickel"), Element(KERNEL, "SH", "B30 ")]
    for planted in both:
        rest = [Element(0x00080060, "CS", "CT"), nested(levels, planted, undefined=undefined), Element(ICC, "OB", b"icc ")]
        found = screened(rest, syntax)
        dataset = read_back(found.content, ENCODINGS[syntax])
        assert dataset.Modality == "CT" and dataset[ICC].value == b"icc "
        for _ in range(levels):
            (dataset,) = dataset.ReferencedSeriesSequence
        # removed, or emptied where its type asks for that
        assert bool(dataset.get(planted.tag) and dataset[planted.tag].value) is (planted.tag == KERNEL)
    assert b"Zwickel" not in found.content


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
@pytest.mark.parametrize("undefined", [False, True])
def test_and_in_a_sequence_that_is_written_as_un(syntax: str, undefined: bool) -> None:
    items = [[Element(VERSION, "LO", "by Zwickel")], [Element(VERSION, "LO", "4.1 ")]]
    element = Element(0x00081115, "SQ", items, undefined=undefined, undefined_items=undefined, as_un=True)
    found = screened([element, Element(KERNEL, "SH", "B30 ")], syntax)
    # pydicom doesn't read all of these
    for rest in ([], [Element(VERSION, "LO", "")]):
        left = replace(element, value=[rest, items[1]])
        if found.content == encode([left, Element(KERNEL, "SH", "B30 ")], syntax):
            return
    pytest.fail("lengths are wrong, or what names nobody changed")


def test_one_of_many_items_changes_and_the_others_are_as_they_were() -> None:
    items = [[Element(KERNEL, "SH", text)] for text in ("B30 ", "by Zwickel", "B40 ")]
    found = screened([Element(0x00081115, "SQ", items)])
    assert found.content == encode([Element(0x00081115, "SQ", [items[0], [], items[2]])])
    assert [(rule.tag, new.reason) for rule, new in found.gone] == [(KERNEL, "identifier-screened")]


def test_the_last_element_may_lack_its_value() -> None:
    before = [Element(VERSION, "LO", "by Zwickel"), Element(KERNEL, "SH", "B30 ")]
    for last in (header(0x7FE00010, "OW", 4000, EXPLICIT), header(0x54001010, "OW", 4000, EXPLICIT)):
        assert screened(encode(before) + last).content == encode(before[1:]) + last
        assert screened(encode(before[1:]) + last).content == encode(before[1:]) + last


@pytest.mark.parametrize("value", [b"xxZwickel!", "Zwickel".encode("utf-16-le"), b".\0Z\0w\0i\0c\0k\0e\0l."])
def test_a_binary_value_goes_as_a_whole(value: bytes) -> None:
    assert screened([Element(ICC, "OB", value)]).content == b""


def test_a_short_run_in_a_binary_value_is_chance_and_is_remembered_as_judged() -> None:
    head = KnownIdentity([KnownValue(0x00100010, IdentityKind.NAME, b"Head^Ann")], "")
    element = Element(ICC, "OB", b"..Head..")
    found = screened([element], identity=head)
    assert found.content == encode([element]) and found.judged == [encode([element])]


def test_a_term_stays_and_is_remembered_as_judged() -> None:
    head = KnownIdentity([KnownValue(0x00100010, IdentityKind.NAME, b"Head^Ann")], "")
    elements = [Element(0x00180015, "CS", "HEAD"), Element(VERSION, "LO", "Head")]
    found = screened(elements, identity=head)
    assert found.content == encode(elements[:1]) == found.judged[0]


def test_one_value_of_several_names_somebody_and_all_go() -> None:
    assert screened([Element(VERSION, "LO", "4.1\\Zwickel\\4.3")]).content == b""


@pytest.mark.parametrize("text", [ORIGINAL, f"see {ORIGINAL}!", f"4.1\\{ORIGINAL}"])
def test_an_original_uid_in_a_text_goes(text: str) -> None:
    assert screened([Element(VERSION, "LO", text)]).content == b""


def test_words_of_other_objects_count_but_ordinary_ones() -> None:
    elements = [Element(VERSION, "LO", "by Gruber"), Element(KERNEL, "SH", "Head")]
    found = screened(elements, elsewhere=frozenset({"gruber", "head"}), identity=KnownIdentity([], ""))
    assert found.content == encode(elements[1:])


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192", "GB18030"])
def test_a_character_set_counts_from_where_it_stands(charset: str) -> None:
    codec = {"ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8", "GB18030": "gb18030"}[charset]
    name = "Zwettél" if charset != "GB18030" else "王小东"
    identity = KnownIdentity([KnownValue(0x00100010, IdentityKind.NAME, name.encode(codec), charset)], charset)
    text = Element(VERSION, "LO", b"by " + name.encode(codec))
    named = Element(0x00080005, "CS", charset)
    assert screened([text], identity=identity, charset=charset).content == b""
    assert screened([named, text], identity=identity).content == encode([named])
    # an item has its own, and what follows the item doesn't
    inside = Element(0x00081115, "SQ", [[named, text]])
    assert name.encode(codec) not in screened([inside], identity=identity).content


# -- private blocks ----------------------------------------------------------------------------------------------------------

CREATOR, SAFE = Element(0x00190010, "LO", "GEMS_ACQU_01"), 0x0019109E


def test_a_creator_goes_with_the_last_element_of_its_block() -> None:
    other = Element(0x001910BB, "DS", "1.5 ")
    gone = Element(SAFE, "LO", "by Zwickel")
    assert screened([CREATOR, gone], options="RetainSafePrivate").content == b""
    assert screened([CREATOR, gone, other], options="RetainSafePrivate").content == encode([CREATOR, other])


def test_a_block_goes_whose_creator_names_somebody() -> None:
    mine = Element(0x00190010, "LO", "ZWICKEL 1")
    elements = [mine, Element(SAFE, "LO", "4.1 "), Element(0x00210010, "LO", "GEMS_ACQU_01"), Element(0x0021109E, "LO", "4.2 ")]
    assert screened(elements, options="RetainSafePrivate").content == encode(elements[2:])


# -- what can't go -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "element",
    [
        Element(SPACING, "DS", "1\\471134"),
        Element(0x00280004, "CS", "ZWICKEL"),
        Element(0x00280010, "US", b"Zwickel."),
        Element(0x00080060, "CS", "ZWICKEL"),
    ],
)
def test_what_is_required_and_has_no_harmless_dummy_is_refused(element: Element) -> None:
    identity = KnownIdentity(
        [KnownValue(0, IdentityKind.NAME, b"Zwickel^Ann"), KnownValue(0, IdentityKind.IDENTIFIER, b"471134")], ""
    )
    with pytest.raises(DeidentificationError, match="identifier-left at") as caught:
        screened([element], identity=identity)
    assert "Zwickel" not in repr(caught.value)
