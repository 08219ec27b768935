"""The provenance of a run's outputs: settings, key, versions, and the runs that it continues."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from anonymizer import Key
from anonymizer.internals import SERIES, SOP_INSTANCE, STUDY
from profiles import EDITION, ConfidentialityProfile
from storage import is_inside
from transforms import SCHEMA_VERSION, EarlierRuns, OutputFingerprint, RowConstants

from ..options import JobOptions
from .digests import Digests, digest_of_place, keyed_text
from .earlier_runs import CROSSWALK_DIGEST, INPUTS, UID_HASH_KEY, WORK_DIGEST, ImportedUidMap
from .settings import PROFILE_DIGEST, SETTINGS, restricted_settings, settings_in_words

#: fields of ``origin`` in ``run.json``: ids of the killed runs whose work was recovered, and id of the continued run
TAKES_UP, RESUMES = "takes_up", "resumes"
#: field of ``origin``: the time at which the run began
STARTED = "started"
#: field of ``output.json``: id of the run whose UID map was imported
UID_MAP_RUN = "uid_map"
#: fields of ``output.json`` that earlier versions didn't write: their profile digest covered the same, or nothing did
NEW_FIELDS = ("patient_table_digest", "uid_actions")
_COMPATIBILITY = (
    *(UID_HASH_KEY, UID_MAP_RUN, "schema_version", "edition", "options", "pixels", "trust_burned_in_no", "faces"),
    *("pixel_risk_digest", "patients", "patient_table_digest", "key_id", "uid_root", "uid_actions", PROFILE_DIGEST),
)


@dataclass(frozen=True)
class Provenance:
    """Provenance of a run's outputs. Only ``restricted`` names persons and places.

    Attributes:
        compatibility: the content of ``output.json``. Runs that differ in it can't share an output.
        settings: every setting that decides what leaves, in words, as ``run.json`` has it.
        restricted: settings that name persons or places, as ``run-restricted.json`` has them.
        fingerprint: version and settings in rows of the audit tables.
        work_digest: keyed digest of all settings that decide how objects are written or refused. The work of a run with the same
            digest can be continued.
        facts: other fields of ``origin`` in ``run.json``.
    """

    compatibility: Mapping[str, Any]
    settings: Mapping[str, Any]
    restricted: Mapping[str, Any]
    fingerprint: OutputFingerprint
    work_digest: str
    facts: Mapping[str, Any]

    @classmethod
    def of(
        cls, options: JobOptions, key: Key, uid_map: ImportedUidMap | None = None, patient_table_digest: str = ""
    ) -> "Provenance":
        """Return the provenance of a run with these settings.

        Args:
            uid_map: the imported UID map.
            patient_table_digest: keyed digest of the lookup table of patients; ``""`` without a table.
        """
        digests = Digests(key)
        compatibility = _compatibility(options, key, digests, uid_map, patient_table_digest)
        settings_digest = digests.of(json.dumps(compatibility, sort_keys=True))
        own_version = version("dicom-deid")
        return cls(
            compatibility=compatibility,
            settings=settings_in_words(options, compatibility, digests, settings_digest),
            restricted=restricted_settings(options),
            fingerprint=OutputFingerprint(own_version, settings_digest, (compatibility[PROFILE_DIGEST], options.profile.digest)),
            work_digest=_work_digest(options, compatibility, own_version, key),
            facts={
                # whether there is one, but not its place
                "crosswalk": options.crosswalk.folder is not None,
                CROSSWALK_DIGEST: digest_of_place(options.crosswalk.folder, key),
                # recipients of the output get the audit, too
                "audit_in_output": is_inside(options.audit, options.output),
                "allow_empty": options.allow_empty,
                "max_gone": options.continuation.max_gone,
                "version": own_version,
                "python": platform.python_version(),
                **{name: version(name) for name in ("apache-beam", "pydicom", "pyarrow")},
            },
        )

    @property
    def key_id(self) -> str:
        """The id of the run's key."""
        return str(self.compatibility["key_id"])

    def row_constants(self, run_id: str) -> RowConstants:
        """Return the values that each row of ``instances-*.parquet`` has."""
        digest = self.fingerprint.settings_digest
        return RowConstants(self.compatibility[PROFILE_DIGEST], digest, self.key_id, self.fingerprint.version, run_id)

    def origin(
        self,
        runner: str,
        earlier: EarlierRuns,
        inputs: Sequence[str] = (),
        started: str = "",
        restricted: str | None = None,
    ) -> dict[str, Any]:
        """Return ``origin`` of ``run.json``, with ``settings``, which become a field of their own there.

        Args:
            runner: the name of Beam's runner.
            earlier: the runs that this one continues.
            inputs: ids of the inputs, by ordinal.
            started: when the run began (ISO 8601).
            restricted: name of the file with restricted settings; None: there is none.
        """
        return {
            STARTED: started,
            **self.compatibility,
            SETTINGS: {**self.settings, "restricted": restricted},
            "runner": runner,
            **self.facts,
            INPUTS: list(inputs),
            WORK_DIGEST: self.work_digest,
            TAKES_UP: sorted({file.run_id for file in earlier.ledgers}),
            RESUMES: earlier.run and earlier.run.run_id,
        }


def compatibility_of(origin: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of ``output.json`` for an ``origin`` of ``run.json``."""
    return {name: origin[name] for name in _COMPATIBILITY}


def uid_actions(profile: ConfidentialityProfile) -> str:
    """Return the actions on StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID, which make the names of outputs."""
    return "/".join(profile.decide(tag).action.value for tag in (STUDY, SERIES, SOP_INSTANCE))


def _compatibility(
    options: JobOptions, key: Key, digests: Digests, uid_map: ImportedUidMap | None, patient_table_digest: str
) -> dict[str, Any]:
    profile, engine = options.profile, options.engine
    risk_digest, of_pixels = profile.pixels.digest, profile.pixels.settings
    return {
        UID_HASH_KEY: uid_map.key_id if uid_map else key.key_id,
        UID_MAP_RUN: uid_map and uid_map.run.run_id,
        "schema_version": SCHEMA_VERSION,
        "edition": EDITION,
        "options": profile.options.names(),
        # the profile's digest covers rules and rectangles
        **{name: of_pixels[name] for name in ("pixels", "trust_burned_in_no", "faces")},
        "pixel_risk_digest": digests.of(risk_digest) if risk_digest else None,
        "patients": "pseudonym" if engine.patient_table is None else "table",
        "patient_table_digest": patient_table_digest or None,
        "key_id": key.key_id,
        "uid_root": engine.uid_root or "2.25",
        "uid_actions": uid_actions(profile),
        PROFILE_DIGEST: digests.of(profile.digest),
    }


def _work_digest(options: JobOptions, compatibility: Mapping[str, Any], own_version: str, key: Key) -> str:
    more = {
        "version": own_version,
        # objects that a run scanned without a crosswalk, or with another one, have no rows in this one
        "crosswalk": [options.crosswalk.folder, options.crosswalk.certificate],
        # with another choice, refused objects may be accepted
        "conflicts": [options.conflicts, options.continuation.replace_changed],
    }
    return keyed_text(json.dumps([compatibility, more], sort_keys=True), key)
