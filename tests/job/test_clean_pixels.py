"""Clean Pixel Data by the real command: text gone, everything else as it was, and an account of it."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from anonymizer import Key
from anonymizer.internals import Pseudonyms
from tests.support.labelled_pixels import Kind
from tests.support.objects import CT, VIDEO, Element, ct, part10, read
from tests.support.pixel_archive import KINDS, RULES, check_cleaned, fill, image
from tests.support.runs import Run, deidentify

SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
CLEAN = "--options=CleanPixelData"


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("rules") / "rules.csv"
    path.write_text(RULES)
    return f"--pixel-rules={path}"


def rows(run: Run, folder: Path, key_file: Path) -> dict[str, dict[str, Any]]:
    """Rows of the instances by the names of their sources."""
    source_id = Pseudonyms(Key(key_file.read_bytes())).source_id
    names = {source_id(path.name.encode()): path.name for path in folder.iterdir()}
    return {names[row["source_id"]]: row for row in run.table("instances")}


def codes(content: bytes) -> set[str]:
    return {item.CodeValue for item in read(content).DeidentificationMethodCodeSequence}


def small(number: int, sop_class: str, *extra: Element) -> bytes:
    uids = [Element(tag, "UI", f"1.2.3.{number}.{tag & 0xFF}") for tag in (0x00080018, 0x0020000D, 0x0020000E)]
    return part10(ct(*uids, *extra, sop_class=sop_class), sop_class=sop_class)


# -- pixels ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cleaned(rules: str, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Run]:
    folder = tmp_path_factory.mktemp("labelled") / "in"
    images = fill(folder)
    return folder, images, deidentify(folder, tmp_path_factory.mktemp("cleaned") / "out", key_file, CLEAN, rules)


def test_text_is_gone_and_nothing_else(cleaned: tuple[Path, dict[str, Any], Run], key_file: Path) -> None:
    folder, images, run = cleaned
    found, objects = rows(run, folder, key_file), run.objects()
    assert {row["status"] for row in found.values()} == {"written"}, run.log
    for name, original in images.items():
        width = original.kind.columns
        check_cleaned(original, objects[found[name]["output_name"]], [(0, 0, width, 10), (0, 27, width, 37)])


def test_the_object_says_that_it_was_cleaned(cleaned: tuple[Path, dict[str, Any], Run]) -> None:
    for content in cleaned[2].objects().values():
        dataset = read(content)
        assert (dataset.BurnedInAnnotation, dataset.PatientIdentityRemoved) == ("NO", "YES")
        assert {"113100", "113101"} <= codes(content)
        assert dataset.ImageType[0] == "DERIVED" and "blanked" in dataset.DerivationDescription


def test_the_table_has_each_rectangle(cleaned: tuple[Path, dict[str, Any], Run], key_file: Path) -> None:
    folder, images, run = cleaned
    found = rows(run, folder, key_file)
    for name, original in images.items():
        mine = [row for row in run.table("pixels") if row["output_name"] == found[name]["output_name"]]
        kind = original.kind
        assert {(row["frames"], row["rows"], row["columns"]) for row in mine} == {(kind.frames, kind.rows, kind.columns)}
        assert [(row["x0"], row["y0"], row["x1"], row["y1"]) for row in mine] == [
            (0, 0, kind.columns, 10),
            (0, 27, kind.columns, 37),
        ]
        assert {(row["source"], row["rule"], row["verdict"]) for row in mine} == {("rule", f"banner-{kind.columns}", "verified")}
        assert {row["codec_path"] for row in mine} == {"rle" if kind.syntax.endswith(".5") else "native"}
    assert run.report["pixel_risks"] == {"pixel-risk-ultrasound": {"quarantined": 0, "passed": len(KINDS)}}


def test_run_json_has_the_rules(cleaned: tuple[Path, dict[str, Any], Run]) -> None:
    run = cleaned[2]
    settings = run.report["settings"]
    assert (settings["pixels"], settings["slide_labels"], settings["rectangles"]) == ("clean", "drop", None)
    assert [(one["kind"], one["rules"], one["accepted"]) for one in settings["pixel_rules"]][1:] == [("own", 2, [])]
    text = json.dumps(run.report)
    assert "ACME" not in text and "the tests: they write there" not in text


# -- what isn't cleaned ------------------------------------------------------------------------------------------------------


def test_what_nothing_is_said_about_is_refused_with_its_reason(key_file: Path, tmp_path: Path, rules: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    files = {
        "other device": (image(KINDS[0], 1, manufacturer="OTHER").blob, "pixel-no-rule"),
        "other size": (image(Kind("MONOCHROME2", columns=60), 2).blob, "pixel-no-rule"),
        "admits": (small(3, CT, Element(0x00280301, "CS", "YES")), "pixel-no-rule"),
        "compressed": (in_syntax(image(KINDS[5], 4).blob, VIDEO), "pixel-unsupported-syntax"),
        "regions": (image(KINDS[0], 5, regions(0, 0, 500, 500), manufacturer="OTHER").blob, "pixel-invalid-regions"),
        "faces": (image(KINDS[0], 6, Element(0x00280302, "CS", "YES")).blob, "pixel-recognizable-features"),
    }
    for name, (content, _) in files.items():
        (folder / name).write_bytes(content)
    run = deidentify(folder, tmp_path / "out", key_file, CLEAN, rules)
    assert run.code == 3 and run.objects() == {}
    found = rows(run, folder, key_file)
    assert {name: (row["status"], row["reason"]) for name, row in found.items()} == {
        name: ("quarantined", reason) for name, (_, reason) in files.items()
    }
    assert "nothing says what to blank" in run.log and "can't clean pixels in this form" in run.log


def in_syntax(blob: bytes, syntax: str) -> bytes:
    """A file that says that it is in another transfer syntax."""
    dataset = read(blob)
    dataset.file_meta.TransferSyntaxUID = syntax
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def regions(*location: int) -> Element:
    """SequenceOfUltrasoundRegions with one region."""
    tags = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)
    return Element(0x00186011, "SQ", [[Element(tag, "UL", value) for tag, value in zip(tags, location, strict=True)]])


def test_outside_of_ultrasound_regions_all_is_blanked(key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    # the last row and column belong to a region (PS3.3 C.8.5.5.1)
    original = image(KINDS[0], 1, regions(0, 10, 58, 26), manufacturer="OTHER")
    (folder / "one").write_bytes(original.blob)
    run = deidentify(folder, tmp_path / "out", key_file, CLEAN)
    (content,) = run.objects().values()
    check_cleaned(original, content, [(0, 0, 59, 10), (0, 27, 59, 37)])
    assert {row["source"] for row in run.table("pixels")} == {"region"}


@pytest.mark.parametrize("choice", ["drop", "blank"])
def test_labels_of_slides_are_left_out_or_blanked_and_the_pyramid_stays(choice: str, key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, kind in enumerate(("VOLUME", "LABEL", "OVERVIEW")):
        of_kind = Element(0x00080008, "CS", f"ORIGINAL\\PRIMARY\\{kind}\\NONE")
        (folder / kind).write_bytes(image(KINDS[0], number, of_kind, sop_class=SLIDE).blob)
    run = deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--slide-labels={choice}")
    found = rows(run, folder, key_file)
    objects = run.objects()
    volume = read(objects[found["VOLUME"]["output_name"]])
    assert volume.PixelData == read((folder / "VOLUME").read_bytes()).PixelData and volume.ImageType[0] == "ORIGINAL"
    for name in ("LABEL", "OVERVIEW"):
        if choice == "drop":
            assert (found[name]["status"], found[name]["reason"]) == ("filtered", "slide-label")
        else:
            assert set(read(objects[found[name]["output_name"]]).PixelData[:-1]) == {0}
    assert run.code == 0


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [("quarantine", "quarantined", "pixel-rule-quarantine"), ("drop", "filtered", "pixel-rule-drop"), ("keep", "written", None)],
)
def test_a_rule_may_say_what_becomes_of_an_object(
    outcome: str, status: str, reason: str | None, key_file: Path, tmp_path: Path
) -> None:
    folder, path = tmp_path / "in", tmp_path / "rules.csv"
    folder.mkdir()
    original = image(KINDS[0], 1).blob
    (folder / "one").write_bytes(original)
    path.write_text(f"name,condition,outcome,provenance\nx,Manufacturer = ACME,{outcome},the tests\n")
    run = deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--pixel-rules={path}")
    (row,) = run.table("instances")
    assert (row["status"], row["reason"]) == (status, reason)
    if outcome == "keep":
        (content,) = run.objects().values()
        assert read(content).PixelData == read(original).PixelData
        assert "113101" in codes(content) and read(content).BurnedInAnnotation == "NO"
        assert [(row["source"], row["rule"], row["verdict"], row["x0"]) for row in run.table("pixels")] == [
            ("rule", "x", "kept", None)
        ]
        assert run.report["pixel_sources"] == {"rule": {"blanked": 0, "kept": 1}}
        assert "kept by rules" in run.log and "blanked by" not in run.log


def test_rules_and_reviewers_speak_of_objects_at_no_risk_too(key_file: Path, tmp_path: Path) -> None:
    folder, path, lines = tmp_path / "in", tmp_path / "rules.csv", tmp_path / "lines.csv"
    folder.mkdir()
    place = Element(0x00200032, "DS", "0\\0\\0"), Element(0x00200037, "DS", "1\\0\\0\\0\\1\\0")
    slices = {f"s{number}": image(KINDS[1], number, *place, sop_class=CT, manufacturer=f"M{number}") for number in range(3)}
    for name, one in slices.items():
        (folder / name).write_bytes(one.blob)
    path.write_text(RULES.replace("ACME", "M1"))
    uid = read(slices["s2"].blob).SOPInstanceUID
    lines.write_text(f'sop_instance_uid,rows,columns,blank,reviewer\n{uid},37,59,"0,0,59,10;0,27,59,37",Doe\n')
    run = deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--pixel-rules={path}", f"--rectangles={lines}")
    found, objects = rows(run, folder, key_file), run.objects()
    assert {name: row["pixel_risks"] for name, row in found.items()} == {name: [] for name in slices}
    assert read(objects[found["s0"]["output_name"]]).PixelData == read(slices["s0"].blob).PixelData
    for name in ("s1", "s2"):
        check_cleaned(slices[name], objects[found[name]["output_name"]], [(0, 0, 59, 10), (0, 27, 59, 37)])
    assert {(row["source"], row["source_id"]) for row in run.table("pixels")} == {
        ("rule", found["s1"]["source_id"]),
        ("file", found["s2"]["source_id"]),
    }


def test_a_rule_that_keeps_believes_no_object_that_admits_something(key_file: Path, tmp_path: Path) -> None:
    folder, path = tmp_path / "in", tmp_path / "rules.csv"
    folder.mkdir()
    (folder / "one").write_bytes(image(KINDS[0], 1, Element(0x00280301, "CS", "YES")).blob)
    path.write_text("name,condition,outcome,provenance\nx,Manufacturer = ACME,keep,the tests\n")
    run = deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--pixel-rules={path}")
    assert [row["reason"] for row in run.table("instances")] == ["burned-in-annotation"]


# -- objects at no risk ------------------------------------------------------------------------------------------------------


def test_images_at_no_risk_pass_as_before_and_say_so(key_file: Path, tmp_path: Path) -> None:
    """PS3.15 E.3.1 demands both of each image under the option; what has no pixels was not cleaned of anything."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "ct").write_bytes(small(1, CT))
    report = part10(
        ct(*[Element(tag, "UI", f"1.2.9.{tag & 0xFF}") for tag in (0x00080018, 0x0020000D, 0x0020000E)], without=[0x7FE00010]),
        sop_class=CT,
    )
    (folder / "without pixels").write_bytes(report)
    run = deidentify(folder, tmp_path / "out", key_file, CLEAN)
    plain = deidentify(folder, tmp_path / "plain", key_file)
    found, before = rows(run, folder, key_file), rows(plain, folder, key_file)
    content = read(run.objects()[found["ct"]["output_name"]])
    former = read(plain.objects()[before["ct"]["output_name"]])
    assert content.BurnedInAnnotation == "NO" and content.PixelData == former.PixelData
    del content.BurnedInAnnotation
    del content.DeidentificationMethodCodeSequence, former.DeidentificationMethodCodeSequence
    assert content == former
    assert codes(run.objects()[found["ct"]["output_name"]]) == {"113100", "113101"}
    nothing = run.objects()[found["without pixels"]["output_name"]]
    assert codes(nothing) == {"113100"} and "BurnedInAnnotation" not in read(nothing)
    assert run.table("pixels") == []


