"""Images with text in known boxes in each compressed syntax, colour and precision, written without the engine's help."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from . import labelled_pixels
from .frame_encoders import DCT, HTJ2K, JPEG_2000, JPEG_LS, LOSSLESS_JPEG, LOSSY, PREFIX, SHORT, Coding, encode_frame
from .labelled_pixels import Array, Box, palette_elements, text_mask
from .objects import SC, UNDEFINED, Element, ct, delimiter, encode, header, part10

PIXELS = 0x7FE00010
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
METHODS = {"50": "ISO_10918_1", "51": "ISO_10918_1", "81": "ISO_14495_1", "91": "ISO_15444_1", "203": "ISO_15444_15"}
#: how frames are cut: a fragment each behind an empty table, behind a filled one; in three fragments each, likewise; behind
#: an extended offset table; a fragment each with bytes of filling behind the end of the image
CUTS = ("bare", "table", "parts", "parts and table", "extended", "filled")
#: odd ones, one that is filled by whole MCUs, and one with a single row of MCUs below
SIZES = ((67, 101), (64, 96), (41, 59), (72, 113))
_PLAIN = Coding("")


@dataclass(frozen=True)
class Kind:
    """A format of compressed pixels.

    Attributes:
        syntax: last number of the transfer syntax.
        bits: BitsStored, and the precision of the codestreams.
        cut: one of ``CUTS``.
        coding: ways of the codestream that no attribute tells; its other members are overwritten.
    """

    syntax: str
    photometric: str = "MONOCHROME2"
    bits: int = 8
    signed: bool = False
    frames: int = 1
    cut: str = "bare"
    size: tuple[int, int] = SIZES[0]
    coding: Coding = _PLAIN

    @property
    def samples(self) -> int:
        """SamplesPerPixel."""
        return 3 if self.photometric[:3] in ("RGB", "YBR") else 1

    @property
    def coded(self) -> Coding:
        """The whole coding of a frame."""
        colour = {"RGB": "RGB", "YBR_RCT": "RGB", "YBR_ICT": "RGB", "YBR_FULL": "YBR", "YBR_FULL_422": "YBR"}.get(
            self.photometric
        )
        mct, irreversible = self.photometric in ("YBR_RCT", "YBR_ICT"), self.photometric == "YBR_ICT" or self.coding.irreversible
        own = {"syntax": self.syntax, "bits": self.bits, "signed": self.signed, "colour": colour or "", "mct": mct}
        near = 2 if self.syntax == "81" else 0
        return replace(self.coding, **own, irreversible=irreversible, near=near)  # type: ignore[arg-type]

    @property
    def is_lossy(self) -> bool:
        """Whether samples differ from those of the device."""
        return self.syntax in DCT or self.syntax == "81" or self.coded.irreversible

    @property
    def name(self) -> str:
        """A name for test ids."""
        coded, plain = self.coded, Coding(self.syntax)
        ways = [
            f"{way}{getattr(coded, way)}"
            for way in ("sampling", "restart", "progressive", "predictor", "interleave", "irreversible")
            if getattr(coded, way) != getattr(plain, way)
        ]
        size = f"{self.size[1]}x{self.size[0]}"
        bits = f"{'s' if self.signed else 'u'}{self.bits}"
        return "-".join(
            [self.syntax, self.photometric.replace(" ", ""), bits, *ways, f"{self.frames}f", self.cut.replace(" ", "_"), size]
        )


@dataclass(frozen=True)
class Labelled:
    """A compressed object with text.

    Attributes:
        boxes: x0, y0, x1, y1, half-open, around the texts in each frame.
        samples: stored values before compression, int64, shape (frames, rows, columns, samples).
    """

    kind: Kind
    blob: bytes
    boxes: tuple[Box, ...]
    samples: Array

    @property
    def name(self) -> str:
        """A name for test ids."""
        return self.kind.name


def labelled(kind: Kind, number: int = 1, *extra: Element) -> Labelled:
    """Return an object of a kind, as a device of the manufacturer ACME writes it; UIDs hold the number."""
    values, boxes = _drawn(kind)
    frames = [encode_frame(frame, kind.coded) for frame in values]
    elements = sorted([*_elements(kind, number, extra)], key=lambda one: one.tag)
    return Labelled(kind, file_of(kind, elements, frames, instance=uid(number, 0x18)), tuple(boxes), values)


def uid(number: int, last: int) -> str:
    """Return a UID of the object with this number."""
    return f"1.2.826.0.1.3680043.9.26.{number}.{last}"


def _drawn(kind: Kind) -> tuple[Array, list[Box]]:
    """Return stored values and the boxes of their texts: noise above, gradients below, a name and a number."""
    rows, columns = kind.size
    random = np.random.default_rng(list(replace(kind, cut="bare").name.encode()))
    greatest = (1 << kind.bits) - 1
    values = np.empty((kind.frames, rows, columns, kind.samples), np.int64)
    across, down = np.arange(columns)[None, :], np.arange(rows)[:, None]
    for frame, sample in product(range(kind.frames), range(kind.samples)):
        values[frame, ..., sample] = (across * (sample + 2) + down * 3 + 17 * frame) * greatest // (
            4 * (rows + columns)
        ) + greatest // 8
    noise = random.integers(-greatest // 12, greatest // 12 + 1, values.shape)
    values[:, : rows // 2] += noise[:, : rows // 2]
    values = values.clip(0, greatest)
    boxes = []
    for text, x, y in (("DOE JANE", 5, 4), ("4711 70", columns - 44, rows - 11)):
        ink = text_mask(text)
        height, width = ink.shape
        boxes.append((x - 1, y - 1, x + width + 1, y + height + 1))
        area = values[:, y : y + height, x : x + width]
        area[:] = np.where(ink[None, :, :, None], greatest, area // 2)
    return (values - (1 << kind.bits - 1) if kind.signed else values), boxes


def _elements(kind: Kind, number: int, extra: Sequence[Element]) -> list[Element]:
    own = [
        Element(0x00080008, "CS", "ORIGINAL\\PRIMARY"),
        Element(0x00080016, "UI", ULTRASOUND if kind.bits == 8 else SC),
        Element(0x00080018, "UI", uid(number, 0x18)),
        Element(0x00080060, "CS", "US" if kind.bits == 8 else "OT"),
        Element(0x00080070, "LO", "ACME"),
        Element(0x0020000D, "UI", uid(number, 0x0D)),
        Element(0x0020000E, "UI", uid(number, 0x0E)),
        Element(0x00280002, "US", kind.samples),
        Element(0x00280004, "CS", kind.photometric),
        Element(0x00280010, "US", kind.size[0]),
        Element(0x00280011, "US", kind.size[1]),
        Element(0x00280100, "US", 8 if kind.bits <= 8 else 16),
        Element(0x00280101, "US", kind.bits),
        Element(0x00280102, "US", kind.bits - 1),
        Element(0x00280103, "US", int(kind.signed)),
    ]
    if kind.samples > 1:
        own.append(Element(0x00280006, "US", 0))
    if kind.frames > 1:
        own.append(Element(0x00280008, "IS", str(kind.frames)))
    if kind.is_lossy:
        own += [Element(0x00282110, "CS", "01"), Element(0x00282112, "DS", "7"), Element(0x00282114, "CS", METHODS[kind.syntax])]
    if kind.photometric == "PALETTE COLOR":
        own += palette_elements(labelled_pixels.Kind("PALETTE COLOR", stored=kind.bits, lut="16"))
    given = {element.tag for element in extra}
    return ct(*(element for element in own if element.tag not in given), *extra, without=[PIXELS, 0x00200037])


def file_of(kind: Kind, elements: list[Element], frames: Sequence[bytes], *, instance: str) -> bytes:
    """Return a file with these codestreams, cut as the kind says."""
    items: list[bytes] = []
    offsets, lengths = [], []
    for frame in frames:
        offsets.append(sum(map(len, items)))
        frame += b"\0" * (len(frame) % 2)
        if kind.cut == "filled":
            frame += b"\0\0\0\0"
        lengths.append(len(frame))
        size = (len(frame) // 3 + 1) // 2 * 2 if kind.cut.startswith("parts") else len(frame)
        items += [delimiter(0xE000, length=len(part)) + part for part in _cut(frame, size)]
    table = struct.pack(f"<{len(offsets)}L", *offsets) if kind.cut.endswith("table") else b""
    content = encode(elements)
    if kind.cut == "extended":
        content += encode(
            [Element(0x7FE00001 + at, "OV", struct.pack(f"<{len(one)}Q", *one)) for at, one in enumerate((offsets, lengths))]
        )
    content += header(PIXELS, "OB", UNDEFINED, "") + delimiter(0xE000, length=len(table)) + table
    content += b"".join(items) + delimiter(0xE0DD)
    sop_class = next(str(element.value) for element in elements if element.tag == 0x00080016)
    return part10(content, PREFIX + kind.syntax, sop_class=sop_class, instance=instance)


def _cut(frame: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(frame), size):
        yield frame[at : at + size]


def formats() -> Iterator[Kind]:
    """Yield each combination of syntax, colour, precision, sign and way of coding, one frame of the first size."""
    grey = ("MONOCHROME2", "MONOCHROME1")
    for photometric in grey:
        for coding in (Coding("50"), Coding("50", restart=3), Coding("50", progressive=True)):
            yield Kind("50", photometric, coding=coding)
        yield Kind("51", photometric)
        yield Kind("51", photometric, 12)
    for coding in (Coding(""), Coding("", restart=2), Coding("", progressive=True)):
        yield Kind("50", "RGB", coding=coding)
        yield Kind("50", "YBR_FULL", coding=coding)
        yield Kind("50", "YBR_FULL_422", coding=replace(coding, sampling="422"))
        yield Kind("50", "YBR_FULL_422", coding=replace(coding, sampling="420"))
    yield Kind("50", "YBR_FULL", coding=Coding("", sampling="440"))
    yield Kind("51", "YBR_FULL_422", coding=Coding("", sampling="422"))
    for syntax in SHORT[2:]:
        for coding in _ways(syntax):
            for photometric, bits, signed in product(grey, (8, 10, 12, 16), (False, True)):
                if syntax != "81" or bits > 8 or not signed:
                    yield Kind(syntax, photometric, bits, signed, coding=coding)
            if syntax not in LOSSY:
                yield Kind(syntax, "PALETTE COLOR", coding=coding)
                yield Kind(syntax, "PALETTE COLOR", 12, coding=coding)
            for bits in (8, 10, 12, 16):
                yield Kind(syntax, "RGB", bits, coding=coding)
            yield Kind(syntax, "YBR_FULL", coding=coding)
            if syntax in JPEG_2000 + HTJ2K:
                for bits in (8, 12, 16):
                    yield Kind(syntax, "YBR_ICT" if coding.irreversible else "YBR_RCT", bits, coding=coding)


def _ways(syntax: str) -> list[Coding]:
    """Return the ways of coding that nothing in the object tells."""
    if syntax == "57":
        return [Coding("", predictor=predictor) for predictor in range(1, 8)]
    if syntax in JPEG_LS:
        return [Coding("", interleave=interleave) for interleave in (0, 1, 2)]
    if syntax in ("91", "203"):
        return [Coding("", irreversible=True), Coding("")]
    return [Coding("")]


def all_kinds() -> Iterator[Kind]:
    """Yield the whole set: each format in one and three frames, cut in each way, sizes in turn."""
    number = 0
    for kind in formats():
        if kind.samples == 1 and kind.coding.interleave != 2:
            continue
        for frames, cut in product((1, 3), CUTS):
            # without a table only whole frames can be told apart from parts by everybody
            if cut == "parts" and frames > 1:
                cut = "parts and table"
            yield replace(kind, frames=frames, cut=cut, size=SIZES[number % len(SIZES)])
            number += 1


def few_kinds() -> list[Kind]:
    """Return about 40 that have each syntax, colour, precision, sign, way of coding, cut, size and number once at least."""
    kinds = list(formats())
    left = dict.fromkeys(value for kind in kinds for value in _values(kind))
    chosen: list[Kind] = []
    while left:
        best = max(kinds, key=lambda kind: sum(value in left for value in _values(kind)))
        chosen.append(best)
        for value in _values(best):
            left.pop(value, None)
    return [_varied(kind, number) for number, kind in enumerate(chosen)]


def _varied(kind: Kind, number: int) -> Kind:
    """Return a kind with a cut, size and number of frames that go round by different periods."""
    frames, cut = (1, 3)[number % 5 % 2], CUTS[number % 6]
    if cut == "parts" and frames > 1:
        cut = "parts and table"
    return replace(kind, frames=frames, cut=cut, size=SIZES[number // 2 % 4])


def _values(kind: Kind) -> list[tuple[str, object]]:
    coded, family = kind.coded, _family(kind.syntax)
    found: list[tuple[str, object]] = [
        ("syntax and colour", (kind.syntax, kind.samples)),
        ("photometric", (family, kind.photometric)),
    ]
    found += [("bits", (family, kind.bits)), ("sign", (family, kind.signed)), ("irreversible", (kind.syntax, coded.irreversible))]
    return found + [
        (way, (family, getattr(coded, way))) for way in ("restart", "progressive", "sampling", "predictor", "interleave")
    ]


def _family(syntax: str) -> str:
    return next(group[0] for group in (DCT, LOSSLESS_JPEG, JPEG_LS, JPEG_2000, HTJ2K) if syntax in group)
