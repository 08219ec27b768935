"""The items of a custom profile in XML, as texts."""

from __future__ import annotations

from io import StringIO
from typing import NoReturn
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, InputSource, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from ..errors import MAX_NAME, ProfileError

#: where an item stands, the names of its elements, and their texts
XmlItem = tuple[str, list[str], list[str]]


def xml_items(text: str, name: str) -> list[XmlItem]:
    """Return the items of ``<root><item><tag/><action/></item></root>``.

    Raises:
        ProfileError: what is wrong in which line.
    """
    source = InputSource()
    source.setCharacterStream(StringIO(text))
    items = _Items(name)
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(items)
    try:
        parser.parse(source)
    except SAXParseException as error:
        raise ProfileError(f"{name} line {error.getLineNumber()}: no XML: {error.getMessage()}") from None
    except DefusedXmlException:
        raise ProfileError(f"{name} line {items.line}: document types and entities are refused") from None
    return items.found


class _Items(ContentHandler):
    """A handler that collects the items."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.found: list[XmlItem] = []
        self._name = name
        self._depth = 0
        self._locator: Locator | None = None

    @property
    def line(self) -> int:
        """The line that is being read."""
        return (self._locator.getLineNumber() if self._locator else None) or 1

    def _refuse(self, reason: str) -> NoReturn:
        raise ProfileError(f"{self._name} line {self.line}: {reason}")

    def setDocumentLocator(self, locator: Locator) -> None:
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        if any(self._depth > 0 or not key.startswith("xmlns") for key in attrs.getNames()):
            self._refuse(f"<{name[:MAX_NAME]}> has attributes; tags and actions are elements")
        if self._depth == 1:
            if name.lower() != "item":
                self._refuse(f"<{name[:MAX_NAME]}> is not known; there is <item>")
            self.found.append((f"{self._name} item {len(self.found) + 1} (line {self.line})", [], []))
        elif self._depth == 2:
            self.found[-1][1].append(name)
            self.found[-1][2].append("")
        elif self._depth > 2:
            self._refuse(f"<{name[:MAX_NAME]}> within a text")
        self._depth += 1

    def endElement(self, name: str) -> None:
        self._depth -= 1

    def characters(self, content: str) -> None:
        if self._depth == 3:
            self.found[-1][2][-1] += content
        elif content.strip():
            self._refuse("a text outside of elements such as <tag> and <action>")
