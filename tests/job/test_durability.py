"""What is on the disk when a program is told so: by its system calls, on a disk that keeps no more than it must."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from storage.durability import Syncer
from tests.job.test_power_loss import outputs_recorded
from tests.support.power_loss import STRACE, Disk, Keeps, calls
from tests.support.runs import ROOT, audit_of, ct_file, run_command

_WRITE = """
import sys
from storage import LocalWriter, durability
if sys.argv[2] == "one by one":
    durability._syncs_whole = lambda handle: False
writer = LocalWriter(sys.argv[1], "0123abcd")
for name in ("1/1/1.dcm", "1/2/2.dcm", "2/3/3.dcm"):
    writer.write(name, [name.encode() * 1000], "id")
if sys.argv[3] == "flushed":
    writer.flush().result()
writer.clean()
"""
_IN_PLACE = """
import sys
from anonymizer import Anonymizer
Anonymizer(key=bytes(range(32))).anonymize_in_place(sys.argv[1])
"""


def recorded(program: str, root: Path, *arguments: str) -> list[tuple[str, str, int]]:
    trace = root.with_name("trace")
    subprocess.run([*STRACE, "-o", str(trace), sys.executable, "-c", program, *arguments], cwd=ROOT, check=True)
    return list(calls(trace.read_text()))


def kept(disk: Disk, folder: Path, keeps: Keeps) -> dict[str, bytes]:
    """What the disk has if the power fails now."""
    disk.survive(folder, keeps, Random(0))
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("how", ["whole", "one by one"])
@pytest.mark.parametrize("flushed", ["flushed", "not"])
def test_objects_and_the_names_of_their_folders_are_there(tmp_path: Path, how: str, flushed: str) -> None:
    root = tmp_path / "out"
    root.mkdir()
    disk = Disk(root)
    for call in recorded(_WRITE, root, str(root), how, flushed):
        disk.apply(*call)
    names = ("1/1/1.dcm", "1/2/2.dcm", "2/3/3.dcm")
    expected = {name: name.encode() * 1000 for name in names} if flushed == "flushed" else {}
    assert {name: kept(disk, tmp_path / "kept", Keeps.NOTHING).get(name) for name in expected} == expected
    # without it, names may be there, and nothing in them
    names_kept = kept(disk, tmp_path / "names", Keeps.NAMES)
    assert {name: names_kept[name] for name in names} == (expected or dict.fromkeys(names, b""))


_REPLACE = """
import sys
from storage import LocalWriter
writer = LocalWriter(sys.argv[1], "0123abcd")
writer.write("1/1/1.dcm", [b"new" * 1000], "id", instead_of=writer.found("1/1/1.dcm").version)
"""


def test_an_output_that_is_replaced_is_the_old_or_the_new_one_at_any_moment(tmp_path: Path) -> None:
    root = tmp_path / "out"
    (root / "1" / "1").mkdir(parents=True)
    (root / "1" / "1" / "1.dcm").write_bytes(b"old")
    disk = Disk(root)
    disk.load()
    for number, call in enumerate(recorded(_REPLACE, root, str(root))):
        before = disk.changes
        disk.apply(*call)
        if disk.changes != before or "sync" in call[0]:
            for keeps in Keeps:
                content = kept(disk, tmp_path / f"{number}-{keeps.value}", keeps)["1/1/1.dcm"]
                assert content in (b"old", b"new" * 1000)
    assert (root / "1" / "1" / "1.dcm").read_bytes() == b"new" * 1000


def test_a_file_is_itself_or_de_identified_at_any_moment(tmp_path: Path) -> None:
    root = tmp_path / "folder"
    root.mkdir()
    original = ct_file("1.2.3.1")
    (root / "only.dcm").write_bytes(original)
    disk = Disk(root)
    disk.load()
    found = recorded(_IN_PLACE, root, str(root / "only.dcm"))
    after = (root / "only.dcm").read_bytes()
    assert after != original
    seen = set()
    for number, call in enumerate(found):
        before = disk.changes
        disk.apply(*call)
        if disk.changes == before and "sync" not in call[0]:
            continue
        for keeps in Keeps:
            content = kept(disk, tmp_path / f"{number}-{keeps.value}", keeps)["only.dcm"]
            assert content in (original, after)
            seen.add(content)
    # and the new one is there for good when the program says so
    assert kept(disk, tmp_path / "end", Keeps.NOTHING)["only.dcm"] == after and seen == {original, after}


def test_one_call_serves_all_who_asked_meanwhile(tmp_path: Path) -> None:
    syncer = Syncer(str(tmp_path))
    for number in range(50):
        (tmp_path / f"{number}").write_bytes(b"x")
        syncer.add(str(tmp_path / f"{number}"))
    futures = [syncer.flush() for _ in range(20)]
    assert [future.result() for future in futures] == [None] * 20


def test_a_disk_that_can_not_keep_what_is_written_ends_the_run(tmp_path: Path, key_file: Path) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    archive.mkdir()
    for number in range(50):
        (archive / f"{number}").write_bytes(ct_file(f"1.2.3.1.{number}"))
    command = [sys.executable, "-m", "pipeline", "run", f"--input={archive}", f"--output={output}", f"--key=file:{key_file}"]
    # the disk takes what comes before the first object
    faults = ("trace=syncfs,fsync", "inject=syncfs:error=EIO", "inject=fsync:error=EIO:when=12+")
    failing = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), *(part for fault in faults for part in ("-e", fault))]
    done = subprocess.run([*failing, *command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 4, done.stderr
    assert "see to" in done.stderr and "Traceback" not in done.stderr
    # nobody says of an object that it is there
    assert not (audit_of(output) / "run.json").exists() and outputs_recorded(output, key_file) == 0
    again = run_command(*command[3:])
    assert again.returncode == 0 and len(list(output.rglob("*.dcm"))) == 50
