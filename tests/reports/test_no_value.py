"""What a report says where there is no value, one only, or nothing to compare it with."""

from __future__ import annotations

import math
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gradassay.core.curves import CostPoint
from gradassay.core.errors import UsageError
from gradassay.core.records import (
    CheckResult,
    CostRow,
    EpochRow,
    Interval,
    Measurement,
    MomentRow,
)
from gradassay.reports import columns, manifest, write_results
from gradassay.reports.accuracy import accuracy_markdown, difference_table
from gradassay.reports.cells import Cell, Section, Table
from gradassay.reports.check_section import checks_section
from gradassay.reports.closed_form_section import closed_form_section
from gradassay.reports.comparison import compare_results
from gradassay.reports.comparison_page import comparison_sections
from gradassay.reports.comparison_tables import console_table
from gradassay.reports.cost_section import cost_section
from gradassay.reports.curve_sections import memory_section
from gradassay.reports.differences import interval_difference, sample_difference
from gradassay.reports.export import require_export
from gradassay.reports.layer_sections import direction_section
from gradassay.reports.moment_section import feedback_table
from gradassay.reports.palette import looks
from gradassay.reports.price_section import price_section
from gradassay.reports.rows import Rows, load_rows
from gradassay.reports.scaling_figures import against_panel
from gradassay.reports.scaling_section import scaling_section
from gradassay.reports.study_findings import exponent_sentence
from gradassay.reports.summary import summary_table
from tests.reports.conftest import build_results, make_cost, make_measurements
from tests.reports.test_scaling_sections import closed, exponent, scaling

PROBLEM = "digits, fc-8"
LOOKS = looks(["spatial_bp", "dfa", "zo_single_point", "opzo"])
CHECK = CheckResult(
    "opzo", "fc-8", "identity", 0, "backends agree", "PASS", 0.0, 0.0, 0.0, 1e-9, "", 2, 7
)


def rows_of(**tables: Any) -> Rows:
    return load_rows(build_results(**tables))


def cost(subject: str, quantity: str, value: float = 2.0) -> CostRow:
    return CostRow(subject, PROBLEM, quantity, value, value, value, "MAC")


def table_of(section: Section | None, place: int = 0) -> Table:
    assert section is not None
    table = section.blocks[place].table
    assert table is not None
    return table


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_methods_without_a_seed_in_common_have_no_difference() -> None:
    trained = [
        EpochRow(subject, PROBLEM, seed, 1, 1.0, 0.8, 0.8, 1.0, 0.1)
        for seed, subject in enumerate(("dfa", "opzo"))
    ]
    assert difference_table(tuple(trained), PROBLEM) is None
    assert "points" not in accuracy_markdown(build_results(training=trained))


def test_a_check_without_a_number_says_so_and_a_sampled_one_shows_its_interval() -> None:
    sampled = replace(CHECK, measured=0.01, low=0.005, high=0.015, bound=0.02)
    lost = replace(CHECK, measured=math.nan, verdict="FAIL")
    section = checks_section(rows_of(checks=[sampled, lost]))
    assert section is not None
    (every,) = [block.table for block in section.blocks if block.heading == "All checks"]
    assert every is not None
    assert [row[5].text for row in every.rows] == [
        "not measured, bound 1.00 \u00d7 10⁻⁹",
        "0.0100 [0.00500, 0.0150], bound 0.0200",
    ]


def test_exponents_of_closed_forms_have_a_table_only_where_there_are_any() -> None:
    pairs = closed()
    slope = replace(exponent("d"), quantity="variance", problem=pairs[0].problem)
    alone = closed_form_section(rows_of(scaling=pairs), LOOKS)
    both = closed_form_section(rows_of(scaling=pairs, exponents=[slope]), LOOKS)
    assert alone is not None
    assert both is not None
    assert (len(alone.blocks), len(both.blocks)) == (1, 2)
    assert texts(table_of(both, 1)) == [["opzo", "variance, law problem", "\u22121.02"]]


def test_a_point_without_a_quantity_is_not_measured() -> None:
    found = [*scaling("B", "noise_variance", -1.0), *scaling("B", "squared_bias", 0.0)[:1]]
    table = table_of(scaling_section(rows_of(scaling=found), LOOKS), 3)
    assert [row[3].text for row in table.rows] == ["3.00", "not measured", "not measured"]


