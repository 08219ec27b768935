"""The audit's pages have each column, field and view with its type, no others, and recipes that run on a real run's audit."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from anonymizer import Reason
from pipeline.cli import main
from pipeline.runs.plan_diff import Affected, PlanDiff, StatusChange
from pipeline.runs.plans import PlanReport
from pipeline.runs.report import RunReport
from profiles import TextSearch
from storage.protocols import Operations
from tests.support.keys import write_key
from tests.support.objects import Element
from tests.support.pages import DOCS, fences, marked, page
from tests.support.runs import Run, ct_file, deidentify
from transforms import COUNTS_SCHEMA, MAC, VALUES_SCHEMA, Status
from transforms.anonymizing.share_words import WORDS_SCHEMA
from transforms.crosswalk.crosswalk import CROSSWALK_SCHEMA
from transforms.records import UidRole
from transforms.sheet_counts import SheetTotals
from transforms.tables.schemas import INSTANCES_SCHEMA, PIXELS_SCHEMA, REFERENCES_SCHEMA, UID_MAP_SCHEMA

REFERENCE, RECIPES = page("docs/reference/audit.md"), page("docs/how-to/query-the-audit.md")
PAGE = REFERENCE + RECIPES
REASONS = page("docs/reference/reason-codes.md")
VIEWS = DOCS / "reference" / "views.sql"
SCHEMAS = {
    "instances": INSTANCES_SCHEMA,
    "uid_map": UID_MAP_SCHEMA,
    "references": REFERENCES_SCHEMA,
    "words": WORDS_SCHEMA,
    "pixels": PIXELS_SCHEMA,
    "crosswalk": CROSSWALK_SCHEMA,
    "census_values": VALUES_SCHEMA,
    "census_counts": COUNTS_SCHEMA,
}
#: tables of fields, and the objects of ``run.json`` whose fields have rows of their own
FIELDS = {
    "run": ("times", "times.seconds", "references", "other_settings", "earlier_outputs", "operations"),
    "settings": ("settings",),
    "origin": ("origin",),
    "restricted": (),
}
JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "list": list,
    "object": dict,
    "null": type(None),
}
RISKY = Element(0x00280301, "CS", "YES")


def table(name: str) -> list[list[str]]:
    """The cells of the rows of one of the page's tables, without its head."""
    return [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in marked(PAGE, name).splitlines()[2:]]


def names(name: str) -> list[str]:
    """What the rows of a table are about, in their order."""
    return [row[0].strip(" |`") for row in table(name)]


def type_text(kind: pa.DataType) -> str:
    """An Arrow type as the page writes it, whatever Arrow calls the elements of lists."""
    if pa.types.is_list(kind):
        return f"list<{type_text(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name}: {type_text(field.type)}' for field in kind)}>"
    return str(kind)


