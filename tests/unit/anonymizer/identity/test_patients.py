"""Who a patient is, and the lookup table: nobody is joined, nothing is guessed, no identifier shows."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import Key
from anonymizer.identity.patients import NewIdentity, Patient, PatientTable, PatientTableError, pseudonym_message, shift_message
from tests.support.running import SECRET

WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=6)
IDS = WORDS.filter(lambda text: text.strip() != "")


def csv_table(path: Path, text: str | bytes) -> PatientTable:
    """The table of a CSV file with this content."""
    file = path / "table.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return PatientTable.load(file)


def parquet_table(path: Path, **columns: object) -> PatientTable:
    """The table of a Parquet file with these columns."""
    file = path / "table.parquet"
    pq.write_table(pa.table(columns), file)
    return PatientTable.load(file)


def error(path: Path, text: str | bytes) -> str:
    """Why a CSV file with this content is refused."""
    with pytest.raises(PatientTableError) as caught:
        csv_table(path, text)
    return str(caught.value)


# -- what is hashed -------------------------------------------------------------------------------------------------------


@given(IDS, WORDS, IDS, WORDS)
def test_no_two_patients_have_one_message(id_1: str, issuer_1: str, id_2: str, issuer_2: str) -> None:
    one, other = Patient.of(id_1, issuer_1), Patient.of(id_2, issuer_2)
    assert (pseudonym_message(one) == pseudonym_message(other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"), [(("A", "B"), ("AB", "")), (("A", "BC"), ("AB", "C")), (("A", ""), ("A", "B")), (("A", "B"), ("B", "A"))]
)
def test_id_and_issuer_never_flow_into_one_another(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert pseudonym_message(Patient(*one)) != pseudonym_message(Patient(*other))


@given(IDS)
def test_without_an_issuer_pseudonyms_are_what_they_were(patient_id: str) -> None:
    assert pseudonym_message(Patient(patient_id, "")) == unicodedata.normalize("NFC", patient_id.strip()).encode()


def test_blanks_and_composition_make_no_other_patient() -> None:
    assert Patient.of(" Mu\u0308ller-7 ", " KH\u00a0") == Patient("Müller-7", "KH")
    assert pseudonym_message(Patient("Mu\u0308ller-7 ", " KH")) == pseudonym_message(Patient("Müller-7", "KH"))


@pytest.mark.parametrize("patient", [("", ""), ("  ", ""), ("", "HOSPITAL"), ("A\0B", ""), ("A", "\0B")])
def test_who_has_no_id_is_never_given_a_message(patient: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="no PatientID") as caught:
        pseudonym_message(Patient(*patient))
    assert "HOSPITAL" not in str(caught.value)


def test_dates_move_by_patient_or_else_by_study() -> None:
    assert shift_message(Patient("A", "X"), b"1.2.3") == pseudonym_message(Patient("A", "X"))
    assert shift_message(Patient(" ", "X"), b"1.2.3") == shift_message(Patient("", ""), b"1.2.3")
    assert shift_message(Patient("", ""), b"1.2.3") != shift_message(Patient("", ""), b"1.2.4")
    assert shift_message(Patient("", ""), b"1.2.3") != pseudonym_message(Patient("1.2.3", ""))
    with pytest.raises(ValueError, match="no study"):
        shift_message(Patient("", "X"), b"")


# -- finding patients -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "PatientID,NewPatientID,NewPatientName\n007,T-1,Case^One\nMüller,T-2,\n",
        "PatientID;NewPatientID;NewPatientName\r\n007;T-1;Case^One\r\nMüller;T-2;\r\n",
        '\ufeff"patient_id",new_patient_id,NEW_PATIENT_NAME\n007,T-1,Case^One\nMu\u0308ller,T-2,\n',
        'Patient ID;"New Patient ID";New patient name\n"007";"T-1";"Case^One"\n\n;;\n Müller ; T-2 ; \n',
        "new_patient_name,PatientID,NewPatientID\nCase^One,007,T-1\n,Müller,T-2",
    ],
)
def test_tables_as_people_and_spreadsheets_write_them(tmp_path: Path, text: str) -> None:
    table = csv_table(tmp_path, text)
    assert len(table) == 2
    assert table.find(Patient("007", "")) == NewIdentity("T-1", "Case^One")
    assert table.find(Patient("Müller", "")) == NewIdentity("T-2", None)
    assert table.find(Patient("7", "")) is None


def test_a_comma_may_stand_in_quotation_marks(tmp_path: Path) -> None:
    table = csv_table(tmp_path, 'PatientID,NewPatientID\n"A,1","T,""1"""\n')
    assert table.find(Patient("A,1", "")) == NewIdentity('T,"1"', None)


