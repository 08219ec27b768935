"""Objects whose pixels may show who somebody is, by the real command: refused with their reasons, or kept and never praised."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from anonymizer import Key
from anonymizer.internals import Pseudonyms
from tests.support.objects import CT, SC, Element, ct, part10, read
from tests.support.runs import Run, deidentify, run_command

ULTRASOUND, SLIDE = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.77.1.6"
OF_CLASS, IMAGE_TYPE, BURNED_IN = "(0008,0016)", "(0008,0008)", "(0028,0301)"

#: name of each object at risk -> its risks, the one that is told first, and the tag that tells
AT_RISK: dict[str, tuple[list[str], str]] = {
    "ultrasound": (["pixel-risk-ultrasound"], OF_CLASS),
    "capture": (["pixel-risk-secondary-capture"], OF_CLASS),
    "admits": (["burned-in-annotation"], BURNED_IN),
    "label": (["pixel-specimen-label", "pixel-risk-microscopy"], IMAGE_TYPE),
}
RISKS = sorted(risk for risks, _ in AT_RISK.values() for risk in risks)
KEEPING = "--pixels=keep"


def image(number: int, sop_class: str, *extra: Element) -> bytes:
    """A small image of a class in a study and series of its own."""
    uids = [Element(tag, "UI", f"1.2.3.{number}.{tag & 0xFF}") for tag in (0x00080018, 0x0020000D, 0x0020000E)]
    return part10(ct(*uids, *extra, sop_class=sop_class), sop_class=sop_class)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "ct").write_bytes(image(1, CT))
    (folder / "ultrasound").write_bytes(image(2, ULTRASOUND))
    (folder / "capture").write_bytes(image(3, SC, Element(0x00280301, "CS", "NO")))
    # in other words than YES
    (folder / "admits").write_bytes(image(4, CT, Element(0x00280301, "CS", "Y")))
    (folder / "label").write_bytes(image(5, SLIDE, Element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\LABEL\\NONE")))
    return folder


@pytest.fixture(scope="module")
def refusing(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(archive, tmp_path_factory.mktemp("refusing") / "out", key_file)


@pytest.fixture(scope="module")
def keeping(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(archive, tmp_path_factory.mktemp("keeping") / "out", key_file, KEEPING)


def rows(run: Run, archive: Path, key_file: Path) -> dict[str, dict[str, Any]]:
    """Rows by the names of their sources."""
    source_id = Pseudonyms(Key(key_file.read_bytes())).source_id
    names = {source_id(path.name.encode()): path.name for path in archive.iterdir()}
    return {names[row["source_id"]]: row for row in run.table("instances")}


def counted(status: str) -> dict[str, dict[str, int]]:
    """What run.json says of the archive's risks where all objects at risk have ``status``."""
    return {risk: {"quarantined": 0, "kept": 0} | {status: 1} for risk in RISKS}


def codes(content: bytes) -> tuple[str, set[str]]:
    """PatientIdentityRemoved, and the codes of what was done, as an output has them."""
    dataset = read(content)
    return dataset.PatientIdentityRemoved, {item.CodeValue for item in dataset.get("DeidentificationMethodCodeSequence", [])}


def test_by_default_objects_at_risk_are_refused(archive: Path, key_file: Path, refusing: Run) -> None:
    assert refusing.code == 3
    found = rows(refusing, archive, key_file)
    assert found.keys() == {"ct", *AT_RISK}
    written = found.pop("ct")
    assert (written["status"], written["reason"], written["pixel_risks"]) == ("written", None, [])
    assert refusing.objects().keys() == {written["output_name"]}
    assert codes(refusing.objects()[written["output_name"]]) == ("YES", {"113100"})
    assert {
        name: (row["status"], row["reason"], row["pixel_risks"], row["reason_tag"], row["output_name"])
        for name, row in found.items()
    } == {name: ("quarantined", risks[0], risks, tag, None) for name, (risks, tag) in AT_RISK.items()}


def test_run_json_counts_each_risk_as_refused(refusing: Run) -> None:
    report = refusing.report
    assert report["counts"] == {"written": 1, "skipped": 0, "duplicate": 0, "filtered": 0, "quarantined": 4}
    assert report["reasons"] == {risks[0]: 1 for risks, _ in AT_RISK.values()}
    assert report["pixel_risks"] == counted("quarantined")
    settings = {"pixels": "quarantine", "trust_burned_in_no": False, "faces": "keep", "pixel_risk_digest": None}
    assert report["origin"].items() >= settings.items()


def test_the_summary_names_the_reasons_and_the_flag(refusing: Run) -> None:
    for risks, _ in AT_RISK.values():
        assert risks[0] in refusing.log
    assert "look at them, then give" in refusing.log
    # a label is one of microscopy, too, but that isn't its reason
    assert "pixel-risk-microscopy, all that are quarantined" in refusing.log
    assert "--pixels keep to let them pass" in refusing.log
    assert "kept" not in refusing.log


