"""Sections on what variance depends on, on closed forms, and on the age of feedback."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from gradassay.core.curves import ExponentRow, ScalingRow
from gradassay.reports import render_report
from gradassay.reports.age_section import age_section
from gradassay.reports.closed_form_section import closed_form_section, pairs_of
from gradassay.reports.palette import looks
from gradassay.reports.rows import load_rows
from gradassay.reports.scaling_section import exponent_cell, scaling_section
from gradassay.reports.store import Results

AsResults = Callable[..., Results]
PROBLEM, LAW = "digits, fc-64, T=4, B=16", "law problem: fc-6, m=3, B=2, T=2, MSE"
LOOKS = looks(["opzo", "zo_single_point"])


def scaling(
    variable: str, quantity: str, exponent: float, subject: str = "opzo", problem: str = PROBLEM
) -> list[ScalingRow]:
    return [
        ScalingRow(
            subject, problem, "total", variable, at, quantity, v, 0.9 * v, 1.1 * v, 0.95, 512, 0
        )
        for at in (2.0, 4.0, 8.0)
        for v in (3.0 * at**exponent,)
    ]


def exponent(
    variable: str = "B", *, predicted: float = -1.0, p: float = 0.5, problem: str = PROBLEM
) -> ExponentRow:
    return ExponentRow(
        "opzo", problem, "total", variable, "noise_variance", -1.02, -1.1, -0.94, 0.95, 3, 0.4, p,
        predicted, "noise of each sample its own", 0,
    )  # fmt: skip


def closed(problem: str = LAW, printed: bool = True) -> list[ScalingRow]:
    rows = []
    for quantity, value, half, n in (
        ("variance", 2.1, 0.2, 4096),
        ("predicted_variance", 2.0, 0.0, 0),
        ("printed_variance", 5.0, 0.0, 0),
    ):
        if printed or quantity != "printed_variance":
            rows.append(
                ScalingRow(
                    "opzo", problem, "total", "d", 16.0, quantity, value, value - half,
                    value + half, 0.95 if half else 1.0, n, 0,
                )
            )  # fmt: skip
    return rows


def aged() -> list[ScalingRow]:
    rows = []
    for k in (1.0, 4.0, 16.0):
        for quantity, value in (
            ("feedback_mean", 1 - 0.9**k),
            ("feedback_signal_to_noise", 0.1 * k),
            ("feedback_cosine", 0.05 * k),
        ):
            rows += [
                ScalingRow("opzo", PROBLEM, "lif1", "updates", k, *one, 0)
                for one in (
                    (quantity, value, 0.9 * value, 1.1 * value, 0.95, 32),
                    (f"predicted_{quantity}", value, value, value, 1.0, 0),
                )
            ]
    return rows


def test_a_panel_a_variable_has_plain_ticks_and_the_exponent_in_its_label(
    as_results: AsResults,
) -> None:
    rows = load_rows(
        as_results(
            scaling=[*scaling("B", "noise_variance", -1), *scaling("d", "noise_variance", 1)],
            exponents=[exponent()],
        )
    )
    section = scaling_section(rows, LOOKS)
    assert section is not None
    (panels,) = [block for block in section.blocks if block.figures]
    assert len(panels.figures) == 2
    over_batch = panels.figures[0]
    assert ">\u22121.0 opzo</text>" in over_batch
    assert all(f">{tick}</text>" in over_batch for tick in ("2", "4", "8"))
    assert ">opzo</text>" in panels.figures[1]  # without an exponent the name alone


def test_a_cell_says_whether_theory_agrees_and_whether_there_is_a_power_law() -> None:
    good, other, none = exponent_cell(exponent()), exponent_cell(exponent(predicted=-2)), None
    assert (good.tone, other.tone) == ("good", "warn")
    assert "theory \u22121.00: agrees" in good.note
    assert "theory \u22122.00: differs" in other.note
    bent = exponent_cell(exponent(p=1e-4))
    assert bent.tone == "warn"
    assert "no power law" in bent.note
    assert exponent_cell(none).text == "not fitted"
    assert "theory" not in exponent_cell(exponent(predicted=math.nan)).note


def test_closed_forms_are_counted_and_the_printed_one_is_beside(as_results: AsResults) -> None:
    second = closed(f"{LAW}, M after 2 updates", printed=False)
    rows = load_rows(as_results(scaling=[*closed(), *second]))
    printed = [pair.printed for pair in pairs_of(rows)]
    assert [row and row.value for row in printed] == [5.0, None]
    section = closed_form_section(rows, LOOKS)
    assert section is not None
    (block,) = section.blocks
    assert "2 of 2 intervals of 95 % hold the closed form, where 0.10 would miss" in block.note
    assert block.table is not None
    first, later = block.table.rows
    assert (first[5].text, first[5].tone) == ("1.05", "good")
    assert (first[7].text, first[7].tone) == ("0.420", "warn")
    assert later[6].text == "not measured"
    assert "dashed: equal" in block.figures[0]


def test_the_age_of_feedback_has_a_panel_a_quantity_and_its_closed_form(
    as_results: AsResults,
) -> None:
    section = age_section(load_rows(as_results(scaling=aged())), LOOKS)
    assert section is not None
    (block,) = section.blocks
    assert len(block.figures) == 3
    assert block.table is not None
    assert len(block.table.rows) == 3
    assert block.table.columns.count("closed form") == 3
    assert block.heading == f"lif1, {PROBLEM}"


@pytest.mark.parametrize("value", [math.nan, 0.0, -1.0])
def test_points_that_have_no_logarithm_do_not_break_the_page(
    as_results: AsResults, value: float
) -> None:
    rows = scaling("B", "squared_bias", -1)
    odd = [
        ScalingRow(
            "opzo", PROBLEM, "total", "B", 16.0, "squared_bias", value, value, value, 0.95, 8, 0
        )
    ]
    page = render_report(as_results(scaling=[*rows, *odd]))
    assert "What do variance and bias depend on?" in page


def test_without_rows_there_is_no_section(as_results: AsResults) -> None:
    rows = load_rows(as_results())
    assert scaling_section(rows, LOOKS) is None
    assert closed_form_section(rows, LOOKS) is None
    assert age_section(rows, LOOKS) is None


def test_the_page_defines_what_it_shows(as_results: AsResults) -> None:
    page = render_report(
        as_results(
            scaling=[*scaling("B", "noise_variance", -1), *closed(), *aged()],
            exponents=[exponent()],
        )
    )
    for text in (
        "Does the variance follow its closed form?",
        "How does feedback become better with its age?",
        "mean of M along J",
        "formula as printed",
        "noise of each sample its own",
    ):
        assert text in page
