"""Short ways to run the engine in tests."""

from __future__ import annotations

import os
from io import BytesIO

import pytest
from hypothesis import HealthCheck, settings

from anonymizer import DeidentificationError, Key, Report
from anonymizer.internals import Deidentification, Engine
from profiles import ConfidentialityProfile, ProfileOptions

SECRET = bytes(range(32))


def engine(
    options: ProfileOptions | str = "",
    *,
    patient_name: str | None = None,
    patient_id: str | None = None,
    uid_root: str | None = None,
    pixels: str | None = None,
) -> Engine:
    """An engine with a fixed key."""
    profile = ConfidentialityProfile.default(options, patient_name=patient_name, patient_id=patient_id, pixels=pixels)
    return Engine(profile, Key(SECRET), uid_root=uid_root)


def rewrite(blob: bytes, using: Engine | None = None) -> bytes:
    """``blob``, de-identified."""
    return b"".join((using or engine()).deidentify(BytesIO(blob)).chunks())


def rewrite_with_report(blob: bytes, using: Engine | None = None) -> tuple[bytes, Report]:
    """``blob``, de-identified, and what was done to it."""
    run: Deidentification = (using or engine()).deidentify(BytesIO(blob))
    return b"".join(run.chunks()), run.report


def notes(blob: bytes) -> list[str]:
    """The codes of the notes on ``blob``."""
    return [note.value for note in rewrite_with_report(blob)[1].notes]


def reason(blob: bytes, using: Engine | None = None) -> str:
    """The stable code for which ``blob`` is refused."""
    with pytest.raises(DeidentificationError) as caught:
        rewrite(blob, using)
    return str(caught.value.reason.value)


def outcome(blob: bytes, using: Engine | None = None) -> bytes | str:
    """The output, or the stable code for which there is none."""
    try:
        return rewrite(blob, using)
    except DeidentificationError as error:
        return str(error.reason.value)


def budget(examples: int) -> settings:
    """Settings of a property test: the same examples each run; ``DEID_DEEP=N`` asks for N times as many random ones.

    ``DEID_QUICK=1``, which ``./check`` sets, looks at a few only.
    """
    deep = int(os.environ.get("DEID_DEEP", "0"))
    if os.environ.get("DEID_QUICK") and not deep:
        examples = max(examples // 5, 10)
    return settings(
        max_examples=examples * max(deep, 1),
        deadline=None,
        database=None,
        derandomize=not deep,
        suppress_health_check=list(HealthCheck),
    )
