"""What keys are derived for: said in one enum and on one page, and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from anonymizer.internals import Purpose

ROOT = Path(__file__).resolve().parents[3]
MODULES = [
    path
    for room in ("profiles", "anonymizer", "storage", "transforms", "pipeline")
    for path in sorted((ROOT / room).rglob("*.py"))
]
PAGE = (ROOT / "docs" / "reference" / "keys.md").read_text()
KEYS = ROOT / "anonymizer" / "keys" / "key.py"


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """All calls, by the last part of their names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = node.func
            yield (name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""), node


def test_the_page_about_keys_has_all_purposes_and_no_other() -> None:
    rows = PAGE.split("<!-- purposes -->\n")[1].split("\n<!-- /purposes -->")[0].splitlines()[2:]
    told = [re.findall(r"`([^`]+)`", row)[0] for row in rows]
    assert sorted(told) == sorted(purpose.value for purpose in Purpose), "docs/reference/keys.md has a table of them"


def test_no_two_purposes_are_one() -> None:
    # a second name for a value would be another name of the first one
    assert len(Purpose.__members__) == len(Purpose)
    assert not any("\0" in purpose.value for purpose in Purpose)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_keys_are_derived_for_purposes_of_the_enum_only(path: Path) -> None:
    for name, call in calls(path):
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if path != KEYS:
            assert not name.startswith(("HKDF", "hkdf", "PBKDF", "pbkdf", "Scrypt", "scrypt", "ConcatKDF", "KBKDF")), call.lineno
            if name == "derive":
                # one of the enum by name: no literal, and nothing that is put together
                assert len(given) == 1 and isinstance(given[0], ast.Attribute), call.lineno
                assert ast.unparse(given[0]) in {f"Purpose.{member}" for member in Purpose.__members__}, call.lineno
        elif name == "HKDF":
            info = next(keyword.value for keyword in call.keywords if keyword.arg == "info")
            assert ast.unparse(info) == "info"
    if path == KEYS:
        assert [name for name, _ in calls(path)].count("HKDF") == 1
        (info,) = [
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "info"
        ]
        literals = [node.value for node in ast.walk(info) if isinstance(node, ast.Constant)]
        assert sorted(literals) == [b"\0", b"dicom-deid/1\0"] and "purpose.value" in ast.unparse(info)
    else:
        # nobody else has the secret
        assert not re.search(r"\bkey\._secret\b|\._secret\b", path.read_text())


def test_the_readme_leads_to_the_page_and_the_command() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "dicom-deid key new key" in readme and "](docs/how-to/keys.md)" in readme and "urandom" not in readme
    guide = (ROOT / "docs" / "how-to" / "keys.md").read_text()
    assert "dicom-deid key new " in guide and "](../reference/keys.md)" in guide
