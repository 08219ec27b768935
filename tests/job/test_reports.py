"""The report of a run in two editions: the one names nobody, the other is its owner's alone."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path

import pytest

from tests.support.certificates import key_pair
from tests.support.limits import COMMAND, run_measured
from tests.support.objects import Element, ct, part10, read
from tests.support.reports import RELEASE, REVIEW, all_texts, make_report, report_of, sections_of
from tests.support.runs import PlantedArchive, Run, ct_file, deidentify, run_command

MAKER = "Example Clinic, Research Office"


@pytest.fixture(scope="module")
def told_run(planted_archive: PlantedArchive, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with an identifier wherever a setting can have one, over an archive that has them everywhere."""
    tokens, folder = planted_archive.tokens, tmp_path_factory.mktemp("told")
    places = folder / tokens.text()
    places.mkdir()
    rules, pixel_rules, lines = (places / f"{tokens.text()}.csv" for _ in range(3))
    rules.write_text(f"(0008,0080);K!\n(0010,4000);D;{tokens.text()}\n0019{{{tokens.text()}}}01;K!\n")
    pixel_rules.write_text(
        "name,condition,rows,columns,outcome,blank,keep,provenance\n"
        f'{tokens.text()},Modality = exactly US,2,2,clean,"0,0,1,1",,{tokens.text()}\n'
    )
    lines.write_text(f'sop_instance_uid,rows,columns,blank,reviewer\n{tokens.uid()},2,2,"0,0,1,1",{tokens.text()}\n')
    verdicts = places / f"V{tokens.text()}.csv"
    verdicts.write_text(
        f'attribute,value,before,verdict,reviewer\n"(0008,1030)",,{tokens.text()},allow,{tokens.text()}\n'
        f'"(0008,0070)",{tokens.text()},,remove,{tokens.text()}\n'
    )
    settings = [
        *("--verdicts", str(verdicts)),
        *("--profile", str(rules), "--pixel-rules", str(pixel_rules), "--rectangles", str(lines), "--scope", tokens.text()),
        *("--options", "CleanPixelData,CleanDesc,RetainPatientChars,RetainSafePrivate,RetainLongModifDates"),
        *("--patient-name", tokens.text(), "--made-by", MAKER, "--cap-ages"),
    ]
    return deidentify(planted_archive.folder, places / tokens.text(), planted_archive.key, *settings)


def test_the_release_edition_has_no_identifier_no_path_and_no_number_of_its_own(
    planted_archive: PlantedArchive, told_run: Run
) -> None:
    assert told_run.code == 3, told_run.log
    page, account = report_of(told_run), told_run.report
    texts = all_texts(page)
    assert planted_archive.tokens.found_in(texts) == []
    digests = [account["key_id"], account["profile_digest"], account["settings"]["settings_digest"], *account["inputs"]]
    rows = told_run.table("instances")
    named = {str(row[name]) for row in rows for name in ("source_id", "crc32c", "study_hash", "sop_instance_uid", "patient_id")}
    hidden = {*digests, *account["table_digests"].values(), *named, str(planted_archive.key), str(told_run.output)} - {"None"}
    restricted = json.loads((told_run.audit / "run-restricted.json").read_text())
    hidden |= {restricted["host"], restricted["working_directory"], *restricted["command"][1:3]} - {"run", "--input", "vm"}
    assert [text for text in hidden if text.encode() in texts] == []
    # who released it is no secret
    assert MAKER.encode() in texts


def test_the_release_edition_says_what_was_done(told_run: Run) -> None:
    shown = sections_of(report_of(told_run))
    assert list(shown) == [
        *("made", "deviations", "profile", "contents", "attributes", "dates", "private", "pixels", "checks", "refused"),
        *("incomplete", "conformance", "classes", "limits"),
    ]
    assert "Rules of the releasing organisation keep more than the standard allows: 2." in shown["deviations"].text
    assert "InstitutionName: kept by an option or rule; 1 for private or other attributes" in shown["deviations"].text
    assert "do not claim the Basic Profile" in shown["conformance"].text
    written = [row for row in told_run.table("instances") if row["status"] == "written"]
    (totals,) = [rows for caption, rows in shown["contents"].tables.items() if caption == "What the output holds"]
    assert ["Instances", f"{len(written)}"] in totals
    assert ["Studies", f"{len({row['study_hash'] for row in written})}"] in totals
    assert "2026d" in shown["made"].text and "PatientName" in shown["attributes"].text


