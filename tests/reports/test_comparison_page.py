"""A comparison as page, Markdown and JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gradassay.reports.compared import Comparison
from gradassay.reports.comparison import compare_results
from gradassay.reports.comparison_json import comparison_json
from gradassay.reports.comparison_page import comparison_html, comparison_markdown
from gradassay.reports.origins import value_of
from gradassay.reports.store import Results
from tests.reports.conftest import (
    build_results,
    make_checks,
    make_cost,
    make_measurements,
    make_training,
)
from tests.reports.pages import Elements

NAMES = ("before", "<b>after</b>|x")


@pytest.fixture(scope="module")
def other() -> Results:
    """Results with one measurement far off, one cost and one verdict changed, another version."""
    rows = make_measurements()
    place = next(i for i, row in enumerate(rows) if row.quantity == "cosine" and row.low < row.high)
    value = rows[place].value
    rows[place] = replace(rows[place], value=5 * value, low=4.9 * value, high=5.1 * value)
    cost = make_cost()
    cost[0] = replace(cost[0], value=2.0, low=2.0, high=2.0)
    results = build_results(
        measurements=rows, checks=make_checks(0), cost=cost, training=make_training()
    )
    results.manifest["versions"] = {"python": "<3.12>"}
    return results


@pytest.fixture(scope="module")
def found(full: Results, other: Results) -> Comparison:
    return compare_results(full, other)


@pytest.fixture(scope="module")
def page(found: Comparison) -> Elements:
    return Elements(comparison_html(found, NAMES, ("gradassay run", "gradassay run --seed 1")))


def test_the_answer_is_what_changed(page: Elements, found: Comparison) -> None:
    answer = page.first("answer").text
    assert f"2 of {len(found.rows)} numbers changed: 1 beyond noise, 1 exact ones" in answer
    assert "1 of 24 checks changed their verdict." in answer
    assert "rate of at most 0.05" in answer
    rows = [one for one in page.named("tr") if one.inside("tbody")]
    in_answer = [one for one in rows if page.first("answer") in one.parents]
    assert len(in_answer) == len(found.of("changed"))


def test_all_numbers_are_on_the_page_and_lead_to_their_rows(
    page: Elements, found: Comparison, full: Results, other: Results
) -> None:
    sides = {"A": full, "B": other}
    seen = 0
    for cell in page.named("td"):
        label = cell.attributes["data-label"]
        if "data-origin" in cell.attributes:
            value = value_of(cell.attributes["data-origin"], sides[label])
            assert value == pytest.approx(float(cell.attributes["data-value"]))
            seen += 1
    flips = sum(pair.changed for pair in found.checks)
    assert seen == 2 * (len(found.rows) + len(found.checks) + flips)


def test_folders_and_settings_are_text(page: Elements) -> None:
    assert not page.named("b")
    assert "<b>after</b>|x" in page.first("answer").text
    assert "<3.12>" in page.first("settings").text
    assert "FAIL" in page.first("checks").text
    assert "gradassay run --seed 1" in page.first("reproduce").text


def test_the_same_results_compared_again_give_the_same_page(found: Comparison) -> None:
    assert comparison_html(found, NAMES) == comparison_html(found, NAMES)


def test_nothing_changed_is_said(full: Results) -> None:
    same = compare_results(full, full)
    page = Elements(comparison_html(same, NAMES))
    assert "Nothing changed beyond noise." in page.first("answer").text
    assert "Nothing." in page.first("settings").text
    assert "0 of 172 numbers changed" in comparison_markdown(same, NAMES)


def test_markdown_has_the_changes_and_the_method(found: Comparison) -> None:
    text = comparison_markdown(found, NAMES)
    assert "&lt;b>after&lt;/b>\\|x" in text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert sum("changed" in line for line in lines) == 2
    assert any("FAIL" in line and "PASS" in line for line in lines)
    assert "Zou and Donner 2008" in text


def test_json_is_strict_and_holds_every_comparison(found: Comparison) -> None:
    def refuse(name: str) -> float:
        raise AssertionError(name)

    document = json.loads(comparison_json(found, NAMES), parse_constant=refuse)
    assert len(document["rows"]) == len(found.rows)
    changed = [row for row in document["rows"] if row["outcome"] == "changed"]
    assert {row["kind"] for row in changed} == {"measurement", "cost"}
    assert sum(check["changed"] for check in document["checks"]) == 1
    assert document["false_alarm_rate"] == 0.05
    for row in document["rows"]:
        gap = float(row["second"]["value"]) - float(row["first"]["value"])
        assert float(row["difference"]) == pytest.approx(gap, abs=1e-12)
