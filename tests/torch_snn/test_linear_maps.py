"""Layers as linear maps: transposes, weights for each replicate, standardisation, tangents."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.errors import DataError
from gradassay.core.keys import Key
from gradassay.core.layers import AvgPool, Conv2d, Flatten, Gain, Linear, Scale
from gradassay.core.neuron import Neuron
from gradassay.core.params import Params, initial_params
from gradassay.core.trace import Presynaptic
from gradassay.torch_snn import TorchBackend, convolution

BACK = TorchBackend("float64")
DENSE: list[Any] = [
    Linear("dense", 7, 5),
    Linear("dense-ws", 7, 5, standardised=True),
    Conv2d("k1", (3, 5, 4), 2, 1, 2, 0),
    Conv2d("k1-same", (2, 3, 3), 4, 1, 1, 0, standardised=True),
    Conv2d("k2", (2, 5, 4), 3, 2, 1, 1),
    Conv2d("k3", (2, 5, 6), 3, 3),
    Conv2d("k3-ws", (2, 5, 6), 3, 3, standardised=True, bias=False),
    Conv2d("k3-left-over", (2, 8, 7), 3, 3, 2, 0, standardised=True),
    Conv2d("k3-left-over-two", (1, 8, 9), 2, 3, 3, 0),
    Conv2d("k5", (3, 6, 5), 2, 5, 1, 2),
    Conv2d("k7", (2, 9, 8), 4, 7, 2, 3, standardised=True),
]
FIXED: list[Any] = [
    AvgPool("pool", (3, 4, 6), 2),
    AvgPool("pool-left-over", (2, 7, 5), 3),
    Flatten("flat", (2, 3, 2)),
    Scale("scale", 6, -2.5),
]
GAIN = Gain("gain", 6)


def named(layers: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("layer", layers, ids=lambda layer: layer.name)


def numbers(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def close(a: Any, b: Any) -> bool:
    return torch.allclose(torch.as_tensor(a), torch.as_tensor(b), rtol=1e-11, atol=1e-12)


def some_params(layer: Any, *lead: int, seed: int = 1) -> Params:
    return Params({n: numbers(*lead, *s, seed=seed + len(s)) for n, s in layer.shapes.items()})


def weight_of(layer: Any, *lead: int) -> Tensor | None:
    return numbers(*lead, *layer.weight_shape, seed=5) if hasattr(layer, "weight_shape") else None


@pytest.mark.parametrize("lead", [(), (1,), (3,)], ids=["shared", "R1", "R3"])
@named([*DENSE, GAIN])
def test_input_gradient_is_the_transpose_of_apply(layer: Any, lead: tuple[int, ...]) -> None:
    weight = weight_of(layer, *lead)
    x, y = numbers(2, 6, layer.inputs), numbers(2, 6, layer.outputs, seed=2)
    out, back = BACK.apply(layer, weight, x), BACK.input_gradient(layer, weight, y)
    assert (out.shape, back.shape) == (y.shape, x.shape)
    assert close((out * y).sum(), (x * back).sum())


@named(FIXED)
def test_input_gradient_of_a_layer_without_weights_is_the_transpose_of_apply(layer: Any) -> None:
    x, y = numbers(2, 6, layer.inputs), numbers(2, 6, layer.outputs, seed=2)
    out, back = BACK.apply(layer, None, x), BACK.input_gradient(layer, None, y)
    assert (out.shape, back.shape) == (y.shape, x.shape)
    assert close((out * y).sum(), (x * back).sum())


@named([*DENSE, GAIN, *FIXED])
def test_apply_and_its_transpose_are_those_of_torch_by_autograd(layer: Any) -> None:
    x = numbers(2, 6, layer.inputs).requires_grad_()
    weight = weight_of(layer)
    if isinstance(layer, Linear):
        wanted = torch.einsum("tbi,oi->tbo", x, weight)
    elif isinstance(layer, Conv2d):
        assert weight is not None
        maps = x.reshape(12, *layer.input_shape)
        found = torch.conv2d(maps, weight, None, layer.stride, layer.padding)
        wanted = found.reshape(2, 6, layer.outputs)
    elif isinstance(layer, AvgPool):
        pool = torch.nn.AvgPool2d(layer.kernel)
        wanted = pool(x.reshape(12, *layer.input_shape)).reshape(2, 6, layer.outputs)
    else:
        wanted = x * (weight if weight is not None else getattr(layer, "factor", 1.0))
    assert close(BACK.apply(layer, weight, x.detach()), wanted.detach())
    y = numbers(*wanted.shape, seed=3)
    (gradient,) = torch.autograd.grad(wanted, x, y)
    assert close(BACK.input_gradient(layer, weight, y), gradient)


def test_rows_left_over_have_derivative_zero() -> None:
    for layer in (DENSE[8], FIXED[1]):
        delta = torch.ones(1, 1, layer.outputs, dtype=torch.float64)
        maps = BACK.input_gradient(layer, weight_of(layer), delta).reshape(layer.input_shape)
        assert not maps[:, -1 if isinstance(layer, AvgPool) else -2 :].any()
        assert maps[:, 0].any()


@pytest.mark.parametrize("at_once", [1, 10**9], ids=["one-at-a-time", "grouped"])
@named([*DENSE, GAIN])
def test_a_weight_for_each_replicate_is_each_weight_alone(
    layer: Any, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "GROUPED_MACS", at_once)
    weight = weight_of(layer, 3)
    assert weight is not None
    x, y = numbers(2, 6, layer.inputs), numbers(2, 6, layer.outputs, seed=2)
    for verb, array in ((BACK.apply, x), (BACK.input_gradient, y)):
        alone = [verb(layer, w, array[:, 2 * r : 2 * r + 2]) for r, w in enumerate(weight)]
        assert close(verb(layer, weight, array), torch.cat(alone, 1))


@pytest.mark.parametrize("at_once", [1, 10**9], ids=["one-at-a-time", "grouped"])
@pytest.mark.parametrize("static", [True, False], ids=["static", "sequence"])
@named([*DENSE, GAIN])
def test_weight_gradient_is_the_derivative_of_the_layers_output(
    layer: Any, static: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<delta, W x + b> by autograd, with W of torch's own mean and variance."""
    monkeypatch.setattr(convolution, "GROUPED_MACS", at_once)
    delta, ones = numbers(3, 4, layer.outputs, seed=2), numbers(3, seed=3)
    values = numbers(4, layer.inputs) if static else numbers(3, 4, layer.inputs)
    seen = Presynaptic(values, ones, ones if static else None)
    dense = ones[:, None, None] * values if static else values
    params = some_params(layer)
    gradients = BACK.weight_gradient(layer, params, delta, seen, replicates=2)
    for r in range(2):
        rows = slice(2 * r, 2 * r + 2)
        leaves = {n: a.clone().requires_grad_() for n, a in params.items()}
        loss = (output(layer, leaves, dense[:, rows], ones) * delta[:, rows]).sum() / 2
        for (name, _), wanted in zip(
            leaves.items(), torch.autograd.grad(loss, list(leaves.values())), strict=True
        ):
            assert gradients[name].shape == (2, *wanted.shape)
            assert close(gradients[name][r], wanted), name
    for name, array in BACK.weight_gradient(layer, params, delta, seen).items():
        assert close(array, gradients[name].mean(0)), name


