"""What is said of objects that are refused: who they are by hashes and new UIDs, and what, in registered words."""

from __future__ import annotations

from io import BytesIO

import pytest

from anonymizer import DeidentificationError, Key
from anonymizer.internals import Description, Engine
from profiles import ConfidentialityProfile, sop_class_modules
from tests.support.keys import KEY, OTHER_KEY
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, Element, ct, part10
from tests.support.running import engine

RISKY = Element(0x00280301, "CS", "YES")


def described(blob: bytes, using: Engine | None = None) -> Description:
    using = using or engine()
    with pytest.raises(DeidentificationError) as refused:
        using.scan(BytesIO(blob), uids=using.uids)
    assert refused.value.description is not None
    return refused.value.description


@pytest.mark.parametrize("sop_class", sorted(set(sop_class_modules()) - {"1.2.840.10008.1.3.10"}))
def test_each_class_of_the_standard_is_told(sop_class: str) -> None:
    pixels = Element(0x7FE00010, "OW", bytes(8))
    blob = part10(ct(RISKY, pixels, Element(0x00080018, "UI", ""), sop_class=sop_class), sop_class=sop_class)
    assert described(blob).sop_class_uid == sop_class


def test_no_new_uid_is_told_where_a_map_says_what_it_is() -> None:
    goes_on = Engine(ConfidentialityProfile(), Key(KEY), uid_hash_key=Key(OTHER_KEY))
    mapped, fresh = (described(part10(ct(RISKY)), one) for one in (goes_on, Engine(ConfidentialityProfile(), Key(OTHER_KEY))))
    for uid, digest in (("study_uid", "study_hash"), ("series_uid", "series_hash"), ("instance_uid", "instance_hash")):
        assert not getattr(mapped, uid) and getattr(fresh, uid)
        assert getattr(mapped, digest) == getattr(fresh, digest) != b""


def test_what_a_profile_retains_is_told_even_so() -> None:
    profile = ConfidentialityProfile.default("RetainUIDs")
    goes_on = Engine(profile, Key(KEY), uid_hash_key=Key(OTHER_KEY))
    assert described(part10(ct(RISKY)), goes_on).study_uid == described(part10(ct(RISKY)), Engine(profile, Key(KEY))).study_uid


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_half_a_value_is_none(syntax: str) -> None:
    values = {0x00080018: "1.2.3.51234", 0x00100020: "12345678", 0x0020000D: "1.2.3.61234", 0x0020000E: "1.2.3.71234"}
    elements = [Element(tag, "LO" if tag == 0x00100020 else "UI", value) for tag, value in values.items()]
    whole = part10(ct(*elements), syntax)
    fields = {0x00080018: "instance", 0x00100020: "patient_id", 0x0020000D: "study", 0x0020000E: "series"}
    for tag, value in values.items():
        end = whole.rindex(value.encode()) + len(value) // 2
        using = engine()
        with pytest.raises(DeidentificationError) as refused:
            using.scan(BytesIO(whole[:end]), uids=using.uids, originals=True)
        assert refused.value.originals is not None and refused.value.description is not None
        assert getattr(refused.value.originals, fields[tag]) == ""
        name = {"instance": "instance_uid", "study": "study_uid", "series": "series_uid"}.get(fields[tag], "patient_id")
        assert getattr(refused.value.description, name) == ""
        before = [other for other in values if other < tag]
        assert all(getattr(refused.value.originals, fields[other]) == values[other] for other in before)
