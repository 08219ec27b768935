"""``dicom-deid detect``: text looked for before a run, which then takes the rectangles from a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from ..events import reporter
from ..exit_codes import EXIT_QUARANTINED
from .beam_options import beam_arguments, use_beam_options
from .command_errors import usage_error
from .grouped_help import GroupedCommand, add_options, options_of
from .profile_options import KEY_OPTIONS, PIXEL_OPTIONS, text_search
from .storage_options import with_storage

if TYPE_CHECKING:
    from storage import StorageOptions

    from ..surveys.text_detection import DetectedText

_option = options_of("Search")


@click.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid detect rectangles.csv --input archive --key file:secret.key\n"
    "dicom-deid run --input archive --output released --key file:secret.key --options CleanPixelData --rectangles rectangles.csv",
)
@click.argument("file", metavar="FILE")
@_option("--input", "inputs", multiple=True, metavar="PLACE", help="Folder, bucket or manifest, as for a run; repeatable.")
@add_options(PIXEL_OPTIONS)
@add_options(KEY_OPTIONS)
@with_storage
@beam_arguments
def detect(
    file: str,
    inputs: tuple[str, ...],
    detect_text: str,
    keep_text: str,
    text_every: int,
    text_seconds: int,
    key: str,
    scope: str,
    storage: Callable[[], StorageOptions],
    beam_args: tuple[str, ...],
    **settings: Any,
) -> None:
    """Look for text in pixels on this machine, and write what is to be blanked to FILE, for --rectangles of runs.

    Each object that a run with --detect-text risk (or all) would look at gets a line, which you may change: its keyed hash, size,
    rectangles, those of other rules and regions among them, and the outcome: clean, keep where nothing was found, quarantine
    where the search failed. Runs with --rectangles FILE and the same --key and --scope do as the lines say, and look no more.

    FILE appears when all is done. A search that was interrupted goes on from FILE.part: start the same command again.

    Exit codes: 0 all objects were read; 3 a run would refuse some, which have no line or the outcome quarantine; 2 the command
    line is wrong; 1 failed; 4 failed for a transient reason.
    """
    use_beam_options(beam_args)

    from anonymizer import Key
    from anonymizer.internals import Engine
    from profiles import ConfidentialityProfile, Outcome, ProfileError
    from storage import StoredArchive, cannot_write, scheme_of

    from ..errors import RunError
    from ..surveys.listed_objects import listed_objects
    from ..surveys.text_detection import JournalError
    from ..surveys.text_detection import detect_text as search_all

    if not inputs:
        usage_error("--input is missing")
    if not key:
        usage_error("--key is missing: lines name objects by keyed hashes, and a run finds them by the same key")
    search = text_search("risk" if detect_text == "off" else detect_text, keep_text, text_every, text_seconds)
    try:
        profile = ConfidentialityProfile.default("CleanPixelData", detect_text=search, **settings)
    except ProfileError as error:
        usage_error(str(error))
    engine = Engine(profile, Key.load(key, scope))
    options = storage()
    archive = StoredArchive(options, options.threads if any(map(scheme_of, inputs)) else 1)
    objects = listed_objects(inputs, lambda number: f"--input number {number + 1}", archive)
    try:
        found = search_all(file, objects, archive, engine, f"dicom-deid detect {__version__}", _note)
    except FileExistsError:
        usage_error("FILE exists and is not overwritten: choose another name")
    except JournalError:
        usage_error("FILE.part was begun with other settings, or by another program: move it away, or choose another FILE")
    except OSError as error:
        raise cannot_write(error) or RunError(f"FILE can't be written: {error.strerror}") from None
    _say(found, file)
    sys.exit(EXIT_QUARANTINED if found.refused or found.outcomes[Outcome.QUARANTINE.value] else 0)


def _note(objects: int) -> None:
    reporter.say("progress", f"{objects} objects", objects=objects)


def _say(found: DetectedText, file: str) -> None:
    clean, keep, refused = (found.outcomes[outcome] for outcome in ("clean", "keep", "quarantine"))
    sentence = (
        f"{found.objects} objects. Lines: {clean} with text, {keep} without, {refused} to be refused; "
        f"{found.known} objects were looked at before. Rectangles: {file}"
    )
    fields: dict[str, Any] = {"clean": clean, "keep": keep, "quarantine": refused, "known": found.known}
    reporter.say("text-detected", sentence, to_stdout=True, objects=found.objects, **fields)
    for reason, count in sorted(found.refused.items()):
        reporter.say("no-line", f"{reason}: {count} objects have no line, for a run refuses them", reason=reason, count=count)
