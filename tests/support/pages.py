"""The project's Markdown pages: their code, links and anchors."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: folders that hold no pages of the project
_OTHERS = {"build", "dist", "deid-demo", "node_modules"}


def pages() -> list[Path]:
    """All Markdown files of the project."""
    found = ROOT.rglob("*.md")
    return sorted(path for path in found if not any(part[0] == "." or part in _OTHERS for part in path.relative_to(ROOT).parts))


def page(name: str) -> str:
    """The text of a page, by its path in the project."""
    return (ROOT / name).read_text()


def fences(text: str, language: str) -> list[str]:
    """The code blocks in a language, without what indents them in a list."""
    found = re.findall(rf"(?ms)^( *)```{language}\n(.*?)^ *```$", text)
    return ["\n".join(line.removeprefix(indent) for line in block.splitlines()) + "\n" for indent, block in found]


def prose(text: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", text)


def marked(text: str, name: str) -> str:
    """What stands between the marks of that name."""
    return text.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]


def anchors(text: str) -> list[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.*)$", prose(text))
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def links(text: str) -> list[tuple[str, str]]:
    """Relative links and pictures: file, empty for the page itself, and anchor."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]+`", "", prose(text)))
    parts = (link.partition("#") for link in found if not re.match("[a-z]+:", link))
    return [(file, anchor) for file, _, anchor in parts]
