"""Names and links that mean harm: nothing of a name is told, and nothing goes round in circles."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.limits import COMMAND, Ended, run_measured
from tests.support.runs import Run, audit_of, ct_file
from tests.support.tokens import Tokens

#: what is done to a token that is a name
HOSTILE = {
    "breaks lines": b"%b\nERROR: %b\n",
    "no text": b"\xff\xfe%b\xe9",
    "wildcards": b"%b*?[b]",
    "markup": b"[red]%b[x]",
    "an option": b"--%b",
    "long": b"%b" + b"x" * 200,
    "a URI": b"gs:%b",
    "a terminal's": b"\x1b[31m%b\x07",
}


def run(source: Path | bytes, output: Path | bytes, key: Path) -> Ended:
    """The command over ``source``."""
    return run_measured(*COMMAND, "run", "--input", source, "--output", output, "--key", f"file:{key}")


def report(output: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((audit_of(output) / "run.json").read_text())
    return content


@pytest.mark.parametrize("form", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_name_is_told(tmp_path: Path, key_file: Path, form: bytes) -> None:
    tokens = Tokens()
    # what is read, what is no DICOM, and what breaks off
    for content in (ct_file("1.2.3.4"), b"text", ct_file("1.2.3.5")[:-3]):
        names = [form.replace(b"%b", tokens.text().encode()) for _ in range(2)]
        os.makedirs(os.path.join(bytes(tmp_path), b"in", names[0]))
        with open(os.path.join(bytes(tmp_path), b"in", *names), "wb") as stream:
            stream.write(content)
    ended = run(tmp_path / "in", tmp_path / "out", key_file)
    assert ended.code == 3, ended.log
    found = Run(tmp_path / "out", ended.code, ended.log)
    assert found.report["listed"] == 3 and found.report["reasons"] == {"not-dicom": 1, "truncated": 1}
    assert tokens.found_in(ended.log.encode()) == [] and "Traceback" not in ended.log
    for path in (*found.output.rglob("*"), *found.audit.rglob("*")):
        assert tokens.found_in(bytes(path.relative_to(tmp_path))) == []
        assert path.is_dir() or tokens.found_in(path.read_bytes()) == []
    assert tokens.found_in(repr(found.table("instances")).encode()) == []


@pytest.mark.parametrize("name", [b"\xff\xfe\xe9", b"new\nline", b"[/b]x", b"a*b?[c"])
def test_inputs_and_outputs_may_have_any_name(tmp_path: Path, key_file: Path, name: bytes) -> None:
    place = os.path.join(bytes(tmp_path), name)
    os.makedirs(place)
    source = os.path.join(place, b"file" + name.replace(b"/", b""))
    with open(source, "wb") as stream:
        stream.write(ct_file("1.2.3.4"))
    for number, given in enumerate((place, source)):
        # the output's name is the user's own, and is told
        output = os.path.join(bytes(tmp_path), b"out%d" % number, name)
        ended = run(given, output, key_file)
        assert (ended.code, "Traceback" in ended.log) == (0, False), ended.log
        assert report(Path(os.fsdecode(output)))["counts"]["written"] == 1  # type: ignore[index]


@pytest.fixture
def circles(tmp_path: Path) -> Path:
    """A folder with links that lead to each other, to themselves and out, and one file in all that can be read."""
    outside = tmp_path / "outside"
    for number in range(30):
        (outside / str(number)).mkdir(parents=True)
    for number in range(30):
        for turn in "lr":
            (outside / str(number) / turn).symlink_to(outside / str((number + 1) % 30))
    folder = tmp_path / "in"
    (folder / "a" / "b").mkdir(parents=True)
    for number in range(12):
        (folder / f"round{number}").symlink_to(folder)
        (folder / "a" / f"round{number}").symlink_to(folder)
        (folder / "a" / "b" / f"round{number}").symlink_to("..")
    (folder / "out").symlink_to(outside / "0")
    (folder / "a" / "out").symlink_to(outside / "7")
    (folder / "itself").symlink_to("itself")
    (folder / "one").symlink_to("other")
    (folder / "other").symlink_to("one")
    (outside / "29" / "file.dcm").write_bytes(ct_file("1.2.3.4"))
    return folder


@pytest.mark.parametrize("pattern", ["", "*", "**/*", "**", "**/*.dcm"])
def test_links_that_lead_in_circles_end(circles: Path, tmp_path: Path, key_file: Path, pattern: str) -> None:
    ended = run(circles / pattern, tmp_path / "output", key_file)
    assert ended.code == (0 if pattern == "**/*.dcm" else 3), ended.log
    found = report(tmp_path / "output")
    assert found["counts"]["written"] == 1  # type: ignore[index]
    # each match of a glob is listed by itself, whatever others there are
    unreadable = {"": 3, "*": 3 * 14, "**/*.dcm": 0}.get(pattern, 3)
    assert found["reasons"].get("unreadable", 0) == unreadable  # type: ignore[attr-defined]
    assert ended.seconds < 30


def test_folders_may_be_deeper_than_paths_are_long(tmp_path: Path, key_file: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    try:
        os.mkdir(tmp_path / "in")
        os.chdir(tmp_path / "in")
        for number in range(2500):
            if number in (10, 1900):
                Path("file").write_bytes(ct_file(f"1.2.3.{number}"))
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.fchdir(here)
        os.close(here)
    ended = run(tmp_path / "in", tmp_path / "out", key_file)
    assert ended.code == 3, ended.log
    found = report(tmp_path / "out")
    # what no path leads to any more is one object that can't be read
    assert (found["listed"], found["reasons"]) == (3, {"unreadable": 1})
    # Python's own way to remove it is as deep
    subprocess.run(["rm", "-rf", tmp_path / "in"], check=True)
