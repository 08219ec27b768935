"""Archives of images with text in their pixels, as devices write them, and what pydicom sees in the outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from .cleaning import displayed, inside, whole_cells
from .labelled_pixels import RLE, Kind, Labelled, elements_of, file_of, fragments, labelled, native_value, rle_frames
from .objects import BIG, DEFLATED, EXPLICIT, IMPLICIT, Element

_IMAGE_TYPE = 0x00080008
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
#: a few of all formats, in each transfer syntax once at least
KINDS = (
    Kind("MONOCHROME2", syntax=IMPLICIT),
    Kind("MONOCHROME2", 16, 12, 11, True, syntax=EXPLICIT, frames=3),
    Kind("MONOCHROME1", 16, 16, 15, syntax=BIG),
    Kind("MONOCHROME1", 1, 1, 0, syntax=EXPLICIT, frames=17),
    Kind("RGB", planar=0, syntax=DEFLATED),
    Kind("RGB", planar=1, syntax=RLE, frames=3),
    Kind("YBR_FULL", planar=0, syntax=EXPLICIT, frames=3),
    Kind("YBR_FULL_422", columns=58, syntax=EXPLICIT),
    Kind("PALETTE COLOR", lut="16", syntax=EXPLICIT),
    Kind("MONOCHROME2", 16, 12, 11, syntax=RLE, frames=17),
    Kind("MONOCHROME2", 32, 32, 31, syntax=IMPLICIT),
)
#: blanks the boxes of the labels, in images of both sizes
RULES = """name,condition,rows,columns,outcome,blank,keep,provenance
banner-59,Manufacturer = ACME,37,59,clean,"0,0,59,10; 0,-10,59,37",,the tests: they write there
banner-58,Manufacturer = ACME,37,58,clean,"0,0,58,10; 0,-10,58,37",,the tests: they write there
"""


def image(kind: Kind, number: int, *extra: Element, manufacturer: str = "ACME", sop_class: str = ULTRASOUND) -> Labelled:
    """Return a labelled image as an ultrasound device writes it."""
    found = labelled(kind)
    uids = {tag: f"1.2.826.0.1.3680043.9.{number}.{tag & 0xFF}" for tag in (0x00080018, 0x0020000D, 0x0020000E)}
    own = [*(Element(tag, "UI", uid) for tag, uid in uids.items()), Element(0x00080016, "UI", sop_class), *extra]
    if not any(element.tag == _IMAGE_TYPE for element in extra):
        own.append(Element(_IMAGE_TYPE, "CS", "ORIGINAL\\PRIMARY"))
    own += [Element(0x00080060, "CS", "US"), Element(0x00080070, "LO", manufacturer)]
    replaced = {element.tag for element in own}
    elements = sorted([*(one for one in elements_of(kind) if one.tag not in replaced), *own], key=lambda one: one.tag)
    is_rle = kind.syntax == RLE
    value = fragments(rle_frames(kind, found.cells), with_table=kind.frames == 3) if is_rle else native_value(kind, found.cells)
    return Labelled(kind, file_of(kind, elements, value, sop_class=sop_class), found.boxes, found.cells)


def fill(folder: Path, kinds: Iterable[Kind] = KINDS) -> dict[str, Labelled]:
    """Write an image of each kind into a folder; return them by the names of their files."""
    folder.mkdir(exist_ok=True)
    images = {f"{number:03}.dcm": image(kind, number) for number, kind in enumerate(kinds)}
    for name, one in images.items():
        (folder / name).write_bytes(one.blob)
    return images


def check_cleaned(original: Labelled, output: bytes, blanked: Iterable[tuple[int, int, int, int]]) -> None:
    """Check what pydicom sees in an output: black where something was blanked, and elsewhere what it was."""
    mask = inside((original.kind.rows, original.kind.columns), list(blanked))
    before, after = whole_cells(original.blob), whole_cells(output)
    assert before.shape == after.shape
    assert np.array_equal(before[:, ~mask], after[:, ~mask]), "a sample outside changed"
    for x0, y0, x1, y1 in original.boxes:
        assert mask[y0:y1, x0:x1].all(), "a label is outside of all rectangles"
    shown = displayed(output)[:, mask]
    assert shown.max() <= displayed(output).max() / 64, "what was blanked isn't black"
    assert all(len(np.unique(after[:, mask][..., sample])) == 1 for sample in range(after.shape[-1])), "a label is left"


def by_instance(images: Mapping[str, Labelled]) -> dict[str, Labelled]:
    """Return images by their SOPInstanceUIDs."""
    from .objects import read

    return {str(read(one.blob).SOPInstanceUID): one for one in images.values()}
