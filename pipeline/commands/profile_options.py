"""Command line options for the profile and the engine, and the settings that they make."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..events import reporter
from ..options import EngineOptions
from .command_errors import usage_error
from .grouped_help import add_options, options_of

if TYPE_CHECKING:
    from profiles import ConfidentialityProfile, TextSearch

_option = options_of("Profile (PS3.15 Annex E)")
_engine_option = options_of("Key and identity")
#: what is blanked, of which objects
PIXEL_OPTIONS = (
    _option(
        "--pixel-rules",
        multiple=True,
        metavar="FILE",
        help="Rules that say what to blank: CSV or JSON, a CTP script, a deid recipe. May be given several times.",
    ),
    _option(
        "--accept-rule",
        "accept_rules",
        multiple=True,
        metavar="NAME",
        help="Accept a rule of an imported file that the lint refuses, by name. May be given several times.",
    ),
    _option("--rectangles", metavar="FILE", help="CSV file with rectangles to blank that people decided on, object by object."),
    _option(
        "--slide-labels",
        type=click.Choice(["drop", "blank"]),
        default="drop",
        show_default=True,
        help="Leave out, or blank, whole slide images of a slide's label, with --pixels clean.",
    ),
    _option(
        "--detect-text",
        type=click.Choice(["off", "risk", "all"]),
        default="off",
        show_default=True,
        help="Look for text in the pixels of objects at risk, or of all, and blank it, with --pixels clean. Needs the extra ocr: "
        "pip install -e '.[ocr]'.",
    ),
    _option(
        "--keep-text",
        type=click.Choice(["nothing", "measurements"]),
        default="nothing",
        show_default=True,
        help="Keep lines of known harmless words and short numbers, with --detect-text.",
    ),
    _option(
        "--text-every",
        type=click.IntRange(1, 1000),
        default=5,
        show_default=True,
        metavar="K",
        help="Of loops with more than 8 frames look for text in each K-th frame, and in the least and greatest values of all.",
    ),
    _option(
        "--text-seconds",
        type=click.IntRange(1, 86_400),
        default=600,
        show_default=True,
        metavar="SECONDS",
        help="Seconds of CPU that the search for text in one object may take; then the object is quarantined.",
    ),
    _option("--trust-burned-in-no", is_flag=True, help="Trust BurnedInAnnotation NO also in ultrasound and secondary captures."),
    _option("--pixel-risk", metavar="FILE", help="CSV file with more rows for the table of pixel risks."),
)
_PROFILE_OPTIONS = (
    _option(
        "--profile",
        default="basic",
        show_default=True,
        metavar="basic|FILE",
        help="The Basic Profile, or a CSV, JSON or XML file with custom rules.",
    ),
    _option("--options", default="", metavar="NAME,...", help="Options of PS3.15 Annex E, such as RetainUIDs. Default: none."),
    _option("--patient-name", metavar="TEXT", help="New PatientName of all patients. Default: empty."),
    _option(
        "--patient-id",
        default="pseudonym",
        show_default=True,
        metavar="TEXT|pseudonym",
        help="New PatientID of all patients, or a keyed pseudonym for each.",
    ),
    _option(
        "--date-shift",
        metavar="RANGE",
        help="Range of date shifts for RetainLongModifDates, in d, h, min or s. Default: -3650d..-30d/1d.",
    ),
    _option("--cap-ages", is_flag=True, help="Replace ages over 89 years by 90 years (HIPAA)."),
    _option(
        "--strict", is_flag=True, help="Also give a dummy value to short strings (LO, SH) that no table of the standard names."
    ),
    _option(
        "--pixels",
        "--burned-in",
        type=click.Choice(["quarantine", "keep", "clean"]),
        help="Quarantine, keep or clean objects whose pixels may identify a person, such as ultrasound and screen captures. "
        "clean is the option CleanPixelData. Default: quarantine, or clean with that option.",
    ),
    *PIXEL_OPTIONS,
    _option(
        "--faces",
        type=click.Choice(["keep", "quarantine"]),
        default="keep",
        show_default=True,
        help="Keep or quarantine CT, MR and PET of heads, since a rendering shows the face.",
    ),
    _option("--safe-private", metavar="FILE", help="CSV file with more safe private attributes for RetainSafePrivate."),
    _option(
        "--screen",
        type=click.Choice(["on", "off"]),
        default="on",
        show_default=True,
        help="Search retained values for identifiers of the patient. off is for comparison, and sets PatientIdentityRemoved NO.",
    ),
    _option("--verdicts", metavar="FILE", help="CSV file with decisions of people on values of a census: allow, remove, dummy."),
)
#: by which objects are known
KEY_OPTIONS = (
    _engine_option(
        "--key",
        default="",
        metavar="URI",
        help="Secret key: file:PATH, env:NAME or gcp-secret:RESOURCE. Default: a new key that is not kept.",
    ),
    _engine_option(
        "--scope",
        default="",
        metavar="NAME",
        help="Name of a scope. Results of one key under two scopes can't be linked. Default: none.",
    ),
)
_ENGINE_OPTIONS = (
    *KEY_OPTIONS,
    _engine_option("--uid-root", metavar="OID", help="Root of new UIDs, such as your organisation's. Default: 2.25."),
    _engine_option(
        "--patient-table",
        metavar="FILE",
        help="CSV or Parquet file with PatientID,NewPatientID; other patients are refused. Default: pseudonyms.",
    ),
)


#: values of these options that are no files
_NO_FILES = frozenset({("profile", "basic"), ("pixel_rules", "deid")})
#: options that name files with rules
_RULE_FILES = ("profile", "safe_private", "pixel_risk", "pixel_rules", "rectangles", "verdicts")


def rule_files(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the options that name a file with rules, each with its path.

    Args:
        given: the command's parameters, by name.
    """
    named = ((option, given.get(option) or ()) for option in _RULE_FILES)
    several = ((option, path) for option, paths in named for path in ((paths,) if isinstance(paths, str) else paths))
    # what is no path is the name of rules that come with the program, or with a package
    return tuple((option, path) for option, path in several if (option, path) not in _NO_FILES)


