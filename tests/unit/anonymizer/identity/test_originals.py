"""Who the patient was, as the engine tells it to whom asks: for the crosswalk."""

from __future__ import annotations

from io import BytesIO

import pytest

from anonymizer import DeidentificationError, Key, PatientTable
from anonymizer.internals import Engine, Originals
from profiles import ConfidentialityProfile
from tests.support.objects import BIG, DEFLATED, EXPLICIT, IMPLICIT, Element, ct, part10, read
from tests.support.running import SECRET, engine, rewrite

SYNTAXES = [IMPLICIT, EXPLICIT, BIG, DEFLATED]


def originals(blob: bytes, using: Engine | None = None) -> Originals | None:
    using = using or engine()
    return using.scan(BytesIO(blob), uids=using.uids, originals=True).originals


def test_nobody_is_told_who_does_not_ask() -> None:
    using = engine()
    assert using.scan(BytesIO(part10(ct())), uids=using.uids).originals is None


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("options", ["", "RetainLongModifDates", "CleanDesc"])
def test_the_patient_is_told_in_each_encoding(syntax: str, options: str) -> None:
    blob = part10(ct(Element(0x00100021, "LO", "HOSPITAL A ")), syntax)
    using = engine(options)
    found = originals(blob, using)
    new = read(rewrite(blob, using)).PatientID
    assert found == Originals("MRN-4711", "HOSPITAL A", "Doe^Jane", new)
    assert new not in ("", "MRN-4711")


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    ("elements", "cut", "instance"),
    [
        ([Element(0x00280301, "CS", "YES")], 0, "1.2.3.1.1"),
        ([Element(0x00080016, "UI", "1.2.840.113619.4.2")], 0, "1.2.3.1.1"),
        ([Element(0x00080018, "UI", "")], 0, ""),
        ([Element(0x00204000, "LT", "cut" * 9)], 24, "1.2.3.1.1"),
    ],
    ids=["risky pixels", "private class", "no UID", "cut"],
)
def test_of_what_is_refused_it_is_told_as_far_as_it_can_be_read(
    syntax: str, elements: list[Element], cut: int, instance: str
) -> None:
    if cut and syntax == DEFLATED:
        pytest.skip("nothing of a deflated one can be read")
    own = [Element(0x0020000D, "UI", "1.2.3.1"), Element(0x0020000E, "UI", "1.2.3.1.0"), Element(0x00080018, "UI", "1.2.3.1.1")]
    blob = part10(ct(*own, *elements, without=[0x7FE00010] if cut else []), syntax, instance="")
    using = engine("" if not cut else "CleanDesc")
    for asks in (True, False):
        with pytest.raises(DeidentificationError) as refused:
            using.scan(BytesIO(blob[: len(blob) - cut]), uids=using.uids, originals=asks)
        found = refused.value.originals
        assert found == (Originals("MRN-4711", "", "Doe^Jane", "", "1.2.3.1", "1.2.3.1.0", instance) if asks else None)
        assert "MRN" not in f"{refused.value} {refused.value!r} {refused.value.description}"


def test_nothing_is_told_of_what_is_no_object() -> None:
    using = engine()
    with pytest.raises(DeidentificationError) as refused:
        using.scan(BytesIO(b"no DICOM" * 40), uids=using.uids, originals=True)
    assert refused.value.originals is None


def test_the_new_id_is_what_the_object_gets_by_whatever_rule() -> None:
    blob = part10(ct())
    table = PatientTable(["PatientID", "NewPatientID"], [(1, ["MRN-4711", "CASE-7"])])
    kept = ConfidentialityProfile.from_csv_string("PatientID;K!\n")
    dummy = ConfidentialityProfile.from_csv_string("PatientID;D;Nobody\n")
    profile = ConfidentialityProfile.default(patient_id="ALIAS")
    for using, expected in (
        (Engine(ConfidentialityProfile(), Key(SECRET), patients=table), "CASE-7"),
        (Engine(kept, Key(SECRET)), "MRN-4711"),
        (Engine(dummy, Key(SECRET)), "Nobody"),
        (Engine(profile, Key(SECRET)), "ALIAS"),
    ):
        found = originals(blob, using)
        assert found is not None and found.patient_id == "MRN-4711"
        assert found.new_patient_id == read(rewrite(blob, using)).get("PatientID", "") == expected


@pytest.mark.parametrize(
    ("charset", "name", "expected"),
    [
        ("ISO_IR 192", "Müller^Zoë=王^小東=ワン".encode(), "Müller^Zoë=王^小東=ワン"),
        ("ISO_IR 100", "Müller".encode("latin-1"), "Müller"),
        ("ISO_IR 144", "Люкceмбypг".encode("iso8859-5"), "Люкceмбypг"),
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        # wrong in the object: a byte for a character loses nothing
        ("", "Müller".encode("latin-1"), "Müller"),
        ("ISO_IR 999", b"M\xfcller", "Müller"),
        ("ISO_IR 192", b"M\xfcller", "Müller"),
    ],
)
def test_names_are_read_by_their_character_set(charset: str, name: bytes, expected: str) -> None:
    blob = part10(ct(Element(0x00080005, "CS", charset), Element(0x00100010, "PN", name)))
    found = originals(blob)
    assert found is not None and found.patient_name == expected


def test_values_are_as_they_stand_without_padding() -> None:
    blob = part10(ct(Element(0x00100010, "PN", b"Doe^\nJane \0junk"), Element(0x00100020, "LO", b" A\r\nB ")))
    found = originals(blob)
    assert found is not None and found[:3] == ("A\r\nB", "", "Doe^\nJane")


def test_the_issuer_may_be_in_its_qualifiers_and_all_may_be_missing() -> None:
    qualifiers = [[Element(0x00400032, "UT", "1.2.3.9"), Element(0x00400033, "CS", "ISO")]]
    found = originals(part10(ct(Element(0x00100024, "SQ", qualifiers))))
    assert found is not None and found.issuer == "1.2.3.9"
    assert originals(part10(ct(without=[0x00100010, 0x00100020]))) == Originals("", "", "", "")


def test_a_patient_far_behind_is_told_too() -> None:
    far = [Element(0x00090010, "LO", "ACME"), Element(0x00091001, "OB", bytes(300_000))]
    kept = Element(0x00081110, "SQ", [[Element(0x00081150, "UI", "1.2.3"), Element(0x00081155, "UI", "1.2.4")]] * 2000)
    for blob in (part10(ct(*far)), part10(ct(kept, *far))):
        found = originals(blob)
        assert found is not None and found[:3] == ("MRN-4711", "", "Doe^Jane")
        assert found.new_patient_id == read(rewrite(blob)).PatientID
