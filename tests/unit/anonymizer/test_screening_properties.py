"""Of any object: who is named in it is named nowhere in its output, or there is none; and what names nobody is as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from anonymizer import Note
from anonymizer.dicom.buffer import Buffer
from anonymizer.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from tests.support.objects import BIG, IMPLICIT, SYNTAXES, Element, ct, data_set_of, part10, read
from tests.support.running import budget
from tests.support.screening import (
    BIRTH,
    CHARSET,
    ICC,
    KERNEL,
    NAME,
    NUMBER,
    OPERATOR,
    PATIENT_ID,
    SCAN_OPTIONS,
    THICKNESS,
    VERSION,
    outcome_of,
    screening,
)

STAMPS = frozenset({0x00120062, 0x00120064})
#: values that stay, by tag: VR and values that name nobody
KEPT: dict[int, tuple[str, list[str | bytes]]] = {
    VERSION: ("LO", ["", "4.1", "4.1\\4.2", "VX 12"]),
    KERNEL: ("SH", ["B30", "STANDARD"]),
    SCAN_OPTIONS: ("CS", ["HELIX", "A\\B"]),
    THICKNESS: ("DS", ["1.5", "1\\2\\3"]),
    NUMBER: ("IS", ["7", ""]),
    ICC: ("OB", ["icc.", "\1\2\3\4"]),
    0x00283003: ("LO", ["LUT"]),
    0x00189219: ("SS", [b"\1\0", b"\0\1"]),
    0x0019109E: ("LO", ["FAST"]),
    0x001910BB: ("DS", ["1.5"]),
}
#: values that go: nobody minds what stands in them
GONE: dict[int, tuple[str, list[str | bytes]]] = {
    0x00081030: ("LO", ["a study"]),
    0x00104000: ("LT", ["a comment"]),
    0x00200020: ("CS", ["L\\P"]),
    0x00091001: ("UN", [b"\0\1"]),
}
SEQUENCES = [0x00081115, 0x00081140, 0x00082218, 0x00400275, 0x00089215]
ENGINES = {options: screening(options) for options in ("", "RetainSafePrivate")}
UNSCREENED = {options: screening(options, screen=False) for options in ENGINES}

#: syllables of no language, none of which is in any list of words
NAMES = st.lists(st.sampled_from(["zwi", "ckel", "bau", "xer", "quo", "vrij", "hof"]), min_size=3, max_size=4).map("".join)
SIGNS = ["", " ", "^", "_", "-", ".", " by ", "\\", ": ", "(", "2 "]


@st.composite
def leaves(draw: st.DrawFn) -> list[Element]:
    """Elements of one data set, none of them a sequence."""
    found = {}
    for tag in draw(st.lists(st.sampled_from([*KEPT, *GONE]), unique=True, max_size=5)):
        vr, values = (KEPT | GONE)[tag]
        found[tag] = Element(tag, vr, draw(st.sampled_from(values)))
        if tag >> 16 == 0x0019:
            found[0x00190010] = Element(0x00190010, "LO", "GEMS_ACQU_01")
    return list(found.values())


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 2) -> list[Element]:
    """Elements of a data set in order, with sequences in it."""
    found = {element.tag: element for element in draw(leaves())}
    if depth:
        for tag in draw(st.lists(st.sampled_from(SEQUENCES), unique=True, max_size=2)):
            items = draw(st.lists(data_sets(depth - 1), max_size=2))
            undefined = draw(st.booleans())
            found[tag] = Element(tag, "SQ", items, undefined=undefined, undefined_items=draw(st.booleans()))
    return [found[tag] for tag in sorted(found)]


@st.composite
def planted(draw: st.DrawFn, elements: list[Element], name: str) -> list[Element]:
    """``elements`` with the name in one more value that would stay, or in one in an item of theirs."""
    inside = [index for index, element in enumerate(elements) if isinstance(element.value, list) and element.value]
    goes_in: bool = draw(st.booleans())
    if inside and goes_in:
        index = draw(st.sampled_from(inside))
        holder = elements[index]
        number = draw(st.integers(0, len(holder.value) - 1))
        items = [*holder.value]
        items[number] = draw(planted(items[number], name))
        changed = Element(holder.tag, "SQ", items, undefined=holder.undefined, undefined_items=holder.undefined_items)
        return [*elements[:index], changed, *elements[index + 1 :]]
    tag = draw(st.sampled_from([VERSION, KERNEL, SCAN_OPTIONS, THICKNESS, NUMBER, ICC, 0x00283003, 0x0019109E]))
    case = draw(st.sampled_from([str.lower, str.upper, str.title]))
    text = draw(st.sampled_from(SIGNS)) + case(name) + draw(st.sampled_from(SIGNS))
    found = {element.tag: element for element in elements} | {tag: Element(tag, KEPT[tag][0], text)}
    if tag == 0x0019109E:
        found[0x00190010] = Element(0x00190010, "LO", "GEMS_ACQU_01")
    return [found[tag] for tag in sorted(found)]


def with_identity(elements: list[Element], *identity: Element) -> list[Element]:
    """A CT image with ``elements`` and what identifies somebody."""
    return ct(*elements, *identity, Element(CHARSET, "CS", "ISO_IR 100"))


@st.composite
def identities(draw: st.DrawFn, name: str) -> Element:
    """An element that says the name: of the patient, of others, in sequences that stay or go, in private ones."""
    given_name = draw(st.sampled_from(["", "^Ann", "^Bo", "-Gruber^Eva"]))
    value = f"{name}{given_name}"
    tag = draw(st.sampled_from([NAME, OPERATOR, 0x00080090, 0x00102297, 0x00101001]))
    named = Element(tag, "PN", value)
    kind = draw(st.sampled_from(["plain", "goes", "stays", "private"]))
    undefined = draw(st.booleans())
    match kind:
        case "goes":
            return Element(0x0040A730, "SQ", [[named]], undefined=undefined, undefined_items=undefined)
        case "stays":
            return Element(0x00082112, "SQ", [[], [named]], undefined=undefined, undefined_items=undefined)
        case "private":
            # a sequence of undefined length shows in every encoding, but not where safe private values may stay
            return Element(0x00111001, "SQ", [[named]], undefined=True)
    return named


SYNTAX = st.sampled_from([*SYNTAXES.values()])
OPTIONS = st.sampled_from([*ENGINES])


def names(content: bytes, name: str) -> bool:
    """Whether the name stands in ``content`` as a word."""
    return re.search(rb"(?<![a-z])" + name.encode() + rb"(?![a-z])", content.lower()) is not None


@given(data=st.data(), syntax=SYNTAX, options=OPTIONS, name=NAMES)
@budget(120)
def test_a_name_is_nowhere_in_the_output(data: st.DataObject, syntax: str, options: str, name: str) -> None:
    identity = data.draw(identities(name))
    if identity.tag == 0x00111001 and options:
        options = ""
    elements = data.draw(planted(data.draw(data_sets()), name))
    blob = part10(with_identity(elements, identity), syntax)
    found = outcome_of(blob, ENGINES[options])
    if isinstance(found, str):
        assert found.startswith("identifier-left")
        return
    output, report = found
    assert not names(data_set_of(output), name)
    # all of it can be read, to its end
    dataset = read(output)
    assert [element.value for element in dataset.iterall()]
    assert dataset.PixelData == b"\1\2\3\4\5\6\7\x08"
    assert name not in repr(report).lower()
    # whatever the engine had seen before
    assert found == outcome_of(blob, screening(options))


ENCODINGS = {IMPLICIT: IMPLICIT_LITTLE, BIG: EXPLICIT_BIG}


def top_level(output: bytes, syntax: str) -> Iterator[bytes]:
    """The elements of an output, but for those that say how it was made."""
    content = data_set_of(output)
    buffer, encoding, position = Buffer(content, complete=True), ENCODINGS.get(syntax, EXPLICIT_LITTLE), 0
    # a deflated data set has an even length
    while position + 8 <= len(content):
        tag, vr, start, length = buffer.element(position, encoding)
        end = buffer.value_end(vr, start, length, encoding, tag)
        if tag not in STAMPS:
            yield content[position:end]
        position = end


@given(data=st.data(), syntax=SYNTAX, options=OPTIONS, name=NAMES)
@budget(80)
def test_an_object_that_names_nobody_is_as_it_was(data: st.DataObject, syntax: str, options: str, name: str) -> None:
    identity = [
        data.draw(identities(name)),
        Element(PATIENT_ID, "LO", "MRN-471134"),
        Element(BIRTH, "DA", "19700312"),
    ]
    blob = part10(with_identity(data.draw(data_sets()), *identity), syntax)
    screened, unscreened = outcome_of(blob, ENGINES[options]), outcome_of(blob, UNSCREENED[options])
    assert not isinstance(screened, str) and not isinstance(unscreened, str)
    assert list(top_level(screened[0], syntax)) == list(top_level(unscreened[0], syntax))
    assert screened[1].actions == unscreened[1].actions
    assert {*screened[1].notes, Note.IDENTITY_NOT_REMOVED} == {*unscreened[1].notes}


@given(data=st.data(), syntax=SYNTAX, name=NAMES)
@budget(50)
def test_what_goes_is_what_names_somebody_and_nothing_else(data: st.DataObject, syntax: str, name: str) -> None:
    elements = data.draw(data_sets())
    blob = part10(with_identity([*elements, Element(0x00287020, "LO", f"by {name}")], Element(NAME, "PN", name)), syntax)
    screened, unscreened = outcome_of(blob, ENGINES[""]), outcome_of(blob, UNSCREENED[""])
    assert not isinstance(screened, str) and not isinstance(unscreened, str)
    gone = [element for element in top_level(unscreened[0], syntax) if f"by {name}".encode() in element]
    assert len(gone) == 1
    assert list(top_level(screened[0], syntax)) == [
        element for element in top_level(unscreened[0], syntax) if element not in gone
    ]
