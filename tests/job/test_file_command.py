"""`dicom-deid file`: one object, from a file or a pipe to a file or a pipe, and never over the only original by mistake."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anonymizer import Anonymizer
from tests.support.limits import COMMAND, run_measured
from tests.support.objects import DEFLATED, JPEG, Element, ct, delimiter, part10
from tests.support.runs import ROOT, ct_file

#: pixels of this size don't fit into any pipe
LARGE = 5_000_000
PIXELS = 0x7FE00010
FRAMES = delimiter(0xE000) + delimiter(0xE000, length=LARGE) + os.urandom(LARGE) + delimiter(0xE0DD)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(ct_file("1.2.3.1"))
    return folder / "a.dcm"


@pytest.fixture
def key(key_file: Path) -> list[str]:
    return ["--key", f"file:{key_file}"]


def file(*arguments: str | Path, given: bytes = b"", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, "file", *map(str, arguments)], input=given, capture_output=True, timeout=120, check=False, env=environment(env)
    )


def start(*arguments: str | Path, stdin: int = subprocess.PIPE, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "file", *map(str, arguments)], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=environment()
    )


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **(more or {})}


def told(done: subprocess.CompletedProcess[bytes], code: int, *words: str) -> None:
    """It ended so, with this on standard error and no traceback."""
    log = done.stderr.decode()
    assert (done.returncode, [word for word in words if word not in log]) == (code, []), log
    assert "Traceback" not in log and "Exception ignored" not in log, log


def large(*extra: Element) -> bytes:
    return part10(ct(*extra, Element(PIXELS, "OW", os.urandom(LARGE))))


def expected(content: bytes, key: list[str]) -> bytes:
    return Anonymizer(key=key[1]).anonymize(content)


# -- the original ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["same", "dotted", "symlink", "hard link"])
def test_the_only_original_is_not_replaced_by_mistake(source: Path, key: list[str], how: str) -> None:
    content, target = source.read_bytes(), source
    if how == "dotted":
        target = source.parent / ".." / "in" / "a.dcm"
    elif how == "symlink":
        target = source.parent / "b.dcm"
        target.symlink_to(source)
    elif how == "hard link":
        target = source.parent / "b.dcm"
        target.hardlink_to(source)
    for pair in ((source, target), (target, source)):
        done = file(*pair, *key)
        told(done, 2, "--in-place")
        assert str(source.parent) not in done.stderr.decode()
    assert source.read_bytes() == target.read_bytes() == content


@pytest.mark.parametrize("how", ["alone", "twice", "by a link"])
def test_in_place_replaces_the_original(source: Path, key: list[str], how: str) -> None:
    content = source.read_bytes()
    source.chmod(0o640)
    link = source.with_name("link.dcm")
    link.symlink_to("a.dcm")
    done = file("--in-place", *{"alone": [source], "twice": [source, source], "by a link": [link, source]}[how], *key)
    told(done, 0)
    assert source.read_bytes() == expected(content, key)
    assert (stat.S_IMODE(source.stat().st_mode), link.is_symlink()) == (0o640, True)
    assert len([*source.parent.iterdir()]) == 2


def test_in_place_leaves_what_it_refuses(source: Path, key: list[str]) -> None:
    content = part10(ct(Element(0x00280301, "CS", "YES")))
    source.write_bytes(content)
    told(file("--in-place", source, *key), 3, "burned-in-annotation")
    assert source.read_bytes() == content
    assert len([*source.parent.iterdir()]) == 1


def test_in_place_has_one_file(source: Path, key: list[str]) -> None:
    content = source.read_bytes()
    other = source.with_name("other.dcm")
    told(file("--in-place", source, other, *key), 2, "--in-place")
    told(file("--in-place", source, "-", *key), 2, "--in-place")
    told(file("--in-place", "-", *key, given=content), 2, "--in-place")
    told(file("--in-place", "-", source, *key, given=content), 2, "--in-place")
    told(file(source, *key), 2, "OUT is missing")
    told(file(*key), 2)
    assert [path.name for path in source.parent.iterdir()] == ["a.dcm"]
    # the other name would keep the original, and be handed out
    other.hardlink_to(source)
    told(file("--in-place", source, other, *key), 2, "hard link")
    assert source.read_bytes() == other.read_bytes() == content
    told(file("--in-place", source, *key), 0, "hard link")
    assert (source.read_bytes(), other.read_bytes()) == (expected(content, key), content)


def test_what_is_no_file_is_not_replaced(source: Path, key: list[str]) -> None:
    os.mkfifo(source.parent / "fifo")
    told(file(source, source.parent / "fifo", *key), 2, "OUT is")
    told(file(source, source.parent, *key), 2, "OUT is")
    told(file(source, source.parent / "missing" / "b.dcm", *key), 2, "OUT is")
    told(file(source.parent / "fifo", source, *key), 2, "IN is")
    assert stat.S_ISFIFO((source.parent / "fifo").stat().st_mode)


# -- pipes ----------------------------------------------------------------------------------------------------------------

KINDS = {
    "small": lambda: ct_file("1.2.3.1"),
    "large": large,
    "long header": lambda: part10(ct(Element(0x0040A160, "UT", "a" * 300_000))),
    "frames": lambda: part10(ct(Element(PIXELS, "OB", FRAMES, undefined=True)), JPEG),
    "deflated": lambda: part10(ct(Element(PIXELS, "OW", bytes(LARGE))), DEFLATED),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pipes_get_the_bytes_that_files_get(kind: str, tmp_path: Path, key: list[str]) -> None:
    content = KINDS[kind]()
    (tmp_path / "in.dcm").write_bytes(content)
    told(file(tmp_path / "in.dcm", tmp_path / "out.dcm", *key), 0)
    told(file("-", tmp_path / "piped.dcm", *key, given=content), 0)
    both, out = file("-", "-", *key, given=content), file(tmp_path / "in.dcm", "-", *key)
    told(both, 0)
    told(out, 0)
    expected = (tmp_path / "out.dcm").read_bytes()
    assert [(tmp_path / "piped.dcm").read_bytes() == expected, both.stdout == expected, out.stdout == expected] == [True] * 3


def test_a_slow_pipe_gives_it_in_pieces(key: list[str], tmp_path: Path) -> None:
    content = ct_file("1.2.3.1")
    running = start("-", "-", *key)
    assert running.stdin is not None
    for position in range(0, len(content), 100):
        running.stdin.write(content[position : position + 100])
        running.stdin.flush()
        time.sleep(0.01)
    out, log = running.communicate(timeout=120)
    assert (running.returncode, out) == (0, expected(content, key)), log


def test_standard_streams_may_be_files(source: Path, key: list[str]) -> None:
    content, out = source.read_bytes(), source.with_name("out.dcm")
    with source.open("rb") as given, out.open("ab") as taken:
        running = start("-", "-", *key, stdin=given.fileno(), stdout=taken.fileno())
        assert running.wait(timeout=120) == 0
    assert out.read_bytes() == expected(content, key)
    # what is appended to the original is lost in it
    for arguments in (["-", "-"], [source, "-"], ["-", source]):
        with source.open("rb") as given, source.open("ab") as taken:
            running = start(*arguments, *key, stdin=given.fileno(), stdout=taken.fileno())
            _, log = running.communicate(timeout=120)
        assert (running.returncode, b"same file" in log, source.read_bytes() == content) == (2, True, True), log


@pytest.mark.parametrize("given", ["file", "pipe"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (large()[:-100], "truncated"),
        (large(Element(0x00280301, "CS", "YES")), "burned-in-annotation"),
        (b"", "not-dicom"),
        (b"no DICOM object " * 100, "not-dicom"),
    ],
    ids=["cut", "refused", "empty", "text"],
)
def test_nothing_leaves_before_it_is_whole(tmp_path: Path, key: list[str], given: str, content: bytes, reason: str) -> None:
    (tmp_path / "in.dcm").write_bytes(content)
    done = file(tmp_path / "in.dcm", "-", *key) if given == "file" else file("-", "-", *key, given=content)
    told(done, 3, f"{'Left out' if reason == 'not-dicom' else 'Quarantined'}, nothing written", reason)
    assert done.stdout == b""
    done = file("-", tmp_path / "out.dcm", *key, given=content)
    told(done, 3, reason)
    assert [path.name for path in tmp_path.iterdir()] == ["in.dcm"]


def test_what_waits_has_no_name(tmp_path: Path, key: list[str]) -> None:
    content = large()
    running = subprocess.Popen(
        [*COMMAND, "file", "-", "-", *key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment({"TMPDIR": str(tmp_path)}),
    )
    assert running.stdin is not None
    # more than the pipe and its reader hold: it is at work
    running.stdin.write(content[: LARGE - 100_000])
    running.stdin.flush()
    spools = [
        stat.S_IMODE(os.stat(handle).st_mode)
        for handle in Path(f"/proc/{running.pid}/fd").iterdir()
        if os.readlink(handle).startswith(str(tmp_path))
    ]
    assert (spools, [*tmp_path.iterdir()]) == ([0o600], [])
    running.kill()
    running.communicate(timeout=120)
    assert [*tmp_path.iterdir()] == []


def test_a_large_object_takes_little_memory_on_its_way(tmp_path: Path, key: list[str]) -> None:
    peaks = []
    for size in (1_000_000, 100_000_000):
        (tmp_path / "in.dcm").write_bytes(part10(ct(Element(PIXELS, "OW", os.urandom(size)))))
        shell = 'cat "$1" | "$2" -m pipeline file - - --key "$3" > "$4"'
        ended = run_measured("sh", "-c", shell, "sh", str(tmp_path / "in.dcm"), COMMAND[0], key[1], str(tmp_path / "out.dcm"))
        assert (ended.code, (tmp_path / "out.dcm").stat().st_size > size) == (0, True), ended.log
        peaks.append(ended.megabytes)
    assert peaks[1] < peaks[0] + 20


# -- ends -----------------------------------------------------------------------------------------------------------------


def test_a_reader_that_is_gone_gets_no_traceback(source: Path, key: list[str]) -> None:
    for content in (large(), source.read_bytes()):
        source.write_bytes(content)
        running = start(source, "-", *key)
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        log = running.stderr.read()
        assert running.wait(timeout=120) == 1
        assert b"Failed: standard output" in log
        assert log.count(b"\n") == 1, log


def test_who_ends_it_is_told_what_to_think_of_standard_output(source: Path, key: list[str]) -> None:
    content = large()
    running = start("-", source.with_name("out.dcm"), *key)
    assert running.stdin is not None
    running.stdin.write(content[: LARGE // 2])
    running.terminate()
    _, log = running.communicate(timeout=120)
    assert (running.returncode, log.count(b"\n")) == (143, 1), log
    assert [path.name for path in source.parent.iterdir()] == ["a.dcm"]
    source.write_bytes(content)
    running = start(source, "-", *key)
    assert running.stdout is not None
    assert running.stdout.read(1) == content[:1]
    running.terminate()
    out, log = running.communicate(timeout=120)
    assert (running.returncode, len(out) < LARGE, log.count(b"\n")) == (143, True, 1), log
    assert b"the object on standard output may be incomplete" in log


def test_a_full_disk_behind_standard_output_is_told(source: Path, key: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        running = start(source, "-", *key, stdout=full.fileno())
        _, log = running.communicate(timeout=120)
    assert (running.returncode, log) == (4, b"Failed: No space left on device\n")


@pytest.mark.parametrize(("closed", "arguments"), [(">&-", ["$1", "-"]), ("<&-", ["-", "$2"]), ("<&- >&-", ["-", "-"])])
def test_closed_streams_are_told(source: Path, key: list[str], closed: str, arguments: list[str]) -> None:
    out = source.with_name("out.dcm")
    script = f'exec "$3" -m pipeline file {" ".join(arguments)} --key "$4" {closed}'
    done = subprocess.run(
        ["sh", "-c", script, "sh", source, out, COMMAND[0], key[1]], stderr=subprocess.PIPE, env=environment(), check=False
    )
    told(subprocess.CompletedProcess([], done.returncode, b"", done.stderr), 2, "closed")
    assert not out.exists()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_a_terminal_is_no_place_for_an_object(source: Path, key: list[str], terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    running = start(source, "-", *key, stdout=theirs)
    _, log = running.communicate(timeout=120)
    assert (running.returncode, b"terminal" in log) == (2, True), log
    os.set_blocking(ours, False)
    with pytest.raises(BlockingIOError):
        os.read(ours, 1)
    running = start("-", source.with_name("out.dcm"), *key, stdin=theirs)
    _, log = running.communicate(timeout=120)
    assert (running.returncode, b"terminal" in log) == (2, True), log


def test_a_stream_that_would_not_wait_is_waited_for(key: list[str]) -> None:
    content = large()
    taken, out = os.pipe()
    os.set_blocking(out, False)
    running = start("-", "-", *key, stdout=out)
    os.close(out)
    assert running.stdin is not None
    running.stdin.write(content)
    running.stdin.close()
    time.sleep(0.5)
    with open(taken, "rb") as stream:
        found = stream.read()
    assert (running.wait(timeout=120), found == expected(content, key)) == (0, True)
