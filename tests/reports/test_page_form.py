"""The form of a page: what readers, keyboards, screen readers and printers need."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re

import pytest

from gradassay.reports.definitions import QUANTITIES, defined_by, title_of
from gradassay.reports.palette import looks
from tests.reports.pages import Element, Elements


@pytest.fixture
def page(full_html: str) -> Elements:
    return Elements(full_html)


def tables_of(page: Elements) -> list[Element]:
    return page.named("table")


def test_the_policy_allows_the_one_script_of_the_page_by_its_hash(
    page: Elements, full_html: str
) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", full_html, flags=re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = next(
        one.attributes["content"] for one in page.named("meta") if "http-equiv" in one.attributes
    )
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]


def test_no_element_has_a_handler_of_its_own(page: Elements) -> None:
    names = {name for element in page.all for name in element.attributes}
    assert not [name for name in names if name.startswith("on")]


def test_headings_descend_one_level_at_a_time(page: Elements) -> None:
    levels = [int(one.tag[1]) for one in page.named("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_landmarks_and_a_way_past_them(page: Elements) -> None:
    for tag in ("header", "main", "nav"):
        assert len(page.named(tag)) == 1
    links = page.named("a")
    assert links[0].attributes["class"] == "skip"
    assert page.first(links[0].attributes["href"][1:]).tag == "section"
    assert next(one for one in page.named("html")).attributes["lang"] == "en"


def test_tables_have_captions_and_scoped_headers(page: Elements) -> None:
    tables = tables_of(page)
    assert len(page.named("caption")) == len(tables) > 8
    for header in page.named("th"):
        expected = "col" if header.inside("thead") else "row"
        assert header.attributes["scope"] == expected
    for table in tables:
        heads = [one for one in page.named("th") if table in one.parents and one.inside("thead")]
        rows = [one for one in page.named("tr") if table in one.parents and one.inside("tbody")]
        for row in rows:
            assert sum(row is one.parents[-1] for one in page.named("th", "td")) == len(heads)


def test_tables_that_fold_into_cards_keep_their_roles(page: Elements) -> None:
    stacks = [
        one for one in tables_of(page) if one.parents[-1].attributes["class"].endswith("stack")
    ]
    assert stacks
    for table in stacks:
        assert table.attributes["role"] == "table"
        inner = [one for one in page.all if table in one.parents]
        wanted = {"tr": {"row"}, "td": {"cell"}, "th": {"columnheader", "rowheader"}}
        for tag, roles in wanted.items():
            assert {one.attributes.get("role") for one in inner if one.tag == tag} <= roles


def test_wide_tables_can_be_scrolled_from_the_keyboard(page: Elements) -> None:
    for table in tables_of(page):
        assert table.parents[-1].attributes["tabindex"] == "0"
        assert table.parents[-1].attributes["role"] == "region"
        assert table.parents[-1].attributes["aria-label"]


def test_headings_of_quantities_lead_to_their_definitions(page: Elements) -> None:
    links = [one for one in page.named("a") if one.attributes.get("class") == "definition"]
    assert {"relative bias²", "variance", "cosine"} <= {one.text for one in links}
    for link in links:
        cell = page.first(link.attributes["href"][1:])
        assert link.text.startswith(cell.text)
        assert cell.tag == "th"


def test_every_known_title_is_found_as_its_own_quantity() -> None:
    for name in QUANTITIES:
        assert defined_by(title_of(name)) == name


def test_no_verdict_is_said_by_colour_alone(page: Elements) -> None:
    toned = [
        one
        for one in page.named("td", "th")
        if {"good", "bad", "warn"} & set(one.attributes.get("class", "").split())
    ]
    assert toned
    for cell in toned:
        assert re.search(r"PASS|FAIL|INCONCLUSIVE|XFAIL|\d+ of \d+", cell.text)


def test_without_colour_markers_tell_eight_estimators_apart_and_lines_their_neighbours() -> None:
    found = list(looks([str(i) for i in range(8)]).values())
    assert len({look.marker for look in found}) == 8
    assert all(a.line != b.line for a, b in itertools.pairwise(found))


def test_the_page_has_rules_for_dark_narrow_and_print(full_html: str) -> None:
    for rule in ("prefers-color-scheme: dark", "max-width: 70rem", "@media print", "focus-visible"):
        assert rule in full_html


def test_what_sorting_goes_by_is_in_the_page_and_not_the_text(page: Elements) -> None:
    numbers = [one for one in page.named("td") if one.attributes.get("data-label") == "variance"]
    assert numbers
    for cell in numbers:
        assert float(cell.attributes["data-value"]) == pytest.approx(
            _read(cell.text), rel=6e-3, abs=1e-3
        )


def _read(text: str) -> float:
    """Read the number that a cell begins with."""
    match = re.match(r"([\d.,]+?)(?:\s|\[|exact|$)", text)
    assert match, text
    return float(match[1].replace(",", ""))
