"""``dicom-deid pixels``: pixel rules, tried on files before a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..exit_codes import EXIT_FAILED
from .command_errors import usage_error
from .grouped_help import GroupedCommand, add_options
from .profile_options import KEY_OPTIONS, PIXEL_OPTIONS

if TYPE_CHECKING:
    from anonymizer.internals import PixelDecision, PixelInspection
    from profiles import ConfidentialityProfile, PixelRules

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
@add_options(PIXEL_OPTIONS)
@add_options(KEY_OPTIONS)
@click.option(
    "--draw",
    metavar="PNG",
    help="Draw the rectangles into a new picture of a frame (mode 0600). Needs the extra pixels: pip install -e '.[pixels]'.",
)
@click.option("--frame", default=1, show_default=True, type=click.IntRange(1), help="Number of the frame that is drawn.")
def check(
    rules: str,
    file: str,
    pixel_rules: tuple[str, ...],
    rectangles: str | None,
    key: str,
    scope: str,
    draw: str | None,
    frame: int,
    **settings: Any,
) -> None:
    """Show what the lint says of RULES, which rules match FILE, and what would be blanked in it.

    The other options of a run that decide on pixels mean what they mean there; --pixel-rules adds files to RULES. Lines of
    --rectangles with an instance_hash are found by the --key and --scope of the run whose audit they are from.

    The picture shows FILE as it is, with the rectangles around it: keep it where you keep the original.

    Exit codes: 0 the file passes; 3 it would be refused or left out; 2 the command line or RULES is wrong; 1 failed.
    """
    from anonymizer import Key
    from anonymizer.internals import Engine

    if not Path(file).is_file():
        usage_error("FILE is no file" if os.path.lexists(file) else "FILE doesn't exist")
    if draw is not None and os.path.lexists(draw):
        usage_error("--draw: the file exists, and pictures of patients are never overwritten: choose another name")
    profile = _profile((rules, *pixel_rules), rectangles=rectangles, **settings)
    if rectangles is not None and not key:
        click.echo("No --key was given: lines of --rectangles with an instance_hash can't be found.", err=True)
    with open(file, "rb") as stream:
        found = Engine(profile, Key.load(key, scope) if key else Key.generate()).inspect_pixels(stream)
    for line in _lines(found, profile.pixels.rules):
        click.echo(line)
    if draw is not None:
        _draw(file, draw, frame, found.decision)
        click.echo(f"Picture: {draw}")
    sys.exit(0 if found.error is None else _EXIT_REFUSED)


def _profile(files: Sequence[str], accept_rules: Sequence[str], **settings: Any) -> ConfidentialityProfile:
    """Print what the lint says of files, and return the profile with their rules."""
    from profiles import ConfidentialityProfile, ProfileError, lint_pixel_rules

    try:
        findings = lint_pixel_rules(*files)
        for finding in findings:
            click.echo(f"Lint: {finding}")
        refused = {finding.rule: None for finding in findings if finding.must_be_accepted and finding.rule not in accept_rules}
        if refused:
            # which ones, and why, was just printed
            usage_error(f"rules must be mended, or each accepted by its name, such as --accept-rule {next(iter(refused))}")
        return ConfidentialityProfile.default("CleanPixelData", pixel_rules=files, accept_rules=accept_rules, **settings)
    except ProfileError as error:
        usage_error(str(error))


def _lines(found: PixelInspection, rules: PixelRules) -> Iterator[str]:
    from anonymizer.internals import FILTERED
    from profiles import PixelSizeError

    evidence, decision, error = found.evidence, found.decision, found.error
    if evidence is not None:
        rows, columns, regions = evidence.rows, evidence.columns, evidence.regions
        yield f"Image: {columns} columns, {rows} rows"
        yield f"At risk: {', '.join(risk.reason for risk in evidence.risks) or 'no'}"
        try:
            matches = rules.match(evidence.values, rows, columns)
        except PixelSizeError as mismatch:
            yield f"Rules that match: {mismatch}"
        else:
            for match in matches:
                yield f"Rule {match.rule}: {match.outcome.value} {_as_text(match.rectangles)}".rstrip()
            if not matches:
                yield "No rule matches"
        for rule in rules.of_other_sizes(evidence.values, rows, columns):
            yield f"Rule {rule.name} is for images of {rule.columns} columns, {rule.rows} rows"
        if (reviewed := evidence.reviewed) is not None:
            said = "for another size" if reviewed.outcome is None else reviewed.outcome.value
            yield f"Rectangles: {said} {_as_text(reviewed.rectangles)}".rstrip()
        state = f"{regions.state.value}: {regions.why}" if regions.why else regions.state.value
        yield f"Ultrasound regions: {state} {_as_text(regions.regions)}".rstrip()
    if found.compressed and (evidence is not None or error is not None):
        from pydicom.uid import UID

        yield f"Transfer syntax: {UID(found.compressed).name}: nothing can be blanked in it; decompress it with another program"
    if error is not None:
        yield f"{'Left out' if error.reason in FILTERED else 'Refused'}: {error}"
    elif decision is None:
        yield "Not at risk, and no rule or line blanks anything: the pixels pass as they are"
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
