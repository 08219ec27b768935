"""Pixel rules in the project's own format, as CSV and JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO

from ..errors import ProfileError
from ..json_items import Pairs, read_items
from .cells import areas_of, check_columns, data_set_condition, size_of
from .lint import ReadRule
from .rectangles import resolve
from .rules import NAME, Outcome, PixelRule

RULE_COLUMNS = ("name", "condition", "rows", "columns", "outcome", "blank", "keep", "provenance")
_NEEDED = frozenset(("name", "outcome", "provenance"))
#: characters of a cell
_LONGEST = 100_000


def is_own_csv(text: str) -> bool:
    """Return whether the first line is a head with the columns that are needed."""
    head = {cell.strip() for cell in text.split("\n", 1)[0].split(",")}
    return head >= _NEEDED


def is_own_json(text: str) -> bool:
    """Return whether ``text`` begins as a list of rules does."""
    return text.lstrip().startswith("[")


def read_own_csv(text: str, name: str) -> Iterator[ReadRule]:
    """Yield the rules of a CSV file.

    Raises:
        ProfileError: what is wrong in which line.
    """
    lines = csv.DictReader(StringIO(text, newline=""))
    names: set[str] = set()
    try:
        check_columns(lines.fieldnames or (), RULE_COLUMNS, _NEEDED, name)
        for line in lines:
            where = f"{name} line {lines.line_num}"
            if None in line or None in line.values():
                raise ProfileError(f"{where}: it has not as many cells as the head")
            yield ReadRule(lines.line_num, _rule(line, names, where))
    except csv.Error:
        raise ProfileError(f"{name} line {lines.line_num}: this is no CSV") from None


def read_own_json(text: str, name: str) -> Iterator[ReadRule]:
    """Yield the rules of a JSON file: a list of objects with the columns of CSV as keys. Rectangles may be lists of four numbers.

    Raises:
        ProfileError: what is wrong in which line or item.
    """
    names: set[str] = set()
    for number, item in enumerate(read_items(text, name), 1):
        where = f"{name} item {number}"
        if not isinstance(item, Pairs):
            raise ProfileError(f'{where}: a rule is needed: {{"name": ..., "outcome": ...}}')
        keys = [key for key, _ in item]
        check_columns(keys, RULE_COLUMNS, _NEEDED, where, "keys")
        yield ReadRule(number, _rule({key: _cell(key, content, where) for key, content in item}, names, where))


def _cell(key: str, content: object, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if key in ("blank", "keep") and isinstance(content, list) and not isinstance(content, Pairs):
        if all(isinstance(part, list) and all(isinstance(number, str) for number in part) for part in content):
            return ";".join(",".join(part) for part in content)
    raise ProfileError(f"{where}: {key} is no text" + (" and no list of [x0, y0, x1, y1]" if key in ("blank", "keep") else ""))


def _rule(line: Mapping[str, str], names: set[str], where: str) -> PixelRule:
    cells = {column: line.get(column, "").strip() for column in RULE_COLUMNS}
    if any(len(cell) > _LONGEST for cell in cells.values()):
        raise ProfileError(f"{where}: a cell is too long")
    name = cells["name"]
    if not NAME.fullmatch(name):
        raise ProfileError(f"{where}: a name has 1 to 64 letters, digits, '.', '_' and '-'")
    if name in names:
        raise ProfileError(f"{where}: the name of an earlier rule")
    names.add(name)
    if not cells["provenance"]:
        raise ProfileError(f"{where}: a provenance is needed: who decided it, and by what")
    try:
        outcome = Outcome(cells["outcome"])
    except ValueError:
        raise ProfileError(f"{where}: the outcome is {', '.join(outcome.value for outcome in Outcome)}") from None
    size = size_of(cells["rows"], cells["columns"], where)
    condition = data_set_condition(cells["condition"], where) if cells["condition"] else None
    if condition is None and (outcome is Outcome.KEEP or size is None):
        raise ProfileError(f"{where}: a condition is needed")
    areas = areas_of(cells["blank"], cells["keep"], size, outcome, where)
    if areas and size is not None and not resolve(areas, *size):
        raise ProfileError(f"{where}: it blanks nothing: what is kept covers all that is blanked")
    rows, columns = size or (None, None)
    return PixelRule(name, condition, rows, columns, outcome, areas, cells["provenance"])
