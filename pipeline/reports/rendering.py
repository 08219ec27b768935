"""Pages of a report: one HTML file each, which asks for nothing but itself."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .charts import svg_of
from .content import Bars, Content


def _svg(chart: Bars) -> Markup:
    # made of escaped texts by the library that draws it
    return Markup(svg_of(chart))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = _svg
    return environment


def render(content: Content) -> bytes:
    """Return an edition as a page in UTF-8. Bytes that no text can hold are escaped."""
    page = _environment().get_template("report.html").render(content=content)
    return page.encode("utf-8", "backslashreplace")
