"""Objects for which somebody decided on rectangles: in a job they are found by keyed hashes."""

from __future__ import annotations

from profiles import Reviewed, ReviewedRectangles

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
