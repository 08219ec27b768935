"""The architecture holds: who imports whom, how large files are, what pages say of tables and codes."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from io import StringIO
from pathlib import Path

import pytest

from anonymizer import Note, Reason
from profiles import ConfidentialityProfile, describe, describe_risks
from profiles.conditions import parser
from profiles.pixels.risk import read_pixel_risk
from tests.support.pages import marked, page

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("profiles", "anonymizer", "storage", "transforms", "pipeline")
#: on how many floors the rooms of each package lie: whoever needs another one says why
#: anonymizer: the search for text decodes as blanking does, and what rewrites objects starts it
FLOORS = {"profiles": 11, "anonymizer": 9, "storage": 8, "transforms": 5, "pipeline": 8}
#: what other packages may import: what is for users, too, and what the engine shows to the project alone
FACES = {*ROOMS, "anonymizer.internals"}
MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
NAMES_MODULE = re.compile(rf"({'|'.join(ROOMS)})(\.[a-z_0-9]+)*\.[A-Za-z_0-9]+")
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))
#: of a docstring: a reader looks up what a function does, and not a question
NO_BEGINNINGS = frozenset(("What", "Who", "Whose", "Whether", "Where", "How", "Which", "When"))
#: what some modules of the core import when asked to, so that only who asks pays for it
USED_BY_CHOICE = {
    "anonymizer/identity/patients.py": {"pyarrow"},  # a table of patients may be Parquet
    "anonymizer/keys/secret_manager.py": {"google", "grpc"},  # the key may be in Google Secret Manager
    "anonymizer/keys/google_credentials.py": {"google"},  # ... and needs credentials, which the core finds for the storage too
    # what Beam was told of stores holds for ours
    **{f"storage/stores/{name}.py": {"apache_beam"} for name in ("hdfs", "azure_client", "s3_client")},
}


def module_of(path: Path) -> str:
    """The module in a file, by its dotted name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULE_FILES = {module_of(path): path for path in MODULES}


def imports(path: Path) -> set[str]:
    """Modules that the file imports, at its top or later: those of the project by the module that has the name."""
    found = set()
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names = {f"{module}.{alias.name}" for alias in node.names}
            # what another package shows may have a module's name
            found |= {name if name in MODULE_FILES and module not in ROOMS else module for name in names}
    return found - {module_of(path)}


