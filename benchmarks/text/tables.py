"""Tables of scores: shares with their intervals by each factor, and the area that was blanked without need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from statistics import quantiles
from typing import Any

from .score import ObjectScore

#: texts of a deviation less than this are at the edge of what a person sees
FAINT = 1.0
#: text that is drawn into the picture without a plate stands out clearly from so many on
CLEAR = 5.0
_USUAL = ("white on black", "dark on bright", "colour on colour", "outlined")
Box = dict[str, Any]
_OBJECT_FACTORS = ("background", "photometric", "bits", "signed", "span", "syntax", "quality", "frames", "extra")
_TEXT_FACTORS = ("kind", "font", "size", "smooth", "contrast", "delta", "rotation", "position", "stays")


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    if not count:
        return 0.0, 1.0
    share, weight = hits / count, z * z / count
    centre, half = share + weight / 2, z * sqrt(share * (1 - share) / count + weight / (4 * count))
    return max(0.0, (centre - half) / (1 + weight)), min(1.0, (centre + half) / (1 + weight))


def groups(scores: Sequence[ObjectScore]) -> dict[str, list[Box]]:
    """Return the groups of texts that are told apart."""
    boxes = [box | {"object": each.cell} for each in scores for box in each.boxes]
    clear = [box for box in boxes if box["visibility"] >= FAINT]
    return {
        "all texts": boxes,
        "identifiers of 3 characters and more, 10 px and more": [box for box in boxes if is_goal(box)],
        "... that stand out": [box for box in clear if is_goal(box)],
        "... as consoles draw them": [box for box in boxes if is_goal(box) and is_usual(box)],
        "identifiers of 3 characters and more, 8 px": [box for box in boxes if _long(box) and box["cell"]["size"] < 10],
        "other texts of 3 characters and more": [box for box in boxes if not box["identifier"] and len(box["text"]) > 2],
        "two characters": [box for box in boxes if len(box["text"]) == 2],
        "single characters": [box for box in boxes if len(box["text"]) == 1],
        "faint texts": [box for box in boxes if box["visibility"] < FAINT],
    }


def _long(box: Box) -> bool:
    return bool(box["identifier"]) and len(box["text"]) >= 3


def is_goal(box: Box) -> bool:
    """Tell whether a text counts for the goal: an identifier of three and more characters, 10 pixels and more."""
    return _long(box) and box["cell"]["size"] >= 10


def is_usual(box: Box) -> bool:
    """Tell whether a text is as consoles draw it: on a plate or on black, outlined, or clearly brighter than the picture."""
    contrast = box["cell"]["contrast"]
    return contrast in _USUAL or (contrast == "bright on picture" and box["visibility"] >= CLEAR)


def share(boxes: Sequence[Box]) -> dict[str, Any]:
    """Return counts, share and interval of covered texts."""
    hits = sum(box["covered"] for box in boxes)
    low, high = wilson(hits, len(boxes))
    return {"covered": hits, "texts": len(boxes), "share": hits / len(boxes) if boxes else None, "low": low, "high": high}


def by_factor(boxes: Sequence[Box]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return shares by each level of each factor."""
    factors: dict[str, Callable[[Box], Any]] = {}
    for name in _OBJECT_FACTORS:
        factors[name] = lambda box, name=name: box["object"][name]  # type: ignore[misc]
    for name in _TEXT_FACTORS:
        factors[name] = lambda box, name=name: box["cell"][name]  # type: ignore[misc]
    factors["stands out"] = lambda box: _band(box["visibility"])
    found = {}
    for name, level in factors.items():
        levels = sorted({level(box) for box in boxes}, key=lambda value: (str(type(value)), value))
        found[name] = {str(each): share([box for box in boxes if level(box) == each]) for each in levels}
    return found


def _band(visibility: float) -> str:
    bounds = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
    below = next((bound for bound in bounds if visibility < bound), None)
    return f"below {below:.1f}" if below else f"from {bounds[-1]:.1f}"


def area(scores: Iterable[ObjectScore]) -> dict[str, Any]:
    """Return what was changed in objects without text."""
    clean = [each for each in scores if not each.boxes]
    shares = sorted(each.changed for each in clean if each.outcome == "written")
    cuts = quantiles(shares, n=20, method="inclusive") if len(shares) > 1 else [0.0] * 19
    return {
        "objects": len(clean),
        "written": len(shares),
        "median": cuts[9],
        "95th percentile": cuts[18],
        "greatest": max(shares, default=0.0),
        "touched": sum(each > 0 for each in shares) / max(1, len(shares)),
    }


def summary(scores: Sequence[ObjectScore]) -> dict[str, Any]:
    """Return all figures of a tool, for JSON."""
    found = groups(scores)
    outcomes = [each.outcome for each in scores]
    written = groups([each for each in scores if each.outcome == "written"])
    return {
        "outcomes": {outcome: outcomes.count(outcome) for outcome in ("written", "refused", "unreadable")},
        "groups": {name: share(boxes) for name, boxes in found.items()},
        "groups of written objects": {name: share(boxes) for name, boxes in written.items()},
        "area of objects without text": area(scores),
        "objects with other changes": sum(each.strange > 0 for each in scores),
        "factors": by_factor([box for box in found["all texts"] if len(box["text"]) > 2]),
        "factors of the goal": by_factor([box for box in found["all texts"] if is_goal(box)]),
    }


def markdown(figures: dict[str, Any], title: str) -> str:
    """Return a tool's tables."""
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in figures["outcomes"].items())
    clean = figures["area of objects without text"]
    lines = [
        f"## {title}",
        f"Objects: {outcomes}; {figures['objects with other changes']} with changed pixels that have no fill's colour.",
        f"Objects without text: {clean['objects']}, {clean['written']} of them written. Changed area: "
        f"median {clean['median']:.2%}, 95th percentile {clean['95th percentile']:.2%}, greatest {clean['greatest']:.1%}; "
        f"{clean['touched']:.0%} touched.",
        "",
        "| texts; those of refused objects count as covered | covered | of | share | 95 % interval |",
        "| --- | ---: | ---: | ---: | --- |",
        *(_row(name, found) for name, found in figures["groups"].items()),
        *(_row(f"of written objects: {name}", found) for name, found in figures["groups of written objects"].items()),
        "",
        "By factor: texts of three characters and more; then those of the goal.",
        "",
        "| factor | level | covered | of | share | 95 % interval | goal | of | share |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for factor, levels in figures["factors"].items():
        for level, found in levels.items():
            goal = figures["factors of the goal"].get(factor, {}).get(level, share([]))
            last = f"{goal['share']:.1%}" if goal["texts"] else "-"
            lines.append(_row(f"{factor} | {level}", found) + f" {goal['covered']} | {goal['texts']} | {last} |")
    return "\n".join(lines) + "\n"


def _row(name: str, found: dict[str, Any]) -> str:
    if not found["texts"]:
        return f"| {name} | 0 | 0 | - | - |"
    return (
        f"| {name} | {found['covered']} | {found['texts']} | {found['share']:.1%} | {found['low']:.1%} to {found['high']:.1%} |"
    )
