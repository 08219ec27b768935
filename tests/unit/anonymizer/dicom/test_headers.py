"""Some values of a header, read by what is needed of it: the same that pydicom finds."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from anonymizer import DeidentificationError
from anonymizer.internals import read_header_values
from tests.support.objects import JPEG, SYNTAXES, Element, bundled_files, ct, nested, part10, read

_TAGS = (0x00080016, 0x00080018, 0x00100020, 0x00100021, 0x0020000D, 0x00280010, 0x00282110)


class _Counting(BytesIO):
    """Counts what is read; a few bytes at a time where it is told so."""

    taken = 0

    def __init__(self, content: bytes, most: int = 1 << 30) -> None:
        super().__init__(content)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(min(size if size is not None and size >= 0 else self._most, self._most))
        self.taken += len(found)
        return found


@pytest.mark.parametrize("path", bundled_files(), ids=lambda path: path.name)
def test_values_are_those_that_pydicom_finds(path: Path) -> None:
    content = path.read_bytes()
    try:
        found = read_header_values(BytesIO(content), _TAGS)
    except DeidentificationError:
        # the engine refuses it too, or it isn't DICOM
        return
    if content[128:132] != b"DICM":
        # pydicom wants to be told
        return
    dataset = read(content)
    for tag in (0x00080016, 0x00080018, 0x0020000D):
        assert found.values.get(tag, b"").decode() == str(dataset[tag].value if tag in dataset else "")
    assert found.transfer_syntax == dataset.file_meta.TransferSyntaxUID
    if rows := found.values.get(0x00280010):
        order = "little" if dataset.file_meta.TransferSyntaxUID.is_little_endian else "big"
        assert rows == dataset[0x00280010].value.to_bytes(2, order).strip(b"\0 ")


@pytest.mark.parametrize("syntax", [*SYNTAXES.values(), JPEG])
@pytest.mark.parametrize("most", [1 << 30, 1000])
def test_what_is_between_does_not_matter(syntax: str, most: int) -> None:
    between = (
        nested(20, Element(0x00100020, "LO", "inner")),
        Element(0x00190010, "OB", bytes(200_001)),
        Element(0x00210010, "SQ", [[Element(0x00282110, "CS", "01")] for _ in range(3000)], undefined=True, undefined_items=True),
        Element(0x00282110, "CS", "00"),
    )
    content = part10(ct(*between, Element(0x7FE00010, "OW", bytes(5_000_000))), syntax)
    stream = _Counting(content, most)
    found = read_header_values(stream, _TAGS)
    assert found.transfer_syntax == syntax
    assert (found.values[0x00100020], found.values[0x00282110]) == (b"MRN-4711", b"00")
    assert 0x00100021 not in found.values
    # the pixels stay where they are
    assert stream.taken < 600_000


def test_it_reads_no_more_than_it_is_asked_for() -> None:
    stream = _Counting(part10(ct(Element(0x00190010, "OB", bytes(5_000_000)))))
    assert read_header_values(stream, (0x00100020,)).values == {0x00100020: b"MRN-4711"}
    assert stream.taken <= 1 << 16


@pytest.mark.parametrize("cut", range(0, 700, 50))
def test_what_is_cut_off_is_refused_or_lacks_nothing_that_was_asked_for(cut: int) -> None:
    content = part10(ct(Element(0x00282110, "CS", "01")))[:cut]
    try:
        found = read_header_values(BytesIO(content), (0x00080016, 0x00282110))
    except DeidentificationError:
        return
    assert 0x00080016 in found.values or cut < 400


def test_padding_stays_if_it_is_asked_for() -> None:
    """512 in little endian begins with a byte that pads texts."""
    content = part10(ct(Element(0x00280010, "US", 512), Element(0x00100020, "LO", "A ")))
    assert read_header_values(BytesIO(content), [0x00280010]).values == {0x00280010: b"\2"}
    found = read_header_values(BytesIO(content), [0x00100020, 0x00280010], padded=True).values
    assert found == {0x00280010: b"\0\2", 0x00100020: b"A "}
