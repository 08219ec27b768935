"""Frames for people who look at rectangles: also of files without file meta, and with the cause where there is none."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from anonymizer.internals import displayed_frame, displayed_pair
from tests.support import compressed_pixels as compressed
from tests.support.labelled_pixels import Kind
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, read
from tests.support.pixel_archive import KINDS, image

HEVC = "1.2.840.10008.1.2.4.107"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_a_frame_of_a_file_without_preamble_and_file_meta_is_shown(syntax: str, tmp_path: Path) -> None:
    kind = next(kind for kind in KINDS if kind.syntax == syntax)
    whole = image(kind, 1).blob
    (tmp_path / "whole.dcm").write_bytes(whole)
    (tmp_path / "bare.dcm").write_bytes(whole[144 + read(whole).file_meta.FileMetaInformationGroupLength :])
    shown = displayed_frame(str(tmp_path / "bare.dcm"), kind.frames)
    assert np.array_equal(shown, displayed_frame(str(tmp_path / "whole.dcm"), kind.frames))


@pytest.mark.parametrize(
    ("syntax", "cause"),
    [
        (HEVC, "no decoder of HEVC/H.265 Main Profile / Level 5.1 is installed"),
        ("1.2.3", "no decoder of its transfer syntax is installed"),
        (EXPLICIT, "its pixels don't fit its header"),
    ],
)
def test_the_cause_is_told_if_a_frame_cannot_be_shown(syntax: str, cause: str, tmp_path: Path) -> None:
    dataset = read(image(KINDS[5], 1).blob)
    dataset.file_meta.TransferSyntaxUID = syntax
    del dataset.BitsStored
    dataset.save_as(tmp_path / "x.dcm", implicit_vr=False, little_endian=True)
    with pytest.raises(ValueError, match="can't be decoded here") as caught:
        displayed_frame(str(tmp_path / "x.dcm"), 1)
    assert str(caught.value).endswith(f": {cause}")


def test_what_is_no_image_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("name,condition\n" * 100)
    with pytest.raises(ValueError, match="it is no DICOM image"):
        displayed_frame(str(tmp_path / "x.txt"), 1)


@pytest.mark.parametrize(
    "kind", [compressed.Kind("51", bits=12), compressed.Kind("57", "RGB"), compressed.Kind("203", signed=True)], ids=str
)
def test_codestreams_are_shown_by_the_decoders_of_the_extra(
    kind: compressed.Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **settings: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr("pydicom.pixels.utils.pixel_array", refuse)
    case = compressed.labelled(replace(kind, frames=3, cut="parts and table"))
    (tmp_path / "x.dcm").write_bytes(case.blob)
    shown = displayed_frame(str(tmp_path / "x.dcm"), 3).astype(int)
    values = case.samples[2]
    brightest, middle = values == values.max(), abs(values - (values.max() + values.min()) // 2) < 3
    assert shown.reshape(values.shape)[brightest].min() > 200 > shown.reshape(values.shape)[middle].mean() > 60


class _Counted(BytesIO):
    """A file that counts what is read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.taken += len(content)
        return content


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_object_is_compared_with_itself_in_one_window(kind: Kind) -> None:
    blob = image(kind, 1).blob
    before, after = displayed_pair(BytesIO(blob), BytesIO(blob), kind.frames)
    assert np.array_equal(before, after) and before.shape[:2] == (kind.rows, kind.columns)


def test_of_many_frames_one_is_read() -> None:
    kind = Kind("MONOCHROME2", rows=100, columns=1000, frames=17)
    stream = _Counted(image(kind, 1).blob)
    displayed_pair(stream, BytesIO(stream.getvalue()), 9)
    assert stream.taken < 300_000 < len(stream.getvalue())
