"""Bar charts as SVG. Each bar has its label and number beside it: colour says nothing."""

from __future__ import annotations

import re
from html import escape

import leather
from leather import theme

from .content import Bars, number

#: points; the page scales it: at 330 pixels the letters are 10 pixels high, at 600 pixels 18
_WIDTH, _BAR, _ROOM = 420, 26, 46
_FONT, _CHAR = 13, 7
#: characters of a label; the table beside a chart has the whole text
_LONGEST = 30
_BLUE = "#1d5a96"
_SIZE = re.compile(r'^<svg width="(\d+)" height="(\d+)"')

# this library's one place for its looks
theme.background_color = "#ffffff"
theme.margin = 0.02
theme.tick_font_family = "sans-serif"
theme.tick_font_size = theme.tick_font_char_height = _FONT
theme.tick_font_char_width = _CHAR
theme.label_color = "#1a1a1a"
theme.tick_color = "#e6e6e6"
theme.zero_color = "#1a1a1a"


def _label(text: str, value: int) -> str:
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return f"{cut}: {number(value)}"


def svg_of(chart: Bars) -> str:
    """Return a chart as SVG, the first bar on top. All texts are escaped."""
    rows = [(max(value, 0), _label(text, value)) for text, value in chart.bars]
    # equal labels would fall on one bar
    seen: dict[str, int] = {}
    for place, (value, label) in enumerate(rows):
        seen[label] = seen.get(label, 0) + 1
        rows[place] = value, label + "\u00a0" * (seen[label] - 1)
    largest = max((value for value, _ in rows), default=0) or 1
    drawn = leather.Chart()
    drawn.add_x_scale(0, largest)
    drawn.add_x_axis(ticks=[0])
    drawn.add_bars(rows, fill_color=_BLUE)
    svg: str = drawn.to_svg(width=_WIDTH, height=_BAR * len(rows) + _ROOM)
    said = escape(f"{chart.caption}: " + "; ".join(f"{text} {number(value)}" for text, value in chart.bars), quote=True)
    return _SIZE.sub(rf'<svg viewBox="0 0 \1 \2" role="img" aria-label="{_plain(said)}"', svg, count=1)


def _plain(text: str) -> str:
    # backslashes would be read by the replacement
    return text.replace("\\", "\\\\")
