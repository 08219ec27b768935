"""The job's load: bytes between its steps, operations on object storage and memory, for each instance.

    python -m benchmarks.shuffle [--instances 10000] [--timed 2000] [--gcs PROGRAM] [--only NAME]

Generates CT-like archives (``benchmarks/archives.py``) in a temporary folder, runs the command itself over each in a process of
its own, and prints the Markdown tables of docs/explanation/scale.md. It needs a free core and 2.5 MB of disk for each timed
instance.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.archives import Shape, write

SERIES = (50, 70, 80)
CLEANING = "--options=RetainSafePrivate,RetainLongModifDates,CleanDesc,CleanStructdCont,CleanGraph"
PIXELS = 512 * 1024
#: headers that come together under one key; studies above it are in the side input of sizes
PART_SIZE = 4096
#: headers that are decoded to see what they take in memory
SAMPLE = 1000


@dataclass
class Case:
    """A run to be measured.

    Attributes:
        recorded: record what crosses stages; costs time.
        store: run from bucket to bucket, on this address of a server that speaks Cloud Storage's protocol.
    """

    shape: Shape
    flags: tuple[str, ...] = ()
    recorded: bool = True
    store: str = ""


@dataclass
class Figures:
    """The figures of a run.

    Attributes:
        crossings: step -> (rows, bytes), for shuffles and for what is kept between stages.
        seconds, cpu: of the command, by the clock and of this process.
        memory: the process's peak, in bytes.
        header: bytes that a header of the shuffle takes in memory.
    """

    instances: int
    name_length: int
    seconds: float
    cpu: float
    memory: int
    shuffled: dict[str, tuple[int, int]] = field(default_factory=dict)
    kept: dict[str, tuple[int, int]] = field(default_factory=dict)
    operations: dict[str, int] = field(default_factory=dict)
    header: int = 0


def measure(case: Case) -> Figures:
    """Run a case; to be called in a process of its own, whose peak of memory it then is."""
    with tempfile.TemporaryDirectory(prefix="dicom-deid-shuffle-") as temporary:
        folder = Path(temporary)
        name_length, key = _prepare(folder, case.shape)
        archive, output = str(folder / "archive"), str(folder / "output")
        if case.store:
            archive, output = _upload(case.store, folder / "archive")
        arguments = ["run", f"--input={archive}", f"--output={output}", f"--audit={folder / 'audit'}"]
        arguments += [key, "--direct_num_workers=1", *case.flags]
        found = _run(arguments, case)
        report = json.loads((folder / "audit" / "run.json").read_text())
    if report["counts"]["written"] != case.shape.instances:
        raise RuntimeError("not all instances were written")
    return replace(found, instances=case.shape.instances, name_length=name_length, operations=report["operations"])


def _prepare(folder: Path, shape: Shape) -> tuple[int, str]:
    """Write an archive and a key; return how long the archive's names are, and the flag for the key."""
    (folder / "key").write_bytes(bytes(range(32)))
    (folder / "key").chmod(0o600)
    return write(folder / "archive", shape), f"--key=file:{folder / 'key'}"


