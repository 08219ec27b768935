"""Changes to DICOM files that know where elements, lengths, VRs and delimiters are."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random

from tests.support.objects import BIG, DEFLATED, EXPLICIT, IMPLICIT, JPEG, UNDEFINED, Element, delimiter, encode, header

from . import marks
from .structure import File, Place, deflated, read

Change = Callable[[bytearray, list[Place], str, Random], None]

_VRS = b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV ?? ox".split()
_LENGTHS = (0, 1, 2, 3, 7, 8, 9, 64, 255, 0x7FFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, UNDEFINED)
_TAGS = (
    *(0x00020010, 0x00080005, 0x00080016, 0x00080018, 0x00081115, 0x00090010, 0x00091001, 0x00100010, 0x00100020, 0x00120062),
    *(0x00120064, 0x0020000D, 0x00280301, 0x0040A730, 0x00400275, 0x04000561, 0x50000005, 0x52009230, 0x60000102, 0x60003000),
    *(0x7FE00008, 0x7FE00010, 0xFFFAFFFA, 0xFFFCFFFC, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0xFFFFFFFF, 0x00000000, 0x00041220),
)
_CHARSETS = (b"ISO_IR 192", b"ISO 2022 IR 87", b"\\ISO 2022 IR 149", b"GB18030", b"ISO_IR 999", b"", b"\xff\xfe", b"ISO_IR 100")
_SYNTAXES = (
    *(IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.5"),
    *("1.2.840.10008.1.2.6.1", "1.2.3", "", "1.2.840.10008.1.2.1 "),
)
_TEXTS = (
    b"\0",
    b"\\" * 40,
    b"\x1b$B",
    b"\xff" * 9,
    b" " * 70_000,
    b"\r\n\t",
    b"YES",
    b"1.2.840.10008.1.1",
    b"2.25.1",
    b"\x7f\x01",
)


def _order(syntax: str) -> str:
    return ">" if syntax == BIG else "<"


# -- bytes ----------------------------------------------------------------------------------------------------------------


def _flip(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        content[_somewhere(content, random)] ^= 1 << random.randrange(8)


def _cut(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    del content[_somewhere(content, random) :]


def _cut_out(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    at = _somewhere(content, random)
    del content[at : at + random.choice((1, 2, 4, 8, 100))]


def _put_in(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    at = _somewhere(content, random)
    content[at:at] = random.choice((b"\0", b"\xff" * 4, b"\xfe\xff\x00\xe0", random.randbytes(5), b" " * 9, bytes(200)))


def _repeat(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    at = _somewhere(content, random)
    content[at:at] = content[at : at + random.choice((2, 8, 60, 500))]


def _somewhere(content: bytearray, random: Random) -> int:
    # structure is at the beginning
    return random.randrange(min(len(content), random.choice((300, 2000, 20_000, 1 << 30)))) if content else 0


# -- elements -------------------------------------------------------------------------------------------------------------


def _remove(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    place = random.choice(places)
    del content[place.start : place.end]


def _double(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    place = random.choice(places)
    content[place.end : place.end] = content[place.start : place.end]


def _move(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    place, target = random.choice(places), random.choice(places)
    element = content[place.start : place.end]
    content[target.start : target.start] = element


def _swap(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    """Two elements' values change places, each with its length."""
    one, other = sorted(random.sample(places, 2)) if len(places) > 1 else (places[0], places[0])
    if one.end > other.start or UNDEFINED in (one.length, other.length):
        return
    first, second = bytes(content[one.value : one.end]), bytes(content[other.value : other.end])
    content[other.value : other.end] = first
    _set_length(content, other, len(first))
    content[one.value : one.end] = second
    _set_length(content, one, len(second))


