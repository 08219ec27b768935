"""Errors that users may read, and those of the policy package."""

from __future__ import annotations

import re
from typing import ClassVar

#: of a word that isn't understood, as much as a message repeats
MAX_NAME = 100


class UserFacingError(Exception):
    """Base class of errors whose message users may read: it names no object and holds no value of one.

    Nothing but the message of such an error is shown or logged. An engine hands on the errors of its workers as text alone:
    ``found_in`` reads them back.

    Attributes:
        is_transient: the cause lies outside of objects and settings; the same command may succeed later.
        is_usage: a setting can't be used as it was given.
    """

    is_transient: ClassVar[bool] = False
    is_usage: ClassVar[bool] = False
    #: all subclasses, by the names that tracebacks have for them
    _kinds: ClassVar[dict[str, type[UserFacingError]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        UserFacingError._kinds[f"{cls.__module__}.{cls.__qualname__}"] = cls

    @staticmethod
    def found_in(text: str) -> list[tuple[type[UserFacingError], str]]:
        """Return the errors of this kind that a traceback tells of: class and message of each, in the order of the text.

        Args:
            text: as ``traceback.format_exc`` or Beam writes it; Beam adds the step to a message, which is cut off here.
        """
        return [(UserFacingError._kinds[kind], said) for kind, said in _TOLD.findall(text) if kind in UserFacingError._kinds]


#: how tracebacks tell of an error: module and class, then its message, which Beam completes
_TOLD = re.compile(r"([\w.]+Error): ([^\n]*?)(?= \[while running|\n|$)")


class ProfileError(UserFacingError, ValueError):
    """A profile, option or table that can't be used."""

    is_usage = True


class ProfileWarning(UserWarning):
    """A rule of a custom profile that does nothing. The message is for the user and holds no value of any object."""


class PixelSizeError(ProfileError):
    """A rectangle that doesn't fit into an image: the rule that has it was made for images of another size."""