def test_a_run_without_risks_says_nothing_of_them_unless_it_would_keep_them(
    archive: Path, key_file: Path, tmp_path: Path
) -> None:
    for flags in ([], [KEEPING]):
        run = deidentify(archive / "ct", tmp_path / f"out{len(flags)}", key_file, *flags)
        assert (run.code, run.report["pixel_risks"]) == (0, {})
        assert ("--pixels keep: objects" in run.log) is bool(flags)
        assert "pixel-" not in run.log and "to let" not in run.log and "but kept" not in run.log


def test_heads_that_are_refused_are_not_told_as_kept(archive: Path, key_file: Path, tmp_path: Path) -> None:
    run = deidentify(archive / "ct", tmp_path / "out", key_file, KEEPING, "--faces=quarantine")
    assert (run.code, run.report["pixel_risks"]) == (3, {"pixel-risk-face": {"quarantined": 1, "kept": 0}})
    assert "remove faces" in run.log and "--faces keep to let heads pass" in run.log
    assert "but kept" not in run.log


def test_kept_objects_at_risk_are_written_and_do_not_claim_the_profile(archive: Path, key_file: Path, keeping: Run) -> None:
    assert keeping.code == 0, keeping.log
    found = rows(keeping, archive, key_file)
    assert {name: (row["status"], row["reason"], row["pixel_risks"]) for name, row in found.items()} == {
        "ct": ("written", None, []),
        **{name: ("written", None, risks) for name, (risks, _) in AT_RISK.items()},
    }
    objects = keeping.objects()
    assert len(objects) == 5
    assert {name: codes(objects[row["output_name"]]) for name, row in found.items()} == {
        "ct": ("YES", {"113100"}),
        **dict.fromkeys(AT_RISK, ("NO", set())),
    }
    says_no = {name for name, row in found.items() if "identity-not-removed" in row["notes"]}
    assert says_no == set(AT_RISK)
    assert all(b"Doe^Jane" not in content and b"MRN-4711" not in content for content in objects.values())


def test_other_codes_than_that_of_the_profile_stay(archive: Path, key_file: Path, tmp_path: Path) -> None:
    run = deidentify(archive, tmp_path / "out", key_file, KEEPING, "--options=RetainUIDs,RetainLongFullDates")
    found = rows(run, archive, key_file)
    assert {name: codes(run.objects()[row["output_name"]]) for name, row in found.items()} == {
        "ct": ("YES", {"113100", "113110", "113106"}),
        **dict.fromkeys(AT_RISK, ("NO", {"113110", "113106"})),
    }


def test_run_json_and_the_summary_count_what_was_kept(keeping: Run) -> None:
    report = keeping.report
    assert (report["counts"]["written"], report["reasons"]) == (5, {})
    assert report["pixel_risks"] == counted("kept")
    assert report["origin"]["pixels"] == "keep"
    for risk in RISKS:
        assert f"{risk}, but kept" in keeping.log
    assert "--pixels keep: objects whose pixels may identify a person were written" in keeping.log
    assert "PatientIdentityRemoved NO" in keeping.log
    assert "to let" not in keeping.log


@pytest.mark.parametrize("resume", [[], ["--resume"]], ids=["again", "resume"])
@pytest.mark.parametrize(("first", "then"), [([], [KEEPING]), ([KEEPING], [])], ids=["then keep", "then refuse"])
def test_an_output_is_not_continued_with_the_other_setting(
    archive: Path, key_file: Path, tmp_path: Path, first: list[str], then: list[str], resume: list[str]
) -> None:
    run = deidentify(archive, tmp_path / "out", key_file, *first)
    before = run.report, run.objects()
    other = deidentify(archive, tmp_path / "out", key_file, *then, *resume)
    assert other.code == 2, other.log
    assert "--output was made with other settings (pixels" in other.log
    assert (run.report, run.objects()) == before


def test_the_earlier_name_of_the_flag_does_the_same(archive: Path, key_file: Path, tmp_path: Path, keeping: Run) -> None:
    run = deidentify(archive, tmp_path / "out", key_file, "--burned-in", "keep")
    assert (run.code, run.report["pixel_risks"], run.report["origin"]["pixels"]) == (0, counted("kept"), "keep")
    assert run.objects() == keeping.objects()
    assert deidentify(archive, tmp_path / "out", key_file, KEEPING, "--resume").report["counts"]["skipped"] == 5


def test_a_trusted_no_clears_the_capture_alone(archive: Path, key_file: Path, tmp_path: Path) -> None:
    run = deidentify(archive, tmp_path / "out", key_file, "--trust-burned-in-no")
    found = rows(run, archive, key_file)
    capture = found.pop("capture")
    assert (capture["status"], capture["pixel_risks"]) == ("written", [])
    assert codes(run.objects()[capture["output_name"]]) == ("YES", {"113100"})
    assert {name: (row["status"], row["pixel_risks"]) for name, row in found.items()} == {
        "ct": ("written", []),
        **{name: ("quarantined", risks) for name, (risks, _) in AT_RISK.items() if name != "capture"},
    }
    assert run.report["origin"]["trust_burned_in_no"] is True
    other = deidentify(archive, tmp_path / "out", key_file)
    assert (other.code, "other settings (trust burned in no" in other.log) == (2, True), other.log


