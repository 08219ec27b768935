"""Preparation of a worker while it waits for work."""

from __future__ import annotations

from profiles import ConfidentialityProfile, compile_plan

#: CT Image Storage: other classes need little besides
_COMMON = "1.2.840.10008.5.1.4.1.1.2"


def warm_up(profile: ConfidentialityProfile) -> None:
    """Read the standard's tables, compile the commonest plan, and import what is otherwise imported on first use."""
    # the first rule reads the dictionary
    _ = compile_plan(profile, _COMMON).root[0x00080005]
    # as pyarrow does itself once audit tables are made
    import pyarrow.compute  # noqa: F401
