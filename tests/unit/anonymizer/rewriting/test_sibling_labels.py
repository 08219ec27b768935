"""Labels that tell the items of a sequence apart: cleaning never gives two of them one label."""

from __future__ import annotations

import pytest

from tests.support.objects import Element, ct, part10, read
from tests.support.running import engine, rewrite

CHANNELS, LABEL, ROIS, ROI_NAME = 0x003A0200, 0x003A0203, 0x30060020, 0x30060026
LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V6", "V3R", "X", "Lead I", "Lead II", "Lead aVR", "lead v1", "MLII"]


def labels(*given: str, options: str = "CleanDesc", sequence: int = CHANNELS, tag: int = LABEL) -> list[str | None]:
    """What cleaning leaves of the labels of a sequence's items."""
    items = [[Element(tag, "SH", label)] for label in given]
    new = read(rewrite(part10(ct(Element(sequence, "SQ", items))), engine(options)))
    return [str(item[tag].value) if tag in item else None for item in new[sequence].value]


def test_leads_are_known() -> None:
    assert labels(*LEADS) == LEADS


def test_a_label_that_another_item_has_goes() -> None:
    assert labels("Lead Doe", "Lead Zwickel", "liver") == ["Lead", None, "liver"]
    assert labels("liver", "liver Doe", "Doe liver") == ["liver", None, None]
    # as they were: nobody told these apart before
    assert labels("liver", "liver", "femur Doe", "femur Doe") == ["liver", "liver", "femur", "femur"]


def test_each_sequence_is_judged_by_itself() -> None:
    inner = [Element(CHANNELS, "SQ", [[Element(LABEL, "SH", "Doe liver")]])]
    outer = [[Element(LABEL, "SH", "liver Doe")], [*inner]]
    new = read(rewrite(part10(ct(Element(CHANNELS, "SQ", outer))), engine("CleanDesc")))[CHANNELS].value
    assert new[0][LABEL].value == new[1][CHANNELS].value[0][LABEL].value == "liver"


@pytest.mark.parametrize("options", ["CleanDesc", "CleanDesc,CleanGraph,CleanStructdCont"])
def test_required_labels_get_what_they_have_without_the_option(options: str) -> None:
    found = labels("liver Doe", "liver Zwickel", "heart", options=options, sequence=ROIS, tag=ROI_NAME)
    assert found[0] == "liver" and found[2] == "heart" and found[1] != "liver"
