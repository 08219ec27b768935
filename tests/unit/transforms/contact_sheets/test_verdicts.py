"""Lines for drawn objects are lines of reviewed rectangles, on which nobody has decided yet."""

from __future__ import annotations

import io

import pytest

from anonymizer.internals import BlankedBy, CleanedPixels
from profiles import Outcome, ProfileError, Rectangle, Reviewed, ReviewedRectangles
from tests.support.sheets import check_offline
from transforms.contact_sheets.draw_object import DrawnObject, sampled_frames
from transforms.contact_sheets.sheet_groups import SheetKind
from transforms.contact_sheets.sheet_page import IndexLine, PageHead, render_index, render_page
from transforms.contact_sheets.verdicts import Verdict, verdicts_file


def drawn(number: int, *sources: BlankedBy) -> DrawnObject:
    return DrawnObject(bytes([number]) * 32, CleanedPixels(100, 200, 1, sources, "0", "native", "verified"), 1, ())


def rule(*boxes: tuple[int, int, int, int]) -> BlankedBy:
    return BlankedBy("rule", "r", tuple(Rectangle(*box) for box in boxes))


def test_a_file_comes_back_as_it_was_drawn_once_somebody_signs() -> None:
    objects = [drawn(1, rule((0, 0, 200, 10)), BlankedBy("region", "", (Rectangle(0, 5, 20, 100),))), drawn(2, rule())]
    content = verdicts_file([found for one in objects if (found := Verdict.of(one))]).decode()
    with pytest.raises(ProfileError, match="no line has a reviewer"):
        ReviewedRectangles.read(io.StringIO(content))
    signed = ReviewedRectangles.read(io.StringIO(content.replace(",\n", ",Doe\n")))
    blanked = signed.find("", "", bytes([1]) * 32, 100, 200)
    assert blanked is not None and set(blanked.rectangles) == set(objects[0].blanked)
    assert signed.find("", "", bytes([2]) * 32, 100, 200) == Reviewed(Outcome.KEEP)


def test_an_object_has_one_line_whoever_drew_it() -> None:
    line = Verdict.of(drawn(1, rule((0, 0, 200, 10))))
    assert line is not None
    assert verdicts_file([line, line]).count(b"\n") == 2


def test_what_no_line_can_hold_has_none_and_the_page_says_so() -> None:
    many = drawn(1, rule(*((x, 0, x + 1, 1) for x in range(0, 200, 2)), *((x, 4, x + 1, 5) for x in range(0, 200, 2))))
    more = many._replace(
        pixels=many.pixels._replace(sources=(*many.pixels.sources, rule(*((x, 8, x + 1, 9) for x in range(0, 200, 2)))))
    )
    assert Verdict.of(many) is not None and Verdict.of(more) is None
    text = render_page(PageHead(1, 1, 1, 1, "run"), SheetKind("none", "", "", 100, 200), [more]).decode()
    check_offline(text)
    assert "it has none" in text and "and 88 more" in text and "(no device named)" in text


def test_texts_of_objects_are_texts_on_pages() -> None:
    kind = SheetKind("none", '<script>alert(1)</script>"', "'><img src=x onerror=y>", 1, 1)
    page = render_page(PageHead(2, 3, 5, 4, "run"), kind, [drawn(1, BlankedBy("rule", "<i>", ()))]).decode()
    index = render_index("run", [IndexLine(2, kind, 5, 1, 3), IndexLine(0, kind, 1, 0, 1)], 7).decode()
    for text in (page, index):
        check_offline(text)
        assert text.count("<script>") == 1 and "onerror=y>" not in text.replace("onerror=y&gt;", "") and "<i>" not in text
    assert "3 more were chosen" in page and "Nothing was blanked" in page
    assert "7 objects are of further groups" in index and "not written" in index


@pytest.mark.parametrize(("frames", "numbers"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (60, [1, 30, 60])])
def test_first_middle_and_last_frames_are_drawn(frames: int, numbers: list[int]) -> None:
    assert sampled_frames(frames) == numbers
