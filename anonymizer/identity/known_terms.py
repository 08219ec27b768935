"""Whether a text says nothing but known terms, which name nobody."""

from __future__ import annotations

from collections.abc import Container

from .dates import is_timezone


def are_known_terms(content: bytes, terms: Container[bytes]) -> bool:
    """Whether all values of an element are known terms, or empty.

    Args:
        content: the value field, with its padding; values are parted by backslashes (PS3.5 6.4).
        terms: in upper case; where there are none, each value must be an offset from UTC.
    """
    values = (value.strip(b" ") for value in content.rstrip(b"\0 ").split(b"\\"))
    return all(not value or (value.upper() in terms if terms else is_timezone(value)) for value in values)