def _new_length(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    place = random.choice(places)
    near = place.length + random.choice((-9, -8, -2, -1, 1, 2, 8, 9, 40))
    _set_length(content, place, random.choice((near, near, random.choice(_LENGTHS), len(content) - place.value)))


def _set_length(content: bytearray, place: Place, length: int) -> None:
    at, form = place.length_at
    struct.pack_into(form, content, at, length & (0xFFFF if form[1] == "H" else 0xFFFFFFFF))


def _new_vr(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    place = random.choice(places)
    if place.syntax != IMPLICIT and place.tag >> 16 != 0xFFFE:
        content[place.start + 4 : place.start + 6] = random.choice(_VRS)


def _new_tag(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    place = random.choice(places)
    tag = random.choice((random.choice(_TAGS), place.tag + 1, place.tag ^ 0x10000, random.getrandbits(32)))
    struct.pack_into(_order(place.syntax) + "HH", content, place.start, tag >> 16 & 0xFFFF, tag & 0xFFFF)


def _new_text(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    texts = [place for place in places if place.length != UNDEFINED and place.vr not in (b"SQ", b"")] or places
    place = random.choice(texts)
    value = random.choice(
        _CHARSETS if place.tag == 0x00080005 else (*_TEXTS, marks.text(random.getrandbits(20), 18), place.vr * 9)
    )
    content[place.value : place.end] = value
    if random.random() < 0.8:
        _set_length(content, place, len(value))


def _put_in_element(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    place = random.choice(places)
    element = _palette(place.syntax, random)
    at = place.start
    if random.random() < 0.8:
        # where it belongs among its neighbours: elsewhere at top level the object is refused for that alone
        tag = _tag_of(element, place.syntax)
        neighbours = (
            other for other in places if other.depth == place.depth and other.start >= (place.start if place.depth else 0)
        )
        at = next((other.start for other in neighbours if other.tag >= tag), at)
    content[at:at] = element


def _put_in_delimiter(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    place = random.choice(places)
    at = random.choice((place.start, place.value, place.end))
    content[at:at] = delimiter(random.choice((0xE000, 0xE00D, 0xE0DD)), place.syntax, random.choice((0, 0, 8, UNDEFINED)))


def _wrap(content: bytearray, places: list[Place], syntax: str, random: Random) -> None:
    """An element goes into sequences, some of them disguised."""
    place = random.choice(places)
    inside = bytes(content[place.start : place.end])
    for _ in range(random.choice((1, 1, 2, 70))):
        tag, length = random.choice((0x00081115, 0x00091002, 0x0040A730, 0x00082218)), len(inside) + 8
        vr = random.choice(("SQ", "SQ", "UN", "OB"))
        if random.random() < 0.5:
            inside = header(tag, vr, length, place.syntax) + delimiter(0xE000, place.syntax, length - 8) + inside
        else:
            ends = delimiter(0xE00D, place.syntax) + delimiter(0xE0DD, place.syntax)
            inside = header(tag, vr, UNDEFINED, place.syntax) + delimiter(0xE000, place.syntax, UNDEFINED) + inside + ends
    content[place.start : place.end] = inside


def _tag_of(element: bytes, syntax: str) -> int:
    group, number = struct.unpack_from(_order(syntax) + "HH", element)
    return int(group) << 16 | int(number)


def _palette(syntax: str, random: Random) -> bytes:
    """An element with tokens in it, of the kinds that are most easily overlooked."""
    number = random.getrandbits(20)
    name, uid = Element(0x00100010, "PN", marks.text(number)), Element(0x00081155, "UI", marks.uid(number))
    inner = [uid, Element(0x00091001, "UN", marks.text(number)), name]
    undefined, items = random.random() < 0.5, random.random() < 0.5
    element = random.choice(
        (
            name,
            uid,
            Element(0x00080005, "CS", random.choice(_CHARSETS)),
            Element(0x00080020, "DA", marks.date(number)),
            Element(0x00081115, "SQ", [inner, inner], undefined, items, random.random() < 0.3),
            Element(0x00091002, "SQ", [inner], undefined, items, random.random() < 0.3),
            Element(0x00090010, "LO", marks.text(number)),
            Element(0x00091001, "LO", marks.text(number)),
            Element(0x00100020, "LO", b""),
            Element(0x00120063, "LO", b"earlier"),
            Element(0x00120064, "SQ", [[Element(0x00080100, "SH", "113100")], inner], undefined, items),
            Element(0x00280301, "CS", random.choice((b"YES", b"NO"))),
            Element(0x0040A730, "SQ", [inner, inner], undefined, items),
            Element(0x60000102, "US", random.randrange(16)),
            Element(0x60003000, "OW", marks.text(number, 40)),
            Element(0xFFFCFFFC, "OB", marks.text(number, 40)),
        )
    )
    return encode([element], syntax if syntax != DEFLATED else EXPLICIT)


_OF_BYTES: tuple[Change, ...] = (_flip, _flip, _cut, _cut_out, _put_in, _repeat)
_OF_ELEMENTS: tuple[Change, ...] = (
    *(_remove, _remove, _double, _move, _swap, _swap, _new_length, _new_length, _new_vr, _new_tag),
    *(_new_text, _new_text, _new_text, _put_in_element, _put_in_element, _put_in_element, _put_in_delimiter, _wrap),
)


# -- files ----------------------------------------------------------------------------------------------------------------


def mutate(blob: bytes, random: Random, others: Sequence[bytes] = (), most: int = 4) -> bytes:
    """``blob`` with one change or a few, of bytes or of elements.

    Args:
        others: files from which parts may be taken.
        most: number of changes.
    """
    if random.random() < 0.05:
        # also of what is deflated
        content = bytearray(blob or b"\0")
        random.choice(_OF_BYTES)(content, [], EXPLICIT, random)
        return bytes(content)
    found = read(blob)
    if others and random.random() < 0.04:
        return _spliced(found, read(random.choice(others)), random)
    shell = _new_shell(found, random) if random.random() < 0.08 else found.shell
    content = bytearray(found.content)
    for number in range(random.choice((1, 1, 1, 1, 2, most))):
        if not content:
            break
        places = found.places if not number else read(found.whole(content)).places
        changes = _OF_ELEMENTS if places and random.random() < 0.75 else _OF_BYTES
        random.choice(changes)(content, places, found.syntax, random)
    return found._replace(shell=shell).whole(content)


def _spliced(one: File, other: File, random: Random) -> bytes:
    """The beginning of a file and the end of another one."""
    tops = [[place for place in file.places if not place.depth] for file in (one, other)]
    if not all(tops):
        return one.whole(one.content) + other.content
    return one.whole(one.content[: random.choice(tops[0]).start] + other.content[random.choice(tops[1]).start :])


def _new_shell(found: File, random: Random) -> bytes:
    """Another transfer syntax, or a file meta that is broken or not there."""
    shell = bytearray(found.shell)
    match random.randrange(5):
        case 0:
            return b""
        case 1:
            return bytes(shell[132:])
        case 2 if shell:
            shell[random.randrange(len(shell))] ^= 1 << random.randrange(8)
        case _:
            new = random.choice(_SYNTAXES).encode()
            new += b"\0" * (len(new) % 2)
            at = shell.find(b"\x02\0\x10\0UI")
            if at >= 0:
                (length,) = struct.unpack_from("<H", shell, at + 6)
                shell[at + 6 : at + 8 + length] = struct.pack("<H", len(new)) + new
    return bytes(shell)


def redeflated(blob: bytes) -> bytes:
    """``blob`` in the deflated transfer syntax, where it is in explicit VR little endian."""
    found = read(blob)
    old, new = EXPLICIT.encode() + b"\0", DEFLATED.encode()
    if found.syntax != EXPLICIT or old not in found.shell:
        return blob
    shell = found.shell.replace(struct.pack("<H", len(old)) + old, struct.pack("<H", len(new)) + new)
    return shell + deflated(found.content)
