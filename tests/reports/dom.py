"""The structure of a page, read with the parser of the standard library."""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "wbr", "img", "input", "hr"}
_CLOSED_BY = {
    "td": {"td", "th", "tr", "tbody"},
    "th": {"td", "th", "tr", "tbody"},
    "tr": {"tr", "tbody"},
    "thead": {"tbody"},
    "tbody": set(),
    "p": {"p", "div", "dl", "table", "section"},
    "li": {"li"},
    "dt": {"dt", "dd", "div"},
    "dd": {"dt", "dd"},
}
"""The elements whose end may be left out, each with the elements that end it."""


@dataclass
class Element:
    """An element, with its text and its elements."""

    tag: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text within, in order of the document."""
        return "".join(part if isinstance(part, str) else part.text for part in self._parts)

    def __post_init__(self) -> None:
        self._parts: list[str | Element] = []

    def all(self, tag: str) -> list["Element"]:
        """Return the elements called *tag* within this one."""
        return [found for child in self.children for found in ([child] if child.tag == tag else []) + child.all(tag)]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        while tag in _CLOSED_BY.get(self._open[-1].tag, ()):
            self._open.pop()
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        self._open[-1]._parts.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open[1:]):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._open[-1]._parts.append(data)


@dataclass
class Page:
    """A page.

    Attributes:
        root: The document.
        sections: The sections by their headings.
    """

    root: Element
    sections: dict[str, Element]

    @property
    def figures(self) -> dict[str, int]:
        """The single numbers at the top."""
        (figures,) = [part for part in self.root.all("dl") if part.attributes.get("class") == "figures"]
        return {div.all("dt")[0].text: int(div.all("dd")[0].text.replace(",", "")) for div in figures.children}

    @property
    def proof(self) -> Element:
        """What the page says about the event log."""
        return next(div for div in self.root.all("div") if div.attributes.get("class", "").startswith("proof"))

    def rows(self, title: str) -> list[dict[str, str]]:
        """Return the rows of the first table of a section, by the titles of the columns."""
        table = self.sections[title].all("table")[0]
        head, *rows = table.all("tr")
        titles = [cell.text.strip() for cell in head.children]
        return [dict(zip(titles, (cell.text.strip() for cell in row.children), strict=True)) for row in rows]

    def outline(self) -> list[str]:
        """Return the structure without what depends on the data: a line for each kind of element and place."""
        lines: list[str] = []

        def walk(element: Element, depth: int) -> None:
            kinds: Counter[str] = Counter()
            for child in element.children:
                if child.tag in {"style", "script"}:
                    continue
                shown = [name for name in ("role", "scope") if name in child.attributes]
                name = child.tag + "".join(f"[{word}={child.attributes[word]}]" for word in shown)
                name += "".join(f".{word}" for word in child.attributes.get("class", "").split())
                kinds[name] += 1
                if kinds[name] == 1 or child.tag == "section":
                    title = f" {child.all('h2')[0].text}" if child.tag == "section" else ""
                    lines.append(f"{'  ' * depth}{name}{title}")
                    walk(child, depth + 1)

        walk(self.root, 0)
        return lines


def parse(html: str) -> Page:
    """Return the page of *html*."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    sections = {section.all("h2")[0].text: section for section in parser.root.all("section")}
    return Page(parser.root, sections)