def test_an_estimator_without_a_finite_point_has_no_label() -> None:
    lost = [
        replace(row, value=math.nan, low=math.nan, high=math.nan)
        for row in scaling("B", "noise_variance", -1.0, "dfa")
    ]
    panel = against_panel(
        [*scaling("B", "noise_variance", -1.0), *lost],
        LOOKS,
        "panel",
        title="title",
        axis="B",
        tell=str,
    )
    assert ">opzo<" in panel
    assert ">dfa<" not in panel


@pytest.mark.parametrize(
    ("apart", "words"),
    [
        ([], "1 of 1 exponents"),
        ([exponent(predicted=-2.0)], "farthest from it: opzo, noise variance over B"),
        ([exponent(predicted=-2.0, p=1e-4)], "theory \u22122.00, no power law."),
    ],
)
def test_exponents_that_are_not_theorys_are_named(apart: list[Any], words: str) -> None:
    assert words in exponent_sentence(rows_of(exponents=[exponent(), *apart]))


def test_a_table_that_does_not_exist_has_no_columns_and_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="table: got 'measures'"):
        columns("measures")
    with pytest.raises(UsageError, match="table: got 'measures'"):
        write_results(tmp_path / "r", manifest={}, measures=[])
    assert not (tmp_path / "r").exists()


def test_what_is_in_one_table_of_costs_only_makes_no_other() -> None:
    assert cost_section(rows_of(cost=[cost("opzo", "hidden_layers")])) is None


def test_a_cost_that_an_estimator_lacks_is_not_counted() -> None:
    counted = [
        cost("dfa", "forward_macs"),
        cost("dfa", "backward_macs"),
        cost("opzo", "forward_macs"),
    ]
    dense = [cost("dfa", "dense_forward"), cost("dfa", "effective_operations")]
    dense += [cost("opzo", "dense_operations"), cost("opzo", "effective_operations")]
    section = cost_section(rows_of(cost=[*counted, *dense]))
    plain, effective = table_of(section), table_of(section, 1)
    assert texts(plain) == [["dfa", "2", "2"], ["opzo", "2", "not counted"]]
    assert texts(effective) == [["dfa", "0", "not counted"], ["opzo", "not counted", "2"]]


def test_a_size_without_a_point_is_none() -> None:
    points = [
        CostPoint(subject, "dense", "T", at, "memory_bytes", "measured", 8.0, 8.0, 8.0, "bytes")
        for subject, at in (("dfa", 1), ("dfa", 2), ("opzo", 1))
    ]
    table = table_of(memory_section(rows_of(cost_curves=points), LOOKS))
    assert texts(table) == [["dfa", "measured", "8", "8"], ["opzo", "measured", "8", "none"]]


def test_exact_values_that_differ_are_certain_to_and_samples_without_spread_are_not() -> None:
    one, two = Interval(1.0, 1.0, 1.0, 1.0), Interval(2.0, 2.0, 2.0, 1.0)
    assert interval_difference(one, two).p_value == 0.0
    assert sample_difference([1.0, 1.0], [2.0, 2.0], 0.95).method == "no interval"


def test_an_empty_folder_is_free_for_an_export(tmp_path: Path) -> None:
    require_export(tmp_path, overwrite=False)
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match="no part of"):
        require_export(tmp_path, overwrite=True)


def test_chance_is_told_where_there_are_signs() -> None:
    cosine = Measurement("dfa", PROBLEM, "total", "cosine", "surrogate_bp", 1, 1, 1, 1, 4, 0, "1")
    signs = replace(cosine, quantity="sign_agreement")
    without = direction_section(rows_of(measurements=[cosine]), LOOKS)
    both = direction_section(rows_of(measurements=[cosine, signs]), LOOKS)
    assert without is not None
    assert both is not None
    assert both.lead == f"{without.lead} Of signs, 0.5 is chance."