# -- people ------------------------------------------------------------------------------------------------------------------


def test_rectangles_of_a_reviewer_are_blanked_and_the_reviewer_is_named(key_file: Path, tmp_path: Path) -> None:
    folder, path = tmp_path / "in", tmp_path / "rectangles.csv"
    folder.mkdir()
    original = image(KINDS[0], 7, manufacturer="OTHER")
    (folder / "one").write_bytes(original.blob)
    (folder / "other").write_bytes(image(KINDS[0], 8, manufacturer="OTHER").blob)
    uid = read(original.blob).SOPInstanceUID
    path.write_text(f'sop_instance_uid,rows,columns,blank,reviewer\n{uid},37,59,"0,0,59,10;0,27,59,37",R. Viewer\n')
    run = deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--rectangles={path}")
    found = rows(run, folder, key_file)
    check_cleaned(original, run.objects()[found["one"]["output_name"]], [(0, 0, 59, 10), (0, 27, 59, 37)])
    assert found["other"]["reason"] == "pixel-no-rule"
    said = run.report["settings"]["rectangles"]
    assert (said["lines"], said["reviewers"]) == (1, ["R. Viewer"]) and len(said["digest"]) == 64
    assert uid not in json.dumps(run.report)
    assert {row["source"] for row in run.table("pixels")} == {"file"}


