"""Samples as arrays and as bytes. Runs in a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Samples = numpy.typing.NDArray[Any]


def sample_bytes(bits: int) -> int:
    """Return the bytes of a sample of a ``Raster``."""
    return 1 if bits <= 8 else 2 if bits <= 16 else 4


def to_array(content: bytearray, raster: dict[str, Any]) -> Samples:
    """Return samples as an array of shape (rows, columns, components)."""
    import numpy

    kind = f"<{'i' if raster['signed'] else 'u'}{sample_bytes(raster['bits'])}"
    return numpy.frombuffer(content, kind).reshape(raster["rows"], raster["columns"], raster["components"])


def to_bytes(decoded: Samples, raster: dict[str, Any]) -> memoryview:
    """Return what a decoder gave as the samples of a ``Raster``.

    Raises:
        ValueError: its shape, or a sample, isn't as ``raster`` says.
    """
    import numpy

    shape = (raster["rows"], raster["columns"], raster["components"])
    if decoded.ndim == 2:
        decoded = decoded[:, :, numpy.newaxis]
    bits, signed = raster["bits"], raster["signed"]
    if decoded.shape != shape or decoded.dtype.kind != ("i" if signed else "u"):
        raise ValueError("not the shape or sign of the header")
    least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if int(decoded.min()) < least or int(decoded.max()) > most:
        raise ValueError("samples outside their precision")
    kind = f"<{'i' if signed else 'u'}{sample_bytes(bits)}"
    return numpy.ascontiguousarray(decoded, kind).reshape(-1).view(numpy.uint8).data
