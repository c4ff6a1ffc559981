"""Updates at each time step: the same sums, a loop by hand, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gradassay.core.backend import Backend
from gradassay.core.builders import network_named
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.params import Params, initial_params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.training import (
    PlacedData,
    TrainingSettings,
    require_trainable,
    train,
)
from gradassay.training.data import Samples
from gradassay.training.running_mean import BatchReport

Place = Callable[[Backend], PlacedData]

BACKENDS = [ReferenceBackend(), TorchBackend("float64")]
STEPWISE = TrainingSettings(epochs=2, batch_size=20, learning_rate=0.2, update="step")
ONLINE = [
    "spatial_bp",
    "dkp",
    "zo_two_point",
    "opzo",
    "local_learning",
    "opzo+0.01*local_learning",
]


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(-1, keepdims=True))
    normal: np.ndarray = powers / powers.sum(-1, keepdims=True)
    return normal


def sigmoid(values: np.ndarray) -> np.ndarray:
    between: np.ndarray = 1 / (1 + np.exp(-values))
    return between


class ByHand:
    """One hidden layer of 5, trained by plain arithmetic: momentum 0.9, a cosine of all batches."""

    def __init__(self, network: Network, params: Params) -> None:
        self.neuron, self.steps = network.neuron, network.steps
        self.p = {name: np.array(array) for name, array in params.items()}
        self.v = {name: np.zeros(array.shape) for name, array in params.items()}

    def sequence(self, x: np.ndarray, y: np.ndarray, rate: float) -> tuple[float, int]:
        leak, threshold, k = self.neuron.leak, self.neuron.threshold, self.neuron.surrogate.scale
        u, s = np.zeros((len(x), 5)), np.zeros((len(x), 5))
        trace, bias_trace, total, loss = np.zeros(x.shape), 0.0, 0.0, 0.0
        for _ in range(self.steps):
            current = x @ self.p["hidden1.weight"].T + self.p["hidden1.bias"]
            u = leak * (u - threshold * s) + current
            s = (u >= threshold).astype(float)
            trace, bias_trace = leak * trace + x, leak * bias_trace + 1
            o = s @ self.p["readout.weight"].T + self.p["readout.bias"]
            total, chosen = total + o, softmax(o)[np.arange(len(y)), y]
            loss -= np.log(chosen).mean() / self.steps
            error = (softmax(o) - np.eye(3)[y]) / self.steps
            psi = k * sigmoid(k * (u - threshold)) * sigmoid(-k * (u - threshold))
            delta = psi * (error @ self.p["readout.weight"])
            gradient = {
                "hidden1.weight": delta.T @ trace / len(x),
                "hidden1.bias": delta.mean(0) * bias_trace,
                "readout.weight": error.T @ s / len(x),
                "readout.bias": error.mean(0),
            }
            for name, g in gradient.items():
                self.v[name] = 0.9 * self.v[name] + g
                self.p[name] = self.p[name] - rate * self.v[name]
        return float(loss), int((np.argmax(total, -1) == y).sum())


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_updates_at_each_step_are_those_of_a_loop_by_hand(backend: Backend) -> None:
    network = network_named("fc-5", 4, 3, steps=4)
    params = initial_params(network, Key(1), gain=3.0)
    generator = np.random.default_rng(2)
    x, y = generator.random((50, 4)), generator.integers(0, 3, 50)
    part = Samples(backend, x, y)
    data = PlacedData(part, part)
    result = train(make_estimator("spatial_bp"), backend, network, params, data, STEPWISE)

    hand, batch = ByHand(network, params), 0
    for epoch in (1, 2):
        order = (Key(0) / "order" / epoch).generator().permutation(50)
        losses, correct = 0.0, 0
        for start in (0, 20, 40):
            chosen = order[start : start + 20]
            rate = 0.2 * (1 + np.cos(np.pi * batch / 6)) / 2
            loss, right = hand.sequence(x[chosen], y[chosen], rate)
            losses, correct, batch = losses + loss * len(chosen), correct + right, batch + 1
        row = result.epochs[epoch - 1]
        assert row.train_loss == pytest.approx(losses / 50, rel=1e-12)
        assert row.train_accuracy == correct / 50
    for name, array in result.params.items():
        np.testing.assert_allclose(backend.to_numpy(array), hand.p[name], rtol=1e-10, atol=1e-12)
    assert np.abs(hand.p["hidden1.weight"] - params["hidden1.weight"]).max() > 0.01


@pytest.mark.parametrize("name", ONLINE)
def test_both_updates_agree_where_the_learning_rate_is_tiny(
    name: str, network: Network, params: Params, few_samples: Place
) -> None:
    backend = ReferenceBackend()
    settings = TrainingSettings(epochs=2, batch_size=20, learning_rate=1e-9, momentum=0.0)
    start = params.map(np.float64)
    moved, rows, states = [], [], []
    for update in ("sequence", "step"):
        result = train(
            make_estimator(name), backend, network, start, few_samples(backend),
            settings.replace(update=update),
        )  # fmt: skip
        moved.append(result.params.map(lambda after, before: (after - before) / 1e-9, start))
        rows.append(result.epochs[-1])
        states.append(result.state)
    for parameter, array in moved[0].items():
        np.testing.assert_allclose(moved[1][parameter], array, rtol=1e-5, atol=1e-6)
    assert float(moved[0].norm()) > 0.1
    assert rows[1].train_loss == pytest.approx(rows[0].train_loss, rel=1e-7)
    assert rows[1].train_accuracy == rows[0].train_accuracy
    for kept, array in states[0].items():
        np.testing.assert_allclose(states[1][kept], array, rtol=1e-5, atol=1e-7)


def test_the_schedule_and_the_reports_count_batches(
    network: Network, params: Params, few_samples: Place
) -> None:
    backend, reports = ReferenceBackend(), list[BatchReport]()
    result = train(
        make_estimator("opzo"), backend, network, params, few_samples(backend), STEPWISE,
        on_batch=reports.append,
    )  # fmt: skip
    assert [report.iteration for report in reports] == [1, 2, 3, 4, 5, 6]
    assert {report.iterations for report in reports} == {6}
    assert [row.learning_rate for row in result.epochs] == pytest.approx([0.2, 0.1])
    assert float(result.state["updates"]) == 6


@pytest.mark.parametrize(
    ("name", "over", "message"),
    [
        ("bptt", "step", "bptt: got an estimator that needs the whole sequence"),
        ("spsa", "step", "spsa: got an estimator that needs the whole sequence"),
        ("opzo", "sequence", "loss: got that of the sequence"),
    ],
)
def test_what_is_not_online_is_refused(
    name: str, over: str, message: str, network: Network, params: Params, few_samples: Place
) -> None:
    backend, estimator = ReferenceBackend(), make_estimator(name)
    chosen = network.replace(loss=Loss(over=over))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=message):
        train(estimator, backend, chosen, params, few_samples(backend), STEPWISE)
    with pytest.raises(ConfigurationError, match=message):
        require_trainable(estimator, backend, chosen, STEPWISE)
    require_trainable(estimator, backend, chosen, STEPWISE.replace(update="sequence"))


def test_an_estimator_that_the_network_does_not_suit_is_found_first() -> None:
    network = network_named("fc-5", 4, 3, steps=2)
    with pytest.raises(ConfigurationError, match="expected one with a layer before it"):
        require_trainable(
            make_estimator("intermediate_global"), ReferenceBackend(), network, TrainingSettings()
        )


def test_an_unknown_update_names_the_near_one() -> None:
    with pytest.raises(UsageError, match="Did you mean 'step'"):
        TrainingSettings(update="steps")  # type: ignore[arg-type]
