from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch, block_steps, require_batch
from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, DataError, GradassayError
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.params import Params, initial_params, key_normal, require_params
from gradassay.core.residual import residual

NETWORK = fully_connected(4, (3,), 2, steps=5)
X, Y = np.zeros((6, 4)), np.array([0, 1, 0, 1, 1, 0])
NOT_FINITE = "inputs: has entries that are not finite; remove them or repair the data."
NAMES = "['hidden1.bias', 'hidden1.weight', 'readout.bias', 'readout.weight']"


def broken(array: np.ndarray, value: float) -> np.ndarray:
    array = array.copy()
    array.flat[1] = value
    return array


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        (np.zeros((6, 5)), Y, "inputs: got shape (6, 5); expected (B, 4) or (T, B, 4)."),
        (np.zeros((4, 6)), Y, "inputs: got shape (4, 6); expected (B, 4) or (T, B, 4)."),
        (np.zeros(4), Y, "inputs: got shape (4,); expected (B, 4) or (T, B, 4)."),
        (
            np.zeros((1, 5, 6, 4)),
            Y,
            "inputs: got shape (1, 5, 6, 4); expected (B, 4) or (T, B, 4).",
        ),
        (np.zeros((3, 6, 4)), Y, "inputs: got 3 steps; expected T = 5."),
        (X.astype(int), Y, "inputs: got dtype int64; expected a floating dtype."),
        (broken(X, np.nan), Y, NOT_FINITE),
        (broken(X, np.inf), Y, NOT_FINITE),
        (X, Y[:5], "targets: got shape (5,); expected (6,), B >= 1."),
        (X[:5], Y, "targets: got shape (6,); expected (5,), B >= 1."),
        (np.zeros((5, 6, 4)), Y[:5], "targets: got shape (5,); expected (6,), B >= 1."),
        (X, Y[:, None], "targets: got shape (6, 1); expected (6,), B >= 1."),
        (X[:0], Y[:0], "targets: got shape (0,); expected (0,), B >= 1."),
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
    assert str(caught.value) == words


def test_static_and_sequence_batches_that_fit_pass() -> None:
    static, sequence = Batch(X, Y), Batch(np.zeros((5, 6, 4)), Y)
    for batch in (static, sequence):
        require_batch(NETWORK, batch)
        assert batch.size == 6
    assert static.static
    assert not sequence.static


SEQUENCE = NETWORK.replace(loss=Loss(over="sequence"))


def test_a_block_has_the_length_that_is_asked_for_and_else_that_of_the_sequence() -> None:
    for steps in (1, 3, 5):
        assert block_steps(NETWORK, Batch(X, Y), steps) == steps
        assert block_steps(NETWORK, Batch(np.zeros((steps, 6, 4)), Y), steps) == steps
    for network in (NETWORK, SEQUENCE):
        assert block_steps(network, Batch(X, Y), None) == 5
        assert block_steps(network, Batch(np.zeros((5, 6, 4)), Y), 5) == 5


