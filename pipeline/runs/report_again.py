"""Reports of finished runs, made anew from their tables."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.internals import Seal
from storage import Folder, StorageError
from transforms import EARLIER, INSTANCES_TABLE, SHEETS, SealError, TableError, checked_table, is_run_id

from ..errors import RunError, UsageError
from ..reports.content import KeptValues
from ..reports.pictures import SheetPictures, pictures_of
from ..reports.sampling import DrawnPatient, Sample
from ..reports.tally import TableTally, Tally
from . import restricted
from .audit import RUN_FILE, Audit, check_names
from .census import CensusFolder, kept_values
from .statuses import is_in_output

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: name under which patients get their places in the drawn order
_SAMPLE = "review-sample"
_CODE_DIGITS = 16
_ENCRYPTED = ".p7m"
_CHECKED = "The code of the account by the run's key, and the digests of all tables, were checked."
_UNCHECKED = (
    "Not checked: without the run's key nobody can tell who wrote the account. The digests of the tables fit the account."
)


@dataclass(frozen=True)
class FinishedRun:
    """A finished run whose report is made anew.

    Attributes:
        audit: its audit; without seals nothing is authenticated.
        folder: folder of its account within the audit, ``""`` or ``earlier/RUN``.
        account: content of ``run.json``.
    """

    audit: Audit
    folder: str
    account: dict[str, Any]

    @property
    def authenticity(self) -> str:
        """A sentence on how the account was checked."""
        return _CHECKED if self.audit.seals else _UNCHECKED

    def tables(self, kinds: Sequence[str] = ()) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of each table file, whose digest is checked.

        Args:
            kinds: kinds of tables; none: all.

        Raises:
            RunError: one can't be read, or isn't the one that the run wrote.
        """
        for name in self.account["tables"]:
            if not kinds or name.split("-", 1)[0] in kinds:
                try:
                    yield name, checked_table(self.audit.folder, name, self.account["table_digests"][name])
                except TableError as error:
                    raise RunError(f"--audit: {error}") from None
                except StorageError as error:
                    raise RunError(f"--audit: a table can't be read: {error}") from None

    def restricted(self, decrypted: Callable[[bytes], bytes] | None = None) -> dict[str, Any] | None:
        """Return the restricted settings; None where there are none, or they can't be opened.

        Raises:
            RunError: the file was changed, or belongs to another run.
        """
        try:
            found = restricted.published(self.audit, self.folder, decrypted)
        except (SealError, StorageError) as error:
            raise RunError(f"--audit: {error}") from None
        if found is not None and found.get("run_id") != self.account["run_id"]:
            raise RunError("--audit: the restricted settings are of another run: restore them from a copy of the audit")
        return found


class Counted(NamedTuple):
    """The tally of a run, and objects whose actions are in no table at hand."""

    tally: Tally
    actions_missing: int


def load_finished(folder: Folder, seals: tuple[Seal, ...], run_id: str = "") -> FinishedRun:
    """Return a finished run.

    Args:
        seals: of the run's key; none: nothing is authenticated.
        run_id: id of a run in ``earlier/``; ``""``: the last one.

    Raises:
        UsageError: there is no such account, or it is not by this key.
    """
    audit = Audit(folder, seals)
    if run_id and not is_run_id(run_id):
        raise UsageError("--run: not an id of a run")
    for place in ("", f"{EARLIER}/{run_id}") if run_id else ("",):
        name = f"{place}/{RUN_FILE}" if place else RUN_FILE
        try:
            account = audit.read(name)[0] if seals else folder.read_json(name)[0]
            check_names(account)
            {**account["counts"], **account["origin"]}  # both are objects
        except FileNotFoundError:
            continue
        except (StorageError, SealError) as error:
            raise UsageError(f"--audit: {error}") from None
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"--audit: {RUN_FILE} can't be read: restore it from a copy of the audit") from None
        if not run_id or account["run_id"] == run_id:
            return FinishedRun(audit, place, account)
    if run_id:
        raise UsageError("--run: the audit has no account of that run")
    raise UsageError(f"--audit: the folder has no {RUN_FILE}: name the folder of a run's audit tables")


def count(run: FinishedRun) -> Counted:
    """Count the tables of a run, and the actions of skipped objects in the tables of earlier runs that are there.

    Raises:
        RunError: a table can't be read, or isn't the one that the run wrote.
    """
    tally, counted = TableTally(follows_earlier=True), 0
    try:
        for name, content in run.tables():
            tally.add(name, content)
        for earlier in sorted(tally.skipped_by_run):
            counted += _add_earlier(run, tally, earlier)
        result = tally.result()
    except (pa.ArrowException, KeyError):
        raise RunError("--audit: a table is not a Parquet file of a run: restore it from a copy of the audit") from None
    return Counted(result, result.elsewhere - counted)


