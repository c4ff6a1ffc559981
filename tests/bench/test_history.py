"""The gate over the history tells regressed, better, noise, the same and nothing measured apart."""

from __future__ import annotations

import math

import pytest

from gradassay.bench import history
from gradassay.bench.history import Ratio, combinations, exit_code, judge, judged

NAN = Ratio(math.nan, math.nan, math.nan)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (Ratio(1.3, 1.28, 1.32), Ratio(1.5, 1.45, 1.55), history.REGRESSED),
        (Ratio(1.3, 1.28, 1.32), Ratio(1.38, 1.37, 1.42), history.NOISE),  # beyond, by too little
        (Ratio(1.3, 1.1, 1.5), Ratio(1.5, 1.3, 1.7), history.NOISE),  # intervals meet
        (Ratio(1.3, 1.1, 1.5), Ratio(1.33, 1.2, 1.5), history.SAME),
        (Ratio(1.5, 1.45, 1.55), Ratio(1.3, 1.28, 1.32), history.BETTER),
        (Ratio(1.3, 1.28, 1.32), Ratio(1.3, 1.28, 1.32), history.SAME),
        (None, Ratio(1.3, 1.28, 1.32), history.NOTHING),
        (Ratio(1.3, 1.28, 1.32), None, history.NOTHING),
        (NAN, Ratio(1.3, 1.28, 1.32), history.NOTHING),
        (Ratio(1.3, 1.28, 1.32), Ratio(1.3, math.nan, 1.4), history.NOTHING),
        (Ratio(1.3, -math.inf, math.inf), Ratio(9.0, -math.inf, math.inf), history.NOISE),
    ],
)
def test_verdicts(before: Ratio | None, after: Ratio | None, verdict: str) -> None:
    assert judge(before, after) == verdict


def test_every_ratio_of_either_commit_is_judged() -> None:
    one = Ratio(1.0, 0.9, 1.1)
    found = {name: verdict for name, verdict, _, _ in judged({("a",): one}, {("b",): one})}
    assert found == {("a",): history.NOTHING, ("b",): history.NOTHING}


def test_exit_codes_tell_regressed_from_not_measured() -> None:
    assert exit_code([history.SAME, history.NOISE, history.BETTER]) == 0
    assert exit_code([history.SAME, history.REGRESSED, history.NOTHING]) == 1
    assert exit_code([history.SAME, history.NOTHING]) == 3
    assert exit_code([]) == 3


def test_parameters_combine_as_asv_has_them() -> None:
    assert combinations([["'a'", "'b'"], ["1", "2"]]) == [
        ("a", "1"),
        ("a", "2"),
        ("b", "1"),
        ("b", "2"),
    ]
    assert combinations([]) == [()]
