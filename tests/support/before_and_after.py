"""The README's picture, ``docs/before-and-after.svg``: ``python -m tests.support.before_and_after`` draws it anew."""

from __future__ import annotations

import hashlib
import re
from io import StringIO
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from rich import box
from rich.console import Console
from rich.table import Table
from rich.terminal_theme import TerminalTheme

from anonymizer import Anonymizer

from .keys import KEY

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "before-and-after.svg"
SHOWN = (
    "PatientName",
    "PatientID",
    "PatientSex",
    "PatientAge",
    "StudyDate",
    "StudyDescription",
    "InstitutionName",
    "StationName",
    "StudyInstanceUID",
    "SOPInstanceUID",
    "Manufacturer",
    "ConvolutionKernel",
    "SliceThickness",
    "Rows",
    "PatientIdentityRemoved",
)
_THEME = TerminalTheme((255, 255, 255), (36, 41, 47), [(36, 41, 47)] * 8)
#: rich's own names a font that a browser would fetch
_SVG = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px;
line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def rows() -> list[tuple[str, str, str]]:
    """Attribute, value before and value after, of pydicom's CT sample under the Basic Profile."""
    before = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    after = Anonymizer(key=KEY).anonymize(before)

    def value(dataset: pydicom.Dataset, keyword: str) -> str:
        return (str(dataset[keyword].value) or "(empty)") if keyword in dataset else "(absent)"

    def private(dataset: pydicom.Dataset) -> str:
        return f"{sum(element.tag.is_private for element in dataset)} elements"

    def pixels(dataset: pydicom.Dataset) -> str:
        return f"{len(dataset.PixelData):,} bytes, SHA-256 {hashlib.sha256(dataset.PixelData).hexdigest()[:8]}..."

    found = [(keyword, value(before, keyword), value(after, keyword)) for keyword in SHOWN]
    return [*found, ("private attributes", private(before), private(after)), ("PixelData", pixels(before), pixels(after))]


def picture() -> str:
    """The SVG: a terminal with the rows; what changed stands out."""
    table = Table("attribute", "before", "after", box=box.SIMPLE_HEAD)
    for keyword, before, after in rows():
        table.add_row(keyword, before, f"[bold]{after}[/bold]" if after != before else after)
    console = Console(record=True, width=124, file=StringIO())
    console.print(table)
    svg = console.export_svg(title="CT_small.dcm", theme=_THEME, code_format=_SVG, unique_id="deid")
    return re.sub(r"(?m)[ \t]+$", "", svg)


if __name__ == "__main__":
    PICTURE.write_text(picture())
