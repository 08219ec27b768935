"""``CONTRIBUTING.md`` and ``docs/explanation/architecture.md`` name what is there: paths, rooms, steps, layers of tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import LAYERS
from tests.support.pages import marked

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("profiles", "anonymizer", "storage", "transforms", "pipeline")
ROOMS = sorted(str(path.parent.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("__init__.py"))
SOURCES = "\n".join(path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PAGES = {name: (ROOT / name).read_text() for name in ("CONTRIBUTING.md", "docs/explanation/architecture.md")}
ARCHITECTURE, CONTRIBUTING = PAGES["docs/explanation/architecture.md"], PAGES["CONTRIBUTING.md"]
#: what looks like a path of the project and is a part of an audit, or a name that many files have
ELSEWHERE = {"earlier/RUN/", "__init__.py"}


def prose(name: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"(?ms)^```.*?^```", "", PAGES[name])


def paths_in(text: str) -> list[str]:
    """What looks like a path of the project, in backticks."""
    words = [quoted.split()[0] for quoted in re.findall(r"`([^`\n]+)`", text) if quoted.strip()]
    path = re.compile(r"[\w.-]*(?:/[\w.*-]+)+/?|[\w-]+/|[\w-]+\.(?:csv|md|py|toml)")
    return [word for word in words if path.fullmatch(word) and word not in ELSEWHERE and not re.fullmatch("[A-Z](/[A-Z])+", word)]


GLOSSARY = [
    (entry.split("**")[1], entry) for entry in re.split(r"(?m)^- (?=\*\*)", marked(ARCHITECTURE, "glossary")) if entry.strip()
]


@pytest.mark.parametrize("name", PAGES)
def test_paths_exist(name: str) -> None:
    found = paths_in(prose(name))
    assert len(found) > 50
    assert [path for path in found if not (ROOT / path).exists()] == []
    # a folder is written as one
    assert [path for path in found if (ROOT / path).is_dir() != path.endswith("/")] == []


def test_what_looks_like_a_path_is_one() -> None:
    text = "`storage/store.py` `./check --all` `tests/` `Z/D` `run.json` `earlier/RUN/` `.ci/run` `README.md` `Engine`"
    assert paths_in(text) == ["storage/store.py", "./check", "tests/", ".ci/run", "README.md"]


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_on_the_map(room: str) -> None:
    assert re.search(rf"(?m)^\| `{room}/` \| \S", ARCHITECTURE)


def test_no_room_is_there_twice() -> None:
    rows = re.findall(rf"(?m)^\| `((?:{'|'.join(PACKAGES)})[\w/]*)/` \|", ARCHITECTURE)
    assert sorted(rows) == ROOMS


def test_each_step_of_the_job_is_in_the_flow() -> None:
    graph = (ROOT / "pipeline" / "job.py").read_text()
    imported = graph.split("from transforms import (")[1].split(")")[0]
    steps = {name for name in re.findall(r"\w+", imported) if f"class {name}(beam.PTransform" in SOURCES}
    assert len(steps) > 15
    flow = ARCHITECTURE.split("## How a run goes")[1].split("### ")[0]
    assert {name for name in steps if not re.search(rf"\b{name}\b", flow)} == set()


@pytest.mark.parametrize("name", PAGES)
def test_names_of_code_exist(name: str) -> None:
    # classes, functions that are called, constants
    names = re.findall(r"`([A-Z][a-z]+[A-Z]\w*|\w+(?=\(\)`)|_?[A-Z]+(?:_[A-Z]+)+|_[A-Z]+|[A-Z]{4,})`", prose(name))
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    assert [found for found in names if not re.search(rf"\b{found}\b", SOURCES + tests)] == []


def test_layers_are_those_of_the_tests() -> None:
    rows = re.findall(r"(?m)^\| `tests/(\w+)/` \| (\w+) \| \S", marked(CONTRIBUTING, "layers"))
    assert dict(rows) == LAYERS and len(rows) == len(LAYERS)
    markers = (ROOT / "pyproject.toml").read_text().split("markers = [")[1].split("]\n")[0]
    assert set(re.findall(r'(?m)^ *"(\w+):', markers)) == set(LAYERS.values())


@pytest.mark.parametrize(("term", "entry"), GLOSSARY, ids=[term for term, _ in GLOSSARY])
def test_each_term_says_where_it_lives(term: str, entry: str) -> None:
    modules = [path for path in paths_in(entry) if path.endswith(".py")]
    assert modules and all(path.split("/")[0] in PACKAGES and (ROOT / path).is_file() for path in modules)


def test_terms_are_in_order() -> None:
    terms = [term.lower() for term, _ in GLOSSARY]
    assert len(terms) > 30 and terms == sorted(set(terms))


def test_the_readme_leads_to_both() -> None:
    readme = (ROOT / "README.md").read_text()
    assert all(f"]({name})" in readme for name in PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_lines_are_no_longer_than_an_editor_shows(name: str) -> None:
    assert [line for line in PAGES[name].splitlines() if len(line) > 140] == []
