"""Custom profiles from CSV, JSON and XML: files to rules."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from itertools import islice
from typing import IO

from ..actions import Action
from ..errors import MAX_NAME, ProfileError
from ..json_items import Pairs, read_items
from ..options import TABLE_OPTIONS, ProfileOptions
from .csv_records import Record, plain_lines, records
from .rules import CustomRule, is_action, make_rule

#: where a profile is read from: a path, or an open stream of text or bytes
ProfileSource = str | os.PathLike[str] | IO[str] | IO[bytes]

_MAX_SIZE = 16_000_000
_MAX_RULES, _MAX_COLUMNS = 50_000, 256

_TAG, _ACTION, _VALUE, _REMARK = "tag", "action", "value", ""
_NARROW = (_TAG, _ACTION, _VALUE)
_NAMES: dict[str, str] = {
    "tag": _TAG,
    "tagpattern": _TAG,
    "action": _ACTION,
    "value": _VALUE,
    # what people copy along with the standard's table, or note for each other
    **dict.fromkeys(("name", "attributename", "keyword", "vr", "id", "retd", "retdfromps36"), _REMARK),
    **dict.fromkeys(("stdcompiod", "instdcompiod", "instdcompiodfromps33"), _REMARK),
    **dict.fromkeys(("comment", "comments", "description", "remark", "remarks"), _REMARK),
}
#: the columns of Table E.1-1 as its head has them, which is what Aspose.Medical calls them, too
_HEADS: dict[str, ProfileOptions] = {
    "basicprof": ProfileOptions.BasicProfile,
    "rtnsafeprivopt": ProfileOptions.RetainSafePrivate,
    "rtnuidsopt": ProfileOptions.RetainUIDs,
    "rtndevidopt": ProfileOptions.RetainDeviceIdent,
    "rtninstidopt": ProfileOptions.RetainInstitutionIdent,
    "rtnpatcharsopt": ProfileOptions.RetainPatientChars,
    "rtnlongfulldatesopt": ProfileOptions.RetainLongFullDates,
    "rtnlongmodifdatesopt": ProfileOptions.RetainLongModifDates,
    "cleandescopt": ProfileOptions.CleanDesc,
    "cleanstructcontopt": ProfileOptions.CleanStructdCont,
    "cleangraphopt": ProfileOptions.CleanGraph,
}

Column = ProfileOptions | str


def read_source(source: ProfileSource) -> tuple[str, str]:
    """Return the text of a file in UTF-8, with or without a byte order mark, and its name for messages, without folders.

    Raises:
        ProfileError: it can't be read, is too large for a profile, or not UTF-8.
    """
    path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    name = os.path.basename(os.fspath(path))[:MAX_NAME] if isinstance(path, str | os.PathLike) else ""
    name = (name if name.isprintable() else ascii(name)) or "profile"
    try:
        if isinstance(source, str | os.PathLike):
            with open(source, "rb") as stream:
                content: str | bytes = stream.read(_MAX_SIZE + 1)
        else:
            content = source.read(_MAX_SIZE + 1)
        if isinstance(content, bytes):
            _check_text(content, name)
        text = content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError as error:
        raise ProfileError(f"{name}: not UTF-8, from byte {error.start} on") from None
    except ProfileError:
        raise
    except (OSError, ValueError, AttributeError) as error:
        raise ProfileError(f"{name}: can't be read: {getattr(error, 'strerror', None) or 'not an open file'}") from None
    if len(content) > _MAX_SIZE:
        raise ProfileError(f"{name}: too large for a profile")
    return text.removeprefix("\ufeff"), name


def _check_text(content: bytes, name: str) -> None:
    """Refuse files that people take for files of rules by mistake.

    Raises:
        ProfileError: it is one of them.
    """
    if content[128:132] == b"DICM":
        # without its name, which may be a patient's
        raise ProfileError("a DICOM object was given where a file of rules is needed")
    if content.startswith(b"PK\3\4"):
        raise ProfileError(f"{name}: this is no file of rules but a zip or a spreadsheet: save that as CSV (UTF-8)")


def _column(name: str) -> Column | None:
    """Return the use of a column, key or element; None: it is not known."""
    normal = re.sub(r"[^a-z0-9]", "", name.lower())
    if (known := _NAMES.get(normal, _HEADS.get(normal))) is not None:
        return known
    try:
        option = ProfileOptions.parse(name)
    except ProfileError:
        return None
    if normal == "" or "," in name or option == ProfileOptions.All:
        # no one column
        return None
    return option if option is ProfileOptions.BasicProfile else option & ~ProfileOptions.BasicProfile


def _rule(place: str, fields: Iterable[tuple[Column, str]]) -> CustomRule:
    """Return the rule of one record, item or element."""
    texts = {column: text for column, text in fields if column != _REMARK}
    cells = {column: text for column, text in texts.items() if isinstance(column, ProfileOptions)}
    if not texts.get(_TAG, "").strip():
        raise ProfileError(f"{place}: a rule needs a tag")
    if _ACTION in texts:
        cells[ProfileOptions.BasicProfile] = texts[_ACTION]
    if _ACTION in texts or not cells:
        if not any(text.strip() for text in cells.values()):
            raise ProfileError(f"{place}: {texts[_TAG].strip()[:MAX_NAME]!r} has no action")
    return make_rule(place, texts[_TAG], cells, texts.get(_VALUE, ""))


def _columns(place: str, names: Iterable[str]) -> list[Column]:
    """Return the use of each of ``names``.

    Raises:
        ProfileError: one that isn't known, or comes twice, or an action for all options besides those for some.
    """
    columns: list[Column] = []
    for name in names:
        column = _column(name)
        if column is None:
            raise ProfileError(f"{place}: {name[:MAX_NAME]!r} is not known; there are Tag, Action, Value and the options' names")
        if column != _REMARK and column in columns:
            raise ProfileError(f"{place}: {name[:MAX_NAME]!r} comes twice")
        columns.append(column)
    if _ACTION in columns and any(isinstance(column, ProfileOptions) for column in columns):
        raise ProfileError(f"{place}: either Action or the options' names, not both")
    return columns


def _not_empty(rules: tuple[CustomRule, ...], name: str) -> tuple[CustomRule, ...]:
    if not rules:
        raise ProfileError(f"{name}: no rules in it")
    return rules


# -- CSV -------------------------------------------------------------------------------------------------------------


def read_csv(text: str, name: str) -> tuple[CustomRule, ...]:
    """Return rules from CSV: ``pattern;action``, ``pattern;action;value``, or an action for each option.

    Without a header line, more than three cells are the options in the standard's order. Cells are divided by ``;``, else by
    tabs, else by commas, which in tags divide nothing.

    Raises:
        ProfileError: line and rule, and what is wrong.
    """
    lines = plain_lines(text)
    separator = _separator(lines)
    header = bool(lines) and _is_header(lines[0].split(separator))
    names = [cell.strip() for cell in lines[0].split(separator)] if header else []
    try:
        every = records(text, separator, next((i for i, cell in enumerate(names) if _column(cell) == _TAG), 0))
        found = list(islice(every, _MAX_RULES + 1))
    except ProfileError as error:
        raise ProfileError(f"{name} {error}") from None
    if len(found) > _MAX_RULES:
        raise ProfileError(f"{name}: more than {_MAX_RULES} lines with rules")
    if header:
        head = found.pop(0)
        while names and not names[-1]:
            names.pop()
        columns = _columns(f"{name} line {head.line}", names)
        if columns == [_TAG, _ACTION]:
            columns.append(_VALUE)
    elif max((len(record.cells) for record in found), default=0) > len(_NARROW):
        columns = [_TAG, *TABLE_OPTIONS]
    else:
        columns = list(_NARROW)
    return _not_empty(tuple(_csv_rule(name, record, columns, exact=header) for record in found), name)


def _separator(lines: list[str]) -> str:
    for separator in ";\t,":
        if lines and _is_header(lines[0].split(separator)):
            return separator
    return next((separator for separator in ";\t" if any(separator in line for line in lines)), ",")


def _is_header(cells: list[str]) -> bool:
    return 1 < len(cells) <= _MAX_COLUMNS and any(_column(cell) == _TAG for cell in cells)


def _csv_rule(name: str, record: Record, columns: list[Column], exact: bool) -> CustomRule:
    place = f"{name} line {record.line}"
    for extra in record.cells[len(columns) :]:
        # fo-dicom looks at no more cells, and people write there what the attribute is
        if extra and (exact or is_action(extra)):
            raise ProfileError(f"{place}: a cell too many")
    rule = _rule(place, zip(columns, record.cells, strict=False))
    in_value = record.uncertain is not None and columns[record.uncertain : record.uncertain + 1] == [_VALUE]
    if in_value and any(action is Action.D for _, action in rule.actions):
        raise ProfileError(f"{rule.origin}: is the comment part of the value? Quote the value, or give the comment its own line")
    return rule


# -- JSON ------------------------------------------------------------------------------------------------------------


def read_json(text: str, name: str) -> tuple[CustomRule, ...]:
    """Return rules from JSON: a list of ``{"Tag": ..., "Action": ..., "Value": ...}``, or of objects with an action per option.

    Raises:
        ProfileError: item and rule, and what is wrong.
    """
    return _not_empty(
        tuple(_json_rule(f"{name} item {number}", item) for number, item in enumerate(read_items(text, name), 1)), name
    )


def _json_rule(place: str, item: object) -> CustomRule:
    if not isinstance(item, Pairs):
        raise ProfileError(f'{place}: a rule is needed: {{"Tag": ..., "Action": ...}}')
    columns = _columns(place, (key for key, _ in item))
    for column, (key, content) in zip(columns, item, strict=True):
        if column != _REMARK and not isinstance(content, str | None):
            raise ProfileError(f"{place}: {key!r} must be a text")
    return _rule(place, ((column, content or "") for column, (_, content) in zip(columns, item, strict=True)))


# -- XML -------------------------------------------------------------------------------------------------------------


def read_xml(text: str, name: str) -> tuple[CustomRule, ...]:
    """Return rules from XML: ``<root><item><tag/><action/><value/></item></root>``, or items with an action for each option.

    Raises:
        ProfileError: item, line and rule, and what is wrong; a document type definition, which could hold entities without end.
    """
    # here, for few profiles are XML, and its parsers bring half of the network's modules
    from .xml_items import xml_items

    items = xml_items(text, name)
    return _not_empty(tuple(_rule(place, zip(_columns(place, names), texts, strict=True)) for place, names, texts in items), name)
