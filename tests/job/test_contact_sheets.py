"""Contact sheets by the real command: what was there, what is left, and a verdict that the next run acts on."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anonymizer import Key
from anonymizer.internals import KeyedUids
from benchmarks.recorder import recorded
from pipeline.cli import main
from pipeline.errors import UsageError
from pipeline.options import ContactSheetOptions, JobOptions
from pipeline.place_checks import check_contact_sheets
from profiles import ConfidentialityProfile
from tests.support.certificates import key_pair
from tests.support.graphs import submitted
from tests.support.labelled_pixels import Kind
from tests.support.objects import Element
from tests.support.pixel_archive import KINDS, RULES, fill, image
from tests.support.runs import Run, deidentify
from tests.support.sheets import Shown, check_offline, is_marked, sheets_of, shown_on
from transforms import decrypt, load_private_key
from transforms.contact_sheets.sheets_target import SheetsTarget

CLEAN = "--options=CleanPixelData"
#: large enough to be looked at
LARGE = Kind("MONOCHROME2", rows=200, columns=300, frames=5)
DEVICE = "ACME <b>&amp; Sons"
RULE = 'large,Manufacturer starts with "ACME <b>",200,300,clean,"0,0,300,16;200,180,300,200",,tests\n'


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("rules") / "rules.csv"
    path.write_text(RULES + RULE)
    return f"--pixel-rules={path}"


def large(number: int) -> bytes:
    charset = Element(0x00080005, "CS", "ISO_IR 192")
    return image(LARGE, number, charset, Element(0x00081090, "LO", "MODEL-7 Söhne".encode()), manufacturer=DEVICE).blob


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheets") / "in"
    fill(folder)
    for number in range(50, 56):
        (folder / f"{number}.dcm").write_bytes(large(number))
    with zipfile.ZipFile(folder / "more.zip", "w") as packed:
        packed.writestr("60.dcm", large(60))
        packed.writestr("61.dcm", large(61))
    # at risk by its header, and refused when its pixels are read
    (folder / "cut.dcm").write_bytes(large(70)[:-1000])
    return folder


@pytest.fixture(scope="module")
def drawn(archive: Path, rules: str, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("drawn")
    run = deidentify(archive, folder / "out", key_file, CLEAN, rules, f"--contact-sheets={folder / 'sheets'}")
    assert run.code == 3, run.log
    return run, sheets_of(folder / "sheets")


def pages(folder: Path) -> dict[str, list[Shown]]:
    """The objects of each page by its title."""
    texts = [path.read_text() for path in sorted(folder.glob("page-*.html"))]
    return {re.findall(r"<h1>(.*?)</h1>", text)[0]: shown_on(text) for text in texts}


def verdicts(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "verdicts.csv").read_text())))


def test_pictures_show_what_was_there_with_its_rectangles_and_what_is_left(drawn: tuple[Run, Path]) -> None:
    found = pages(drawn[1])
    title = "pixel-risk-ultrasound: ACME &lt;b&gt;&amp;amp; Sons MODEL-7 Söhne, 300 columns, 200 rows"
    assert len(found[title]) == 8
    for one in found[title]:
        assert len(one.pictures) == 3, "the first, one in the middle, and the last"
        assert "rule large: 0,0,300,16; 200,180,300,200" in one.said and "Frame 3 of 5, after" in one.said
        for before, after in one.pictures:
            assert before.shape == after.shape == (200, 300, 3)
            assert is_marked(before, (0, 0, 300, 16)) and is_marked(before, (200, 180, 300, 200))
            # ink is there, and then nothing is
            assert before[2:9, 3:50].max() > 200 and after[:15].max() < 30 and after[181:, 201:].max() < 30
            outside = np.abs(before[20:175] - after[20:175])
            assert outside.mean() < 6, "the window of grey values is the same"


def test_each_kind_of_pixels_is_drawn(drawn: tuple[Run, Path]) -> None:
    found = pages(drawn[1])
    assert sum(map(len, found.values())) == len(KINDS) + 8
    for objects in found.values():
        for one in objects:
            for before, after in one.pictures:
                assert before.std() > 20 and after[:9].max() < 60


def test_the_index_names_devices_and_leads_to_all_pages(drawn: tuple[Run, Path]) -> None:
    text = (drawn[1] / "index.html").read_text()
    page = check_offline(text)
    assert {link for link in page.links if link.startswith("page")} == {path.name for path in drawn[1].glob("page-*")}
    assert "ACME &lt;b&gt;&amp;amp; Sons" in text and "<td>MODEL-7 Söhne</td>" in text
    assert "can't be drawn" in next(path.read_text() for path in drawn[1].glob("page-*") if "MODEL-7" in path.read_text())


def test_only_their_owner_may_read_them_and_nothing_else_names_a_device(drawn: tuple[Run, Path], tmp_path: Path) -> None:
    run, folder = drawn
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)} == {0o700}
    closed = ("run-restricted.json", "report-review.html")
    audit = b"".join(path.read_bytes() for path in run.audit.rglob("*") if path.is_file() and path.name not in closed)
    for text in ("MODEL-7", "Söhne", str(folder.parent)):
        assert text.encode() not in audit and text not in run.log
    assert str(folder.parent) in (run.audit / "run-restricted.json").read_text()


def test_run_json_and_the_summary_have_the_counts(drawn: tuple[Run, Path]) -> None:
    run, folder = drawn
    frames = sum(len(one.pictures) for objects in pages(folder).values() for one in objects)
    expected = {"objects": len(KINDS) + 8, "frames": frames, "not_drawn": 1, "files_failed": 0, "other_objects": 0}
    assert run.report["contact_sheets"] == {"pages": len(list(folder.glob("page-*"))), **expected}
    assert f"with {len(KINDS) + 8} objects, {frames} frames" in run.log and "1 chosen objects can't be drawn" in run.log


def test_verdicts_come_back_and_the_next_run_acts_on_exactly_these_objects(
    archive: Path, drawn: tuple[Run, Path], key_file: Path, tmp_path: Path
) -> None:
    lines = verdicts(drawn[1])
    shown = {one.instance_hash: one for objects in pages(drawn[1]).values() for one in objects}
    assert {line["instance_hash"] for line in lines} == set(shown) and len(lines) == len(shown)
    assert {line["outcome"] for line in lines} == {"clean"} and {line["reviewer"] for line in lines} == {""}
    mine = [line for line in lines if line["columns"] == "300"]
    clean, refused, kept = mine[:3]
    clean["reviewer"] = refused["reviewer"] = kept["reviewer"] = "A. Reviewer"
    clean["blank"] += ";0,100,300,110"
    refused["outcome"], refused["blank"] = "quarantine", ""
    kept["outcome"], kept["blank"] = "keep", ""
    edited = tmp_path / "edited.csv"
    with edited.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    run = deidentify(archive, tmp_path / "out", key_file, CLEAN, f"--rectangles={edited}")
    assert f"Warning: --rectangles: {len(lines) - 3} lines have no reviewer" in run.log
    outcomes = {
        row["instance_hash"].hex(): (row["status"], row["reason"]) for row in run.table("instances") if row["instance_hash"]
    }
    assert outcomes.pop(clean["instance_hash"]) == outcomes.pop(kept["instance_hash"]) == ("written", None)
    assert outcomes.pop(refused["instance_hash"]) == ("quarantined", "pixel-rule-quarantine")
    assert set(outcomes.values()) == {("quarantined", "pixel-no-rule")}, "nobody decided on the others yet"
    boxes: list[dict[str, Any]] = [row for row in run.table("pixels") if row["instance_hash"].hex() == clean["instance_hash"]]
    assert {(row["source"], row["y0"], row["y1"]) for row in boxes} == {("file", 0, 16), ("file", 100, 110), ("file", 180, 200)}
    assert run.report["settings"]["rectangles"]["lines"] == 3


def test_the_key_chooses_and_chooses_again_the_same(archive: Path, rules: str, key_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(bytes(range(32)))
    other.chmod(0o600)
    chosen = []
    for number, key in enumerate((key_file, key_file, other)):
        sheets = tmp_path / f"sheets{number}"
        flags = (CLEAN, rules, f"--contact-sheets={sheets}", "--contact-sheet-samples=2")
        run = deidentify(archive, tmp_path / f"out{number}", key, *flags)
        (page,) = [path for path in sheets_of(sheets).glob("page-*") if "MODEL-7" in path.read_text()]
        assert "2 of the 9 objects of this group are drawn" in page.read_text(), run.log
        hash_of = KeyedUids(Key(key.read_bytes())).hash
        numbers = {hash_of(f"1.2.826.0.1.3680043.9.{at}.24".encode()).hex(): at for at in range(100)}
        chosen.append([numbers[one.instance_hash] for one in shown_on(page.read_text())])
    assert chosen[0] == chosen[1] != chosen[2]


def test_a_folder_keeps_the_sheets_of_all_runs(
    archive: Path, rules: str, key_file: Path, drawn: tuple[Run, Path], tmp_path: Path
) -> None:
    folder = drawn[1].parent
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    try:
        deidentify(archive, tmp_path / "out", key_file, CLEAN, rules, f"--contact-sheets={folder}", "--contact-sheet-samples=1")
        runs = sorted(folder.iterdir())
        assert len(runs) == 2 and all(path.read_bytes() == content for path, content in before.items())
    finally:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path not in before and path != drawn[1]:
                path.rmdir() if path.is_dir() else path.unlink()


def test_encrypted_sheets_are_read_by_who_has_the_private_key(rules: str, key_file: Path, tmp_path: Path) -> None:
    pair = key_pair(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.dcm").write_bytes(large(1))
    sheets = tmp_path / "sheets"
    flags = (f"--contact-sheets={sheets}", f"--contact-sheet-certificate={pair.certificate}")
    run = deidentify(tmp_path / "in", tmp_path / "out", key_file, CLEAN, rules, *flags)
    assert run.code == 0, run.log
    folder = sheets_of(sheets)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("index.html.p7m", "page-0001.html.p7m", "report-review.html.p7m", "verdicts.csv.p7m")
    ]
    private_key = load_private_key(pair.private_key.read_bytes(), None)
    assert all(b"ACME" not in path.read_bytes() for path in folder.iterdir())
    (one,) = shown_on(decrypt((folder / "page-0001.html.p7m").read_bytes(), [private_key]).decode())
    assert len(one.pictures) == 3


def test_nothing_of_an_object_goes_from_worker_to_worker(archive: Path, rules: str, key_file: Path, tmp_path: Path) -> None:
    command = ["run", f"--input={archive}", f"--output={tmp_path / 'out'}", f"--key=file:{key_file}", CLEAN, rules]
    with recorded(keep=True) as crossings, pytest.raises(SystemExit):
        main([*command, f"--contact-sheets={tmp_path / 'sheets'}", "--direct_num_workers=1"], standalone_mode=False)
    mine = {step.split("/")[0] for step in crossings if crossings[step].shuffled}
    assert {"SampleObjects", "WriteSheets"} <= mine
    content = b"".join(bytes(found.content) + repr(list(found.elements())).encode() for found in crossings.values())
    assert b"50.dcm" in content, "source names are in shuffles"
    for secret in ("MODEL-7", "Söhne", "data:image", "JFIF"):
        assert secret.encode() not in content


def test_the_graph_holds_keys_and_records_that_run_no_code(archive: Path, rules: str, key_file: Path, tmp_path: Path) -> None:
    def steps(*flags: str) -> set[str]:
        graph = submitted(archive, tmp_path / str(len(flags)), key_file, CLEAN, rules, *flags)
        return {name.split("/")[0] for name in graph.steps("group_by_key", "combine_per_key", "pardo")}

    certificate = key_pair(tmp_path).certificate
    flags = (f"--contact-sheets={tmp_path / 'sheets'}", f"--contact-sheet-certificate={certificate}")
    assert steps(*flags) - steps() == {"SampleObjects", "WriteSheets"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sheets": ContactSheetOptions("s"), "profile": ConfidentialityProfile()}, "needs --options CleanPixelData"),
        ({"sheets": ContactSheetOptions("out/sheets")}, "--contact-sheets and --output must lie apart"),
        ({"sheets": ContactSheetOptions("audit")}, "--contact-sheets and --audit must lie apart"),
        ({"sheets": ContactSheetOptions("in/sheets")}, "--contact-sheets and --input must lie apart"),
        ({"sheets": ContactSheetOptions("gs://bucket/s")}, "needs --contact-sheet-certificate"),
        ({"sheets": ContactSheetOptions("s", samples=51)}, "--contact-sheet-samples must be 1 to 50"),
        ({"sheets": ContactSheetOptions(None, "c.pem")}, "--contact-sheet-certificate needs --contact-sheets"),
    ],
)
def test_what_cannot_be_used_is_told_before_any_work(
    settings: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    options = {"profile": ConfidentialityProfile.default("CleanPixelData"), **settings}
    with pytest.raises(UsageError, match=re.escape(said)):
        check_contact_sheets(JobOptions(["in"], "out", "audit", **options))


def test_without_the_package_that_draws_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.place_checks.find_spec", lambda name: None)
    options = JobOptions(
        [str(tmp_path)], "out", "audit", profile=ConfidentialityProfile.default("CleanPixelData"), sheets=ContactSheetOptions("s")
    )
    with pytest.raises(UsageError, match=r"pip install -e '\.\[pixels\]'"):
        check_contact_sheets(options)


def test_a_folder_that_others_may_enter_is_refused(archive: Path, rules: str, key_file: Path, tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir(mode=0o755)
    run = deidentify(archive, tmp_path / "out", key_file, CLEAN, rules, f"--contact-sheets={tmp_path / 'sheets'}")
    assert run.code == 2 and "--contact-sheets is open to others than its owner" in run.log


def test_sheets_that_cannot_be_written_end_no_run(
    archive: Path, rules: str, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: SheetsTarget, name: str, content: bytes) -> None:
        raise OSError(28, f"no space left for {name}")

    monkeypatch.setattr(SheetsTarget, "create", refuse)
    command = ["run", f"--input={archive}", f"--output={tmp_path / 'out'}", f"--key=file:{key_file}", CLEAN, rules]
    with pytest.raises(SystemExit) as ended:
        main([*command, f"--contact-sheets={tmp_path / 'sheets'}", "--direct_num_workers=1"], standalone_mode=False)
    report = json.loads((tmp_path / "out-audit" / "run.json").read_text())
    assert ended.value.code == 3 and report["counts"]["written"] == len(KINDS) + 8
    pages_and_more = report["contact_sheets"]["files_failed"]
    assert report["contact_sheets"]["pages"] == report["contact_sheets"]["objects"] == 0 and pages_and_more > 2


def test_a_run_without_objects_at_risk_draws_nothing(key_file: Path, tmp_path: Path) -> None:
    from tests.support.runs import ct_file

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.dcm").write_bytes(ct_file("1.2.3"))
    run = deidentify(tmp_path / "in", tmp_path / "out", key_file, CLEAN, f"--contact-sheets={tmp_path / 'sheets'}")
    assert run.code == 0 and set(run.report["contact_sheets"].values()) == {0}
    assert list((tmp_path / "sheets").iterdir()) == []
    plain = deidentify(tmp_path / "in", tmp_path / "plain", key_file)
    assert plain.report["contact_sheets"] is None
