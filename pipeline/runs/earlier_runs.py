"""Runs that a run continues: killed ones, the last finished one, and one whose UID map is imported."""

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

#: fields of ``origin`` in ``run.json``: keyed digest of the crosswalk's place; ids of the inputs, by ordinal; keyed digest of all
#: settings that decide how objects are written or refused; id of the key by which original UIDs are hashed
CROSSWALK_DIGEST, INPUTS, WORK_DIGEST, UID_HASH_KEY = "crosswalk_digest", "inputs", "making", "uid_hash_key_id"


def unfinished_work(audit: Folder, alive: Collection[str]) -> tuple[LedgerFile, ...]:
    """Return the ledgers of killed runs.

    Args:
        alive: ids of runs that are still at work.

    Raises:
        StorageError: the audit can't be listed.
    """
    found = filter(None, map(ledger_file, audit.names(f"{LEDGER}-")))
    return tuple(file for file in found if file.run_id not in alive)


def continued_run(
    options: JobOptions, audit: Audit, key: Key, work_digest: str, fingerprint: OutputFingerprint
) -> EarlierRun | None:
    """Return the run that ``--resume`` continues; None without ``--resume``, or before the first run.

    Args:
        key: the key of the new run.
        work_digest, fingerprint: as in the new run's Provenance.

    Raises:
        UsageError: the run can't be continued.
    """
    resume = options.continuation.resume
    if resume is None:
        return None
    folder = Folder(resume, options.storage) if resume else audit.folder
    account = _account(Audit(folder, audit.seals), "--resume")
    if account is None:
        if resume:
            reporter.warn(
                "no-earlier-run",
                "--resume: the folder has no run.json, so no object is skipped and all count as new. Check the folder's name.",
            )
        return None
    origin = account["origin"]
    if account["key_id"] != key.key_id:
        raise UsageError("--resume: that run had another key, so its objects can't be recognized: give its --key and --scope")
    crosswalk = options.crosswalk.folder
    if crosswalk is not None and origin.get(CROSSWALK_DIGEST) != digest_of_place(crosswalk, key):
        raise UsageError(
            "--resume: that run wrote no rows to this crosswalk, so skipped objects would be missing: run once without --resume"
        )
    run = _run(folder, account, same_work_digest=origin.get(WORK_DIGEST) == work_digest)
    return run._replace(recheck=fingerprint) if options.continuation.recheck else run


def _run(folder: Folder, account: dict[str, Any], *, same_work_digest: bool, same_key: bool = True) -> EarlierRun:
    run = EarlierRun(folder, account["run_id"], account["tables"], account["table_digests"], same_work_digest, same_key)
    listed = account.get("inputs", {})
    # objects counted under no input are of a version whose tables had no inputs
    listed = {**listed, "": run.objects - sum(listed.values())}
    return run._replace(inputs=tuple(account["origin"].get(INPUTS, ())), listed=listed)


def replaced_run(options: JobOptions, audit: Audit, key: Key) -> EarlierRun | None:
    """Return the run whose account a run without ``--resume`` replaces; None if there is none, or it has another key.

    Runs of older versions are ignored: they didn't record their inputs.

    Raises:
        UsageError: the audit can't be read.
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
        # not needed to run: check_mark has checked the audit
        return None
    return _run(audit.folder, account, same_work_digest=False) if is_own else None


def known_objects(options: JobOptions) -> int:
    """Return the number of objects of the run that ``--resume`` continues; 0 if its account can't be read.

    The account isn't checked yet: the number only decides about worker processes. ``continued_run`` reports what is wrong.
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
    """UID map of an earlier run, imported into a run that may have another key.

    Attributes:
        run: the run that made the map.
        key_uri, scope, key_id, seal: those of the key by which the map's original UIDs are hashed.
    """

    run: EarlierRun
    key_uri: str
    scope: str
    key_id: str
    seal: Seal

    def hash_key(self, key_id: str) -> dict[str, str]:
        """Return the fields of EngineConfig about the map's key; none if ``key_id``, the run's own key, is the same."""
        if self.key_id == key_id:
            return {}
        return {"uid_hash_key_uri": self.key_uri, "uid_hash_key_id": self.key_id, "uid_hash_scope": self.scope}


