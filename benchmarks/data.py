"""The benchmarks' data: CT images, small objects, enhanced multi-frame and one object of 4 GB; the same for a seed."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from pydicom import dcmread
from pydicom.data import get_testdata_file

from .archives import Place
from .encoding import Element, header, part10

_CT, _ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"
_PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
_PIXEL_DATA, _TRAILING_PADDING = 0x7FE00010, 0xFFFCFFFC

#: a CT image of 512 x 512
CT_PIXELS = 512 * 512 * 2
#: frames that give an enhanced object about 20,000 elements, and the bytes of their pixels, 32 x 32
FRAMES = 475
FRAMES_PIXELS = FRAMES * 32 * 32 * 2
#: references that give an object about 20,000 elements, their items counted, and 5,000 UIDs
REFERENCES = 4990
#: frames of 512 x 512 that come closest to what an element can hold
LARGE_FRAMES = 8191


def ct(place: Place, pixels: bytes) -> list[Element]:
    """Return a CT image with the header of a real one, pydicom's CT_small.dcm: 261 elements, 179 of them private."""
    slice_location = -75.7 + 5 * place.instance
    own = [
        *_identity(place, _CT, "CT"),
        (0x00080032, "TM", _time(place)),
        (0x00080033, "TM", _time(place)),
        (0x00200012, "IS", place.series + 1),
        (0x00200013, "IS", place.instance + 1),
        (0x00200032, "DS", f"-158.135803\\-179.035797\\{slice_location:.6f}"),
        (0x00200052, "UI", place.ours[1]),
        (0x00201041, "DS", f"{slice_location:.6f}"),
        (0x00280010, "US", 512),
        (0x00280011, "US", len(pixels) // 1024),
        (_PIXEL_DATA, "OW", pixels),
    ]
    return [*(_template() | {element[0]: element for element in own}).values()]


def small(place: Place, pixels: bytes = b"") -> list[Element]:
    """Return a presentation state of 70 elements, as viewers leave them: nothing but a header."""
    return [
        *_identity(place, _PRESENTATION_STATE, "PR"),
        (0x00080005, "CS", "ISO_IR 100"),
        (0x00080012, "DA", "20240316"),
        (0x00080013, "TM", _time(place)),
        (0x00080050, "SH", f"A{place.number}"),
        (0x00080070, "LO", "Maker"),
        (0x00080080, "LO", "St. Example Hospital, Springfield"),
        (0x00080090, "PN", "Referrer^Rita"),
        (0x00081010, "SH", "WS-0815"),
        (0x00081030, "LO", "CT thorax with contrast"),
        (0x0008103E, "LO", "Presentation states"),
        (0x00081048, "PN", "Record^Rosa"),
        (0x00081050, "PN", "Reader^Robin"),
        (0x00081060, "PN", "Reader^Robin"),
        (0x00081070, "PN", "Operator^Olga"),
        (0x00081090, "LO", "Viewer"),
        (0x00081115, "SQ", [_series(place)]),
        (0x00100030, "DA", "19610203"),
        (0x00100040, "CS", "F"),
        (0x00101010, "AS", "063Y"),
        (0x00101030, "DS", "71.5"),
        (0x00104000, "LT", "Allergic to contrast"),
        (0x00181000, "LO", "SN-0815"),
        (0x00181020, "LO", "5.1.2"),
        (0x00200010, "SH", place.number),
        (0x00200011, "IS", 901),
        (0x00200013, "IS", place.instance + 1),
        (0x00283110, "SQ", [[(0x00281050, "DS", "40"), (0x00281051, "DS", "400"), (0x00281055, "LO", "Mediastinum")]]),
        (0x00400244, "DA", "20240315"),
        (0x00400245, "TM", "101530"),
        (0x00400253, "SH", f"S{place.number}"),
        (0x00400254, "LO", "CT thorax"),
        (0x00400280, "ST", "Read twice"),
        (0x00400275, "SQ", [_request(place)]),
        (0x00700080, "CS", "KEY_IMAGES"),
        (0x00700081, "LO", "Marked while reading"),
        (0x00700082, "DA", "20240316"),
        (0x00700083, "TM", _time(place)),
        (0x00700084, "PN", "Reader^Robin"),
        (0x0070005A, "SQ", [_displayed_area(place)]),
        (0x20500020, "CS", "IDENTITY"),
    ]


def multiframe(place: Place, pixels: bytes) -> list[Element]:
    """Return an enhanced CT whose frames each have nine functional groups: 20,000 elements in all."""
    return [
        *_identity(place, _ENHANCED_CT, "CT"),
        (0x00080008, "CS", "ORIGINAL\\PRIMARY\\VOLUME\\NONE"),
        (0x00080023, "DA", "20240315"),
        (0x00080033, "TM", _time(place)),
        (0x0008002A, "DT", f"20240315{_time(place)}"),
        (0x00080050, "SH", f"A{place.number}"),
        (0x00080070, "LO", "Maker"),
        (0x00080080, "LO", "St. Example Hospital, Springfield"),
        (0x00080090, "PN", "Referrer^Rita"),
        (0x00081030, "LO", "CT thorax with contrast"),
        (0x0008103E, "LO", "axial 1.0 B30f"),
        (0x00081090, "LO", "Scanner"),
        (0x00089205, "CS", "MONOCHROME"),
        (0x00089206, "CS", "VOLUME"),
        (0x00089207, "CS", "NONE"),
        (0x00100030, "DA", "19610203"),
        (0x00100040, "CS", "F"),
        (0x00181000, "LO", "SN-0815"),
        (0x00181020, "LO", "5.1.2"),
        (0x00189004, "CS", "RESEARCH"),
        (0x00200011, "IS", place.series + 1),
        (0x00200013, "IS", place.instance + 1),
        (0x00200052, "UI", place.ours[1]),
        (0x00209221, "SQ", [[(0x00209164, "UI", place.ours[7])]]),
        (0x00280002, "US", 1),
        (0x00280004, "CS", "MONOCHROME2"),
        (0x00280008, "IS", FRAMES),
        (0x00280010, "US", 32),
        (0x00280011, "US", 32),
        (0x00280100, "US", 16),
        (0x00280101, "US", 12),
        (0x00280102, "US", 11),
        (0x00280103, "US", 0),
        (0x00280301, "CS", "NO"),
        (0x00282110, "CS", "00"),
        (0x20500020, "CS", "IDENTITY"),
        (0x52009229, "SQ", [_shared_groups()]),
        (0x52009230, "SQ", [_groups_of(place, frame) for frame in range(FRAMES)]),
        (_PIXEL_DATA, "OW", pixels),
    ]


def references(place: Place, pixels: bytes) -> list[Element]:
    """Return an enhanced CT of few frames that refers to 4,990 images: 20,000 elements and 5,000 UIDs."""
    images = [[*_image(place, number), (0x00081160, "IS", number % 90 + 1)] for number in range(REFERENCES)]
    series: list[Element] = [(0x0008114A, "SQ", images), (0x0020000E, "UI", place.theirs[1])]
    # without the groups of its frames
    rest = [element for element in multiframe(place, pixels) if element[0] != 0x52009230]
    return sorted([*rest, (0x00081115, "SQ", [series])], key=lambda element: element[0])


def write_large(path: Path, place: Place, frames: int = LARGE_FRAMES, seed: int = 2026) -> int:
    """Write one multi-frame object of native pixels, half a megabyte for each frame, in chunks; return its size in bytes."""
    elements = [
        *_identity(place, _ENHANCED_CT, "CT"),
        (0x00100030, "DA", "19610203"),
        (0x00100040, "CS", "F"),
        (0x00200011, "IS", 1),
        (0x00200013, "IS", 1),
        (0x00280002, "US", 1),
        (0x00280004, "CS", "MONOCHROME2"),
        (0x00280008, "IS", frames),
        (0x00280009, "AT", struct.pack("<HH", 0x0018, 0x1063)),
        (0x00181063, "DS", "40"),
        (0x00280010, "US", 512),
        (0x00280011, "US", 512),
        (0x00280100, "US", 16),
        (0x00280101, "US", 16),
        (0x00280102, "US", 15),
        (0x00280103, "US", 0),
        (0x00280301, "CS", "NO"),
        (0x00281052, "DS", "0"),
        (0x00281053, "DS", "1"),
        (0x00281054, "LO", "US"),
        (0x20500020, "CS", "IDENTITY"),
    ]
    source = Random(seed)
    # a few frames, again and again: 4 GB of random bytes would take longer than all that is measured
    frame = [source.randbytes(CT_PIXELS) for _ in range(8)]
    with path.open("wb") as stream:
        stream.write(part10(elements))
        stream.write(header(_PIXEL_DATA, "OW", frames * CT_PIXELS))
        for number in range(frames):
            stream.write(frame[number % len(frame)])
        return stream.tell()


def _identity(place: Place, sop_class: str, modality: str) -> list[Element]:
    return [
        (0x00080016, "UI", sop_class),
        (0x00080018, "UI", place.own),
        (0x00080020, "DA", f"2024{place.study % 12 + 1:02d}{place.study % 28 + 1:02d}"),
        (0x00080030, "TM", "101530"),
        (0x00080060, "CS", modality),
        (0x00100010, "PN", place.patient),
        (0x00100020, "LO", place.number),
        (0x0020000D, "UI", place.ours[0]),
        (0x0020000E, "UI", place.theirs[0]),
    ]


def _time(place: Place) -> str:
    return f"10{place.instance // 60 % 60:02d}{place.instance % 60:02d}.{place.series:06d}"


def _code(value: str, meaning: str) -> list[Element]:
    return [(0x00080100, "SH", value), (0x00080102, "SH", "DCM"), (0x00080104, "LO", meaning)]


def _image(place: Place, number: int) -> list[Element]:
    return [(0x00081150, "UI", _CT), (0x00081155, "UI", f"{place.theirs[number % 12]}.{number}")]


def _series(place: Place) -> list[Element]:
    return [
        (0x00081140, "SQ", [_image(place, place.instance + number) for number in range(2)]),
        (0x0020000E, "UI", place.theirs[1]),
    ]


def _request(place: Place) -> list[Element]:
    return [
        (0x00080050, "SH", f"A{place.number}"),
        (0x00321060, "LO", "CT thorax with contrast"),
        (0x00400007, "LO", "CT thorax"),
        (0x00400009, "SH", f"S{place.number}"),
        (0x00401001, "SH", f"R{place.number}"),
    ]


def _displayed_area(place: Place) -> list[Element]:
    return [
        (0x00081140, "SQ", [_image(place, place.instance)]),
        (0x00700052, "SL", b"\1\0\0\0\1\0\0\0"),
        (0x00700053, "SL", b"\0\2\0\0\0\2\0\0"),
        (0x00700100, "CS", "SCALE TO FIT"),
        (0x00700101, "DS", "0.75\\0.75"),
    ]


def _shared_groups() -> list[Element]:
    return [
        (0x00189301, "SQ", [[(0x00181160, "SH", "WEDGE"), (0x00189315, "CS", "FILTERED_BACKPROJ")]]),
        (0x00209071, "SQ", [[(0x00082218, "SQ", [_code("43799004", "Thoracic cavity")]), (0x00209072, "CS", "U")]]),
    ]


def _groups_of(place: Place, frame: int) -> list[Element]:
    at = f"20240315{10 + frame // 3600:02d}{frame // 60 % 60:02d}{frame % 60:02d}.{place.instance:06d}"
    reference: list[Element] = [
        *_image(place, frame),
        (0x00081160, "IS", frame + 1),
        (0x0040A170, "SQ", [_code("121311", "Localizer")]),
    ]
    content: list[Element] = [
        (0x00189074, "DT", at),
        (0x00189151, "DT", at),
        (0x00189220, "FD", 0.5),
        (0x00209056, "SH", "1"),
        (0x00209057, "UL", frame + 1),
        (0x00209128, "UL", 1),
        (0x00209156, "US", frame + 1),
        (0x00209157, "UL", struct.pack("<LL", 1, frame + 1)),
    ]
    exposure: list[Element] = [
        (0x00189328, "FD", 500.0),
        (0x00189330, "FD", 120.0 + frame % 40),
        (0x00189332, "FD", 60.0 + frame % 20),
        (0x00189345, "FD", 7.5),
    ]
    kind: list[Element] = [
        (0x00089007, "CS", "ORIGINAL\\PRIMARY\\VOLUME\\NONE"),
        (0x00089205, "CS", "MONOCHROME"),
        (0x00089206, "CS", "VOLUME"),
        (0x00089207, "CS", "NONE"),
    ]
    transformation: list[Element] = [(0x00281052, "DS", "-1024"), (0x00281053, "DS", "1"), (0x00281054, "LO", "HU")]
    return [
        (0x00081140, "SQ", [reference]),
        (0x00189321, "SQ", [exposure]),
        (0x00189329, "SQ", [kind]),
        (0x00209111, "SQ", [content]),
        (0x00209113, "SQ", [[(0x00200032, "DS", f"-158.135803\\-179.035797\\{-75.7 + frame:.6f}")]]),
        (0x00209116, "SQ", [[(0x00200037, "DS", "1\\0\\0\\0\\1\\0")]]),
        (0x00289110, "SQ", [[(0x00180050, "DS", "1.0"), (0x00280030, "DS", "0.661468\\0.661468")]]),
        (0x00289132, "SQ", [[(0x00281050, "DS", "40"), (0x00281051, "DS", "400"), (0x00281055, "LO", "WINDOW1")]]),
        (0x00289145, "SQ", [transformation]),
    ]


@cache
def _template() -> dict[int, Element]:
    """Return CT_small.dcm's elements by their tags, with their bytes."""
    with dcmread(str(get_testdata_file("CT_small.dcm", download=False))) as dataset:
        raw: list[Any] = [dataset.get_item(tag) for tag in dataset.keys() if tag != _TRAILING_PADDING]  # noqa: SIM118
        return {int(element.tag): (int(element.tag), element.VR, element.value) for element in raw}
