from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from gradassay.core.records import CheckResult, CostRow, Measurement
from gradassay.reports import render_markdown
from gradassay.reports.formats import estimate, number, percent, quantity
from gradassay.reports.rows import operations
from gradassay.reports.store import Results

AsResults = Callable[..., Results]
MINUS, TIMES = "\u2212", "\u00d7"


def test_markdown_has_findings_then_one_row_an_estimator(full: Results) -> None:
    text = render_markdown(full)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert text.startswith("1 of 24 checks failed (opzo: 1).")
    assert len(lines) == 5
    assert {line.count("|") for line in lines} == {9}
    assert "| 0.248 [0.231, 0.265] n = 4,096 |" in text


def test_markdown_of_checks_alone_has_no_empty_columns(
    as_results: AsResults, checks: list[CheckResult]
) -> None:
    passed = [replace(check, verdict="PASS") for check in checks]
    text = render_markdown(as_results(checks=passed))
    assert text.startswith("All 24 checks passed.")
    assert "| estimator | verified |" in text


def test_inconclusive_checks_are_not_called_passed(
    as_results: AsResults, checks: list[CheckResult]
) -> None:
    text = render_markdown(as_results(checks=[replace(checks[0], verdict="INCONCLUSIVE")]))
    assert "1 of 1 checks were inconclusive" in text
    assert "0 of 1 passed 1 inconclusive" in text


def test_names_cannot_break_a_markdown_table(
    as_results: AsResults, measurements: list[Measurement]
) -> None:
    rows = [replace(row, subject="a|b\n<i>") for row in measurements[:24]]
    text = render_markdown(as_results(measurements=rows))
    assert "| a\\|b &lt;i> |" in text


def test_nothing_gives_a_sentence(as_results: AsResults) -> None:
    assert render_markdown(as_results()) == "No results.\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234.5, "1,234"),
        (999999.6, f"1.00 {TIMES} 10⁶"),
        (-0.5, f"{MINUS}0.500"),
        (2.5e-7, f"2.50 {TIMES} 10⁻⁷"),
        (-math.inf, f"{MINUS}\u221e"),
        (math.nan, "NaN"),
        (1.797e308, f"1.80 {TIMES} 10³⁰⁸"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    assert number(value) == text


def test_intervals_get_digits_enough_to_see_their_width() -> None:
    assert estimate(0.88712, 0.88690, 0.88734) == ("0.8871", "[0.8869, 0.8873]")
    assert estimate(1.0, 1.0, 1.0) == ("1.00", "")
    assert estimate(math.nan, math.nan, math.nan) == ("NaN", "[NaN, NaN]")


def test_costs_are_scaled_with_their_unit() -> None:
    assert quantity(3.1e-5, "s") == "31.0 µs"
    assert quantity(0.0, "s") == "0"
    assert quantity(2.5e9, "MAC") == "2.50 G"
    assert percent(math.nan) == "NaN"


def test_operations_are_not_counted_twice(cost: list[CostRow]) -> None:
    parts = [row for row in cost if row.quantity != "operations"]
    assert operations(cost, "opzo", None) == operations(parts, "opzo", None) == 9_484_345
    assert operations([], "opzo", None) is None
