from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch

from gradassay.core.batch import Batch
from gradassay.core.builders import convolutional, fully_connected
from gradassay.core.errors import UsageError
from gradassay.core.keys import Key
from gradassay.core.layers import (
    AvgPool,
    Conv2d,
    Flatten,
    Gain,
    Linear,
    Scale,
    Spiking,
    Sum,
)
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Surrogate, SurrogateKind
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.core.params import Params, key_normal
from gradassay.core.residual import residual
from gradassay.reference_snn.gradients import bptt_gradient, online_gradient
from gradassay.verify.oracles.autograd_network import Temporal
from gradassay.verify.oracles.autograd_oracle import as_tensor, autograd_gradient, autograd_loss

KINDS: tuple[SurrogateKind, ...] = get_args(SurrogateKind)
NOISE = NoiseModel(0.3)
EPS = float(np.finfo(np.float64).eps)


def everything(steps: int, neuron: Neuron, *, spiking_readout: bool = False) -> Network:
    """Every kind of layer, with a residual sum and two consumers of one layer."""
    conv = Conv2d("conv", (2, 5, 4), 3, kernel=3, stride=1, padding=1, standardised=True)
    wide = Conv2d("wide", (3, 5, 4), 3, kernel=3, stride=2, padding=1, source="scale")
    short = Conv2d("short", (3, 5, 4), 3, kernel=1, stride=2, padding=0, source="scale")
    pool = AvgPool("pool", wide.output_shape)
    last = (Spiking("out", 3),) if spiking_readout else ()
    return Network(
        (
            conv,
            Spiking("lif1", conv.outputs),
            Scale("scale", conv.outputs, 1.5),
            wide,
            Gain("gain", wide.outputs),
            short,
            Sum("sum", wide.outputs, ("gain", "short")),
            Spiking("lif2", wide.outputs),
            pool,
            Flatten("flatten", pool.output_shape),
            Linear("dense", pool.outputs, 4, bias=False, standardised=True),
            Spiking("lif3", 4),
            Linear("readout", 4, 3),
            *last,
        ),
        neuron=neuron,
        steps=steps,
        loss=Loss(0.25),
    )


def params_of(network: Network, seed: int = 1) -> Params:
    """No array at a special value: gains and biases are drawn too."""
    key = Key(seed)
    return Params(
        {name: key_normal(key / name, shape) * 0.7 for name, shape in network.shapes.items()}
    )


def batch_of(network: Network, samples: int = 3, *, static: bool = False) -> Batch:
    generator = Key(2).generator()
    shape = (samples, network.inputs) if static else (network.steps, samples, network.inputs)
    return Batch(generator.uniform(0, 2, shape), generator.integers(0, network.classes, samples))


def gradient(network: Network, temporal: Temporal, **options: Any) -> Params:
    return autograd_gradient(
        network, params_of(network), batch_of(network), temporal=temporal, **options
    )


def noise_of(network: Network, position: Any, samples: int = 3) -> Noise:
    return draw_noise(NoiseModel(0.3, position=position), network, samples, Key(3))


def assert_close(found: Params, expected: Params, steps: int) -> None:
    """Equal to the rounding of sums over steps, samples, positions and units."""
    bound = 100 * EPS * steps * max(float(expected.norm()), 1.0)
    assert list(found) == list(expected)
    for name in expected:
        assert float(np.abs(found[name] - expected[name]).max()) <= bound, name


def assert_true_gradient(network: Network, noise: Noise | None = None) -> None:
    """Compare with central differences, along one random direction in each array."""
    params, batch, step = params_of(network), batch_of(network), 1e-6
    found = autograd_gradient(
        network, params, batch, temporal="through_time", reset_gradient=True, noise=noise
    )
    for name, array in params.items():
        direction = key_normal(Key(4) / name, array.shape)
        losses = []
        for sign in (1, -1):
            moved = {**params, name: array + sign * step * direction}
            tensors = {n: as_tensor(a) for n, a in moved.items()}
            losses.append(float(autograd_loss(network, tensors, batch, noise=noise)))
        slope = (losses[0] - losses[1]) / (2 * step)
        along = float((found[name] * direction).sum())
        # rounding of a loss of order 1, over the step; curvature adds less
        assert abs(slope - along) < 100 * EPS / step, name
        assert along != 0, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
