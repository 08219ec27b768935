"""The results as Markdown: a table for each work, the bars, and the README's section."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from .bars import BARS
from .measure import Measurement
from .results import Results, WorkResult
from .works import COPIES

BEGIN, END = "<!-- benchmark -->\n", "<!-- /benchmark -->"
#: the works that stand in the README and the plot, and what counts there
SUMMARY = {"ct": "cpu", "small": "cpu", "multiframe": "cpu", "archive": "wall", "large": "wall"}
#: the README's columns: contenders that are there in nearly all works
NAMES = {"cpu": "CPU", "wall": "wall"}
_COLUMNS = ("dcmanon", "gdcmanon", "dicognito", "dicom-anonymizer", "deid")


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def work_table(work: WorkResult) -> str:
    """Return a work's contenders: CPU and wall for each file, peak memory, and how often ours goes into each."""
    started = any(each.startup for each in work.measurements)
    head = [
        "contender",
        "CPU",
        *(["... without start-up"] if started else []),
        "wall",
        "peak memory",
        "CPU / ours",
        "wall / ours",
    ]
    if len({each.files for each in work.measurements}) > 1:
        head.insert(1, f"{work.unit}s")
    rows = []
    for each in work.measurements:
        row = [each.name]
        if f"{work.unit}s" in head:
            row.append(f"{each.files:,}")
        rows.append(row)
        if each.failure:
            row.append(each.failure)
            row += [""] * (len(head) - len(row))
            continue
        row.append(seconds(work.per_file(each, "cpu")))
        if started:
            row.append(seconds(each.alone("cpu")))
        row += [seconds(work.per_file(each, "wall")), f"{each.memory / 1e6:,.0f} MB"]
        row += [_ratio(work, each, what) for what in ("cpu", "wall")]
    return table(head, rows)


def _ratio(work: WorkResult, each: Measurement, what: str) -> str:
    """Return how often our time goes into a contender's, for each file."""
    return f"{work.per_file(each, what) / work.per_file(work.ours, what):.3g}" if work.ours else ""


def seconds(value: float) -> str:
    """Return a time in its unit."""
    if value >= 1:
        return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"
    return f"{value * 1000:.3g} ms" if value < 0.1 else f"{value * 1000:.0f} ms"


def bars_table(results: Results) -> str:
    """Return each bar, its measured value, and whether it held."""
    return table(("bar", "asked", "measured", ""), (bar.verdict(results) for bar in BARS))


def machine_line(results: Results) -> str:
    """Return the line on what the figures depend on."""
    facts = results.machine
    return f"{facts['cores']} cores of {facts['processor']}, {facts['memory']}, {facts['kernel']}, Python {facts['Python']}."


_HEAD = """# Performance

`python -m benchmarks --readme` measured all of this and wrote this page: generated data, all contenders in turn, round after
round, each run a process of its own into an empty folder. Times are medians of the rounds, memory is the most of them, and that
of the largest process where there are several; what lies below 7 MB isn't seen. CPU is of user and kernel together, with its
share of the start-up (a run over one file) and without it. Who is slow was measured on fewer files, with the share of all."""


def full_report(results: Results) -> str:
    """Return all tables; docs/performance.md is this."""
    parts = [
        _HEAD,
        machine_line(results),
    ]
    for work in results.works.values():
        rounds = f"{work.rounds} round{'s' if work.rounds > 1 else ''}, {work.file_system}"
        count = f"{work.files:,} {work.unit}s, {rounds}" if work.files > 1 else rounds
        parts.append(
            f"## {work.title[0].upper()}{work.title[1:]}\n`{work.name}`: for each {work.unit}; {count}.\n\n{work_table(work)}"
        )
    parts.append(f"## What it is to hold\n{bars_table(results)}")
    return "\n\n".join(parts) + "\n"


def readme_section(results: Results) -> str:
    """Return the text between the README's markers."""
    rows = []
    for name, what in SUMMARY.items():
        if name in results.works:
            work = results.works[name]
            rows.append((f"{work.title}: {NAMES[what]}", *_row(work, what)))
    return "\n\n".join(
        (
            "![CPU and wall for each file, ours and peers](docs/performance.svg)",
            table(("work", "dicom-deid", "copy", *_COLUMNS), rows),
            f"Start-up included; in brackets, how often ours goes into it. {machine_line(results)}",
            bars_table(results),
        )
    )


def _row(work: WorkResult, what: str) -> list[str]:
    cells = []
    for names in ((work.measurements[0].name,), COPIES, *((name, f"{name}, two processes") for name in _COLUMNS)):
        each = next((each for each in work.measurements if each.name in names), None)
        if each is None:
            cells.append("")
        elif each.failure:
            cells.append(each.failure)
        elif each is work.ours:
            cells.append(f"**{seconds(work.per_file(each, what))}**")
        else:
            cells.append(f"{seconds(work.per_file(each, what))} ({_ratio(work, each, what)})")
    return cells


def write_readme(readme: Path, results: Results) -> None:
    """Put the section between the README's markers.

    Raises:
        ValueError: the markers aren't there.
    """
    text = readme.read_text()
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ValueError("the README has no markers for the benchmark")
    readme.write_text(f"{before}{BEGIN}{readme_section(results)}\n{END}{after}")
