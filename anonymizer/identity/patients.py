"""The patient that an object names, and the lookup table by which a site names its patients anew."""

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

from ..keys.key import Key, Purpose

_MAX_LENGTH = 64
_REQUIRED = ("PatientID", "NewPatientID")
_COLUMNS = (*_REQUIRED, "IssuerOfPatientID", "NewPatientName")
_BY_NAME = {name.lower(): name for name in _COLUMNS}
#: what no LO or PN holds (PS3.5 6.2), and what nobody sees: control and format characters, lone surrogates
_ILLEGAL = re.compile("[\x00-\x1f\x7f-\x9f\\\\\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
#: the apostrophe in front of what a spreadsheet might run, in tables that this program printed (``pipeline.safe_csv``)
_DEFUSED = re.compile("(^|[;|])'(?=[\\s\"'`\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff0b\uff0d\uff1d\uff20])")
#: columns that such tables have filled in
_PRINTED = ("PatientID", "IssuerOfPatientID")
_PARQUET = b"PAR1"
#: characters; csv takes no longer cells
_LONGEST_LINE = 1 << 20

#: (number of the row, its cells); the header comes first
_Rows = Iterator[tuple[int, Sequence[str]]]


class PatientTableError(UserFacingError, ValueError):
    """A lookup table that can't be used. The message names row and column, and holds no value of the table."""

    is_usage = True


class Patient(NamedTuple):
    """A patient as an object names them (PS3.3 C.7.1.1), decoded, without blanks around it, in Unicode's form NFC.

    Attributes:
        patient_id: PatientID (0010,0020).
        issuer: IssuerOfPatientID (0010,0021), ``""`` where there is none.
    """

    patient_id: str
    issuer: str

    def __repr__(self) -> str:
        return "<Patient>"

    @classmethod
    def of(cls, patient_id: str, issuer: str = "") -> Patient:
        """Return the patient that these decoded values name."""
        return cls(_normal(patient_id), _normal(issuer))


class NewIdentity(NamedTuple):
    """The new identity that a lookup table gives to a patient.

    Attributes:
        patient_id: the new PatientID.
        patient_name: the new PatientName, None where the table gives none.
    """

    patient_id: str
    patient_name: str | None

    def __repr__(self) -> str:
        return "<NewIdentity>"


def pseudonym_message(patient: Patient) -> bytes:
    """Return the bytes that stand for ``patient`` under an HMAC: no two patients share them.

    Without an issuer they are those of the PatientID alone.

    Raises:
        ValueError: the PatientID is empty, which names nobody; or there is a NUL, which no text holds.
    """
    patient_id, issuer = Patient.of(*patient)
    if not patient_id or "\0" in patient_id + issuer:
        raise ValueError("no PatientID that names a patient")
    return _key(patient_id, issuer)


def shift_message(patient: Patient, study_uid: bytes) -> bytes:
    """Return the bytes whose dates move together: the patient's, or the study's where no PatientID says whose it is.

    Raises:
        ValueError: neither is known.
    """
    if Patient.of(*patient).patient_id:
        return pseudonym_message(patient)
    if not study_uid:
        raise ValueError("no patient and no study")
    # no patient's bytes begin so
    return b"\0" + study_uid


class PatientTable:
    """New identities by original ones. It holds identifiers: it is never pickled (workers load it), and never shows them."""

    def __init__(self, header: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]) -> None:
        """
        Args:
            header: names of the columns: PatientID and NewPatientID, perhaps IssuerOfPatientID and NewPatientName. Case
                and what isn't a letter don't count.
            rows: (number to name the row by, its cells); rows of empty cells don't count.

        Raises:
            PatientTableError: missing, unknown or repeated columns; an empty or illegal value; one patient with two results;
                two patients with one result, which would join them; a new ID that is an original one of the table; no patient.
        """
        columns = _columns(header)
        self._rows: dict[bytes, bytes] = {}
        #: whose each new ID is, and the rows where they stand, in the same order
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
            # every object would be refused, one by one
            raise PatientTableError("the patient table names no patient: give it a row for each")
        for key in self._rows:
            if (original := key.split(b"\0")[0]) in owners:
                number = numbers[list(owners).index(original)]
                raise PatientTableError(f"row {number}, column NewPatientID: it is an original PatientID of the table")

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes) -> PatientTable:
        """Return the table in a file: Parquet, known by its first bytes, or else CSV (UTF-8, comma or semicolon).

        Args:
            source: the file's path, or its content.

        Errors count the lines of a CSV file from its header, 1, and the rows of a Parquet file from 1.

        Raises:
            PatientTableError: the file can't be read, or its content can't be used.
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
        """Return the new identity of ``patient``: by ID and issuer, or else by the row of this ID that names no issuer.

        Returns:
            None where the table has no row.

        Raises:
            ValueError: ``pseudonym_message`` has none for ``patient``.
        """
        found = self._rows.get(pseudonym_message(patient)) or self._rows.get(pseudonym_message(patient._replace(issuer="")))
        if found is None:
            return None
        new_id, _, name = found.decode().partition("\0")
        return NewIdentity(new_id, name or None)

    def digest(self, key: Key) -> str:
        """Return 64 hex digits that tell two tables apart, whatever the order of their rows, to whoever has the key only."""
        content = hmac.new(key.derive(Purpose.PATIENT_TABLE), digestmod="sha256")
        for row in sorted(self._rows):
            content.update(b"%s\n%s\n" % (row, self._rows[row]))
        return content.hexdigest()

    def __len__(self) -> int:
        """Return the number of its rows."""
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
    """Return whether two rows may mean one patient: the same ID, and not two issuers."""
    (id_1, _, issuer_1), (id_2, _, issuer_2) = one.partition(b"\0"), other.partition(b"\0")
    return id_1 == id_2 and (issuer_1 == issuer_2 or not issuer_1 or not issuer_2)


def _columns(header: Sequence[str]) -> list[int | None]:
    """Return the indices of PatientID, NewPatientID, IssuerOfPatientID and NewPatientName."""
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        name = _column(cell)
        # a cell of the header may be a value, where the header is missing: it isn't shown
        if name is None:
            raise PatientTableError(f"column {index + 1} of the header is none of {', '.join(_COLUMNS)}")
        if name in found:
            raise PatientTableError(f"column {name} stands twice in the header")
        found[name] = index
    if missing := [name for name in _REQUIRED if name not in found]:
        raise PatientTableError(f"the header has no column {' and no column '.join(missing)}")
    return [found.get(name) for name in _COLUMNS]


def _column(cell: str) -> str | None:
    """Return the column that a cell of the header names; None: it names none."""
    return _BY_NAME.get(re.sub(r"[^a-z]", "", cell.lower()))


def _check(number: int, patient_id: str, new_id: str, issuer: str, name: str) -> None:
    """Check the cells of a row.

    Raises:
        PatientTableError: a cell that must not be empty is, or holds what its VR can't (PS3.5 6.2, LO and PN).
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
    """Yield ``lines``, as long as none is longer than any line of such a table."""
    for line in lines:
        if len(line) >= _LONGEST_LINE:
            raise csv.Error
        yield line


def _parquet_rows(content: BinaryIO) -> _Rows:
    import pyarrow as pa  # only who has such a table waits for it
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
