"""The reference against hand calculation, finite differences and exact identities."""

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, DataError, GradassayError
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Reset
from gradassay.core.noise import Noise
from gradassay.core.params import Params, initial_params
from gradassay.core.trace import Presynaptic, Recorded
from gradassay.reference_snn import ReferenceBackend, bptt_gradient, online_gradient
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.small_problems import agreement_problems

BACKEND = ReferenceBackend()
EVERYTHING: frozenset[Recorded] = frozenset(
    ("membrane", "spikes", "received", "derivative", "eligibility", "activity")
)


def one_neuron(reset: Reset, inputs: list[float]) -> tuple[list[float], list[float]]:
    """Membrane potentials and spikes of a single neuron with weight 1, leak 1/2, threshold 1."""
    network = fully_connected(1, (1,), 1, bias=False, steps=len(inputs), neuron=Neuron(reset=reset))
    params = Params({"hidden1.weight": np.ones((1, 1)), "readout.weight": np.ones((1, 1))})
    batch = Batch(np.array(inputs)[:, None, None], np.array([0]))
    trace = BACKEND.forward(network, params, batch, record=EVERYTHING)
    return trace.membrane["lif1"].ravel().tolist(), trace.spikes["lif1"].ravel().tolist()


def test_soft_reset_by_hand_with_equality_at_the_threshold() -> None:
    membrane, spikes = one_neuron("soft", [0.5, 0.75, 0.25, 3.0, 0.5])
    # .5; .25+.75 = 1 spikes at equality; .5*(1-1)+.25; .125+3; .5*(3.125-1)+.5 = 1.5625
    assert membrane == [0.5, 1.0, 0.25, 3.125, 1.5625]
    assert spikes == [0, 1, 0, 1, 1]


def test_hard_reset_by_hand() -> None:
    membrane, spikes = one_neuron("hard", [0.5, 0.75, 0.25, 3.0, 0.5])
    assert membrane == [0.5, 1.0, 0.25, 3.125, 0.5]
    assert spikes == [0, 1, 0, 1, 0]


def test_no_reset_by_hand() -> None:
    assert one_neuron("none", [0.5, 0.75, 0.25])[0] == [0.5, 1.0, 0.75]


def test_threshold_equality_occurs_in_the_dyadic_problems() -> None:
    hits = 0
    for problem in agreement_problems(0):
        trace = BACKEND.forward(
            problem.network, problem.params, problem.batch, record=frozenset({"membrane"})
        )
        hits += sum(int((u == 1.0).sum()) for u in trace.membrane.values())
    assert hits >= 10


def test_trace_and_bias_trace_by_hand() -> None:
    network = fully_connected(1, (1,), 1, steps=3)
    params = initial_params(network, Key(0))
    batch = Batch(np.array([[1.0]]), np.array([0]))
    trace = BACKEND.forward(network, params, batch, record=EVERYTHING)
    hidden, readout = trace.eligibility["hidden1"], trace.eligibility["readout"]
    assert hidden.values.ravel().tolist() == [1, 1.5, 1.75]
    assert hidden.bias.tolist() == [1, 1.5, 1.75]
    assert readout.bias.tolist() == [1, 1, 1]
    np.testing.assert_array_equal(readout.values, trace.spikes["lif1"])


def random_problem(**options: object) -> tuple[Network, Params, Batch]:
    network = fully_connected(6, (7, 5), 4, steps=5, **options)  # type: ignore[arg-type]
    params = initial_params(network, Key(2), gain=2.5)
    generator = Key(3).generator()
    return network, params, Batch(generator.random((3, 6)), generator.integers(0, 4, 3))


@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
@pytest.mark.parametrize("loss", [Loss(), Loss(1.0), Loss(0.3, "sequence")])
def test_bptt_of_smooth_neurons_is_the_finite_difference_gradient(reset: Reset, loss: Loss) -> None:
    network, params, batch = random_problem(neuron=Neuron(reset=reset, smooth=True), loss=loss)
    gradient = bptt_gradient(network, params, batch, reset_gradient=True)
    direction = Params(
        {n: (Key(4) / n).generator().normal(size=a.shape) for n, a in params.items()}
    )

    def mean_loss(size: float) -> float:
        moved = params.map(lambda p, d: p + size * d, direction)
        return float(BACKEND.forward(network, moved, batch).losses.sum(axis=0).mean())

    step = 1e-5
    slope = (mean_loss(step) - mean_loss(-step)) / (2 * step)
    assert float(gradient.dot(direction)) == pytest.approx(slope, rel=1e-8)


def test_online_gradient_is_bptt_with_cut_reset_for_one_hidden_layer_and_soft_reset() -> None:
    network = fully_connected(6, (9,), 4, steps=6)
    params = initial_params(network, Key(2), gain=2.5)
    generator = Key(3).generator()
    batch = Batch(generator.random((5, 6)), generator.integers(0, 4, 5))
    online = online_gradient(network, params, batch)
    assert (
        relative_difference(online, bptt_gradient(network, params, batch, reset_gradient=False))
        < 1e-14
    )
    hard = network.replace(neuron=Neuron(reset="hard"))
    assert (
        relative_difference(
            online_gradient(hard, params, batch),
            bptt_gradient(hard, params, batch, reset_gradient=False),
        )
        > 0.01
    )


def test_online_gradient_is_biased_for_two_hidden_layers() -> None:
    network, params, batch = random_problem()
    difference = relative_difference(
        online_gradient(network, params, batch),
        bptt_gradient(network, params, batch, reset_gradient=False),
    )
    assert difference > 0.01


