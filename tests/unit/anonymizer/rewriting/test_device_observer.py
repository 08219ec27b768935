"""Maker and model of the device that observed (PS3.16 TID 1004): they stay where the device's identity does."""

from __future__ import annotations

import pytest

from tests.support.content import code, content_item, text
from tests.support.objects import SYNTAXES, Element, ct, data_set_of, part10
from tests.support.running import engine, rewrite

DOSE_REPORT = "1.2.840.10008.5.1.4.1.1.88.67"
MAKER, MODEL = code("121014", meaning="Device Observer Manufacturer"), code("121015", meaning="Device Observer Model Name")
HEADER = [Element(0x00080070, "LO", "Quibbleson Imaging"), Element(0x00081090, "LO", "Quibbleray 7")]


def kept(value: str, name: list[Element] = MODEL, options: str = "RetainDeviceIdent,CleanDesc", syntax: str = "") -> bool:
    """Whether a report with the observer's ``value`` still has it."""
    tree = Element(0x0040A730, "SQ", [content_item("TEXT", name, text(value))])
    blob = part10(ct(*HEADER, tree, sop_class=DOSE_REPORT, without=[0x7FE00010]), syntax or SYNTAXES["explicit"])
    content = data_set_of(rewrite(blob, engine(f"{options},CleanStructdCont")))
    return value.encode() in content[content.index(b"Quibbleray 7") + 12 :]


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
def test_what_the_header_says_and_what_devices_are_called_stays(syntax: str) -> None:
    assert kept("Quibbleray 7", syntax=syntax) and kept("Quibbleson Imaging", MAKER, syntax=syntax)
    assert kept("AXIOM-Artis", syntax=syntax) and kept("Siemens", MAKER, syntax=syntax)
    assert not kept("Dr. Quibbleson", syntax=syntax) and not kept("Quibbleray 7", MAKER, syntax=syntax)


def test_only_under_the_option_and_in_these_items() -> None:
    assert not kept("Quibbleray 7", options="CleanDesc")
    assert not kept("Quibbleray 7", code("121106", meaning="Comment"))
    assert not kept("Quibbleray 7", code("121015", "99X"))
