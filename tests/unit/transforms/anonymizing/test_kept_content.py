"""Which of several contents of one SOPInstanceUID is kept, judged by their outputs alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import product

import pydicom.uid
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import DeidentificationError, Key
from anonymizer.dicom.part10 import _NO_DATA_SET, _SYNTAXES
from anonymizer.internals import Pseudonyms
from tests.support.keys import KEY
from tests.support.objects import EXPLICIT, SYNTAXES, Element, ct, part10
from transforms.anonymizing.kept_content import Compression, Content, OutputStream, compression, find_compression, read_identity

_UID = "1.2.840.10008.1.2"
UNCOMPRESSED = {"", ".1", ".1.98", ".1.99", ".2", ".7.1", ".7.2", ".7.3"}
LOSSLESS = {".5", ".8.1", ".4.57", ".4.58", ".4.65", ".4.66", ".4.70", ".4.80", ".4.90", ".4.92", ".4.110", ".4.201", ".4.202"}
ACCEPTED = sorted(_SYNTAXES - _NO_DATA_SET)


@pytest.mark.parametrize("syntax", ACCEPTED)
def test_every_transfer_syntax_has_a_place(syntax: str) -> None:
    end = syntax.removeprefix(_UID)
    expected = Compression.NONE if end in UNCOMPRESSED else Compression.LOSSLESS if end in LOSSLESS else Compression.LOSSY
    assert compression(syntax) is compression(syntax, b"00") is expected
    assert compression(syntax, b"01") is Compression.LOSSY
    name = pydicom.uid.UID(syntax).name
    if "ossless" in name and not name.startswith("JPEG-LS Lossy"):
        assert expected is Compression.LOSSLESS, name
    if expected is Compression.NONE:
        assert "JP" not in name and "MPEG" not in name and "Lossless" not in name, name


def test_what_is_not_known_counts_as_lossy() -> None:
    assert compression("1.2.3") is Compression.LOSSY
    assert compression(f"{_UID}.4.110") is Compression.LOSSLESS


@dataclass
class _Made:
    """An output that is made in chunks of some size."""

    content: bytes
    size: int

    @property
    def stream(self) -> OutputStream:
        return OutputStream(
            memoryview(self.content)[start : start + self.size] for start in range(0, len(self.content), self.size)
        )


@pytest.mark.parametrize(("syntax", "size"), [*product(SYNTAXES.values(), [1 << 20, 100, 7])])
@pytest.mark.parametrize("lossy", ["", "00", "01"])
def test_loss_is_found_behind_long_values(syntax: str, size: int, lossy: str) -> None:
    long = Element(0x00190010, "OB", b"\1" * 300_000) if size > 7 else Element(0x00190010, "OB", b"\1")
    items = Element(0x00081140, "SQ", [[Element(0x00081150, "UI", "1.2")]], undefined=True, undefined_items=True)
    content = part10(ct(items, long, *([Element(0x00282110, "CS", lossy)] if lossy else [])), syntax)
    made = _Made(content, size).stream
    assert find_compression(made) is (Compression.LOSSY if lossy == "01" else Compression.NONE)
    made.drain()
    assert made.digest.digest() == hashlib.sha256(content).digest() and made.size == len(content)


@pytest.mark.parametrize("syntax", SYNTAXES.values())
def test_an_output_says_whose_it_is(syntax: str) -> None:
    issuer = Element(0x00100021, "LO", "Ward")
    found = read_identity(_Made(part10(ct(issuer), syntax), 1 << 20).stream)
    assert found == (b"1.2.840.10008.5.1.4.1.1.2", b"MRN-4711", b"Ward")
    assert read_identity(_Made(part10(ct(without=[0x00100020]), syntax), 64).stream)[1:] == (b"", b"")


@pytest.mark.parametrize("content", [b"", b"somebody's", part10(ct(), EXPLICIT)[:200]])
def test_what_is_no_output_tells_nothing(content: bytes) -> None:
    with pytest.raises(DeidentificationError):
        read_identity(_Made(content, 50).stream)


_ORDER = Pseudonyms(Key(KEY)).content
_CONTENTS = st.builds(
    lambda number, size, how: Content("a/b/c.dcm", bytes([number]), size, _ORDER(bytes([number])), how, b"", "1.2"),
    st.integers(0, 255),
    st.integers(1, 3),
    st.sampled_from(Compression),
)


@given(st.lists(_CONTENTS, min_size=1, max_size=6).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_of_arrival_does_not_matter(found: tuple[list[Content], list[Content]]) -> None:
    one, other = (min(contents, key=lambda content: content.rank) for contents in found)
    assert one == other
    least = min(content.compression for content in found[0])
    assert one.compression is least
    assert one.size == max(content.size for content in found[0] if content.compression is least)
