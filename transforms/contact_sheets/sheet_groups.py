"""Groups of objects whose pixels were decided on: by pixel risk, device and size of image. Names never leave a worker."""

from __future__ import annotations

import json
from typing import NamedTuple

from anonymizer.internals import ByteStream, Engine, best_text, read_header_values
from storage import Archive, EndOfRunError, ObjectRef, retry_transient

_CHARACTER_SET = 0x00080005
#: Manufacturer, ManufacturerModelName
_TEXTS = (0x00080070, 0x00081090)
_WANTED = frozenset({_CHARACTER_SET, *_TEXTS})
#: characters of a text: whoever writes more than that says nothing about a device
_LONGEST = 128
#: the risk of objects at none, of which a rule or a reviewer speaks all the same
NO_RISK = "none"


class SheetKind(NamedTuple):
    """The objects of a group: values of theirs, in clear.

    Attributes:
        risk: the first pixel risk, a reason code; ``none``.
        manufacturer, model: as headers have them; empty: nothing is said.
        rows, columns: of their frames.
    """

    risk: str
    manufacturer: str
    model: str
    rows: int
    columns: int

    def encoded(self) -> bytes:
        """Return it as bytes, for a keyed hash."""
        return json.dumps(self).encode()


class _Recorder:
    """A stream that keeps what is read of it, so that its beginning can be read again."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._read = bytearray()
        self._again = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        if self._again < len(self._read):
            end = len(self._read) if size < 0 else self._again + size
            found = bytes(self._read[self._again : end])
            self._again += len(found)
            return found
        found = self._stream.read(size)
        self._read += found
        self._again = len(self._read)
        return found

    def rewind(self) -> None:
        """Go back to the beginning."""
        self._again = 0


def kind_of(archive: Archive, engine: Engine, ref: ObjectRef, rows: int, columns: int) -> SheetKind:
    """Return the kind of an object, by its header. One that can't be read is of no risk and no device.

    Args:
        rows, columns: of its frames.

    Raises:
        EndOfRunError: the run ends.
    """
    try:
        return retry_transient(lambda: _read(archive, engine, ref, rows, columns))
    except EndOfRunError:
        raise
    except Exception:  # a sheet less is no reason to end a run; what it says may hold values
        return SheetKind(NO_RISK, "", "", rows, columns)


def _read(archive: Archive, engine: Engine, ref: ObjectRef, rows: int, columns: int) -> SheetKind:
    with archive.open(ref, header=True) as opened:
        stream = _Recorder(opened)
        _, values = read_header_values(stream, _WANTED)
        stream.rewind()
        risks = engine.pixel_risks(stream)
    charset = values.get(_CHARACTER_SET, b"").decode("latin-1").strip("\0 ")
    maker, model = (_text(values.get(tag, b""), charset) for tag in _TEXTS)
    return SheetKind(risks[0].value if risks else NO_RISK, maker, model, rows, columns)


def _text(value: bytes, charset: str) -> str:
    text = best_text(value, charset).strip("\0 ")[:_LONGEST]
    return "".join(letter for letter in text.encode("utf-8", "replace").decode() if letter.isprintable())
