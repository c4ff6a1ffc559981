"""Ranks and the Pareto front, given intervals."""

from __future__ import annotations

import numpy as np
from scipy import stats

from gradassay.core.records import CostRow, Interval, Measurement
from gradassay.reports.palette import looks
from gradassay.reports.pareto import Offer, dominates, dominators, front_sentence, rank_ranges
from gradassay.reports.price_section import price_section
from gradassay.reports.rows import load_rows
from gradassay.reports.store import Results


def offer(subject: str, operations: float, value: float, half: float = 0.0) -> Offer:
    level = 0.95 if half else 1.0
    return Offer(subject, operations, Interval(value, value - half, value + half, level))


def test_overlapping_intervals_show_nothing() -> None:
    assert not dominates(offer("a", 1, 1.0, 0.2), offer("b", 2, 1.1, 0.2))
    assert dominates(offer("a", 1, 1.0, 0.2), offer("b", 2, 1.5, 0.2))


def test_a_dearer_estimator_dominates_nobody_however_good() -> None:
    assert not dominates(offer("a", 3, 0.1, 0.01), offer("b", 2, 9.0, 0.1))


def test_the_same_error_for_fewer_operations_dominates_where_it_is_exact() -> None:
    assert dominates(offer("a", 1, 1.0), offer("b", 2, 1.0))
    assert not dominates(offer("a", 1, 1.0), offer("b", 1, 1.0))


def test_equal_errors_are_said_to_be_dominated_at_most_at_the_level() -> None:
    """Fails by chance less than 1 time in 10,000: the rate is 0.006 for normal errors."""
    generator, runs, wrong = np.random.default_rng(0), 2000, 0
    for one, other in generator.standard_normal((runs, 2)):
        wrong += dominates(offer("a", 1, one, 1.96), offer("b", 2, other, 1.96))
    assert wrong <= stats.binom.isf(1e-4, runs, 0.05)


def test_ranks_are_all_those_that_the_intervals_allow() -> None:
    found = {
        "a": Interval(1.0, 0.5, 1.5, 0.95),
        "b": Interval(2.0, 1.4, 2.5, 0.95),
        "c": Interval(3.0, 2.4, 3.5, 0.95),
        "d": Interval(9.0, 8.0, 9.9, 0.95),
    }
    assert rank_ranges(found) == {"a": (1, 2), "b": (1, 3), "c": (2, 3), "d": (4, 4)}


def test_the_sentence_names_the_front_and_who_dominates_the_others() -> None:
    offers = [offer("a", 1, 1.0, 0.1), offer("b", 2, 3.0, 0.1), offer("c", 3, 0.5, 0.1)]
    assert front_sentence(offers, "variance") == (
        "By variance and operations, on the Pareto front: a, c. Dominated: b by a."
    )
    assert front_sentence(offers[:1], "variance") == ""


def test_dominated_by_is_empty_for_a_single_offer() -> None:
    assert dominators([offer("a", 1, 1.0)]) == {"a": ()}


def test_the_section_rings_the_front_and_ranks_by_both_products(
    measurements: list[Measurement], cost: list[CostRow], full: Results
) -> None:
    rows = load_rows(full)
    section = price_section(rows, looks(sorted({row.subject for row in measurements})))
    assert section is not None
    figures, ranks = section.blocks
    assert len(figures.figures) == 2
    assert all("ringed: not dominated" in svg for svg in figures.figures)
    assert "On the Pareto front" in figures.figures[0]
    assert ranks.table is not None
    assert ranks.table.columns[1].startswith("rank by mean squared error")
    assert "intervals that overlap show nothing" in ranks.note
    zo = next(row for row in ranks.table.rows if row[0].text == "zo_single_point")
    assert zo[1].text == "4"
    assert zo[2].text == "nobody: on the front"  # it takes the fewest operations
