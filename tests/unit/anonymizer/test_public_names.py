"""What users may import, that former names still work, and that nothing shows an identifier or a secret."""

from __future__ import annotations

import ast
import base64
import re
import warnings
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

import anonymizer
import profiles
from anonymizer import (
    Anonymizer,
    AttributeAction,
    DeidentificationError,
    Key,
    Note,
    PatientTable,
    Reason,
    Report,
    internals,
)
from profiles import Action, ConfidentialityProfile
from tests.support.objects import Element, ct, part10
from tests.support.running import SECRET

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = {
    "Anonymizer",
    "AttributeAction",
    "DeidentificationError",
    "Key",
    "Note",
    "PatientTable",
    "PatientTableError",
    "Reason",
    "Report",
    "SecretError",
    "anonymize_file",
    "create_key_file",
}
INTERNAL = sorted(name for name in vars(internals) if not name.startswith("_"))


def test_users_find_a_dozen_names() -> None:
    assert set(anonymizer.__all__) == PUBLIC
    assert all(getattr(anonymizer, name).__doc__ for name in PUBLIC)


def test_the_policy_has_a_dozen_names_for_users() -> None:
    assert len(profiles.__all__) == len(set(profiles.__all__)) == 12
    assert all(hasattr(profiles, name) for name in profiles.__all__)


def test_no_name_is_public_and_internal() -> None:
    assert PUBLIC & set(INTERNAL) == set()


@pytest.mark.parametrize("name", [*INTERNAL, "PASSING"])
def test_a_former_name_still_works_and_says_where_it_is_now(name: str) -> None:
    new_name = "TRANSIENT_REASONS" if name == "PASSING" else name
    with pytest.warns(DeprecationWarning, match=rf"anonymizer\.{name} is not .* anonymizer\.internals\.{new_name} now") as caught:
        assert getattr(anonymizer, name) is getattr(internals, new_name)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("name", ["Anonymiser", "__wrapped__", "_engine", "internal"])
def test_other_names_are_none(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'anonymizer' has no attribute '{name}'"):
        getattr(anonymizer, name)


def test_nothing_of_the_project_uses_a_former_name() -> None:
    folders = ("storage", "transforms", "pipeline", "benchmarks", "tests")
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "anonymizer":
                assert {alias.name for alias in node.names} <= {*PUBLIC, "internals"}, path


def test_public_names_give_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(getattr(anonymizer, name) for name in PUBLIC)


# -- reprs ----------------------------------------------------------------------------------------------------------------

#: what stands in the object, in the table, in the profile and in the key
PLANTED = ("doe", "jane", "4711", "charit", "case", "1.2.3", "planted", "secret")


def shown(*things: object) -> str:
    """The reprs of things, alone and in containers."""
    text = "\n".join([*map(repr, things), repr([*things]), *(f"{thing}" for thing in things if isinstance(thing, Exception))])
    assert [word for word in PLANTED if word in text.lower()] == []
    return text


def planted(*more: Element) -> bytes:
    """An object that names a patient, an institution and its UIDs."""
    person = [Element(0x00100010, "PN", "Doe^Jane"), Element(0x00100020, "LO", "MRN-4711")]
    return part10(ct(*person, Element(0x00080080, "LO", "Charite planted"), Element(0x0020000D, "UI", "1.2.3.4"), *more))


def test_an_anonymizer_tells_its_settings() -> None:
    table = PatientTable.load(b"PatientID,NewPatientID,NewPatientName\nMRN-4711,CASE-1,Case^One\n")
    key = Key.generate("Charité")
    text = shown(Anonymizer(ConfidentialityProfile.default("CleanDesc"), key, uid_root="2.999", patients=table), key, table)
    assert text.splitlines()[0] == (
        f"Anonymizer(ConfidentialityProfile.default('CleanDesc'), Key(key_id='{key.key_id}'), uid_root='2.999', "
        "patients=PatientTable(1 rows))"
    )
    profile = ConfidentialityProfile.default(patient_name="Doe^Jane", patient_id="CASE-1")
    shown(Anonymizer(profile.with_rules({"StationName": (Action.D, "CHARITE-CT")}), key))


def test_a_key_shows_neither_secret_nor_scope() -> None:
    key = Key(SECRET, "Charité")
    for form in (SECRET.hex(), repr(SECRET)[2:-1], base64.b64encode(SECRET).decode(), "Charit"):
        assert form not in shown(key)


@pytest.mark.parametrize("options", ["", "RetainUIDs,RetainInstitutionIdent,CleanDesc"])
def test_what_comes_of_an_object_shows_no_value_of_it(options: str, tmp_path: Path) -> None:
    profile = ConfidentialityProfile.default(options).with_rules({"PatientName": Action.K}, insist=True)
    (tmp_path / "in").write_bytes(planted())
    report = Anonymizer(profile, SECRET).anonymize_file(tmp_path / "in", tmp_path / "out")
    assert re.fullmatch(r"<Report: ([CDKUXZ] \d+(, )?)+; notes identity-not-removed>", shown(report).splitlines()[0])
    engine = internals.Engine(profile, Key(SECRET))
    scan = engine.scan(BytesIO(planted()), uids=engine.uids, originals=True)
    assert scan.originals is not None and scan.originals.patient_name == "Doe^Jane"
    shown(scan, scan.originals, internals.Patient.of("MRN-4711", "Charité"))


def test_a_report_tells_notes_and_risks() -> None:
    actions = (AttributeAction("(0010,0010)", "PatientName", "Z", 2), AttributeAction("(0008,1155)", "", "U", 3))
    report = Report("1.2", "1.2", "1.2", "1.2", "1.2", actions, (Note.NO_PREAMBLE,), (Reason.AUDIO, Reason.PIXEL_RISK_SITE))
    assert repr(report) == "<Report: U 3, Z 2; notes no-preamble; risks audio, pixel-risk-site>"
    assert repr(replace(report, actions=(), notes=(), pixel_risks=())) == "<Report: no actions>"


def test_an_error_shows_its_code_and_its_tag() -> None:
    engine = internals.Engine(ConfidentialityProfile(), Key(SECRET))
    bad = BytesIO(planted(Element(0x00280301, "CS", "YES")))
    with pytest.raises(DeidentificationError) as caught:
        engine.scan(bad, uids=engine.uids, originals=True)
    assert caught.value.originals is not None
    assert shown(caught.value).startswith("DeidentificationError('burned-in-annotation at (0028,0301)')\n")
