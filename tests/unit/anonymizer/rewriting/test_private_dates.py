"""Dates in safe private values of other VRs: they are dates, and go as private dates do (PS3.15 E.3.6, E.3.10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from anonymizer import Key
from anonymizer.identity.dates import holds_date
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, Element, ct, part10, read
from tests.support.running import SECRET, rewrite

DATES = [
    *(
        "20190514",
        "20190514103000",
        "v20190514",
        "2019-05-14",
        "2019/5/14",
        "14.05.2019",
        "5/14/2019",
        "14-MAY-2019",
        "May 14, 2019",
    ),
    *("scanned 14 May 2019", "14.5.2019 10:30"),
]
NO_DATES = [
    "IMAGE NUM 4",
    "VB17A",
    "syngo MR 2004A",
    "123420190514",
    "1.2.840.20190514.1",
    "20191332",
    "2019",
    "150.05.2019",
    "ep2d",
    "",
]


@pytest.mark.parametrize("text", DATES)
def test_a_date_is_known_however_it_is_written(text: str) -> None:
    assert holds_date(text.encode())
    assert holds_date(b"from " + text.encode() + b" on")


@pytest.mark.parametrize("text", NO_DATES)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert not holds_date(text.encode())


def kept(tmp_path: Path, options: str, vr: str, value: str, syntax: str = EXPLICIT, date: str = "20190514") -> bool:
    """Whether a safe private value stays as it is."""
    more = tmp_path / "more.csv"
    more.write_text(f'private_creator,tag,vr\nACME,"(0029,xx01)",{vr}\nACME,"(0029,xx02)",FL\n')
    using = Engine(ConfidentialityProfile.default(f"RetainSafePrivate,{options}", safe_private=more), Key(SECRET))
    elements = [
        Element(0x00080020, "DA", date),
        Element(0x00290010, "LO", "ACME"),
        Element(0x00291001, vr, value),
        Element(0x00291002, "FL", 1.5),
    ]
    dataset = read(rewrite(part10(ct(*elements), syntax), using))
    assert 0x00290010 in dataset and 0x00291002 in dataset, "the block stays for its other element"
    return 0x00291001 in dataset


@pytest.mark.parametrize("vr", ["LO", "SH", "UC"])
@pytest.mark.parametrize("options", ["", "RetainLongModifDates", "CleanDesc"])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_a_date_in_text_goes(tmp_path: Path, vr: str, options: str, syntax: str) -> None:
    assert not kept(tmp_path, options, vr, "20190514", syntax)
    assert not kept(tmp_path, options, vr, "20111203", syntax)
    assert kept(tmp_path, options, vr, "VB17A", syntax)


def test_with_full_dates_it_stays(tmp_path: Path) -> None:
    assert kept(tmp_path, "RetainLongFullDates", "LO", "20190514")


@pytest.mark.parametrize("vr", ["IS", "DS", "CS"])
def test_a_number_is_a_date_where_it_is_the_objects_own(tmp_path: Path, vr: str) -> None:
    assert not kept(tmp_path, "", vr, "20190514")
    assert not kept(tmp_path, "", vr, "1\\20190514")
    assert kept(tmp_path, "", vr, "20190515")
    assert kept(tmp_path, "", vr, "20190514", date="20190515")
