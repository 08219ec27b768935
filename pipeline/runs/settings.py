"""Settings of a run in words: those that decide what leaves, and separately those that name persons or places."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from profiles import CustomRule, PixelPolicy, Verdicts, tags

from ..options import JobOptions
from .digests import Digests

#: field of ``run.json``: the settings in words
SETTINGS = "settings"
PROFILE_DIGEST = "profile_digest"
_HIDDEN = "(hidden)"
#: parts of rules' patterns without free text, such as a private creator
_TAG_OR_VR = re.compile(r">?\s*(?:\(?[0-9A-Fa-fxX]{4},?[0-9A-Fa-fxX]{4}\)?|\{[A-Z]{2}\})\s*")
#: options of Beam whose values may be secrets; options of this program only name the places of secrets
_SECRET = re.compile(
    r"--?[\w-]*(?:secret|password|passwd|token|credential|connection_string|access_key|account_key|sas)[\w-]*", re.I
)


def settings_in_words(
    options: JobOptions, compatibility: Mapping[str, Any], digests: Digests, settings_digest: str
) -> dict[str, Any]:
    """Return every setting that decides what leaves, for ``run.json``. None of the values names a person or place.

    Args:
        compatibility: the content of ``output.json``.
        settings_digest: keyed digest of ``compatibility``.
    """
    profile, engine, continuation = options.profile, options.engine, options.continuation
    return {
        **{name: compatibility[name] for name in ("edition", "options", "patients", "uid_root")},
        "strict": profile.strict,
        "cap_ages": profile.cap_ages,
        # in force with RetainLongModifDates, or a custom rule that moves dates
        "date_shift": str(profile.date_shift) if profile.shifts_dates else None,
        "patient_name": "text" if profile.patient_name is not None else "empty",
        "patient_id": "text" if profile.patient_id is not None else compatibility["patients"],
        **_pixels_in_words(profile.pixels, digests),
        "screen": profile.screen,
        "verdicts": _verdicts_in_words(profile.verdicts, digests),
        "pixel_risk_digest": compatibility["pixel_risk_digest"],
        "custom_rules": [_rule_in_words(rule) for rule in profile.custom],
        "weakening_rules": len(profile.weakening_rules) + (profile.verdicts.allowed if profile.verdicts else 0),
        "more_safe_private": len(profile.safe_private),
        "files": [{"option": option, "digest": digests.of_bytes(_content(path))} for option, path in options.rule_files],
        "scope_digest": digests.of(f"scope {engine.scope}") if engine.scope else None,
        "patient_table_digest": compatibility["patient_table_digest"],
        "conflicts": options.conflicts,
        "replace_changed": continuation.replace_changed,
        "recheck": continuation.recheck,
        "object_metadata": options.object_metadata,
        "settings_digest": settings_digest,
    }


def restricted_settings(options: JobOptions) -> dict[str, Any]:
    """Return the settings that name persons or places, and the command line, for ``run-restricted.json``."""
    profile, engine, continuation = options.profile, options.engine, options.continuation
    return {
        "command": list(_without_secrets(sys.argv)),
        "working_directory": os.getcwd(),
        "host": platform.node(),
        "user": _user(),
        "inputs": list(options.inputs),
        "output": options.output,
        "audit": options.audit,
        "resume": continuation.resume,
        "key": engine.key,
        "scope": engine.scope,
        "patient_table": engine.patient_table,
        "uid_map": continuation.uid_map,
        "uid_map_key": continuation.uid_map_key,
        "uid_map_scope": continuation.uid_map_scope,
        "crosswalk": options.crosswalk.folder,
        "crosswalk_certificate": options.crosswalk.certificate,
        "contact_sheets": options.sheets.folder,
        "contact_sheet_certificate": options.sheets.certificate,
        "census": options.census.folder,
        "census_certificate": options.census.certificate,
        "made_by": options.made_by,
        "patient_name": profile.patient_name,
        "patient_id": profile.patient_id,
        "custom_rules": [{"rule": rule.origin, "value": rule.value} for rule in profile.custom],
        "files": [
            {"option": option, "path": os.path.abspath(path), "sha256": hashlib.sha256(_content(path)).hexdigest()}
            for option, path in options.rule_files
        ],
        "profile_sha256": profile.digest,
    }


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _pixels_in_words(policy: PixelPolicy, digests: Digests) -> dict[str, Any]:
    """Return the settings of the pixel policy, with keyed digests: unkeyed ones of short files can be guessed."""
    found = policy.settings
    del found["pixel_rules_digest"]
    keyed = [{**source, "digest": digests.of(source["digest"])} for source in found["pixel_rules"]]
    reviewed = found["rectangles"] and {**found["rectangles"], "digest": digests.of(found["rectangles"]["digest"])}
    return {"text": None, **found, "pixel_rules": keyed, "rectangles": reviewed}


def _verdicts_in_words(verdicts: Verdicts | None, digests: Digests) -> dict[str, Any] | None:
    if verdicts is None:
        return None
    counts = {"values": verdicts.count, "allowed": verdicts.allowed}
    return {"digest": digests.of(verdicts.digest), **counts, "reviewers": list(verdicts.reviewers)}


def _rule_in_words(rule: CustomRule) -> dict[str, Any]:
    parts = rule.pattern.text.split(">")
    is_plain = all(not part or _TAG_OR_VR.fullmatch(part) or part.strip() in tags() for part in parts)
    return {
        "pattern": rule.pattern.text if is_plain else "(pattern)",
        "actions": {option.name: action.value for option, action in rule.actions},
        "insists": rule.allows_weakening,
        "has_value": rule.value is not None,
    }


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # a container's user may have no name
        return None


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the arguments of a command line, with secret values hidden."""
    hide = False
    for argument in arguments:
        if hide:
            yield _HIDDEN
            hide = False
            continue
        flag, equals, _ = argument.partition("=")
        if _SECRET.fullmatch(flag):
            hide = not equals
            argument = f"{flag}={_HIDDEN}" if equals else flag
        yield argument
