"""Errors: one line each, and what counts as a number or a name."""

from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import (
    GradassayError,
    UsageError,
    first_line,
    is_real,
    is_whole,
    require_text,
    unknown_name,
)


@pytest.mark.parametrize(
    ("value", "real", "whole"),
    [
        (2, True, True),
        (0.5, True, False),
        (True, False, False),
        ("2", False, False),
        (None, False, False),
        (np.int64(2), False, True),
        (np.float64(2), True, False),
    ],
)
def test_a_truth_value_or_a_text_is_no_number(value: object, real: bool, whole: bool) -> None:
    assert is_real(value) is real
    assert is_whole(value) is whole


def test_what_is_no_text_is_told_what_was_expected() -> None:
    require_text("estimator", "opzo", "a name")
    with pytest.raises(UsageError) as caught:
        require_text("estimator", 3, "a name")
    assert str(caught.value) == "estimator: got 3; expected a name."


@pytest.mark.parametrize(
    ("got", "valid", "words"),
    [
        ("x", "ba", "kind: got 'x'; expected one of a, b."),
        (None, "ab", "kind: got None; expected one of a, b."),
        (
            "opzoo",
            ("opzo", "dfa", "opzoom"),
            "kind: got 'opzoo'; expected one of dfa, opzo, opzoom. Did you mean 'opzoom'?",
        ),
        ("x", "jihgfedcba", "kind: got 'x'; expected one of a, b, c, d, e, f, g, h, i, j."),
        (
            "x",
            "kjihgfedcba",
            "kind: got 'x'; expected one of a, b, c, d, e, f, g, h, i, j, ... (11).",
        ),
        # of eleven names the near one need not be among the ten that are shown
        (
            "zzzy",
            [*"abcdefghij", "zzzz"],
            "kind: got 'zzzy'; expected one of a, b, c, d, e, f, g, h, i, j, ... (11)."
            " Did you mean 'zzzz'?",
        ),
        (12.5, ("12.4", "a"), "kind: got 12.5; expected one of 12.4, a. Did you mean '12.4'?"),
    ],
)
def test_an_unknown_name_lists_ten_names_and_the_nearest(got: Any, valid: Any, words: str) -> None:
    error = unknown_name("kind", got, iter(valid))
    assert type(error) is UsageError
    assert isinstance(error, GradassayError)
    assert str(error) == words


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one"), "one"),
        (ValueError("one\ntwo"), "one"),
        (ValueError(), "ValueError"),
        (ValueError("x" * 121), "x" * 120),
    ],
)
def test_the_first_line_of_an_error_is_its_class_where_it_says_nothing(
    error: Exception, line: str
) -> None:
    assert first_line(error) == line
