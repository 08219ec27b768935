"""``python -m benchmarks.text``: make the labelled set of burned-in text, and score what tools made of it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .generate import OBJECTS, generate
from .ours import run_ours
from .page import page
from .score import missed, score
from .tables import markdown, summary

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure tools that blank burned-in text."""


@main.command("generate")
@click.argument("folder", type=_FOLDER)
@click.option("--count", default=600, show_default=True, help="Objects; a third of them has no text.")
@click.option("--seed", default=2026, show_default=True, help="Another one makes another set.")
@click.option("--texts", default=5, show_default=True, help="At most, in an object.")
def generate_command(folder: Path, count: int, seed: int, texts: int) -> None:
    """Write FOLDER/objects and FOLDER/labels.json."""
    labels = generate(folder, count, seed, texts=texts)
    click.echo(f"{count} objects, {sum(len(each['boxes']) for each in labels['objects'])} texts")


@main.command("ours", context_settings={"ignore_unknown_options": True})
@click.argument("folder", type=_FOLDER)
@click.argument("outputs", type=_FOLDER)
@click.option("--detect-text", "detect", default="risk", show_default=True, help="Of the job.")
@click.argument("more", nargs=-1, metavar="[OPTION OF THE JOB]...")
def ours_command(folder: Path, outputs: Path, detect: str, more: tuple[str, ...]) -> None:
    """Run this project's job over FOLDER/objects and print how the objects ended."""
    for ending, count in run_ours(folder / OBJECTS, outputs, detect=detect, more=more).most_common():
        click.echo(f"{count:6} {ending}")


@main.command("score")
@click.argument("folder", type=_FOLDER)
@click.argument("outputs", type=_FOLDER)
@click.option("--title", default="Score", help="Of the tables.")
@click.option("--json", "figures_path", type=click.Path(path_type=Path, dir_okay=False), help="Gets figures and missed texts.")
def score_command(folder: Path, outputs: Path, title: str, figures_path: Path | None) -> None:
    """Compare OUTPUTS with the set in FOLDER, and print the tables."""
    scores = score(folder, outputs)
    figures = summary(scores)
    click.echo(markdown(figures, title))
    if figures_path:
        figures_path.write_text(json.dumps({**figures, "missed": missed(scores)}, indent=1))


@main.command("time")
@click.argument("figures_path", metavar="JSON", type=click.Path(path_type=Path, dir_okay=False))
def time_command(figures_path: Path) -> None:
    """Measure how long looking takes, on a machine that does nothing else, into JSON."""
    # here, for it needs this project
    from .timing import measure

    figures_path.write_text(json.dumps(measure(), indent=1))


@main.command("page")
@click.argument("times", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("figures", nargs=-1, required=True, metavar="TOOL=JSON...")
@click.option("--set", "set_of", required=True, help="The set, in words.")
def page_command(times: Path, figures: tuple[str, ...], set_of: str) -> None:
    """Print docs/reference/text-figures.md from what `score --json` and `time` wrote; ours first."""
    tools = (each.partition("=") for each in figures)
    found = {name: json.loads(Path(path).read_text()) for name, _, path in tools}
    click.echo(page(found, json.loads(times.read_text()), set_of), nl=False)


if __name__ == "__main__":
    main()
