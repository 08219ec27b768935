"""Where the audit lies on object storage, and what objects there say of themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.runs import Run, ct_file, deidentify, run_command
from tests.support.stores import KINDS, Store, store


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(ct_file("1.2.3.1"))
    (folder / "none.txt").write_text("no DICOM")
    return folder


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Store:
    return store(request.param, request)


def ours(metadata: dict[str, Any]) -> dict[str, str]:
    """What somebody put beside an object: stores have three words for it."""
    found: dict[str, str] = metadata.get("metadata") or metadata.get("Metadata") or {}
    return {name.replace("_", "-"): value for name, value in found.items()}


def test_objects_tell_of_source_key_and_run_only_when_asked_to(place: Store, archive: Path, key_file: Path) -> None:
    beginning, server, env, flags = place
    research, whole = place.new_bucket("research"), place.new_bucket("whole")
    command = ["run", "--input", str(archive), "--key", f"file:{key_file}", *flags]
    silent = run_command(*command, "--output", f"{beginning}{research}/out", env=env)
    assert silent.returncode == 0, silent.stderr
    names = list(server.objects(research))
    assert {name.partition("/")[0] for name in names} == {"out", "out-audit"}
    assert {name for name in names if name.startswith("out/")} == {name for name in names if name.endswith(".dcm")}
    assert len([name for name in names if name.endswith(".dcm")]) == 1
    assert [name for name in names if ours(server.metadata(research, name))] == []

    # a whole bucket, with its audit in another one
    places = ["--output", f"{beginning}{whole}", "--audit", f"{beginning}{research}/restricted"]
    telling = run_command(*command, *places, "--object-metadata", env=env)
    assert telling.returncode == 0, telling.stderr
    (name,) = server.objects(whole)
    audit = {name: content for name, content in server.objects(research).items() if name.startswith("restricted/")}
    report = json.loads(audit["restricted/run.json"])
    found = ours(server.metadata(whole, name))
    source_id = found.pop("source-id")
    assert found == {
        "key-id": report["key_id"],
        "profile-digest": report["profile_digest"],
        "run-id": report["run_id"],
    }
    assert report["settings"]["object_metadata"] is True
    local = Run(archive.parent / "out", 0, "")
    assert deidentify(archive, local.output, key_file).code == 0
    assert source_id in {row["source_id"] for row in local.table("instances") if row["status"] == "written"}
    assert [name for name in audit if ours(server.metadata(research, name))] == []
    assert json.loads(server.objects(research)["out-audit/run.json"])["settings"]["object_metadata"] is False
