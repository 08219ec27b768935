"""The settings of a run, in groups. Keys are named here, never held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from profiles import ConfidentialityProfile
    from storage import StorageOptions

#: what different objects with one SOPInstanceUID lead to
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
        key: where the key is, as ``Key.load`` takes it; ``""``: a local run makes one for itself, and nobody can repeat it.
        scope: enters the key's derivation: results of two scopes can't be linked.
        uid_root: root of new UIDs; None: 2.25.
        patient_table: file that names patients anew; None: keyed pseudonyms.
    """

    key: str = ""
    scope: str = ""
    uid_root: str | None = None
    patient_table: str | None = None


@dataclass(frozen=True)
class ContinuationOptions:
    """The runs that a run continues, and the limits of that.

    Attributes:
        resume: folder of the audit tables of the run to continue, ``""`` for the run's own; None: process all objects.
        recheck: process anew what another version or other settings made.
        replace_changed: replace the output of an object that changed.
        mixed_output: let an output hold what was made with other profiles or keys.
        max_gone: percentage of the objects of the last run under the same inputs that may be gone.
        uid_map: folder of the audit tables of a run whose UID map is imported; None: none is.
        uid_map_key: where the key of that map is; None: the run's key.
        uid_map_scope: its scope; None: the run's scope.
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
    """The restricted crosswalk.

    Attributes:
        folder: path or URI of its folder; None: no crosswalk is written.
        certificate: path or URI of the X.509 certificate to which it is encrypted; None: it is not encrypted.
    """

    folder: str | None = None
    certificate: str | None = None


@dataclass(frozen=True)
class JobOptions:
    """The settings of a run.

    Attributes:
        inputs: folders, prefixes, files, globs or manifests; paths or URIs.
        output: folder for the de-identified copy; path or URI.
        audit: folder for the audit tables; path or URI; ``""``: beside the output, ``OUTPUT-audit``.
        profile: the confidentiality profile.
        engine, continuation, crosswalk, storage: groups of settings.
        conflicts: what different objects with one SOPInstanceUID lead to: refuse all, or keep the least compressed.
        object_metadata: on object storage, write the ids of source, key and run beside each object.
        allow_empty: accept an input that lists no objects.
        beam_args: options of Beam, as on the command line.
        rule_files: files with rules that the profile was made of: the option that names each, and its path.
    """

    inputs: Sequence[str]
    output: str
    audit: str = ""
    profile: ConfidentialityProfile = field(default_factory=_basic_profile)
    engine: EngineOptions = EngineOptions()
    continuation: ContinuationOptions = ContinuationOptions()
    crosswalk: CrosswalkOptions = CrosswalkOptions()
    storage: StorageOptions = field(default_factory=_default_storage)
    conflicts: Conflicts = "quarantine"
    object_metadata: bool = False
    allow_empty: bool = False
    beam_args: Sequence[str] = ()
    rule_files: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        if isinstance(self.inputs, str):
            # a text is a sequence of texts, too
            object.__setattr__(self, "inputs", (self.inputs,))

    @property
    def keeps_one(self) -> bool:
        """True where one of several objects with one SOPInstanceUID is kept."""
        return self.conflicts == "keep-one"

    def name_of_input(self, number: int) -> str:
        """Return the name of an input for messages: its place may be an identifier."""
        return "--input" if len(self.inputs) == 1 else f"--input number {number + 1}"
