"""Small files that are meant to become large, deep or endless: each ends soon, in memory that its bytes account for."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.limits import COMMAND, run_measured
from tests.support.objects import (
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    UNDEFINED,
    Element,
    ct,
    delimiter,
    encode,
    header,
    meta,
    part10,
)
from tests.support.runs import Run

GIGABYTE = 1 << 30
LEVELS = 100_000
#: MB that the command itself takes
COMMAND_MEMORY = 240


class Bomb(NamedTuple):
    """A file, and why it is refused; empty where it is written."""

    content: bytes
    reason: str = ""


_numbers = count(1)


def before(tag: int, syntax: str = EXPLICIT) -> bytes:
    """The elements of an object, each with a UID of its own, up to ``tag``."""
    elements = ct(Element(0x00080018, "UI", f"1.2.3.{next(_numbers)}"))
    return encode([element for element in elements if element.tag < tag], syntax)


def behind(tag: int, syntax: str = EXPLICIT) -> bytes:
    """... and those behind it."""
    return encode([element for element in ct() if element.tag > tag], syntax)


def deflated_gigabyte(start: bytes, end: bytes = b"") -> bytes:
    """A file of a MB whose deflated data set has a gigabyte of zeros between ``start`` and ``end``."""
    return (
        bytes(128)
        + b"DICM"
        + meta(DEFLATED, CT)
        + _block(start)
        + _block(bytes(1 << 20)) * (GIGABYTE >> 20)
        + _block(end, zlib.Z_FINISH)
    )


def _block(content: bytes, flush: int = zlib.Z_FULL_FLUSH) -> bytes:
    """Deflated bytes that depend on nothing before them."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(content) + compressor.flush(flush)


def deflated() -> Iterator[Bomb]:
    """A gigabyte in pixels, in what is kept behind names or before them, removed or looked at whole; in an endless sequence; in
    place of everything.
    """
    for tag, vr, reason in (
        (0x7FE00010, "OW", ""),
        (0x7FE00008, "OF", ""),
        # what stays waits until all are known whom it may name
        (0x00281201, "OW", "header-too-large"),
        (0x00104000, "UN", ""),
        (0x00281199, "UC", "header-too-large"),
    ):
        start = before(tag) + header(tag, vr, GIGABYTE, EXPLICIT)
        yield Bomb(deflated_gigabyte(start, behind(tag)), reason)
    item = header(0x00081115, "SQ", UNDEFINED, EXPLICIT) + delimiter(0xE000, length=UNDEFINED)
    start = before(0x00081115) + item + header(0x00081199, "OB", GIGABYTE, EXPLICIT)
    yield Bomb(deflated_gigabyte(start), "header-too-large")
    yield Bomb(deflated_gigabyte(b""), "invalid-vr")


def nested() -> Iterator[Bomb]:
    """More levels than any stack has: kept, removed and private, with lengths and delimiters, disguised and implicit."""
    for tag in (0x00081115, 0x0040A730, 0x00291010):
        for vr, syntax in (("SQ", EXPLICIT), ("UN", EXPLICIT), ("SQ", IMPLICIT)):
            for build in (_delimited, _with_lengths):
                whole = before(tag, syntax) + build(tag, vr, syntax) + behind(tag, syntax)
                # what goes and says how long it is isn't looked at
                goes = tag != 0x00081115 and build is _with_lengths
                yield Bomb(part10(whole, syntax), "" if goes else "nesting-too-deep")


def _delimited(tag: int, vr: str, syntax: str) -> bytes:
    inner = IMPLICIT if vr == "UN" else syntax
    item = delimiter(0xE000, length=UNDEFINED)
    opening = header(tag, vr, UNDEFINED, inner) + item
    ends = delimiter(0xE00D) + delimiter(0xE0DD)
    return header(tag, vr, UNDEFINED, syntax) + item + opening * (LEVELS - 1) + ends * LEVELS


def _with_lengths(tag: int, vr: str, syntax: str) -> bytes:
    size, levels = 0, []
    # from the inside out, with the lengths of all that follows
    for level in range(LEVELS):
        inner = IMPLICIT if vr == "UN" and level < LEVELS - 1 else syntax
        levels.append(header(tag, vr, size + 8, inner) + delimiter(0xE000, length=size))
        size += len(levels[-1])
    return b"".join(reversed(levels))


def _items(tag: int, inside: bytes, number: int) -> bytes:
    items = (delimiter(0xE000, length=len(inside)) + inside) * number
    return part10(before(tag) + header(tag, "SQ", len(items), EXPLICIT) + items + behind(tag))


def empty_items() -> Iterator[Bomb]:
    yield Bomb(_items(0x00081115, b"", 2_000_000))


def references() -> Iterator[Bomb]:
    yield Bomb(_items(0x00081115, encode([Element(0x00081155, "UI", "1.2.3.4")]), 500_000))


def elements() -> Iterator[Bomb]:
    """Private ones, as many as there is room for in twenty groups."""
    private = (struct.pack("<HH2sH", 0x0029 + 2 * (at // 60_000), 0x1000 + at % 60_000, b"SH", 0) for at in range(1_200_000))
    yield Bomb(part10(before(0x00290000) + b"".join(private) + behind(0x01000000)))


def one_element_over_and_over() -> Iterator[Bomb]:
    """Each asks who the patient is."""
    yield Bomb(_items(0x00081115, encode([Element(0x00100020, "LO", "AB")]) * 300_000, 1))


def fragments() -> Iterator[Bomb]:
    pixels = header(0x7FE00010, "OB", UNDEFINED, EXPLICIT) + delimiter(0xE000) * 2_000_000 + delimiter(0xE0DD)
    yield Bomb(part10(before(0x7FE00010) + pixels, JPEG))


def codes() -> Iterator[Bomb]:
    """Earlier codes of de-identification, of which pydicom would make as many data sets."""
    yield Bomb(_items(0x00120064, b"", 1_000_000))


#: seconds of CPU and MB that the command may take, beside what it takes for nothing: some times what it does
BOMBS: dict[Callable[[], Iterator[Bomb]], tuple[float, float]] = {
    deflated: (90, 120),
    nested: (20, 60),
    empty_items: (30, 200),
    references: (30, 300),
    elements: (30, 250),
    one_element_over_and_over: (30, 170),
    fragments: (20, 60),
    codes: (20, 150),
}


@pytest.mark.parametrize("build", BOMBS, ids=lambda build: build.__name__)
def test_bombs(tmp_path: Path, key_file: Path, build: Callable[[], Iterator[Bomb]]) -> None:
    seconds, megabytes = BOMBS[build]
    expected: Counter[str] = Counter()
    (tmp_path / "in").mkdir()
    for number, bomb in enumerate(build()):
        expected[bomb.reason] += 1
        (tmp_path / "in" / str(number)).write_bytes(bomb.content)
    ended = run_measured(*COMMAND, "run", "--input", tmp_path / "in", "--output", tmp_path / "out", "--key", f"file:{key_file}")
    written = expected.pop("", 0)
    assert "Traceback" not in ended.log and ended.code == (3 if expected else 0), ended.log
    run = Run(tmp_path / "out", ended.code, ended.log)
    assert run.report["reasons"] == expected
    assert len(run.objects()) == run.report["counts"]["written"] == written
    assert ended.seconds < seconds
    assert ended.megabytes < COMMAND_MEMORY + megabytes
