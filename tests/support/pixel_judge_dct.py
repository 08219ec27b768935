"""The part of the judge that looks at coefficients of DCT frames, as jpegio reads them (T.81 A.1, A.2)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from .codestream_headers import Header, colour_of, read_header
from .pixel_readers import raw_frames

Array = np.ndarray


def mcu_of(header: Header) -> tuple[int, int]:
    """Return height and width of an MCU: of one component always a block (T.81 A.2.2)."""
    if header.components == 1:
        return 8, 8
    return 8 * max(v for _, v in header.sampling), 8 * max(h for h, _ in header.sampling)


def reached(header: Header, rectangles: Sequence[Sequence[int]]) -> list[tuple[int, int, int, int]]:
    """Return rectangles with a pixel more on the sides at which chrominance is shared: what decoders mix into their edges."""
    across, down = (int(len({factors[axis] for factors in header.sampling}) > 1) for axis in (0, 1))
    return [(x0 - across, y0 - down, x1 + across, y1 + down) for x0, y0, x1, y1 in rectangles]


def judge_coefficients(original: pydicom.Dataset, cleaned: pydicom.Dataset, rectangles: Sequence[Sequence[int]]) -> Iterator[str]:
    """Yield where coefficients outside of the widened rectangles changed, or those inside aren't black's."""
    formers, founds = raw_frames(original), raw_frames(cleaned)
    if len(formers) != len(founds):
        yield f"frames: {len(formers)} became {len(founds)}"
    for number, (former, found) in enumerate(zip(formers, founds, strict=False)):
        for finding in _judge_frame(former, found, original, reached(read_header(former), rectangles)):
            yield f"{finding} in frame {number}"


def _judge_frame(former: bytes, found: bytes, original: pydicom.Dataset, rectangles: Sequence[Sequence[int]]) -> Iterator[str]:
    header, now = read_header(former), read_header(found)
    stays = ("process", "rows", "columns", "bits", "sampling", "identifiers", "restart")
    changed = [name for name in stays if getattr(header, name) != getattr(now, name)]
    if (header.process, now.process) == ("progressive", "baseline"):
        # no syntax of today allows progressive frames
        changed.remove("process")
    photometric = str(original.PhotometricInterpretation)
    colour = colour_of(header, photometric)
    if colour != colour_of(now, photometric):
        changed.append("colour")
    if changed:
        yield f"dct-header: {', '.join(changed)} changed"
        return
    first, second = read_coefficients(former), read_coefficients(found)
    for number, (one, other) in enumerate(zip(first.coef_arrays, second.coef_arrays, strict=True)):
        info, twin = first.comp_info[number], second.comp_info[number]
        table = first.quant_tables[info.quant_tbl_no]
        if not np.array_equal(table, second.quant_tables[twin.quant_tbl_no]):
            yield f"quantization: of component {number} changed"
            continue
        blocks, others = as_blocks(one), as_blocks(other)
        mask = block_mask(header, number, blocks.shape[:2], rectangles)
        unequal = int((blocks != others).any((2, 3))[~mask].sum())
        if unequal:
            yield f"coefficients-outside: {unequal} blocks of component {number} changed"
        within = others[mask]
        if within.size:
            yield from _judge_black(within, int(table[0, 0]), header.bits, number, colour, photometric)


def _judge_black(within: Array, step: int, bits: int, number: int, colour: str, photometric: str) -> Iterator[str]:
    if within.reshape(len(within), -1)[:, 1:].any():
        yield f"coefficients-inside: AC of component {number} is left"
    levels = {int(level) for level in np.unique(within[:, 0, 0])}
    if len(levels) > 1:
        yield f"coefficients-inside: component {number} has {len(levels)} levels"
    # eight times half of the range; writers may stop a step short of it where rounding gives black already
    half, level = 8 << bits - 1, max(levels) * step
    middle = colour == "YBR" and number > 0
    if photometric == "MONOCHROME1":
        level = -min(levels) * step
    if (middle and level) or (not middle and level > -half + 8):
        yield f"coefficients-inside: level {sorted(levels)[:3]} of component {number} isn't black's"


def read_coefficients(frame: bytes) -> Any:
    """Return a frame as jpegio reads it: files only."""
    import jpegio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "frame.jpg")
        path.write_bytes(frame)
        return jpegio.read(str(path))


def as_blocks(plane: Array) -> Array:
    """Return coefficients of shape (8 x rows, 8 x columns) as (rows, columns, 8, 8)."""
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    return plane.reshape(rows, 8, columns, 8).swapaxes(1, 2)


def block_mask(header: Header, component: int, blocks: tuple[int, int], rectangles: Sequence[Sequence[int]]) -> Array:
    """Return which blocks of a component lie in an MCU that a rectangle touches: bool, of the shape ``blocks``."""
    high, wide = mcu_of(header)
    h, v = (1, 1) if header.components == 1 else header.sampling[component]
    mask = np.zeros(blocks, bool)
    for x0, y0, x1, y1 in rectangles:
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, header.columns), min(y1, header.rows)
        if x0 < x1 and y0 < y1:
            mask[y0 // high * v : -(-y1 // high) * v, x0 // wide * h : -(-x1 // wide) * h] = True
    return mask
