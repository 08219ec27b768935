"""The command line as users meet it: one file, several inputs, keys, outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anonymizer import Anonymizer
from tests.support.keys import OTHER_KEY, write_key
from tests.support.objects import Element, ct, part10
from tests.support.runs import ct_file, run_command, run_real_command


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(ct_file("1.2.3.1"))
    return folder


def test_globs_and_files_beside_the_output_are_fine(archive: Path, tmp_path: Path, key_file: Path) -> None:
    glob = str(archive / "*.dcm")
    for number, location in enumerate((glob, str(archive / "a.dcm"))):
        output = archive / f"out{number}"
        done = run_command("run", "--input", location, "--output", str(output), "--key", f"file:{key_file}")
        assert done.returncode == 0, done.stderr
        assert len(list(output.rglob("*.dcm"))) == 1


def test_an_output_of_another_key_or_profile_is_refused(archive: Path, tmp_path: Path, key_file: Path) -> None:
    other = tmp_path / "other"
    write_key(other, OTHER_KEY)
    output = str(tmp_path / "out")
    assert run_command("run", "--input", str(archive), "--output", output, "--key", f"file:{key_file}").returncode == 0
    for arguments in (
        ["--key", f"file:{other}"],
        ["--key", f"file:{key_file}", "--scope", "other"],
        ["--key", f"file:{key_file}", "--options", "RetainUIDs"],
        ["--key", f"file:{key_file}", "--patient-name", "X"],
    ):
        done = run_command("run", "--input", str(archive), "--output", output, *arguments)
        assert done.returncode == 2
        assert "other settings" in done.stderr
    assert "--key is needed" in run_command("run", "--input", str(archive), "--output", output).stderr


def test_without_a_key_a_run_makes_one_and_says_so(archive: Path, tmp_path: Path) -> None:
    names = set()
    for number in range(2):
        output = tmp_path / f"out{number}"
        done = run_command("run", "--input", str(archive), "--output", str(output))
        assert done.returncode == 0
        assert "no later run can continue it" in done.stderr
        names |= {path.name for path in output.rglob("*.dcm")}
    assert len(names) == 2


def test_several_inputs_and_an_audit_elsewhere(archive: Path, tmp_path: Path, key_file: Path) -> None:
    second = tmp_path / "in2"
    second.mkdir()
    (second / "a.dcm").write_bytes(ct_file("1.2.3.2"))
    done = run_command(
        *("run", "--input", str(archive), "--input", str(second), "--output", str(tmp_path / "out")),
        *("--audit", str(tmp_path / "audit"), "--key", f"file:{key_file}"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "audit" / "run.json").read_text())["counts"]["written"] == 2
    assert not (tmp_path / "out-audit").exists()


def test_one_file_gets_the_bytes_that_the_api_gives(archive: Path, tmp_path: Path, key_file: Path) -> None:
    out = tmp_path / "out.dcm"
    done = run_command("file", str(archive / "a.dcm"), str(out), "--key", f"file:{key_file}")
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == Anonymizer(key=f"file:{key_file}").anonymize((archive / "a.dcm").read_bytes())


def test_one_file_that_is_refused_leaves_nothing(tmp_path: Path, key_file: Path) -> None:
    source, out = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(part10(ct(Element(0x00280301, "CS", "YES"))))
    done = run_command("file", str(source), str(out), "--key", f"file:{key_file}")
    assert done.returncode == 3
    assert "burned-in-annotation" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.dcm"]
    assert run_command("file", str(source), str(out), "--key", f"file:{key_file}", "--burned-in", "keep").returncode == 0
    assert out.exists()


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["reidentify", "--help"], ["explain", "--csv"], ["file"]])
def test_only_a_run_imports_beam(command: list[str], archive: Path, tmp_path: Path) -> None:
    if command == ["file"]:
        command = ["file", str(archive / "a.dcm"), str(tmp_path / "out.dcm")]
    done = run_real_command(*command, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 0
    modules = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "pipeline.cli" in modules
    heavy = {"apache_beam", "pyarrow", "grpc", "google.cloud.storage"} | ({"pydicom"} if "--help" in command else set())
    assert heavy & modules == set()
