"""Patients, studies and instances of an output, by what a recipient can see of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: rows of the running table before it is compacted for the first time
_FIRST = 1 << 18
#: no patient is known of the rows
_NOBODY = 0
NOT_TOLD, OTHER_VALUE = "", "?"
_SEXES = ("M", "F", "O", OTHER_VALUE)
#: width of a band of ages in years, and the first age of the open one
_BAND, _OPEN = 5, 90
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
#: bits of a kind of objects, from the highest: modality, SOP class, sex, age band
_CLASS_BITS, _SEX_BITS, _BAND_BITS = 24, 4, 8
_SEX_AT, _CLASS_AT = _BAND_BITS, _BAND_BITS + _SEX_BITS
_MODALITY_AT = _CLASS_AT + _CLASS_BITS


class AgeBand(NamedTuple):
    """A band of ages in years: from ``first`` to ``last``; -1 and -1: none was released; -2 and -2: one that is no age.

    Attributes:
        last: None: all older ones.
    """

    first: int
    last: int | None

    def __str__(self) -> str:
        if self.first < 0:
            return "not released" if self.first == -1 else "another value"
        if self.last is None:
            return f"{self.first} and more"
        return "under 1" if self == (0, 0) else f"{self.first} to {self.last}"


NO_AGE, OTHER_AGE = AgeBand(-1, -1), AgeBand(-2, -2)


def age_band(age: str | None) -> AgeBand:
    """Return the band of an age (AS): under 1, 1 to 4, 5 to 9 and so on, 90 and more."""
    if not age or len(age) != 4 or age[3] not in _DAYS or not age[:3].isascii() or not age[:3].isdigit():
        return OTHER_AGE if age == OTHER_VALUE else NO_AGE
    years = int(age[:3]) if age[3] == "Y" else int(int(age[:3]) * _DAYS[age[3]] / _DAYS["Y"])
    if years < 1:
        return AgeBand(0, 0)
    if years >= _OPEN:
        return AgeBand(_OPEN, None)
    return AgeBand(1, 4) if years < _BAND else AgeBand(years - years % _BAND, years - years % _BAND + _BAND - 1)


class KindCount(NamedTuple):
    """Contents of the output of one modality and SOP class."""

    modality: str
    sop_class: str
    patients: int
    studies: int
    instances: int


class Cell(NamedTuple):
    """Patients with the same released age band, sex and modality.

    Attributes:
        subjects: their number.
    """

    band: AgeBand
    sex: str
    modality: str
    subjects: int


class SubjectCounts(NamedTuple):
    """Contents of an output.

    Attributes:
        patients, studies, instances: their numbers; patients as far as PatientIDs tell.
        without_patient: instances of whom no PatientID tells.
        kinds: by modality and SOP class, the most instances first.
        cells: by age band, sex and modality, the smallest first.
        smallest: sizes of patients' smallest cells, and how many patients have a smallest cell of that size.
        values_told: instances with a released sex or age.
    """

    patients: int = 0
    studies: int = 0
    instances: int = 0
    without_patient: int = 0
    kinds: tuple[KindCount, ...] = ()
    cells: tuple[Cell, ...] = ()
    smallest: tuple[tuple[int, int], ...] = ()
    values_told: int = 0

    def subjects_below(self, size: int) -> int:
        """Return the number of patients in cells of fewer than ``size`` subjects, each once."""
        return sum(count for smallest, count in self.smallest if smallest < size)

    def cells_below(self, size: int) -> tuple[Cell, ...]:
        """Return the cells of fewer than ``size`` subjects."""
        return tuple(cell for cell in self.cells if cell.subjects < size)


class _Codes(dict[object, int]):
    """Numbers for values, in the order in which they were met."""

    def __missing__(self, value: object) -> int:
        number = self[value] = len(self)
        return number


class _Part(NamedTuple):
    """Rows of the running table, as columns of 8 bytes: beginning of the study's hash, patient, kind of objects, instances."""

    study: np.ndarray
    patient: np.ndarray
    kind: np.ndarray
    instances: np.ndarray

    @property
    def modality_and_class(self) -> np.ndarray:
        """The kinds by modality and SOP class alone."""
        return self.kind >> _CLASS_AT

    @property
    def cell(self) -> np.ndarray:
        """The kinds by modality, sex and age band alone."""
        return (self.kind >> _MODALITY_AT << _CLASS_AT) | (self.kind & ((1 << _CLASS_AT) - 1))

    def of_known_patients(self) -> _Part:
        """The rows of which a PatientID tells the patient."""
        known = self.patient != _NOBODY
        return _Part(*(column[known] for column in self))


