"""Configuration of the workers' engines: it travels in the job, and the key is read where it is used."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from anonymizer import Key, PatientTable, PatientTableError, SecretError
from anonymizer.internals import Engine, Seal, put_back_lines, text_engine_in_words
from profiles import ConfidentialityProfile

ReadFile = Callable[[str], bytes]
ReadSealed = Callable[[Seal], bytes]


@dataclass(frozen=True)
class EngineConfig:
    """Configuration of an engine. It goes into the job graph, so it names the key and never holds it.

    Attributes:
        profile: the policy, without the lines of its reviewed rectangles and verdicts.
        key_uri: where the key is, as ``Key.load`` takes it.
        key_id: the key's id: a worker that finds another key there must not go on with it.
        scope: enters the key's derivation.
        uid_root: root of new UIDs, None for 2.25.
        uid_hash_key_uri, uid_hash_key_id, uid_hash_scope: of the key by which original UIDs are hashed, where a map goes on that
            another key began; else empty.
        read_reviewed: returns the lines of the profile's reviewed rectangles and verdicts; None: it has none.
        searches_at_once: objects in which a process looks for text at the same time; on engines each core has a process.
        patient_table: path or URI of the lookup table by which patients are named, None for pseudonyms.
        patient_table_digest: keyed digest of the table.
        read: returns the content of a file on object storage.
    """

    profile: ConfidentialityProfile
    key_uri: str
    key_id: str
    scope: str = ""
    uid_root: str | None = None
    patient_table: str | None = None
    patient_table_digest: str = ""
    read: ReadFile | None = None
    uid_hash_key_uri: str = ""
    uid_hash_key_id: str = ""
    uid_hash_scope: str = ""
    read_reviewed: ReadSealed | None = None
    searches_at_once: int = 1

    def patients(self) -> PatientTable | None:
        """Return the table of patients, if there is one.

        Raises:
            PatientTableError: it can't be read or used.
        """
        if self.patient_table is None:
            return None
        return PatientTable.load(self.patient_table if self.read is None else self.read(self.patient_table))

    def engine(self) -> Engine:
        """Return the process's engine for this configuration.

        Raises:
            SecretError: the key can't be read or used, or isn't the one that the job was started with.
            TextEngineError: text is to be looked for, and not what the job was started with would find it.
            PatientTableError: as for the table of patients.
            SealError: the lines of reviewed rectangles are not as this run wrote them.
        """
        return _loaded(self).engine

    def seal(self) -> Seal:
        """Return the seal that makes and checks the codes of the audit's files.

        Raises:
            SecretError, PatientTableError, SealError: as for ``engine``.
        """
        return _loaded(self).seal


class TextEngineError(Exception):
    """An engine that finds text is missing, or is another one than it should be."""


class _Loaded(NamedTuple):
    """Engine and seal of a key: it is read once in a process, and not kept."""

    engine: Engine
    seal: Seal


_GARBAGE_THRESHOLDS = (50_000, 20, 100)


@lru_cache(maxsize=4)
def _loaded(config: EngineConfig) -> _Loaded:
    key = _key(config.key_uri, config.scope, config.key_id)
    hash_key = None
    if config.uid_hash_key_uri:
        hash_key = _key(config.uid_hash_key_uri, config.uid_hash_scope, config.uid_hash_key_id)
    patients = config.patients()
    if patients is not None and patients.digest(key) != config.patient_table_digest:
        raise PatientTableError("a worker found another table of patients than the job was started with")
    # all that is here by now stays: the garbage collector needn't go through it whenever an instance's records have piled up
    gc.freeze()
    # records are no garbage: to look for some each 700 records took a tenth of the time of a run that skips most objects
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    seal, profile = Seal(key), config.profile
    if config.read_reviewed is not None:
        profile = put_back_lines(profile, config.read_reviewed(seal))
    if (search := profile.pixels.text) is not None and search.engine != text_engine_in_words():
        raise TextEngineError("a worker has no engine that finds text, or another one than the job was started with")
    engine = Engine(
        profile,
        key,
        uid_root=config.uid_root,
        patients=patients,
        uid_hash_key=hash_key,
    )
    return _Loaded(engine, seal)


def _key(uri: str, scope: str, key_id: str) -> Key:
    key = Key.load(uri, scope)
    if key.key_id != key_id:
        raise SecretError("a worker found another key than the job was started with")
    return key
