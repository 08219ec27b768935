"""Both editions of the report in a real browser: as pages, wide and narrow, and printed, without a request to anywhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.browser import Browser, drawn_in, pages_of, refusing_proxy
from tests.support.pixel_archive import RULES, fill
from tests.support.reports import sections_of
from tests.support.runs import deidentify, run_command

EDITIONS = ("report.html", "report-review.html")
#: the colour of bars, and as PDF has it: how many digits depends on the browser
BLUE = 0x1D, 0x5A, 0x96
BAR = re.compile(rb"\.11\d* \.35\d* \.58\d* rg")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> Path:
    """Both editions of a run with contact sheets."""
    folder = tmp_path_factory.mktemp("pages")
    fill(folder / "in")
    (folder / "rules.csv").write_text(RULES)
    flags = ("--options=CleanPixelData", f"--pixel-rules={folder / 'rules.csv'}", f"--contact-sheets={folder / 'sheets'}")
    run = deidentify(folder / "in", folder / "out", key_file, *flags)
    assert run.code in (0, 3), run.log
    done = run_command(
        *("report", "--audit", str(run.audit), "--key", f"file:{key_file}", "--contact-sheets", str(folder / "sheets")),
        *("--release", str(folder / EDITIONS[0]), "--review", str(folder / EDITIONS[1]), "--sample", "5"),
    )
    assert done.returncode == 0, done.stderr
    assert sections_of((folder / EDITIONS[1]).read_bytes())["sheets"].images
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with refusing_proxy() as proxy:
        yield Browser(tmp_path_factory.mktemp("browser"), proxy)


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_page_asks_for_nothing_and_fits_narrow_and_wide_windows(edition: str, pages: Path, browser: Browser) -> None:
    picture = browser.screenshot(pages / edition, f"{edition}.png", 1600, 3000)
    assert browser.requested() == set() and browser.proxy.asked == []
    drawn = np.asarray(Image.open(picture).convert("RGB"))
    assert (drawn == BLUE).all(axis=2).sum() > 500
    for width in (360, 1600):
        found = browser.measured(pages / edition, width)
        assert found["scroll"] <= found["width"] == width and found["out"] == 0
        assert found["letters"] >= 9 and found["contrast"] >= 4.5
        assert found["sections"] == len(sections_of((pages / edition).read_bytes()))


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(("paper", "size"), [("A4", (595, 842)), ("letter", (612, 792))])
def test_a_page_is_printed_whole(edition: str, paper: str, size: tuple[int, int], pages: Path, browser: Browser) -> None:
    page = pages / f"{paper}-{edition}"
    text = (pages / edition).read_text()
    page.write_text(text.replace("@page{", f"@page{{size:{paper};"))
    assert f"size:{paper};" in page.read_text()
    printed = browser.printed(page, f"{paper}-{edition}.pdf")
    assert browser.requested() == set() and browser.proxy.asked == []
    width, height = (float(number) for number in printed.split(b"/MediaBox [0 0 ")[1].split(b"]")[0].split())
    assert abs(width - size[0]) < 2 and abs(height - size[1]) < 2
    assert 3 <= pages_of(printed) <= 60
    # bars are there without the printing of backgrounds
    assert BAR.search(drawn_in(printed))


def test_a_page_that_asks_for_something_would_be_noticed(tmp_path: Path, browser: Browser) -> None:
    page = tmp_path / "asks.html"
    page.write_text('<!DOCTYPE html><img src="http://example.org/x.png">')
    browser.run(page, "--dump-dom")
    assert any("example.org" in line for line in browser.proxy.asked)
    assert any("example.org" in url for url in browser.requested())
    browser.proxy.asked.clear()
    shutil.rmtree(browser.folder / "profile", ignore_errors=True)
