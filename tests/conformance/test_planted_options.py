"""Real files full of identifiers, under every option and ten combinations: what isn't retained goes, what is retained stays."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

from anonymizer import Anonymizer, DeidentificationError, Key
from anonymizer.internals import Pseudonyms
from profiles import ConfidentialityProfile
from tests.support.keys import KEY, write_key
from tests.support.objects import Element, bundled_files, ct, part10, read
from tests.support.planted_files import PlantedFile, plant, searchable
from tests.support.runs import Run, deidentify
from tests.support.table import OPTIONS, Combination, name_of
from tests.support.tokens import Tokens

#: combinations that users choose; the first is the nearest to what the MIDI-B benchmark expects
COMBINED: tuple[Combination, ...] = (
    ("RetainSafePrivate", "RetainDeviceIdent", "RetainPatientChars", "RetainLongModifDates", "CleanDesc"),
    ("RetainUIDs", "RetainPatientChars", "RetainLongFullDates"),
    tuple(option for option in OPTIONS if option != "RetainLongModifDates"),
    tuple(option for option in OPTIONS if option != "RetainLongFullDates"),
    ("RetainUIDs", "CleanDesc", "CleanStructdCont"),
    ("CleanDesc", "CleanGraph"),
    ("RetainDeviceIdent", "RetainInstitutionIdent"),
    ("RetainUIDs", "RetainLongModifDates"),
    ("RetainPatientChars", "RetainLongFullDates", "CleanDesc", "CleanStructdCont", "CleanGraph"),
    ("RetainSafePrivate", "RetainUIDs", "CleanStructdCont", "CleanGraph"),
)
ALL = ((), *((option,) for option in OPTIONS), *COMBINED)

#: files of many classes, encodings and character sets, each under all combinations; of the others, half take turns
CHOSEN = frozenset(
    {
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "JPEG2000.dcm",
        "rtplan.dcm",
        "rtstruct.dcm",
        "test-SR.dcm",
        "image_dfl.dcm",
        "liver_1frame.dcm",
        "waveform_ecg.dcm",
        "chrH32.dcm",
    }
)
#: every file under every combination
DEEP = bool(os.environ.get("DEID_DEEP"))


@cache
def anonymizer(options: Combination) -> Anonymizer:
    """De-identifies with the tests' key."""
    return Anonymizer(ConfidentialityProfile.default(list(options)), KEY, pixels="keep")


#: no token stands in two files
TOKENS = Tokens()


@cache
def planted(path: Path) -> PlantedFile | None:
    """The file full of tokens; None for one that pydicom can't write again."""
    try:
        return plant(path, TOKENS)
    except Exception:
        return None


@pytest.mark.parametrize("turn", range(len(ALL)), ids=[name_of(options) for options in ALL])
def test_nothing_leaks_but_what_the_options_retain_and_that_is_there(turn: int) -> None:
    options = ALL[turn]
    faults = {}
    seen = 0
    for number, path in enumerate(bundled_files()):
        if not (DEEP or path.name in CHOSEN or number % (2 * len(ALL)) == turn):
            continue
        if (file := planted(path)) is None:
            continue
        seen += 1
        try:
            if found := list(file.faults(options, anonymizer(options).anonymize(file.content))):
                faults[file.name] = found
        except DeidentificationError as error:
            faults[file.name] = [f"refused: {error.reason.value}"]
    assert seen >= len(CHOSEN)
    assert faults == {}


def test_the_search_finds_what_was_planted() -> None:
    for path in bundled_files():
        if path.name in CHOSEN and (file := planted(path)):
            found = set(file.tokens.found_in(searchable(file.content)))
            assert len(found) > 2000
            # the object's own UIDs took the place of three rows' values; behind a deflated data set nothing is found
            assert len(set(file.tokens.planted) - found) <= 4, path.name


# -- the same through the command -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, PlantedFile]]:
    """A folder with the chosen files under names that are tokens, and what was planted in each, by its name."""
    folder = tmp_path_factory.mktemp("archive")
    names = Tokens()
    files = {}
    for path in bundled_files():
        if path.name in CHOSEN and (file := planted(path)):
            below = folder / names.text()
            below.mkdir()
            target = below / f"{names.text()}.dcm"
            target.write_bytes(file.content)
            files[str(target.relative_to(folder))] = file
    return folder, files


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_key(tmp_path_factory.mktemp("key") / "key")


@pytest.mark.parametrize("options", [COMBINED[0], COMBINED[3], COMBINED[4]], ids=name_of)
def test_the_command_leaks_nothing_into_objects_tables_logs_or_names(
    options: Combination, archive: tuple[Path, dict[str, PlantedFile]], key_file: Path, tmp_path: Path
) -> None:
    folder, files = archive
    run = deidentify(folder, tmp_path / "out", key_file, "--options", ",".join(options), "--burned-in", "keep")
    assert run.code == 0, run.log
    written = _objects_by_source(run, files)
    assert len(written) == len(files)
    faults = {}
    for name, file in files.items():
        if found := list(file.faults(options, written[name])):
            faults[file.name] = found
    assert faults == {}
    # nothing but the objects may hold even what the options retain
    everything = Tokens()
    everything.planted = [token for file in files.values() for token in file.tokens.planted]
    names = [str(path.relative_to(folder)) for folder in (run.output, run.audit) for path in folder.rglob("*")]
    if "RetainUIDs" in options:
        everything.planted = [token for token in everything.planted if not token.startswith("1.2.")]
    for text in (run.log, *names):
        assert everything.found_in(_without_new_uids(text.encode())) == []
    for path in run.audit.rglob("*"):
        if path.is_file():
            assert everything.found_in(_without_new_uids(path.read_bytes())) == [], path.name
    for table in ("instances", "uid_map"):
        assert everything.found_in(_without_new_uids(repr(run.table(table)).encode())) == []


