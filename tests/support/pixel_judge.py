"""A judge of cleaned compressed objects: what independent readers see before and after, and what objects say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pydicom

from .codestream_headers import read_header
from .frame_encoders import DCT
from .objects import read
from .pixel_judge_dct import judge_coefficients, mcu_of, reached
from .pixel_judge_headers import judge_object
from .pixel_readers import READERS, Reader, Reading, raw_frames, short

Array = np.ndarray
Rectangle = Sequence[int]
#: greatest difference between decoders of irreversible JPEG 2000, which round in the last place as they like (T.800 F.3.8)
ROUNDING = 1


def judge(before: bytes, after: bytes, rectangles: Sequence[Rectangle], readers: Mapping[str, Reader] = READERS) -> list[str]:
    """Return findings, "kind: detail" each; nothing if the object was cleaned as it should be.

    Args:
        before: the original file.
        after: the cleaned one.
        rectangles: x0, y0, x1, y1, half-open: what was asked for in each frame, inside of the image or beyond it.
    """
    original, cleaned = read(before), read(after)
    try:
        findings = list(judge_object(original, cleaned, after))
        if short(original) in DCT:
            findings += judge_coefficients(original, cleaned, rectangles)
    except Exception as error:
        return [f"broken: {error!r}"]
    return findings + list(_judge_samples(before, after, rectangles, readers))


def _judge_samples(before: bytes, after: bytes, rectangles: Sequence[Rectangle], readers: Mapping[str, Reader]) -> Iterator[str]:
    original, cleaned = read(before), read(after)
    frame = read_header(raw_frames(original)[0])
    is_dct = short(original) in DCT
    rounds = frame.process in ("j2k", "htj2k") and not frame.lossless
    size = int(original.Rows), int(original.Columns)
    asked = inside(size, rectangles)
    within, beyond = asked, asked
    if is_dct:
        within, beyond = widened(size, reached(frame, rectangles), mcu_of(frame), frame.sampling)
        within |= asked
    used, exact, unequal = 0, 0, []
    for name, reader in readers.items():
        try:
            former = reader(before)
        except Exception:
            # a reader that can't read what came says nothing about what went
            continue
        if former is None:
            continue
        try:
            found = reader(after)
        except Exception as error:
            yield f"unreadable: {name} {error!r}"[:200]
            continue
        if found is None:
            continue
        used += 1
        if [one.shape for one in former.frames] != [one.shape for one in found.frames]:
            yield f"shape: {name} {len(former.frames)} {former.frames[0].shape} {len(found.frames)} {found.frames[0].shape}"
            continue
        yield from _judge_black(name, found, cleaned, within, is_dct)
        differences = np.abs(np.stack(former.frames) - np.stack(found.frames))[:, ~beyond]
        greatest = int(differences.max(initial=0))
        exact += greatest == 0
        if greatest > (ROUNDING if rounds else 0):
            yield f"sample-outside: {name} {int((differences > 0).sum())} differ by {greatest} at most"
        elif greatest:
            unequal.append(name)
    if not used:
        yield "unread: no reader reads it"
    elif unequal and not exact:
        yield f"rounded: no reader sees outside what it saw before: {unequal}"


def _judge_black(name: str, found: Reading, cleaned: pydicom.Dataset, within: Array, is_dct: bool) -> Iterator[str]:
    if not within.any():
        return
    samples = np.stack(found.frames)[:, within].reshape(-1, found.frames[0].shape[-1])
    colours = {tuple(one) for one in np.unique(samples, axis=0).tolist()}
    if len(colours) > 1:
        yield f"not-constant: {name} {len(colours)} values inside, such as {sorted(colours)[:3]}"
    elif not colours <= black(cleaned, found.photometric, is_dct):
        yield f"not-black: {name} {colours} is not black in {found.photometric}"


def inside(size: tuple[int, int], rectangles: Sequence[Rectangle]) -> Array:
    """Return which pixels lie in rectangles: bool, shape (rows, columns)."""
    mask = np.zeros(size, bool)
    for x0, y0, x1, y1 in rectangles:
        mask[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = True
    return mask


def widened(
    size: tuple[int, int], rectangles: Sequence[Rectangle], mcu: tuple[int, int], sampling: Sequence[tuple[int, int]]
) -> tuple[Array, Array]:
    """Return which pixels of DCT frames must be black, and which may differ: the rectangles widened to MCUs.

    Where chrominance is subsampled, decoders mix it over the edges of MCUs: a pixel of each side, or several of 4:1:1, is
    in the second only.
    """
    rows, columns = size
    high, wide = mcu
    mask = inside((-(-rows // high) * high, -(-columns // wide) * wide), rectangles)
    mask[rows:], mask[:, columns:] = False, False
    blocks = mask.reshape(mask.shape[0] // high, high, mask.shape[1] // wide, wide).any((1, 3))
    whole = np.kron(blocks, np.ones(mcu, bool)).astype(bool)
    across = max(h for h, _ in sampling) // min(h for h, _ in sampling) - 1 if len(sampling) > 1 else 0
    down = max(v for _, v in sampling) // min(v for _, v in sampling) - 1 if len(sampling) > 1 else 0
    black_ones, changed = ~_grown(~whole, down, across), _grown(whole, down, across)
    return black_ones[:rows, :columns], changed[:rows, :columns]


def _grown(mask: Array, down: int, across: int) -> Array:
    """Return a mask that reaches so many pixels farther in each direction."""
    rows, columns = mask.shape
    wider = np.pad(mask, ((down, down), (across, across)))
    steps = [(y, x) for y in range(2 * down + 1) for x in range(2 * across + 1)]
    found: Array = np.any([wider[y : y + rows, x : x + columns] for y, x in steps], axis=0)
    return found


def black(dataset: pydicom.Dataset, photometric: str, is_dct: bool = False) -> set[tuple[int, ...]]:
    """Return the stored values that are black; of DCT frames in colour whatever reader named it RGB or YBR."""
    bits, signed = int(dataset.BitsStored), bool(dataset.PixelRepresentation)
    least, greatest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if photometric == "PALETTE COLOR":
        return darkest(dataset)
    if int(dataset.SamplesPerPixel) == 1:
        found: set[tuple[int, ...]] = {(greatest if photometric == "MONOCHROME1" else least,)}
        padding = dataset.get("PixelPaddingValue")
        if signed and padding is not None and least <= padding <= 0:
            found.add((int(padding),))
        return found
    rgb, ybr = (0, 0, 0), (0, 1 << bits - 1, 1 << bits - 1)
    return {rgb, ybr} if is_dct else {rgb if photometric == "RGB" else ybr}


def darkest(dataset: pydicom.Dataset) -> set[tuple[int, ...]]:
    """Return the indices whose colours have the least sum (PS3.3 C.7.6.3.1.5)."""
    count, first, bits = dataset.RedPaletteColorLookupTableDescriptor
    kind = "<u2" if bits == 16 else "u1"
    names = ("RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData")
    sums = sum(np.frombuffer(dataset[name].value, kind).astype(np.int64)[: count or 65536] for name in names)
    return {(int(first) + int(index),) for index in np.flatnonzero(sums == np.min(sums))}
