"""Lines of files with decisions of people, apart from the profile that has them.

A job's graph is no place for them: it is copied for each of its steps, and others may read it.
"""

from __future__ import annotations

from dataclasses import replace

from profiles import ConfidentialityProfile

from ..keys.key import Key
from ..keys.keyed_hash import KeyedHash
from ..keys.purposes import Purpose
from .values import ValueHashes

_LENGTH = 8


def has_lines(profile: ConfidentialityProfile) -> bool:
    """Return whether people decided on objects or values."""
    return profile.pixels.rectangles is not None or profile.verdicts is not None


def take_out_lines(profile: ConfidentialityProfile, key: Key) -> tuple[ConfidentialityProfile, bytes]:
    """Return a profile without the lines of its reviewed rectangles and verdicts, and the lines, by keyed hashes.

    Args:
        key: finds the objects and values in the lines.
    """
    rectangles, verdicts = profile.pixels.rectangles, profile.verdicts
    of_rectangles = of_verdicts = b""
    if rectangles is not None:
        without, of_rectangles = rectangles.keyed(KeyedHash(key.derive(Purpose.REVIEWED)).digest)
        profile = replace(profile, pixels=replace(profile.pixels, rectangles=without))
    if verdicts is not None:
        left, of_verdicts = verdicts.keyed(ValueHashes(key).of_digest)
        profile = replace(profile, verdicts=left)
    return profile, len(of_rectangles).to_bytes(_LENGTH, "big") + of_rectangles + of_verdicts


def put_back_lines(profile: ConfidentialityProfile, lines: bytes) -> ConfidentialityProfile:
    """Return a profile with the lines that ``take_out_lines`` took out of it."""
    rectangles, verdicts = profile.pixels.rectangles, profile.verdicts
    end = _LENGTH + int.from_bytes(lines[:_LENGTH], "big")
    if rectangles is not None:
        profile = replace(profile, pixels=replace(profile.pixels, rectangles=rectangles.with_lines(lines[_LENGTH:end])))
    if verdicts is not None:
        profile = replace(profile, verdicts=verdicts.with_lines(lines[end:]))
    return profile