def test_a_sites_own_row_refuses_what_it_names(key_file: Path, tmp_path: Path) -> None:
    folder, table = tmp_path / "in", tmp_path / "ours.csv"
    folder.mkdir()
    for number, (name, maker) in enumerate((("theirs", "ACME Ltd"), ("other", "Maker"))):
        (folder / name).write_bytes(image(number, CT, Element(0x00080070, "LO", maker)))
    table.write_text(
        "reason,sop_classes,condition,burned_in_no,why\npixel-risk-site,CTImageStorage,Manufacturer contains ACME,,ours\n"
    )
    run = deidentify(folder, tmp_path / "out", key_file, "--pixel-risk", str(table))
    assert run.code == 3, run.log
    found = rows(run, folder, key_file)
    assert (found["other"]["status"], found["other"]["pixel_risks"]) == ("written", [])
    theirs = found["theirs"]
    assert (theirs["status"], theirs["reason"], theirs["reason_tag"]) == ("quarantined", "pixel-risk-site", OF_CLASS)
    assert theirs["pixel_risks"] == ["pixel-risk-site"]
    assert run.report["pixel_risks"] == {"pixel-risk-site": {"quarantined": 1, "kept": 0}}
    (file,) = json.loads((run.audit / "run-restricted.json").read_text())["files"]
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    assert file == {"option": "pixel_risk", "path": str(table), "sha256": digest}
    # who reads the account can't try out which table it was
    assert run.report["origin"]["pixel_risk_digest"] not in (None, digest)
    assert "pixel-risk-site" in run.log
    # the table is a setting, too
    other = deidentify(folder, tmp_path / "out", key_file)
    assert (other.code, "other settings (pixel risk digest" in other.log) == (2, True), other.log


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("reason,classes\npixel-risk-site,any\n", "the columns are"),
        ("reason,sop_classes,condition\npixel-risk-site,CTImageStorage\n", "line 2: it has not as many cells as the head"),
        ("reason,sop_classes\nours,CTImageStorage\n", "line 2: the reason is"),
        ("reason,sop_classes\nnone,CTImageStorage\n", "line 2: rows of a file only add risks"),
        ("reason,sop_classes\npixel-risk-site,NoSuchStorage\n", "line 2: a SOP class that PS3.6 doesn't have"),
        ("reason,sop_classes,condition\npixel-risk-site,any,Manufacturer resembles ACME\n", "line 2: "),
        ("reason,sop_classes,condition\npixel-risk-site,any,Manufactuer contains ACME\n", "line 2: "),
    ],
)
def test_a_broken_table_is_told_in_one_sentence(
    archive: Path, key_file: Path, tmp_path: Path, content: str, message: str
) -> None:
    table = tmp_path / "ours.csv"
    table.write_text(content)
    key, flags = ("--key", f"file:{key_file}"), ("--pixel-risk", str(table))
    for arguments in (
        ("run", "--input", str(archive), "--output", str(tmp_path / "out"), *key, *flags),
        ("file", str(archive / "ct"), str(tmp_path / "out"), *key, *flags),
    ):
        done = run_command(*arguments)
        (line,) = done.stderr.splitlines()
        assert (done.returncode, done.stdout) == (2, "")
        assert line.startswith("Error: ours.csv")
        assert message in line
    assert [path.name for path in tmp_path.iterdir()] == ["ours.csv"]


def test_what_was_kept_or_refused_stays_counted_so_when_a_run_goes_on(archive: Path, key_file: Path, tmp_path: Path) -> None:
    for flags, status, written in (([KEEPING], "kept", 5), ([], "quarantined", 1)):
        output = tmp_path / status
        first = deidentify(archive, output, key_file, *flags)
        before = rows(first, archive, key_file)
        # twice: the second takes it from a run that had it from the first
        for _ in range(2):
            run = deidentify(archive, output, key_file, *flags, "--resume")
            assert run.code == first.code
            assert (run.report["counts"]["written"], run.report["counts"]["skipped"]) == (0, written)
            assert run.report["pixel_risks"] == counted(status)
            again = rows(run, archive, key_file)
            for column in ("reason", "reason_tag", "pixel_risks"):
                assert {name: row[column] for name, row in again.items()} == {name: row[column] for name, row in before.items()}


def test_one_file_is_refused_as_in_a_run_and_kept_as_in_a_run(
    archive: Path, key_file: Path, tmp_path: Path, keeping: Run
) -> None:
    kept = rows(keeping, archive, key_file)
    out = tmp_path / "out.dcm"
    for name, (risks, tag) in AT_RISK.items():
        command = ["file", str(archive / name), str(out), "--key", f"file:{key_file}"]
        done = run_command(*command)
        assert done.returncode == 3
        told, advice = done.stderr.splitlines()
        assert told == f"Quarantined, nothing written: {risks[0]} at {tag}"
        assert "--pixels keep to let the object pass" in advice
        assert list(tmp_path.iterdir()) == []
        assert run_command(*command, KEEPING).returncode == 0
        assert out.read_bytes() == (keeping.output / kept[name]["output_name"]).read_bytes()
        out.unlink()
