"""The check that a text consists of known terms, which identify nobody."""

from __future__ import annotations

from collections.abc import Container

from .dates import is_timezone


def are_known_terms(content: bytes, terms: Container[bytes]) -> bool:
    """Return whether all values of an element are known terms, or empty.

    Args:
        content: the value field, with its padding; backslashes separate values (PS3.5 6.4).
        terms: the terms in uppercase; if empty, each value must be an offset from UTC.
    """
    values = (value.strip(b" ") for value in content.rstrip(b"\0 ").split(b"\\"))
    return all(not value or (value.upper() in terms if terms else is_timezone(value)) for value in values)