def _without_new_uids(content: bytes) -> bytes:
    return re.sub(rb"2\.25\.[0-9]+|[0-9a-f]{32,}", b"", content)


def _objects_by_source(run: Run, files: dict[str, PlantedFile]) -> dict[str, bytes]:
    """The written objects by the names of the files that they came from: the audit knows those by a keyed hash."""
    pseudonyms = Pseudonyms(Key(KEY))
    names = {pseudonyms.source_id(name.encode()): name for name in files}
    rows = [row for row in run.table("instances") if row["status"] == "written"]
    return {names[row["source_id"]]: (run.output / row["output_name"]).read_bytes() for row in rows}


# -- identifiers that look like words ---------------------------------------------------------------------------------------

_NAME, _PATIENT, _DESCRIPTION, _PHYSICIAN = 0x00100010, 0x00100020, 0x0008103E, 0x00080090


def _object(instance: str, *extra: Element) -> bytes:
    return part10(ct(Element(0x00080018, "UI", instance), *extra))


@pytest.mark.parametrize(
    ("identifying", "description", "gone"),
    [
        (Element(_NAME, "PN", "Brain^Anna"), "MRI brain without contrast", "brain"),
        (Element(_NAME, "PN", "Doe^Contrast"), "CT WITH CONTRAST", "contrast"),
        (Element(_PHYSICIAN, "PN", "Head^Otto"), "CT head", "head"),
        (Element(_PATIENT, "LO", "AXIAL7"), "axial7 brain", "axial7"),
        (Element(_NAME, "PN", "Müller^Jörg".encode("latin-1")), "brain Mueller", "mueller"),
        (Element(0x00080050, "SH", "4711"), "brain 4711", "4711"),
        (Element(0x00100030, "DA", "19700131"), "brain 31.01.1970", "1970"),
    ],
)
def test_a_clinical_word_that_names_the_patient_goes_too(identifying: Element, description: str, gone: str) -> None:
    charset = Element(0x00080005, "CS", "ISO_IR 100")
    output = anonymizer(("CleanDesc",)).anonymize(
        _object("1.2.3.1", charset, identifying, Element(_DESCRIPTION, "LO", description))
    )
    assert gone not in read(output).get("SeriesDescription", "").lower()


@pytest.mark.parametrize(
    ("identifier", "telling"),
    [
        ("Jane Doe", ["jane", "doe"]),
        ("DOE^JANE", ["jane", "doe"]),
        ("Dr. Kowalczyk", ["kowalczyk"]),
        ("MRN-4711", ["4711"]),
        ("0123456789", ["0123456789"]),
        ("2020-01-31", ["2020"]),
        ("31.01.2020", ["2020"]),
        ("20200131", ["2020"]),
        ("Jan 31, 2020", ["31", "2020"]),
        ("+49 30 1234567", ["1234567", "49"]),
        ("jane.smith@example.org", ["jane", "smith", "example"]),
        ("12 Elm Street", ["12", "elm"]),
        ("93 years old", ["93"]),
        ("http://example.org/smith", ["example", "smith"]),
        ("123-45-6789", ["123", "6789"]),
        ("St. Mary Hospital Springfield", ["mary", "springfield"]),
        ("1.2.840.113619.2.55.3", ["113619"]),
    ],
)
def test_what_looks_like_an_identifier_goes_and_the_words_around_it_stay(identifier: str, telling: list[str]) -> None:
    blob = _object("1.2.3.1", Element(_DESCRIPTION, "LO", f"CT abdomen {identifier} without contrast"))
    left = str(read(anonymizer(("CleanDesc",)).anonymize(blob)).SeriesDescription).lower()
    assert {"ct", "abdomen", "contrast"} <= set(re.findall(r"\w+", left))
    assert [part for part in telling if part in left] == []


def test_in_the_job_names_known_from_another_object_of_the_study_go(key_file: Path, tmp_path: Path) -> None:
    archive = tmp_path / "in"
    archive.mkdir()
    named = [Element(_NAME, "PN", "Brain^Anna"), Element(_PATIENT, "LO", "P1")]
    unnamed = [Element(_NAME, "PN", ""), Element(_PATIENT, "LO", "P1"), Element(_DESCRIPTION, "LO", "MRI brain without contrast")]
    (archive / "a").write_bytes(_object("1.2.3.1", *named))
    (archive / "b").write_bytes(_object("1.2.3.2", *unnamed))
    run = deidentify(archive, tmp_path / "out", key_file, "--options", "CleanDesc")
    assert run.code == 0, run.log
    descriptions = [str(read(content).get("SeriesDescription", "")).lower() for content in run.objects().values()]
    assert len(descriptions) == 2
    assert not any("brain" in description for description in descriptions)
    assert any("contrast" in description for description in descriptions)
