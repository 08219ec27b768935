"""Nothing but pictures and captions is taken from contact sheets."""

from __future__ import annotations

import base64

import pytest

from pipeline.reports.pictures import SheetError, objects_of, pictures_of

JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + b"x" * 50).decode()


def page(*images: str, caption: str = "Frame 1 of 1, before") -> bytes:
    figures = "".join(f'<figure><img alt="a" src="{image}"><figcaption>{caption}</figcaption></figure>' for image in images)
    return f"<html><h1>risk: Maker</h1><section id=o1><h2>Object 1 of 1</h2><li>rule x</li>{figures}</section></html>".encode()


def test_pictures_and_captions_are_taken() -> None:
    (group,) = objects_of(page(f"data:image/jpeg;base64,{JPEG}", caption="Frame &lt;b&gt;"))
    assert group.title == "risk: Maker: Object 1 of 1" and group.remarks == ("rule x",)
    assert group.pictures[0].caption == "Frame <b>" and group.pictures[0].data == JPEG


@pytest.mark.parametrize(
    "source",
    [
        "http://example.org/x.jpg",
        f"data:image/svg+xml;base64,{JPEG}",
        f'data:image/jpeg;base64,{JPEG}" onerror="x',
        f"data:image/jpeg;base64,{JPEG} ",
        f"data:image/jpeg;base64,{base64.b64encode(b'GIF89a' * 9).decode()}",
        "data:image/jpeg;base64,",
        "",
    ],
)
def test_anything_else_is_no_page_of_this_program(source: str) -> None:
    if '"' in source:
        source = source.replace('"', "&quot;")
    with pytest.raises(SheetError):
        objects_of(page(source))
    found = pictures_of([page(source), page(f"data:image/jpeg;base64,{JPEG}"), b"\xff\xfe", None])
    assert (len(found.groups), found.unread) == (1, 3)


def test_what_has_no_room_is_counted() -> None:
    pages = [page(f"data:image/jpeg;base64,{JPEG}")] * 3
    found = pictures_of(pages, most=2 * len(JPEG))
    assert (len(found.groups), found.left_out) == (2, 1)
