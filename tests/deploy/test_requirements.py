"""What is imported is declared, what is declared has an end, and the locks hold it with hashes."""

from __future__ import annotations

import ast
import json
import re
import sys
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ("3.10.0", "3.10.2", "3.11.7", "3.12.0", "3.13.0", "3.14.0")
ROOMS = ("anonymizer", "deploy", "pipeline", "profiles", "storage", "transforms")
MODULES = [path.relative_to(ROOT).as_posix() for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
#: who is told to install an extra before these modules are imported
NEEDS = {
    "pipeline/commands/pixels.py": "pixels",
    **{f"anonymizer/codecs/{name}.py": "pixels" for name in ("htj2k", "jpeg_2000", "jpeg_dct", "jpeg_lossless", "jpeg_ls")},
    **{f"anonymizer/text_detection/{name}.py": "ocr" for name in ("looks", "operations")},
    "anonymizer/keys/secret_manager.py": "gcp",
    "storage/stores/azure.py": "azure",
    "storage/stores/azure_client.py": "azure",
    "storage/stores/s3.py": "aws",
    "storage/stores/s3_client.py": "aws",
    "storage/stores/s3_stream.py": "aws",
    "transforms/contact_sheets/draw_object.py": "pixels",
}
WITHOUT_END = {
    "setuptools": "PEP 517 doesn't change with its major versions",
    "packaging": "its versions are years; the tests alone use it",
}
#: type checkers bring it with them, and at run time nothing may import it
FOR_TYPES = {"typing_extensions"}
LOCKS = ("build", "ci", "flink", "image", "oldest", "tool")


def declared(extra: str = "") -> list[Requirement]:
    """What the project asks for without extras, or what an extra adds."""
    found = []
    for text in PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            found += [other for name in requirement.extras for other in declared(name)]
        else:
            found.append(requirement)
    return found


@lru_cache
def owners() -> dict[str, str]:
    """The distribution that each installed module belongs to."""
    found = {}
    for distribution in distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        # as text: there are a hundred thousand files, and `files` makes an object of each
        for line in (distribution.read_text("RECORD") or "").splitlines():
            file = line.split(",")[0]
            if file.endswith(".py"):
                found[file] = name
    return found


def imported(path: str) -> set[str]:
    """The modules that a file imports, and the names taken from them, which may be modules, too."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] not in {*sys.stdlib_module_names, *ROOMS, *FOR_TYPES}}


def owner(name: str) -> str | None:
    parts = name.split(".")
    while parts:
        for file in ("/".join(parts) + "/__init__.py", "/".join(parts) + ".py"):
            if file in owners():
                return owners()[file]
        parts.pop()
    return None


def runs_for_types_only(path: str) -> bool:
    """Return whether the file imports what ``FOR_TYPES`` names for type checkers alone."""
    tree = ast.parse((ROOT / path).read_text())
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in FOR_TYPES)
    return all(id(node) in guarded for node in nodes)


@lru_cache
def locked(name: str) -> list[tuple[Requirement, list[str]]]:
    """The lock's requirements, each with its hashes."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    logical = [line.split("#")[0].strip() for line in text.replace("\\\n", " ").splitlines()]
    return [(Requirement(line.split("--hash=")[0].strip()), re.findall(r"--hash=(\S+)", line)) for line in logical if line]


def versions(lock: str, python: str, platform: str = "linux") -> dict[str, str]:
    """What the lock installs on a machine."""
    full = python.split(".")
    environment = {
        "python_full_version": python,
        "python_version": ".".join(full[:2]),
        "sys_platform": platform,
        "os_name": "nt" if platform == "win32" else "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
    }
    return {
        canonicalize_name(one.name): next(iter(one.specifier)).version
        for one, _ in locked(lock)
        if one.marker is None or one.marker.evaluate(environment)
    }


def applies(marker: Marker | None, python: str) -> bool:
    version = ".".join(python.split(".")[:2])
    return marker is None or marker.evaluate(
        {"python_version": version, "python_full_version": python, "sys_platform": "linux", "platform_machine": "x86_64"}
    )


def test_what_is_for_type_checkers_is_not_imported_at_run_time() -> None:
    assert [path for path in MODULES if not runs_for_types_only(path)] == []


@pytest.mark.parametrize("path", [path for path in MODULES if imported(path)])
def test_what_a_module_imports_is_declared(path: str) -> None:
    extra = NEEDS.get(path)
    allowed = {canonicalize_name(one.name) for one in declared() + (declared(extra) if extra else [])}
    found = {name: owner(name) for name in imported(path)}
    # not installed here, it can't be told whose it is
    assert [name for name, distribution in found.items() if distribution is None] == []
    assert {name: distribution for name, distribution in found.items() if distribution not in allowed} == {}


def test_each_dependency_ends_before_an_untried_major_version() -> None:
    every = [*declared(), *(one for extra in PROJECT["optional-dependencies"] for one in declared(extra))]
    ends: dict[str, bool] = {}
    for one in every:
        ended = any(specifier.operator in ("<", "==", "~=") for specifier in one.specifier)
        # apache-beam[gcp] ends where apache-beam does
        ends[one.name] = ends.get(one.name, False) or ended
    assert {name for name, ended in ends.items() if not ended} == set(WITHOUT_END)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_exact_versions_with_hashes_and_no_place(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.M), "options such as --index-url are the machine's"
    assert locked(name)
    for requirement, hashes in locked(name):
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement
        assert hashes, requirement
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", one) for one in hashes), requirement


def test_each_lock_is_made_by_the_one_command() -> None:
    made = re.findall(r"^lock (\w+) ", (ROOT / "requirements" / "lock").read_text(), re.M)
    assert sorted(made) == sorted(LOCKS) == sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
    for name in LOCKS:
        assert "requirements/lock" in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()[1]


@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_satisfy_the_project(python: str) -> None:
    locks = [(name, [*declared(), *declared("dev")]) for name in ("ci", "oldest")]
    if python.startswith("3.11."):
        extras = [one for extra in ("crosswalk", "gcp", "ocr", "pixels") for one in declared(extra)]
        locks.append(("image", [*declared(), *extras, Requirement("apache-beam[gcp]")]))
    for name, wanted in locks:
        found = versions(name, python)
        for one in wanted:
            if applies(one.marker, python):
                assert canonicalize_name(one.name) in found, (name, one.name)
                assert one.specifier.contains(found[canonicalize_name(one.name)]), (name, one, found)


@pytest.mark.parametrize("python", PYTHONS)
def test_ci_builds_with_the_versions_that_it_installs(python: str) -> None:
    # .ci/run makes one folder of packages from ci.txt, builds of the project take theirs from it
    for lock in ("ci", "oldest"):
        assert versions("build", python).items() <= versions(lock, python).items()
    for text in tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]:
        one = Requirement(text)
        assert one.specifier.contains(Version(versions("build", python)[one.name]))