def test_what_is_not_installed_and_no_checkout_have_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "PACKAGES", ("numpy", "no-such-package"))
    monkeypatch.setattr(manifest, "checked_out", lambda folder: "")
    assert set(manifest.installed_versions()) == {"python", "gradassay", "numpy"}
    monkeypatch.undo()
    assert manifest.checked_out(tmp_path) == ""
    (tmp_path / ".git").mkdir()

    def fails(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(128, "git")

    monkeypatch.setattr(subprocess, "run", fails)
    assert manifest.checked_out(tmp_path) == ""


def look(subject: str, iteration: int, quantity: str = "feedback_cosine") -> MomentRow:
    place = (subject, "opzo", PROBLEM, 0, iteration, "lif1", quantity)
    return MomentRow(*place, 0.5, 0.5, 0.5, 1.0, 1)


def test_feedback_is_shown_at_the_first_and_the_last_look_where_there_is_any() -> None:
    assert feedback_table([look("opzo", 0, "cosine")]) is None
    table = feedback_table([look("opzo", 0), look("opzo", 5), look("opzo", 9), look("dfa", 0)])
    assert table is not None
    assert table.columns[2:] == ("before update 0", "9")
    assert texts(table) == [
        ["opzo", "lif1", "0.500", "0.500"],
        ["dfa", "lif1", "0.500", "not measured"],
    ]


def test_an_estimator_alone_has_a_price_and_no_rank() -> None:
    found = [row for row in make_measurements() if row.subject == "dfa"]
    section = price_section(rows_of(measurements=found, cost=make_cost()), LOOKS)
    assert section is not None
    assert len(section.blocks) == 1


def test_times_are_left_out_of_prices_where_nothing_was_timed() -> None:
    found = make_measurements()
    timed = [row for row in make_cost() if row.quantity != "step_seconds" or row.subject == "dfa"]
    counted = [row for row in timed if row.quantity != "step_seconds"]
    one, none = (
        table_of(price_section(rows_of(measurements=found, cost=own), LOOKS))
        for own in (timed, counted)
    )
    assert [row[0].text for row in one.rows if row[6].text != "not measured"] == ["dfa"]
    assert none.columns == one.columns[:-1]


def test_the_summary_says_which_of_several_seeds_it_shows() -> None:
    found = [*make_measurements(seed=7), *make_measurements(seed=8)]
    table = summary_table(rows_of(measurements=found))
    assert "Of 2 seeds measured, seed 7 is shown here." in table.caption
    assert "time a step" not in table.columns


def test_checks_of_one_name_are_compared_in_their_order() -> None:
    first = build_results(checks=[CHECK, CHECK])
    second = build_results(checks=[CHECK, replace(CHECK, verdict="FAIL", measured=1.0)])
    found = compare_results(first, second)
    assert [pair.changed for pair in found.checks] == [False, True]


def test_a_comparison_has_no_section_without_checks_or_known_quantities() -> None:
    row = CostRow("opzo", PROBLEM, "an_odd_cost", 1.0, 1.0, 1.0, "1")
    found = compare_results(build_results(cost=[row]), build_results(cost=[row]))
    anchors = [one.anchor for one in comparison_sections(found, ("a", "b"), ("", ""))]
    assert anchors == ["numbers", "settings", "reproduce"]


def test_what_one_folder_lacks_has_a_section() -> None:
    row = CostRow("opzo", PROBLEM, "operations", 1.0, 1.0, 1.0, "1")
    other = replace(row, subject="dfa")
    found = compare_results(build_results(cost=[row, other]), build_results(cost=[row]))
    (section,) = [
        one for one in comparison_sections(found, ("a", "b"), ("", "")) if one.anchor == "only"
    ]
    assert texts(table_of(section)) == [[f"operations of dfa on {PROBLEM}", "A"]]


def test_a_terminal_shows_of_what_changed_the_intervals_alone() -> None:
    row = Measurement(
        "dfa", PROBLEM, "total", "cosine", "surrogate_bp", 0.5, 0.49, 0.51, 0.95, 64, 0, "1"
    )
    moved = replace(row, value=0.8, low=0.79, high=0.81)
    found = compare_results(build_results(measurements=[row]), build_results(measurements=[moved]))
    (shown,) = console_table(found, ("a", "b")).rows
    assert shown[0] == Cell("dfa cosine (surrogate_bp) total")
    assert shown[1] == Cell("0.500", "[0.490, 0.510]")
    assert shown[4].note == ""