def test_objects_that_do_not_claim_to_be_de_identified_are_counted_as_they_say_it(told_run: Run) -> None:
    saying_no = {name for name, content in told_run.objects().items() if read(content).PatientIdentityRemoved == "NO"}
    written = {row["output_name"]: row["notes"] for row in told_run.table("instances") if row["status"] == "written"}
    assert saying_no
    assert {name for name, notes in written.items() if "identity-not-removed" in notes} == saying_no
    row = "Objects that say PatientIdentityRemoved NO: a setting let something stay that identifies, or may"
    assert sections_of(report_of(told_run, REVIEW))["checks"].row(row) == [f"{len(saying_no)}"]


def test_small_counts_that_nobody_can_make_in_the_data_are_told_in_the_review_edition_alone(told_run: Run) -> None:
    release, review = (sections_of(report_of(told_run, name)) for name in (RELEASE, REVIEW))
    assert told_run.report["reasons"]["truncated"] == 1
    assert release["refused"].row("cut off") == ["refused", "< 11"]
    details = review["refused"].tables["Objects that were not written"]
    assert [row[-1] for row in details if row[2] == "truncated"] == ["1"]


def test_the_review_edition_answers_whoever_must_sign(told_run: Run) -> None:
    path = told_run.audit / REVIEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = sections_of(path.read_bytes())
    restricted = json.loads((told_run.audit / "run-restricted.json").read_text())
    places = shown["places"].text
    assert all(restricted[name] in places for name in ("output", "audit", "key", "scope", "host"))
    assert restricted["inputs"][0] in places
    assert restricted["custom_rules"][1]["value"] in shown["settings"].text
    assert "No census was made" in shown["values"].text
    assert shown["sign"].text.count("Signature") == 2
    assert "Nobody" in shown["sample"].text or "nobody" in shown["sample"].text
    assert shown["incomplete"].tables["Incomplete studies"]


def test_actions_are_counted_as_the_table_has_them(told_run: Run) -> None:
    rows = sections_of(report_of(told_run, REVIEW))["attributes"].tables["Attributes"]
    words = {"X": "removed", "Z": "emptied", "D": "replaced by a dummy", "K": "kept by an option or rule"}
    for keyword, action in (("PatientName", "D"), ("ReferencedSOPInstanceUID", "X"), ("PersonName", "D"), ("StudyID", "Z")):
        objects = elements = 0
        for row in told_run.table("instances"):
            found = [
                one for one in row["actions"] or () if one["keyword"] == keyword and one["action"] == action and not one["reason"]
            ]
            objects += bool(found)
            elements += sum(one["count"] for one in found)
        shown = [row[3:] for row in rows if row[:3] == [keyword, words[action], ""]]
        assert shown == ([[f"{objects:,}", f"{elements:,}"]] if objects else []), keyword


def test_a_report_made_anew_says_the_same(told_run: Run, planted_archive: PlantedArchive, tmp_path: Path) -> None:
    scope = json.loads((told_run.audit / "run-restricted.json").read_text())["scope"]
    code, log = make_report(told_run, planted_archive.key, tmp_path / "anew", "--scope", scope)
    assert code == 0, log
    assert (tmp_path / "anew" / RELEASE).read_bytes() == report_of(told_run)
    review = tmp_path / "anew" / REVIEW
    assert stat.S_IMODE(review.stat().st_mode) == 0o600
    now, then = sections_of(review.read_bytes()), sections_of(report_of(told_run, REVIEW))
    assert {name for name in now if now[name] != then[name]} == {"made"}
    assert "were checked" in now["made"].text


def test_without_the_key_the_report_says_that_nobody_knows_who_wrote_the_account(told_run: Run, tmp_path: Path) -> None:
    code, log = make_report(told_run, None, tmp_path / "anew")
    assert code == 0, log
    assert "Not checked" in sections_of((tmp_path / "anew" / REVIEW).read_bytes())["made"].text


