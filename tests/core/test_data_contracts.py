from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch, require_batch
from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, DataError
from gradassay.core.keys import Key
from gradassay.core.params import Params, initial_params, require_params

NETWORK = fully_connected(4, (3,), 2, steps=5)
X, Y = np.zeros((6, 4)), np.array([0, 1, 0, 1, 1, 0])


def broken(array: np.ndarray, value: float) -> np.ndarray:
    array = array.copy()
    array.flat[1] = value
    return array


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        (np.zeros((6, 5)), Y, "inputs: got shape (6, 5); expected (B, 4) or (T, B, 4)."),
        (np.zeros(4), Y, "inputs: got shape (4,)"),
        (np.zeros((3, 6, 4)), Y, "inputs: got 3 steps; expected T = 5."),
        (X.astype(int), Y, "inputs: got dtype int64; expected a floating dtype."),
        (broken(X, np.nan), Y, "inputs: has entries that are not finite"),
        (broken(X, np.inf), Y, "inputs: has entries that are not finite"),
        (X, Y[:5], "targets: got shape (5,); expected (6,)"),
        (X[:0], Y[:0], "expected (0,), B >= 1"),
        (X, Y.astype(float), "targets: got dtype float64; expected an integer dtype."),
        (X, Y - 1, "targets: got classes -1 to 0; expected 0 to 1."),
        (X, Y + 1, "targets: got classes 1 to 2; expected 0 to 1."),
    ],
)
def test_batch_that_does_not_fit_is_a_one_line_error(
    inputs: np.ndarray, targets: np.ndarray, words: str
) -> None:
    with pytest.raises(DataError) as caught:
        require_batch(NETWORK, Batch(inputs, targets))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_static_and_sequence_batches_that_fit_pass() -> None:
    static, sequence = Batch(X, Y), Batch(np.zeros((5, 6, 4)), Y)
    for batch in (static, sequence):
        require_batch(NETWORK, batch)
        assert batch.size == 6
    assert static.static
    assert not sequence.static


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"hidden1.weight": np.zeros((4, 3))},
            "hidden1.weight: got shape (4, 3); expected (3, 4).",
        ),
        ({"readout.bias": np.zeros(2, int)}, "readout.bias: got dtype int64"),
        (
            {"readout.bias": np.array([0.0, np.nan])},
            "readout.bias: has entries that are not finite",
        ),
        ({"extra": np.zeros(1)}, "parameters: got"),
    ],
)
def test_parameters_that_do_not_fit_are_a_one_line_error(change: Any, words: str) -> None:
    params = Params({**initial_params(NETWORK, Key(0)), **change})
    with pytest.raises(DataError) as caught:
        require_params(NETWORK, params)
    assert words in str(caught.value)


def test_initial_weights_have_the_stated_standard_deviation_and_bias_is_0() -> None:
    network = fully_connected(400, (300,), 2)
    params = initial_params(network, Key(0), gain=2.0)
    weight = params["hidden1.weight"]
    # standard error of a standard deviation: 1 / sqrt(2 n) of it
    assert abs(weight.std() / (2 / 20) - 1) < 5 / np.sqrt(2 * weight.size)
    assert not params["hidden1.bias"].any()
    np.testing.assert_array_equal(
        weight, initial_params(network, Key(0), gain=2.0)["hidden1.weight"]
    )


def test_batch_tiles_replicate_major_and_refuses_another_number_of_folds() -> None:
    batch = Batch(np.arange(8.0).reshape(2, 4), np.array([0, 1]))
    tiled = batch.tiled(3)
    np.testing.assert_array_equal(tiled.inputs[2:4], batch.inputs)
    assert tiled.folds == 3
    assert tiled.size == 2
    assert tiled.tiled(3) is tiled
    with pytest.raises(ConfigurationError, match="replicates: got 2 with a batch of 3 folds"):
        tiled.tiled(2)


def test_params_are_a_vector_space_with_an_inner_product() -> None:
    p = Params({"a": np.array([1.0, 2.0]), "b": np.array([[2.0]])})
    assert float(p.dot(p)) == 9
    assert float(p.norm()) == 3
    assert float(p.zeros_like().norm()) == 0
    np.testing.assert_array_equal(p.map(np.add, p)["a"], [2.0, 4.0])
