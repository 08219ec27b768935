"""Lists of objects in JSON, as files of rules have them."""

from __future__ import annotations

import json
from typing import Any

from .errors import ProfileError


class Pairs(list[tuple[str, Any]]):
    """An object of JSON, its keys as they come: one that stands twice is no accident that may pass."""


def read_items(text: str, name: str) -> list[Any]:
    """Return the items of a list in JSON. Objects are ``Pairs``, and numbers stay the texts that they are.

    Args:
        name: of the file, for errors.

    Raises:
        ProfileError: it is no JSON, or no list.
    """
    try:
        items = json.loads(text, object_pairs_hook=Pairs, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise ProfileError(f"{name} line {error.lineno}: no JSON: {error.msg}") from None
    except RecursionError:
        raise ProfileError(f"{name}: lists within lists without end") from None
    if not isinstance(items, list) or isinstance(items, Pairs):
        raise ProfileError(f"{name}: a list of rules is needed: [{{...}}, ...]")
    return items
