"""The job screens by what all objects of a patient or study know, and tells it without a word of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.compressed_frames import COM, encapsulated, jpeg, segment
from tests.support.objects import EXPLICIT, SYNTAXES, Element, read
from tests.support.runs import Run, audit_of, ct_file, deidentify
from tests.support.screening import CHARSET, KEPT, OPERATOR, VERSION, WHO, ZWICKEL

PATIENT_ID, NAME, ACCESSION = 0x00100020, 0x00100010, 0x00080050
TEXT = f"by {WHO}"


def scanned(number: int, *extra: Element, study: str = "1.2.3.1", patient: str = "MRN-471134", syntax: str = EXPLICIT) -> bytes:
    """An object of a study; nobody is named but the patient, by an ID."""
    who = {element.tag: element for element in (Element(NAME, "PN", ""), Element(PATIENT_ID, "LO", patient), *extra)}
    return ct_file(f"1.2.3.9.{number}", Element(0x00200013, "IS", str(number)), *who.values(), study=study, syntax=syntax)


def run_over(folder: Path, key: Path, *objects: bytes, flags: tuple[str, ...] = (), output: str = "out") -> Run:
    """A run over a folder with these objects."""
    archive = folder / "in"
    archive.mkdir(exist_ok=True)
    for number, content in enumerate(objects):
        (archive / f"{number}.dcm").write_bytes(content)
    run = deidentify(archive, folder / output, key, *flags)
    assert run.code in (0, 3), run.log
    return run


def versions(run: Run, tag: int = VERSION) -> dict[int, str | None]:
    """What stayed of a value, by InstanceNumber."""
    found = {}
    for content in run.objects().values():
        dataset = read(content)
        found[int(dataset.InstanceNumber)] = str(dataset[tag].value) if tag in dataset else None
    return found


def said(run: Run) -> list[bytes]:
    """The bytes of all files of the audit, and the log."""
    return [*(path.read_bytes() for path in audit_of(run.output).rglob("*") if path.is_file()), run.log.encode()]


def with_notes(run: Run) -> list[dict[str, Any]]:
    """Rows of objects that were screened."""
    return [row for row in run.table("instances") if KEPT in (row["notes"] or [])]


OTHERS = [
    scanned(1, Element(OPERATOR, "PN", f"{WHO}^Eva")),
    # of the same study, of the patient's other study, of another patient, of another patient in the same study
    scanned(2, Element(VERSION, "LO", TEXT)),
    scanned(3, Element(VERSION, "LO", TEXT), study="1.2.3.2"),
    scanned(4, Element(VERSION, "LO", TEXT), study="1.2.3.3", patient="MRN-998877"),
    scanned(5, Element(VERSION, "LO", TEXT), patient="MRN-887766"),
]


@pytest.mark.parametrize("options", [(), ("--options", "CleanDesc"), ("--options", "RetainSafePrivate,RetainUIDs")])
def test_what_one_object_knows_goes_from_others_of_its_patient_and_study(
    tmp_path: Path, key_file: Path, options: tuple[str, ...]
) -> None:
    run = run_over(tmp_path, key_file, *OTHERS, flags=options)
    assert versions(run) == {1: None, 2: None, 3: None, 4: TEXT, 5: None}
    rows = with_notes(run)
    assert len(rows) == 3
    for row in rows:
        actions = [action for action in row["actions"] if action["reason"]]
        assert [(action["path"], action["action"], action["count"], action["reason"]) for action in actions] == [
            ("(0018,1020)", "X", 1, KEPT)
        ]
    for content in said(run):
        for secret in (WHO, "471134", "998877", "MRN-"):
            assert secret.encode().lower() not in content.lower()


def pairs(*cases: tuple[Element, Element], script: tuple[Element, ...] = (), syntax: str = EXPLICIT) -> list[bytes]:
    """Of each case a patient with two objects: one that names somebody, and one with a text, numbered from 0."""
    objects = []
    for number, (named, text) in enumerate(cases):
        own = {"study": f"1.2.4.{number}", "patient": f"MRN-88{number:04}", "syntax": syntax}
        objects += [scanned(100 + number, *script, named, **own), scanned(number, *script, text, **own)]
    return objects


def test_in_every_syntax_and_spelling(tmp_path: Path, key_file: Path) -> None:
    texts = [WHO, WHO.upper(), f"x_{WHO.lower()}2", f"Eva{WHO}", f"4.1\\{WHO}"]
    named = Element(0x00080090, "PN", f"{WHO}^Eva")
    for name, syntax in SYNTAXES.items():
        objects = pairs(*((named, Element(VERSION, "LO", text)) for text in texts), syntax=syntax)
        (tmp_path / name).mkdir()
        assert set(versions(run_over(tmp_path / name, key_file, *objects)).values()) == {None}


def test_identifiers_go_and_common_and_short_words_stay(tmp_path: Path, key_file: Path) -> None:
    cases = [
        (Element(ACCESSION, "SH", "ACC2024001"), Element(VERSION, "LO", "no ACC2024001")),
        (Element(ACCESSION, "SH", "88776655"), Element(VERSION, "LO", "no 88776655")),
        (Element(ACCESSION, "SH", "123-45-6789"), Element(VERSION, "LO", "no 123-45-6789")),
        (Element(OPERATOR, "PN", "Head^Ann"), Element(VERSION, "LO", "Head coil Ann")),
    ]
    found = versions(run_over(tmp_path, key_file, *pairs(*cases)))
    assert [found[number] for number in range(4)] == [None, None, None, "Head coil Ann"]


@pytest.mark.parametrize(
    ("charset", "codec", "name"),
    [
        ("ISO_IR 192", "utf-8", "Иванов"),
        ("ISO_IR 144", "iso8859_5", "Иванов"),
        ("GB18030", "gb18030", "王小东"),
    ],
)
def test_names_of_other_objects_go_in_other_scripts(tmp_path: Path, key_file: Path, charset: str, codec: str, name: str) -> None:
    case = Element(OPERATOR, "PN", name.encode(codec)), Element(VERSION, "LO", f"by {name}".encode(codec))
    found = versions(run_over(tmp_path, key_file, *pairs(case, script=(Element(CHARSET, "CS", charset),))))
    assert found[0] is None


def test_numbers_of_other_objects_go_from_numbers(tmp_path: Path, key_file: Path) -> None:
    case = Element(ACCESSION, "SH", "88776655"), Element(0x00200012, "IS", "88776655")
    # type 2: emptied
    assert "88776655" not in str(versions(run_over(tmp_path, key_file, *pairs(case)), 0x00200012)[0])


def test_what_can_not_go_is_quarantined_and_the_row_says_where(tmp_path: Path, key_file: Path) -> None:
    frame = jpeg(segment(COM, TEXT.encode()))
    blob = encapsulated([frame], ZWICKEL, Element(PATIENT_ID, "LO", "MRN-471134"))
    run = run_over(tmp_path, key_file, blob, scanned(1))
    assert run.code == 3
    assert run.report["reasons"] == {"identifier-left": 1}
    (row,) = [row for row in run.table("instances") if row["status"] == "quarantined"]
    assert (row["reason"], row["reason_tag"]) == ("identifier-left", "(7fe0,0010)")
    assert len(run.objects()) == 1
    assert not any(WHO.encode().lower() in content.lower() for content in said(run))


def test_what_goes_of_an_object_itself_is_in_its_row(tmp_path: Path, key_file: Path) -> None:
    inner = [Element(VERSION, "LO", TEXT)]
    run = run_over(tmp_path, key_file, scanned(1, ZWICKEL, *inner, Element(0x00081115, "SQ", [inner, inner])))
    (row,) = with_notes(run)
    assert {(action["path"], action["count"]) for action in row["actions"] if action["reason"] == KEPT} == {
        ("(0018,1020)", 1),
        ("(0008,1115)>(0018,1020)", 2),
    }
    assert not any(WHO.encode().lower() in content.lower() for content in said(run))


def test_without_the_screen_words_stay_and_the_settings_say_so(tmp_path: Path, key_file: Path) -> None:
    run = run_over(tmp_path, key_file, *OTHERS, flags=("--screen", "off"))
    assert versions(run) == {1: None, 2: TEXT, 3: TEXT, 4: TEXT, 5: TEXT}
    assert run.report["settings"]["screen"] is False
    assert {read(content).PatientIdentityRemoved for content in run.objects().values()} == {"NO"}
    screened = run_over(tmp_path, key_file, flags=("--screen", "on"), output="screened")
    assert screened.report["settings"]["screen"] is True
    assert screened.report["settings"]["settings_digest"] != run.report["settings"]["settings_digest"]
    assert {read(content).PatientIdentityRemoved for content in screened.objects().values()} == {"YES"}


def test_the_next_night_knows_the_words_of_the_last_one(tmp_path: Path, key_file: Path) -> None:
    first = run_over(tmp_path, key_file, OTHERS[0], flags=("--resume",))
    assert len(first.objects()) == 1
    archive = tmp_path / "in"
    for number, content in enumerate(OTHERS[1:], 1):
        (archive / f"{number}.dcm").write_bytes(content)
    # it isn't read again
    second = deidentify(archive, tmp_path / "out", key_file, "--resume")
    assert second.code == 0, second.log
    assert second.report["counts"]["skipped"] == 1
    assert versions(second) == {1: None, 2: None, 3: None, 4: TEXT, 5: None}
    assert not any(WHO.encode().lower() in content.lower() for content in said(second))
