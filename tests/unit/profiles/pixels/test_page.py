"""The page about pixel rules: its example is a file of rules, and it names what there is."""

from __future__ import annotations

import io

from profiles import Outcome, PixelRules, decide, read_pixel_rules, tags
from profiles.pixels.findings import FINDING_KINDS
from profiles.pixels.own_rules import RULE_COLUMNS
from profiles.pixels.rectangles_file import REVIEWED_COLUMNS
from tests.support.pages import page

PAGE = page("docs/reference/pixel-rules.md")


def test_the_example_does_what_the_page_says() -> None:
    rules = PixelRules((read_pixel_rules(io.StringIO(PAGE.split("```csv\n")[1].split("```")[0])),))
    us = {tags()["Modality"]: ("US",)}
    banner = {**us, tags()["ManufacturerModelName"]: ("LOGIQ 9",)}
    assert [tuple(one) for one in rules.match(banner, 480, 640)[0].rectangles] == [(0, 0, 640, 40), (0, 460, 640, 480)]
    assert rules.match(banner, 576, 640) == ()
    (fan,) = rules.match({**us, tags()["StationName"]: ("ECHO2",)}, 768, 1024)
    assert fan.rectangles[1][:2] == (0, 60) and len(fan.rectangles) == 4
    assert decide(rules.match({tags()["SeriesDescription"]: ("CT Dose Report",)}, 5, 5)) is Outcome.DROP


def test_the_page_names_all_columns_findings_and_outcomes() -> None:
    for name in (*RULE_COLUMNS, *REVIEWED_COLUMNS, *FINDING_KINDS, *(outcome.value for outcome in Outcome)):
        assert f"`{name}`" in PAGE
