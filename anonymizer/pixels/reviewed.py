"""Objects for which somebody decided on rectangles: in a job they are found by keyed hashes."""

from __future__ import annotations

from dataclasses import replace

from profiles import ConfidentialityProfile, Reviewed, ReviewedRectangles

from ..keys.key import Key
from ..keys.keyed_hash import KeyedHash
from ..keys.purposes import Purpose

#: around the digits of a UID, where a line feed or the like may stand that no line of a file can have
_AROUND = bytes(set(range(256)) - set(b"0123456789"))


class ReviewedObjects:
    """The reviewed rectangles of a profile, with the key by which objects are found there."""

    def __init__(self, rectangles: ReviewedRectangles, key: Key) -> None:
        self._rectangles = rectangles
        self._hash = KeyedHash(key.derive(Purpose.REVIEWED)).digest

    def find(self, instance: bytes, series: bytes, instance_hash: bytes, rows: int, columns: int) -> Reviewed | None:
        """Return what was decided about an object; None: nothing.

        Args:
            instance, series: its original SOPInstanceUID and SeriesInstanceUID.
            instance_hash: the keyed hash of ``instance`` that the audit has.
            rows, columns: of its frames.
        """
        of_instance, of_series = (uid.strip(_AROUND).decode("latin-1") for uid in (instance, series))
        return self._rectangles.find(of_instance, of_series, instance_hash, rows, columns, self._hash)


def take_out_lines(profile: ConfidentialityProfile, key: Key) -> tuple[ConfidentialityProfile, bytes]:
    """Return a profile without the lines of its reviewed rectangles, and the lines, by keyed hashes.

    A job's graph is no place for them: it is copied for each of its steps, and others may read it.

    Args:
        profile: one with reviewed rectangles.
        key: finds the objects in the lines.
    """
    rectangles = profile.pixels.rectangles
    assert rectangles is not None
    without, lines = rectangles.keyed(KeyedHash(key.derive(Purpose.REVIEWED)).digest)
    return replace(profile, pixels=replace(profile.pixels, rectangles=without)), lines


def put_back_lines(profile: ConfidentialityProfile, lines: bytes) -> ConfidentialityProfile:
    """Return a profile with the lines that ``take_out_lines`` took out of it."""
    rectangles = profile.pixels.rectangles
    assert rectangles is not None
    return replace(profile, pixels=replace(profile.pixels, rectangles=rectangles.with_lines(lines)))
