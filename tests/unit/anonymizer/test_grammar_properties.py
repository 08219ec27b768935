"""Random objects with all that PS3.5 allows around and between elements: fragments, padding, odd lengths, private sequences."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.support.objects import (
    BIG,
    DEFLATED,
    EXPLICIT,
    JPEG,
    UNDEFINED,
    Element,
    data_set_of,
    delimiter,
    encode,
    header,
    part10,
    read,
)
from tests.support.running import budget, rewrite
from tests.support.tokens import Tokens
from tests.unit.anonymizer.rewriting.test_rewriter_properties import BASIC, check, data_sets, objects
from tests.unit.anonymizer.test_engine_streaming import Trickle

_PIXELS = 0x7FE00010
#: kept attributes that the other grammar doesn't have
_ODD = {0x00180022: "CS", 0x00281052: "DS", 0x00281203: "OW"}


class Whole(NamedTuple):
    """A file.

    Attributes:
        elements: what can be judged of it.
        kept: elements and pixels that stand in the output as they are.
    """

    content: bytes
    syntax: str
    elements: list[Element]
    kept: dict[int, bytes]
    tokens: Tokens


@st.composite
def private_blocks(draw: st.DrawFn, tokens: Tokens) -> dict[int, Element]:
    """Blocks of several creators in one group, sequences with blocks of their own among them."""
    found = {}
    for block in draw(st.lists(st.integers(0x10, 0xFF), max_size=3, unique=True)):
        undefined, items, as_un = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
        inside = [Element(0x00270010, "LO", tokens.text()), Element(0x00271001, "PN", tokens.text())]
        # the last one is nobody's: its block may have no creator
        for element in (
            Element(0x00250000 | block, "LO", tokens.text()),
            Element(0x00250000 | block << 8 | 1, "SQ", [draw(data_sets(tokens, 3)), inside], undefined, items, as_un),
            Element(0x00250000 | block << 8 | 2, "UN", tokens.text() * draw(st.integers(1, 400))),
            Element(0x00250000 | (block ^ 0x08) << 8 | 3, "LT", tokens.text()),
        ):
            found[element.tag] = element
    return found


@st.composite
def fragments(draw: st.DrawFn) -> bytes:
    """Encapsulated pixel data: empty, odd and long fragments, some of which look like delimiters."""
    parts = draw(st.lists(st.one_of(st.binary(max_size=40), st.just(delimiter(0xE0DD)), st.just(b"F" * 70_000)), max_size=4))
    items = b"".join(delimiter(0xE000, length=len(part)) + part for part in parts)
    return header(_PIXELS, "OB", UNDEFINED, EXPLICIT) + items + delimiter(0xE0DD)


@st.composite
def wholes(draw: st.DrawFn) -> Whole:
    """A file by the whole grammar."""
    elements, syntax, tokens = draw(objects())
    encapsulated = syntax != BIG and draw(st.booleans())
    syntax = JPEG if encapsulated else syntax
    kept = {}
    for tag, vr in _ODD.items():
        value = b"1" * draw(st.integers(0, 7)) if vr != "OW" else draw(st.binary(max_size=9))
        kept[tag] = header(tag, vr, len(value), syntax) + value
    if encapsulated:
        kept[_PIXELS] = draw(fragments())
        elements = [element for element in elements if element.tag != _PIXELS]
    groups = draw(st.sets(st.sampled_from([0x10, 0x20, 0x25, 0x28]), max_size=3))
    others = [*draw(private_blocks(tokens)).values(), *(Element(group << 16, "UL", 4) for group in groups)]
    if draw(st.booleans()):
        others.append(Element(0xFFFAFFFA, "SQ", [[Element(0x04000120, "OB", tokens.text())]], draw(st.booleans())))
    if draw(st.booleans()):
        others.append(Element(0xFFFCFFFC, "OB", tokens.text()))
    encoded = {element.tag: encode([element], syntax) for element in (*elements, *others)} | kept
    tail = draw(st.sampled_from([b"", b"\0", bytes(70), b"\xff" * 9, tokens.text().encode(), tokens.text().encode() * 9]))
    content = b"".join(encoded[tag] for tag in sorted(encoded)) + tail
    return Whole(part10(content, syntax, preamble=tokens.text().encode().ljust(128, b"\0")), syntax, elements, kept, tokens)


@given(wholes())
@budget(80)
def test_tokens_go_and_what_is_kept_is_the_same_bytes(whole: Whole) -> None:
    output = rewrite(whole.content, BASIC)
    assert whole.tokens.found_in(output) == [] and whole.tokens.found_in(data_set_of(output)) == []
    content = data_set_of(output) if whole.syntax == DEFLATED else output
    for tag, element in whole.kept.items():
        assert element in content, f"{tag:08x}"
    new = read(output)
    for tag in whole.kept:
        del new[tag]
    check(new, whole.elements, whole.tokens)


@given(wholes(), st.integers(1, 5000))
@budget(30)
def test_the_sizes_of_reads_make_no_difference(whole: Whole, step: int) -> None:
    assert b"".join(BASIC.deidentify(Trickle(whole.content, step)).chunks()) == rewrite(whole.content, BASIC)
