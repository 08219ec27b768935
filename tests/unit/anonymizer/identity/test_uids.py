"""New UIDs: keyed, legal, the same everywhere; and the registered ones that stay."""

from __future__ import annotations

import re
import uuid

import pytest

from anonymizer import Key, SecretError
from anonymizer.identity.uids import is_well_known
from anonymizer.internals import KeyedUids, check_root
from tests.support.objects import EXPLICIT, IMPLICIT, Element, ct, part10, read
from tests.support.running import SECRET, engine, rewrite

UIDS = KeyedUids(Key(SECRET))
SAMPLES = [b"1.2.3", b"1.2.840.113619.2.55.3.1", b"1.2.840.10008.99.1.2.3", b"not a uid", b"2.25." + b"9" * 59] + [
    b"1.2.826.0.1.%d" % number for number in range(500)
]


@pytest.mark.parametrize("root", [None, "1.2.826.0.1.3680043.10.999", "2.999", "1." + "2" * 33])
def test_a_new_uid_is_a_legal_uid_of_64_characters_at_most(root: str | None) -> None:
    uids = KeyedUids(Key(SECRET), root)
    for sample in SAMPLES:
        new = uids.new_uid(sample, 0).decode()
        assert re.fullmatch(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+", new)
        assert len(new) <= 64
        assert new.startswith(f"{root or '2.25'}.")


def test_below_2_25_stands_a_valid_uuid_of_version_8() -> None:
    for sample in SAMPLES:
        number = uuid.UUID(int=int(UIDS.new_uid(sample, 0).decode().removeprefix("2.25.")))
        assert number.version == 8
        assert number.variant == uuid.RFC_4122


def test_the_mapping_is_a_function_of_key_and_uid_alone() -> None:
    again = KeyedUids(Key(SECRET))
    assert [UIDS.new_uid(sample, 0x00080018) for sample in SAMPLES] == [again.new_uid(sample, 0x00081155) for sample in SAMPLES]


def test_two_uids_never_meet_and_another_key_or_scope_shares_none() -> None:
    new = {UIDS.new_uid(sample, 0) for sample in SAMPLES}
    assert len(new) == len(SAMPLES)
    for other in (Key(SECRET[::-1]), Key(SECRET, "another scope")):
        assert not new & {KeyedUids(other).new_uid(sample, 0) for sample in SAMPLES}


def test_the_lookup_hash_is_keyed_and_tells_nothing_of_the_new_uid() -> None:
    hashes = {UIDS.hash(sample) for sample in SAMPLES}
    assert len(hashes) == len(SAMPLES) and {len(value) for value in hashes} == {32}
    assert not hashes & {KeyedUids(Key(SECRET[::-1])).hash(sample) for sample in SAMPLES}


@pytest.mark.parametrize(
    "root", ["", "2.25.", ".1.2", "1..2", "1.02", "3.1", "abc", "1.2.x", "1.2\n", "1.2." + "3" * 40, "1", " 1.2", "1.2.840.１"]
)
def test_a_root_that_is_no_oid_or_leaves_no_room_is_refused(root: str) -> None:
    with pytest.raises(SecretError):
        check_root(root)


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.1.2.1",  # transfer syntax
        "1.2.840.10008.5.1.4.1.1.2",  # CT
        "1.2.840.10008.1.4.1.1",  # Talairach frame of reference
        "1.2.840.10008.15.1.1",  # UTC
        "1.2.840.10008.1.5.1",  # hot iron palette
        "1.2.840.10008.2.6.1",  # UID registry
        "1.2.840.10008.6.1.308",  # context group
        "1.2.840.10008.2.16.4",  # DCM
        "2.16.840.1.113883.6.96",  # SCT
        "2.16.840.1.113883.6.8",  # UCUM
    ],
)
def test_registered_uids_are_well_known(uid: str) -> None:
    assert is_well_known(uid.encode())


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.1.2.3.4.5.6",
        "1.2.840.10008",
        "1.2.840.10008.6.1.3.4",
        "2.25.1",
        "",
        "1.2.840.10008.1.2.1 ",
        "2.16.840.1.113883.6.96.1",
    ],
)
def test_a_uid_below_the_standards_root_is_not_thereby_well_known(uid: str) -> None:
    assert not is_well_known(uid.encode())


#: attributes that hold UIDs of kinds: classes, syntaxes, coding schemes, context groups
KINDS = [0x0008001A, 0x00080062, 0x0008010C, 0x00080117, 0x00080118, 0x0008040E, 0x00081150, 0x04000010, 0x3010001F]


