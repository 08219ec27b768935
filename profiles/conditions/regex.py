"""Regular expressions of conditions, by google-re2: time linear in the value, whatever the pattern."""

from __future__ import annotations

from typing import Protocol, cast

from ..errors import ProfileError

#: characters of a pattern: more is no rule that a person can check
MAX_PATTERN = 1000
#: bytes of a compiled pattern and of what is remembered while it is matched
_MAX_MEMORY = 1 << 20


class Regex(Protocol):
    """A compiled pattern."""

    def fullmatch(self, text: bytes) -> object: ...


def compile_regex(pattern: str, *, exact: bool = False) -> Regex:
    """Return the compiled ``pattern``, which is matched with the whole of a value. A dot matches line ends too.

    Args:
        exact: whether case counts.

    Raises:
        ProfileError: RE2 doesn't take it, or it is too long.
    """
    # here, for few rules have any
    import re2

    if len(pattern) > MAX_PATTERN:
        raise ProfileError(f"condition: a regular expression has more than {MAX_PATTERN} characters")
    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    options.never_capture = True
    options.dot_nl = True
    options.case_sensitive = exact
    try:
        return cast(Regex, re2.compile(pattern, options))
    except (re2.error, UnicodeEncodeError):
        raise ProfileError(
            "condition: a regular expression that RE2 doesn't take; it has no look-around and no back-references, and is small"
        ) from None