def test_parquet_tables_are_known_by_their_content(tmp_path: Path) -> None:
    columns = {"patient_id": ["007", "A"], "NewPatientID": ["T-1", "T-2"], "new_patient_name": ["Case^One", None]}
    pq.write_table(pa.table(columns), tmp_path / "table.csv")
    table = PatientTable.load(tmp_path / "table.csv")
    assert table.find(Patient("007", "")) == NewIdentity("T-1", "Case^One")
    assert table.find(Patient("A", "")) == NewIdentity("T-2", None)


def test_parquet_text_may_be_stored_in_other_ways(tmp_path: Path) -> None:
    table = parquet_table(
        tmp_path,
        PatientID=pa.array(["A", "B"]).dictionary_encode(),
        NewPatientID=pa.array(["T-1", "T-2"], pa.large_string()),
        NewPatientName=pa.nulls(2),
    )
    assert table.find(Patient("B", "")) == NewIdentity("T-2", None)


def test_two_issuers_may_have_given_one_id_to_two_patients(tmp_path: Path) -> None:
    table = csv_table(tmp_path, "PatientID,IssuerOfPatientID,NewPatientID\n7,X,T-1\n7,Y,T-2\n8,X,T-3\n9,,T-4\n9,X,T-5\n")
    found = {
        patient: table.find(Patient(*patient))
        for patient in [("7", "X"), ("7", "Y"), ("8", "X"), ("9", "X"), ("9", "Z"), ("9", "")]
    }
    assert [identity.patient_id for identity in found.values() if identity] == ["T-1", "T-2", "T-3", "T-5", "T-4", "T-4"]
    for stranger in (("7", ""), ("7", "Z"), ("8", ""), ("8", "Y"), ("X", "7")):
        assert table.find(Patient(*stranger)) is None


def test_the_same_row_twice_is_no_contradiction(tmp_path: Path) -> None:
    assert len(csv_table(tmp_path, "PatientID,NewPatientID\n1,X\n1,X\n2,Y\n1 , X\n")) == 2


def test_one_patient_with_and_without_an_issuer_may_keep_one_new_id(tmp_path: Path) -> None:
    table = csv_table(tmp_path, "PatientID,IssuerOfPatientID,NewPatientID\n7,X,T\n7,,T\n")
    assert table.find(Patient("7", "X")) == table.find(Patient("7", "")) == NewIdentity("T", None)


