"""The settings of a run: in words in ``run.json``, and what names people or places apart from them."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from pipeline.runs.restricted import RESTRICTED_FILE
from pipeline.runs.settings import _without_secrets
from tests.support.runs import ct_file, deidentify

SECRET = "SECRETNAME"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / f"{SECRET}-in"
    folder.mkdir()
    (folder / f"{SECRET}.dcm").write_bytes(ct_file("1.2.3.1"))
    return folder


def test_each_setting_is_told_and_no_name_but_in_the_restricted_file(archive: Path, key_file: Path, tmp_path: Path) -> None:
    rules = tmp_path / f"{SECRET}.csv"
    rules.write_text(f"(0008,0080);K!\n(0010,4000);D;{SECRET} value\n0019{{{SECRET}}}01;K!\n")
    flags = [
        "--profile",
        str(rules),
        "--options=CleanDesc,RetainLongModifDates",
        "--cap-ages",
        "--strict",
        "--date-shift=-70d..-7d/7d",
    ]
    flags += [f"--patient-name={SECRET}", "--scope", f"{SECRET} scope", "--pixels=keep", "--conflicts=keep-one"]
    run = deidentify(archive, tmp_path / "out", key_file, *flags)
    assert run.code == 0, run.log
    settings = run.report["settings"]
    assert {"BasicProfile", "RetainLongModifDates", "CleanDesc"} == set(settings["options"])
    told = {
        name: settings[name] for name in ("cap_ages", "strict", "date_shift", "pixels", "conflicts", "patient_name", "patient_id")
    }
    assert told == {
        "cap_ages": True,
        "strict": True,
        "date_shift": "-70d..-7d/7d",
        "pixels": "keep",
        "conflicts": "keep-one",
        "patient_name": "text",
        "patient_id": "pseudonym",
    }
    assert [rule["pattern"] for rule in settings["custom_rules"]] == ["(0008,0080)", "(0010,4000)", "(pattern)"]
    assert [rule["has_value"] for rule in settings["custom_rules"]] == [False, True, False]
    assert settings["scope_digest"] and settings["files"][0]["digest"]
    for path in run.audit.iterdir():
        assert path.name in ("run-restricted.json", "report-review.html") or SECRET.encode() not in path.read_bytes(), path.name
    restricted = run.audit / "run-restricted.json"
    assert stat.S_IMODE(restricted.stat().st_mode) == 0o600
    said = json.loads(restricted.read_text())
    assert said["run_id"] == run.report["run_id"] and settings["restricted"] == "run-restricted.json"
    assert said["inputs"] == [str(archive)] and said["files"][0]["path"] == str(rules)
    assert said["scope"] == f"{SECRET} scope" and said["custom_rules"][1]["value"] == f"{SECRET} value"


def test_a_setting_that_was_changed_changes_the_digest(archive: Path, key_file: Path, tmp_path: Path) -> None:
    found = set()
    for number, flags in enumerate(
        [[], ["--strict"], ["--cap-ages"], ["--patient-name=x"], ["--pixels=keep"], ["--uid-root=1.2.3"]]
    ):
        run = deidentify(archive, tmp_path / str(number), key_file, *flags)
        (row,) = run.table("instances")
        assert row["settings_digest"] == run.report["settings"]["settings_digest"]
        found.add(row["settings_digest"])
    assert len(found) == 6


def test_the_file_is_put_aside_with_its_account(archive: Path, key_file: Path, tmp_path: Path) -> None:
    first = deidentify(archive, tmp_path / "out", key_file)
    run_id = first.report["run_id"]
    second = deidentify(archive, tmp_path / "out", key_file, "--resume")
    aside = json.loads((second.audit / "earlier" / run_id / "run-restricted.json").read_text())
    now = json.loads((second.audit / "run-restricted.json").read_text())
    assert (aside["run_id"], now["run_id"]) == (run_id, second.report["run_id"])


def test_a_run_that_fails_leaves_none(archive: Path, key_file: Path, tmp_path: Path) -> None:
    run = deidentify(archive, tmp_path / "out", key_file)
    for path in archive.iterdir():
        path.unlink()
    (archive / "another.dcm").write_bytes(ct_file("1.2.3.2"))
    failed = deidentify(archive, tmp_path / "out", key_file, "--resume", "--max-gone=0")
    assert failed.code == 1, failed.log
    names = {path.name for path in run.audit.iterdir() if "restricted" in path.name}
    assert names == {"run-restricted.json"}
    assert json.loads((run.audit / "run-restricted.json").read_text())["run_id"] == run.report["run_id"]


def test_with_a_certificate_only_its_holder_reads_it(archive: Path, key_file: Path, tmp_path: Path) -> None:
    certificate, private = tmp_path / "cert.pem", tmp_path / "private.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", private, "-out", certificate, "-subj", "/CN=x"],
        check=True,
        capture_output=True,
    )
    flags = ["--crosswalk", str(tmp_path / "crosswalk"), "--crosswalk-certificate", str(certificate)]
    run = deidentify(archive, tmp_path / "out", key_file, *flags)
    assert run.code == 0, run.log
    encrypted = run.audit / "run-restricted.json.p7m"
    assert run.report["settings"]["restricted"] == encrypted.name and SECRET.encode() not in encrypted.read_bytes()
    opened = subprocess.run(
        ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", encrypted, "-inkey", private], check=True, capture_output=True
    )
    assert json.loads(opened.stdout)["inputs"] == [str(archive)]


def test_no_secret_of_a_command_line_is_kept() -> None:
    line = ["run", "--s3_secret_access_key=abc", "--azure_connection_string", "def", "--key", "file:/k", "--s3_region_name=x"]
    assert list(_without_secrets(line)) == [
        *("run", "--s3_secret_access_key=(hidden)", "--azure_connection_string", "(hidden)"),
        *("--key", "file:/k", "--s3_region_name=x"),
    ]


def test_what_a_dead_run_left_half_said_is_no_more_there_after_the_next(archive: Path, key_file: Path) -> None:
    runs = [deidentify(archive, archive.parent / "out", key_file, "--resume") for _ in range(2)]
    audit = runs[-1].audit
    (aside,) = (audit / "earlier").iterdir()
    now = runs[-1].report["run_id"]
    said = {place: (place / RESTRICTED_FILE).read_bytes() for place in (aside, audit)}
    # as if they had died before they gave it its name, and one that came to nothing
    for place, run_id in ((aside, aside.name), (audit, now)):
        (place / RESTRICTED_FILE).rename(audit / f"run-restricted-{run_id}.json")
    (audit / f"run-restricted-{now[:-1]}x.json").write_text("{}")
    nobody = "20200101000000deadbeef"
    (audit / f"run-restricted-{nobody}.json").write_text("{}")
    assert deidentify(archive, archive.parent / "out", key_file, "--resume").code == 0
    assert (aside / RESTRICTED_FILE).read_bytes() == said[aside]
    assert (audit / "earlier" / now / RESTRICTED_FILE).read_bytes() == said[audit]
    # what no run is called is nobody's to remove
    assert [path.name for path in audit.glob("run-restricted-*")] == [f"run-restricted-{now[:-1]}x.json"]
