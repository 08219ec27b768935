"""``docs/how-to/clean-pixels.md``: its rules and rectangles are read, and do what the page says."""

from __future__ import annotations

import re
from io import StringIO

from profiles import ConfidentialityProfile, tags
from profiles.pixels import Outcome, decide
from tests.support.pages import fences, page

PAGE = page("docs/how-to/clean-pixels.md")
RULES, RECTANGLES = fences(PAGE, "csv")
CHECKED = fences(PAGE, "text")[0]


def test_the_rules_blank_what_the_check_prints() -> None:
    rules = ConfidentialityProfile.default("CleanPixelData", pixel_rules=StringIO(RULES)).pixels.rules
    us = {tags()["Modality"]: ("US",)}
    (match,) = rules.match({**us, tags()["ManufacturerModelName"]: ("LOGIQ 9",)}, 480, 640)
    shown = "; ".join(",".join(map(str, rectangle)) for rectangle in match.rectangles)
    assert f"Rule {match.rule}: clean {shown}\n" in CHECKED and f"Blanked: {shown}\n" in CHECKED
    (match,) = rules.match({**us, tags()["StationName"]: ("US4",)}, 576, 768)
    assert [tuple(one) for one in match.rectangles] == [(0, 0, 768, 60), (0, 536, 768, 576)]
    (match,) = rules.match({tags()["SeriesDescription"]: ("CT dose report",)}, 512, 512)
    assert decide([match]) is Outcome.DROP


def test_the_reviewers_lines_are_read() -> None:
    reviewed = ConfidentialityProfile.default("CleanPixelData", rectangles=StringIO(RECTANGLES)).pixels.rectangles
    assert reviewed is not None and (reviewed.count, reviewed.reviewers) == (2, ("A. Reviewer",))
    first, second = (bytes.fromhex(found) for found in re.findall(r"(?m)^([0-9a-f]{64}),", RECTANGLES))
    found = reviewed.find("", "", first, 576, 768)
    assert found is not None and [tuple(one) for one in found.rectangles] == [(0, 0, 768, 60)]
    kept = reviewed.find("", "", second, 576, 768)
    assert kept is not None and kept.outcome is Outcome.KEEP
