"""Whose an object is, as a scan tells it in a keyed hash: for references that join two patients."""

from __future__ import annotations

from io import BytesIO

import pytest

from anonymizer import Key
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile
from tests.support.objects import BIG, DEFLATED, EXPLICIT, IMPLICIT, Element, ct, part10
from tests.support.running import SECRET, engine

#: profiles by which the patient is found by the rewriter, ahead of it for dates or words, and for this hash alone
ENGINES = {
    "new PatientID": engine(),
    "dates": engine("RetainLongModifDates"),
    "words": engine("CleanDesc"),
    "PatientID stays": Engine(ConfidentialityProfile.from_csv_string("PatientID;K!\n"), Key(SECRET)),
    "PatientID goes": Engine(ConfidentialityProfile.from_csv_string("PatientID;X\n"), Key(SECRET)),
}


def patient_hash(blob: bytes, using: Engine) -> bytes:
    return using.scan(BytesIO(blob), uids=using.uids).patient


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_however_it_is_found_a_patient_has_one_hash(syntax: str) -> None:
    issuer = Element(0x00100021, "LO", "HOSPITAL A ")
    found = {name: patient_hash(part10(ct(issuer), syntax), using) for name, using in ENGINES.items()}
    assert len(set(found.values())) == 1 and len(found["dates"]) == 8
    for other in (ct(), ct(issuer, Element(0x00100020, "LO", "MRN-4712"))):
        assert not {patient_hash(part10(other), using) for using in ENGINES.values()} & set(found.values())


@pytest.mark.parametrize("using", ENGINES.values(), ids=ENGINES)
def test_nobody_is_nobody(using: Engine) -> None:
    inner = Element(0x00081120, "SQ", [[Element(0x00100020, "LO", "MRN-4711")]])
    assert patient_hash(part10(ct(inner, Element(0x00100020, "LO", ""))), using) == b""
    assert patient_hash(part10(ct(inner, without=[0x00100020])), using) == b""
