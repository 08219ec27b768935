"""Reports as their readers have them: sections, tables, and that nothing is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from .runs import Run, run_command

RELEASE, REVIEW = "report.html", "report-review.html"

_VOID = frozenset({"meta", "img", "br", "link"})
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"


@dataclass
class Shown:
    """A section: its texts, and the rows of its tables by caption."""

    text: str = ""
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)

    def row(self, head: str) -> list[str]:
        """The cells behind the only row head of that text."""
        (found,) = [row[1:] for rows in self.tables.values() for row in rows if row[0] == head]
        return found


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, Shown] = {}
        self.headings: list[int] = []
        self.open: list[str] = []
        self.policy = self.language = ""
        self._at = Shown()
        self._caption = ""
        self._row: list[str] | None = None
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self.open.append(tag)
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form", "input", "audio", "video"), tag
        assert not any(name.startswith("on") for name in found)
        asked = {"src", "srcset", "data", "action", "poster", "background", "xlink:href"} & set(found)
        assert not asked or (tag == "img" and asked == {"src"} and found["src"].startswith("data:image/jpeg;base64,"))
        if "href" in found:
            assert tag == "a" and found["href"].startswith("#")
        if tag == "html":
            self.language = found["lang"]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        if tag == "section":
            self._at = self.sections[found["id"]] = Shown()
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img":
            assert found["alt"]
            self._at.images.append(found["src"])
        if tag == "caption":
            self._cell = []
        if tag == "tr":
            self._row = []
        if tag in ("td", "th"):
            assert tag == "td" or found["scope"] in ("row", "col")
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "caption":
            self._caption = "".join(self._cell or ())
            self._at.tables.setdefault(self._caption, [])
        elif tag in ("td", "th") and self._row is not None:
            self._row.append("".join(self._cell or ()))
        elif tag == "tr" and self._row is not None:
            self._at.tables[self._caption].append(self._row)
            self._row = None

    def handle_data(self, data: str) -> None:
        self._at.text += data
        if self._cell is not None:
            self._cell.append(data)


def sections_of(page: bytes) -> dict[str, Shown]:
    """The sections of a page that asks for nothing, is whole, and has its headings in order."""
    text = page.decode()
    parser = _Page()
    parser.feed(text)
    parser.close()
    assert parser.open == [] and parser.policy == POLICY and parser.language == "en"
    assert parser.headings[0] == 1 and parser.headings.count(1) == 1
    assert all(later <= before + 1 for before, later in zip(parser.headings, parser.headings[1:], strict=False))
    style = re.findall(r"(?s)<style>(.*?)</style>", text)
    assert len(style) == 1 and "url(" not in style[0] and "@import" not in style[0]
    return parser.sections


def all_texts(page: bytes) -> bytes:
    """The bytes of a page, and again with its entities decoded: what to search for identifiers."""
    return page + b"\n" + unescape(page.decode()).encode()


def report_of(run: Run, edition: str = RELEASE) -> bytes:
    return (run.audit / edition).read_bytes()


def make_report(run: Run, key: Path | None, folder: Path, *arguments: str) -> tuple[int, str]:
    """``dicom-deid report`` of both editions into a folder."""
    folder.mkdir(exist_ok=True)
    keyed = ["--key", f"file:{key}"] if key else []
    files = ["--release", str(folder / RELEASE), "--review", str(folder / REVIEW)]
    done = run_command("report", "--audit", str(run.audit), *keyed, *files, *arguments)
    return done.returncode, done.stdout + done.stderr
