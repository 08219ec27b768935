"""``python -m tests.fuzzing.mutated``: the real command over mutated files, and a check of all that it wrote."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import click
import pyarrow.parquet as pq

from tests.support.keys import write_key
from tests.support.runs import audit_of, run_command

from . import marks
from .leaks import leaks
from .mutations import mutate, redeflated
from .seeds import plant, real_files, with_own_identity

#: files of one folder, whose name is an identifier, too
_TOGETHER = 50
_PROGRESS = re.compile(r" *[0-9]+ s: [0-9]+ listed, [0-9]+ scanned, [0-9]+ finished")
#: larger ones are taken so much more seldom
_LARGE = 100_000


@dataclass
class Tally:
    """What came of all batches."""

    listed: int = 0
    moved: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Mutants:
    """Mutated files, each a function of the seed and its number."""

    def __init__(self, folder: Path | None, seed: int) -> None:
        """
        Args:
            folder: of real files; None: those that pydicom brings along.
        """
        self._seed = seed
        self._originals = [plant(path.read_bytes(), number) for number, path in enumerate(real_files(folder))]
        self._weights = [self._weight(blob) for blob in self._originals]
        # parts of other files come from those that have something to give but pixels
        self._others = [blob for blob in self._originals if len(blob) < _LARGE]

    @staticmethod
    def _weight(blob: bytes) -> float:
        # large files, and what is no DICOM from the beginning, are taken more seldom
        return min(1.0, _LARGE / max(len(blob), 1)) * (1.0 if blob[128:132] == b"DICM" else 0.2)

    def file(self, number: int) -> bytes:
        """The mutant of that number."""
        random = Random(f"{self._seed}:{number}")
        (blob,) = random.choices(self._originals, self._weights)
        # a few share their identity
        if random.random() < 0.98:
            blob = with_own_identity(blob, number)
        if random.random() < 0.05:
            blob = redeflated(blob)
        return blob if random.random() < 0.02 else mutate(blob, random, self._others)

    def write(self, folder: Path, numbers: range) -> dict[bytes, int]:
        """Write the mutants below ``folder``, under names that are identifiers and break lines; returns name -> number."""
        names = {}
        for number in numbers:
            parent = (
                os.fsencode(folder) + b"/" + marks.text(number // _TOGETHER) + (b"\n", b"\xff\xfe ", b"")[number // _TOGETHER % 3]
            )
            os.makedirs(parent, exist_ok=True)
            path = parent + b"/" + marks.text(number) + (b".dcm", b"\n", b"\xe9.ima", b"[b]*?")[number % 4] + str(number).encode()
            with open(path, "wb") as stream:
                stream.write(self.file(number))
            names[path] = number
        return names


def check_batch(mutants: Mutants, numbers: range, work: Path, tally: Tally, *arguments: str) -> None:
    """Run the command over the mutants ``numbers``, and note in ``tally`` what came of them and what is wrong with that."""
    source, output, key = work / "in", work / "out", work / "key"
    write_key(key)
    source.mkdir()
    mutants.write(source, numbers)
    # many of the files are at risk: their refusal would be all that is seen
    always = ("--input", str(source), "--output", str(output), "--key", f"file:{key}", "--pixels", "keep")
    done = run_command("run", *always, *arguments)
    log = done.stdout + done.stderr
    if done.returncode not in (0, 3):
        tally.faults.append(f"{numbers}: exit code {done.returncode}: {log[-300:]}")
        return
    # how far it has come is all that it may say there
    unexpected = [line for line in done.stderr.splitlines() if line.strip() and not _PROGRESS.fullmatch(line)]
    if "Traceback" in log or unexpected:
        tally.faults.append(f"{numbers}: {unexpected[:3]}")
    if marks.fragments(log.encode()):
        tally.faults.append(f"{numbers}: a token in the log")
    _check_account(output, done.returncode, numbers, tally)
    _check_objects(output, numbers, tally)
    _check_audit(output, numbers, tally)


def _check_account(output: Path, code: int, numbers: range, tally: Tally) -> None:
    audit = audit_of(output)
    report = json.loads((audit / "run.json").read_text())
    rows = [
        row
        for name in report["tables"]
        if name.startswith("instances-")
        for row in pq.read_table(audit / name, columns=["source_id", "status", "reason", "output_name"]).to_pylist()
    ]
    statuses = Counter(row["status"] for row in rows)
    reasons = Counter(row["reason"] for row in rows if row["reason"])
    written = {str(path.relative_to(output)) for path in output.rglob("*.dcm")}
    tally.listed += report["listed"]
    tally.statuses.update(statuses)
    tally.reasons.update(reasons)
    sums = {
        "listed": report["listed"] == len(numbers) == len(rows) == sum(report["counts"].values()),
        "one row for each": len({row["source_id"] for row in rows}) == len(rows),
        "statuses": {key: count for key, count in report["counts"].items() if count} == statuses,
        "reasons": report["reasons"] == reasons and sum(reasons.values()) == len(rows) - statuses["written"],
        "written": written == {row["output_name"] for row in rows if row["output_name"]} and len(written) == statuses["written"],
        "exit code": code == (3 if statuses["quarantined"] else 0),
        "no bug": "internal-error" not in reasons,
        "nothing unfinished": not [path for path in output.iterdir() if path.name.startswith(".")],
    }
    tally.faults += [f"{numbers}: {name} is wrong" for name, holds in sums.items() if not holds]


def _check_objects(output: Path, numbers: range, tally: Tally) -> None:
    for path in output.rglob("*.dcm"):
        found, moved = leaks(path.read_bytes())
        tally.moved += bool(moved)
        tally.faults += [f"{numbers}: {path.name}: {fault}" for fault in found]


def _check_audit(output: Path, numbers: range, tally: Tally) -> None:
    for path in (*output.rglob("*"), *audit_of(output).rglob("*")):
        if marks.fragments_in_account(os.fsencode(path.relative_to(output.parent))):
            tally.faults.append(f"{numbers}: a token in the name of what was written")
        if path.is_file() and path.suffix != ".dcm":
            # what is in Parquet files is compressed there
            content = repr(pq.read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else path.read_bytes()
            if marks.fragments_in_account(content):
                tally.faults.append(f"{numbers}: a token in {path.name}")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--count", default=2000, show_default=True, help="Mutants in all.")
@click.option("--batch", default=2500, show_default=True, help="Mutants in one run of the command.")
@click.option("--from", "folder", type=click.Path(path_type=Path, exists=True), help="Real files; pydicom's own without this.")
@click.option("--seed", default=1, show_default=True, help="Another one gives other mutants.")
@click.option("--first", default=0, show_default=True, help="Number of the first mutant.")
@click.option("--work", type=click.Path(path_type=Path, exists=True), help="Where batches lie while they are looked at.")
@click.option("--keep", is_flag=True, help="Leave the batch behind in which something is wrong, and stop there.")
def main(count: int, batch: int, folder: Path | None, seed: int, first: int, work: Path | None, keep: bool) -> None:
    """De-identify mutated real files with planted identifiers by the real command.

    Each mutant is written clean or accounted for with a reason, no identifier is in what was written, logged or named, and all
    sums are right: else the exit code is 1.
    """
    started, tally = time.monotonic(), Tally()
    mutants = Mutants(folder, seed)
    for at in range(first, first + count, batch):
        numbers = range(at, min(at + batch, first + count))
        place = Path(tempfile.mkdtemp(prefix="mutated-", dir=work))
        check_batch(mutants, numbers, place, tally)
        click.echo(f"{numbers.stop - first} mutants, {time.monotonic() - started:.0f} s, {dict(tally.statuses)}")
        if tally.faults and keep:
            click.echo(f"left in {place}")
            break
        shutil.rmtree(place)
    for reason, number in tally.reasons.most_common():
        click.echo(f"{number:8} {reason}")
    click.echo(f"{tally.moved} of the written ones hold tokens where values are kept: a mutation put them there")
    for fault in tally.faults:
        click.echo(fault, err=True)
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
