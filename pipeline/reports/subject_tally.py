"""Patients, studies and instances of an output, by what a recipient can see of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: rows of the running table before it is compacted for the first time
_FIRST = 1 << 18
#: no patient is known of the rows
_NOBODY = 0
NOT_TOLD = ""
#: width of a band of ages in years, and the first age of the open one
_BAND, _OPEN = 5, 90
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_COLUMNS = ("study", "patient", "modality", "sop_class", "sex", "band")


class AgeBand(NamedTuple):
    """A band of ages in years: from ``first`` to ``last``; -1 and -1: none was released.

    Attributes:
        last: None: all older ones.
    """

    first: int
    last: int | None

    def __str__(self) -> str:
        if self.first < 0:
            return "not released"
        if self.last is None:
            return f"{self.first} and more"
        return "under 1" if self == (0, 0) else f"{self.first} to {self.last}"


NO_AGE = AgeBand(-1, -1)


def age_band(age: str | None) -> AgeBand:
    """Return the band of an age (AS): under 1, 1 to 4, 5 to 9 and so on, 90 and more."""
    if not age or len(age) != 4 or age[3] not in _DAYS or not age[:3].isascii() or not age[:3].isdigit():
        return NO_AGE
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


class SubjectTally:
    """A running table of studies and kinds of objects; about 40 bytes for each, whatever the number of instances."""

    def __init__(self) -> None:
        self._codes: dict[str, _Codes] = {name: _Codes() for name in ("modality", "sop_class", "sex", "band")}
        self._parts: list[pa.Table] = []
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
        count = rows.num_rows
        sex, age = (_column(rows, name) for name in ("patient_sex", "patient_age"))
        self._told += count - pc.and_(pc.is_null(sex), pc.is_null(age)).true_count
        columns = {
            "study": _mapped(_column(rows, "study_hash"), lambda text: int(text[:16], 16), pa.uint64()),
            "patient": _mapped(_column(rows, "patient_id"), patient_digest, pa.uint64()),
            "modality": self._coded("modality", _column(rows, "modality"), lambda text: text or ""),
            "sop_class": self._coded("sop_class", rows.column("sop_class_uid"), lambda text: text or ""),
            "sex": self._coded("sex", sex, lambda text: text or NOT_TOLD),
            "band": self._coded("band", age, age_band),
        }
        table = pa.table(columns)
        self._parts.append(_grouped(table.append_column("n", pa.repeat(pa.scalar(1, pa.int64()), count))))
        self._pending += self._parts[-1].num_rows
        if self._pending > self._limit:
            self._compact()
            self._limit = max(_FIRST, 2 * self._pending)

    def _coded(self, name: str, column: pa.Array, value_of: Callable[[str | None], object]) -> pa.Array:
        codes = self._codes[name]
        encoded = pc.dictionary_encode(column, null_encoding="encode")
        places = pa.array([codes[value_of(text)] for text in encoded.dictionary.to_pylist()], pa.int32())
        return places.take(encoded.indices)

    def _compact(self) -> pa.Table:
        table = _grouped(pa.concat_tables(self._parts)) if self._parts else None
        self._parts = [] if table is None else [table]
        self._pending = 0 if table is None else table.num_rows
        return table

    def result(self) -> SubjectCounts:
        """Return all counts."""
        table = self._compact()
        if table is None:
            return SubjectCounts()
        columns = {name: table.column(name).to_numpy() for name in (*_COLUMNS, "n")}
        names = {name: list(codes) for name, codes in self._codes.items()}
        counts, patients = columns["n"], columns["patient"]
        known = patients != _NOBODY
        cells, smallest = _cells({name: column[known] for name, column in columns.items()}, names)
        return SubjectCounts(
            patients=len(np.unique(patients[known])),
            studies=len(np.unique(columns["study"])),
            instances=int(counts.sum()),
            without_patient=int(counts[~known].sum()),
            kinds=tuple(_kinds(columns, names)),
            cells=cells,
            smallest=smallest,
            values_told=self._told,
        )

    def instances_of(self, studies: Iterable[str]) -> dict[str, int]:
        """Return how many instances of some studies the output has, by ``study_hash``."""
        table = self._compact()
        wanted = {int(study[:16], 16): study for study in studies}
        if table is None or not wanted:
            return {}
        found = table.filter(pc.is_in(table["study"], pa.array(list(wanted), pa.uint64())))
        sums = found.group_by("study").aggregate([("n", "sum")])
        return {wanted[study]: n for study, n in zip(sums["study"].to_pylist(), sums["n_sum"].to_pylist(), strict=True)}


def patient_digest(patient_id: str) -> int:
    """Return a number for a new PatientID, never that of nobody."""
    return int.from_bytes(hashlib.blake2b(patient_id.encode(), digest_size=8).digest(), "big") or 1


def _column(rows: pa.RecordBatch, name: str) -> pa.Array:
    return rows.column(name) if name in rows.schema.names else pa.nulls(rows.num_rows, pa.string())


def _mapped(column: pa.Array, value_of: Callable[[str], int], kind: pa.DataType) -> pa.Array:
    encoded = pc.dictionary_encode(column)
    values = pa.array([value_of(text) for text in encoded.dictionary.to_pylist()], kind)
    return pc.fill_null(values.take(encoded.indices), pa.scalar(_NOBODY, kind))


def _grouped(table: pa.Table) -> pa.Table:
    grouped = table.group_by(list(_COLUMNS)).aggregate([("n", "sum")])
    return grouped.select([*_COLUMNS, "n_sum"]).rename_columns([*_COLUMNS, "n"])


def _kinds(columns: dict[str, np.ndarray], names: dict[str, list[object]]) -> list[KindCount]:
    width = len(names["sop_class"])
    kind = columns["modality"].astype(np.int64) * width + columns["sop_class"]
    instances = np.bincount(kind, weights=columns["n"])
    studies = _distinct(kind, columns["study"])
    known = columns["patient"] != _NOBODY
    patients = _distinct(kind[known], columns["patient"][known])
    found = [
        KindCount(
            str(names["modality"][code // width]),
            str(names["sop_class"][code % width]),
            patients.get(code, 0),
            studies.get(code, 0),
            int(instances[code]),
        )
        for code in np.flatnonzero(instances).tolist()
    ]
    return sorted(found, key=lambda one: (-one.instances, one.modality, one.sop_class))


def _distinct(kinds: np.ndarray, values: np.ndarray) -> dict[int, int]:
    """Return how many distinct values there are, by kind."""
    if not len(kinds):
        return {}
    pairs = np.unique(np.stack([kinds.astype(np.uint64), values.astype(np.uint64)]), axis=1)
    found, counts = np.unique(pairs[0], return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _cells(
    columns: dict[str, np.ndarray], names: dict[str, list[object]]
) -> tuple[tuple[Cell, ...], tuple[tuple[int, int], ...]]:
    """Return ``cells`` and ``smallest`` of SubjectCounts."""
    if not len(columns["n"]):
        return (), ()
    sexes, modalities = len(names["sex"]), len(names["modality"])
    cell = (columns["band"].astype(np.int64) * sexes + columns["sex"]) * modalities + columns["modality"]
    pairs = np.unique(np.stack([cell.astype(np.uint64), columns["patient"]]), axis=1)
    codes, inverse, subjects = np.unique(pairs[0], return_inverse=True, return_counts=True)
    cells = []
    for code, count in zip(codes.tolist(), subjects.tolist(), strict=True):
        rest, modality = divmod(code, modalities)
        band, sex = divmod(rest, sexes)
        band_of = names["band"][band]
        assert isinstance(band_of, AgeBand)
        cells.append(Cell(band_of, str(names["sex"][sex]), str(names["modality"][modality]), count))
    # of each patient the smallest cell counts
    sizes = subjects[inverse.reshape(-1)]
    order = np.lexsort((sizes, pairs[1]))
    people = pairs[1][order]
    first = np.concatenate([[True], people[1:] != people[:-1]])
    smallest, counts = np.unique(sizes[order][first], return_counts=True)
    ordered = sorted(cells, key=lambda one: (one.subjects, one.band.first, one.sex, one.modality))
    return tuple(ordered), tuple(zip(smallest.tolist(), counts.tolist(), strict=True))