def test_a_report_overwrites_nothing_and_believes_no_changed_table(key_file: Path, tmp_path: Path) -> None:
    run = one_object(key_file, tmp_path)
    assert make_report(run, key_file, tmp_path / "anew")[0] == 0
    code, log = make_report(run, key_file, tmp_path / "anew")
    assert code == 2 and "not overwritten" in log
    account = run.audit / "run.json"
    changed = json.loads(account.read_text())
    account.write_text(json.dumps({**changed, "listed": 7}))
    code, log = make_report(run, key_file, tmp_path / "other")
    assert code == 2 and "was changed" in log
    account.write_text(json.dumps(changed))
    (table,) = run.audit.glob("instances-*.parquet")
    table.write_bytes(table.read_bytes() + b"\0")
    code, log = make_report(run, key_file, tmp_path / "other")
    assert code == 1 and "was changed" in log
    assert not any((tmp_path / "other").iterdir())


def test_restricted_files_are_not_written_where_recipients_get_them(key_file: Path, tmp_path: Path) -> None:
    run = one_object(key_file, tmp_path)
    before = set(run.output.rglob("*"))
    for place in (run.output / "review.html", run.output / "deeper" / ".." / "review.html"):
        command = ("report", "--audit", str(run.audit), "--key", f"file:{key_file}")
        for arguments in (("--review", str(place)), ("--release", str(tmp_path / "r.html"), "--review", str(place))):
            done = run_command(*command, *arguments)
            assert done.returncode == 2 and "--review must not lie inside the output" in done.stderr
        done = run_command(*command, "--sample", "1", "--sample-csv", str(place))
        assert done.returncode == 2 and "--sample-csv must not lie inside the output" in done.stderr
    assert set(run.output.rglob("*")) == before and not (tmp_path / "r.html").exists()


def one_object(key: Path, folder: Path, *arguments: str) -> Run:
    """A run over one object."""
    (folder / "in").mkdir()
    (folder / "in" / "one.dcm").write_bytes(ct_file("1.2.3.4"))
    run = deidentify(folder / "in", folder / "out", key, *arguments)
    assert run.code == 0, run.log
    return run


def test_a_review_edition_is_encrypted_where_restricted_files_are(key_file: Path, tmp_path: Path) -> None:
    pair = key_pair(tmp_path)
    run = one_object(
        key_file, tmp_path, "--crosswalk", str(tmp_path / "crosswalk"), "--crosswalk-certificate", str(pair.certificate)
    )
    assert not (run.audit / REVIEW).exists() and (run.audit / f"{REVIEW}.p7m").exists()
    assert (run.audit / RELEASE).exists()
    assert b"html" not in (run.audit / f"{REVIEW}.p7m").read_bytes()
    code, log = make_report(run, key_file, tmp_path / "shut")
    assert code == 0, log
    assert "encrypted" in sections_of((tmp_path / "shut" / REVIEW).read_bytes())["places"].text
    code, log = make_report(run, key_file, tmp_path / "open", "--private-key", str(pair.private_key))
    assert code == 0, log
    assert str(run.output) in sections_of((tmp_path / "open" / REVIEW).read_bytes())["places"].text


def test_reports_go_aside_with_their_account_and_follow_the_actions_of_earlier_runs(key_file: Path, tmp_path: Path) -> None:
    run = one_object(key_file, tmp_path)
    first = run.report["run_id"]
    (tmp_path / "in" / "two.dcm").write_bytes(ct_file("1.2.3.5", Element(0x00081010, "SH", "STATION")))
    again = deidentify(tmp_path / "in", tmp_path / "out", key_file, "--resume")
    assert again.code == 0, again.log
    assert (run.audit / "earlier" / first / RELEASE).exists() and (run.audit / "earlier" / first / REVIEW).exists()
    shown = sections_of(report_of(again, REVIEW))
    assert "For 1 objects that earlier runs wrote" in shown["attributes"].text
    assert first in shown["before"].text
    code, log = make_report(again, key_file, tmp_path / "anew")
    assert code == 0, log
    followed = sections_of((tmp_path / "anew" / REVIEW).read_bytes())["attributes"]
    assert "that earlier runs wrote" not in followed.text
    assert [row[3] for row in followed.tables["Attributes"] if row[0] == "PatientID"] == ["2"]
    code, log = make_report(again, key_file, tmp_path / "earlier", "--run", first)
    assert code == 0, log
    assert first in sections_of((tmp_path / "earlier" / RELEASE).read_bytes())["made"].text