class SubjectTally:
    """A running table of studies and kinds of objects; 32 bytes for each, whatever the number of instances."""

    def __init__(self) -> None:
        self._codes: dict[str, _Codes] = {name: _Codes() for name in ("modality", "sop_class", "sex", "band")}
        self._parts: list[_Part] = []
        self._pending = 0
        self._limit = _FIRST
        self._told = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Count objects that lie in the output.

        Args:
            rows: their rows of ``instances``, with those of the columns that the file has.
        """
        if not rows.num_rows:
            return
        sex, age = (_column(rows, name) for name in ("patient_sex", "patient_age"))
        self._told += rows.num_rows - pc.and_(pc.is_null(sex), pc.is_null(age)).true_count
        kind = self._coded("modality", _column(rows, "modality"), lambda text: text or "") << _MODALITY_AT
        kind |= self._coded("sop_class", rows.column("sop_class_uid"), lambda text: text or "") << _CLASS_AT
        kind |= self._coded("sex", sex, lambda text: text if text in _SEXES else NOT_TOLD) << _SEX_AT
        kind |= self._coded("band", age, age_band)
        study = _mapped(_column(rows, "study_hash"), lambda text: int(text[:16], 16))
        patient = _mapped(_column(rows, "patient_id"), patient_digest)
        self._parts.append(_grouped(_Part(study, patient, kind, np.ones(rows.num_rows, np.int64))))
        self._pending += len(self._parts[-1].kind)
        if self._pending > self._limit:
            self._compact()
            self._limit = max(_FIRST, 2 * self._pending)

    def _coded(self, name: str, column: pa.Array, value_of: Callable[[str | None], object]) -> np.ndarray:
        codes = self._codes[name]
        encoded = pc.dictionary_encode(column, null_encoding="encode")
        places = np.array([codes[value_of(text)] for text in encoded.dictionary.to_pylist()], np.int64)
        return places[encoded.indices.to_numpy(zero_copy_only=False)]

    def _compact(self) -> _Part:
        if not self._parts:
            return _NO_ROWS
        if len(self._parts) > 1:
            columns = [np.concatenate(columns) for columns in zip(*self._parts, strict=True)]
            self._parts.clear()
            self._parts.append(_grouped(_Part(*columns)))
        self._pending = len(self._parts[0].kind)
        return self._parts[0]

    def result(self) -> SubjectCounts:
        """Return all counts."""
        part = self._compact()
        if not len(part.kind):
            return SubjectCounts()
        names = {name: list(codes) for name, codes in self._codes.items()}
        known = part.of_known_patients()
        cells, smallest = _cells(known, names)
        return SubjectCounts(
            patients=len(np.unique(known.patient)),
            studies=len(np.unique(part.study)),
            instances=int(part.instances.sum()),
            without_patient=int(part.instances.sum() - known.instances.sum()),
            kinds=tuple(_kinds(part, known, names)),
            cells=cells,
            smallest=smallest,
            values_told=self._told,
        )

    def instances_of(self, studies: Iterable[str]) -> dict[str, int]:
        """Return how many instances of some studies the output has, by ``study_hash``."""
        part = self._compact()
        wanted = {int(study[:16], 16): study for study in studies}
        is_wanted = np.isin(part.study, np.array(list(wanted), np.uint64))
        found: Counter[str] = Counter()
        for study, count in zip(part.study[is_wanted].tolist(), part.instances[is_wanted].tolist(), strict=True):
            found[wanted[study]] += count
        return found


_NO_ROWS = _Part(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64))


def patient_digest(patient_id: str) -> int:
    """Return a number for a new PatientID, never that of nobody."""
    return int.from_bytes(hashlib.blake2b(patient_id.encode(), digest_size=8).digest(), "big") or 1


def _column(rows: pa.RecordBatch, name: str) -> pa.Array:
    return rows.column(name) if name in rows.schema.names else pa.nulls(rows.num_rows, pa.string())


def _mapped(column: pa.Array, value_of: Callable[[str], int]) -> np.ndarray:
    encoded = pc.dictionary_encode(column)
    values = np.array([_NOBODY, *(value_of(text) for text in encoded.dictionary.to_pylist())], np.uint64)
    # the first is that of rows without a value
    return values[pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False) + 1]


def _grouped(part: _Part) -> _Part:
    """Return the rows with the counts of equal ones added up."""
    order = np.lexsort((part.kind, part.patient, part.study))
    study, patient, kind = part.study[order], part.patient[order], part.kind[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (study[1:] != study[:-1]) | (patient[1:] != patient[:-1]) | (kind[1:] != kind[:-1])
    return _Part(
        study[is_first], patient[is_first], kind[is_first], np.add.reduceat(part.instances[order], np.flatnonzero(is_first))
    )


def _kinds(part: _Part, known: _Part, names: dict[str, list[object]]) -> list[KindCount]:
    kinds, places = np.unique(part.modality_and_class, return_inverse=True)
    instances = np.bincount(places.reshape(-1), weights=part.instances)
    studies = _distinct(part.modality_and_class, part.study)
    patients = _distinct(known.modality_and_class, known.patient)
    found = [
        KindCount(
            str(names["modality"][kind >> _CLASS_BITS]),
            str(names["sop_class"][kind & ((1 << _CLASS_BITS) - 1)]),
            patients.get(kind, 0),
            studies.get(kind, 0),
            int(count),
        )
        for kind, count in zip(kinds.tolist(), instances.tolist(), strict=True)
    ]
    return sorted(found, key=lambda one: (-one.instances, one.modality, one.sop_class))


def _distinct(kinds: np.ndarray, values: np.ndarray) -> dict[int, int]:
    """Return how many distinct values there are, by kind."""
    found, counts = np.unique(_distinct_pairs(kinds, values)[0], return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _distinct_pairs(kinds: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each pair of a kind and a value once, by kind. Two columns are sorted in a fraction of the memory of pairs."""
    order = np.lexsort((values, kinds))
    kinds, values = kinds[order], values[order]
    is_first = np.ones(len(kinds), bool)
    is_first[1:] = (kinds[1:] != kinds[:-1]) | (values[1:] != values[:-1])
    return kinds[is_first], values[is_first]


