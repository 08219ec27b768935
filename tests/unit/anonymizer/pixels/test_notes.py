"""Notes: stretches of a header that are gone over without a look are judged like those that are walked."""

from __future__ import annotations

from random import Random

import pytest

from tests.support.objects import BIG, CT, EXPLICIT, IMPLICIT, MR, SC, Element, ct, part10
from tests.support.running import engine, outcome

CHOICES = {
    0x00080008: ("CS", ["ORIGINAL\\PRIMARY\\AXIAL", "DERIVED\\SECONDARY\\SCREEN SAVE", "A\\B\\LABEL"]),
    0x00080070: ("LO", ["X", "Y"]),
    0x00081115: ("SQ", [[[Element(0x00280301, "CS", "NO")]], [[Element(0x00280301, "CS", "YES")]]]),
    0x00181030: ("LO", ["p", "q"]),
    0x00200032: ("DS", ["", "1\\2\\3", "4\\5\\6"]),
    0x00280002: ("US", [1, 3]),
    0x00280100: ("US", [16, 8]),
    0x00280301: ("CS", ["NO", "YES", "", "Y"]),
    0x00280302: ("CS", ["NO", "YES"]),
}


def variant(random: Random) -> bytes:
    """An object that differs from others in attributes by which it is judged, and in their neighbours."""
    extra = [Element(tag, vr, random.choice(values)) for tag, (vr, values) in CHOICES.items() if random.random() < 0.4]
    without = [tag for tag in (0x00200037, 0x7FE00010) if random.random() < 0.2]
    sop_class = random.choice([CT, CT, CT, MR, SC])
    return part10(ct(*extra, sop_class=sop_class, without=without), random.choice([EXPLICIT, IMPLICIT, BIG]), sop_class=sop_class)


@pytest.mark.parametrize("pixels", ["quarantine", "keep"])
def test_an_engine_that_met_others_judges_like_a_new_one(pixels: str) -> None:
    random = Random(4711)
    blobs = [variant(random) for _ in range(150)]
    alone = [outcome(blob, engine(pixels=pixels)) for blob in blobs]
    reasons = {result for result in alone if isinstance(result, str)}
    assert len(reasons) == (5 if pixels == "quarantine" else 0)
    using = engine(pixels=pixels)
    order = [number for number in range(len(blobs)) for _ in range(3)]
    random.shuffle(order)
    # neighbours that are alike make stretches familiar, others break them
    for number in [*range(len(blobs)), *order, *sorted(order)]:
        assert outcome(blobs[number], using) == alone[number]
