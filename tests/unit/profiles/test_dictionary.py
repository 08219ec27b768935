"""The data dictionary: what the installed pydicom knows is in it, and looked up as there."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import datadict
from pydicom.uid import UID_dictionary  # type: ignore[attr-defined]

from profiles import attribute_keyword, attribute_vr, dictionary, registered_uids, tags
from profiles.dictionary import entry_of, vrs


def test_it_has_the_attributes_that_pydicom_knows() -> None:
    """Where it hasn't, pydicom is newer: run profiles.refresh_tables."""
    known = {tag: (row[4], row[0], row[1], bool(row[3])) for tag, row in datadict.DicomDictionary.items()}  # type: ignore[attr-defined]
    assert {tag: row for tag, row in known.items() if dictionary().get(tag) != row} == {}
    assert all(tags()[keyword] == datadict.tag_for_keyword(keyword) for keyword in tags())


_REPEATING = st.sampled_from([0x50000005, 0x60003000, 0x00203100, 0x00280400, 0x10000000, 0x10100000, 0x7F000010])


@given(st.integers(0, 0xFFFFFFFF) | st.builds(operator.or_, _REPEATING, st.integers(0, 0x00FFFFFF)))
def test_repeating_groups_are_even(tag: int) -> None:
    """pydicom's match odd groups as well, which are private."""
    if tag >> 16 & 1 and not datadict.dictionary_has_tag(tag):
        assert entry_of(tag) is None
    elif datadict.dictionary_has_tag(tag) or datadict.repeater_has_tag(tag):
        keyword, vr, vm = datadict.dictionary_keyword(tag), datadict.dictionary_VR(tag), datadict.dictionary_VM(tag)
        assert entry_of(tag) == (keyword, vr, vm, datadict.dictionary_is_retired(tag))
    else:
        assert entry_of(tag) is None


@pytest.mark.parametrize(
    ("tag", "keyword", "vr"),
    [
        (0x00100010, "PatientName", "PN"),
        (0x60023000, "OverlayData", "OB or OW"),
        (0x60033000, "", ""),
        (0x00203112, "SourceImageIDs", "CS"),
        (0x00091001, "", ""),
    ],
)
def test_attributes_are_known_by_their_tags(tag: int, keyword: str, vr: str) -> None:
    assert (attribute_keyword(tag), attribute_vr(tag)) == (keyword, vr)
    found = entry_of(tag)
    assert (found.keyword, found.vr) == (keyword, vr) if found else keyword == ""


def test_it_has_the_registered_uids() -> None:
    assert {uid: row[1] for uid, row in UID_dictionary.items()}.items() <= registered_uids().items()


def test_value_representations() -> None:
    assert {"PN", "UN", "SQ", "OV", "SV", "UV"} <= vrs() and all(len(vr) == 2 for vr in vrs())
