"""What a result says: causes in the order that ratios suggest, differences, the block of a FAIL."""

from __future__ import annotations

import numpy as np
import pytest

from gradassay.core.records import CheckResult
from gradassay.verify.checks import causes
from gradassay.verify.checks.causes import usual_causes
from gradassay.verify.checks.failure_text import failure_text, reproduce
from gradassay.verify.checks.results import USUAL_BUDGET, describe, relative_difference


@pytest.mark.parametrize(
    ("ratios", "first"),
    [
        ({"a": -1.0, "b": -1.02, "readout": 1.0}, f"{causes.SIGN} (in a, b)"),
        ({"a": 0.01, "b": -0.02, "readout": 1.0}, causes.UNCORRELATED),
        ({"a": 0.5, "b": 0.51, "readout": 1.0}, f"{causes.FACTOR} (0.5 in a, b)"),
        ({"a": 0.5, "b": 1.0, "readout": 1.0}, f"{causes.FACTOR} (0.5 in a)"),
        ({"a": 0.5, "b": 2.0, "readout": 1.0}, causes.ESTIMAND),
        ({"a": 1.0, "b": 1.01, "readout": 1.0}, causes.ENTRIES),
    ],
)
def test_the_first_cause_is_that_of_the_ratios(ratios: dict[str, float], first: str) -> None:
    lines = usual_causes(ratios).splitlines()
    assert lines[0].startswith(f"1 {first}")
    assert len(lines) <= 4
    assert len(set(lines)) == len(lines)


def test_one_wrong_layer_is_named_as_a_cause() -> None:
    assert f"{causes.ONE_LAYER} (b)" in usual_causes({"a": 1.0, "b": 0.5, "readout": 1.0})


@pytest.mark.parametrize(
    ("found", "expected", "words"),
    [
        (None, np.ones(2), "missing"),
        (np.ones(2), None, "not expected"),
        (np.ones(2), np.ones(3), "shape (2,), expected (3,)"),
        (np.array([1.0, np.inf]), np.ones(2), "1 of 2 entries are not finite"),
        (np.array([3.0, 4.0]), np.zeros(2), "expected 0, found norm 5"),
        (np.array([2.0, 0.0]), np.array([1.0, 0.0]), "2 times the expected one, to rounding"),
    ],
)
def test_a_difference_is_described(
    found: np.ndarray | None, expected: np.ndarray | None, words: str
) -> None:
    assert words in describe(found, expected)


@pytest.mark.parametrize(
    ("found", "expected", "difference"),
    [
        ({"a": np.ones(4)}, {"a": 2 * np.ones(4)}, 0.5),
        ({"a": np.ones(1), "b": np.ones(1)}, {"a": np.ones(1)}, np.inf),
        ({}, {"a": np.ones(1)}, np.inf),
        ({"a": np.array([np.nan])}, {"a": np.ones(1)}, np.inf),
        ({"a": np.ones(1)}, {"a": np.array([np.nan])}, np.inf),
        ({"a": np.full(1, 1e-6), "b": np.ones(1)}, {"a": np.zeros(1), "b": np.ones(1)}, 1e-2),
        ({"a": np.ones(1)}, {"a": np.zeros(1)}, 1.0),
        ({}, {}, 0.0),
    ],
)
def test_relative_differences_are_those_of_the_worst_array(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray], difference: float
) -> None:
    assert relative_difference(found, expected) == pytest.approx(difference)


def sampled(**changes: object) -> CheckResult:
    fields: dict[str, object] = {
        "subject": "dfa+0.1*opzo",
        "problem": "fc-3",
        "check": "unbiased",
        "level": 2,
        "claim": "mean of its own draws = it",
        "verdict": "INCONCLUSIVE",
        "measured": 0.1,
        "low": 0.0,
        "high": 0.2,
        "bound": 0.05,
        "detail": "hidden1: 0.9 times the estimand",
        "evaluations": 8192,
        "seed": 3,
        "false_alarm_rate": 1e-4,
        "planned": 12345,
        "budget": 8192,
        "look": 2,
        "causes": "1 this\n2 that",
    }
    return CheckResult(**(fields | changes))  # type: ignore[arg-type]


def test_the_text_of_an_undecided_check_says_what_would_decide_it() -> None:
    text = failure_text(sampled())
    assert "0.1, interval [0, 0.2]" in text
    assert "8,192 replicates of at most 8,192, undecided after look 2" in text
    assert "a test of fixed size needs 12,345" in text
    assert "false alarm and miss at the bound at most 0.0001" in text
    assert "usual causes 1 this\n               2 that" in text
    assert len(text.splitlines()) <= 25


def test_the_command_of_a_check_has_what_is_not_usual_and_nothing_else() -> None:
    start = "gradassay verify 'dfa+0.1*opzo' --checks unbiased --seed 3"
    assert reproduce(sampled()) == f"{start} --budget 8192"
    assert reproduce(sampled(budget=USUAL_BUDGET)) == start
    assert reproduce(sampled(budget=USUAL_BUDGET, level=3)) == f"{start} --suite full"
    exact = sampled(subject="dfa", budget=0, planned=0, low=0.1, high=0.1)
    assert reproduce(exact) == "gradassay verify dfa --checks unbiased --seed 3"
    assert "evaluations  8,192" in failure_text(exact)
    assert "interval" not in failure_text(exact)