def _cells(known: _Part, names: dict[str, list[object]]) -> tuple[tuple[Cell, ...], tuple[tuple[int, int], ...]]:
    """Return ``cells`` and ``smallest`` of SubjectCounts."""
    if not len(known.kind):
        return (), ()
    of_pairs, people = _distinct_pairs(known.cell, known.patient)
    codes, inverse, subjects = np.unique(of_pairs, return_inverse=True, return_counts=True)
    cells = []
    for code, count in zip(codes.tolist(), subjects.tolist(), strict=True):
        band = names["band"][code & ((1 << _BAND_BITS) - 1)]
        sex = names["sex"][code >> _SEX_AT & ((1 << _SEX_BITS) - 1)]
        assert isinstance(band, AgeBand)
        cells.append(Cell(band, str(sex), str(names["modality"][code >> _CLASS_AT]), count))
    # of each patient the smallest cell counts
    sizes = subjects[inverse.reshape(-1)]
    order = np.lexsort((sizes, people))
    people = people[order]
    first = np.concatenate([[True], people[1:] != people[:-1]])
    smallest, counts = np.unique(sizes[order][first], return_counts=True)
    ordered = sorted(cells, key=lambda one: (one.subjects, one.band.first, one.sex, one.modality))
    return tuple(ordered), tuple(zip(smallest.tolist(), counts.tolist(), strict=True))
