from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gradassay.core.curves import CostPoint
from gradassay.core.records import CostRow
from gradassay.core.regimes import REGIMES
from gradassay.reports import read_results, render_report, write_results
from gradassay.reports.cost_definitions import COST_QUANTITIES, PARTS
from gradassay.reports.cost_section import cost_section
from gradassay.reports.curve_sections import growth_section, memory_section
from gradassay.reports.definitions import QUANTITIES
from gradassay.reports.energy_section import energy_section
from gradassay.reports.formats import joules
from gradassay.reports.order_section import order_section, order_sentence
from gradassay.reports.palette import looks
from gradassay.reports.rows import Rows, load_rows, operations

SUBJECTS = ("spatial_bp", "opzo")
PROBLEM = "digits, fc-8-6"
LOOKS = looks(list(SUBJECTS))


def row(subject: str, quantity: str, value: float, unit: str) -> CostRow:
    return CostRow(subject, PROBLEM, quantity, value, value, value, unit)


def cost_rows_of(subject: str, factor: float) -> list[CostRow]:
    rows = [row(subject, "forward_macs", 100 * factor, "MAC")]
    rows += [
        row(subject, "trace_bytes", 400.0, "bytes"),
        row(subject, "gradient_bytes", 8e3, "bytes"),
    ]
    for part in PARTS:
        amount = 0.0 if part == "tangent" else 1000 * factor
        rows.append(row(subject, f"dense_{part}", amount, "operations"))
        rows.append(row(subject, f"effective_{part}_macs", amount / 4, "effective MAC"))
        rows.append(row(subject, f"effective_{part}_acs", amount / 8, "effective AC"))
    rows.append(row(subject, "dense_operations", 5000 * factor, "operations"))
    rows.append(row(subject, "effective_operations", 1875 * factor, "operations"))
    for i, regime in enumerate(REGIMES):
        rows.append(row(subject, f"energy_{regime.name}", factor * 10.0 ** (-9 + i), "J"))
        rows.append(row(subject, f"dense_energy_{regime.name}", factor * 10.0 ** (-8 + i), "J"))
    chained = subject == "spatial_bp"
    for quantity, value in (
        ("hidden_layers", 2), ("update_locked_layers", 2),
        ("backward_locked_layers", 2 * chained), ("signals_at_once", 1 if chained else 2),
        ("steps_before_update", 1), ("sequential_depth", 11),
    ):  # fmt: skip
        rows.append(row(subject, quantity, float(value), "layers"))
    return rows


def point(
    subject: str, variable: str, at: int, quantity: str, source: str, value: float
) -> CostPoint:
    half = 0.1 * value if quantity == "time_ratio" else 0.0
    ends = (value, value - half, value + half)
    return CostPoint(
        subject, f"dense, {variable}, over bp", variable, at, quantity, source, *ends, "1"
    )


def curve_points() -> list[CostPoint]:
    found = []
    for subject in SUBJECTS:
        for at in (2, 4, 8):
            for source in ("closed form", "measured", "measured step by step"):
                found.append(point(subject, "T", at, "memory_bytes", source, 1e4 * at))
            for quantity in ("feedback_operations", "feedback_weight_bytes"):
                for source in ("counted", "closed form"):
                    found.append(point(subject, "n", at, quantity, source, 16.0 * at))
            found.append(point(subject, "n", at, "time_ratio", "measured", 1.2))
    return found


NOTHING = Rows((), (), (), (), (), (), (), ())


@pytest.fixture
def rows() -> Rows:
    cost = [*cost_rows_of("spatial_bp", 1.0), *cost_rows_of("opzo", 2.0)]
    slope = point("opzo", "n", 8, "feedback_operations_exponent", "fitted", 1.0)
    return replace(NOTHING, cost=tuple(cost), cost_curves=(*curve_points(), slope))


@pytest.fixture
def page(rows: Rows, tmp_path: Path) -> str:
    manifest = {"command": "gradassay cost", "seed": 0}
    folder = write_results(
        tmp_path / "r", cost=rows.cost, cost_curves=rows.cost_curves, manifest=manifest
    )
    assert load_rows(read_results(folder)).cost_curves == rows.cost_curves
    return render_report(read_results(folder))


def test_effective_operations_stand_above_dense_ones(rows: Rows) -> None:
    section = cost_section(rows)
    assert section is not None
    (block,) = [block for block in section.blocks if block.heading.startswith("Dense")]
    assert block.table is not None
    assert "tangent" not in block.table.columns
    first = block.table.rows[0]
    assert (first[1].text, first[1].note) == ("250 MAC + 125 AC", "dense 1.00 k")
    assert (first[-1].text, first[-1].note) == ("1.88 k", "dense 5.00 k")


def test_memory_has_a_table_of_its_own(rows: Rows) -> None:
    section = cost_section(rows)
    assert section is not None
    tables = [block.table for block in section.blocks if block.table is not None]
    plain, _, memory = tables
    assert "trace, bytes" not in plain.columns
    assert set(memory.columns) == {"estimator", "gradient, bytes", "trace, bytes"}


def test_order_is_told_in_words(rows: Rows) -> None:
    section = order_section(rows)
    assert section is not None
    table = section.blocks[0].table
    assert table is not None
    chained, direct = ([cell.text for cell in line] for line in table.rows)
    assert chained[1:5] == [
        "2 of 2 layers", "2 of 2 layers", "one after the other", "at every step",
    ]  # fmt: skip
    assert direct[1:5] == ["2 of 2 layers", "0 of 2 layers", "2 at once", "at every step"]


