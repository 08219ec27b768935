"""What users may import, that former names still work, and that nothing shows an identifier or a secret."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import pytest

import anonymizer
import profiles
from anonymizer import internals

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = {
    "Anonymizer",
    "AttributeAction",
    "DeidentificationError",
    "Key",
    "Note",
    "PatientTable",
    "PatientTableError",
    "Reason",
    "Report",
    "SecretError",
    "anonymize_file",
    "create_key_file",
}
INTERNAL = sorted(name for name in vars(internals) if not name.startswith("_"))


def test_users_find_a_dozen_names() -> None:
    assert set(anonymizer.__all__) == PUBLIC
    assert all(getattr(anonymizer, name).__doc__ for name in PUBLIC)


def test_the_policy_has_a_dozen_names_for_users() -> None:
    assert len(profiles.__all__) == len(set(profiles.__all__)) == 12
    assert all(hasattr(profiles, name) for name in profiles.__all__)


def test_no_name_is_public_and_internal() -> None:
    assert PUBLIC & set(INTERNAL) == set()


@pytest.mark.parametrize("name", [*INTERNAL, "PASSING"])
def test_a_former_name_still_works_and_says_where_it_is_now(name: str) -> None:
    new_name = "TRANSIENT_REASONS" if name == "PASSING" else name
    with pytest.warns(DeprecationWarning, match=rf"anonymizer\.{name} is not .* anonymizer\.internals\.{new_name} now") as caught:
        assert getattr(anonymizer, name) is getattr(internals, new_name)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("name", ["Anonymiser", "__wrapped__", "_engine", "internal"])
def test_other_names_are_none(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'anonymizer' has no attribute '{name}'"):
        getattr(anonymizer, name)


def test_nothing_of_the_project_uses_a_former_name() -> None:
    folders = ("storage", "transforms", "pipeline", "benchmarks", "tests")
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "anonymizer":
                assert {alias.name for alias in node.names} <= {*PUBLIC, "internals"}, path


def test_public_names_give_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(getattr(anonymizer, name) for name in PUBLIC)