def text_search(objects: str, keep: str, every: int, seconds: int) -> TextSearch | None:
    """Return the search for text that the command line asks for; None: none. End the command if nothing here could do it."""
    from profiles import TextSearch

    from ..errors import UsageError
    from ..text_engine import with_text_engine

    if objects == "off":
        if keep != "nothing":
            usage_error("--keep-text needs --detect-text: no text is looked for without it")
        return None
    try:
        return with_text_engine(TextSearch(objects, keep, every, seconds))
    except UsageError as error:
        usage_error(str(error))


def load_profile(profile: str, options: str, **settings: Any) -> ConfidentialityProfile:
    """Return the profile that the command line names, or end the command with a usage error."""
    from profiles import ConfidentialityProfile, ProfileError, ProfileWarning

    try:
        if profile == "basic":
            return ConfidentialityProfile.default(options, **settings)
        if not Path(profile).is_file():
            usage_error("--profile must be basic, or a CSV, JSON or XML file")
        with warnings.catch_warnings():
            # reported below, in the chosen log format
            warnings.simplefilter("ignore", ProfileWarning)
            loaded = ConfidentialityProfile.from_file(profile, options, **settings)
    except ProfileError as error:
        usage_error(str(error))
    for idle in loaded.idle_rules:
        reporter.warn("idle-rule", idle)
    return loaded


def with_profile(command: Callable[..., None]) -> Callable[..., None]:
    """Add the profile options to ``command``, and pass them as one argument, ``profile``."""

    @functools.wraps(command)
    def wrapper(
        profile: str,
        options: str,
        patient_name: str | None,
        patient_id: str,
        date_shift: str | None,
        cap_ages: bool,
        strict: bool,
        safe_private: str | None,
        pixels: str | None,
        pixel_rules: tuple[str, ...],
        accept_rules: tuple[str, ...],
        rectangles: str | None,
        slide_labels: str,
        detect_text: str,
        keep_text: str,
        text_every: int,
        text_seconds: int,
        trust_burned_in_no: bool,
        pixel_risk: str | None,
        faces: str,
        screen: str,
        verdicts: str | None,
        **others: Any,
    ) -> None:
        chosen = load_profile(
            profile,
            options,
            patient_name=patient_name,
            patient_id=None if patient_id == "pseudonym" else patient_id,
            date_shift=date_shift,
            cap_ages=cap_ages,
            strict=strict,
            safe_private=safe_private,
            pixels=pixels,
            pixel_rules=pixel_rules or None,
            accept_rules=accept_rules,
            rectangles=rectangles,
            slide_labels=slide_labels,
            detect_text=text_search(detect_text, keep_text, text_every, text_seconds),
            trust_burned_in_no=trust_burned_in_no,
            pixel_risk=pixel_risk,
            faces=faces,
            screen=screen == "on",
            verdicts=verdicts,
        )
        command(profile=chosen, **others)

    return add_options(_PROFILE_OPTIONS)(wrapper)


def with_engine(command: Callable[..., None]) -> Callable[..., None]:
    """Add the engine options to ``command``, and pass them as one argument, ``engine``."""

    @functools.wraps(command)
    def wrapper(key: str, scope: str, uid_root: str | None, patient_table: str | None, **others: Any) -> None:
        command(engine=EngineOptions(key, scope, uid_root, patient_table), **others)

    return add_options(_ENGINE_OPTIONS)(wrapper)