def output(layer: Any, params: Any, x: Tensor, ones: Tensor) -> Any:
    weight = params[f"{layer.name}.weight"]
    if getattr(layer, "standardised", False):
        variance, mean = torch.var_mean(weight.flatten(1), 1)
        column = (-1, *(1 for _ in layer.weight_shape[1:]))
        root = (variance * layer.fan_in + 1e-4).sqrt()
        factor = params[f"{layer.name}.gain"] / root
        weight = (weight - mean.reshape(column)) * factor.reshape(column)
    if isinstance(layer, Gain):
        return weight * x
    if isinstance(layer, Linear):
        product = x @ weight.T
    else:
        maps = torch.conv2d(
            x.reshape(-1, *layer.input_shape), weight, None, layer.stride, layer.padding
        )
        product = maps.reshape(*x.shape[:2], layer.channels, -1)
    if layer.bias:
        bias = params[f"{layer.name}.bias"]
        bias = bias if isinstance(layer, Linear) else bias[:, None]
        product = product + bias * ones.reshape(-1, *(1 for _ in product.shape[1:]))
    return product.reshape(*x.shape[:2], layer.outputs)


@named(DENSE)
def test_weight_of_replicates_is_each_alone_and_standardised_where_asked(layer: Any) -> None:
    params = some_params(layer, 3)
    together = BACK.weight(layer, params)
    for r in range(3):
        alone = BACK.weight(layer, params.map(lambda a, r=r: a[r]))
        assert close(together[r], alone)
        rows = alone.flatten(1)
        if layer.standardised:
            gain, weight = params[f"{layer.name}.gain"][r], params[f"{layer.name}.weight"][r]
            scaled = weight.flatten(1).var(1) * layer.fan_in
            assert torch.allclose(rows.mean(1), rows.new_zeros(len(rows)), atol=1e-12)
            assert close(rows.var(1) * layer.fan_in, gain**2 * scaled / (scaled + 1e-4))
        else:
            assert torch.equal(alone, params[f"{layer.name}.weight"][r])