def test_smooth_neurons_through_time_have_the_true_gradient(
    kind: SurrogateKind, reset: Any
) -> None:
    neuron = Neuron(reset=reset, surrogate=Surrogate(kind, 0.4), smooth=True)
    assert_true_gradient(everything(3, neuron))


def test_a_spiking_readout_and_a_residual_network_have_the_true_gradient() -> None:
    neuron = Neuron(surrogate=Surrogate(scale=2.0), smooth=True)
    assert_true_gradient(everything(3, neuron, spiking_readout=True))
    assert_true_gradient(residual((2, 7, 6), (1, 1), 3, width=2, steps=2, neuron=neuron))


@pytest.mark.parametrize("position", ["spike", "membrane"])
def test_a_noisy_pass_has_the_true_gradient(position: Any) -> None:
    network = everything(3, Neuron(surrogate=Surrogate(scale=2.0), smooth=True))
    assert_true_gradient(network, noise_of(network, position))


@pytest.mark.parametrize("position", [None, "spike", "membrane"])
def test_spatial_equals_online_for_one_step_and_no_other_number(position: Any) -> None:
    for steps, equal in ((1, True), (2, False)):
        network = everything(steps, Neuron())
        noise = None if position is None else noise_of(network, position)
        online, spatial = (gradient(network, t, noise=noise) for t in ("online", "spatial"))
        same = all(np.array_equal(online[name], spatial[name]) for name in online)
        assert same is equal


@pytest.mark.parametrize("position", [None, "membrane"])
@pytest.mark.parametrize("kind", KINDS)
def test_online_equals_through_time_for_one_hidden_layer_and_a_soft_reset(
    kind: SurrogateKind, position: Any
) -> None:
    network = convolutional(
        (2, 5, 4), "3C3-AP2-FC", 3, steps=4, neuron=Neuron(surrogate=Surrogate(kind, 0.5))
    )
    noise = None if position is None else noise_of(network, position)
    online = gradient(network, "online", noise=noise)
    assert_close(online, gradient(network, "through_time", noise=noise), network.steps)


def test_online_differs_from_through_time_with_two_hidden_layers_or_a_hard_reset() -> None:
    for network in (
        fully_connected(6, (7, 5), 3, steps=4),
        fully_connected(6, (7,), 3, steps=4, neuron=Neuron(reset="hard")),
    ):
        online, full = gradient(network, "online"), gradient(network, "through_time")
        assert not np.allclose(online["hidden1.weight"], full["hidden1.weight"])


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
@pytest.mark.parametrize("readout", [False, True])
@pytest.mark.parametrize("position", [None, "spike", "membrane"])
def test_the_reference_agrees(steps: int, reset: Any, readout: bool, position: Any) -> None:
    network = everything(steps, Neuron(reset=reset), spiking_readout=readout)
    noise = None if position is None else noise_of(network, position)
    arguments = (network, params_of(network), batch_of(network), noise)
    assert_close(gradient(network, "online", noise=noise), online_gradient(*arguments), steps)
    if position != "spike":  # the reference's weights see the clean input, plain autograd's do not
        for kept in (True, False):
            expected = bptt_gradient(*arguments, reset_gradient=kept)
            found = gradient(network, "through_time", reset_gradient=kept, noise=noise)
            assert_close(found, expected, steps)


def test_every_rule_in_time_has_the_same_loss_to_the_bit() -> None:
    network = everything(3, Neuron())
    tensors = {name: as_tensor(array) for name, array in params_of(network).items()}
    noise = noise_of(network, "spike")
    losses = [
        autograd_loss(network, tensors, batch_of(network), temporal=rule, noise=noise)
        for rule in get_args(Temporal)
    ]
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(losses[0], losses[2])


