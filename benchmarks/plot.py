"""The plot of docs/reference/performance.md: a panel for each work, a bar for each contender, on a log scale."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .report import NAMES, SUMMARY, seconds
from .results import Results, WorkResult
from .works import COPIES

#: readable on white and on dark grounds alike
_TEXT, _OURS, _COPY, _PEER = "#6e7781", "#2f81f7", "#8c959f", "#c4853c"
_STYLE = {
    # the same SVG for the same figures: no random ids, texts as text
    "svg.hashsalt": "dicom-deid",
    "svg.fonttype": "none",
    "font.size": 9,
    **{f"{part}.color": _TEXT for part in ("text", "xtick", "ytick")},
    **{f"axes.{part}color": _TEXT for part in ("edge", "label", "title")},
}


def draw(results: Results, path: Path) -> None:
    """Write the plot of ``results`` as SVG."""
    works = [(results.works[name], what) for name, what in SUMMARY.items() if name in results.works]
    heights = [len(_bars(work, what)) + 2 for work, what in works]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 0.2 * sum(heights)), layout="constrained")
        panels = figure.subplots(len(works), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (work, what) in zip(panels, works, strict=True):
            _panel(axes, work, what)
        figure.supxlabel("start-up included; the scales are logarithmic, each panel has its own", fontsize=8)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def _bars(work: WorkResult, what: str) -> list[tuple[str, float]]:
    return [(each.name, work.per_file(each, what)) for each in work.measurements if each.runs and not each.failure]


def _panel(axes: Axes, work: WorkResult, what: str) -> None:
    bars = _bars(work, what)
    names, values = zip(*bars, strict=True)
    colours = [_OURS if name.startswith("dicom-deid") else _COPY if name in COPIES else _PEER for name in names]
    drawn = axes.barh(names, values, color=colours, height=0.7)
    axes.bar_label(drawn, [f" {seconds(value)}" for value in values])
    axes.set_xscale("log")
    # room for the labels; the bars' beginning has no meaning on this scale
    axes.set_xlim(min(values) / 3, max(values) * 3)
    axes.set_title(f"{work.title}: {NAMES[what]} for each {work.unit}", loc="left", fontsize=10)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_visible(False)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