def names_in(path: Path) -> set[str]:
    """What a module gives names to at its top."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        found |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


IMPORTS = {module: imports(path) for module, path in MODULE_FILES.items()}


def room_of(module: str) -> str:
    """The folder or file of a package that a module lies in."""
    return ".".join(module.split(".")[:2])


def cycles(arrows: Mapping[str, set[str]]) -> list[str]:
    """What is tied to itself by ``arrows``; nothing where they have an order."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def floors(package: str) -> int:
    """On how many floors the rooms of a package lie: each above all that it imports."""
    arrows: dict[str, set[str]] = {}
    for module, imported in IMPORTS.items():
        if module.startswith(f"{package}."):
            above = {room_of(one) for one in imported if one.startswith(f"{package}.")}
            arrows.setdefault(room_of(module), set()).update(above - {room_of(module)})
    floor: dict[str, int] = {}
    for room in TopologicalSorter(arrows).static_order():
        floor[room] = 1 + max((floor[below] for below in arrows[room]), default=0)
    return max(floor.values())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_points_back(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    later = ROOMS[ROOMS.index(package) + 1 :]
    for module in imports(path):
        top = module.split(".")[0]
        assert top not in later, f"{package} must not know {top}"
        assert top not in ROOMS or top == package or module in FACES, f"import from {top}, not from {module}"
        if package in ("profiles", "anonymizer", "storage"):
            allowed = USED_BY_CHOICE.get(str(path.relative_to(ROOT)), set())
            outside = {"apache_beam"} if package == "storage" else {"apache_beam", "google", "grpc", "pyarrow"}
            assert top not in outside - allowed, f"{package} knows no Beam"


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_are_named_in_texts_are_there(path: Path) -> None:
    """No type checker follows what ``sys.modules`` or a patch is asked for."""
    texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    named = [text for text in texts if isinstance(text, str) and NAMES_MODULE.fullmatch(text)]
    for name in named:
        module, _, attribute = name.rpartition(".")
        assert name in MODULE_FILES or (module in MODULE_FILES and attribute in names_in(MODULE_FILES[module])), name


def test_no_modules_import_each_other() -> None:
    # a package's face imports what it shows, which is no way back
    faces = {module for module, path in MODULE_FILES.items() if path.name == "__init__.py"} | FACES
    assert cycles({module: imported for module, imported in IMPORTS.items() if module not in faces}) == []


@pytest.mark.parametrize(("package", "most"), FLOORS.items())
def test_the_rooms_of_a_package_lie_on_few_floors(package: str, most: int) -> None:
    assert floors(package) <= most


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_room_says_what_belongs_there(folder: Path) -> None:
    said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    assert said, "one sentence: what belongs there, and what doesn't"
    assert "\n" not in said


@pytest.mark.parametrize("package", ["transforms", "pipeline"])
def test_beams_type_checks_stay_on(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        text = path.read_text()
        if "DoFn" in text or "PTransform" in text:
            assert "from __future__ import annotations" not in text, path.name


def test_no_file_is_long() -> None:
    sources = [*MODULES, *TESTS, *BENCHMARKS]
    assert {path.name: lines for path in sources if (lines := len(path.read_text().splitlines())) > 400} == {}


@pytest.mark.parametrize("path", [*MODULES, *BENCHMARKS], ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_begin_with_a_verb_or_a_noun(path: Path) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    found = [ast.get_docstring(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, documented)]
    assert [text for text in found if text and text.split()[0] in NO_BEGINNINGS] == []


def test_importing_the_engine_leaves_beam_out() -> None:
    code = "import sys, anonymizer, profiles, pipeline.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    heavy = {"apache_beam", "pyarrow", "grpc", "google.auth", "google.api_core", "google.cloud.storage"}
    # files to files need none of these: pydicom takes a quarter of a second
    heavy |= {"pydicom", "numpy", "requests", "http.client", "xml.sax"}
    assert heavy & set(done.stdout.split()) == set()


def test_the_page_about_attributes_says_what_the_profile_does() -> None:
    assert marked(page("docs/reference/attributes.md"), "describe") == describe(ConfidentialityProfile()) + "\n"


def test_the_page_about_pixels_shows_the_table() -> None:
    text = page("docs/reference/pixels.md")
    assert marked(text, "risks") == describe_risks() + "\n"
    # the grammar as the module has it
    grammar = text.split("```text\n")[1].split("```")[0].rstrip()
    assert inspect.cleandoc(parser.__doc__ or "").count(grammar.replace("\n", "\n    ")) == 1
    rows = text.split("```csv\n")[1].split("```")[0]
    assert [row.reason for row in read_pixel_risk(StringIO(rows))[0]] == ["pixel-risk-site"] * 2


def test_each_code_is_explained_once() -> None:
    reasons, notes = page("docs/reference/reason-codes.md").split("\n## Reason codes\n")[1].split("\n## Notes\n")
    for text, codes in ((reasons, Reason), (notes, Note)):
        explained = [code for row in re.findall(r"(?m)^\| (`.+?) \| ", text) for code in re.findall(r"`([^`]+)`", row)]
        assert sorted(explained) == sorted(code.value for code in codes)


def test_sources_have_no_path_of_one_machine() -> None:
    for path in [*MODULES, *BENCHMARKS, ROOT / "pyproject.toml", ROOT / ".ci" / "run"]:
        assert not re.search(r"/(home|root|Users|work)/", path.read_text()), path


def test_the_pages_custom_profile_is_one() -> None:
    text = page("docs/how-to/custom-profiles.md").split("```\n")[1]
    assert len(ConfidentialityProfile.from_csv_string(text).custom) == 7