def _run(arguments: list[str], case: Case) -> Figures:
    from benchmarks.recorder import recorded

    began, cpu = time.perf_counter(), time.process_time()
    with recorded() if case.recorded else contextlib.nullcontext({}) as crossings:
        command(arguments)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    found = Figures(0, 0, seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    for crossing in crossings.values():
        (found.shuffled if crossing.shuffled else found.kept)[crossing.step] = (crossing.rows, crossing.size)
    return found


def command(arguments: list[str]) -> None:
    """Run ``dicom-deid`` in this process, without its output."""
    from pipeline.cli import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            main(arguments, standalone_mode=False)
        except SystemExit as ended:
            if ended.code:
                raise RuntimeError(f"dicom-deid ended with {ended.code}") from None


def _upload(url: str, folder: Path) -> tuple[str, str]:
    from tests.support.servers import GcsServer

    os.environ["STORAGE_EMULATOR_HOST"] = url
    server = GcsServer(url)
    for bucket in ("archive", "output"):
        server.create_bucket(bucket)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    server.put_all("archive", files)
    return "gs://archive", "gs://output"


def memory_of_header(shape: Shape) -> int:
    """Return the bytes that a header of GroupIntoWorkUnits takes in a worker's memory, where an engine gathers those of a key."""
    from benchmarks.recorder import recorded
    from transforms import HeaderGroups
    from transforms.shuffle.record_coder import PackedRecordCoder

    with recorded(keep=True) as crossings, tempfile.TemporaryDirectory(prefix="dicom-deid-shuffle-") as temporary:
        folder = Path(temporary)
        _, key = _prepare(folder, shape)
        command(["run", f"--input={folder / 'archive'}", f"--output={folder / 'output'}", key, CLEANING])
    packed = [value for _, value in crossings["GroupIntoWorkUnits/ByKey"].elements()]
    read = PackedRecordCoder(HeaderGroups).decode
    return _memory_of(lambda: [read(value) for value in packed]) // shape.instances


def memory_of_sizes(studies: int) -> int:
    """Return the bytes that the side input of the sizes of so many large studies takes in each worker process."""
    return _memory_of(lambda: {os.urandom(32): 5000 + number % 100_000 for number in range(studies)})


def _memory_of(make: Callable[[], object]) -> int:
    """Return the bytes that the result of ``make`` takes, in a process that traces nothing else."""
    tracemalloc.start()
    made = make()
    size = tracemalloc.get_traced_memory()[0]
    del made
    return size


def apart(function: Any, *arguments: Any) -> Any:
    """Return the result of ``function`` in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def table(head: tuple[object, ...], rows: list[tuple[object, ...]]) -> str:
    """Return a Markdown table."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, ("---",) * len(head), *rows))


def _step(name: str) -> str:
    """Return a shuffle's name without Beam's additions."""
    for ending in ("/ReshufflePerKey/GroupByKey", "/CombinePerKey/Group", "/CoGroupByKeyImpl/GroupByKey", "/Group"):
        name = name.removesuffix(ending)
    return name


def shuffles(instances: int) -> None:
    """Return rows and bytes of each shuffle, for each instance."""
    studies = max(1, instances // sum(SERIES))
    cases = {
        f"CT: studies of {sum(SERIES)}": Case(Shape(studies, SERIES)),
        "... with all cleaning": Case(Shape(studies, SERIES), (CLEANING,)),
        "one instance a study, all cleaning": Case(Shape(instances, (1,)), (CLEANING,)),
    }
    found: dict[str, Figures] = {name: apart(measure, case) for name, case in cases.items()}
    for title, kind in (("shuffle", "shuffled"), ("kept between stages", "kept")):
        steps = dict.fromkeys(step for figures in reversed(found.values()) for step in getattr(figures, kind))
        each = {step: [_of_an_instance(figures, getattr(figures, kind), step) for figures in found.values()] for step in steps}
        rows = [(_step(step), *map(_cell, cells)) for step, cells in each.items() if max(size for _, size in cells) >= 1]
        sums = [tuple(map(sum, zip(*column, strict=True))) for column in zip(*each.values(), strict=True)]
        rows.append(("**all**, sums and lists of files among them", *(f"**{_cell(cell)}**" for cell in sums)))
        print(f"\nRows / bytes for each instance, {title}:\n")
        print(table((title, *found), rows))
    print()
    for name, figures in found.items():
        print(f"- {name}: {figures.instances} instances, names of {figures.name_length} bytes in their input")


def _of_an_instance(figures: Figures, crossings: dict[str, tuple[int, int]], step: str) -> tuple[float, float]:
    rows, size = crossings.get(step, (0, 0))
    return rows / figures.instances, size / figures.instances


def _cell(cell: tuple[float, ...]) -> str:
    rows, size = cell
    return f"{rows:.3f} / {size:.0f}" if rows else ""


def memory(instances: int) -> None:
    """Return the peak memory of a run in one process by the number of instances, and what engines keep."""
    rows: list[tuple[object, ...]] = []
    for count in (instances // 10, instances // 2, instances):
        shape = Shape(max(1, count // sum(SERIES)), SERIES)
        figures = [apart(measure, Case(shape, flags, recorded=False)) for flags in ((), (CLEANING,))]
        rows.append((shape.instances, *(f"{found.memory / 1e6:.0f} MB" for found in figures)))
    print("\nPeak memory of a run in one process:\n")
    print(table(("instances", "basic", "all cleaning"), rows))
    header = apart(memory_of_header, Shape(SAMPLE // sum(SERIES), SERIES))
    large = 10**9 // PART_SIZE
    print(f"\nA header in memory: {header} bytes; {PART_SIZE} of a key: {header * PART_SIZE / 1e6:.0f} MB.")
    print(f"Sizes of {large} large studies, a side input: {apart(memory_of_sizes, large) / 1e6:.0f} MB in each worker process.")


def _speed_of(few: Figures, many: Figures) -> tuple[str, ...]:
    """Return ms and instances in a second, by clock and CPU: the difference of two runs, so that starting doesn't count."""
    count = many.instances - few.instances
    by_clock, by_cpu = (many.seconds - few.seconds) / count, (many.cpu - few.cpu) / count
    return f"{1000 * by_clock:.2f}", f"{1 / by_clock:.0f}", f"{1000 * by_cpu:.2f}", f"{1 / by_cpu:.0f}"


SPEED = ("ms each", "a second", "CPU ms each", "a second of CPU")


def _sizes(instances: int) -> tuple[Shape, Shape]:
    few, many = (Shape(max(1, count // sum(SERIES)), SERIES, PIXELS) for count in (instances // 10, instances))
    return few, many


def speed(instances: int) -> None:
    """Return the instances in a second in one process, from folder to folder."""
    rows: list[tuple[object, ...]] = []
    for name, flags in (("basic", ()), ("all cleaning", (CLEANING,))):
        runs = (apart(measure, Case(shape, flags, recorded=False)) for shape in _sizes(instances))
        rows.append((name, *_speed_of(*runs)))
    print(f"\n{_sizes(instances)[1].instances} CT images of {PIXELS // 1024} KiB, local folder, one process:\n")
    print(table(("profile", *SPEED), rows))


def operations(instances: int, program: str) -> None:
    """Return the operations on object storage for each instance, as run.json counts them, and the speed with them."""
    from tests.support.servers import fake_gcs_server

    os.environ["FAKE_GCS_SERVER"] = program
    runs = []
    for shape in _sizes(instances):
        with fake_gcs_server() as server:
            runs.append(apart(measure, Case(shape, (), recorded=False, store=server.url)))
    _, many = runs
    print(f"\n{many.instances} such images from bucket to bucket, on a server of this machine; for each instance:\n")
    print(table(tuple(many.operations), [tuple(f"{count / many.instances:.4f}" for count in many.operations.values())]))
    print(f"\n{table(SPEED, [_speed_of(*runs)])}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=10_000, help="for shuffles and memory; their pixels are few")
    parser.add_argument("--timed", type=int, default=2_000, help="for speed and operations, of 512 KiB each")
    default = os.environ.get("FAKE_GCS_SERVER") or shutil.which("fake-gcs-server") or ""
    parser.add_argument("--gcs", default=default, metavar="PROGRAM", help="fake-gcs-server, for operations")
    parser.add_argument("--only", choices=("shuffles", "memory", "speed", "operations"), action="append")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    chosen = arguments.only or ["shuffles", "memory", "speed", "operations"]
    if "shuffles" in chosen:
        shuffles(arguments.instances)
    if "memory" in chosen:
        memory(arguments.instances)
    if "speed" in chosen:
        speed(arguments.timed)
    if "operations" in chosen:
        if not arguments.gcs:
            sys.exit("operations: fake-gcs-server is not installed; name it by --gcs")
        operations(arguments.timed, arguments.gcs)


if __name__ == "__main__":
    main()
