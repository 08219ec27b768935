"""A real browser, headless, whose only way out is a proxy that refuses and counts."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from .processes import need

_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-extensions", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-dev-shm-usage"),
    *("--disable-domain-reliability", "--metrics-recording-only", "--hide-scrollbars", "--no-pings"),
)
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_SECONDS = 120
#: hosts that the browser itself asks about updates and the time, whatever the page
_OWN = re.compile(r"^\w+ (?:https?://)?[a-z0-9.-]+\.(?:google|googleapis|gstatic)\.com[:/]")


@dataclass
class Proxy:
    """A proxy that refuses everything.

    Attributes:
        asked: first lines of what was asked for, but for what the browser asks its makers.
    """

    port: int
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def refusing_proxy() -> Iterator[Proxy]:
    """A proxy of this machine, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Proxy(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    line = connection.recv(4096).split(b"\r\n")[0].decode("latin-1")
                    if not _OWN.search(line):
                        proxy.asked.append(line)
                    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield proxy
        server.shutdown(socket.SHUT_RDWR)


@dataclass
class Browser:
    """Chromium with a profile of its own.

    Attributes:
        folder: for its files.
        proxy: its only way out.
    """

    folder: Path
    proxy: Proxy

    def run(self, page: Path, *arguments: str) -> str:
        """Open a page; what the browser says on stdout. It must say nothing of things that it refused to load."""
        log = self.folder / "net.json"
        done = subprocess.run(
            [
                *(need("chromium"), *_QUIET, f"--user-data-dir={self.folder / 'profile'}", f"--log-net-log={log}"),
                *(f"--proxy-server=127.0.0.1:{self.proxy.port}", "--proxy-bypass-list=<-loopback>", "--enable-logging=stderr"),
                *(*arguments, page.as_uri()),
            ],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
        refused = [line for line in done.stderr.splitlines() if "Refused to" in line or "violates the following" in line]
        assert refused == []
        return done.stdout

    def requested(self) -> set[str]:
        """What the last page asked for, beside itself and what stands in it."""
        text = (self.folder / "net.json").read_text()
        events = json.loads(text if text.rstrip().endswith("}") else text.rstrip().rstrip(",") + "]}")["events"]
        asked = [event["params"] for event in events if "initiator" in event.get("params", {})]
        # the browser itself is no origin; a page that is a file is an unnamed one
        urls = {str(one["url"]) for one in asked if one["initiator"] != "not an origin"}
        return {url for url in urls if url.split(":")[0] not in ("file", "data", "about", "chrome", "devtools")}

    def screenshot(self, page: Path, name: str, width: int, height: int) -> Path:
        """A picture of a page."""
        path = self.folder / name
        self.run(page, f"--window-size={width},{height}", f"--screenshot={path}")
        return path

    def printed(self, page: Path, name: str) -> bytes:
        """The page as PDF, without what browsers print at its edges."""
        path = self.folder / name
        self.run(page, "--no-pdf-header-footer", f"--print-to-pdf={path}")
        return path.read_bytes()

    def measured(self, page: Path, width: int) -> dict[str, float]:
        """What a script finds in a frame of that width: windows can't be as narrow as phones."""
        text = _POLICY.sub("", page.read_text())
        wrapper = self.folder / f"frame-{width}.html"
        wrapper.write_text(
            f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><iframe width="{width}" height="2000" '
            f'style="border:0" srcdoc="{escape(text, quote=True)}"></iframe><pre id="found"></pre>{_MEASURE}'
        )
        dom = self.run(wrapper, "--window-size=1700,2100", "--virtual-time-budget=10000", "--dump-dom")
        found = re.search(r'<pre id="found">(.*?)</pre>', dom)
        assert found and found.group(1), "the frame was not measured"
        measures: dict[str, float] = json.loads(found.group(1))
        return measures


#: widths of the page and of what sticks out of it; the least size of letters in charts; the least contrast of texts
_MEASURE = """<script>
addEventListener("load", function () {
  var inner = document.querySelector("iframe").contentDocument, root = inner.documentElement, least = 99, contrast = 99;
  function light(c) { return c.map(function (v) { v /= 255; return v <= .03928 ? v / 12.92 : Math.pow((v + .055) / 1.055, 2.4) })
    .reduce(function (sum, v, i) { return sum + v * [.2126, .7152, .0722][i] }, 0) }
  inner.querySelectorAll("svg text").forEach(function (t) { least = Math.min(least, t.getBoundingClientRect().height) });
  inner.querySelectorAll("p,td,th,li,a,h1,h2,h3,dt,caption,figcaption").forEach(function (one) {
    var style = inner.defaultView.getComputedStyle(one), colour = style.color.match(/[0-9.]+/g).slice(0, 3).map(Number);
    contrast = Math.min(contrast, 1.05 / (light(colour) + .05)) });
  var out = [].filter.call(inner.querySelectorAll("p,h1,h2,h3,li,figure,nav,dl"), function (one) {
    return one.getBoundingClientRect().right > root.clientWidth + 1 }).length;
  document.getElementById("found").textContent = JSON.stringify({scroll: root.scrollWidth, width: root.clientWidth,
    out: out, letters: least, contrast: contrast, sections: inner.querySelectorAll("section").length}) });
</script>"""


def pages_of(pdf: bytes) -> int:
    """The number of pages."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def drawn_in(pdf: bytes) -> bytes:
    """All streams of a PDF, unpacked."""
    found = []
    for match in re.finditer(rb"stream\r?\n", pdf):
        with contextlib.suppress(zlib.error):
            found.append(zlib.decompressobj().decompress(pdf[match.end() :]))
    return b"\n".join(found)
