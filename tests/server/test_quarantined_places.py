"""``dicom-deid quarantined`` where inputs and audit lie on object storage: by real servers and commands."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

from tests.support.objects import Element
from tests.support.runs import ct_file, run_command
from tests.support.stores import KINDS, store

RISKY = Element(0x00280301, "CS", "YES")


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        target.writestr("s/good", ct_file("1.2.3.3"))
        target.writestr("s/risky", ct_file("1.2.3.4", RISKY))
    return packed.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_found_and_another_run_takes_them_up(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, key_file: Path
) -> None:
    place = store(kind, request)
    beginning, server, env, flags = place
    whole, research = place.new_bucket("whole"), place.new_bucket("research")
    contents = {"in/a b/good": ct_file("1.2.3.1"), "in/a b/risky": ct_file("1.2.3.2", RISKY), "in/some.zip": zipped()}
    server.put_all(whole, contents)
    archive, output, manifest = f"{beginning}{whole}/in", f"{beginning}{research}/out", tmp_path / "refused.csv"
    more = ("--key", f"file:{key_file}", *flags)
    run = run_command("run", "--input", archive, "--output", output, *more, env=env)
    assert run.returncode == 3, run.stderr
    command = ("quarantined", "--input", archive, "--audit", f"{output}-audit", *more)
    found = run_command(*command, "--csv", env=env)
    assert found.returncode == 0, found.stderr
    assert run_command(*command, "--manifest", str(manifest), env=env).returncode == 0
    rows = {row["source"]: row["uri"] for row in csv.DictReader(io.StringIO(found.stdout, newline=""))}
    assert rows == {"a b/risky": f"{archive}/a b/risky", "some.zip!/s/risky": f"{archive}/some.zip"}
    devices = run_command(*command, "--devices", "--csv", env=env)
    assert devices.returncode == 0, devices.stderr
    assert sum(int(row["objects"]) for row in csv.DictReader(io.StringIO(devices.stdout, newline=""))) == 2
    again = ("run", "--input", str(manifest), "--output", f"{beginning}{research}/again", "--pixels", "keep")
    assert run_command(*again, *more, env=env).returncode == 0
    assert sum(name.startswith("again/") for name in server.objects(research)) == 2