def test_the_locks_have_the_newest_beam_and_the_oldest() -> None:
    (beam,) = [one.specifier for one in declared() if one.name == "apache-beam"]
    ends = {specifier.operator: specifier.version for specifier in beam}
    assert ends.keys() == {">=", "<"}
    for python in PYTHONS:
        oldest, newest = (Version(versions(lock, python)["apache-beam"]).release for lock in ("oldest", "ci"))
        assert oldest[:2] == Version(ends[">="]).release[:2]
        assert (newest[0], newest[1] + 1) == Version(ends["<"]).release[:2]


def test_flinks_lock_is_of_the_version_that_the_cluster_has() -> None:
    cluster = (ROOT / "deploy" / "flink" / "cluster").read_text()
    assert re.findall(r"^version=(\S+)$", cluster, re.M) == list(versions("flink", "3.11.7").values())


def test_azurites_lock_has_a_hash_for_each_package_and_no_place() -> None:
    folder = ROOT / ".ci" / "azurite"
    lock = json.loads((folder / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
    (wanted,) = json.loads((folder / "package.json").read_text())["dependencies"].items()
    assert wanted == ("azurite", packages["node_modules/azurite"]["version"])


def test_ci_takes_packages_from_the_locks_only() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    commands = re.findall(r"/pip\"? (?:install|wheel|download) .*", ci)
    _, after = ci.split("export PIP_NO_INDEX=1 PIP_FIND_LINKS=")
    assert len(commands) >= 4
    for command in commands:
        assert command in after or "--require-hashes" in command, command
    assert "pipeline.demo$" in after
    assert "npm install" not in ci
