"""Pages of contact sheets: HTML files that need nothing but themselves. They show patients, and values of their objects."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from anonymizer.internals import BlankedBy, CleanedPixels

from .draw_object import COLOURS, DrawnObject
from .sheet_groups import SheetKind
from .sheets_target import INDEX, VERDICTS, page_name
from .verdicts import Verdict

#: rectangles of a source that the legend names
_NAMED = 12
#: sources of rectangles, for people
_SOURCES = {
    "rule": "rule",
    "region": "outside of the ultrasound regions",
    "file": "a line of --rectangles",
    "label": "slide label",
    "text": "text that was found",
}
_STYLE = """
body{margin:0;background:#16181d;color:#e8e8ea;font:15px/1.45 system-ui,sans-serif}
header,section,footer{box-sizing:border-box;width:100%;padding:.7rem 1.2rem}
header{background:#22252d;border-bottom:1px solid #3a3f4b}
h1{font-size:1.15rem;margin:.2rem 0}h2{font-size:1rem;margin:.2rem 0}p,ul{margin:.25rem 0}
a{color:#8ec5ff}nav a,nav span{margin-right:1.2rem}code{font-size:.85em;word-break:break-all}
section{border-bottom:2px solid #3a3f4b;scroll-margin-top:0}section:target{background:#1d2430}
.pair{display:flex;gap:.6rem;margin:.5rem 0}figure{margin:0;flex:1 1 0;min-width:0}
img{width:100%;max-height:92vh;object-fit:contain;object-position:left top;display:block;background:#000}
figcaption{font-size:.85em;color:#b9bcc6}.chip{display:inline-block;width:.8em;height:.8em;margin-right:.4em}
.legend{list-style:none;padding:0;font-size:.9em}.warning{color:#ffcf66}
td,th{text-align:left;padding:.25rem .9rem .25rem 0;vertical-align:top}table{border-collapse:collapse;width:100%}
tr+tr{border-top:1px solid #3a3f4b}.number{text-align:right}
@media print{body,header,section:target{background:#fff;color:#000}a{color:#000}figcaption{color:#333}.warning{color:#000}
section{break-after:page;border:0}section:last-of-type{break-after:auto}nav{display:none}.pair{break-inside:avoid}
img{max-height:27vh}.chip,img{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
#: arrow keys flip; without it the links do
_SCRIPT = """
addEventListener("keydown",function(e){
if(e.ctrlKey||e.altKey||e.metaKey)return;
var keys={ArrowRight:1,j:1,ArrowLeft:-1,k:-1},step=keys[e.key];
if(step){var all=[].slice.call(document.querySelectorAll("section")),at=-1;
all.forEach(function(s,i){if(s.getBoundingClientRect().top<2)at=i});
var next=all[at+step];if(next){next.scrollIntoView();e.preventDefault()}else if(at+step<0)scrollTo(0,0)}
var link={n:"next",p:"prev",i:"up"}[e.key],found=link&&document.querySelector('a[rel="'+link+'"]');
if(found)location.href=found.href});
"""
_WARNING = "These pictures show patients. Keep them where the originals are."


class PageHead(NamedTuple):
    """The head of a page.

    Attributes:
        number: of the page, from 1 on.
        pages: how many there are.
        objects: how many the group has.
        sampled: how many of them were to be drawn.
        run_id: the run's.
    """

    number: int
    pages: int
    objects: int
    sampled: int
    run_id: str


class IndexLine(NamedTuple):
    """A page in the index.

    Attributes:
        number: of the page; 0: it could not be written.
        kind: what its objects have in common.
        objects, drawn, not_drawn: as in DrawnPage.
    """

    number: int
    kind: SheetKind
    objects: int
    drawn: int
    not_drawn: int


def render_page(head: PageHead, kind: SheetKind, drawn: Sequence[DrawnObject]) -> bytes:
    """Return the page of a group."""
    return "".join(_page(head, kind, drawn)).encode()


def render_index(run_id: str, lines: Sequence[IndexLine], others: int) -> bytes:
    """Return the index.

    Args:
        others: objects of groups that have no page.
    """
    return "".join(_index(run_id, lines, others)).encode()


def _start(title: str) -> str:
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
    )


def _end() -> str:
    return f"<footer><p>{_WARNING}</p></footer><script>{_SCRIPT}</script></body></html>\n"


def device_of(kind: SheetKind) -> str:
    """Return a device for people."""
    return " ".join(filter(None, (kind.manufacturer, kind.model))) or "(no device named)"


def _page(head: PageHead, kind: SheetKind, drawn: Sequence[DrawnObject]) -> Iterator[str]:
    yield _start(f"Contact sheet {head.number} of {head.pages}")
    title = f"{kind.risk}: {device_of(kind)}, {kind.columns} columns, {kind.rows} rows"
    yield f"<header>{_links(head)}<h1>{escape(title)}</h1>"
    yield f"<p>Page {head.number} of {head.pages} of run <code>{escape(head.run_id)}</code>. "
    yield f"{len(drawn)} of the {head.objects} objects of this group are drawn. Arrow keys flip objects, n and p pages.</p>"
    if missing := head.sampled - len(drawn):
        said = "more were chosen, and can't be drawn: they are refused, or no decoder reads them"
        yield f'<p class="warning">{missing} {said}.</p>'
    yield f"<p>{_WARNING} Decide in <code>{VERDICTS}</code>.</p></header>\n"
    for number, one in enumerate(drawn, 1):
        yield from _section(number, len(drawn), one)
    yield _end()


def _links(head: PageHead) -> str:
    before = f'<a rel="prev" accesskey="p" href="{page_name(head.number - 1)}">Page before</a>' if head.number > 1 else ""
    after = f'<a rel="next" accesskey="n" href="{page_name(head.number + 1)}">Next page</a>' if head.number < head.pages else ""
    return f'<nav><a rel="up" accesskey="i" href="{INDEX}">Index</a>{before}{after}</nav>'


def _section(number: int, last: int, one: DrawnObject) -> Iterator[str]:
    yield f'<section id="o{number}"><h2>Object {number} of {last}</h2>'
    yield f"<p>instance_hash <code>{one.instance.hex()}</code></p>"
    verdict = Verdict.of(one)
    if verdict is None:
        yield f'<p class="warning">It was blanked in more rectangles than a line of {VERDICTS} may have: it has none.</p>'
    if not one.blanked:
        yield '<p class="warning">Nothing was blanked: the object passes as it is.</p>'
    yield from _legend(one.pixels)
    for frame in one.drawn:
        said = f"Frame {frame.number} of {one.frames}"
        yield f'<div class="pair">{_figure(f"{said}, before", frame.before)}{_figure(f"{said}, after", frame.after)}</div>'
    back = f'<a href="#o{number - 1}">Object before</a>' if number > 1 else ""
    on = f'<a href="#o{number + 1}">Next object</a>' if number < last else ""
    yield f"<nav>{back}{on}</nav></section>\n"


def _figure(caption: str, picture: bytes) -> str:
    said, encoded = escape(caption), base64.b64encode(picture).decode()
    return f'<figure><img alt="{said}" src="data:image/jpeg;base64,{encoded}"><figcaption>{said}</figcaption></figure>'


def _legend(pixels: CleanedPixels) -> Iterator[str]:
    yield '<ul class="legend">'
    for place, source in enumerate(pixels.sources):
        colour = COLOURS[place % len(COLOURS)]
        yield f'<li><span class="chip" style="background:{colour}"></span>{escape(_said_by(source))}</li>'
    yield "</ul>"


def _said_by(source: BlankedBy) -> str:
    who = " ".join(filter(None, (_SOURCES.get(source.source, source.source), source.name)))
    named = "; ".join(",".join(map(str, rectangle)) for rectangle in source.rectangles[:_NAMED])
    more = f"; and {len(source.rectangles) - _NAMED} more" if len(source.rectangles) > _NAMED else ""
    return f"{who}: {named or 'nothing'}{more}"


def _index(run_id: str, lines: Sequence[IndexLine], others: int) -> Iterator[str]:
    yield _start("Contact sheets")
    first = next((page_name(line.number) for line in lines if line.number), None)
    yield f"<header><h1>Contact sheets of run <code>{escape(run_id)}</code></h1><p>{_WARNING}</p>"
    if first is not None:
        yield f'<nav><a rel="next" accesskey="n" href="{first}">First page</a></nav>'
    if others:
        yield f'<p class="warning">{others} objects are of further groups, which have no page.</p>'
    yield "</header><section><table><tr><th>page</th><th>risk</th><th>manufacturer</th><th>model</th>"
    yield '<th class="number">columns</th><th class="number">rows</th><th class="number">objects</th>'
    yield '<th class="number">drawn</th><th class="number">not drawn</th></tr>\n'
    for line in lines:
        kind = line.kind
        page = f'<a href="{page_name(line.number)}">{line.number}</a>' if line.number else "not written"
        yield f"<tr><td>{page}</td>"
        yield "".join(f"<td>{escape(text)}</td>" for text in (kind.risk, kind.manufacturer, kind.model))
        numbers = (kind.columns, kind.rows, line.objects, line.drawn, line.not_drawn)
        yield "".join(f'<td class="number">{number}</td>' for number in numbers) + "</tr>\n"
    yield f"</table></section>{_end()}"