def test_weights_see_spikes_without_their_noise_unless_through_time() -> None:
    network = convolutional((1, 4, 4), "2C3-AP2-FC", 3, steps=1)
    params, batch = params_of(network), batch_of(network, 1)
    noise = noise_of(network, "spike", 1)
    of = {
        rule: autograd_gradient(network, params, batch, temporal=rule, noise=noise)
        for rule in get_args(Temporal)
    }
    # for one step and sample the bias's gradient is the error
    error = of["online"]["readout.bias"]
    scaled = 2.74 * 0.3 * noise.values["lif1"].reshape(2, 2, 2, 2, 2)
    pooled = scaled.mean(axis=(2, 4)).reshape(-1)
    for rule in ("online", "spatial"):
        extra = of["through_time"]["readout.weight"] - of[rule]["readout.weight"]
        assert np.allclose(extra, np.outer(error, pooled), rtol=0, atol=100 * EPS)


def test_noise_on_the_membrane_is_a_bias_for_one_step() -> None:
    network = fully_connected(6, (7,), 3, steps=1)
    params, batch = params_of(network), batch_of(network, 1)
    noise = noise_of(network, "membrane", 1)
    moved = Params(
        {**params, "hidden1.bias": params["hidden1.bias"] + 0.3 * noise.values["lif1"][0, 0]}
    )
    for rule in get_args(Temporal):
        noisy = autograd_gradient(network, params, batch, temporal=rule, noise=noise)
        assert_close(noisy, autograd_gradient(network, moved, batch, temporal=rule), 1)


def test_the_leak_does_not_carry_noise_on_the_membrane() -> None:
    network = fully_connected(6, (7,), 3, steps=2, neuron=Neuron(reset="none"))
    noise = noise_of(network, "membrane")
    tensors = {name: as_tensor(array) for name, array in params_of(network).items()}

    def loss(first: float, second: float) -> float:
        switched = noise.map(lambda z: 10 * z * np.array([first, second])[:, None, None])
        return float(autograd_loss(network, tensors, batch_of(network), noise=switched))

    assert loss(1, 0) + loss(0, 1) == pytest.approx(loss(1, 1) + loss(0, 0), abs=10 * EPS)
    assert len({loss(0, 0), loss(1, 0), loss(0, 1), loss(1, 1)}) == 4


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(
    ("kind", "distance", "expected"),
    [
        ("sigmoid", 0.0, 0.5),
        ("arctan", 0.0, 1.0),
        ("triangle", 0.0, 2.0),
        ("triangle", 0.5, 0.0),
        ("rectangle", 0.125, 2.0),
        ("rectangle", 0.25, 0.0),
        ("rectangle", -0.25, 0.0),
        ("superspike", 0.5, 0.25),
        ("gaussian", 0.0, 2 / np.sqrt(2 * np.pi)),
    ],
)
def test_psi_is_the_tables_at_peaks_and_corners(
    kind: SurrogateKind, distance: float, expected: float, smooth: bool
) -> None:
    neuron = Neuron(surrogate=Surrogate(kind, 2.0), smooth=smooth)
    network = fully_connected(1, (1,), 1, steps=1, neuron=neuron, loss=Loss(1.0))
    values = {
        "hidden1.weight": 1.0,
        "hidden1.bias": 0.0,
        "readout.weight": 3.0,
        "readout.bias": 0.0,
    }
    params = Params({name: np.full(network.shapes[name], value) for name, value in values.items()})
    batch = Batch(np.array([[1.0 + distance]]), np.array([0]))
    found = autograd_gradient(network, params, batch, temporal="online")
    error = found["readout.bias"][0]
    assert error != 0
    assert found["hidden1.bias"][0] / (3 * error) == pytest.approx(expected, abs=10 * EPS)


def test_a_static_input_equals_the_same_input_at_every_step() -> None:
    network = everything(3, Neuron())
    params, static = params_of(network), batch_of(network, static=True)
    sequence = Batch(np.stack([static.inputs] * 3), static.targets)
    for rule in get_args(Temporal):
        found = [autograd_gradient(network, params, b, temporal=rule) for b in (static, sequence)]
        assert all(np.array_equal(found[0][name], found[1][name]) for name in params)


def test_another_rule_in_time_is_refused() -> None:
    wrong: Any = "spatail"
    with pytest.raises(UsageError, match="Did you mean 'spatial'"):
        gradient(everything(1, Neuron()), wrong)
