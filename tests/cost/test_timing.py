from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from gradassay.cost import interleaved_seconds, median_interval


def exact_coverage(count: int, rank: int) -> float:
    tail: int = sum(math.comb(count, i) for i in range(rank))
    return 1 - 2 * tail / float(2**count)


@pytest.mark.parametrize(("count", "low", "high"), [(6, 1, 6), (15, 4, 12), (20, 6, 15)])
def test_ranks_are_those_of_the_tables(count: int, low: int, high: int) -> None:
    interval = median_interval([float(i) for i in range(1, count + 1)])
    assert (interval.low, interval.high) == (low, high)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_ranks_are_the_tightest_that_reach_the_level(level: float) -> None:
    for count in range(1, 60):
        rank = median_interval([float(i) for i in range(1, count + 1)], level).low
        if math.isinf(rank):
            assert exact_coverage(count, 1) < level
        else:
            assert exact_coverage(count, int(rank)) >= level > exact_coverage(count, int(rank) + 1)


@pytest.mark.parametrize("law", ["standard_exponential", "standard_cauchy"])
def test_interval_covers_the_median_as_often_as_computed(law: str) -> None:
    draws = getattr(np.random.default_rng(12), law)((4000, 15))
    median = math.log(2) if law == "standard_exponential" else 0.0
    covered = np.mean([median_interval(list(row)).covers(median) for row in draws])
    expected = exact_coverage(15, 4)
    assert expected == pytest.approx(0.9648, abs=1e-4)
    standard_error = math.sqrt(expected * (1 - expected) / len(draws))
    assert abs(covered - expected) < 4 * standard_error  # 1 in 16,000 by chance, seed fixed


def test_too_few_samples_give_an_infinite_interval() -> None:
    interval = median_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (interval.value, interval.low, interval.high) == (3.0, -math.inf, math.inf)


def test_subjects_take_turns_and_each_starts_a_round() -> None:
    order: list[tuple[int, str]] = []
    runs = {name: (lambda i, name=name: order.append((i, name))) for name in "abc"}
    seconds = interleaved_seconds(runs, 6, warm_up=2)
    assert [i for i, _ in order] == [i for i in range(-2, 6) for _ in range(3)]
    assert all(len(times) == 6 for times in seconds.values())
    firsts = Counter(order[3 * i][1] for i in range(2, 8))
    assert firsts == {"a": 2, "b": 2, "c": 2}
    for i in range(8):
        assert {name for _, name in order[3 * i : 3 * i + 3]} == set("abc")


def test_calls_before_the_timed_one_are_of_the_same_subject_and_not_timed() -> None:
    order: list[str] = []
    ticks = iter(range(100))
    runs = {name: (lambda i, name=name: order.append(name)) for name in "ab"}
    seconds = interleaved_seconds(runs, 2, warm_up=0, before=2, clock=lambda: float(next(ticks)))
    assert order == [*"aaabbb", *"bbbaaa"]
    assert seconds == {"a": [1.0, 1.0], "b": [1.0, 1.0]}
