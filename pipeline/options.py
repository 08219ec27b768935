"""Settings of a run, in groups. Keys are named here, never stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from profiles import ConfidentialityProfile
    from storage import StorageOptions

#: objects of a group on one contact sheet: more pictures fill a browser's memory
MOST_SAMPLES = 50
#: the treatment of different objects with one SOPInstanceUID
Conflicts = Literal["quarantine", "keep-one"]


def _basic_profile() -> ConfidentialityProfile:
    from profiles import ConfidentialityProfile

    return ConfidentialityProfile()


def _default_storage() -> StorageOptions:
    from storage import StorageOptions

    return StorageOptions()


@dataclass(frozen=True)
class EngineOptions:
    """The engine's settings beside the profile.

    Attributes:
        key: place of the key, as ``Key.load`` takes it. ``""``: a local run makes its own key, and nobody can repeat its mapping.
        scope: text that enters the derivation from the key. Results of two scopes can't be linked.
        uid_root: root of new UIDs; None: 2.25 (PS3.5 section B.2).
        patient_table: path or URI of the table with patients' new names and IDs; None: keyed pseudonyms.
    """

    key: str = ""
    scope: str = ""
    uid_root: str | None = None
    patient_table: str | None = None


@dataclass(frozen=True)
class ContinuationOptions:
    """The runs that a run continues, and the limits of that.

    Attributes:
        resume: folder of the audit tables of the run to continue; ``""``: the run's own; None: process all objects.
        recheck: process again objects that another version or other settings wrote.
        replace_changed: replace the output of an object that changed.
        mixed_output: accept an output that was made with another profile or key.
        max_gone: percentage (0 to 100) of the objects that the last run listed under the same inputs and that may be gone.
        uid_map: folder of the audit tables of a run whose UID map is imported; None: no map is imported.
        uid_map_key: place of the key of that map, as ``Key.load`` takes it; None: the run's key.
        uid_map_scope: scope of that key; None: the run's scope.
    """

    resume: str | None = None
    recheck: bool = False
    replace_changed: bool = False
    mixed_output: bool = False
    max_gone: float = 10.0
    uid_map: str | None = None
    uid_map_key: str | None = None
    uid_map_scope: str | None = None


@dataclass(frozen=True)
class CrosswalkOptions:
    """Settings of the restricted crosswalk.

    Attributes:
        folder: path or URI of its folder; None: no crosswalk is written.
        certificate: path or URI of the X.509 certificate to which it is encrypted; None: it is not encrypted.
    """

    folder: str | None = None
    certificate: str | None = None


@dataclass(frozen=True)
class ContactSheetOptions:
    """Settings of the restricted contact sheets.

    Attributes:
        folder: path or URI of their folder; None: none are drawn.
        certificate: path or URI of the X.509 certificate to which they are encrypted; None: they are not encrypted.
        samples: number of objects drawn of each group, 1 to 50.
    """

    folder: str | None = None
    certificate: str | None = None
    samples: int = 12


@dataclass(frozen=True)
class CensusOptions:
    """Settings of the restricted census of the values that stay.

    Attributes:
        folder: path or URI of its folder; None: no census is made.
        certificate: path or URI of the X.509 certificate to which it is encrypted; None: it is not encrypted.
    """

    folder: str | None = None
    certificate: str | None = None


@dataclass(frozen=True)
class PlanOptions:
    """Settings of a plan: a run that tells what it would do, and writes nothing but its tables.

    Attributes:
        folder: path or URI of the folder for its tables; ``""``: beside the output, ``OUTPUT-plan``.
        diff: folder of the audit tables of an earlier run to compare with; None: none is compared.
    """

    folder: str = ""
    diff: str | None = None


@dataclass(frozen=True)
class JobOptions:
    """The settings of a run.

    Attributes:
        inputs: folders, prefixes, files, globs or manifests; paths or URIs.
        output: folder for the de-identified copy; path or URI.
        audit: folder for the audit tables; path or URI; ``""``: beside the output, ``OUTPUT-audit``.
        profile: the confidentiality profile.
        engine, continuation, crosswalk, sheets, census, storage: groups of settings.
        conflicts: treatment of different objects with one SOPInstanceUID: refuse all, or keep the least compressed one.
        object_metadata: on object storage, write the ids of source, key and run as metadata of each object.
        allow_empty: accept an input that lists no objects.
        beam_args: options of Beam, as on the command line.
        made_by: organisation or person who releases the data, for the report; ``""``: a line is left to fill in.
        rule_files: files from which the profile was made: the option that names each, and its path.
        plan: settings of a plan; None: objects are written.
    """

    inputs: Sequence[str]
    output: str
    audit: str = ""
    profile: ConfidentialityProfile = field(default_factory=_basic_profile)
    engine: EngineOptions = EngineOptions()
    continuation: ContinuationOptions = ContinuationOptions()
    crosswalk: CrosswalkOptions = CrosswalkOptions()
    sheets: ContactSheetOptions = ContactSheetOptions()
    census: CensusOptions = CensusOptions()
    storage: StorageOptions = field(default_factory=_default_storage)
    conflicts: Conflicts = "quarantine"
    object_metadata: bool = False
    allow_empty: bool = False
    beam_args: Sequence[str] = ()
    rule_files: Sequence[tuple[str, str]] = ()
    plan: PlanOptions | None = None
    made_by: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.inputs, str):
            # a str is a sequence of str, too
            object.__setattr__(self, "inputs", (self.inputs,))

    @property
    def keeps_one(self) -> bool:
        """True if one of several objects with one SOPInstanceUID is kept."""
        return self.conflicts == "keep-one"

    def name_of_input(self, number: int) -> str:
        """Return the name of an input for messages, which don't show its place: that may hold identifiers."""
        return "--input" if len(self.inputs) == 1 else f"--input number {number + 1}"
