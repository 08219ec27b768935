"""The command line's options for a profile and for the engine, and the settings that they make."""

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
    from profiles import ConfidentialityProfile

_option = options_of("Profile (PS3.15 Annex E)")
_engine_option = options_of("Key and identity")
_PROFILE_OPTIONS = (
    _option(
        "--profile", default="basic", show_default=True, metavar="basic|FILE", help="basic, or custom rules: CSV, JSON, XML."
    ),
    _option("--options", default="", metavar="NAME,...", help="Options of PS3.15 Annex E, such as RetainUIDs."),
    _option("--patient-name", metavar="TEXT", help="PatientName for all; empty without this."),
    _option("--patient-id", default="pseudonym", show_default=True, metavar="TEXT|pseudonym", help="PatientID for all."),
    _option("--date-shift", metavar="RANGE", help="For RetainLongModifDates: -3650d..-30d/1d without this; units d, h, min, s."),
    _option("--cap-ages", is_flag=True, help="Ages over 89 become 90 years (HIPAA)."),
    _option("--strict", is_flag=True, help="Short strings (LO, SH) that no table names get a dummy, too."),
    _option(
        "--pixels",
        "--burned-in",
        type=click.Choice(["quarantine", "keep"]),
        default="quarantine",
        show_default=True,
        help="Objects whose pixels may show who somebody is, such as ultrasound and screen captures.",
    ),
    _option("--trust-burned-in-no", is_flag=True, help="BurnedInAnnotation NO clears ultrasound and secondary captures, too."),
    _option("--pixel-risk", metavar="FILE", help="CSV with more rows for the table of what is at risk."),
    _option(
        "--faces",
        type=click.Choice(["keep", "quarantine"]),
        default="keep",
        show_default=True,
        help="CT, MR and PET of heads, of which a rendering shows the face.",
    ),
    _option("--safe-private", metavar="FILE", help="For RetainSafePrivate: CSV of more safe private attributes."),
    _option(
        "--screen",
        type=click.Choice(["on", "off"]),
        default="on",
        show_default=True,
        help="Compare what stays with what is known of the patient; off is for comparison, and PatientIdentityRemoved is NO.",
    ),
)
_ENGINE_OPTIONS = (
    _engine_option(
        "--key",
        default="",
        metavar="URI",
        help="The secret: file:PATH, env:NAME or gcp-secret:RESOURCE; make one by dicom-deid key new.",
    ),
    _engine_option("--scope", default="", metavar="NAME", help="The same key under another scope gives unlinkable results."),
    _engine_option("--uid-root", metavar="OID", help="Your organisation's root for new UIDs; 2.25 without this."),
    _engine_option(
        "--patient-table", metavar="FILE", help="CSV or Parquet that names patients: PatientID,NewPatientID. Others are refused."
    ),
)


#: options that name a file with rules
_RULE_FILES = ("profile", "safe_private", "pixel_risk")


def rule_files(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The options that name a file with rules, and the files.

    Args:
        given: the command's parameters.
    """
    named = ((option, given.get(option)) for option in _RULE_FILES)
    return tuple((option, path) for option, path in named if path and (option, path) != ("profile", "basic"))


def load_profile(profile: str, options: str, **settings: Any) -> ConfidentialityProfile:
    """The profile that the command line names; ends the command where there is none."""
    from profiles import ConfidentialityProfile, ProfileError, ProfileWarning

    try:
        if profile == "basic":
            return ConfidentialityProfile.default(options, **settings)
        if not Path(profile).is_file():
            usage_error("--profile: basic, or a CSV, JSON or XML file")
        with warnings.catch_warnings():
            # said below, as this command says things
            warnings.simplefilter("ignore", ProfileWarning)
            loaded = ConfidentialityProfile.from_file(profile, options, **settings)
    except ProfileError as error:
        usage_error(str(error))
    for idle in loaded.idle_rules:
        reporter.warn("idle-rule", idle)
    return loaded


def with_profile(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the profile options, and hand them to it as one ``profile``."""

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
        pixels: str,
        trust_burned_in_no: bool,
        pixel_risk: str | None,
        faces: str,
        screen: str,
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
            trust_burned_in_no=trust_burned_in_no,
            pixel_risk=pixel_risk,
            faces=faces,
            screen=screen == "on",
        )
        command(profile=chosen, **others)

    return add_options(_PROFILE_OPTIONS)(wrapper)


def with_engine(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options for the engine, and hand them to it as one ``engine``."""

    @functools.wraps(command)
    def wrapper(key: str, scope: str, uid_root: str | None, patient_table: str | None, **others: Any) -> None:
        command(engine=EngineOptions(key, scope, uid_root, patient_table), **others)

    return add_options(_ENGINE_OPTIONS)(wrapper)
