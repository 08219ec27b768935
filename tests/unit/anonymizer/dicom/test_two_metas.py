"""Files with two File Meta Information groups: an output that nobody can decode is no output."""

from __future__ import annotations

import pytest

from tests.support.objects import CT, EXPLICIT, IMPLICIT, INSTANCE, JPEG, Element, ct, encode, meta, read
from tests.support.running import outcome, rewrite

FIRST = bytes(128) + b"DICM" + meta(EXPLICIT)


@pytest.mark.parametrize("with_length", [True, False])
def test_the_same_said_twice_is_read(with_length: bool) -> None:
    second = meta(EXPLICIT) if with_length else meta(EXPLICIT)[12:]
    output = read(rewrite(FIRST + second + encode(ct())))
    assert output.PixelData == b"\1\2\3\4\5\6\7\x08" and output.file_meta.TransferSyntaxUID == EXPLICIT


@pytest.mark.parametrize(
    "second",
    [meta(IMPLICIT), meta(JPEG), meta(EXPLICIT, instance="1.2.3"), meta(EXPLICIT, sop_class="1.2.840.10008.5.1.4.1.1.4")],
    ids=["implicit", "jpeg", "instance", "class"],
)
def test_what_contradicts_itself_is_refused(second: bytes) -> None:
    assert outcome(FIRST + second + encode(ct())) == "invalid-file-meta"


def test_other_elements_may_differ() -> None:
    second = meta(EXPLICIT, CT, INSTANCE, [Element(0x00020016, "AE", "OTHER")])
    assert isinstance(outcome(FIRST + second + encode(ct())), bytes)
