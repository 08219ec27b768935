"""Pixel risk: objects that may show in their pixels who somebody is.

The judgement is data, ``profiles/data/pixel_risk.csv``: conditions on what an object says of itself, class by class. A site
adds rows of its own. What the object admits counts whatever its class; a class is at risk only where there are pixels.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from io import StringIO

from ..conditions import Condition, Values
from ..custom import ProfileSource, read_source
from ..dictionary import registered_uids, uids_by_keyword
from ..errors import ProfileError
from ..tables import read_rows, sop_class_modules
from .cells import data_set_condition

#: what an object says of itself, whatever its class and whether or not it has pixels
ADMISSIONS = ("pixel-specimen-label", "pixel-slide-overview", "burned-in-annotation", "pixel-recognizable-features")
#: classes of objects that may show more than they say
CLASS_RISKS = (
    "pixel-risk-ultrasound",
    "pixel-risk-secondary-capture",
    "pixel-risk-photograph",
    "pixel-risk-endoscopy",
    "pixel-risk-microscopy",
    "pixel-risk-ophthalmology",
    "pixel-risk-angiography",
    "pixel-risk-screen-capture",
    "pixel-risk-digitized",
    "pixel-risk-unknown-class",
    "pixel-risk-site",
)
#: heads, which a rendering turns into faces
FACE_RISK = "pixel-risk-face"

BURNED_IN_ANNOTATION, SPECIMEN_LABEL_IN_IMAGE, RECOGNIZABLE_VISUAL_FEATURES = 0x00280301, 0x00480010, 0x00280302
#: attributes in which nested data sets admit something, too
ADMITTING = frozenset({BURNED_IN_ANNOTATION, SPECIMEN_LABEL_IN_IMAGE, RECOGNIZABLE_VISUAL_FEATURES})
#: FloatPixelData, DoubleFloatPixelData, PixelData
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
#: groups of pixels: those three, and retired ones (PS3.6): 7Fxx and other elements of 7FE0
_FIRST_OF_PIXELS, _LAST_OF_PIXELS = 0x7F000000, 0x7FFFFFFF

#: classes that were judged and have no risk
NO_RISK = "none"
_ANY, _UNLISTED = "any", "unlisted"
_CLEARS, _IF_TRUSTED, _NEVER = "clears", "if trusted", "never"
_COLUMNS = ("reason", "sop_classes", "condition", "burned_in_no", "why")
_SOP_CLASS = 0x00080016


@dataclass(frozen=True, slots=True)
class PixelRisk:
    """A row of the table: a risk, and the objects that have it.

    Attributes:
        reason: the stable reason code; ``none`` for classes that were judged and have no risk.
        sop_classes: UIDs, or ``any`` or ``unlisted`` alone: classes that no row names and whose modules aren't known.
        condition: what else must hold; None: nothing.
        burned_in_no: whether BurnedInAnnotation NO ``clears`` the object, does so ``if trusted``, or ``never``.
        why: for people.
    """

    reason: str
    sop_classes: frozenset[str]
    condition: Condition | None
    burned_in_no: str
    why: str

    @property
    def tag(self) -> int:
        """The attribute that tells: that of an admission, else the SOP Class UID."""
        if self.reason in ADMISSIONS and self.condition is not None:
            return next(self.condition.tests()).tag
        return _SOP_CLASS


@dataclass(frozen=True, slots=True)
class ClassRisks:
    """The rows that objects of one class can come under.

    Attributes:
        rows: in the order in which a reason is told.
        watched: the top-level attributes by which they are judged -> whether nothing but their presence counts.
    """

    rows: tuple[PixelRisk, ...]
    watched: Mapping[int, bool]

    def of_object(self, values: Values, *, has_pixels: bool, says_no: bool, trust_burned_in_no: bool) -> tuple[PixelRisk, ...]:
        """Return the rows that an object comes under, each reason once.

        Args:
            values: of the watched attributes; of nested ADMITTING ones, too.
            has_pixels: whether there is pixel data to look at.
            says_no: whether BurnedInAnnotation of the object itself, and not of an item in it, is NO.
        """
        found: dict[str, PixelRisk] = {}
        for row in self.rows:
            if row.reason not in ADMISSIONS:
                cleared = row.burned_in_no == _CLEARS or (row.burned_in_no == _IF_TRUSTED and trust_burned_in_no)
                if not has_pixels or (says_no and cleared):
                    continue
            if row.condition is None or row.condition.holds(values):
                found.setdefault(row.reason, row)
        return tuple(found.values())


def holds_pixels(tag: int) -> bool:
    """Return whether the attribute may hold pixels, or data from which they are made."""
    return _FIRST_OF_PIXELS <= tag <= _LAST_OF_PIXELS and not tag >> 16 & 1


@cache
def pixel_risks() -> tuple[PixelRisk, ...]:
    """Return the project's own table."""
    return tuple(_row(row, "pixel_risk.csv") for row in read_rows("pixel_risk.csv"))


