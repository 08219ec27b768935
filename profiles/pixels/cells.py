"""Cells of the project's own tables on pixels: conditions, sizes, rectangles."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence

from ..conditions import Condition
from ..dictionary import entry_of
from ..errors import MAX_NAME, PixelSizeError, ProfileError
from .rectangles import WHOLE, Area
from .rules import MAX_AREAS, MAX_SIZE, Outcome

_ALL = "all"
_NUMBER = re.compile(r"-?[0-9]{1,5}")
#: PixelData: what stands behind it comes too late
_PIXEL_DATA = 0x7FE00010


def data_set_condition(text: str, where: str) -> Condition:
    """Return the condition in a cell, once its attributes were seen to be those of a data set, and sequences asked for presence.

    Raises:
        ProfileError: what is wrong, with ``where`` at its beginning.
    """
    try:
        parsed = Condition.parse(text)
    except ProfileError as error:
        raise ProfileError(f"{where}: {error}") from None
    for test in parsed.tests():
        if test.tag >> 16 < 0x0008:
            raise ProfileError(f"{where}: the attributes of a condition are those of the data set, and not of the file meta")
        if test.tag > _PIXEL_DATA:
            raise ProfileError(f"{where}: a condition can't see what stands behind the pixel data")
        entry = entry_of(test.tag)
        if entry is not None and entry.vr == "SQ" and test.operation != "is present":
            raise ProfileError(f"{where}: of a sequence only its presence can be asked")
    return parsed


def size_of(rows: str, columns: str, where: str) -> tuple[int, int] | None:
    """Return the rows and columns in two cells, None if both are empty.

    Raises:
        ProfileError: what is wrong, with ``where`` at its beginning.
    """
    if not rows and not columns:
        return None
    numbers = [int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0 for text in (rows, columns)]
    if not all(0 < number <= MAX_SIZE for number in numbers):
        raise ProfileError(f"{where}: rows and columns are numbers from 1 to {MAX_SIZE}, or both empty")
    return numbers[0], numbers[1]


def areas_of(blank: str, keep: str, size: tuple[int, int] | None, outcome: Outcome, where: str) -> tuple[Area, ...]:
    """Return the areas in two cells, in the order in which they are applied: what is blanked, then what of that is kept.

    Args:
        size: rows and columns of the images, against which rectangles are checked.

    Raises:
        ProfileError: what is wrong, with ``where`` at its beginning.
    """
    if outcome is not Outcome.CLEAN:
        if blank or keep:
            raise ProfileError(f"{where}: the outcome {outcome.value} has no rectangles")
        return ()
    if not blank and not keep:
        raise ProfileError(f"{where}: the outcome clean needs rectangles to blank or keep, or '{_ALL}' to blank")
    if size is None and (keep or blank != _ALL):
        raise ProfileError(f"{where}: rows and columns of the images are needed, for their rectangles are of one size")
    blanked = _areas(blank, True, where) if blank else (WHOLE,)
    areas = (*blanked, *_areas(keep, False, where))
    if len(areas) > MAX_AREAS:
        raise ProfileError(f"{where}: more than {MAX_AREAS} rectangles")
    rows, columns = size or (0, 0)
    for number, area in enumerate(areas if size is not None else (), 1):
        try:
            area.placed(rows, columns)
        except PixelSizeError:
            cell, number = ("blank", number) if area.blank else ("keep", number - len(blanked))
            text = ",".join(map(str, area[:4]))
            raise ProfileError(
                f"{where}: rectangle {number} of {cell}, {text}, isn't inside an image of {columns} columns and {rows} rows, "
                "or has no pixel: of x0,y0,x1,y1 the last two are ends, the column and row behind the last"
            ) from None
    return areas


def _areas(text: str, blank: bool, where: str) -> tuple[Area, ...]:
    if not text:
        return ()
    if text == _ALL:
        if not blank:
            raise ProfileError(f"{where}: the outcome keep says that all is kept")
        return (WHOLE,)
    areas = []
    for part in text.rstrip("; ").split(";"):
        numbers = [number.strip() for number in part.split(",")]
        if len(numbers) != 4 or not all(map(_NUMBER.fullmatch, numbers)):
            raise ProfileError(f"{where}: a rectangle is x0,y0,x1,y1, and ';' stands between two; or '{_ALL}' stands alone")
        x0, y0, x1, y1 = map(int, numbers)
        areas.append(Area(x0, y0, x1, y1, blank))
    return tuple(areas)


def check_columns(found: Sequence[str], known: Sequence[str], needed: Collection[str], where: str, kind: str = "columns") -> None:
    """Check the columns of a table, or the keys of an item.

    Args:
        kind: ``columns`` or ``keys``.

    Raises:
        ProfileError: one is unknown, twice there, or missing.
    """
    odd = next((name for name in found if name not in known), None)
    missing = [name for name in known if name in needed and name not in found]
    hint = ""
    if len(found) == 1 and any(sign in found[0] for sign in ";\t"):
        hint = "; commas stand between the cells of a line, and nothing else"
    elif set(found).isdisjoint(known):
        # not repeated: where the head is missing, this is a line of it
        hint = "; the first line has none of them" if kind == "columns" else ""
    elif odd is not None:
        nearest = difflib.get_close_matches(odd[:MAX_NAME], known, n=1)
        hint = f"; {odd[:MAX_NAME]!r} is none of them" + (f": did you mean {nearest[0]}?" if nearest else "")
    elif len(set(found)) < len(found):
        hint = "; each stands there once"
    elif missing:
        hint = f"; {', '.join(missing)} is missing"
    if odd is not None or missing or len(set(found)) < len(found):
        raise ProfileError(f"{where}: the {kind} are {', '.join(known)}{hint}")
