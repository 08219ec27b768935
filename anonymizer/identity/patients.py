"""Patients by their identifiers, and the lookup table by which a site assigns new ones."""

from __future__ import annotations

import csv
import hmac
import io
import os
import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO, NamedTuple, NoReturn

from profiles import UserFacingError

from ..keys.key import Key
from ..keys.purposes import Purpose

_MAX_LENGTH = 64
_REQUIRED = ("PatientID", "NewPatientID")
_COLUMNS = (*_REQUIRED, "IssuerOfPatientID", "NewPatientName")
_BY_NAME = {name.lower(): name for name in _COLUMNS}
#: characters that are illegal in LO and PN (PS3.5 6.2) or invisible: control and format characters, lone surrogates
_ILLEGAL = re.compile("[\x00-\x1f\x7f-\x9f\\\\\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
#: the apostrophe before a spreadsheet formula, in tables that this program wrote (``pipeline.safe_csv``)
_DEFUSED = re.compile("(^|[;|])'(?=[\\s\"'`\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff0b\uff0d\uff1d\uff20])")
#: columns that this program fills in
_PRINTED = ("PatientID", "IssuerOfPatientID")
_PARQUET = b"PAR1"
#: maximum length of a line in characters, above that of the longest cell that csv accepts
_LONGEST_LINE = 1 << 20

#: (number of the row, its cells); the header comes first
_Rows = Iterator[tuple[int, Sequence[str]]]


class PatientTableError(UserFacingError, ValueError):
    """An unusable lookup table. The message names row and column, and holds no value of the table."""

    is_usage = True


class Patient(NamedTuple):
    """A patient by the identifiers in an object (PS3.3 C.7.1.1), decoded, stripped of white space, in Unicode form NFC.

    Attributes:
        patient_id: PatientID (0010,0020).
        issuer: IssuerOfPatientID (0010,0021), ``""`` if there is none.
    """

    patient_id: str
    issuer: str

    def __repr__(self) -> str:
        return "<Patient>"

    @classmethod
    def of(cls, patient_id: str, issuer: str = "") -> Patient:
        """Return the patient with these decoded values, normalized."""
        return cls(_normal(patient_id), _normal(issuer))


class NewIdentity(NamedTuple):
    """The new identity of a patient in the lookup table.

    Attributes:
        patient_id: the new PatientID.
        patient_name: the new PatientName, None if the table has none.
    """

    patient_id: str
    patient_name: str | None

    def __repr__(self) -> str:
        return "<NewIdentity>"


def pseudonym_message(patient: Patient) -> bytes:
    """Return the HMAC message of a patient, which no two patients share.

    Without an issuer it is the PatientID alone.

    Raises:
        ValueError: the PatientID is empty, which identifies nobody, or a value contains a NUL, which is illegal.
    """
    patient_id, issuer = Patient.of(*patient)
    if not patient_id or "\0" in patient_id + issuer:
        raise ValueError("no PatientID that names a patient")
    return _key(patient_id, issuer)


def shift_message(patient: Patient, study_uid: bytes) -> bytes:
    """Return the HMAC message of the date shift: the patient's, or the study's if there is no PatientID.

    Raises:
        ValueError: neither is known.
    """
    if Patient.of(*patient).patient_id:
        return pseudonym_message(patient)
    if not study_uid:
        raise ValueError("no patient and no study")
    # no message of a patient begins with NUL
    return b"\0" + study_uid


class PatientTable:
    """A lookup table of new identities by original ones.

    It holds identifiers, so it is never pickled (workers load it), and its representation shows none.
    """

    def __init__(self, header: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Build the table from its rows.

        Args:
            header: names of the columns: PatientID and NewPatientID, optionally IssuerOfPatientID and NewPatientName. Case and
                characters other than letters are ignored.
            rows: (row number for messages, cells); rows of empty cells are skipped.

        Raises:
            PatientTableError: a column is missing, unknown or repeated; a value is empty or illegal; a patient has two new
                identities; two patients share one, which would merge them; a new ID is also an original one; no patient.
        """
        columns = _columns(header)
        self._rows: dict[bytes, bytes] = {}
        #: the patient of each new ID; ``numbers`` holds their row numbers in the same order
        owners: dict[bytes, bytes] = {}
        numbers = array("Q")
        for number, cells in rows:
            row = [_normal(cell) for cell in cells]
            if not any(row):
                continue
            if len(row) != len(header):
                raise PatientTableError(f"row {number}: as many cells as the header has are needed")
            patient_id, new_id, issuer, name = (row[column] if column is not None else "" for column in columns)
            _check(number, patient_id, new_id, issuer, name)
            key, new = _key(patient_id, issuer), new_id.encode()
            owner = owners.get(new)
            if owner is None:
                owners[new] = key
                numbers.append(number)
            elif not _may_be_one(owner, key):
                raise PatientTableError(f"row {number}, column NewPatientID: another patient has it already")
            elif b"\0" in key:
                owners[new] = key
            value = new + b"\0" + name.encode() if name else new
            if self._rows.setdefault(key, value) != value:
                raise PatientTableError(f"row {number}: the same patient stands in an earlier row, with another result")
        if not self._rows:
            # otherwise every single object would be refused
            raise PatientTableError("the patient table names no patient: give it a row for each")
        for key in self._rows:
            if (original := key.split(b"\0")[0]) in owners:
                number = numbers[list(owners).index(original)]
                raise PatientTableError(f"row {number}, column NewPatientID: it is an original PatientID of the table")

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes) -> PatientTable:
        """Load the table from a file: Parquet, recognised by its first bytes, or else CSV (UTF-8, comma or semicolon).

        Messages number the lines of a CSV file from its header, which is line 1, and the rows of a Parquet file from 1.

        Args:
            source: the path of the file, or its content.

        Raises:
            PatientTableError: the file can't be read, or its content is unusable.
        """
        try:
            with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as stream:
                is_parquet = stream.read(len(_PARQUET)) == _PARQUET
                stream.seek(0)
                rows = _parquet_rows(stream) if is_parquet else _csv_rows(stream)
                _, header = next(rows, (0, ()))
                return cls(header, rows)
        except OSError as error:
            raise PatientTableError(f"the patient table can't be read: {error.strerror or 'broken file'}") from None

    def find(self, patient: Patient) -> NewIdentity | None:
        """Return the new identity of a patient, None if the table has none.

        A row of the same PatientID and issuer takes precedence over one of the same PatientID without an issuer.

        Raises:
            ValueError: the patient has no PatientID, or a value contains a NUL (``pseudonym_message``).
        """
        found = self._rows.get(pseudonym_message(patient)) or self._rows.get(pseudonym_message(patient._replace(issuer="")))
        if found is None:
            return None
        new_id, _, name = found.decode().partition("\0")
        return NewIdentity(new_id, name or None)

    def digest(self, key: Key) -> str:
        """Return a keyed hash of the table, 64 hex digits that don't depend on the order of rows."""
        content = hmac.new(key.derive(Purpose.PATIENT_TABLE), digestmod="sha256")
        for row in sorted(self._rows):
            content.update(b"%s\n%s\n" % (row, self._rows[row]))
        return content.hexdigest()

    def __len__(self) -> int:
        """Return the number of patients in the table."""
        return len(self._rows)

    def __repr__(self) -> str:
        return f"PatientTable({len(self)} rows)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a patient table is never pickled: load it where it is used")


def _normal(text: str) -> str:
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _key(patient_id: str, issuer: str) -> bytes:
    return f"{patient_id}\0{issuer}".encode() if issuer else patient_id.encode()


def _may_be_one(one: bytes, other: bytes) -> bool:
    """Return whether two rows may mean one patient: they have the same PatientID, and not two different issuers."""
    (id_1, _, issuer_1), (id_2, _, issuer_2) = one.partition(b"\0"), other.partition(b"\0")
    return id_1 == id_2 and (issuer_1 == issuer_2 or not issuer_1 or not issuer_2)


def _columns(header: Sequence[str]) -> list[int | None]:
    """Return the indexes of PatientID, NewPatientID, IssuerOfPatientID and NewPatientName; None for an absent column.

    Raises:
        PatientTableError: a column is missing, unknown or repeated.
    """
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        name = _column(cell)
        # the cell isn't shown: in a table without a header it is a value
        if name is None:
            raise PatientTableError(f"column {index + 1} of the header is none of {', '.join(_COLUMNS)}")
        if name in found:
            raise PatientTableError(f"column {name} stands twice in the header")
        found[name] = index
    if missing := [name for name in _REQUIRED if name not in found]:
        raise PatientTableError(f"the header has no column {' and no column '.join(missing)}")
    return [found.get(name) for name in _COLUMNS]


def _column(cell: str) -> str | None:
    """Return the column that a cell of the header names, None if it names none."""
    return _BY_NAME.get(re.sub(r"[^a-z]", "", cell.lower()))


def _check(number: int, patient_id: str, new_id: str, issuer: str, name: str) -> None:
    """Check the cells of a row.

    Raises:
        PatientTableError: a required cell is empty, or a value is illegal in its VR (PS3.5 6.2, LO and PN).
    """
    cells = (patient_id, new_id, issuer, name)
    if not patient_id:
        raise PatientTableError(f"row {number}, column PatientID: it is empty")
    if not new_id:
        raise PatientTableError(f"row {number}, column NewPatientID: it is empty: fill in a new ID for each patient")
    if _ILLEGAL.search("".join(cells)):
        column = next(column for column, cell in zip(_COLUMNS, cells, strict=True) if _ILLEGAL.search(cell))
        raise PatientTableError(f"row {number}, column {column}: a backslash, control character or invisible character")
    if len(new_id) > _MAX_LENGTH:
        raise PatientTableError(f"row {number}, column NewPatientID: longer than {_MAX_LENGTH} characters")
    groups = name.split("=")
    if (
        len(groups) > 3
        or any(len(group) > _MAX_LENGTH or group.count("^") > 4 for group in groups)
        or (name and not name.strip("^= "))
    ):
        raise PatientTableError(
            f"row {number}, column NewPatientName: no name of up to 3 groups of 64 characters and 5 components"
        )


def _csv_rows(content: BinaryIO) -> _Rows:
    reader: Any = None
    try:
        with io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as stream:
            lines = iter(lambda: stream.readline(_LONGEST_LINE), "")
            first = next(lines, "")
            reader = csv.reader(_whole(chain([first], lines)), delimiter=max(",;", key=first.count), strict=True)
            header: list[str] = next(reader, [])
            yield reader.line_num, header
            printed = [index for index, cell in enumerate(header) if _column(cell) in _PRINTED]
            for cells in reader:
                for index in printed:
                    if index < len(cells) and "'" in cells[index]:
                        cells[index] = _DEFUSED.sub(r"\1", cells[index].strip())
                yield reader.line_num, cells
    except UnicodeDecodeError:
        raise PatientTableError("the patient table is neither Parquet nor UTF-8 text") from None
    except csv.Error:
        raise PatientTableError(f"row {reader.line_num}: broken quotation marks or line") from None


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """Yield ``lines``, and refuse one that is too long.

    Raises:
        csv.Error: a line has ``_LONGEST_LINE`` characters or more.
    """
    for line in lines:
        if len(line) >= _LONGEST_LINE:
            raise csv.Error
        yield line


def _parquet_rows(content: BinaryIO) -> _Rows:
    import pyarrow as pa  # imported here: slow, and needed for Parquet tables only
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(content) as file:
            schema = file.schema_arrow
            yield 0, schema.names
            for index, field in enumerate(schema):
                kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
                if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
                    raise PatientTableError(f"column {index + 1}: text is needed; numbers have lost their leading zeros")
            number = 0
            for batch in file.iter_batches():
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    yield number, [cell or "" for cell in cells]
    except (pa.ArrowException, UnicodeDecodeError):
        raise PatientTableError("the patient table is no Parquet file that can be read") from None