def test_lines_of_a_reviewer_lie_in_the_audit_and_whoever_changes_them_is_noticed(key_file: Path, tmp_path: Path) -> None:
    folder, path, out = tmp_path / "in", tmp_path / "rectangles.csv", tmp_path / "out"
    folder.mkdir()
    (folder / "one").write_bytes(image(KINDS[0], 7).blob)
    uid = read((folder / "one").read_bytes()).SOPInstanceUID
    path.write_text(f'sop_instance_uid,rows,columns,blank,reviewer\n{uid},37,59,"0,0,59,37",R. Viewer\n')

    def run(*flags: str) -> Run:
        return deidentify(folder, out, key_file, CLEAN, f"--rectangles={path}", *flags)

    first = run()
    (stored,) = first.audit.glob("reviewed-*.bin")
    content, written = stored.read_bytes(), stored.stat().st_mtime_ns
    assert uid.encode() not in content and b"R. Viewer" not in content
    assert run("--resume").report["counts"]["skipped"] == 1
    assert stored.stat().st_mtime_ns == written, "runs with the same lines share them"
    # the file is named by what it holds: whoever changes it changes nothing
    for spoilt in (content[:-1] + bytes([content[-1] ^ 1]), content[:40], b""):
        stored.write_bytes(spoilt)
        assert run("--resume", "--recheck").report["counts"]["quarantined"] == 0
        assert stored.read_bytes() == content


