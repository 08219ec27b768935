"""Errors of the policy package."""


class ProfileError(ValueError):
    """A profile, option or table that can't be used. The message is for the user and holds no value of any object."""
