"""The runs that a run continues: those that were killed, the last one that came to its end, and one whose UID map is imported."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from anonymizer import Key, SecretError
from anonymizer.internals import Seal
from storage import Folder, StorageError
from transforms import LEDGER, SCHEMA_VERSION, EarlierRun, LedgerFile, OutputFingerprint, SealError, ledger_file

from ..errors import UsageError
from ..events import reporter
from ..options import JobOptions
from .audit import RUN_FILE, Audit, check_names
from .digests import digest_of_place

#: fields of ``origin`` in ``run.json``: keyed digest of the crosswalk's place; ids of the inputs, by their ordinals; keyed digest
#: of all that decides how objects are written or refused; id of the key by which original UIDs are hashed
CROSSWALK_DIGEST, INPUTS, WORK_DIGEST, UID_HASH_KEY = "crosswalk_digest", "inputs", "making", "uid_hash_key_id"


def unfinished_work(audit: Folder, alive: Collection[str]) -> tuple[LedgerFile, ...]:
    """Return the ledgers of runs that did not come to their end.

    Args:
        alive: ids of runs that may still do so.

    Raises:
        StorageError: the audit can't be listed.
    """
    found = filter(None, map(ledger_file, audit.names(f"{LEDGER}-")))
    return tuple(file for file in found if file.run_id not in alive)


def continued_run(
    options: JobOptions, audit: Audit, key: Key, work_digest: str, fingerprint: OutputFingerprint
) -> EarlierRun | None:
    """Return the run that ``--resume`` continues; None where it isn't asked for, or there is none yet.

    Args:
        key: the run's own.
        work_digest, fingerprint: as in the run's Provenance.

    Raises:
        UsageError: it can't be continued.
    """
    resume = options.continuation.resume
    if resume is None:
        return None
    folder = Folder(resume, options.storage) if resume else audit.folder
    account = _account(Audit(folder, audit.seals), "--resume")
    if account is None:
        if resume:
            reporter.warn("no-earlier-run", "--resume: no account is in that folder: nothing is skipped, and all counts as new.")
        return None
    origin = account["origin"]
    if account["key_id"] != key.key_id:
        raise UsageError("--resume: that run had another key, by which nothing of it is known again")
    crosswalk = options.crosswalk.folder
    if crosswalk is not None and origin.get(CROSSWALK_DIGEST) != digest_of_place(crosswalk, key):
        raise UsageError(
            "--resume: that run has no rows in this crosswalk, and what is skipped would be missing; run once without --resume"
        )
    run = _run(folder, account, same_work_digest=origin.get(WORK_DIGEST) == work_digest)
    return run._replace(recheck=fingerprint) if options.continuation.recheck else run


def _run(folder: Folder, account: dict[str, Any], *, same_work_digest: bool, same_key: bool = True) -> EarlierRun:
    run = EarlierRun(folder, account["run_id"], account["tables"], account["table_digests"], same_work_digest, same_key)
    listed = account.get("inputs", {})
    # what is counted under no input is of a version that had none in its tables
    listed = {**listed, "": run.objects - sum(listed.values())}
    return run._replace(inputs=tuple(account["origin"].get(INPUTS, ())), listed=listed)


def replaced_run(options: JobOptions, audit: Audit, key: Key) -> EarlierRun | None:
    """Return the run whose account a run without ``--resume`` replaces; None where there is none, or of another key.

    A run of an older version doesn't count: nobody knows whether it had the same inputs.

    Raises:
        UsageError: it can't be read.
    """
    if options.continuation.resume is not None:
        return None
    try:
        account, _ = audit.read(RUN_FILE)
        check_names(account)
        is_own = account["key_id"] == key.key_id and INPUTS in account["origin"]
    except StorageError as error:
        raise UsageError(f"--audit: {error}") from None
    except (FileNotFoundError, SealError, ValueError, KeyError, TypeError):
        # what it goes on with was checked before
        return None
    return _run(audit.folder, account, same_work_digest=False) if is_own else None


def known_objects(options: JobOptions) -> int:
    """Return how many objects the run knows that ``--resume`` continues, by its account, which isn't checked yet: the number
    decides about processes alone. 0 where it can't be read: ``continued_run`` says why.
    """
    resume = options.continuation.resume
    if resume is None:
        return 0
    try:
        account, _ = Folder(resume or options.audit, options.storage).read_json(RUN_FILE)
        return int(account["listed"])
    except (StorageError, FileNotFoundError, KeyError, TypeError, ValueError, OverflowError):
        return 0


class ImportedUidMap(NamedTuple):
    """The UID map of an earlier run, which goes on under a new key.

    Attributes:
        run: the run that made it.
        key_uri, scope, key_id, seal: of the key by which its originals are hashed.
    """

    run: EarlierRun
    key_uri: str
    scope: str
    key_id: str
    seal: Seal

    def hash_key(self, key_id: str) -> dict[str, str]:
        """Return the fields of EngineConfig for its key; none where that is the run's own key."""
        if self.key_id == key_id:
            return {}
        return {"uid_hash_key_uri": self.key_uri, "uid_hash_key_id": self.key_id, "uid_hash_scope": self.scope}


def imported_uid_map(options: JobOptions, key_uri: str, key_id: str) -> ImportedUidMap | None:
    """Return the UID map that ``--uid-map`` names; None where none is named.

    Args:
        key_uri, key_id: of the run's own key.

    Raises:
        UsageError: it can't be imported, or its key can't be used.
    """
    continuation = options.continuation
    if continuation.uid_map is None:
        if continuation.uid_map_key is not None or continuation.uid_map_scope is not None:
            raise UsageError("--uid-map-key and --uid-map-scope need --uid-map")
        return None
    if options.crosswalk.folder is not None:
        # its rows are written before the map is known whole
        raise UsageError("--crosswalk can't be had together with --uid-map")
    scope = options.engine.scope if continuation.uid_map_scope is None else continuation.uid_map_scope
    uri = continuation.uid_map_key or key_uri
    try:
        key = Key.load(uri, scope)
    except SecretError as error:
        raise UsageError(f"--uid-map-key: {error}") from None
    folder = Folder(continuation.uid_map, options.storage)
    hash_key = _unchecked_hash_key(folder)
    if hash_key is not None and hash_key != key.key_id:
        raise UsageError("--uid-map-key is not the key by which that map's UIDs are hashed, or has another scope")
    seal = Seal(key)
    account = _account(Audit(folder, (seal,)), "--uid-map")
    if account is None:
        raise UsageError(f"--uid-map: there is no {RUN_FILE}")
    run = _run(folder, account, same_work_digest=False, same_key=account["key_id"] == key_id)
    return ImportedUidMap(run, uri, scope, key.key_id, seal)


def _unchecked_hash_key(folder: Folder) -> str | None:
    """Return the key id that the account names, before the account is checked: it tells a wrong key from a changed account."""
    try:
        account, _ = folder.read_json(RUN_FILE)
        return str(account["origin"][UID_HASH_KEY])
    except (StorageError, FileNotFoundError, KeyError, TypeError, ValueError):
        return None


def _account(audit: Audit, option: str) -> dict[str, Any] | None:
    try:
        account, _ = audit.read(RUN_FILE)
        if account["origin"]["schema_version"] != SCHEMA_VERSION:
            raise UsageError(f"{option}: that run's tables are of another version")
        check_names(account)
        _ = account["key_id"]
    except FileNotFoundError:
        return None
    except (StorageError, SealError) as error:
        raise UsageError(f"{option}: {error}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{option}: {RUN_FILE} can't be read") from None
    return account
