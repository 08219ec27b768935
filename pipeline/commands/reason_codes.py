"""Reason codes as values of options."""

from __future__ import annotations

from collections.abc import Iterable


def check_reasons(codes: Iterable[str]) -> None:
    """Check the values of ``--reason``.

    Raises:
        UsageError: one is no reason code.
    """
    from anonymizer import Reason

    from ..errors import UsageError

    if not {reason.value for reason in Reason}.issuperset(codes):
        raise UsageError("--reason: there is no such reason code; docs/reference/reason-codes.md lists all")
