"""A page as tests read it: elements with their attributes and text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from gradassay.reports.origins import value_of
from gradassay.reports.store import Results

VOID = {"meta", "link", "br", "input"}


@dataclass
class Element:
    """A tag, its attributes, and what is inside it."""

    tag: str
    attributes: dict[str, str]
    parents: tuple[Element, ...] = ()
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def inside(self, tag: str) -> Element | None:
        return next((one for one in reversed(self.parents) if one.tag == tag), None)


class Elements(HTMLParser):
    """All elements of a page, in order; complains where tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.all: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs}, tuple(self._open))
        self.all.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append(Element(tag, {key: value or "" for key, value in attrs}, tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.words.append(data)

    def named(self, *tags: str) -> list[Element]:
        return [element for element in self.all if element.tag in tags]

    def first(self, identifier: str) -> Element:
        return next(one for one in self.all if one.attributes.get("id") == identifier)


def untraced(page: str, results: Results, sections: set[str]) -> set[str]:
    """Return the headings of number cells without an origin, or whose origin gives another one."""
    found = set()
    for cell in Elements(page).named("td"):
        section = cell.inside("section")
        if section is None or section.attributes["id"] not in sections:
            continue
        if "num" not in cell.attributes["class"].split() or not re.search(r"\d", cell.text):
            continue
        told = cell.attributes.get("data-origin")
        value = float(cell.attributes.get("data-value", "nan"))
        if not told or value_of(told, results) != pytest.approx(value, rel=1e-12, abs=1e-300):
            found.add(cell.attributes["data-label"])
    return found