def join(parts: list[Presynaptic]) -> Presynaptic:
    return Presynaptic(
        np.concatenate([p.values for p in parts]), np.concatenate([p.bias for p in parts])
    )


@pytest.mark.parametrize("lengths", [(1, 1, 1, 1, 1), (2, 2, 1), (4, 1), (5,)])
def test_blocks_of_steps_equal_the_whole_sequence(lengths: tuple[int, ...]) -> None:
    network, params, batch = random_problem()
    generator = Key(9).generator()
    z = {layer.name: generator.normal(size=(5, 3, layer.units)) for layer in network.spiking}
    whole = BACKEND.forward(network, params, batch, noise=Noise(0.2, z), record=EVERYTHING)
    traces, carry, start = [], None, 0
    for length in lengths:
        noise = Noise(0.2, {name: a[start : start + length] for name, a in z.items()})
        trace = BACKEND.forward(
            network, params, batch, noise=noise, record=EVERYTHING, carry=carry, steps=length
        )
        traces.append(trace)
        carry, start = trace.carry, start + length
    for field in ("membrane", "spikes", "received", "derivative"):
        for name, expected in getattr(whole, field).items():
            found = np.concatenate([getattr(trace, field)[name] for trace in traces])
            np.testing.assert_array_equal(found, expected)
    for name, presynaptic in whole.eligibility.items():
        found_trace = join([trace.eligibility[name] for trace in traces])
        np.testing.assert_array_equal(found_trace.values, presynaptic.values)
        np.testing.assert_array_equal(found_trace.bias, presynaptic.bias)
    np.testing.assert_array_equal(np.concatenate([t.losses for t in traces]), whole.losses)


def test_a_loss_of_the_sequence_refuses_a_part_of_it() -> None:
    network, params, batch = random_problem(loss=Loss(over="sequence"))
    with pytest.raises(ConfigurationError, match="got a block of 2 with a loss of the sequence"):
        BACKEND.forward(network, params, batch, steps=2)


@pytest.mark.parametrize("steps", [0, 6])
def test_a_block_is_no_longer_than_the_sequence(steps: int) -> None:
    network, params, batch = random_problem()
    with pytest.raises(ConfigurationError, match=f"got {steps}; expected 1 to T = 5"):
        BACKEND.forward(network, params, batch, steps=steps)


def test_inputs_of_a_sequence_are_those_of_the_block() -> None:
    network, params, batch = random_problem()
    inputs = np.stack([batch.inputs] * 3)
    with pytest.raises(DataError, match="got 3 steps; expected the block's 2"):
        BACKEND.forward(network, params, Batch(inputs, batch.targets), steps=2)


@pytest.mark.parametrize("loss", [Loss(), Loss(1.0), Loss(0.4), Loss(0.4, "sequence")])
def test_errors_are_the_derivative_of_the_losses_by_the_outputs(loss: Loss) -> None:
    from gradassay.reference_snn.loss import losses_and_errors

    generator = Key(5).generator()
    outputs, targets = generator.normal(size=(3, 2, 4)), np.array([1, 3])
    _, errors = losses_and_errors(loss, outputs, targets, 3)
    step = 1e-6
    for index in np.ndindex(outputs.shape):
        moved = np.zeros_like(outputs)
        moved[index] = step
        up = losses_and_errors(loss, outputs + moved, targets, 3)[0].sum()
        down = losses_and_errors(loss, outputs - moved, targets, 3)[0].sum()
        assert errors[index] == pytest.approx((up - down) / (2 * step), rel=1e-7, abs=1e-9)


def test_loss_values_by_hand() -> None:
    from gradassay.reference_snn.loss import losses_and_errors

    outputs = np.array([[[0.0, np.log(3.0)]]])
    losses, _ = losses_and_errors(Loss(0.5), outputs, np.array([0]), 2)
    cross_entropy, squared = np.log(4), (1 + np.log(3.0) ** 2) / 2
    assert losses.item() == pytest.approx((0.5 * cross_entropy + 0.5 * squared) / 2, rel=1e-15)


def test_extreme_membrane_potentials_give_finite_surrogates() -> None:
    from gradassay.reference_snn.neuron import fire, surrogate_derivative

    extreme = np.array([-1e6, -30.0, 1.0, 30.0, 1e6])
    with np.errstate(all="raise", under="ignore"):
        psi = surrogate_derivative(Neuron(), extreme)
        smooth = fire(Neuron(smooth=True), extreme)
    assert psi[2] == 1.0
    assert psi[0] == 0.0
    assert smooth.tolist()[2] == 0.5
    assert np.isfinite(psi).all()


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (Noise(0.1, {"lif9": np.zeros((2, 3, 4))}), "noise layer: got 'lif9'; expected one"),
        (Noise(0.1, {"lif1": np.zeros((1, 3, 4))}), r"noise of lif1: got shape \(1, 3, 4\); expec"),
        (Noise(0.1, {}, "weights"), "noise position: got 'weights'; expected one of membrane, spi"),
    ],
)
def test_noise_that_does_not_fit_is_refused(noise: Noise, words: str) -> None:
    network = fully_connected(5, (4,), 2, steps=2)
    params = initial_params(network, Key(0))
    batch = Batch(np.ones((3, 5)), np.zeros(3, dtype=int))
    with pytest.raises(GradassayError, match=words):
        ReferenceBackend().forward(network, params, batch, noise=noise)
