"""Errors of the policy package."""

#: of a word that isn't understood, as much as a message repeats
MAX_NAME = 100


class ProfileError(ValueError):
    """A profile, option or table that can't be used. The message is for the user and holds no value of any object."""


class ProfileWarning(UserWarning):
    """A rule of a custom profile that does nothing. The message is for the user and holds no value of any object."""
