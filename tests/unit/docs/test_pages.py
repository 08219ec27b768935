"""Pages lie by kind, the index leads to each, links resolve, and commands that pages name exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.cli import main
from tests.support.pages import DOCS, ROOT, anchors, fences, links, page, pages, prose

KINDS = ("tutorials", "how-to", "reference", "explanation")
INDEX = DOCS / "README.md"
PAGES = pages()
#: Beam's options that pages give to commands without an underscore in them
BEAM = {"--runner", "--parallelism", "--project", "--region", "--subnetwork", "--experiments", "--gbek"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def section(kind: str) -> str:
    """The index's section about a kind of pages."""
    sections = re.split(r"(?m)^## ", INDEX.read_text())
    (found,) = [one for one in sections if one.lower().startswith(kind)]
    return found


def test_all_pages_are_looked_at() -> None:
    names = {name_of(path) for path in PAGES}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/README.md", "requirements/README.md"} <= names
    assert len(names) > 30


@pytest.mark.parametrize("kind", KINDS)
def test_the_index_leads_to_each_page_under_its_kind(kind: str) -> None:
    listed = {file for file, _ in links(section(kind)) if file.endswith(".md")}
    assert listed == {str(path.relative_to(DOCS)) for path in (DOCS / kind).iterdir() if path.suffix == ".md"}


def test_pages_lie_by_kind() -> None:
    assert {path.name for path in DOCS.iterdir() if path.is_dir()} == set(KINDS)
    assert [path for path in DOCS.glob("*.md") if path != INDEX] == []
    assert all(path.read_text().startswith("# ") for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for file, part in links(path.read_text()):
        target = path.parent / file if file else path
        assert target.is_file() or (target.is_dir() and not part), file
        assert not part or part in anchors(target.read_text()), (file, part)


def test_a_broken_link_would_be_found() -> None:
    text = "# A page: one!\n[a](b.md#c) ![p](d/e.svg) [x](https://example.org) [y](#a-page-one) `[z](no)`\n```sh\n[q](no)\n```\n"
    assert links(text) == [("b.md", "c"), ("d/e.svg", ""), ("", "a-page-one")]
    assert anchors(text) == ["a-page-one"]


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_paths_of_pages_in_backticks_exist(path: Path) -> None:
    named = re.findall(r"`(docs/[\w/.-]+)`", prose(path.read_text()))
    # the changelog tells of releases, too
    assert [one for one in named if not (ROOT / one).exists() and path.name != "CHANGELOG.md"] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_pages_name_no_path_of_one_machine(path: Path) -> None:
    assert not re.search(r"/(home|root|Users|work)/", path.read_text())


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each ``dicom-deid`` in a page's shell code."""
    for fence in fences(text, "(?:sh|ini)?"):
        for line in fence.replace("\\\n", " ").splitlines():
            if found := re.search(r"(?:^|\s|/bin/)dicom-deid ([a-z].*)", line):
                yield shlex.split(re.split(r"[;|]|\s\d?[<>]", found[1])[0], comments=True)


def command_of(arguments: list[str]) -> tuple[click.Command, list[str]]:
    """The command that is meant, and its own arguments."""
    command: click.Command = main
    while isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.commands[name]
    return command, arguments


@pytest.mark.parametrize("path", [path for path in PAGES if list(commands(path.read_text()))], ids=name_of)
def test_commands_and_their_options_exist(path: Path) -> None:
    for arguments in commands(path.read_text()):
        command, rest = command_of(arguments)
        flags = {flag for parameter in command.params for flag in parameter.opts}
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert {flag for flag in given - flags if "_" not in flag} <= BEAM, arguments


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_commands_in_the_text_exist(path: Path) -> None:
    for name in re.findall(r"`dicom-deid ([a-z]\w+)", prose(path.read_text())):
        assert name in main.commands


@pytest.mark.parametrize("arguments", list(commands(page("README.md"))), ids=" ".join)
def test_commands_of_the_readme_can_be_typed(arguments: list[str]) -> None:
    command, rest = command_of(arguments)
    context = command.make_context(command.name, list(rest), parent=click.Context(main))
    assert context.params.get("beam_args", ()) == ()


def test_the_page_about_commands_has_each_command_and_each_option_of_a_run() -> None:
    commands, options = page("docs/reference/commands.md").split("## Options of `run` by topic\n")
    names = [f"{name} {inner}" if inner else name for name, command in main.commands.items() for inner in inner_names(command)]
    assert sorted(re.findall(r"(?m)^\| `([a-z -]+)` \|", commands)) == sorted(names)
    rows = "\n".join(re.findall(r"(?m)^\| .*$", options))
    flags = {flag for parameter in main.commands["run"].params for flag in parameter.opts if flag.startswith("--")}
    named = re.findall(r"`(--[a-z-]+)`", rows)
    # each once, and Beam's as an example
    assert sorted(named) == sorted({*flags, "--help", "--runner"})


def inner_names(command: click.Command) -> list[str]:
    """The commands of a group; an empty name for one that is none."""
    return list(command.commands) if isinstance(command, click.Group) else [""]


def test_the_changelog_has_sections_and_the_newest_version_first() -> None:
    first, *releases = re.split(r"(?m)^## ", page("CHANGELOG.md"))[1:]
    assert first.startswith("Unreleased\n")
    versions = [tuple(int(part) for part in release.split("\n")[0].split(".")) for release in releases]
    assert versions == sorted(versions, reverse=True) and versions
    order = ["Added", "Changed", "Deprecated", "Fixed", "Security"]
    for release in (first, *releases):
        sections = re.findall(r"(?m)^### (.*)$", release)
        assert sections == [name for name in order if name in sections]