def test_the_answer_says_what_updates_wait_for(rows: Rows, page: str) -> None:
    told = (
        "Updates of hidden layers wait for an error through the weights: spatial_bp; "
        "the output alone: opzo."
    )
    assert order_sentence(rows) == told
    assert told in page
    free = [replace(r, value=0.0) if "locked" in r.quantity else r for r in rows.cost]
    assert order_sentence(replace(rows, cost=tuple(free))) == (
        "Updates of hidden layers wait for neither: spatial_bp, opzo."
    )


def test_weights_that_wait_say_how_long(rows: Rows) -> None:
    late = [replace(r, value=6.0) if r.quantity == "steps_before_update" else r for r in rows.cost]
    section = order_section(replace(rows, cost=tuple(late)))
    assert section is not None
    assert section.blocks[0].table is not None
    assert section.blocks[0].table.rows[0][4].text == "after 6 steps"


def test_every_regime_is_a_row_and_the_range_the_last(rows: Rows) -> None:
    section = energy_section(rows)
    assert section is not None
    table, sources = (block.table for block in section.blocks)
    assert table is not None
    assert sources is not None
    titles = [regime.title for regime in REGIMES]
    assert [line[0].text for line in table.rows] == [*titles, "lowest", "highest"]
    assert table.columns == ("regime", "add, pJ", "multiply, pJ", *SUBJECTS)
    first, low, high = table.rows[0], *table.rows[-2:]
    assert [cell.text for cell in first[:4]] == [REGIMES[0].title, "0.9", "3.7", "1.00 nJ"]
    assert (low[3].text, low[3].note) == ("1.00 nJ", "dense 10.0 nJ")
    assert (high[3].text, high[3].note) == ("100 µJ", "dense 1.00 mJ")
    assert [line[1].text for line in sources.rows] == [regime.source for regime in REGIMES]


def test_memory_has_a_panel_for_each_way_of_finding_it(rows: Rows) -> None:
    section = memory_section(rows, LOOKS)
    assert section is not None
    (block,) = section.blocks
    assert len(block.figures) == 3
    assert "measured, step by step" in block.figures[2]


def test_growth_shows_exponents_and_that_counts_agree(rows: Rows) -> None:
    section = growth_section(rows, LOOKS)
    assert section is not None
    table = section.blocks[0].table
    assert table is not None
    chained, direct = table.rows
    assert [cell.text for cell in direct] == ["opzo", "1.00", "at 3 of 3 sizes"]
    assert [cell.text for cell in chained] == ["spatial_bp", "always zero", "at 3 of 3 sizes"]
    assert direct[-1].tone == "good"


def test_panels_of_one_cost_over_several_sizes_have_titles_of_their_own(rows: Rows) -> None:
    over_n = [p for p in rows.cost_curves if p.variable == "n"]
    points = (*over_n, *(replace(p, variable="m") for p in over_n))
    section = growth_section(replace(rows, cost_curves=points), LOOKS)
    assert section is not None
    titles = [f">feedback operations over {size}</title>" for size in ("n", "m")]
    figures = section.blocks[0].figures
    assert [title in figure for title, figure in zip(titles, figures, strict=True)] == [True, True]


def test_a_count_that_differs_from_its_closed_form_is_seen(rows: Rows) -> None:
    wrong = [
        replace(p, value=p.value + 1) if (p.source, p.at) == ("counted", 4) else p
        for p in rows.cost_curves
    ]
    section = growth_section(replace(rows, cost_curves=tuple(wrong)), LOOKS)
    assert section is not None
    assert section.blocks[0].table is not None
    cell = section.blocks[0].table.rows[0][-1]
    assert (cell.text, cell.tone) == ("at 2 of 3 sizes", "bad")


def test_page_has_all_sections_and_a_definition_of_every_quantity(page: str) -> None:
    for anchor in ("cost", "memory", "growth", "order", "energy", "definitions"):
        assert f'<section id="{anchor}"' in page
    assert "No definition in this version." not in page


def test_every_figure_has_text_alternatives_and_the_pages_colours(page: str) -> None:
    figures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(figures) == 3 + 1 + 1 + 1 + 1
    for figure in figures:
        assert 'role="img"' in figure
        assert "<desc" in figure
        assert "All numbers are in the table below." in figure
        assert not re.search(r"(fill|stroke): #", figure)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_sections_without_rows_are_left_out() -> None:
    assert cost_section(NOTHING) is order_section(NOTHING) is energy_section(NOTHING) is None
    assert memory_section(NOTHING, LOOKS) is growth_section(NOTHING, LOOKS) is None


def test_effective_operations_are_no_part_of_the_sum(rows: Rows) -> None:
    assert operations(rows.cost, "opzo", None) == 200


def test_every_cost_quantity_is_defined() -> None:
    assert set(COST_QUANTITIES) <= set(QUANTITIES)
    assert all(title and meaning for title, meaning in COST_QUANTITIES.values())


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "2.00 J"), (4.5e-8, "45.0 nJ"), (1e-14, "0.0100 pJ"), (0.0, "0")]
)
def test_energies_have_a_unit_of_a_readable_size(value: float, text: str) -> None:
    assert joules(value) == text
