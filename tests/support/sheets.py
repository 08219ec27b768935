"""Contact sheets as a person's browser has them: what is said, what is drawn, and that nothing is asked for."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

from transforms.contact_sheets.draw_object import COLOURS


@dataclass
class Shown:
    """An object on a page: its keyed hash, and the pictures of each drawn frame, before and after."""

    instance_hash: str
    said: str
    pictures: list[tuple[np.ndarray, np.ndarray]]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.links: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        asked = {"src", "srcset", "data", "action", "poster", "background"} & set(found)
        assert not asked or (tag == "img" and asked == {"src"} and found["src"].startswith("data:image/jpeg;base64,"))
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        if tag == "img":
            self.images.append(found["src"])
        if tag == "a":
            self.links.append(found["href"])
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]


def sheets_of(folder: Path) -> Path:
    """The folder of the only run that drew there."""
    (found,) = folder.iterdir()
    assert re.fullmatch("sheets-[0-9a-z]+", found.name)
    return found


def check_offline(text: str) -> _Page:
    """A page that asks for nothing, and whose only script is the one that its policy names."""
    page = _Page()
    page.feed(text)
    assert page.policy.startswith("default-src 'none'; img-src data:;")
    (script,) = re.findall(r"(?s)<script>(.*?)</script>", text)
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in page.policy
    assert "//" not in re.sub(r"data:image/jpeg;base64,[^\"]*", "", text)
    assert all(re.fullmatch(r"(index|page-\d{4})\.html|#o\d+", link) for link in page.links), page.links
    return page


def shown_on(page: str) -> list[Shown]:
    """The objects of a page."""
    check_offline(page)
    found = []
    for section in page.split("<section ")[1:]:
        hashes = re.findall(r"instance_hash <code>([0-9a-f]{64})</code>", section)
        assert len(hashes) == 1
        encoded = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', section)
        pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")).astype(int) for one in encoded]
        pairs = list(zip(pictures[::2], pictures[1::2], strict=True))
        found.append(Shown(hashes[0], re.sub(r"<[^>]*>", " ", section), pairs))
    return found


def is_marked(picture: np.ndarray, box: tuple[int, int, int, int], place: int = 0) -> bool:
    """Whether a rectangle is drawn around a box in a picture, in the colour of a source by its place."""
    x0, y0, x1, y1 = box
    colour = np.array([int(COLOURS[place][at : at + 2], 16) for at in (1, 3, 5)])
    sides = (picture[y0, x0:x1], picture[y1 - 1, x0:x1], picture[y0:y1, x0], picture[y0:y1, x1 - 1])
    # the coding of pictures loses something
    return all(np.abs(side - colour).mean() < 60 for side in sides)