# -- what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the header has no column PatientID and no column NewPatientID"),
        ("PatientID\nDOE\n", "the header has no column NewPatientID"),
        ("DOE,T-1\nROE,T-2\n", "column 1 of the header is none of PatientID, NewPatientID, IssuerOfPatientID, NewPatientName"),
        ("PatientID,NewPatientID,patient_id\nDOE,T,DOE\n", "column PatientID stands twice in the header"),
        ("PatientID,NewPatientID\nDOE,T\nROE,\n", "row 3, column NewPatientID: it is empty: fill in a new ID for each patient"),
        ("PatientID,NewPatientID\n  ,T\n", "row 2, column PatientID: it is empty"),
        ("PatientID,NewPatientID\nDOE\n", "row 2: as many cells as the header has are needed"),
        ("PatientID,NewPatientID\nDOE,T,x\n", "row 2: as many cells as the header has are needed"),
        (
            "PatientID,NewPatientID\nDOE,T\nROE,U\nDOE,V\n",
            "row 4: the same patient stands in an earlier row, with another result",
        ),
        (
            "PatientID,NewPatientID,NewPatientName\nDOE,T,A\nDOE,T,B\n",
            "row 3: the same patient stands in an earlier row, with another result",
        ),
        ("PatientID,NewPatientID\nDOE,T\n\nROE,T\n", "row 4, column NewPatientID: another patient has it already"),
        ("PatientID,NewPatientID\nDOE,Mu\u0308\nROE,Mü\n", "row 3, column NewPatientID: another patient has it already"),
        (
            "PatientID,IssuerOfPatientID,NewPatientID\nDOE,X,T\nDOE,Y,T\n",
            "row 3, column NewPatientID: another patient has it already",
        ),
        (
            "PatientID,IssuerOfPatientID,NewPatientID\nDOE,,T\nDOE,X,T\nDOE,Y,T\n",
            "row 4, column NewPatientID: another patient has it already",
        ),
        ("PatientID,NewPatientID\nA,B\nDOE,DOE\n", "row 3, column NewPatientID: it is an original PatientID of the table"),
        ("PatientID,NewPatientID\n1,2\n1,2\n3,1\n", "row 4, column NewPatientID: it is an original PatientID of the table"),
        (
            "PatientID,NewPatientID\nDOE,T\\1\n",
            "row 2, column NewPatientID: a backslash, control character or invisible character",
        ),
        (
            "PatientID,NewPatientID\nDOE,T\x1b$B\n",
            "row 2, column NewPatientID: a backslash, control character or invisible character",
        ),
        (
            "PatientID,NewPatientID\nDOE\u200b1,T\n",
            "row 2, column PatientID: a backslash, control character or invisible character",
        ),
        (
            'PatientID,NewPatientID\n"DOE\nJ",T\n',
            "row 3, column PatientID: a backslash, control character or invisible character",
        ),
        (f"PatientID,NewPatientID\nDOE,{'T' * 65}\n", "row 2, column NewPatientID: longer than 64 characters"),
        ('PatientID,NewPatientID\n"DOE"x,T\n', "row 2: broken quotation marks or line"),
        ('PatientID,NewPatientID\nROE,U\n"DOE,T\n', "row 3: broken quotation marks or line"),
        ("PatientID,NewPatientID\nDOE,T\n".encode("utf-16"), "the patient table is neither Parquet nor UTF-8 text"),
        (b"PatientID,NewPatientID\nD\xd6E,T\n", "the patient table is neither Parquet nor UTF-8 text"),
        (b"PAR1 DOE", "the patient table is no Parquet file that can be read"),
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused_without_showing_anyone(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    assert error(tmp_path, text) == expected
    assert "DOE" not in expected


@pytest.mark.parametrize("name", ["A=B=C=D", "A^B^C^D^E^F", "x" * 65, f"A={'x' * 65}", "^^", "= ="])
def test_a_new_name_that_is_no_person_name_is_refused(tmp_path: Path, name: str) -> None:
    assert "row 2, column NewPatientName" in error(tmp_path, f"PatientID,NewPatientID,NewPatientName\nDOE,T,{name}\n")


@pytest.mark.parametrize("name", ["Case", "Fall^Jörg^^^", "Yamada^Tarou=山田^太郎=やまだ^たろう", "山田\u3000太郎", "x" * 64])
def test_a_new_name_may_be_any_person_name(tmp_path: Path, name: str) -> None:
    table = csv_table(tmp_path, f"PatientID,NewPatientID,NewPatientName\nDOE,{'T' * 64},{name}\n")
    assert table.find(Patient("DOE", "")) == NewIdentity("T" * 64, name)


@pytest.mark.parametrize(
    "ids", [pa.array([7, 8]), pa.array([7.0, 8.0]), pa.array([b"7", b"8"]), pa.array([7, 8]).dictionary_encode()]
)
def test_numbers_are_no_patient_ids(tmp_path: Path, ids: object) -> None:
    with pytest.raises(PatientTableError, match="column 2: text is needed; numbers have lost their leading zeros"):
        parquet_table(tmp_path, NewPatientID=["T", "U"], PatientID=ids)


def test_rows_of_a_parquet_table_are_counted_from_one(tmp_path: Path) -> None:
    with pytest.raises(PatientTableError, match="row 2, column PatientID: it is empty"):
        parquet_table(tmp_path, PatientID=["DOE", None], NewPatientID=["T", "U"])


def test_a_damaged_parquet_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "table.parquet"
    pq.write_table(pa.table({"PatientID": ["DOE"] * 1000, "NewPatientID": ["T"] * 1000}), file)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(PatientTableError, match="no Parquet file"):
        PatientTable.load(file)


def test_parquet_text_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PatientTableError, match="no Parquet file"):
        parquet_table(tmp_path, PatientID=pa.array([b"D\xd6E"]).view(pa.string()), NewPatientID=["T"])


