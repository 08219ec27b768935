"""Pages of a report: one HTML file each, which asks for nothing but itself."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from .charts import svg_of
from .content import Content


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = svg_of
    return environment


def render(content: Content) -> bytes:
    """Return an edition as a page in UTF-8. Bytes that no text can hold are escaped."""
    page = _environment().get_template("report.html").render(content=content)
    return page.encode("utf-8", "backslashreplace")
