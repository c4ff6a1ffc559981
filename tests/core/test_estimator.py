"""What an estimator returned is an estimate of the network's gradient, or an error says why not."""

from typing import Any

import numpy as np
import pytest

from gradassay.core.builders import fully_connected
from gradassay.core.errors import DataError
from gradassay.core.estimator import Estimate, require_estimate, stack_states, state_of
from gradassay.core.params import Params
from gradassay.core.trace import Trace

NETWORK = fully_connected(4, (3,), 2, bias=False)
HIDDEN, READOUT = np.zeros((3, 4)), np.zeros((2, 3))
END = "`gradassay verify` checks the whole contract."


class Method:
    """Stands for an estimator, whose class alone is told."""


SUBJECT = f"estimator {__name__}:Method: estimate returned"


def estimate(**arrays: np.ndarray) -> Estimate:
    gradient = {f"{name}.weight": array for name, array in arrays.items()}
    return Estimate(Params(gradient), {}, Trace(np.zeros(1), np.zeros(1), np.zeros(1)))


def lead(array: np.ndarray, replicates: int) -> np.ndarray:
    return np.stack([array] * replicates)


def test_an_estimate_of_the_networks_gradient_is_returned_as_it_is() -> None:
    method: Any = Method()
    alone = estimate(hidden1=HIDDEN, readout=READOUT)
    assert require_estimate(method, NETWORK, alone) is alone
    for replicates in (1, 5):
        many = estimate(hidden1=lead(HIDDEN, replicates), readout=lead(READOUT, replicates))
        assert require_estimate(method, NETWORK, many, replicates) is many


@pytest.mark.parametrize(
    ("found", "replicates", "words"),
    [
        ([], None, f"list; expected a gradassay.core.estimator.Estimate. {END}"),
        (
            estimate(hidden1=HIDDEN),
            None,
            f"gradients ['hidden1.weight']; expected ['hidden1.weight', 'readout.weight']. {END}",
        ),
        (
            estimate(readout=READOUT, hidden1=HIDDEN, a=HIDDEN),
            None,
            "gradients ['a.weight', 'hidden1.weight', 'readout.weight'];"
            f" expected ['hidden1.weight', 'readout.weight']. {END}",
        ),
        (
            estimate(hidden1=HIDDEN, readout=READOUT.T),
            None,
            f"a gradient of readout.weight of shape (3, 2); expected (2, 3). {END}",
        ),
        (
            estimate(hidden1=HIDDEN, readout=READOUT),
            2,
            f"a gradient of hidden1.weight of shape (3, 4); expected (2, 3, 4). {END}",
        ),
        (
            estimate(hidden1=lead(HIDDEN, 1), readout=lead(READOUT, 1)),
            None,
            f"a gradient of hidden1.weight of shape (1, 3, 4); expected (3, 4). {END}",
        ),
    ],
)
def test_what_is_no_estimate_says_what_was_returned_and_expected(
    found: Any, replicates: int | None, words: str
) -> None:
    method: Any = Method()
    with pytest.raises(DataError) as caught:
        require_estimate(method, NETWORK, found, replicates)
    assert str(caught.value) == f"{SUBJECT} {words}"


@pytest.mark.parametrize("count", [1, 4])
def test_states_are_stacked_on_a_leading_axis_and_taken_from_it(count: int) -> None:
    states = [{"a": np.full((2, 3), float(r)), "k": np.array(r)} for r in range(count)]
    stacked = stack_states(states)
    assert list(stacked) == ["a", "k"]
    assert stacked["a"].shape == (count, 2, 3)
    for r, state in enumerate(states):
        one = state_of(stacked, r)
        assert list(one) == ["a", "k"]
        np.testing.assert_array_equal(one["a"], state["a"])
        np.testing.assert_array_equal(one["k"], state["k"])