def test_lines_of_a_reviewer_that_meet_no_object_are_told(key_file: Path, tmp_path: Path) -> None:
    folder, path = tmp_path / "in", tmp_path / "rectangles.csv"
    folder.mkdir()
    original = image(KINDS[0], 7)
    (folder / "one").write_bytes(original.blob)
    uid, rules = read(original.blob).SOPInstanceUID, tmp_path / "rules.csv"
    rules.write_text(RULES)
    for line, told in ((f"{uid}", False), (f"{uid}1", True)):
        path.write_text(f'sop_instance_uid,rows,columns,blank,reviewer\n{line},37,59,"0,12,9,14",R. Viewer\n')
        flags = (CLEAN, f"--pixel-rules={rules}", f"--rectangles={path}")
        run = deidentify(folder, tmp_path / f"out{told}", key_file, *flags)
        assert run.report["pixel_sources"] == {
            source: {"blanked": 1, "kept": 0} for source in ("rule", *(() if told else ("file",)))
        }
        assert ("--rectangles has 1 lines, and 0 objects" in run.log) is told
        assert uid not in run.log


# -- again -------------------------------------------------------------------------------------------------------------------


def test_other_rules_are_noticed_and_recheck_follows_them(key_file: Path, tmp_path: Path) -> None:
    folder, path = tmp_path / "in", tmp_path / "rules.csv"
    images = fill(folder, KINDS[:3])
    path.write_text(RULES)
    first = deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--pixel-rules={path}")
    assert first.report["counts"]["written"] == 3
    again = deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--pixel-rules={path}", "--resume")
    assert again.report["counts"]["skipped"] == 3
    path.write_text(RULES.replace("0,0,59,10", "0,0,59,12"))
    refused = deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--pixel-rules={path}", "--resume")
    assert refused.code == 2 and "other settings" in refused.log
    rechecked = deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--pixel-rules={path}", "--resume", "--recheck")
    found = rows(rechecked, folder, key_file)
    assert rechecked.report["counts"]["written"] == 3
    for name, original in images.items():
        content = rechecked.objects()[found[name]["output_name"]]
        check_cleaned(original, content, [(0, 0, 59, 12), (0, 27, 59, 37)])


def test_a_mixed_output_gets_what_was_refused_and_keeps_what_is_there(key_file: Path, tmp_path: Path) -> None:
    """As the how-to says: enough for rules that were added for refused objects, and too little for a rule that changed."""
    folder, path = tmp_path / "in", tmp_path / "rules.csv"
    fill(folder, KINDS[:1])
    (folder / "other.dcm").write_bytes(image(KINDS[0], 9, manufacturer="OTHER").blob)

    def run(rules: str, *flags: str) -> Run:
        path.write_text(rules)
        return deidentify(folder, tmp_path / "out", key_file, CLEAN, f"--pixel-rules={path}", *flags)

    added = RULES + "other,Manufacturer = OTHER,37,59,clean,all,,the tests\n"
    first = run(RULES).objects()
    second = run(added, "--resume", "--mixed-output").objects()
    assert len(first) == 1 and len(second) == 2 and first.items() <= second.items()
    assert run(added.replace("0,0,59,10", "0,0,59,12"), "--resume", "--mixed-output").objects() == second
