"""The command line's options for a run, and the JobOptions that they make."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..options import ContinuationOptions, CrosswalkOptions, EngineOptions, JobOptions
from .grouped_help import add_options, options_of
from .profile_options import rule_files, with_engine, with_profile
from .storage_options import with_storage

if TYPE_CHECKING:
    from profiles import ConfidentialityProfile
    from storage import StorageOptions

_place = options_of("Places")
_continue = options_of("Earlier runs")
_conflict = options_of("Outputs")
_crosswalk = options_of("Crosswalk (restricted)")

_PLACES = (
    _place(
        "--input", "inputs", multiple=True, metavar="PLACE", help="Folder, prefix, file, glob or manifest; needed, repeatable."
    ),
    _place("--output", default="", metavar="FOLDER", help="Folder of the de-identified copy, a path or URI; needed."),
    _place(
        "--audit", default="", metavar="FOLDER", help="Folder of the audit tables, apart from the output. Default: OUTPUT-audit."
    ),
    _place("--allow-empty", is_flag=True, help="Accept an input that lists no objects: it is mounted, and empty."),
)
_CONTINUATION = (
    _continue(
        "--resume",
        is_flag=False,
        flag_value="",
        metavar="[FOLDER]",
        help="Process only what is new or changed since the run with audit tables in FOLDER. Default: --audit.",
    ),
    _continue(
        "--recheck",
        is_flag=True,
        help="With --resume: make anew what another version or other settings made, under the same names.",
    ),
    _continue(
        "--max-gone",
        type=click.FloatRange(0, 100),
        default=10.0,
        show_default=True,
        metavar="PERCENT",
        help="Fail if more of the objects of the last run under the same inputs are gone, and 20 at least.",
    ),
    _continue("--mixed-output", is_flag=True, help="Accept an output that was made with another profile or key."),
    _continue(
        "--uid-map", metavar="FOLDER", help="Import the UID map of the run with audit tables in FOLDER: its new UIDs stay."
    ),
    _continue("--uid-map-key", metavar="URI", help="The key by which that map's UIDs are hashed. Default: --key."),
    _continue("--uid-map-scope", metavar="NAME", help="Its scope. Default: --scope."),
)
_OUTPUTS = (
    _conflict(
        "--conflicts",
        type=click.Choice(["quarantine", "keep-one"]),
        default="quarantine",
        show_default=True,
        help="For different objects with one SOPInstanceUID: refuse all, or keep the least compressed.",
    ),
    _conflict("--replace-changed", is_flag=True, help="Replace the output of an object that changed. Default: refuse it."),
    _conflict("--object-metadata", is_flag=True, help="On object storage, keep ids of source, key and run beside each object."),
)
_CROSSWALK = (
    _crosswalk("--crosswalk", metavar="FOLDER", help="Write original names and identifiers there, for `dicom-deid reidentify`."),
    _crosswalk("--crosswalk-certificate", metavar="FILE", help="Encrypt the crosswalk to this X.509 certificate (RSA)."),
)


def with_job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` all options of a run, and hand them to it as one ``job``.

    It is a function that makes the JobOptions: it imports Beam, which a command first keeps from logging.
    """

    @functools.wraps(command)
    def wrapper(
        inputs: tuple[str, ...],
        output: str,
        audit: str,
        allow_empty: bool,
        profile: ConfidentialityProfile,
        engine: EngineOptions,
        storage: Callable[[], StorageOptions],
        conflicts: Any,
        object_metadata: bool,
        crosswalk: str | None,
        crosswalk_certificate: str | None,
        beam_args: tuple[str, ...],
        **others: Any,
    ) -> None:
        continuation = ContinuationOptions(**{name: others.pop(name) for name in ContinuationOptions.__dataclass_fields__})

        def job() -> JobOptions:
            return JobOptions(
                inputs,
                output,
                audit,
                profile=profile,
                engine=engine,
                continuation=continuation,
                crosswalk=CrosswalkOptions(crosswalk, crosswalk_certificate),
                storage=storage(),
                conflicts=conflicts,
                object_metadata=object_metadata,
                allow_empty=allow_empty,
                beam_args=beam_args,
                rule_files=rule_files(click.get_current_context().params),
            )

        command(job=job, **others)

    beam_args = click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[BEAM OPTIONS]")
    decorated = add_options((*_OUTPUTS, *_CONTINUATION, *_CROSSWALK, beam_args))(wrapper)
    return add_options(_PLACES)(with_profile(with_engine(with_storage(decorated))))
