"""Rectangles that recur: those of letters that move a little are one, and those of few objects are none."""

from __future__ import annotations

import time

import pytest

from pipeline.surveys.recurring_rectangles import Blanked, Recurring, recurring, snap
from pipeline.surveys.rule_proposals import Layout, condition_of, propose
from profiles import Rectangle
from profiles.conditions import Condition

ROWS, COLUMNS = 480, 640


def text(*box: int, source: str = "text") -> Blanked:
    return Blanked(source, Rectangle(*box))


def test_captions_of_any_length_at_one_place_are_one() -> None:
    objects = [(text(19 + at % 3, 18, 60 + 15 * at, 35 + at % 2),) for at in range(10)]
    (found,) = recurring(objects, ROWS, COLUMNS, 0.8)
    assert found == Recurring(Rectangle(16, 16, 208, 48), 10, {"text": 10})


def test_those_around_a_picture_stay_apart() -> None:
    around = [(0, 0, 640, 60), (0, 60, 80, 400), (560, 60, 640, 400), (0, 400, 640, 480)]
    objects = [[text(*box, source="region") for box in around] for _ in range(5)]
    found = recurring(objects, ROWS, COLUMNS, 0.8)
    assert [one.rectangle for one in found] == [snap(Rectangle(*box), ROWS, COLUMNS) for box in around]


def test_a_rectangle_of_few_objects_is_none() -> None:
    objects = [(text(0, 0, 100, 20), text(300, 60 + 30 * at, 400, 80 + 30 * at)) for at in range(10)]
    objects[:2] = [(), ()]
    assert [one.rectangle for one in recurring(objects, ROWS, COLUMNS, 0.8)] == [Rectangle(0, 0, 112, 32)]
    objects[2] = ()
    assert recurring(objects, ROWS, COLUMNS, 0.8) == []


def test_who_said_so_is_counted_once_for_each_object() -> None:
    objects = [(text(0, 0, 100, 20), text(2, 2, 98, 30), text(0, 0, 100, 20, source="file")) for _ in range(4)]
    assert recurring(objects, ROWS, COLUMNS, 1) == [Recurring(Rectangle(0, 0, 112, 32), 4, {"file": 4, "text": 4})]


def test_rectangles_reach_the_edges_and_no_further() -> None:
    assert snap(Rectangle(1, 1, 59, 37), 37, 59) == Rectangle(0, 0, 59, 37)


def test_many_are_compared_in_seconds() -> None:
    started = time.monotonic()
    objects = [[text(at % 40 * 16, line * 16, at % 40 * 16 + 90 + at, line * 16 + 10) for line in range(20)] for at in range(500)]
    recurring(objects, 4000, 4000, 0.8)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("model", ['The "9"', "a, b; c", "x or y = z", "Ä"])
def test_a_device_is_named_whatever_its_name_is(model: str) -> None:
    condition = condition_of(Layout("US", "", "ACME", model, 1, 1))
    assert condition is not None
    assert condition.count("exactly") == 2 and Condition.parse(condition)


@pytest.mark.parametrize(
    "layout",
    [("US", "", "", "", 1, 1), ("US", "", "A\\B", "x", 1, 1), ("US", "", "A", "x;=1", 1, 1), ("US", "", "A\tB", "", 1, 1)],
)
def test_what_no_condition_can_name_is_counted(layout: tuple[str, str, str, str, int, int]) -> None:
    assert condition_of(Layout(*layout)) is None
    proposals = propose({Layout(*layout): [(text(0, 0, 1, 1),)] * 5}, "run", 5, 0.8)
    assert (proposals.rules, proposals.unnamed) == ([], 1)


def test_without_a_modality_the_class_counts() -> None:
    condition = condition_of(Layout("", "1.2.840.10008.5.1.4.1.1.7", "ACME", "", 1, 1))
    assert (
        condition
        == 'SOPClassUID = "1.2.840.10008.5.1.4.1.1.7" and Manufacturer = exactly "ACME" and ManufacturerModelName is absent'
    )
    assert Condition.parse(condition)
