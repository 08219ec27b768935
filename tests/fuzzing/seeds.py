"""Files to begin with, identifiers planted in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom.datadict import DicomDictionary

from tests.support.compressed_pixels import Kind, labelled
from tests.support.objects import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    UNDEFINED,
    Element,
    bundled_files,
    ct,
    delimiter,
    encode,
    header,
    part10,
)

from . import marks
from .leaks import is_kept
from .structure import Place, read, shell_places

_TEXT_VRS = frozenset(b"AE CS LO LT PN SH ST UC UR UT OB OW UN".split())
#: they decide what the object is; pixels have no identifiers in them that anybody could find
_LEFT_ALONE = frozenset(
    [0x00020001, 0x00020002, 0x00020010, 0x00080005, 0x00080016, 0x00420012, 0x7FE00008, 0x7FE00009, 0x7FE00010]
)
#: where an identity of its own is put into each copy
IDENTITY = 0x00080018


def plant(blob: bytes, number: int) -> bytes:
    """``blob`` with tokens in the place of what the Basic Profile replaces or removes, each as long as what was there.

    Args:
        number: tells the tokens of one file from those of another.
    """
    found = read(blob)
    shell = _plant(found.shell, shell_places(found.shell), number)
    if shell[128:132] == b"DICM":
        shell = marks.text(number, 128) + shell[128:]
    # the places of a file's data set: what was there stays as long as it was
    return found._replace(shell=shell).whole(_plant(found.content, found.places, number))


def _plant(content: bytes, places: Sequence[Place], number: int) -> bytes:
    planted = bytearray(content)
    uids: dict[bytes, bytes] = {}
    for place in places:
        value, end, tag = place.value, place.end, place.tag
        if place.length == UNDEFINED or place.length < 8 or tag >> 16 == 0xFFFE or place.vr == b"SQ":
            continue
        if tag in _LEFT_ALONE or is_kept(tag):
            continue
        known = DicomDictionary.get(tag)
        vr = place.vr if place.vr not in (b"UN", b"") or known is None else known[0].split(" ")[0].encode()
        if vr == b"UI":
            original = content[value:end].strip(b"\0 ")
            if len(original) >= 28 and b"\\" not in original and not original.startswith(b"1.2.840.10008."):
                new = uids.setdefault(original, marks.uid(number * 1000 + len(uids), len(original)))
                planted[value : value + len(original)] = new
        elif vr in (b"DA", b"DT"):
            planted[value : value + 8] = marks.date(number)
        elif vr in _TEXT_VRS or vr == b"":
            planted[value:end] = marks.text(number, end - value)
    return bytes(planted)


def with_own_identity(blob: bytes, number: int) -> bytes:
    """``blob`` with a SOPInstanceUID of its own, wherever the old one stood."""
    found = read(blob)
    for place in found.places:
        if place.tag == IDENTITY and not place.depth:
            old = found.content[place.value : place.end].strip(b"\0 ")
            if len(old) >= 28:
                new = marks.uid(5_000_000 + number, len(old))
                return found._replace(shell=found.shell.replace(old, new)).whole(found.content.replace(old, new))
    return blob


def real_files(folder: Path | None) -> list[Path]:
    """The files of ``folder``, or pydicom's own."""
    if folder is None:
        return [path for path in bundled_files() if path.stat().st_size < 300_000]
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".csv", ".md", ".txt", ".json"))


def generated() -> list[bytes]:
    """Small objects in every encoding, with all that structure can be: for the coverage-guided fuzzer."""
    name, uid = Element(0x00100010, "PN", marks.text(1)), Element(0x00081155, "UI", marks.uid(2))
    private = [
        Element(0x00090010, "LO", marks.text(3)),
        Element(0x00091001, "UN", marks.text(4, 24)),
        Element(0x00091002, "SQ", [[name, Element(0x00091003, "LO", marks.text(5))]], True, True),
    ]
    nested = Element(0x00081115, "SQ", [[uid, Element(0x00081199, "SQ", [[uid, name]], True, True)], [uid]])
    disguised = Element(0x00082112, "SQ", [[uid, name]], True, True, True)
    identity = [
        Element(0x00080018, "UI", marks.uid(6)),
        Element(0x00080020, "DA", marks.date(7)),
        Element(0x0020000D, "UI", marks.uid(8)),
        Element(0x0020000E, "UI", marks.uid(9)),
        Element(0x00100010, "PN", marks.text(10)),
        Element(0x00100020, "LO", marks.text(11)),
    ]
    stamped = [Element(0x00120063, "LO", "earlier"), Element(0x00120064, "SQ", [[Element(0x00080100, "SH", "113100")]])]
    overlay = [
        *(Element(0x00280100, "US", 16), Element(0x00280101, "US", 8), Element(0x00280102, "US", 7)),
        *(Element(0x60000010, "US", 2), Element(0x60000102, "US", 12), Element(0x60003000, "OW", marks.text(12, 18))),
    ]
    content = Element(0x0040A730, "SQ", [[Element(0x0040A040, "CS", "TEXT"), Element(0x0040A160, "UT", marks.text(13))]])
    charset = Element(0x00080005, "CS", "ISO_IR 192")
    long_text = Element(0x00104000, "LT", marks.text(14, 9000))
    trailing = Element(0xFFFCFFFC, "OB", marks.text(15, 30))
    sr = "1.2.840.10008.5.1.4.1.1.88.33"
    objects = [
        ct(*identity, *private, nested),
        ct(*identity, disguised, *overlay, trailing),
        ct(*identity, *stamped, charset, long_text),
        ct(*identity, content, nested, sop_class=sr, without=[0x7FE00010]),
    ]
    blobs = [part10(elements, syntax) for elements in objects for syntax in (IMPLICIT, EXPLICIT, BIG, DEFLATED)]
    for parts in ([b"", b"frame 1 "], [b"\0\0\0\0", b"f" * 700, b"g" * 30]):
        fragments = b"".join(delimiter(0xE000, length=len(part)) + part for part in parts) + delimiter(0xE0DD)
        pixels = header(0x7FE00010, "OB", UNDEFINED, EXPLICIT) + fragments
        blobs.append(part10(encode(ct(*identity, *private, without=[0x7FE00010])) + pixels, JPEG, tail=marks.text(16, 40)))
    kinds = [Kind(syntax, size=(41, 59)) for syntax in ("50", "70", "81", "90", "203")]
    blobs += [labelled(kind, 1, name).blob for kind in (*kinds, Kind("50", "YBR_FULL_422", frames=3, cut="parts and table"))]
    blobs.append(encode(ct(*identity, nested), IMPLICIT))
    blobs.append(part10(ct(*identity, Element(0x00281201, "OW", bytes(range(256)) * 300)), sop_class=CT))
    return blobs