@pytest.mark.parametrize("rows", ["", "\n", "\n\n,\n , \n", "\n  ,\t\n"])
def test_a_table_without_a_patient_is_refused(tmp_path: Path, rows: str) -> None:
    with pytest.raises(PatientTableError, match="the patient table names no patient"):
        csv_table(tmp_path, f"PatientID,NewPatientID{rows}")


def test_no_other_table_without_a_patient_is_taken(tmp_path: Path) -> None:
    with pytest.raises(PatientTableError, match="the patient table names no patient"):
        parquet_table(tmp_path, PatientID=pa.array([], pa.string()), NewPatientID=pa.array([], pa.string()))
    with pytest.raises(PatientTableError, match="the patient table names no patient"):
        PatientTable(["PatientID", "NewPatientID"], [])


def test_a_file_that_is_not_there_is_refused_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(PatientTableError, match="can't be read") as caught:
        PatientTable.load(tmp_path / "DOE.csv")
    assert "DOE" not in str(caught.value)


@given(st.binary(max_size=60))
def test_whatever_the_file_holds_it_is_a_table_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    for start in (b"", b"PAR1", b"PatientID,NewPatientID\n"):
        file.write_bytes(start + content)
        try:
            PatientTable.load(file)
        except PatientTableError:
            continue


# -- keeping it to itself -------------------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path) -> PatientTable:
    return csv_table(tmp_path, "PatientID,NewPatientID\nDOE,T-1\nROE,T-2\n")


def test_a_table_shows_how_long_it_is_and_nobody_in_it(table: PatientTable) -> None:
    assert repr(table) == str(table) == "PatientTable(2 rows)"


@pytest.mark.parametrize("carry", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_table_is_never_pickled(table: PatientTable, carry: Callable[[PatientTable], object]) -> None:
    with pytest.raises(TypeError, match="never pickled"):
        carry(table)


def test_the_digest_tells_tables_apart_whatever_their_order_to_who_has_the_key(table: PatientTable, tmp_path: Path) -> None:
    digest = table.digest(Key(SECRET))
    assert digest == csv_table(tmp_path, "new_patient_id;patient_id\nT-2;ROE\nT-1;DOE\n").digest(Key(SECRET))
    assert digest != table.digest(Key(SECRET[::-1]))
    for other in ("DOE,T-1,\nROE,T-2,N\n", "DOE,T-1,\n", "DOE,T-2,\nROE,T-1,\n"):
        assert digest != csv_table(tmp_path, "PatientID,NewPatientID,NewPatientName\n" + other).digest(Key(SECRET))


def test_only_who_has_a_parquet_table_waits_for_its_reader() -> None:
    code = "import sys, anonymizer.identity.patients; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[4], check=False).returncode == 0


def test_only_apostrophes_that_a_spreadsheet_needs_are_taken_away() -> None:
    table = PatientTable.load(b"PatientID,NewPatientID\n'O,'-1\n'-7,B\n''-8,C\n")
    assert table.find(Patient("'O", "")) == NewIdentity("'-1", None)
    assert table.find(Patient("-7", "")) == NewIdentity("B", None)
    assert table.find(Patient("'-8", "")) == NewIdentity("C", None)
