"""What ``docs/reference/pixels.md`` says of the filter of lines is what the filter does."""

from __future__ import annotations

import re

from anonymizer.text_detection.client import FoundText
from anonymizer.text_detection.lines import LEAST_DETECTION, LEAST_RECOGNITION, counts
from anonymizer.text_detection.looks import WAYS
from tests.support.pages import marked, page

TEXT = page("docs/reference/pixels.md")
ROWS = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in marked(TEXT, "text-filter").splitlines()[2:]]


def least_of_page(subject: str) -> tuple[float, float]:
    """Return what the page says of the score of detection: of most lines, and of short ones."""
    found = re.search(rf"score of {subject} of ([0-9.]+) or more \(of one or two letters ([0-9.]+)\)", TEXT)
    assert found is not None
    return float(found[1]), float(found[2])


def test_the_scores_of_the_page_are_those_of_the_filter() -> None:
    assert {look: (float(most), float(few)) for look, _, most, few in ROWS} == LEAST_RECOGNITION
    assert [row[0] for row in ROWS] == list(WAYS)


def test_a_line_counts_from_these_scores_on() -> None:
    long, short = least_of_page("detection")
    assert long == LEAST_DETECTION
    for look, _, most, few in ROWS:
        for letters, detection, recognition in ((9, long, float(most)), (2, short, float(few))):
            line = FoundText(10, 10, 60, 22, detection, recognition, 12, letters, look)
            assert counts(line, 480, 640)
            assert not counts(line._replace(detection=detection - 0.01), 480, 640)
            assert not counts(line._replace(recognition=recognition - 0.01), 480, 640)