@pytest.mark.parametrize("tag", KINDS)
def test_the_uid_of_a_kind_stays_if_it_is_registered_and_is_new_if_not(tag: int) -> None:
    for uid in (b"1.2.840.10008.5.1.4.1.1.2\0", b"2.16.840.1.113883.6.96"):
        assert raw(rewrite(part10(ct(Element(tag, "UI", uid)))), tag).rstrip(b"\0") == uid.rstrip(b"\0")
    private = b"1.3.12.2.1107.5.9.1.66"
    item = [Element(tag, "UI", private)]
    new = rewrite(part10(ct(Element(tag, "UI", private), Element(0x00081140, "SQ", [item]))))
    assert raw(new, tag).rstrip(b"\0") == UIDS.new_uid(private, 0)
    assert private not in new
    kept = rewrite(part10(ct(Element(tag, "UI", private))), engine("RetainUIDs"))
    assert raw(kept, tag) == private


def test_a_class_that_an_item_names_is_looked_at_as_well() -> None:
    item = [Element(0x00080016, "UI", "1.2.3.4")]
    blob = part10(ct(Element(0x00081140, "SQ", [item])))
    assert b"1.2.3.4" not in rewrite(blob)
    assert b"1.2.3.4" in rewrite(blob, engine("RetainUIDs"))


def test_a_name_in_the_place_of_a_coding_schemes_uid_goes() -> None:
    item = [Element(0x0008010C, "UI", "Zwickelbauer")]
    assert b"Zwickelbauer" not in rewrite(part10(ct(Element(0x00080110, "SQ", [item]))))


# -- UIDs in objects ------------------------------------------------------------------------------------------------------


def raw(blob: bytes, tag: int) -> bytes:
    """The value's bytes as they stand in the file."""
    return bytes(read(blob).get_item(tag).value or b"")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_several_uids_in_one_value_are_mapped_one_by_one(syntax: str) -> None:
    blob = part10(ct(Element(0x00080058, "UI", b"1.2.3\\1.2.840.10008.1.2\\\\1.2.4 \\1.2.3\0")), syntax)
    new = rewrite(blob)
    a, b = UIDS.new_uid(b"1.2.3", 0), UIDS.new_uid(b"1.2.4", 0)
    expected = b"\\".join([a, b"1.2.840.10008.1.2", b"", b, a])
    assert raw(new, 0x00080058) == expected + b"\0" * (len(expected) % 2)


@pytest.mark.parametrize("padded", [b"1.2.3\0", b"1.2.3 ", b"1.2.3\0\0\0", b" 1.2.3", b"1.2.3   "])
def test_padding_makes_no_other_uid(padded: bytes) -> None:
    new = rewrite(part10(ct(Element(0x00200052, "UI", padded + b"\0" * (len(padded) % 2)))))
    assert raw(new, 0x00200052).rstrip(b"\0") == UIDS.new_uid(b"1.2.3", 0)


@pytest.mark.parametrize("empty", [b"", b"\0\0", b"  "])
def test_an_empty_uid_stays_empty(empty: bytes) -> None:
    new = rewrite(part10(ct(Element(0x00200052, "UI", empty))))
    assert raw(new, 0x00200052).strip(b"\0 ") == b""


def test_text_behind_the_nul_of_a_uid_does_not_stay() -> None:
    new = rewrite(part10(ct(Element(0x00200052, "UI", b"1.2.840.10008.1.4.1.1\0DOE^J\0"))))
    assert b"DOE" not in new


def test_well_known_values_stay_where_other_uids_are_replaced() -> None:
    frame = Element(0x00200052, "UI", "1.2.840.10008.1.4.1.1")
    new = read(rewrite(part10(ct(frame, Element(0x00200200, "UI", "1.2.840.10008.15.1.1")))))
    assert new.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"
    assert new.SynchronizationFrameOfReferenceUID == "1.2.840.10008.15.1.1"


def test_references_between_objects_survive() -> None:
    reference = [[Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), Element(0x00081155, "UI", "1.2.3.4")]]
    series = Element(0x00081115, "SQ", [[Element(0x00081199, "SQ", reference)]])
    image = read(rewrite(part10(ct(Element(0x00080018, "UI", "1.2.3.4")))))
    pointing = read(rewrite(part10(ct(series), IMPLICIT)))
    found = pointing.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert found.ReferencedSOPInstanceUID == image.SOPInstanceUID != "1.2.3.4"
    assert found.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


def test_an_organisations_root_is_used_for_every_new_uid() -> None:
    new = read(rewrite(part10(ct()), engine(uid_root="2.999.7")))
    for uid in (new.SOPInstanceUID, new.StudyInstanceUID, new.SeriesInstanceUID, new.file_meta.MediaStorageSOPInstanceUID):
        assert uid.startswith("2.999.7.")


def test_retain_uids_keeps_them_all() -> None:
    new = read(rewrite(part10(ct()), engine("RetainUIDs")))
    old = read(part10(ct()))
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        assert new[keyword].value == old[keyword].value
    assert new.file_meta.MediaStorageSOPInstanceUID == old.SOPInstanceUID
