"""The look ahead that decides the plan: the class of the data set, and whether it has references."""

from __future__ import annotations

from io import BytesIO

import pytest

from anonymizer.dicom.buffer import Buffer, NeedMoreError
from anonymizer.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from anonymizer.identity.lookahead import ObjectClass, find_class
from anonymizer.internals import KeyedUids
from tests.support.objects import BIG, CT, EXPLICIT, IMPLICIT, Element, ct, encode, part10, read
from tests.support.running import engine, reason, rewrite

MR = "1.2.840.10008.5.1.4.1.1.4"
ENCODINGS = [(EXPLICIT, EXPLICIT_LITTLE), (IMPLICIT, IMPLICIT_LITTLE), (BIG, EXPLICIT_BIG)]
UID = "1.2.3.4.5.6"
REFERENCES = Element(0x00081115, "SQ", [[Element(0x0020000E, "UI", UID)]])
#: it goes from objects of the class that have no list of references
IMAGES = Element(0x00081140, "SQ", [[Element(0x00081155, "UI", UID)]])
#: bytes of PatientName's tag, in either byte order
LIKE_A_NAME = b"ab\x10\0\x10\0\x10\0cd"


def found(*elements: Element, syntax: str = EXPLICIT, encoding: Encoding = EXPLICIT_LITTLE, by_meta: str = CT) -> ObjectClass:
    return find_class(Buffer(encode(list(elements), syntax), complete=True), 0, encoding, by_meta)


@pytest.mark.parametrize(("syntax", "encoding"), ENCODINGS)
@pytest.mark.parametrize("by_meta", [CT, MR, "", "1" * 70_000, CT + "0"])
def test_the_class_is_that_of_the_data_set(syntax: str, encoding: Encoding, by_meta: str) -> None:
    assert found(*ct(), syntax=syntax, encoding=encoding, by_meta=by_meta) == (CT.encode(), False)
    assert found(*ct(without=[0x00080016]), syntax=syntax, encoding=encoding, by_meta=by_meta) == (None, False)
    assert found(*ct(sop_class=""), syntax=syntax, encoding=encoding, by_meta=by_meta) == (b"", False)


@pytest.mark.parametrize(("syntax", "encoding"), ENCODINGS)
@pytest.mark.parametrize("without", [[], [0x00100010], [0x00080016]])
def test_references_are_found(syntax: str, encoding: Encoding, without: list[int]) -> None:
    assert found(*ct(REFERENCES, without=without), syntax=syntax, encoding=encoding).has_references
    nested = Element(0x00081110, "SQ", [[REFERENCES]])
    assert not found(*ct(nested, without=without), syntax=syntax, encoding=encoding).has_references


def test_more_bytes_are_asked_for() -> None:
    content = encode(ct())
    with pytest.raises(NeedMoreError):
        find_class(Buffer(content[:12], complete=False), 0, EXPLICIT_LITTLE, CT)
    assert find_class(Buffer(content[:12], complete=True), 0, EXPLICIT_LITTLE, CT) == (None, False)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_references_count_whatever_stands_before_them(syntax: str) -> None:
    """The look ahead may miss them; the walk doesn't."""
    hidden, plain = (
        part10(ct(Element(0x00080080, "LO", value), REFERENCES, IMAGES), syntax) for value in (LIKE_A_NAME, b"x" * 10)
    )
    new = read(rewrite(plain))
    assert new.ReferencedImageSequence[0].ReferencedSOPInstanceUID not in ("", UID)
    assert rewrite(hidden) == rewrite(plain)
    assert "ReferencedImageSequence" not in read(rewrite(part10(ct(IMAGES), syntax)))
    using = engine()
    seen = [using.scan(BytesIO(blob), uids=using.uids) for blob in (hidden, plain)]
    assert seen[0].uids == seen[1].uids


def test_references_of_a_bare_data_set_count_as_well() -> None:
    using = engine()
    hidden, plain = (encode(ct(Element(0x00080080, "LO", value), REFERENCES, IMAGES)) for value in (LIKE_A_NAME, b"x" * 10))
    new = using.rewrite_data_set(plain, EXPLICIT_LITTLE, CT)[0]
    assert KeyedUids.new_uid(using.uids, UID.encode(), 0x00081155) in new
    assert using.rewrite_data_set(hidden, EXPLICIT_LITTLE, CT)[0] == new


def test_an_object_that_only_looks_like_its_metas_class_is_refused() -> None:
    like = encode([Element(0x00080016, "UI", CT)])
    blob = part10(ct(Element(0x00080001, "UN", like), sop_class=MR), sop_class=CT)
    assert reason(blob) == "invalid-length"
    # where nothing looks like it, the data set's own counts
    assert read(rewrite(part10(ct(sop_class=MR), sop_class=CT))).SOPClassUID == MR


def test_two_classes_are_none() -> None:
    elements = encode(ct())
    doubled = encode([Element(0x00080016, "UI", CT)]) + elements
    assert reason(part10(doubled)) == "elements-out-of-order"