@pytest.mark.parametrize(
    ("network", "inputs", "steps", "error", "words"),
    [
        (NETWORK, X, 0, ConfigurationError, "steps: got 0; expected 1 to T = 5."),
        (NETWORK, X, 6, ConfigurationError, "steps: got 6; expected 1 to T = 5."),
        (
            SEQUENCE,
            X,
            4,
            ConfigurationError,
            "steps: got a block of 4 with a loss of the sequence; expected the whole sequence,"
            " T = 5. Run it in one block, or use the loss of the step.",
        ),
        (
            NETWORK,
            np.zeros((5, 6, 4)),
            4,
            DataError,
            "inputs: got 5 steps; expected the block's 4. Give the inputs of this block, and its"
            " length as `steps`.",
        ),
        (
            NETWORK,
            np.zeros((4, 6, 4)),
            None,
            DataError,
            "inputs: got 4 steps; expected the block's 5. Give the inputs of this block, and its"
            " length as `steps`.",
        ),
    ],
)
def test_a_block_that_does_not_fit_says_what_was_expected(
    network: Network,
    inputs: np.ndarray,
    steps: int | None,
    error: type[GradassayError],
    words: str,
) -> None:
    with pytest.raises(error) as caught:
        block_steps(network, Batch(inputs, Y), steps)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"hidden1.weight": np.zeros((4, 3))},
            "hidden1.weight: got shape (4, 3); expected (3, 4).",
        ),
        (
            {"readout.bias": np.zeros(2, int)},
            "readout.bias: got dtype int64; expected a floating dtype.",
        ),
        (
            {"readout.bias": np.array([0.0, np.nan])},
            "readout.bias: has entries that are not finite; check how it was made.",
        ),
        (
            {"extra": np.zeros(1)},
            f"parameters: got ['extra', {NAMES[1:]}; expected {NAMES}"
            " (the names of the network's layers).",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_a_one_line_error(change: Any, words: str) -> None:
    params = Params({**initial_params(NETWORK, Key(0)), **change})
    with pytest.raises(DataError) as caught:
        require_params(NETWORK, params)
    assert str(caught.value) == words


def test_parameters_that_fit_pass_in_any_floating_dtype() -> None:
    params = initial_params(NETWORK, Key(0))
    require_params(NETWORK, params)
    require_params(NETWORK, params.map(lambda array: array.astype(np.float32)))


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


def test_a_tiled_batch_is_copies_of_the_plain_one_in_a_row_and_remembers_it() -> None:
    targets = np.array([0, 1])
    static = Batch(np.arange(8.0).reshape(2, 4), targets)
    sequence = Batch(np.arange(24.0).reshape(3, 2, 4), targets)
    for batch in (static, sequence):
        tiled = batch.tiled(3)
        assert tiled.inputs.shape == (*batch.inputs.shape[:-2], 6, 4)
        for r in range(3):
            np.testing.assert_array_equal(tiled.inputs[..., 2 * r : 2 * r + 2, :], batch.inputs)
        np.testing.assert_array_equal(tiled.targets, [0, 1, 0, 1, 0, 1])
        assert (tiled.folds, tiled.size) == (3, 2)
        assert tiled.plain is batch
        assert batch.plain is None


def test_a_batch_of_folds_is_itself_or_refused() -> None:
    batch = Batch(np.arange(8.0).reshape(2, 4), np.array([0, 1]))
    assert batch.tiled(1) is batch
    tiled = batch.tiled(3)
    assert tiled.tiled(3) is tiled
    with pytest.raises(ConfigurationError) as caught:
        tiled.tiled(2)
    assert str(caught.value) == (
        "replicates: got 2 with a batch of 3 folds; expected the same number, or a plain batch."
    )


def test_params_are_a_vector_space_with_an_inner_product() -> None:
    p = Params({"a": np.array([1.0, 2.0]), "b": np.array([[2.0]])})
    q = Params({"b": np.array([[5.0]]), "a": np.array([3.0, -1.0])})
    assert float(p.dot(p)) == 9
    assert float(p.dot(q)) == 3 - 2 + 10
    assert float(p.norm()) == 3
    zeros = p.zeros_like()
    assert {name: array.tolist() for name, array in zeros.items()} == {
        "a": [0.0, 0.0],
        "b": [[0.0]],
    }
    moved = p.map(lambda a, b, c: a + b * c, q, p)
    assert isinstance(moved, Params)
    assert {name: array.tolist() for name, array in moved.items()} == {
        "a": [4.0, 0.0],
        "b": [[12.0]],
    }


def test_params_are_a_mapping_with_a_copy_of_its_own_and_show_their_shapes() -> None:
    arrays = {"a": np.zeros(2), "b": np.zeros((1, 3))}
    p = Params(arrays)
    arrays["c"] = np.zeros(1)
    assert list(p) == ["a", "b"]
    assert len(p) == 2
    assert p["a"] is arrays["a"]
    assert repr(p) == "Params({'a': (2,), 'b': (1, 3)})"


@pytest.mark.parametrize("gain", [None, 3.0])
def test_initial_arrays_are_float64_draws_of_their_own_streams_and_constants(
    gain: float | None,
) -> None:
    network = residual((2, 12, 12), (1,), 3, width=4)
    key = Key(3)
    params = initial_params(network, key) if gain is None else initial_params(network, key, gain)
    scale = 1.0 if gain is None else gain
    assert list(params) == list(network.shapes)
    assert all(array.dtype == np.float64 for array in params.values())
    assert {n: a.shape for n, a in params.items()} == network.shapes
    for name, fan_in in (("stem", 2 * 49), ("stage1.1.conv2", 4 * 9), ("readout", 4)):
        drawn = key_normal(key / f"{name}.weight", network.shapes[f"{name}.weight"])
        expected = drawn * (scale / fan_in**0.5)
        np.testing.assert_array_equal(params[f"{name}.weight"], expected)
        assert not params[f"{name}.bias"].any()
    assert set(params["stem.gain"]) == {scale}
    assert params["stage1.1.gain.weight"].tolist() == [0.0]
