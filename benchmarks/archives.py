"""Archives of CT-like objects, always the same for a seed: the load of a shuffle depends on their UIDs, texts and names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from .encoding import Element, part10

_CT = "1.2.840.10008.5.1.4.1.1.2"
_ROOT = "1.2.840.113619.2.55.3"
_SURNAMES = ("Okonkwo", "Lindqvist", "Fernandez", "Yamamoto", "Kowalski", "Dubois", "Haddad", "Novakova")
_GIVEN = ("Amina", "Erik", "Lucia", "Kenji", "Zofia", "Marcel", "Leila", "Petra")


@dataclass(frozen=True)
class Shape:
    """The make-up of an archive.

    Attributes:
        studies: one patient each.
        series: instances in each series of a study.
        pixels: bytes of PixelData in an instance.
    """

    studies: int
    series: tuple[int, ...]
    pixels: int = 512

    @property
    def instances(self) -> int:
        return self.studies * sum(self.series)


@dataclass(frozen=True)
class Place:
    """The place of an instance in an archive.

    Attributes:
        name: its file, below the archive's folder.
        patient, number: PatientName and PatientID, as the study has them.
        study, series, instance: counted from 0, the last two within what holds them.
        own: its SOPInstanceUID.
        theirs, ours: 12 UIDs that its series shares, 8 that its study shares; the first of each is SeriesInstanceUID and
            StudyInstanceUID.
    """

    name: str
    patient: str
    number: str
    study: int
    series: int
    instance: int
    own: str
    theirs: list[str]
    ours: list[str]


#: an instance's place and its PixelData -> its elements
Content = Callable[[Place, bytes], list[Element]]


def places(shape: Shape, source: Random) -> Iterator[Place]:
    """Yield each instance of an archive, a series after the other; the caller may draw from ``source``, too."""
    for study in range(shape.studies):
        patient = f"{source.choice(_SURNAMES)}^{source.choice(_GIVEN)}"
        number = f"{source.randrange(10**8):08d}"
        ours = [_uid(source) for _ in range(8)]
        for series, count in enumerate(shape.series):
            theirs = [_uid(source) for _ in range(12)]
            # as archives name them: patient, date and study, series, instance
            folder = f"{number}/20{study % 24:02d}-03-{study % 28 + 1:02d}_CT_Thorax_{study:06d}/{series + 1:03d}_axial_1.0_B30f"
            for instance in range(count):
                name = f"{folder}/IM-{series + 1:04d}-{instance + 1:05d}.dcm"
                yield Place(name, patient, number, study, series, instance, _uid(source), theirs, ours)


def write(folder: Path, shape: Shape, seed: int = 2026, content: Content | None = None) -> int:
    """Write the archive; return how many bytes its names below ``folder`` have on average.

    Args:
        content: gives each instance's elements. Without it an instance has 40, and 21 UIDs: its own, 12 of its series and 8
            of its study. The Basic Profile removes some; in a study of three series about 30 that are shared remain.
    """
    content = content or _elements
    source = Random(seed)
    names = 0
    for place in places(shape, source):
        path = folder / place.name
        if place.instance == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(part10(content(place, source.randbytes(shape.pixels))))
        names += len(place.name)
    return names // shape.instances


def _uid(source: Random) -> str:
    long, short = source.randrange(10**9, 10**10), source.randrange(100, 1000)
    return f"{_ROOT}.{long}.{short}.{source.randrange(10**9, 10**10)}.{source.randrange(1000)}"


def _elements(place: Place, pixels: bytes) -> list[Element]:
    theirs, ours = place.theirs, place.ours

    def reference(uid: str) -> list[Element]:
        return [(0x00081150, "UI", _CT), (0x00081155, "UI", uid)]

    return [
        (0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        (0x00080016, "UI", _CT),
        (0x00080018, "UI", place.own),
        (0x00080020, "DA", "20240315"),
        (0x00080030, "TM", "101530"),
        (0x00080050, "SH", f"A{place.number}"),
        (0x00080060, "CS", "CT"),
        (0x00080070, "LO", "Maker"),
        (0x00080080, "LO", "St. Example Hospital, Springfield"),
        (0x00080090, "PN", "Referrer^Rita"),
        (0x00081030, "LO", "CT thorax with contrast"),
        (0x0008103E, "LO", "axial 1.0 B30f"),
        (0x00081110, "SQ", [reference(ours[2])]),
        (0x00081111, "SQ", [reference(ours[3])]),
        (0x00081140, "SQ", [reference(uid) for uid in theirs[1:4]]),
        (0x00083010, "UI", "\\".join([theirs[4], *theirs[7:12]])),
        (0x00100010, "PN", place.patient),
        (0x00100020, "LO", place.number),
        (0x00100030, "DA", "19610203"),
        (0x00100040, "CS", "F"),
        (0x00181000, "LO", "SN-0815"),
        (0x00181002, "UI", ours[4]),
        (0x00181030, "LO", "Thorax routine"),
        (0x0020000D, "UI", ours[0]),
        (0x0020000E, "UI", theirs[0]),
        (0x00200011, "IS", str(place.series + 1)),
        (0x00200013, "IS", str(place.instance + 1)),
        (0x00200032, "DS", f"-158.1\\-179.0\\{5 * place.instance}"),
        (0x00200037, "DS", "1\\0\\0\\0\\1\\0"),
        (0x00200052, "UI", ours[1]),
        (0x00200200, "UI", ours[5]),
        (0x00209164, "UI", ours[7]),
        (0x00280002, "US", 1),
        (0x00280010, "US", 16),
        (0x00280011, "US", len(pixels) // 32),
        (0x00280100, "US", 16),
        (0x00400275, "SQ", [[(0x00080050, "SH", f"A{place.number}"), (0x0020000D, "UI", ours[6])]]),
        (0x00880140, "UI", theirs[5]),
        (0x00081250, "SQ", [reference(theirs[6])]),
        (0x7FE00010, "OW", pixels),
    ]
