"""Plans: what a run would do, as tables and ``plan.json`` in a folder of their own. No run takes them for those of a run."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict, dataclass
from typing import Any, Literal

from storage import Folder, StorageError
from transforms import EarlierRun, is_run_id, reviewed_files

from ..errors import UsageError
from . import restricted
from .audit import ORIGIN_FILE, PLAN_FILE, RUN_FILE, Audit, check_names
from .earlier_runs import ComparedRun
from .left_outputs import earlier_outputs
from .lock import RunLock, locked_runs
from .provenance import RESUMES
from .report import RunReport, run_files

#: table of the changes since an earlier run
DIFF_FILE = "diff.csv"


@dataclass(frozen=True)
class PlanReport(RunReport):
    """Account of a plan: the content of ``plan.json``. Statuses are those that a run would give.

    Attributes:
        plan: True, in each plan and in no account of a run.
        diff: changes since an earlier run (``PlanDiff``); None: it wasn't compared with any.
    """

    plan: Literal[True] = True
    diff: dict[str, Any] | None = None

    @property
    def is_plan(self) -> bool:
        """True: nothing was written."""
        return True


def make_plan_folder(folder: Folder) -> None:
    """Make the folder of a plan, which must not have tables of a run, nor those of a plan that nobody can name.

    Raises:
        UsageError: it can't be used.
    """
    try:
        if RUN_FILE in folder.names(RUN_FILE) or ORIGIN_FILE in folder.names(ORIGIN_FILE):
            raise UsageError("--plan is the folder of a run's audit: name another folder for the plan")
        if _earlier_plan(folder) == "":
            raise UsageError(
                "--plan has a plan that is broken, so its tables can't be found and replaced: name another folder, or remove "
                "plan.json and the tables there"
            )
        folder.make(closed=False)
    except StorageError as error:
        raise UsageError(f"--plan {error}") from None


class PlanLock(RunLock):
    """Lock of a plan in its own folder. It takes none in the audit, and removes nothing there.

    Attributes:
        alive: ids of the runs at work in the audit, by their locks.
    """

    def __init__(self, folder: Folder, audit: Folder, run_id: str) -> None:
        # unfinished objects of a plan would lie in its folder, if it had some
        super().__init__(folder, folder.location, run_id)
        self._runs = audit

    def __enter__(self) -> PlanLock:
        super().__enter__()
        if self.alive:
            self.__exit__(None, None, None)
            raise UsageError("--plan: another plan is being made in that folder: name another one, or wait")
        self.alive = set(filter(is_run_id, locked_runs(self._runs)))
        return self


def publish_plan(audit: Audit, report: RunReport, runs: Folder, compared: ComparedRun | None = None) -> PlanReport:
    """Remove the plan that was in the folder before, and write ``plan.json``.

    Args:
        audit: the plan's folder.
        runs: the audit of the run that is planned.
        compared: the earlier run that the plan is compared with; None: with none.

    Raises:
        RunError: a table of that run can't be read.
    """
    folder = audit.folder
    changes = None
    if compared is not None:
        from .plan_diff import compare

        changes = compare(
            EarlierRun(folder, report.run_id, report.tables, report.table_digests, same_work_digest=False), compared
        )
    # before the account is written: what a power cut leaves of them, the next plan finds by the old one
    _remove_earlier(folder)
    if changes is not None:
        folder.create(DIFF_FILE, changes.as_csv().encode())
    found = earlier_outputs(report.earlier_outputs, _account_of(runs), report.origin.get(RESUMES))
    report = dataclasses.replace(report, earlier_outputs=found)
    fields = {one.name: getattr(report, one.name) for one in dataclasses.fields(RunReport)}
    planned = PlanReport(**fields, diff=None if changes is None else changes.as_json())
    audit.write(PLAN_FILE, asdict(planned))
    restricted.publish(folder, report.run_id)
    # workers have read them
    for name in reviewed_files(folder.names()):
        folder.delete(name)
    return planned


def _account_of(runs: Folder) -> dict[str, Any] | None:
    """Return the account that the planned run would replace; None: there is none, or nobody can read it."""
    try:
        account, _ = runs.read_json(RUN_FILE)
        check_names(account)
    except (FileNotFoundError, ValueError, StorageError):
        return None
    return account


def _remove_earlier(folder: Folder) -> None:
    """Remove the files of the plan in the folder, by the id in its account, whoever wrote that."""
    run_id = _earlier_plan(folder)
    if not run_id:
        return
    for name in run_files(folder, run_id):
        folder.delete(name)
    folder.delete(DIFF_FILE)
    restricted.remove(folder)


def _earlier_plan(folder: Folder) -> str | None:
    """Return the id of the plan in the folder; ``""``: its account is broken; None: there is none."""
    try:
        account, _ = folder.read_json(PLAN_FILE)
        run_id = account["run_id"]
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError):
        return ""
    return str(run_id) if is_run_id(run_id) else ""
