"""``dicom-deid pixels``: pixel rules, tried on files before a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..exit_codes import EXIT_FAILED
from .command_errors import usage_error
from .grouped_help import GroupedCommand

if TYPE_CHECKING:
    from anonymizer.internals import PixelDecision, PixelInspection
    from profiles import PixelRules

#: exit code: the file would be refused
_EXIT_REFUSED = 3
#: lines of the frame of a rectangle in a picture
_WIDTH = 2


@click.group("pixels")
def pixels() -> None:
    """Try pixel rules on a file."""


@pixels.command(cls=GroupedCommand, example="dicom-deid pixels check rules.csv image.dcm --draw rectangles.png")
@click.argument("rules", metavar="RULES")
@click.argument("file", metavar="FILE")
@click.option("--accept-rule", "accept_rules", multiple=True, metavar="NAME", help="As for `dicom-deid run`.")
@click.option(
    "--draw", metavar="PNG", help="Draw the rectangles into a new picture of a frame (mode 0600). Needs the extra pixels."
)
@click.option("--frame", default=1, show_default=True, type=click.IntRange(1), help="Number of the frame that is drawn.")
def check(rules: str, file: str, accept_rules: tuple[str, ...], draw: str | None, frame: int) -> None:
    """Show what the lint says of RULES, which rules match FILE, and what would be blanked in it.

    The picture shows FILE as it is, with the rectangles around it: keep it where you keep the original.

    Exit codes: 0 the file passes; 3 it would be refused; 2 the command line or RULES is wrong; 1 failed.
    """
    from anonymizer import Key
    from anonymizer.internals import Engine
    from profiles import ConfidentialityProfile, ProfileError, lint_pixel_rules

    if not Path(file).is_file():
        usage_error("FILE is not a file")
    if draw is not None and os.path.lexists(draw):
        usage_error("--draw: the file exists, and pictures of patients are never overwritten: choose another name")
    try:
        for finding in lint_pixel_rules(rules):
            click.echo(f"Lint: {finding}")
        profile = ConfidentialityProfile.default("CleanPixelData", pixel_rules=rules, accept_rules=accept_rules)
    except ProfileError as error:
        usage_error(str(error))
    with open(file, "rb") as stream:
        found = Engine(profile, Key.generate()).inspect_pixels(stream)
    for line in _lines(found, profile.pixels.rules):
        click.echo(line)
    if draw is not None:
        _draw(file, draw, frame, found.decision)
        click.echo(f"Picture: {draw}")
    sys.exit(0 if found.error is None else _EXIT_REFUSED)


def _lines(found: PixelInspection, rules: PixelRules) -> Iterator[str]:
    from profiles import PixelSizeError

    evidence, decision, error = found
    if evidence is not None:
        yield f"Image: {evidence.columns} columns, {evidence.rows} rows"
        yield f"At risk: {', '.join(risk.reason for risk in evidence.risks)}"
        try:
            matches = rules.match(evidence.values, evidence.rows, evidence.columns)
        except PixelSizeError as mismatch:
            yield f"Rules that match: {mismatch}"
            matches = ()
        for match in matches:
            yield f"Rule {match.rule}: {match.outcome.value} {_as_text(match.rectangles)}".rstrip()
        if not matches:
            yield "No rule matches"
        yield f"Ultrasound regions: {evidence.regions.state.value} {_as_text(evidence.regions.regions)}".rstrip()
    if error is not None:
        yield f"Refused: {error}"
    elif decision is None:
        yield "Not at risk: the pixels pass as they are"
    else:
        yield f"Blanked: {_as_text(decision.rectangles) or 'nothing'}"


def _as_text(rectangles: Sequence[tuple[int, int, int, int]]) -> str:
    return "; ".join(",".join(map(str, rectangle)) for rectangle in rectangles)


def _draw(file: str, picture: str, frame: int, decision: PixelDecision | None) -> None:
    """Draw the rectangles of a decision into a frame of a file."""
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        usage_error("--draw needs another package: pip install -e '.[pixels]'")
    from anonymizer.internals import displayed_frame

    try:
        shown = displayed_frame(file, frame)
    except ValueError as error:
        click.echo(f"Failed: {error}", err=True)
        sys.exit(EXIT_FAILED)
    image = Image.fromarray(shown).convert("RGB")
    pen = ImageDraw.Draw(image)
    for x0, y0, x1, y1 in decision.rectangles if decision is not None else ():
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline="red", width=_WIDTH)
    try:
        handle = os.open(picture, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        usage_error(f"--draw: the picture can't be written: {error.strerror}")
    with open(handle, "wb") as stream:
        image.save(stream, "PNG")