@cache
def _judged() -> frozenset[str]:
    """Return the classes that a row names. Those that should have no pixels were not judged: they may hold some all the same."""
    return frozenset(uid for row in pixel_risks() for uid in row.sop_classes)


@lru_cache(maxsize=1024)
def class_risks(more_risks: tuple[PixelRisk, ...], sop_class_uid: str) -> ClassRisks:
    """Return the rows for objects of one class.

    Args:
        more_risks: rows besides those of the table.
        sop_class_uid: ``""`` for an object that doesn't say.
    """
    classes = {_ANY, sop_class_uid} if sop_class_uid in _judged() else {_ANY, sop_class_uid, _UNLISTED}
    of_class = (row for row in (*pixel_risks(), *more_risks) if not classes.isdisjoint(row.sop_classes))
    rows = tuple(row for row in of_class if row.reason != NO_RISK)
    watched = {BURNED_IN_ANNOTATION: False}
    for row in rows:
        for test in row.condition.tests() if row.condition is not None else ():
            watched[test.tag] = watched.get(test.tag, True) and test.operation == "is present" and not test.place
    return ClassRisks(rows, watched)


def read_pixel_risk(source: ProfileSource) -> tuple[tuple[PixelRisk, ...], str]:
    """Return more rows from a CSV file with the columns of the table, and the file's digest.

    ``sop_classes`` are keywords of PS3.6 or UIDs with blanks between, or ``any``. Rows only add: what the table finds at risk
    stays so.

    Raises:
        ProfileError: the file can't be read, or what is wrong in which line.
    """
    text, name = read_source(source)
    lines = csv.DictReader(StringIO(text))
    try:
        if not set(_COLUMNS[:2]) <= set(lines.fieldnames or ()) <= set(_COLUMNS):
            raise ProfileError(f"{name}: the columns are {', '.join(_COLUMNS)}; the first two are needed")
        return tuple(_rows(lines, name)), hashlib.sha256(text.encode()).hexdigest()
    except csv.Error:
        raise ProfileError(f"{name} line {lines.line_num}: this is no CSV") from None


def _rows(lines: csv.DictReader[str], name: str) -> Iterator[PixelRisk]:
    for line in lines:
        where = f"{name} line {lines.line_num}"
        if None in line or None in line.values():
            raise ProfileError(f"{where}: it has not as many cells as the head")
        row = _row(line, where)
        if row.reason == NO_RISK or _UNLISTED in row.sop_classes:
            raise ProfileError(f"{where}: rows of a file only add risks")
        yield row


def _row(line: Mapping[str, str], where: str) -> PixelRisk:
    reason, condition = line["reason"].strip(), line.get("condition", "").strip()
    if reason not in (*ADMISSIONS, *CLASS_RISKS, NO_RISK):
        raise ProfileError(f"{where}: the reason is {', '.join(CLASS_RISKS)} or {', '.join(ADMISSIONS)}")
    burned_in_no = line.get("burned_in_no", "").strip() or _NEVER
    if burned_in_no not in (_CLEARS, _IF_TRUSTED, _NEVER):
        raise ProfileError(f"{where}: burned_in_no is '{_CLEARS}', '{_IF_TRUSTED}' or '{_NEVER}'")
    names = line["sop_classes"].split()
    if not names or (len(names) > 1 and {_ANY, _UNLISTED} & set(names)):
        raise ProfileError(f"{where}: SOP classes are needed, or '{_ANY}' alone")
    parsed = data_set_condition(condition, where) if condition else None
    if parsed is None and names == [_ANY]:
        raise ProfileError(f"{where}: a condition is needed where any class is meant")
    classes = frozenset(_sop_class(name, where) for name in names)
    return PixelRisk(reason, classes, parsed, burned_in_no, line.get("why", "").strip())


def _sop_class(name: str, where: str) -> str:
    uid = uids_by_keyword().get(name, name)
    is_one = registered_uids().get(uid, "").endswith("SOP Class") or uid in sop_class_modules()
    if name not in (_ANY, _UNLISTED) and not is_one:
        raise ProfileError(f"{where}: a SOP class that PS3.6 doesn't have")
    return uid
