"""Images with text in known boxes, in all formats that pixels are cleaned in, written without the engine's help."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pydicom
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import RLELossless

from .objects import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT, UNDEFINED, Element, ct, delimiter, encode, header, part10, read

RLE = str(RLELossless)
SYNTAX_NAMES = {IMPLICIT: "implicit", EXPLICIT: "explicit", BIG: "big", DEFLATED: "deflated", RLE: "rle"}
FRAMES = (1, 3, 17)
PIXELS = 0x7FE00010
Box = tuple[int, int, int, int]
Array = np.ndarray

#: 5 x 7, each letter a row of bits per number
GLYPHS = {
    "D": (30, 17, 17, 17, 17, 17, 30),
    "O": (14, 17, 17, 17, 17, 17, 14),
    "E": (31, 16, 16, 30, 16, 16, 31),
    "J": (7, 2, 2, 2, 2, 18, 12),
    "A": (14, 17, 17, 31, 17, 17, 17),
    "N": (17, 25, 21, 19, 17, 17, 17),
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "7": (31, 1, 2, 4, 8, 8, 8),
    " ": (0,) * 7,
}


@dataclass(frozen=True)
class Kind:
    """A format of pixels.

    Attributes:
        lut: how the palette is written: "16", "8", "8 in 16", "segmented".
        words: PixelData is OW.
        padding: PixelPaddingValue.
    """

    photometric: str
    allocated: int = 8
    stored: int = 8
    high: int = 7
    signed: bool = False
    planar: int = 0
    syntax: str = EXPLICIT
    frames: int = 1
    lut: str = ""
    words: bool = True
    padding: int | None = None
    rows: int = 37
    columns: int = 59

    @property
    def samples(self) -> int:
        """SamplesPerPixel."""
        return 3 if self.photometric[:3] in ("RGB", "YBR") else 1

    @property
    def name(self) -> str:
        """A name for test ids."""
        sign, order = "s" if self.signed else "u", "OW" if self.words else "OB"
        bits = f"{sign}{self.stored}in{self.allocated}" + (f"h{self.high}" if self.high != self.stored - 1 else "")
        padding = "" if self.padding is None else f"-padding{self.padding}"
        return (
            f"{self.photometric.replace(' ', '')}{self.lut.replace(' ', '')}-{bits}-planar{self.planar}-{order}"
            f"{padding}-{SYNTAX_NAMES[self.syntax]}-{self.frames}"
        )


@dataclass(frozen=True)
class Labelled:
    """An object with text.

    Attributes:
        boxes: x0, y0, x1, y1, half-open, of the texts in each frame.
        cells: the whole cells as written: uint32, shape (frames, rows, columns, samples), before chrominance was halved.
    """

    kind: Kind
    blob: bytes
    boxes: tuple[Box, ...]
    cells: Array


def text_mask(text: str) -> Array:
    """Return the ink of a text, bool, shape (7, 6 x letters - 1)."""
    letters = [[[bool(row >> bit & 1) for bit in (4, 3, 2, 1, 0)] + [False] for row in GLYPHS[letter]] for letter in text]
    return np.concatenate([np.array(letter) for letter in letters], axis=1)[:, :-1]


def labelled(kind: Kind) -> Labelled:
    """Return an object of a kind: noise and gradients, a name at the top and a number at the bottom right of each frame."""
    random = np.random.default_rng(list(kind.name.encode()))
    shape = (kind.frames, kind.rows, kind.columns, kind.samples)
    values = random.integers(0, 1 << kind.stored, shape, dtype=np.int64)
    gradient = np.arange(kind.columns) * ((1 << kind.stored) - 1) // kind.columns
    values[:, kind.rows // 2 :] = gradient[None, None, :, None]
    boxes = []
    for text, x, y in (("DOE JANE", 3, 2), ("4711 70", kind.columns - 42, kind.rows - 8)):
        ink = text_mask(text)
        height, width = ink.shape
        boxes.append((x, y, x + width, y + height))
        area = values[:, y : y + height, x : x + width]
        area[:] = np.where(ink[None, :, :, None], (1 << kind.stored) - 1, area // 2)
    if kind.photometric == "YBR_FULL_422":
        # what halving can keep
        values[:, :, 1::2, 1:] = values[:, :, ::2, 1:]
    cells = _cells(kind, values, random)
    return Labelled(kind, _file(kind, elements_of(kind), cells), tuple(boxes), cells)


def elements_of(kind: Kind) -> list[Element]:
    """Return the elements of an object of a kind, without pixels."""
    size = Element(0x00280010, "US", kind.rows), Element(0x00280011, "US", kind.columns)
    return ct(*_header(kind), *size, without=[PIXELS, 0x00200037])


def _cells(kind: Kind, values: Array, random: np.random.Generator) -> Array:
    """Put stored values (as unsigned numbers) into cells, with noise or the sign in the bits above."""
    shift = kind.high + 1 - kind.stored
    above = (1 << kind.allocated) - (1 << kind.high + 1)
    if kind.signed:
        rest = np.where(values >> kind.stored - 1, above, 0)
    else:
        rest = random.integers(0, 1 << kind.allocated, values.shape, dtype=np.int64) & above
    return (values << shift | rest).astype(np.uint32)


def _header(kind: Kind) -> Iterator[Element]:
    """Yield the elements of the Image Pixel module (PS3.3 C.7.6.3)."""
    yield Element(0x00280002, "US", kind.samples)
    yield Element(0x00280004, "CS", kind.photometric)
    if kind.samples > 1:
        yield Element(0x00280006, "US", kind.planar)
    if kind.frames > 1:
        yield Element(0x00280008, "IS", str(kind.frames))
    yield Element(0x00280100, "US", kind.allocated)
    yield Element(0x00280101, "US", kind.stored)
    yield Element(0x00280102, "US", kind.high)
    yield Element(0x00280103, "US", int(kind.signed))
    if kind.padding is not None:
        yield Element(0x00280120, "SS" if kind.signed else "US", kind.padding)
    if kind.lut:
        yield from palette_elements(kind)


def palette_channels(kind: Kind) -> list[list[int]]:
    """Return red, green and blue of a palette: bright all over, nearly black at one index."""
    count = 1 << min(kind.stored, 8)
    bits = 16 if kind.lut in ("16", "segmented") else 8
    bright = [(1 << bits) - 1 - (step << bits - 8) // 2 for step in range(count)]
    channels = [list(bright) for _ in range(3)]
    for channel in channels:
        channel[77] = 1
    return channels


def palette_elements(kind: Kind) -> Iterator[Element]:
    """Yield descriptors and data of a palette in the way that the kind says."""
    order = ">" if kind.syntax == BIG else "<"
    channels = palette_channels(kind)
    bits = 16 if kind.lut in ("16", "segmented") else 8
    for number, channel in enumerate(channels):
        yield Element(0x00281101 + number, "US", struct.pack(f"{order}3H", len(channel), 0, bits))
    for number, channel in enumerate(channels):
        if kind.lut == "segmented":
            # a line down to the index before the dark one, the dark one, and the rest
            words = [0, 1, channel[0], 1, 76, channel[76], 0, len(channel) - 77, *channel[77:]]
            yield Element(0x00281221 + number, "OW", struct.pack(f"{order}{len(words)}H", *words))
        elif kind.lut == "8":
            value = bytes(channel)
            yield Element(0x00281201 + number, "OW", swap(value) if kind.syntax == BIG else value)
        else:
            yield Element(0x00281201 + number, "OW", struct.pack(f"{order}{len(channel)}H", *channel))


def native_value(kind: Kind, cells: Array) -> bytes:
    """Return cells as a native value (PS3.5 8)."""
    if kind.allocated == 1:
        value = np.packbits(cells.reshape(-1).astype(np.uint8), bitorder="little").tobytes()
    else:
        stored = cells.astype(f"{'>' if kind.syntax == BIG else '<'}u{kind.allocated // 8}")
        if kind.photometric == "YBR_FULL_422":
            pairs = stored.reshape(*stored.shape[:2], -1, 2, 3)
            stored = np.stack([pairs[..., 0, 0], pairs[..., 1, 0], pairs[..., 0, 1], pairs[..., 0, 2]], axis=-1)
        elif kind.planar:
            stored = stored.transpose(0, 3, 1, 2)
        value = stored.tobytes()
    value += b"\0" * (len(value) % 2)
    return swap(value) if kind.syntax == BIG and kind.words and kind.allocated < 16 else value


def swap(value: bytes) -> bytes:
    """Exchange the bytes of each word."""
    return np.frombuffer(value, np.uint16).byteswap().tobytes()


def rle_frames(kind: Kind, cells: Array) -> list[bytes]:
    """Return frames of RLE Lossless, each plane of bytes packed by pydicom's own encoder (PS3.5 G)."""
    size = kind.allocated // 8
    planes = cells.astype(f">u{size}")[..., None].view(np.uint8).transpose(0, 3, 4, 1, 2)
    return [rle_frame([_rle_segment(plane) for plane in frame.reshape(-1, *frame.shape[2:])]) for frame in planes]