def test_a_run_whose_report_cannot_be_made_ends_well(key_file: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.dcm").write_bytes(ct_file("1.2.3.4"))
    done = run_measured(
        *COMMAND,
        *("run", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--key", f"file:{key_file}"),
        before="import pipeline.reports.rendering as r\ndef broken(content): raise ValueError('SECRET')\nr.render = broken",
    )
    assert done.code == 0, done.log
    assert "The report can't be made or written" in done.log and "SECRET" not in done.log
    assert not list((tmp_path / "out-audit").glob("report*"))


def test_classes_of_patients_are_counted_by_released_values(key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    patients = [("M", "042Y")] * 12 + [("F", "093Y"), ("F", "091Y"), ("F", "003D")]
    for number, (sex, age) in enumerate(patients):
        own = [Element(0x00100020, "LO", f"P{number}"), Element(0x00100040, "CS", sex), Element(0x00101010, "AS", age)]
        content = ct_file(f"1.2.3.{number}.1", *own, study=f"1.2.3.{number}")
        (folder / f"{number}.dcm").write_bytes(content)
    run = deidentify(folder, tmp_path / "out", key_file, "--options", "RetainPatientChars", "--cap-ages")
    shown = sections_of(report_of(run, REVIEW))["classes"]
    assert shown.row("Patients in the smallest class") == ["1"]
    assert shown.row("Classes") == ["3"]
    assert shown.row("Classes of fewer than 11 patients") == ["2"]
    assert shown.row("Patients in one of these, each counted once") == ["3"]
    (small,) = [rows for caption, rows in shown.tables.items() if caption.startswith("Each class")]
    assert small[1:] == [["under 1", "female", "CT", "1"], ["90 and more", "female", "CT", "2"]]
    assert "Each class" not in str(sections_of(report_of(run))["classes"].tables)
    basic = deidentify(folder, tmp_path / "basic", key_file)
    assert "no age and no sex is released" in sections_of(report_of(basic))["classes"].text


def test_a_sample_of_patients_gives_the_bound_that_its_verdicts_allow(key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(70):
        own = [Element(0x00100020, "LO", f"P{number}"), Element(0x0020000D, "UI", f"1.2.3.{number}")]
        (folder / f"{number}.dcm").write_bytes(part10(ct(Element(0x00080018, "UI", f"1.2.3.{number}.1"), *own)))
    run = deidentify(folder, tmp_path / "out", key_file)
    drawn = tmp_path / "drawn.csv"
    code, log = make_report(run, key_file, tmp_path / "none", "--sample", "60", "--sample-csv", str(drawn))
    assert code == 0, log
    assert stat.S_IMODE(drawn.stat().st_mode) == 0o600
    head, *patients = drawn.read_text().splitlines()
    assert head == '"patient_id","verdict","reviewer","drawn"' and len(patients) == 60
    codes = [line.split('"')[-2] for line in patients]
    assert len(set(codes)) == 60
    shown = sections_of((tmp_path / "none" / REVIEW).read_bytes())["sample"]
    assert "Nobody has looked at them yet" in shown.text
    order = [row[1] for row in shown.tables["Patients, in the order drawn"][1:]]
    assert [line.split('"')[1] for line in patients] == order
    studies = {row["patient_id"]: row["study_instance_uid"] for row in run.table("instances")}
    assert all(row[2] == studies[row[1]] for row in shown.tables["Patients, in the order drawn"][1:])

    def stated(name: str, verdicts: list[str]) -> str:
        file = tmp_path / f"{name}.csv"
        file.write_text(
            "patient_id,verdict,reviewer,drawn\n"
            + "".join(
                f"{who},{verdict},{'Rita Reader' if verdict else ''},{drawn}\n"
                for who, verdict, drawn in zip(order, verdicts, codes, strict=False)
            )
        )
        code, log = make_report(run, key_file, tmp_path / name, "--sample", "60", "--sample-verdicts", str(file))
        assert code == 0, log
        return sections_of((tmp_path / name / REVIEW).read_bytes())["sample"].text

    assert "at most 3/60 (5.0%) of the patients" in (said := stated("all", ["clear"] * 60)) and "Rita Reader" in said
    # what is left out may be what was found
    assert "verdicts on 59 of them" in (said := stated("gap", ["clear"] * 40 + [""] + ["clear"] * 19)) and "at most" not in said
    assert "at most" not in stated("cut", ["clear"] * 59)
    assert "No bound is stated" in (said := stated("found", ["clear"] * 40 + [""] + ["found"] + ["clear"] * 18))
    assert "In 1 of them" in said and "3/" not in said
    # of a smaller sample, the same patients come first
    code, log = make_report(run, key_file, tmp_path / "less", "--sample", "10")
    less = sections_of((tmp_path / "less" / REVIEW).read_bytes())["sample"].tables["Patients, in the order drawn"]
    assert [row[1] for row in less[1:]] == order[:10]
    (tmp_path / "strangers.csv").write_text("patient_id,verdict,reviewer,drawn\nNOBODY,clear,Me,s0\n")
    code, log = make_report(run, key_file, tmp_path / "x", "--sample", "60", "--sample-verdicts", str(tmp_path / "strangers.csv"))
    assert code == 2 and "not drawn" in log and "NOBODY" not in log
    # of the same patients in another run nobody has looked at anything
    other = deidentify(folder, tmp_path / "unscreened", key_file, "--screen=off")
    code, log = make_report(other, key_file, tmp_path / "y", "--sample", "60", "--sample-verdicts", str(tmp_path / "all.csv"))
    assert code == 2 and "not drawn from this run" in log


def test_each_setting_has_words(told_run: Run) -> None:
    rows = sections_of(report_of(told_run, REVIEW))["settings"].tables["Settings, as run.json has them"]
    assert {row[0] for row in rows[1:]} == set(told_run.report["settings"]) - {"custom_rules"}
    assert [row[0] for row in rows[1:] if not row[1]] == []


@pytest.mark.parametrize(
    ("caps", "among"), [(["--cap-ages"], {("F", "090Y"), ("O", "001W")}), ([], {("F", "093Y"), ("M", "007Y"), ("?", "000Y")})]
)
def test_the_audit_tells_the_sex_and_age_that_stand_in_the_outputs_and_later_runs_keep_them(
    caps: list[str], among: set[tuple[str, str]], planted_archive: PlantedArchive, key_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    shutil.copytree(planted_archive.folder, folder)
    given = [("F", "093Y"), ("M", "012M"), ("x", "42"), ("O\0SECRETNAME", "001W "), ("m", "7y"), ("", "young"), ("M\\F", "0Y")]
    for number, (sex, age) in enumerate(given):
        own = [Element(0x00100040, "CS", sex), Element(0x00101010, "AS", age)]
        (folder / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}", *own))
    flags = ("--options", "RetainPatientChars", *caps, "--pixels=keep", "--resume")
    told = None
    for _ in range(2):
        run = deidentify(folder, tmp_path / "out", key_file, *flags)
        rows = {row["output_name"]: row for row in run.table("instances") if row["status"] in ("written", "skipped")}
        for name, content in run.objects().items():
            dataset, row = read(content), rows[name]
            sex, age = str(dataset.get("PatientSex") or ""), str(dataset.get("PatientAge") or "")
            assert (row["patient_sex"] or "") == (sex.upper() if sex.upper() in ("M", "F", "O") else "?" if sex else "")
            told = re.fullmatch("([0-9]{1,3})([DWMYdwmy]?)", age)
            assert (row["patient_age"] or "") == (f"{int(told[1]):03}{told[2].upper() or 'Y'}" if told else "?" if age else "")
        found = {name: (row["patient_sex"], row["patient_age"]) for name, row in rows.items()}
        assert told in (None, found)
        told = found
    assert {row["status"] for row in rows.values()} == {"skipped"}
    assert {*among, ("M", "012M")} <= set(found.values())
    assert not any(row["patient_sex"] or row["patient_age"] for row in run.table("instances") if row["status"] == "quarantined")
    basic = deidentify(folder, tmp_path / "basic", key_file)
    assert {(row["patient_sex"], row["patient_age"]) for row in basic.table("instances")} == {(None, None)}


def test_patients_with_one_id_for_all_are_not_drawn(key_file: Path, tmp_path: Path) -> None:
    run = one_object(key_file, tmp_path, "--patient-id", "ALIAS")
    code, log = make_report(run, key_file, tmp_path / "anew", "--sample", "1")
    assert code == 2 and "same patient ID" in log
    assert "not told apart" in sections_of(report_of(run))["contents"].text
