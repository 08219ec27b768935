"""The operations that a child may be asked for, as the modules that have them state them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from .messages import Buffer

#: fields of the request and its buffers -> fields of the answer and its buffers
Operation: TypeAlias = Callable[[dict[str, Any], "list[bytearray]"], "tuple[dict[str, Any], list[Buffer]]"]


class UnsupportedError(ValueError):
    """A request that is understood, and that no library here can do."""