@dataclass
class Audited:
    """Two runs into one output, the second with other settings; ``folder`` has the audit as recipes name it."""

    folder: Path
    run: Run

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the audit."""
        content: dict[str, Any] = json.loads((self.run.audit / name).read_text())
        return content


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp("audited")
    key, archive = write_key(folder / "key"), folder / "in"
    archive.mkdir()
    for number in range(3):
        (archive / f"{number}").write_bytes(ct_file(f"1.2.3.1.{number}", study="1.2.3.1"))
    (archive / "risky").write_bytes(ct_file("1.2.3.1.9", RISKY, study="1.2.3.1"))
    named = Element(0x00100020, "LO", "MRN-2000"), Element(0x00181210, "SH", "for MRN-2000")
    (archive / "named").write_bytes(ct_file("1.2.3.3.1", *named, study="1.2.3.3"))
    assert deidentify(archive, folder / "research", key).code == 3
    (archive / "0").unlink()
    (archive / "broken").write_bytes(ct_file("1.2.3.2.1", study="1.2.3.2")[:-4])
    (archive / "new").write_bytes(ct_file("1.2.3.2.2", study="1.2.3.2"))
    run = deidentify(archive, folder / "research", key, "--resume", "--mixed-output", "--strict", "--max-gone=100")
    assert run.code == 3, run.log
    (folder / "docs").symlink_to(DOCS)
    return Audited(folder, run)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_column_has_its_row_and_its_type(name: str) -> None:
    assert [(row[0].strip(" |`"), row[1].strip("`")) for row in table(name)] == [
        (field.name, type_text(field.type)) for field in SCHEMAS[name]
    ]
    assert all(len(row) == 4 and all(cell.strip(" |") for cell in row) for row in table(name))


@pytest.mark.parametrize("name", ["instances", "gone", "uid_map", "references"])
def test_what_is_never_null_is_none(audited: Audited, name: str) -> None:
    described = "instances" if name == "gone" else name
    never = [row[0].strip(" |`") for row in table(described) if row[3].strip(" |").startswith("never")]
    rows = audited.run.table(f"{name}-")
    assert rows or name == "references"
    assert [(column, row) for row in rows for column in never if row[column] is None] == []


def contents(audited: Audited, name: str) -> dict[str, Any]:
    """What a table of fields is about: dotted names with their values."""
    if name == "restricted":
        return audited.read("run-restricted.json")
    report = audited.read("run.json")
    report["operations"] = Operations()._asdict()
    found = dict(report) if name == "run" else {}
    for path in FIELDS[name]:
        inner: Any = report
        for part in path.split("."):
            inner = inner[part]
        found |= {f"{path}.{field}": value for field, value in inner.items()}
    return found


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_has_its_row_and_its_type(audited: Audited, name: str) -> None:
    found = contents(audited, name)
    assert sorted(names(name)) == sorted(found)
    for field, kinds, meaning in (row[:3] for row in table(name)):
        value = found[field.strip(" |`")]
        assert isinstance(value, bool) == ("boolean" in kinds), field
        assert any(isinstance(value, JSON_TYPES[one]) for one in kinds.split(", ")), field
        assert meaning.strip(" |"), field


def test_fields_of_the_outputs_origin_are_the_first_of_the_runs(audited: Audited) -> None:
    origin = [name.partition(".")[2] for name in names("origin")]
    until = origin.index("profile_digest") + 1
    assert origin[0] == "uid_hash_key_id" and sorted(audited.read("output.json")) == sorted([*origin[:until], MAC])


def test_fields_of_the_account_are_those_of_the_report() -> None:
    top = [name for name in names("run") if "." not in name]
    assert top == [*(field.name for field in fields(RunReport)), MAC]


def test_fields_of_a_plan_are_those_of_its_report() -> None:
    top = [name for name in names("plan") if "." not in name]
    assert top == [field.name for field in fields(PlanReport)][len(fields(RunReport)) :]
    found = PlanDiff("", {}, {}, 0, 0, Affected(0, 0), 0).as_json()
    assert [name.partition(".")[2] for name in names("plan") if "." in name] == list(found)


def test_statuses_and_views_are_all_there_and_no_others() -> None:
    section = PAGE.split("| status | ")[1].split("\n\n")[0]
    assert re.findall(r"(?m)^\| `(\w+)`", section) == [status.value for status in Status]
    assert names("views") == re.findall(r"TEMP VIEW (\w+)", VIEWS.read_text())


def test_reason_codes_are_explained_where_the_page_says() -> None:
    assert "](reason-codes.md#reason-codes)" in REFERENCE
    section = REASONS.split("## Reason codes\n")[1].split("\n## ")[0]
    explained = {
        code for row in section.splitlines() if row[:3] == "| `" for code in re.findall(r"`([^`]+)`", row.split(" | ")[0])
    }
    assert explained == {reason.value for reason in Reason}


def test_names_in_the_text_exist() -> None:
    known = {name for schema in SCHEMAS.values() for name in schema.names} | set(SCHEMAS) | set(names("views"))
    known |= {part for name in FIELDS for field in names(name) for part in field.split(".")} | {
        role.name.lower() for role in UidRole
    }
    known |= set(SheetTotals._fields) | set(TextSearch().settings)
    known |= {part for field in names("plan") for part in field.split(".")} | set(StatusChange._fields)
    # values of fields, parts of rules, names in recipes
    known |= {"has_value", "is_current", "is_new", "was_for", "union_by_name", "promote_options"}
    assert set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+)+)`", PAGE)) <= known
    flags = {
        flag
        for command in ("run", "quarantined", "reidentify")
        for parameter in main.commands[command].params
        for flag in parameter.opts
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE.replace("<!--", ""))) <= flags


def statements() -> Iterator[str]:
    for fence in fences(RECIPES, "sql"):
        yield from (one.strip() for one in fence.split(";") if one.strip())


@pytest.mark.parametrize("statement", list(statements()))
def test_recipes_for_duckdb_run_and_find_something(audited: Audited, statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(audited.folder)
    connection = duckdb.connect()
    connection.execute("SET VARIABLE audit = 'research-audit'")
    connection.execute(VIEWS.read_text())
    assert connection.execute(statement).fetchall()


@pytest.mark.parametrize("recipe", list(fences(RECIPES, "python")))
def test_recipes_for_python_run(
    audited: Audited, recipe: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (*re.findall(r"(?m)^import (duckdb)\b", recipe), "pandas"):
        pytest.importorskip(module)
    monkeypatch.chdir(audited.folder)
    exec(compile(recipe, "query-the-audit.md", "exec"), {"__name__": "recipe"})
    assert "burned-in-annotation" in capsys.readouterr().out


def test_recipes_for_the_shell_run_and_find_something(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    # DuckDB's shell is no package of the tests: this does what it does with its arguments
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(audited.folder)
    (recipe,) = fences(RECIPES, "sh")
    for line in recipe.splitlines():
        program, *arguments = shlex.split(line)
        commands = [argument for flag, argument in pairwise(arguments) if flag == "-c"]
        assert program == "duckdb" and len(commands) == 3
        connection = duckdb.connect()
        for command in commands:
            read = command.removeprefix(".read ")
            done = connection.execute(command if read == command else Path(read).read_text())
        assert done.fetchall()


def test_the_readme_leads_to_both_pages() -> None:
    readme = page("README.md")
    assert "](docs/reference/audit.md)" in readme and "](docs/how-to/query-the-audit.md)" in readme