def imported_uid_map(options: JobOptions, key_uri: str, key_id: str) -> ImportedUidMap | None:
    """Return the UID map that ``--uid-map`` names; None without it.

    Args:
        key_uri, key_id: place and id of the run's own key.

    Raises:
        UsageError: the map can't be imported, or its key can't be used.
    """
    continuation = options.continuation
    if continuation.uid_map is None:
        if continuation.uid_map_key is not None or continuation.uid_map_scope is not None:
            raise UsageError("--uid-map-key and --uid-map-scope need --uid-map")
        return None
    if options.crosswalk.folder is not None:
        # a crosswalk's rows are written before the imported map is complete
        raise UsageError("--crosswalk and --uid-map exclude each other")
    scope = options.engine.scope if continuation.uid_map_scope is None else continuation.uid_map_scope
    uri = continuation.uid_map_key or key_uri
    try:
        key = Key.load(uri, scope)
    except SecretError as error:
        raise UsageError(f"--uid-map-key: {error}") from None
    folder = Folder(continuation.uid_map, options.storage)
    hash_key = _unchecked_hash_key(folder)
    if hash_key is not None and hash_key != key.key_id:
        raise UsageError("--uid-map-key is not the key by which that map is hashed, or its --uid-map-scope was another one")
    seal = Seal(key)
    account = _account(Audit(folder, (seal,)), "--uid-map")
    if account is None:
        raise UsageError(f"--uid-map: the folder has no {RUN_FILE}: name the folder of a run's audit tables")
    run = _run(folder, account, same_work_digest=False, same_key=account["key_id"] == key_id)
    return ImportedUidMap(run, uri, scope, key.key_id, seal)


class ComparedRun(NamedTuple):
    """A finished run that a plan is compared with.

    Attributes:
        run: the run.
        audit: its audit, with the seals of the plan's keys.
    """

    run: EarlierRun
    audit: Audit


def compared_run(options: JobOptions, seals: tuple[Seal, ...], key_id: str) -> ComparedRun | None:
    """Return the run that ``--diff`` names; None without it.

    Args:
        seals, key_id: those of the plan's keys, and the id of its own.

    Raises:
        UsageError: the plan can't be compared with it.
    """
    if options.plan is None or options.plan.diff is None:
        return None
    audit = Audit(Folder(options.plan.diff, options.storage), seals)
    account = _account(audit, "--diff")
    if account is None:
        raise UsageError(f"--diff: the folder has no {RUN_FILE}: name the folder of a run's audit tables")
    if account["key_id"] != key_id:
        raise UsageError("--diff: that run had another key, so its objects can't be recognized: give its --key and --scope")
    return ComparedRun(_run(audit.folder, account, same_work_digest=False), audit)


def _unchecked_hash_key(folder: Folder) -> str | None:
    """Return the key id in the unchecked account, so that a wrong key gets another message than a changed account."""
    try:
        account, _ = folder.read_json(RUN_FILE)
        return str(account["origin"][UID_HASH_KEY])
    except (StorageError, FileNotFoundError, KeyError, TypeError, ValueError):
        return None


def _account(audit: Audit, option: str) -> dict[str, Any] | None:
    try:
        account, _ = audit.read(RUN_FILE)
        if account["origin"]["schema_version"] != SCHEMA_VERSION:
            raise UsageError(f"{option}: the tables of that run were written by another version of this program")
        check_names(account)
        _ = account["key_id"]
    except FileNotFoundError:
        return None
    except (StorageError, SealError) as error:
        raise UsageError(f"{option}: {error}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{option}: {RUN_FILE} can't be read: restore it from a copy of the audit") from None
    return account
