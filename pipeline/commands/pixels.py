"""``dicom-deid pixels``: pixel rules, tried on files before a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..exit_codes import EXIT_FAILED
from ..undecided_lines import undecided_lines
from .command_errors import usage_error
from .grouped_help import GroupedCommand, add_options
from .profile_options import KEY_OPTIONS, PIXEL_OPTIONS, text_search
from .propose_rules import propose_rules

if TYPE_CHECKING:
    from anonymizer import DeidentificationError
    from anonymizer.internals import Engine, PixelInspection
    from profiles import ConfidentialityProfile, PixelRules, Rectangle

#: exit code: the file would be refused
_EXIT_REFUSED = 3
#: lines of the frame of a rectangle in a picture
_WIDTH = 2


@click.group("pixels")
def pixels() -> None:
    """Try pixel rules on a file, or have some proposed."""


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
    detect_text: str,
    keep_text: str,
    text_every: int,
    text_seconds: int,
    **settings: Any,
) -> None:
    """Show what the lint says of RULES, which rules match FILE, and what would be blanked in it.

    The other options of a run that decide on pixels mean what they mean there; --pixel-rules adds files to RULES. Lines of
    --rectangles with an instance_hash are found by the --key and --scope of the run whose audit they are from.

    The picture shows FILE as it is, with the rectangles around it: keep it where you keep the original.

    Exit codes: 0 the file passes; 3 it would be refused or left out; 2 the command line or RULES is wrong; 1 failed.
    """
    from anonymizer import Key
    from anonymizer.internals import FILTERED, Engine

    from ..advice import advice_on

    if not Path(file).is_file():
        usage_error("FILE is no file" if os.path.lexists(file) else "FILE doesn't exist")
    if draw is not None and os.path.lexists(draw):
        usage_error("--draw: the file exists, and pictures of patients are never overwritten: choose another name")
    text = text_search(detect_text, keep_text, text_every, text_seconds)
    profile = _profile((rules, *pixel_rules), rectangles=rectangles, detect_text=text, **settings)
    reviewed = profile.pixels.rectangles
    if reviewed is not None and reviewed.undecided:
        click.echo(f"Warning: {undecided_lines(reviewed.undecided)}", err=True)
    if reviewed is not None and reviewed.has_hashes and not key:
        click.echo("No --key was given: lines of --rectangles with an instance_hash can't be found.", err=True)
    engine = Engine(profile, Key.load(key, scope) if key else Key.generate())
    with open(file, "rb") as stream:
        found = engine.inspect_pixels(stream)
    for line in _lines(found, profile.pixels.rules):
        click.echo(line)
    blanked, error = _cleaned(engine, file, found)
    if error is not None:
        left_out = error.reason in FILTERED
        click.echo(f"{'Left out' if left_out else 'Refused'}: {error}")
        if not left_out:
            click.echo(advice_on(error.reason), err=True)
    elif found.decision is None:
        click.echo("Not at risk, and no rule or line blanks anything: the pixels pass as they are")
    else:
        click.echo(f"Blanked: {_as_text(blanked) or 'nothing'}")
    if draw is not None:
        _draw(file, draw, frame, blanked)
        click.echo(f"Picture: {draw}")
    sys.exit(0 if error is None else _EXIT_REFUSED)


def _cleaned(engine: Engine, file: str, found: PixelInspection) -> tuple[Sequence[Rectangle], DeidentificationError | None]:
    """Clean the file as a run would, and throw the output away.

    Returns:
        The pixels that are black then, and why the file is refused, if it is; then, what was to be blanked.
    """
    from anonymizer import DeidentificationError
    from profiles import union

    wanted = () if found.decision is None else found.decision.rectangles
    if found.error is not None:
        return wanted, found.error
    with open(file, "rb") as stream:
        done = engine.deidentify(stream, pixels=found.decision)
        try:
            for _ in done.chunks():
                pass
        except DeidentificationError as error:
            return wanted, error
    pixels = done.report.pixels
    if pixels is None:
        return (), None
    return union((one.rectangles for one in pixels.sources), pixels.rows, pixels.columns), None


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
    from profiles import PixelSizeError

    evidence = found.evidence
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
    if found.transfer_syntax and (evidence is not None or found.error is not None):
        yield from _lines_of_syntax(found)


def _lines_of_syntax(found: PixelInspection) -> Iterator[str]:
    """Yield what the transfer syntax means for what is to be blanked."""
    from pydicom.uid import UID

    name = UID(found.transfer_syntax).name
    if not found.can_clean:
        yield f"Transfer syntax: {name}: nothing can be blanked in it; decompress it with another program"
    elif found.whole_blocks:
        yield f"Transfer syntax: {name}: rectangles grow to whole blocks of 8 or 16 pixels"


def _as_text(rectangles: Sequence[tuple[int, int, int, int]]) -> str:
    return "; ".join(",".join(map(str, rectangle)) for rectangle in rectangles)


def _draw(file: str, picture: str, frame: int, rectangles: Sequence[Rectangle]) -> None:
    """Draw rectangles into a frame of a file."""
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
    for x0, y0, x1, y1 in rectangles:
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline="red", width=_WIDTH)
    try:
        handle = os.open(picture, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        usage_error(f"--draw: the picture can't be written: {error.strerror}")
    with open(handle, "wb") as stream:
        image.save(stream, "PNG")


pixels.add_command(propose_rules)
