"""The page of figures, ``docs/reference/text-figures.md``, from what ``score`` and ``time`` wrote."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from .tables import share

_HEAD = """# Figures of text detection

`python -m benchmarks.text` measured these figures on generated objects and wrote this page. [Pixels](pixels.md#text) says
how text is looked for. **A share below 100 % means that text stays**: look at [contact
sheets](../how-to/clean-pixels.md#8-look-at-a-sample-and-decide) of your own images before you release them.

The set is made to be hard: half of its texts are such as no console writes (over texture, crossed by lines, with the colours
of what is under them inverted, slanted, faint). "As consoles draw them" are those on a plate, on black, outlined or
clearly brighter than the picture. A text counts as covered if 95 % of its ink is, in every frame in which it stands.
Texts of refused objects count as covered in the first table, and not in the second one.
"""
_TOOLS = """
Presidio's DicomImageRedactorEngine runs with Tesseract and a small model of spaCy; the large one could not be had.
deid runs with the rules that come with it. They are rules for devices, and no object of the set is of one of them.
Both as their documentation says, in environments of their own. What they can't do ends as refused.
"""


def page(figures: Mapping[str, Mapping[str, Any]], times: Mapping[str, Any], set_of: str) -> str:
    """Return the page.

    Args:
        figures: as ``summary`` returns them, by the tool's name; ours first.
        times: as ``timing.measure`` returns them.
        set_of: the set in words.
    """
    ours = next(iter(figures.values()))
    return "\n".join(
        [
            _HEAD,
            f"{textwrap.fill(set_of, 118, break_long_words=False, break_on_hyphens=False)}\n",
            "## Texts that are covered\n\nWith 95 % intervals (Wilson).\n",
            *_shares(figures, "groups"),
            "\nOf written objects alone:\n",
            *_shares(figures, "groups of written objects"),
            _TOOLS,
            "## Objects without text\n",
            *_areas(figures),
            "\n## By cell\n\nOurs: texts of three characters and more; then identifiers of 10 pixels and more.\n",
            *_cells(ours),
            "\n## Time\n",
            *_times(times),
            "",
        ]
    )


def _shares(figures: Mapping[str, Mapping[str, Any]], kind: str) -> list[str]:
    names = list(next(iter(figures.values()))[kind])
    lines = [f"| texts | {' | '.join(figures)} |", f"| --- |{' --- |' * len(figures)}"]
    for name in names:
        lines.append(f"| {name} | {' | '.join(_share(tool[kind][name]) for tool in figures.values())} |")
    return lines


def _share(found: Mapping[str, Any]) -> str:
    if not found["texts"]:
        return "-"
    return f"{found['share']:.1%} of {found['texts']} ({found['low']:.1%} to {found['high']:.1%})"


def _areas(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = ["| | " + " | ".join(figures) + " |", f"| --- |{' --- |' * len(figures)}"]
    rows = {
        "written": lambda area: f"{area['written']} of {area['objects']}",
        "changed area, median": lambda area: f"{area['median']:.2%}",
        "changed area, 95th percentile": lambda area: f"{area['95th percentile']:.2%}",
        "changed area, greatest": lambda area: f"{area['greatest']:.1%}",
        "objects in which anything changed": lambda area: f"{area['touched']:.0%}",
    }
    for name, text in rows.items():
        cells = (text(tool["area of objects without text"]) for tool in figures.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _cells(ours: Mapping[str, Any]) -> list[str]:
    lines = ["| factor | level | texts | identifiers |", "| --- | --- | --- | --- |"]
    for factor, levels in ours["factors"].items():
        for level, found in levels.items():
            goal = ours["factors of the goal"].get(factor, {}).get(level, share([]))
            lines.append(f"| {factor} | {level} | {_share(found)} | {_share(goal)} |")
    return lines


def _times(times: Mapping[str, Any]) -> list[str]:
    lines = [
        "Seconds of CPU for one round with a picture in which text is. Where text is found there are two rounds, mostly.",
        "`thorough` is how single images, and five pictures of a loop, are looked at.\n",
        "| columns x rows | grey, thorough | plain | colour, thorough | plain |",
        "| --- | --- | --- | --- | --- |",
    ]
    sizes: dict[tuple[int, int], list[float]] = {}
    for one in times["pictures"]:
        sizes.setdefault((one["columns"], one["rows"]), []).extend((one["thorough"], one["plain"]))
    for (columns, rows), seconds in sizes.items():
        lines.append(f"| {columns} x {rows} | {' | '.join(f'{second:.2f}' for second in seconds)} |")
    loop = times["loop"]
    lines.append(
        f"\nA loop of {loop['frames']} frames of {loop['columns']} x {loop['rows']} takes {loop['seconds']:.0f} s, for "
        f"{loop['pictures']} pictures.\n{loop['loops']:,} such loops take {loop['hours']:.1f} hours on {loop['cores']} cores."
    )
    return lines