@named(DENSE)
def test_weight_tangent_is_the_difference_of_weights_and_the_adjoint_of_the_gradient(
    layer: Any,
) -> None:
    params, tangents, h = some_params(layer), some_params(layer, 3, seed=7), 1e-5
    together = BACK.weight_tangent(layer, params, tangents)
    assert together.shape == (3, *layer.weight_shape)
    delta, x = numbers(2, 4, layer.outputs, seed=2), numbers(2, 4, layer.inputs)
    seen = Presynaptic(x, torch.zeros(2, dtype=torch.float64))
    gradient = Params(BACK.weight_gradient(layer, params, delta, seen))
    for r in range(3):
        tangent = tangents.map(lambda a, r=r: a[r])
        alone = BACK.weight_tangent(layer, params, tangent)
        assert close(together[r], alone)
        up, down = (
            BACK.weight(layer, params.map(lambda a, d, c=c: a + c * d, tangent)) for c in (h, -h)
        )
        assert torch.allclose((up - down) / (2 * h), alone, rtol=1e-7, atol=1e-8)
        wanted = (BACK.apply(layer, alone, x) * delta).sum() / 4
        assert close(gradient.dot(tangent), wanted)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
@pytest.mark.parametrize("position", ["spike", "membrane"])
@pytest.mark.parametrize("smooth", [True, False])
def test_membrane_tangent_is_the_transpose_of_membrane_gradient_but_for_psi(
    make_problem: Any, reset: Any, kept: bool, position: str, smooth: bool
) -> None:
    neuron = Neuron(0.7, 0.9, reset, smooth=smooth)
    p = make_problem(steps=5, neuron=neuron, alpha=0.3, position=position)
    trace = p.forward()
    for name, psi in trace.derivative.items():
        g, c = numbers(*psi.shape), numbers(*psi.shape, seed=2)
        back = p.backend.membrane_gradient(neuron, name, trace, g, reset_gradient=kept)
        moved = p.backend.membrane_tangent(neuron, name, trace, c, reset_gradient=kept)
        assert close((back * c).sum(), (psi * g * moved).sum())


@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
def test_membrane_tangent_is_the_difference_of_membrane_potentials_of_smooth_neurons(
    make_problem: Any, reset: Any
) -> None:
    neuron, h = Neuron(0.7, 0.9, reset, smooth=True), 1e-5
    p = make_problem("encoder", static=False, steps=5, neuron=neuron)
    trace, tangent = p.forward(), numbers(*p.batch.inputs.shape)

    def membrane(shift: float) -> Tensor:
        batch = type(p.batch)(p.batch.inputs + shift * tangent, p.batch.targets)
        moved = p.backend.forward(p.network, p.params, batch, record={"membrane"})
        found: Tensor = moved.membrane["encode"]
        return found

    got = p.backend.membrane_tangent(neuron, "encode", trace, tangent, reset_gradient=True)
    assert torch.allclose(got, (membrane(h) - membrane(-h)) / (2 * h), rtol=1e-7, atol=1e-8)


def test_named_residual_network_runs_in_float32_and_is_that_of_float64() -> None:
    network = network_named("resnet18", (1, 32, 32), 10, width=4, steps=2)
    shapes, key = {}, Key(3)
    for dtype in ("float32", "float64"):
        back = TorchBackend(dtype)
        params = initial_params(network, key).map(lambda a, back=back: back.asarray(a))
        batch = batch_of(back, network.inputs)
        trace = back.forward(network, params, batch, record={"membrane"})
        shapes[dtype] = trace.membrane["stage1.1.lif1"].double()
        assert tuple(trace.outputs.shape) == (2, 3, 10)
        assert trace.outputs.isfinite().all()
    assert torch.allclose(shapes["float32"], shapes["float64"], atol=1e-4)


def batch_of(back: TorchBackend, features: int) -> Any:
    inputs = numbers(3, features).numpy()
    return Batch(back.asarray(inputs), torch.tensor([0, 1, 2]))


ERRORS: list[tuple[Any, tuple[int, ...] | None, tuple[int, ...], str]] = [
    (DENSE[0], None, (2, 6, 7), "weight of dense: got None; expected (5, 7)"),
    (DENSE[0], (7, 5), (2, 6, 7), "weight of dense: got shape (7, 5); expected (5, 7), or R of"),
    (DENSE[0], (4, 5, 7), (2, 6, 7), "R a divisor of the batch axis, 6"),
    (DENSE[0], (5, 7), (6, 7), "values: got shape (6, 7); expected (t, R*B, 7)."),
    (DENSE[5], (3, 2, 3, 3), (2, 6, 30), "values: got shape (2, 6, 30); expected (t, R*B, 60)."),
    (FIXED[3], (1,), (2, 6, 6), "weight of scale: got (1,); expected None."),
]


@pytest.mark.parametrize(("layer", "weight", "values", "words"), ERRORS)
def test_apply_refuses_what_does_not_fit(
    layer: Any, weight: tuple[int, ...] | None, values: tuple[int, ...], words: str
) -> None:
    with pytest.raises(DataError) as caught:
        BACK.apply(layer, None if weight is None else numbers(*weight), numbers(*values))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
