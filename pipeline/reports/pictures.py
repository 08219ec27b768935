"""Pictures of contact sheets: pages are read strictly, and nothing but pictures and captions is taken from them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import NamedTuple

from .content import Picture, PictureGroup

#: base64 characters that are embedded in one report
MOST_CHARACTERS = 40 << 20
#: texts of one object: its legend and warnings
_MOST_REMARKS, _LONGEST = 40, 2000
_DATA = "data:image/jpeg;base64,"
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_JPEG = b"\xff\xd8\xff"
_TEXTS = {"h1": "title", "h2": "head", "li": "remark", "p": "remark", "figcaption": "caption"}


class SheetPictures(NamedTuple):
    """Pictures of the contact sheets of a run.

    Attributes:
        groups: objects, page by page.
        left_out: objects that the report has no room for.
        unread: pages that are encrypted and can't be opened, or are none of this program.
    """

    groups: tuple[PictureGroup, ...]
    left_out: int = 0
    unread: int = 0


class SheetError(ValueError):
    """A page that is none of this program's contact sheets."""


class _Page(HTMLParser):
    """A page of contact sheets: its objects, with their pictures."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.groups: list[PictureGroup] = []
        self._head = ""
        self._remarks: list[str] = []
        self._pictures: list[Picture] = []
        self._picture = ""
        self._in: str | None = None
        self._in_section = False
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self._in_section, self._head, self._remarks, self._pictures = True, "", [], []
        elif tag == "img":
            source = dict(attributes).get("src") or ""
            self._picture = _checked(source)
        elif tag in _TEXTS:
            self._in, self._text = tag, []

    def handle_data(self, data: str) -> None:
        if self._in is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "section" and self._in_section:
            self._in_section = False
            if self._pictures:
                self.groups.append(
                    PictureGroup(f"{self.title}: {self._head}".strip(": "), tuple(self._remarks), tuple(self._pictures))
                )
        elif tag == self._in:
            self._in = None
            self._take(_TEXTS[tag], " ".join("".join(self._text).split())[:_LONGEST])

    def _take(self, what: str, text: str) -> None:
        if what == "title":
            self.title = text
        elif what == "head":
            self._head = text
        elif what == "caption" and self._picture:
            self._pictures.append(Picture(text, self._picture))
            self._picture = ""
        elif what == "remark" and self._in_section and len(self._remarks) < _MOST_REMARKS and text:
            self._remarks.append(text)


def _checked(source: str) -> str:
    """Return the base64 of a JPEG in a data URI.

    Raises:
        SheetError: it is anything else.
    """
    data = source.removeprefix(_DATA)
    if data == source or not _BASE64.fullmatch(data):
        raise SheetError("not a picture of this program")
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise SheetError("not a picture of this program") from None
    if not content.startswith(_JPEG):
        raise SheetError("not a picture of this program")
    return data


def objects_of(page: bytes) -> tuple[PictureGroup, ...]:
    """Return the objects of a page.

    Raises:
        SheetError: it is no page of this program.
    """
    parser = _Page()
    try:
        parser.feed(page.decode("utf-8"))
        parser.close()
    except (UnicodeDecodeError, AssertionError):
        raise SheetError("not a page of this program") from None
    return tuple(parser.groups)


def pictures_of(pages: Iterable[bytes | None], most: int = MOST_CHARACTERS) -> SheetPictures:
    """Return the pictures of pages, up to a total size.

    Args:
        pages: contents; None for one that can't be opened.
        most: base64 characters in all.
    """
    groups: list[PictureGroup] = []
    size = left_out = unread = 0
    for page in pages:
        try:
            found = objects_of(page) if page is not None else ()
            unread += page is None
        except SheetError:
            unread += 1
            continue
        for group in found:
            needed = sum(len(picture.data) for picture in group.pictures)
            if size + needed > most:
                left_out += 1
            else:
                size += needed
                groups.append(group)
    return SheetPictures(tuple(groups), left_out, unread)