def _add_earlier(run: FinishedRun, tally: TableTally, earlier: str) -> int:
    """Count the actions of objects that an earlier run wrote and that are skipped now; return how many there are."""
    try:
        found = load_finished(run.audit.folder, run.audit.seals, earlier)
        tables = list(found.account["tables"])
    except UsageError:
        # its account is gone, or of another key
        return 0
    if not tables:
        return 0
    counted = 0
    for _, content in found.tables((INSTANCES_TABLE,)):
        counted += tally.add_earlier(earlier, content)
    return counted


def draw(run: FinishedRun, size: int) -> Sample:
    """Return a sample of the patients in the output: those with the least codes by the key.

    Args:
        size: number of patients.

    Raises:
        UsageError: the run tells no patients apart.
        RunError: a table can't be read.
    """
    if (run.account.get("settings") or {}).get("patient_id") == "text":
        raise UsageError("--sample: all objects of that run have the same patient ID, so no patients can be drawn")
    (seal, *_) = run.audit.seals
    least: list[tuple[int, str]] = []
    known: set[str] = set()
    seen: set[bytes] = set()
    for rows in _output_rows(run, ("status", "patient_id")):
        for patient in pc.unique(rows["patient_id"].drop_null()).to_pylist():
            code = seal.code(_SAMPLE, patient.encode())
            seen.add(code[:8])
            # the greatest of the least stands first
            entry = (-int.from_bytes(code, "big"), patient)
            if patient in known or (len(least) == size and entry < least[0]):
                continue
            known.add(patient)
            if len(least) < size:
                heapq.heappush(least, entry)
            else:
                known.discard(heapq.heapreplace(least, entry)[1])
    order = [patient for _, patient in sorted(least, reverse=True)]
    studies: dict[str, set[str]] = {patient: set() for patient in order}
    wanted = pa.array(order, pa.string())
    for rows in _output_rows(run, ("status", "patient_id", "study_instance_uid")):
        chosen = rows.filter(pc.is_in(rows["patient_id"], wanted))
        for row in chosen.group_by(["patient_id", "study_instance_uid"]).aggregate([]).to_pylist():
            studies[row["patient_id"]].add(row["study_instance_uid"] or "(no study)")
    of_run = f"{_SAMPLE}/{run.account['run_id']}/{size}"

    def drawn(patient: str) -> str:
        # with a letter before it no spreadsheet takes it for a number
        return f"s{seal.code(of_run, patient.encode()).hex()[:_CODE_DIGITS]}"

    return Sample(tuple(DrawnPatient(name, tuple(sorted(studies[name])), drawn(name)) for name in order), len(seen))


def _output_rows(run: FinishedRun, columns: Sequence[str]) -> Iterator[pa.Table]:
    for _, content in run.tables((INSTANCES_TABLE,)):
        file = pq.ParquetFile(pa.BufferReader(content))
        if not set(columns) <= set(file.schema_arrow.names):
            raise UsageError("--sample: a version before wrote these tables, without patients: run again with --resume")
        for batch in file.iter_batches(columns=list(columns)):
            rows = pa.Table.from_batches([batch])
            yield rows.filter(is_in_output(rows))


def read_values(folder: Folder, run: FinishedRun, keys: list[RSAPrivateKey]) -> KeptValues:
    """Return the rarest values of a run's census.

    Args:
        folder: the folder of ``--census``.
        keys: private keys for encrypted files.

    Raises:
        UsageError: the run has no census there, or it is encrypted and no key is given.
        RunError: it can't be read, or isn't the one that the run made.
    """
    census = CensusFolder(folder, run.audit.seals)
    run_id = run.account["run_id"]
    if run_id not in census.run_ids:
        raise UsageError("--census: the folder has no census of this run")
    if census.encrypted and not keys:
        raise UsageError("--private-key is needed: the census is encrypted")
    return kept_values(census, run.account, keys)


def read_sheets(folder: Folder, run_id: str, decrypted: Callable[[bytes], bytes] | None) -> SheetPictures:
    """Return the pictures of a run's contact sheets.

    Args:
        folder: the folder of ``--contact-sheets``.
        decrypted: opens an encrypted page; None: it can't be opened.

    Raises:
        UsageError: the run has no contact sheets there.
        RunError: they can't be read.
    """
    sheets = Folder(f"{folder.location.rstrip('/')}/{SHEETS}{run_id}", folder.options)
    try:
        names = sorted(name for name in sheets.names("page-") if name.removesuffix(_ENCRYPTED).endswith(".html"))
    except (FileNotFoundError, StorageError):
        names = []
    if not names:
        raise UsageError("--contact-sheets: the folder has no contact sheets of this run")

    def pages() -> Iterator[bytes | None]:
        for name in names:
            content = sheets.read(name)
            if name.endswith(_ENCRYPTED):
                yield None if decrypted is None else decrypted(content)
            else:
                yield content

    try:
        return pictures_of(pages())
    except StorageError as error:
        raise RunError(f"--contact-sheets: {error}") from None
