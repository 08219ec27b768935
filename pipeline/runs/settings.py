"""The settings of a run in words: those that decide what leaves, and apart from them what names people or places."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from anonymizer import Key
from anonymizer.internals import KeyedHash, Purpose
from profiles import CustomRule, tags
from transforms import OutputFingerprint, RowConstants

from ..options import JobOptions

#: in ``run.json``: the settings in words
SETTINGS = "settings"
PROFILE_DIGEST = "profile_digest"
_HIDDEN = "(hidden)"
#: parts of rules' patterns that name no creator of private attributes, and nothing else that a person made up
_TAG_OR_VR = re.compile(r">?\s*(?:\(?[0-9A-Fa-fxX]{4},?[0-9A-Fa-fxX]{4}\)?|\{[A-Z]{2}\})\s*")
#: options whose values may be secrets themselves; those of this program name places
_SECRET = re.compile(
    r"--?[\w-]*(?:secret|password|passwd|token|credential|connection_string|access_key|account_key|sas)[\w-]*", re.I
)


@dataclass(frozen=True)
class Settings:
    """How a run makes what leaves.

    Attributes:
        made: what outputs must agree in that share a folder.
        words: all that decides what leaves, as ``run.json`` has it: nothing in it names a person or place.
        restricted: what names people or places, as ``run-restricted.json`` has it.
        making: how outputs are made now.
    """

    made: dict[str, Any]
    words: dict[str, Any]
    restricted: dict[str, Any]
    making: OutputFingerprint

    def constants(self, run_id: str, key_id: str) -> RowConstants:
        """What stands in each row."""
        return RowConstants(self.made[PROFILE_DIGEST], self.making.settings_digest, key_id, self.making.version, run_id)


def settings_of(options: JobOptions, made: Mapping[str, Any], key: Key) -> Settings:
    """The settings of a run.

    Args:
        made: what outputs must agree in, without what is keyed here.
    """
    profile = options.profile
    digest = Digests(key)
    made = {**made, PROFILE_DIGEST: digest.of(profile.digest)}
    settings_digest = digest.of(json.dumps(made, sort_keys=True))
    files = [_file(option, path, digest) for option, path in options.rule_files]
    words = {
        **{name: made[name] for name in ("edition", "options", "patients", "uid_root")},
        "strict": profile.strict,
        "cap_ages": profile.cap_ages,
        # in force with RetainLongModifDates, or a custom rule that moves dates
        "date_shift": str(profile.date_shift) if profile.shifts_dates else None,
        "patient_name": "text" if profile.patient_name is not None else "empty",
        "patient_id": "text" if profile.patient_id is not None else made["patients"],
        **profile.pixels.settings,
        "screen": profile.screen,
        "pixel_risk_digest": made["pixel_risk_digest"],
        "custom_rules": [_rule_in_words(rule) for rule in profile.custom],
        "weakening_rules": len(profile.weakening_rules),
        "more_safe_private": len(profile.safe_private),
        "files": [{"option": option, "digest": keyed} for option, keyed, _, _ in files],
        "scope_digest": digest.of(f"scope {options.scope}") if options.scope else None,
        "patient_table_digest": made["patient_table_digest"],
        "conflicts": options.conflicts,
        "replace_changed": options.replace_changed,
        "recheck": options.recheck,
        "object_metadata": options.object_metadata,
        "settings_digest": settings_digest,
    }
    return Settings(
        made,
        words,
        _restricted(options, [(option, path, plain) for option, _, path, plain in files]),
        OutputFingerprint(version("dicom-deid"), settings_digest, (made[PROFILE_DIGEST], profile.digest)),
    )


class Digests:
    """Keyed digests of settings: what is unkeyed can be guessed."""

    def __init__(self, key: Key) -> None:
        self._hash = KeyedHash(key.derive(Purpose.SETTINGS)).digest

    def of(self, text: str) -> str:
        """64 hex digits."""
        return self._hash(os.fsencode(text)).hex()

    def of_bytes(self, content: bytes) -> str:
        """64 hex digits for the content of a file."""
        return self.of(f"file {hashlib.sha256(content).hexdigest()}")


def _file(option: str, path: str, digest: Digests) -> tuple[str, str, str, str]:
    """Option, keyed digest, path and SHA-256 of a file with rules."""
    with open(path, "rb") as file:
        content = file.read()
    return option, digest.of_bytes(content), os.path.abspath(path), hashlib.sha256(content).hexdigest()


def _rule_in_words(rule: CustomRule) -> dict[str, Any]:
    parts = rule.pattern.text.split(">")
    is_plain = all(not part or _TAG_OR_VR.fullmatch(part) or part.strip() in tags() for part in parts)
    return {
        "pattern": rule.pattern.text if is_plain else "(pattern)",
        "actions": {option.name: action.value for option, action in rule.actions},
        "insists": rule.allows_weakening,
        "has_value": rule.value is not None,
    }


def _restricted(options: JobOptions, files: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    profile = options.profile
    return {
        "command": list(_without_secrets(sys.argv)),
        "working_directory": os.getcwd(),
        "host": platform.node(),
        "user": _user(),
        "inputs": list(options.inputs),
        "output": options.output,
        "audit": options.audit,
        "resume": options.resume,
        "key": options.key_uri,
        "scope": options.scope,
        "patient_table": options.patient_table,
        "uid_map": options.uid_map,
        "uid_map_key": options.uid_map_key,
        "uid_map_scope": options.uid_map_scope,
        "crosswalk": options.crosswalk,
        "crosswalk_certificate": options.crosswalk_certificate,
        "patient_name": profile.patient_name,
        "patient_id": profile.patient_id,
        "custom_rules": [{"rule": rule.origin, "value": rule.value} for rule in profile.custom],
        "files": [{"option": option, "path": path, "sha256": digest} for option, path, digest in files],
        "profile_sha256": profile.digest,
    }


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # a container's user may have no name
        return None


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    """A command line without values of options that may be secrets."""
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
