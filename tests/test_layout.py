"""The architecture holds: who imports whom, how large files are, what the README says."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from anonymizer import Note, Reason
from profiles import ConfidentialityProfile, conditions, describe, describe_risks
from profiles.pixel_risk import read_pixel_risk

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("profiles", "anonymizer", "transforms", "pipeline")
MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))
README = (ROOT / "README.md").read_text()
#: what some modules of the core import when asked to, so that only who asks pays for it
USED_BY_CHOICE = {
    "patients.py": {"pyarrow"},  # a table of patients may be Parquet
    "secret_manager.py": {"google", "grpc"},  # the key may be in Google Secret Manager
    "google_credentials.py": {"google"},  # ... and needs credentials, which the core finds for the storage too
}


def imports(path: Path) -> set[str]:
    """Modules that the file imports by absolute names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_points_back(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    later = ROOMS[ROOMS.index(room) + 1 :]
    for module in imports(path):
        top = module.split(".")[0]
        assert top not in later, f"{room} must not know {top}"
        assert top not in ROOMS or module == top, f"import from {top}, not from {module}"
        if room in ("profiles", "anonymizer"):
            allowed = USED_BY_CHOICE.get(path.name, set())
            assert top not in {"apache_beam", "google", "grpc", "pyarrow"} - allowed, "the core knows no Beam"


@pytest.mark.parametrize("room", ["transforms", "pipeline"])
def test_beams_type_checks_stay_on(room: str) -> None:
    for path in (ROOT / room).glob("*.py"):
        text = path.read_text()
        if "DoFn" in text or "PTransform" in text:
            assert "from __future__ import annotations" not in text, path.name


def test_no_file_is_long() -> None:
    sources = [*MODULES, *(ROOT / "tests").rglob("*.py"), *BENCHMARKS]
    assert {path.name: lines for path in sources if (lines := len(path.read_text().splitlines())) > 400} == {}


def test_importing_the_engine_leaves_beam_out() -> None:
    code = "import sys, anonymizer, profiles, pipeline.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    heavy = {"apache_beam", "pyarrow", "grpc", "google.auth", "google.api_core", "google.cloud.storage"}
    # files to files need none of these: pydicom takes a quarter of a second
    heavy |= {"pydicom", "numpy", "requests", "http.client", "xml.sax"}
    assert heavy & set(done.stdout.split()) == set()


def test_the_readme_says_what_the_profile_does() -> None:
    section = README.split("<!-- describe -->\n")[1].split("\n<!-- /describe -->")[0]
    assert section == describe(ConfidentialityProfile())


def test_the_page_about_pixels_shows_the_table() -> None:
    page = (ROOT / "docs" / "pixels.md").read_text()
    assert page.split("<!-- risks -->\n")[1].split("\n<!-- /risks -->")[0] == describe_risks()
    # the grammar as the module has it
    grammar = page.split("```text\n")[1].split("```")[0].rstrip()
    assert inspect.cleandoc(conditions.__doc__ or "").count(grammar.replace("\n", "\n    ")) == 1
    rows = page.split("```csv\n")[1].split("```")[0]
    assert [row.reason for row in read_pixel_risk(StringIO(rows))[0]] == ["pixel-risk-site"] * 2


def test_the_readme_explains_each_code() -> None:
    codes = set(re.findall(r"`([a-z0-9-]+)`", README))
    assert {reason.value for reason in Reason} | {note.value for note in Note} <= codes


def test_the_readme_has_no_path_of_one_machine() -> None:
    for path in [*MODULES, *BENCHMARKS, ROOT / "README.md", ROOT / "pyproject.toml", ROOT / ".ci" / "run"]:
        assert not re.search(r"/(home|root|Users|work)/", path.read_text()), path


def test_the_readmes_custom_profile_is_one() -> None:
    text = README.split("### Custom profiles")[1].split("```\n")[1]
    assert len(ConfidentialityProfile.from_csv_string(text).custom) == 7


@pytest.mark.parametrize("name", ["SECURITY.md", "requirements/README.md"])
def test_a_page_leads_to_pages_that_are_there(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#([^)]+))?\)", (ROOT / name).read_text())
    assert links
    for file, part in links:
        text = ((ROOT / name).parent / file).read_text()
        headings = [line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("#")]
        assert not part or part in [re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings], (file, part)
