"""The results as Markdown: a table for each work, the bars, and the README's section."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from .bars import BARS
from .measure import Measurement
from .results import Results, WorkResult
from .ultrasound import SYNTAXES
from .works import COPIES, PIXELS

BEGIN, END = "<!-- benchmark -->\n", "<!-- /benchmark -->"
#: the works of the summary and the plot, and what counts there
SUMMARY = {"ct": "cpu", "small": "cpu", "multiframe": "cpu", "archive": "wall", "large": "wall"}
NAMES = {"cpu": "CPU", "wall": "wall"}
#: the summary's columns: contenders that are there in nearly all works
_COLUMNS = ("dcmanon", "gdcmanon", "dicognito", "dicom-anonymizer", "deid")
#: the README's rows and columns
_README = ("ct", "archive", "large")
_README_COLUMNS = ("dcmanon", "dicognito")


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

`python -m benchmarks --readme` measured these figures on generated data and wrote this page. The contenders run in turn, round
after round. Each run is a process of its own that writes into an empty folder. Times are medians of the rounds. Memory is the
maximum of the rounds, and of the largest process where there are several; 7 MB is the least that can be seen. CPU is user and
kernel time, with the file's share of the start-up (a run over one file) and without it. Slow contenders were measured on fewer
files, and their start-up is shared by as many files as for the others.

The command takes an hour, on a machine that does nothing else. It needs the extras `benchmarks` and `pixels`, or `dev`, 30 GB
of disk and, for gdcmanon, Debian's `libgdcm-tools`. The other peers are installed into environments of their own.
`python -m benchmarks ct --quick` tries out one work, and with `--from docs/reference/performance.json --readme` one work is
measured anew. The figures are of an installation without the extras for clouds, whose parts of Beam add 0.3 s to the start of a
run.

Replacing an existing file costs ext4 about 0.3 ms more than writing a new one. From bucket to bucket a CT costs 6 ms of CPU,
nearly all of it in the requests of google-cloud-storage."""


def full_report(results: Results) -> str:
    """Return all tables; docs/reference/performance.md is this."""
    parts = [
        _HEAD,
        machine_line(results),
        "![CPU and wall for each file, ours and peers](performance.svg)",
        "## Summary\nTime for each object, start-up included; in brackets, the ratio to ours.\n\n"
        + _summary(results, tuple(SUMMARY), _COLUMNS),
    ]
    for work in results.works.values():
        if work.frames:
            continue
        count = f"{work.files:,} {work.unit}s, {_rounds(work)}" if work.files > 1 else _rounds(work)
        parts.append(
            f"## {work.title[0].upper()}{work.title[1:]}\n`{work.name}`: for each {work.unit}; {count}.\n\n{work_table(work)}"
        )
    parts.append(_TEXT)
    if _pixel_works(results):
        parts.append(_pixels_section(results))
    parts.append(f"## Targets\n{bars_table(results)}")
    return "\n\n".join(parts) + "\n"


_TEXT = """## Text
[Figures of text detection](text-figures.md) are on a page of their own: what `--detect-text` finds of a labelled set, beside
other tools, and how long it takes."""


def _pixel_works(results: Results) -> list[WorkResult]:
    return [work for work in results.works.values() if work.frames]


def pixels_table(results: Results) -> str:
    """Return a row for each format of pixels: its contenders' time for each frame, memory, and what they write it as."""
    works = _pixel_works(results)
    names = list(dict.fromkeys(each.name for work in works for each in work.measurements))
    rows = [(work.title, *(_pixels_cell(work, name) for name in names)) for work in works]
    return table(("frames", *names), rows)


def _pixels_cell(work: WorkResult, name: str) -> str:
    each = next((each for each in work.measurements if each.name == name), None)
    if each is None or each.failure:
        return each.failure if each else ""
    time = each.alone("wall") / work.frames
    # start-ups that differ by more than what all frames take, as on a busy machine
    found = f"{seconds(time) if time > 0 else 'lost in noise'}, {each.memory / 1e6:,.0f} MB"
    written = SYNTAXES.get(each.syntax, each.syntax)
    return found if work.title.startswith(written) else f"{found}, as {written}"


_PIXELS = """Clips of 1024 x 768, with a banner of two rectangles to blank: {clips} clips of {frames} frames. Time is wall, for
each frame without start-up: the system does not count CPU of processes that nobody waits for, which decode and encode here.
Memory is that of all processes together, looked at every few milliseconds in a run of its own; what they share counts once.
"as" names the transfer syntax of the output where it is another one.

- dicom-deid: `Anonymizer` with CleanPixelData and one rule, the whole Basic Profile and the proof of each frame included.
- pydicom: decompress, blank in numpy, compress by what pydicom encodes with; it encodes neither JPEG nor HTJ2K. No attribute is
  de-identified, nothing is proven.
- deid: `DicomCleaner` with a recipe: detect, clean, save, as documented. The same is left out. It decodes each object twice.
- Both have all of pydicom's decoders but pylibjpeg-libjpeg, which is GPL: it reads JPEG of 12 bits.
- dicom-dre (Stanford) was not measured: it installs under Python 3.12 only. As published, it edits JPEG Baseline in the domain of
  the DCT, and decompresses other syntaxes to Explicit VR Little Endian."""


def _pixels_section(results: Results) -> str:
    works = _pixel_works(results)
    work = works[0]
    text = _PIXELS.format(clips=work.files, frames=work.frames)
    rounds = sorted({each.rounds for each in works})
    often = f"{rounds[0]} to {rounds[-1]} rounds, {work.file_system}" if len(rounds) > 1 else _rounds(work)
    return f"## Cleaning of pixels\n`{PIXELS}`: {often}. {text}\n\n{_busy(results)}{pixels_table(results)}"


def _busy(results: Results) -> str:
    """Return a warning where more processes than a work's own wanted the processors: these figures are by the clock."""
    load, cores = max(work.load for work in _pixel_works(results)), int(results.machine["cores"])
    if load <= cores:
        return ""
    return (
        f"**The machine was busy**, with a load of up to {load:g} on {cores} cores: times are too long, and do not compare to"
        " a few milliseconds. They are to be measured again.\n\n"
    )


def _rounds(work: WorkResult) -> str:
    return f"{work.rounds} round{'s' if work.rounds > 1 else ''}, {work.file_system}"


def readme_section(results: Results) -> str:
    """Return the text between the README's markers: three works."""
    return "\n\n".join(
        (
            _summary(results, _README, _README_COLUMNS),
            f"Time for each object, start-up included; in brackets, the ratio to ours. {machine_line(results)}",
        )
    )


def _summary(results: Results, names: Sequence[str], columns: Sequence[str]) -> str:
    """Return a row for each of these works, with what counts there."""
    found = [results.works[name] for name in names if name in results.works]
    rows = [(f"{work.title}: {NAMES[SUMMARY[work.name]]}", *_row(work, SUMMARY[work.name], columns)) for work in found]
    return table(("work", "dicom-deid", "copy", *columns), rows)


def _row(work: WorkResult, what: str, columns: Sequence[str]) -> list[str]:
    cells = []
    for names in ((work.measurements[0].name,), COPIES, *((name, f"{name}, two processes") for name in columns)):
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
