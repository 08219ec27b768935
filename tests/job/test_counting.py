"""Nothing that a run leaves can be undone by counting: no hash of a word that identifies somebody occurs for two of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgpack
import pytest

from anonymizer.internals import SEAL_SIZE
from tests.engine.test_killed_workers import at_work
from tests.server.test_restart import kill_all
from tests.support.objects import Element, read
from tests.support.runs import Run, ct_file, deidentify
from transforms.ledger import unpack_entries

CLEANING = "--options=CleanDesc"
#: clinical words: a description keeps them unless they are known to be somebody's name
SURNAMES = ("Chest", "Contrast", "Knee")
PATIENTS, STUDIES = 60, 3
WORD = 8


def write_patients(folder: Path) -> Path:
    """Patients who share few surnames; each name stands in one of the patient's studies only, in an object without PatientID.

    All objects have the same descriptions.
    """
    folder.mkdir()
    for patient in range(PATIENTS):
        surname = SURNAMES[min(patient % 6, 2)]
        for study in range(STUDIES):
            uid = f"1.2.3.{patient}.{study}"
            text = Element(0x00081030, "LO", "MRI chest without contrast, MRI knee")
            mrn = Element(0x00100020, "LO", f"MRN-{patient}-SECRETNAME")
            for number in range(3):
                more = [mrn, text, Element(0x00081155, "UI", f"{uid}.8.{number}")]
                (folder / f"{patient}-{study}-{number}").write_bytes(ct_file(f"{uid}.9.{number}", *more, study=uid))
            if study == 0:
                name = [text, Element(0x00100020, "LO", ""), Element(0x00100010, "PN", f"{surname}^Jane")]
                (folder / f"{patient}-{study}-name").write_bytes(ct_file(f"{uid}.9.9", *name, study=uid))
    return folder


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patients(tmp_path_factory.mktemp("archive") / "SECRETNAME")


@pytest.fixture(scope="module")
def undisturbed(patients: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = deidentify(patients, tmp_path_factory.mktemp("undisturbed") / "output", key_file, CLEANING)
    assert run.code == 0, run.log
    return run


def hashes(words: bytes) -> set[bytes]:
    """What may be the hashes of words, one behind the other."""
    return {words[at : at + WORD] for at in range(0, len(words), WORD)}


def test_no_hash_in_the_table_of_words_occurs_for_two(undisturbed: Run) -> None:
    rows = undisturbed.table("words-")
    # of each study and each patient, and of those who are but a study without an ID
    assert len(rows) == PATIENTS * (STUDIES + 1 + 1)
    assert len({row["who"] for row in rows}) == len(rows)
    counts = Counter(one for row in rows for column, words in row.items() if column != "who" for one in hashes(words))
    assert len(counts) > 2 * PATIENTS * STUDIES and max(counts.values()) == 1


def test_no_hash_in_a_ledger_occurs_for_two(patients: Path, key_file: Path, tmp_path: Path, undisturbed: Run) -> None:
    with at_work(patients, tmp_path, key_file, CLEANING) as run:
        run.wait_for("scanned", PATIENTS * STUDIES * 3)
        kill_all(run)
    whose: dict[bytes, set[bytes]] = {}
    for path in tmp_path.rglob("ledger-*.bin"):
        groups, *_ = unpack_entries(msgpack.unpackb(path.read_bytes()[SEAL_SIZE:])[-1])
        for group in groups:
            for one in hashes(group.shared.words):
                whose.setdefault(one, set()).add(group.shared.person)
    assert len(whose) > PATIENTS and max(map(len, whose.values())) == 1
    # and what it tells is of use: the names of objects that are not scanned again are cleaned away
    again = deidentify(patients, run.output, key_file, CLEANING)
    assert again.code == 0 and again.report["origin"]["takes_up"], again.log
    assert again.objects() == undisturbed.objects()


def test_a_name_in_one_study_is_cleaned_from_all_studies_of_the_patient(undisturbed: Run) -> None:
    """Whoever has the ID in common with objects of the study in which the name stands."""
    of_patient: dict[str, set[str]] = {}
    for content in undisturbed.objects().values():
        found = read(content)
        if found.PatientID:
            of_patient.setdefault(found.PatientID, set()).add(str(found.StudyDescription).lower())
    assert len(of_patient) == PATIENTS and {len(texts) for texts in of_patient.values()} == {1}
    left = Counter(next(surname for surname in SURNAMES if surname.lower() not in text) for (text,) in of_patient.values())
    assert left == {"Chest": 10, "Contrast": 10, "Knee": 40}
