"""``python -m benchmarks [WORK ...]``: this project, its peers and plain copies over generated data, as tables and a plot."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from .environment import NO_PEERS, PIXEL_PEERS, file_system, machine, peers_environment, write_certificate
from .measure import MANY, ChildFailed, Outputs, files_of, measure
from .report import bars_table, full_report, pixels_table, work_table, write_readme
from .results import Results, WorkResult
from .works import AGAINST_PEERS, PIXEL_WORKS, PIXELS, Work, Works

_ROOT = Path(__file__).parents[1]
_NAMES = (
    "help",
    "small",
    "multiframe",
    "ct",
    "options",
    "screen",
    "screen-references",
    "growth",
    "archive",
    "night",
    "night-small",
    "large",
    PIXELS,
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("works", nargs=-1, type=click.Choice((*_NAMES, *PIXEL_WORKS)), metavar="[WORK]...")
@click.option("--quick", is_flag=True, help="Few files and one round: does all of it work? The figures are not for quoting.")
@click.option(
    "--rounds", type=click.IntRange(1), help="How often each contender does its work; without this what suits the work."
)
@click.option("--all", "everything", is_flag=True, help="Growth to 200,000 instances, too.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Where data and outputs go; they are deleted at the end."
)
@click.option(
    "--results",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("build/benchmarks.json"),
    show_default=True,
    help="Gets what was measured.",
)
@click.option(
    "--from", "earlier", type=click.Path(path_type=Path, exists=True), help="Results to start from; without WORK nothing is run."
)
@click.option("--readme", is_flag=True, help="Put tables and plot into README.md and docs/.")
def main(
    works: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    everything: bool,
    folder: Path | None,
    results: Path,
    earlier: Path | None,
    readme: bool,
) -> None:
    """Measure WORKs, all without any, and print their tables.

    \b
    ct          anonymize_file over CT images, against peers and copies
    small       ... over small objects
    multiframe  ... over enhanced multi-frame objects
    options     the engine's options over the CT images
    screen      the engine with and without its screen of known identifiers, over the CT images
    screen-references ... over objects of 20,000 elements and 5,000 UIDs
    archive     dicom-deid run, two cores
    night       dicom-deid run --resume over them, 1 % of them new
    night-small ... over 50,000 small objects
    large       one object of 4 GB
    pixels      cleaning of frames in each transfer syntax; pixels-90-rgb is one of its parts
    growth      dicom-deid run over 2,000 and 20,000 tiny instances
    help        start of the command

    All of it takes an hour and 30 GB of disk. The peers get environments of their own, in the user's cache.
    """
    found = Results.load(earlier) if earlier else None
    if works or not found:
        with tempfile.TemporaryDirectory(prefix="dicom-deid-benchmarks-", dir=folder) as temporary:
            found = _measure(works or _NAMES, Path(temporary), found, results, quick=quick, rounds=rounds, everything=everything)
    for work in found.works.values():
        if not work.frames:
            click.echo(f"\n{work.title}, each {work.unit}:\n\n{work_table(work)}")
    if any(work.frames for work in found.works.values()):
        click.echo(f"\ncleaning of pixels, each frame:\n\n{pixels_table(found)}")
    click.echo(f"\n{bars_table(found)}")
    if readme:
        from .plot import draw

        found.save(_ROOT / "docs" / "reference" / "performance.json")
        draw(found, _ROOT / "docs" / "reference" / "performance.svg")
        (_ROOT / "docs" / "reference" / "performance.md").write_text(full_report(found))
        write_readme(_ROOT / "README.md", found)


def _measure(
    names: tuple[str, ...],
    folder: Path,
    earlier: Results | None,
    path: Path,
    *,
    quick: bool,
    rounds: int | None,
    everything: bool,
) -> Results:
    (folder / "key").write_bytes(bytes(range(32)))
    (folder / "key").chmod(0o600)
    write_certificate(folder / "certificate.pem")
    peers = peers_environment() if AGAINST_PEERS.intersection(names) else NO_PEERS
    outputs = Outputs(folder / "outputs")
    if PIXELS in names:
        names += PIXEL_WORKS
    pixel_peers = peers_environment(PIXEL_PEERS) if set(PIXEL_WORKS).intersection(names) else NO_PEERS
    found = Results(machine(), earlier.works if earlier else {})
    offered = Works(peers, folder, pixel_peers=pixel_peers, quick=quick, everything=everything).all()
    chosen = [replace(work, rounds=rounds or work.rounds) for name, work in offered.items() if name in names]
    inputs: dict[str, dict[str, Path]] = {}
    for position, work in enumerate(chosen):
        click.echo(f"{work.name}: {work.title}", err=True)
        if work.data not in inputs:
            inputs[work.data] = work.prepare(folder / "data" / work.data)
        found.works[work.name] = _result(work, inputs[work.data], outputs, folder / "log")
        # after each work: one that fails later doesn't take this one with it
        found.save(path)
        if work.data and work.data not in {later.data for later in chosen[position + 1 :]}:
            outputs.discard(folder / "data" / work.data)
    return found


def _result(work: Work, inputs: dict[str, Path], outputs: Outputs, log: Path) -> WorkResult:
    try:
        measurements = measure(work.contenders, inputs, work.rounds, outputs, log)
    except ChildFailed as error:
        click.echo(error.log, err=True)
        sys.exit(f"{work.name}: {error}")
    files = len(files_of(inputs[MANY])) if MANY in inputs else 0
    load = round(os.getloadavg()[0], 1)
    system = file_system(log.parent)
    return WorkResult(work.name, work.title, work.unit, files, work.rounds, system, measurements, work.frames, load)


if __name__ == "__main__":
    main()