def _rle_segment(plane: Array) -> bytes:
    rows, columns = plane.shape
    form = {"rows": rows, "columns": columns, "number_of_frames": 1, "samples_per_pixel": 1, "pixel_representation": 0}
    form |= {"bits_allocated": 8, "bits_stored": 8, "photometric_interpretation": "MONOCHROME2", "encoding_plugin": "pydicom"}
    packed: bytes = get_encoder(RLELossless).encode(plane.tobytes(), **form)
    return packed[64:]


def rle_frame(segments: list[bytes]) -> bytes:
    """Return a frame of packed segments."""
    offsets = [64 + sum(map(len, segments[:number])) for number in range(len(segments))]
    return struct.pack(f"<{len(offsets) + 1}L", len(offsets), *offsets).ljust(64, b"\0") + b"".join(segments)


def fragments(frames: list[bytes], *, with_table: bool = False, parts: int = 1) -> bytes:
    """Return frames as items behind a basic offset table, filled or not, each in ``parts`` fragments."""
    items, offsets, offset = [], [], 0
    for frame in frames:
        offsets.append(offset)
        size = (len(frame) // parts + 2) // 2 * 2
        for at in range(0, len(frame), size):
            part = frame[at : at + size]
            part += b"\0" * (len(part) % 2)
            items.append(delimiter(0xE000, length=len(part)) + part)
            offset += len(items[-1])
    table = struct.pack(f"<{len(offsets)}L", *offsets) if with_table else b""
    return b"".join((delimiter(0xE000, length=len(table)), table, *items, delimiter(0xE0DD)))


def file_of(
    kind: Kind, elements: list[Element], value: bytes, *, length: int | None = None, tail: bytes = b"", sop_class: str = CT
) -> bytes:
    """Return a file whose PixelData has ``value``."""
    syntax = kind.syntax if kind.syntax != RLE else EXPLICIT
    vr = "OB" if kind.syntax == RLE or not kind.words else "OW"
    length = UNDEFINED if kind.syntax == RLE else len(value) if length is None else length
    content = encode(elements, syntax) + header(PIXELS, vr, length, syntax) + value + tail
    return part10(content, kind.syntax, sop_class=sop_class)


def _file(kind: Kind, elements: list[Element], cells: Array) -> bytes:
    if kind.syntax == RLE:
        return file_of(kind, elements, fragments(rle_frames(kind, cells), with_table=kind.frames == 3))
    return file_of(kind, elements, native_value(kind, cells))


def formats() -> Iterator[Kind]:
    """Yield all kinds of pixels that there are, in explicit VR and one frame."""
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        yield Kind(photometric, 1, 1, 0)
        for allocated, stored in ((8, 8), (16, 12), (16, 16), (32, 32), (32, 20), (8, 7)):
            for signed in (False, True):
                yield Kind(photometric, allocated, stored, stored - 1, signed)
        yield Kind(photometric, 16, 12, 15)
    yield Kind("MONOCHROME2", 16, 12, 11, True, padding=-2000)
    yield Kind("MONOCHROME2", 16, 12, 11, True, padding=-3000)
    for lut in ("16", "8", "8 in 16", "segmented"):
        yield Kind("PALETTE COLOR", lut=lut)
    yield Kind("PALETTE COLOR", 16, 12, 11, lut="16")
    for planar in (0, 1):
        yield Kind("RGB", planar=planar)
        yield Kind("RGB", 16, 16, 15, planar=planar)
        yield Kind("YBR_FULL", planar=planar)
    yield Kind("YBR_FULL_422", columns=58)


def is_written(kind: Kind) -> bool:
    """Return whether the standard, and pydicom, know such an object."""
    if kind.syntax == RLE:
        return kind.allocated > 1 and kind.photometric != "YBR_FULL_422" and kind.planar == 1 - (kind.samples == 1)
    if not kind.words:
        # which bytes there are of larger cells only little endian tells
        return kind.allocated < 16 and kind.syntax in (EXPLICIT, BIG)
    return True


def all_kinds() -> Iterator[Kind]:
    """Yield the whole set."""
    for kind in formats():
        for syntax in SYNTAX_NAMES:
            for words in (True, False):
                for frames in FRAMES:
                    one = replace(kind, syntax=syntax, words=words, frames=frames)
                    if is_written(one) and (words or syntax != RLE):
                        yield one


def data_set(blob: bytes) -> pydicom.Dataset:
    """Return a file as pydicom reads it, words of big endian exchanged where pydicom doesn't: single bits, palettes."""
    dataset = read(blob)
    if dataset.file_meta.TransferSyntaxUID == BIG:
        if dataset.BitsAllocated == 1 and dataset["PixelData"].VR == "OW":
            dataset.PixelData = swap(dataset.PixelData)
        for tag in (0x00281201, 0x00281202, 0x00281203):
            if tag in dataset:
                dataset[tag].value = swap(dataset[tag].value)
    return dataset
