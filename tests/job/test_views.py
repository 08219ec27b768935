"""``docs/reference/views.sql`` over the audits of real runs: each gives what pyarrow counts, from files of accounts only."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.audit_names import VIEWS, with_names
from tests.support.objects import CT, Element
from tests.support.pages import fences, page
from tests.support.pixel_archive import KINDS, RULES, fill
from tests.support.runs import Run, ct_file, deidentify
from transforms.tables.schemas import INSTANCES_SCHEMA, PIXELS_SCHEMA, REFERENCES_SCHEMA, UID_MAP_SCHEMA

duckdb = pytest.importorskip("duckdb")

SQL = VIEWS.read_text()
NAMES = re.findall(r"TEMP VIEW (\w+)", SQL)
#: views that tell of what isn't in an ordinary audit: a test of its own has some
RARE = {"actions_elsewhere", "changed_files", "pixels"}
OTHERS = Element(0x00100020, "LO", "MRN-2000")
#: a value that stays, but for what it says
NAMES_SOMEBODY = Element(0x00181210, "SH", "for MRN-2000")
RISKY = Element(0x00280301, "CS", "YES")
IN_OUTPUT = ("written", "skipped")


def views(audit: Path) -> Any:
    """A connection that has them."""
    connection = duckdb.connect()
    escaped = str(audit).replace("'", "''")
    connection.execute(f"SET VARIABLE audit = '{escaped}'")
    connection.execute(SQL)
    return connection


def rows(connection: Any, name: str) -> list[dict[str, Any]]:
    """All rows of a view, or of a query."""
    found = connection.execute(f"FROM {name}")
    return [dict(zip((column[0] for column in found.description), row, strict=True)) for row in found.fetchall()]


@dataclass
class Audited:
    """Three runs into one output, and what their accounts and tables say, the latest last."""

    audit: Path
    reports: list[dict[str, Any]]
    tables: list[list[dict[str, Any]]]
    connection: Any

    def view(self, name: str) -> list[dict[str, Any]]:
        return rows(self.connection, name)

    @property
    def report(self) -> dict[str, Any]:
        return self.reports[-1]

    @property
    def instances(self) -> list[dict[str, Any]]:
        return self.tables[-1]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> Audited:
    folder = tmp_path_factory.mktemp("views")
    archive, reports, tables = folder / "in", [], []
    archive.mkdir()

    def put(name: str, instance: str, *extra: Element, study: str = "1.2.3.1") -> None:
        (archive / name).write_bytes(ct_file(instance, *extra, study=study))

    def run(*flags: str) -> Run:
        done = deidentify(archive, folder / "out", key_file, "--max-gone=100", *flags)
        assert done.code == 3, done.log
        reports.append(done.report)
        tables.append(done.table("instances"))
        return done

    for number in range(5):
        put(f"{number}", f"1.2.3.1.{number}", Element(0x00080021, "DA", "20200102"))
    put("copy", "1.2.3.1.0", Element(0x00080021, "DA", "20200102"))
    (archive / "text").write_bytes(b"no DICOM")
    put("risky", "1.2.3.2.1", RISKY, OTHERS, study="1.2.3.2")
    put("written beside it", "1.2.3.2.2", OTHERS, NAMES_SOMEBODY, study="1.2.3.2")
    put("one of two", "1.2.3.3.1", study="1.2.3.3")
    put("two of two", "1.2.3.3.1", Element(0x00280010, "US", 1), study="1.2.3.3")
    series = [Element(0x0008114A, "SQ", [[Element(0x00081150, "UI", CT), Element(0x00081155, "UI", "1.2.9.9")]])]
    put("refers", "1.2.3.4.1", Element(0x00081115, "SQ", [[*series, Element(0x0020000E, "UI", "1.2.9")]]), study="1.2.3.4")
    run()
    put("4", "1.2.3.1.4", RISKY)
    (archive / "3").unlink()
    put("new", "1.2.3.5.1", study="1.2.3.5")
    (archive / "broken").write_bytes(ct_file("1.2.3.5.2", study="1.2.3.5")[:-4])
    run("--resume")
    put("later", "1.2.3.5.3", study="1.2.3.5")
    (archive / "2").unlink()
    last = run("--resume", "--mixed-output", "--strict")
    # what no account names isn't read
    beside = next(last.audit.glob("instances-*-anonymized-*.parquet"))
    shutil.copy(beside, last.audit / "instances-20200101000000deadbeef-anonymized-00.parquet")
    return Audited(last.audit, reports, tables, views(last.audit))


def named(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_each_view_has_rows(audited: Audited) -> None:
    assert {name for name in NAMES if not audited.view(name)} == RARE
    assert len(NAMES) == len(set(NAMES)) > 20


def test_instances_are_those_of_the_present_account(audited: Audited) -> None:
    found = audited.view("instances")
    assert {row.pop("run_id") for row in found} == {audited.report["run_id"]}
    assert sorted(found, key=lambda row: row["source_id"]) == sorted(audited.instances, key=lambda row: row["source_id"])
    assert len(audited.view("all_instances")) == sum(map(len, audited.tables))
    assert len(audited.view("gone")) == audited.report["gone"] == 1


@pytest.mark.parametrize(
    ("empty", "schema"),
    [
        ("no_instances", INSTANCES_SCHEMA),
        ("no_uids", UID_MAP_SCHEMA),
        ("no_references", REFERENCES_SCHEMA),
        ("no_pixels", PIXELS_SCHEMA),
    ],
)
def test_columns_and_types_are_those_of_the_tables(audited: Audited, empty: str, schema: pa.Schema) -> None:
    types = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_(), "FLOAT": pa.float32()}
    found = {column: kind for column, kind, *_ in audited.connection.execute(f"DESCRIBE {empty}").fetchall()}
    assert list(found) == schema.names
    for field in schema:
        kind = found[field.name]
        assert kind.endswith("[]") == pa.types.is_list(field.type), field.name
        if not kind.endswith("[]") and kind != "BLOB":
            assert types[kind] == field.type, field.name


def test_statuses_and_reasons(audited: Audited) -> None:
    found = {row["status"]: row for row in audited.view("by_status")}
    assert {status: row["objects"] for status, row in found.items()} == {s: n for s, n in audited.report["counts"].items() if n}
    sizes = [row["size"] for row in audited.instances if row["status"] == "skipped"]
    assert found["skipped"]["output_bytes"] == sum(sizes) > 0
    assert found["quarantined"]["output_bytes"] is None
    reasons = Counter(row["reason"] for row in audited.instances if row["reason"])
    assert {row["reason"]: row["objects"] for row in audited.view("by_reason")} == reasons == audited.report["reasons"]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_is_new_is_what_each_account_says(audited: Audited, number: int) -> None:
    report = audited.reports[number]
    of_run = [
        row for row in audited.view("reasons_by_run") if named(row, "run_id", "status") == (report["run_id"], "quarantined")
    ]
    assert {row["reason"]: row["new_objects"] for row in of_run if row["new_objects"]} == report["new_quarantined"]
    assert bool(report["new_quarantined"]) == (number < 2)
    if number == 2:
        assert {row["reason"]: row["objects"] for row in audited.view("quarantined_by_reason")} == {
            row["reason"]: row["objects"] for row in of_run
        }


def test_quarantined_objects_by_attribute_risk_and_one_by_one(audited: Audited) -> None:
    refused = [row for row in audited.instances if row["status"] == "quarantined"]
    found = audited.view("quarantined_by_attribute")
    assert {named(row, "reason_tag", "reason"): row["objects"] for row in found} == Counter(
        named(row, "reason_tag", "reason") for row in refused if row["reason_tag"]
    )
    assert {(row["reason_tag"], row["reason_keyword"]) for row in found} == {
        ("(0028,0301)", "BurnedInAnnotation"),
        ("(7fe0,0010)", "PixelData"),
    }
    (risk,) = audited.view("quarantined_by_risk")
    assert risk == {"risk": "burned-in-annotation", "objects": 2, "quarantined": 2}
    listed = audited.view("quarantined")
    assert sorted(row["source_id"] for row in listed) == sorted(row["source_id"] for row in refused)
    assert {row["sop_class"] for row in listed} == {"CTImageStorage"}
    assert not any(row["is_new"] for row in listed)


def test_modalities_and_classes_have_names(audited: Audited) -> None:
    found = {named(row, "modality", "modality_name", "sop_class_uid", "sop_class"): row for row in audited.view("by_modality")}
    assert set(found) == {("CT", "Computed Tomography", CT, "CTImageStorage"), (None, None, None, None)}
    (images, nothing) = found.values()
    assert nothing["filtered"] == nothing["objects"] == 1
    count = Counter(row["status"] for row in audited.instances if row["modality"])
    assert named(images, "objects", "in_output", "duplicate", "quarantined") == (
        count.total(),
        count["written"] + count["skipped"],
        count["duplicate"],
        count["quarantined"],
    )


def test_patients(audited: Audited) -> None:
    found = {row["patient_id"]: row for row in audited.view("by_patient")}
    assert {patient: row["objects"] for patient, row in found.items()} == Counter(row["patient_id"] for row in audited.instances)
    assert len(found) == 3 and None in found
    for patient, row in found.items():
        studies = {one["study_hash"] for one in audited.instances if one["patient_id"] == patient} - {None}
        assert row["studies"] == len(studies)


def test_studies_and_what_is_missing_of_them(audited: Audited) -> None:
    expected: dict[str, Counter[str]] = {}
    for row in audited.instances:
        if row["study_hash"]:
            expected.setdefault(row["study_hash"], Counter())[row["status"]] += 1
    found = {row["study_hash"]: row for row in audited.view("by_study")}
    assert set(found) == set(expected)
    for study, count in expected.items():
        row = found[study]
        assert row["listed"] == count.total()
        assert named(row, "written", "skipped", "duplicate", "missing") == tuple(
            count[status] for status in ("written", "skipped", "duplicate", "quarantined")
        )
        assert row["study_instance_uid"].startswith("2.25.") and row["modalities"] == ["CT"] and row["series"] == 1
    incomplete = audited.view("incomplete_studies")
    assert len(incomplete) == audited.report["incomplete_studies"] == 4
    assert sorted(row["missing"] for row in incomplete) == [1, 1, 1, 2]
    assert {reason for row in incomplete for reason in row["reasons"]} == {
        "burned-in-annotation",
        "sop-instance-conflict",
        "truncated",
    }


def test_actions_of_what_lies_in_the_output_whoever_wrote_it(audited: Audited) -> None:
    made = {
        (row["source_id"], report["run_id"]): row
        for report, table in zip(audited.reports, audited.tables, strict=True)
        for row in table
    }
    expected: Counter[tuple[str, str, str, str]] = Counter()
    for row in audited.instances:
        if row["status"] in IN_OUTPUT:
            for action in made[row["source_id"], row["written_in"] or audited.report["run_id"]]["actions"]:
                expected[named(action, "path", "keyword", "action", "reason")] += action["count"]
    assert {named(row, "path", "keyword", "action", "reason"): row["times"] for row in audited.view("actions")} == expected
    assert expected["(0008,0018)", "SOPInstanceUID", "U", ""] == sum(row["status"] in IN_OUTPUT for row in audited.instances)
    # three of the four that have a date are in the output
    assert expected["(0008,0021)", "SeriesDate", "X", ""] == 2
    assert expected["(0018,1210)", "ConvolutionKernel", "X", "identifier-screened"] == 1


def test_outputs_that_a_person_should_remove(audited: Audited) -> None:
    (left,) = audited.view("superseded")
    assert audited.report["superseded"] == 1
    assert (audited.audit.parent / "out" / left["output_name"]).stat().st_size == left["size"]
    assert named(left, "written_in", "reason") == (audited.reports[0]["run_id"], "burned-in-annotation")


def test_outputs_of_other_settings(audited: Audited) -> None:
    found = audited.view("other_settings")
    assert {row["other"] for row in found} == {"settings"}
    assert sum(row["objects"] for row in found) == audited.report["other_settings"]["settings"]
    assert audited.report["other_settings"]["versions"] == 0


def test_settings_and_how_they_changed(audited: Audited) -> None:
    assert {row["name"]: json.loads(row["value"] or "null") for row in audited.view("settings")} == audited.report["settings"]
    changed = {row["name"]: (row["before"], row["value"]) for row in audited.view("changed_settings")}
    assert changed["strict"] == ("false", "true")
    assert set(changed) == {"strict", "settings_digest"}


def test_all_runs_together(audited: Audited) -> None:
    found = audited.view("runs")
    assert [row["run_id"] for row in found] == [report["run_id"] for report in audited.reports]
    for row, report in zip(found, audited.reports, strict=True):
        assert {status: row[status] for status in report["counts"]} == report["counts"]
        assert row["started"].strftime("%Y-%m-%dT%H:%M:%SZ") == report["times"]["started"]
        assert row["seconds"] == report["times"]["seconds"]["total"]
        assert row["new_quarantined"] == sum(report["new_quarantined"].values())
        names = ("listed", "incomplete_studies", "superseded", "gone", "new_since", "bytes_written", "profile_digest", "key_id")
        assert named(row, *names) == named(report, *names)
        of_run = {one["stage"]: one["seconds"] for one in audited.view("stages") if one["run_id"] == row["run_id"]}
        assert of_run == report["times"]["seconds"]
    assert [row["is_current"] for row in found] == [False, False, True]


def test_uids_and_references(audited: Audited) -> None:
    assert sum(row["new_uid"] is not None for row in audited.view("uid_map")) == audited.report["uids"]
    assert sum(row["outside"] for row in audited.view("uid_references")) == audited.report["references"]["outside"] == 2


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> tuple[Run, list[dict[str, Any]]]:
    """The second of two runs that clean pixels, which skips what the first wrote, and the rectangles of both."""
    folder = tmp_path_factory.mktemp("pixels")
    (folder / "rules.csv").write_text(RULES)
    flags = ("--options=CleanPixelData", f"--pixel-rules={folder / 'rules.csv'}")

    def run(*more: str) -> tuple[Run, list[dict[str, Any]]]:
        done = deidentify(folder / "in", folder / "out", key_file, *flags, *more)
        return done, [{"run_id": done.report["run_id"], **row} for row in done.table("pixels")]

    fill(folder / "in", KINDS[:3])
    _, made = run()
    fill(folder / "more", KINDS[:4])
    shutil.copy(folder / "more" / "003.dcm", folder / "in")
    (folder / "in" / "nobody spoke of it").write_bytes(ct_file("1.2.3.4", RISKY))
    second, more = run("--resume")
    return second, [*made, *more]


def test_rectangles_of_all_that_lies_in_the_output(cleaned: tuple[Run, list[dict[str, Any]]]) -> None:
    run, made = cleaned
    assert run.report["counts"]["skipped"] == 3 and run.report["counts"]["written"] == 1
    found = rows(views(run.audit), "pixels")
    assert len(found) == 8 and len({row["run_id"] for row in found}) == 2
    places = [sorted(several, key=lambda row: (row["output_name"], row["y0"])) for several in (found, made)]
    assert places[0] == places[1]


@pytest.mark.parametrize("statement", fences(page("docs/how-to/clean-pixels.md"), "sql"))
def test_recipes_about_pixels_run_and_find_something(cleaned: tuple[Run, list[dict[str, Any]]], statement: str) -> None:
    assert views(cleaned[0].audit).execute(statement).fetchall()


def test_the_share_that_was_blanked_is_that_of_all_rectangles_of_a_source(cleaned: tuple[Run, list[dict[str, Any]]]) -> None:
    (statement,) = (text for text in fences(page("docs/how-to/clean-pixels.md"), "sql") if "percent" in text)
    shares = {row[-1] for row in views(cleaned[0].audit).execute(statement).fetchall()}
    # two bands of 10 of 37 rows
    assert shares == {54.1}


def test_a_copy_elsewhere_with_an_odd_name_and_without_what_was_put_aside(audited: Audited, tmp_path: Path) -> None:
    copy = tmp_path / "o'clock"
    shutil.copytree(audited.audit, copy)
    shutil.rmtree(copy / "earlier")
    connection = views(copy)
    assert len(rows(connection, "instances")) == len(audited.instances)
    elsewhere = {row["written_in"]: row["objects"] for row in rows(connection, "actions_elsewhere")}
    assert elsewhere == Counter(row["written_in"] for row in audited.instances if row["status"] == "skipped")
    assert rows(connection, "object_actions") and len(rows(connection, "runs")) == 1


def test_a_table_that_was_changed_shows(audited: Audited, tmp_path: Path) -> None:
    copy = tmp_path / "audit"
    shutil.copytree(audited.audit, copy)
    name = next(name for name in audited.report["tables"] if name.startswith("instances"))
    table = pq.read_table(copy / name)
    pq.write_table(table.slice(1), copy / name)
    (found,) = rows(views(copy), "changed_files")
    assert found["filename"] == str(copy / name) and found["run_id"] == audited.report["run_id"]


def test_audits_of_version_0_1_have_views(tmp_path: Path) -> None:
    with zipfile.ZipFile(Path(__file__).with_name("audit_0_1.zip")) as archive:
        archive.extractall(tmp_path)
    connection = views(tmp_path / "_audit")
    for name in NAMES:
        rows(connection, name)
    assert [named(row, "run_id", "is_current", "listed", "seconds") for row in rows(connection, "runs")] == [
        ("71a8d548", False, 3, None),
        ("782aab7e", True, 4, None),
    ]
    assert Counter(row["status"] for row in rows(connection, "instances")) == {"written": 1, "skipped": 2, "quarantined": 1}
    assert all(row["since"] is None for row in rows(connection, "instances"))
    assert rows(connection, "actions")


def test_a_run_of_nothing_has_views(tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "in").mkdir()
    run = deidentify(tmp_path / "in", tmp_path / "out", key_file, "--allow-empty")
    connection = views(run.audit)
    assert {name for name in NAMES if rows(connection, name)} == {"runs", "stages", "settings", "settings_by_run"}


def test_names_are_those_of_the_project() -> None:
    assert with_names(SQL) == SQL, "python -m tests.support.audit_names writes them anew"
