"""Gradients put together from the backend's verbs, autograd's of a model written here, problems."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.builders import convolutional, fully_connected
from gradassay.core.keys import Key
from gradassay.core.layers import AvgPool, Conv2d, Flatten, Gain, Linear, Scale, Spiking, Sum
from gradassay.core.network import INPUT, Loss, Network
from gradassay.core.neuron import Surrogate
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.core.params import Params, initial_params
from gradassay.core.residual import residual
from gradassay.core.trace import Recorded, Trace
from gradassay.torch_snn import TorchBackend

EVERYTHING: frozenset[Recorded] = frozenset(get_args(Recorded))


@dataclass(frozen=True)
class Problem:
    """A backend, a model and a batch."""

    backend: Backend
    network: Network
    params: Params
    batch: Batch
    noise: Noise | None = None

    def forward(self) -> Trace:
        return self.backend.forward(
            self.network, self.params, self.batch, noise=self.noise, record=EVERYTHING
        )

    def block(self, first: int, last: int, carry: Any) -> Trace:
        """Run steps first..last-1."""
        batch, noise = self.batch, self.noise
        if not batch.static:
            batch = replace(batch, inputs=batch.inputs[first:last])
        if noise is not None:
            noise = noise.map(lambda z: z[first:last])
        return self.backend.forward(
            self.network,
            self.params,
            batch,
            noise=noise,
            record=EVERYTHING,
            carry=carry,
            steps=last - first,
        )

    def online(
        self, trace: Trace, replicates: int | None = None, kind: str = "eligibility"
    ) -> dict[str, Array]:
        """Spatial backpropagation under the online rule."""

        def through(layer: str, signal: Array) -> Array:
            return trace.derivative[layer] * signal

        return self._descend(trace, getattr(trace, kind), through, replicates)

    def through_time(self, *, reset_gradient: bool, kind: str = "activity") -> dict[str, Array]:
        """Full backpropagation through time."""
        trace = self.forward()

        def through(layer: str, signal: Array) -> Array:
            return self.backend.membrane_gradient(
                self.network.neuron, layer, trace, signal, reset_gradient=reset_gradient
            )

        return self._descend(trace, getattr(trace, kind), through)

    def _descend(
        self, trace: Trace, seen: Any, through: Any, replicates: int | None = None
    ) -> dict[str, Array]:
        """From the outputs to the input, layer by layer."""
        back, signals = self.backend, {self.network.output.name: trace.errors}
        gradient: dict[str, Array] = {}
        for layer in reversed(self.network.layers):
            signal, name = signals.pop(layer.name), layer.name
            if isinstance(layer, Spiking):
                signal = through(name, signal)
            elif isinstance(layer, Linear | Conv2d | Gain):
                gradient |= back.weight_gradient(
                    layer, self.params, signal, seen[name], replicates=replicates
                )
            if not isinstance(layer, Spiking | Sum):
                signal = back.input_gradient(layer, effective(back, layer, self.params), signal)
            for source in self.network.sources(layer):
                signals[source] = signals[source] + signal if source in signals else signal
        return gradient

    def loss_of(self, params: Mapping[str, Array]) -> float:
        trace = self.backend.forward(self.network, Params(params), self.batch, noise=self.noise)
        return float(trace.losses.sum(0).mean())

    def autograd(self, kind: str, *, reset_gradient: bool = True) -> dict[str, Tensor]:
        """Gradient by autograd: of plain backpropagation (``activity``) or of the online rule."""
        params = {n: a.clone().requires_grad_() for n, a in self.params.items()}
        model = Model(self, params, kind, reset_gradient)
        outputs = [model.step(t) for t in range(self.network.steps)]
        loss = mean_loss(self.network, outputs, self.batch.targets)
        gradients = torch.autograd.grad(loss, list(params.values()))
        return dict(zip(params, gradients, strict=True))

    def model_outputs(self) -> Tensor:
        model = Model(self, self.params, "activity", True)
        return torch.stack([model.step(t) for t in range(self.network.steps)])


def effective(back: Backend, layer: Any, params: Params) -> Array | None:
    if isinstance(layer, Gain):
        return params[f"{layer.name}.weight"]
    return back.weight(layer, params) if isinstance(layer, Linear | Conv2d) else None


def psi(surrogate: Surrogate, x: Tensor) -> Tensor:
    """Surrogate derivative at ``x = u - V_th``, as the table of `Surrogate` has it."""
    k, zero = surrogate.scale, torch.zeros_like(x)
    return {
        "sigmoid": lambda: k * torch.sigmoid(k * x) * torch.sigmoid(-k * x),
        "arctan": lambda: (k / 2) / (1 + (math.pi * k * x / 2) ** 2),
        "triangle": lambda: k * torch.maximum(zero, 1 - k * x.abs()),
        "rectangle": lambda: torch.where(x.abs() < 1 / (2 * k), zero + k, zero),
        "superspike": lambda: 1 / (1 + k * x.abs()) ** 2,
        "gaussian": lambda: k * torch.exp(-((k * x) ** 2) / 2) / math.sqrt(2 * math.pi),
    }[surrogate.kind]()


def smooth(surrogate: Surrogate, x: Tensor) -> Tensor:
    """S at ``x = u - V_th``."""
    k = surrogate.scale
    y = (k * x).clamp(-1, 1)
    return {
        "sigmoid": lambda: torch.sigmoid(k * x),
        "arctan": lambda: torch.atan(math.pi * k * x / 2) / math.pi + 0.5,
        "triangle": lambda: 0.5 + y - y * y.abs() / 2,
        "rectangle": lambda: (k * x + 0.5).clamp(0, 1),
        "superspike": lambda: x / (1 + k * x.abs()) + 0.5,
        "gaussian": lambda: (1 + torch.erf(k * x / math.sqrt(2))) / 2,
    }[surrogate.kind]()


class Spike(torch.autograd.Function):
    """Step forwards, surrogate backwards."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, threshold: float, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(u)
        ctx.threshold, ctx.surrogate = threshold, surrogate
        return (u >= threshold).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (u,) = ctx.saved_tensors
        return grad * psi(ctx.surrogate, u - ctx.threshold), None, None


def mixture(loss: Loss, o: Tensor, y: Tensor) -> Tensor:
    onehot = functional.one_hot(y, o.shape[1]).to(o.dtype)
    squared = ((o - onehot) ** 2).mean()
    return (1 - loss.mse_weight) * functional.cross_entropy(o, y) + loss.mse_weight * squared


def mean_loss(network: Network, outputs: list[Tensor], y: Tensor) -> Tensor:
    if network.loss.over == "sequence":
        return mixture(network.loss, torch.stack(outputs).mean(0), y)
    return torch.stack([mixture(network.loss, o, y) for o in outputs]).sum() / network.steps


class Model:
    """The network one step at a time, for autograd.

    With `kind` ``activity`` it is the plain network. With ``eligibility`` or
    ``received_eligibility`` the state is detached at every step, weights see the trace of their
    input, and signals see the detached weights.
    """

    def __init__(
        self, problem: Problem, params: Mapping[str, Tensor], kind: str, reset_gradient: bool
    ) -> None:
        self.problem, self.params, self.kind = problem, params, kind
        self.reset_gradient, self.online = reset_gradient, kind != "activity"
        self.rested: dict[str, Any] = {}
        self.traces: dict[str, Any] = {}
        self.one = 0.0

    def step(self, t: int) -> Tensor:
        network, batch = self.problem.network, self.problem.batch
        x = batch.inputs if batch.static else batch.inputs[t]
        self.one = network.neuron.leak * self.one + 1
        values: dict[str, tuple[Any, Any]] = {INPUT: (x, x)}
        for layer in network.layers:
            given = [values[source] for source in network.sources(layer)]
            clean, received = given[0]
            if isinstance(layer, Spiking):
                values[layer.name] = self.fire(layer.name, received, t)
            elif isinstance(layer, Sum):
                values[layer.name] = (sum(c for c, _ in given), sum(r for _, r in given))
            elif isinstance(layer, Linear | Conv2d | Gain):
                current = self.weigh(layer, clean, received)
                values[layer.name] = (current, current)
            else:
                values[layer.name] = (self.fixed(layer, clean), self.fixed(layer, received))
        output: Tensor = values[network.output.name][1]
        return output

    def fire(self, name: str, current: Tensor, t: int) -> tuple[Tensor, Tensor]:
        neuron, noise = self.problem.network.neuron, self.problem.noise
        z = 0.0
        if noise is not None and name in noise.values:
            z = noise.scale * noise.values[name][t]
        on_membrane = noise is not None and noise.position == "membrane"
        u = neuron.leak * self.rested.get(name, 0.0) + current
        seen = u + z if on_membrane else u
        if neuron.smooth:
            s = smooth(neuron.surrogate, seen - neuron.threshold)
        else:
            s = Spike.apply(seen, neuron.threshold, neuron.surrogate)  # type: ignore[no-untyped-call]
        told = s if self.reset_gradient else s.detach()
        after = {"soft": u - neuron.threshold * told, "hard": u * (1 - told), "none": u}
        rested = after[neuron.reset]
        self.rested[name] = rested.detach() if self.online else rested
        return s, s if on_membrane else s + z

    def weigh(self, layer: Any, clean: Tensor, received: Tensor) -> Tensor:
        own = {n: self.params[n] for n in layer.shapes}
        if not self.online:
            return self.linear(layer, own, received, 1.0)
        x, one = (received if "received" in self.kind else clean).detach(), 1.0
        if self.problem.network.has_memory(layer):
            before = self.traces.get(layer.name, 0.0)
            x = self.traces[layer.name] = self.problem.network.neuron.leak * before + x
            one = self.one
        seen = self.linear(layer, own, x, one)
        detached = {n: a.detach() for n, a in own.items()}
        return self.linear(layer, detached, received, 1.0) + (seen - seen.detach())

    def linear(self, layer: Any, own: Mapping[str, Tensor], x: Tensor, one: float) -> Tensor:
        w, name = own[f"{layer.name}.weight"], layer.name
        if isinstance(layer, Gain):
            return w * x
        if layer.standardised:
            axes = tuple(range(1, w.ndim))
            variance, mean = torch.var_mean(w, axes, keepdim=True)
            gain = own[f"{name}.gain"].reshape(-1, *(1 for _ in axes))
            w = gain * (w - mean) / (variance * w[0].numel() + 1e-4).sqrt()
        b = own[f"{name}.bias"] * one if layer.bias else None
        if isinstance(layer, Linear):
            return functional.linear(x, w, b)
        maps = x.unflatten(1, layer.input_shape)  # type: ignore[no-untyped-call]
        convolved = functional.conv2d(maps, w, b, layer.stride, layer.padding)
        assert convolved.shape[1:] == layer.output_shape
        return convolved.flatten(1)

    def fixed(self, layer: Any, x: Tensor) -> Tensor:
        if isinstance(layer, AvgPool):
            maps = x.reshape(-1, *layer.input_shape)
            return functional.avg_pool2d(maps, layer.kernel).flatten(1)
        return x if isinstance(layer, Flatten) else layer.factor * x


def _strided(**options: Any) -> Network:
    """Stride 2 with a row left over, an even kernel, a standardised dense layer, no biases."""
    first = Conv2d("first", (2, 8, 7), 3, 3, 2, 0, bias=False)
    second = Conv2d("second", first.output_shape, 4, 2, 2, 1, standardised=True)
    return Network(
        (
            first,
            Spiking("s1", first.outputs),
            second,
            Spiking("s2", second.outputs),
            Linear("dense", second.outputs, 9, bias=False, standardised=True),
            Spiking("s3", 9),
            Linear("readout", 9, 3, standardised=True),
        ),
        **options,
    )


def _mixed(**options: Any) -> Network:
    """Static and moving sums, shared sources, weights without memory before the readout."""
    return Network(
        (
            AvgPool("pool", (2, 5, 4), 2),
            Linear("a", 8, 6),
            Scale("scaled", 6, 0.7),
            Linear("b", 8, 6, standardised=True, source="pool"),
            Sum("static", 6, ("scaled", "b")),
            Spiking("s1", 6),
            Linear("c", 6, 6),
            Sum("mix", 6, ("static", "b", "s1", "c")),
            Spiking("s2", 6),
            Gain("gain", 6, 0.6),
            Linear("d", 8, 6, source="pool"),
            Sum("last", 6, ("d", "gain", "s2")),
            Linear("readout", 6, 3),
        ),
        **options,
    )


def _encoder(**options: Any) -> Network:
    """Neurons on the input itself, neurons on spikes, a spiking readout."""
    conv = Conv2d("conv", (1, 4, 4), 2, 3)
    return Network(
        (
            Spiking("encode", 16),
            Flatten("maps", (1, 4, 4)),
            Spiking("again", 16),
            Spiking("third", 16),
            Sum("both", 16, ("encode", "third")),
            conv,
            Gain("gain", conv.outputs, 1.0),
            Spiking("s1", conv.outputs),
            Linear("readout", conv.outputs, 3),
            Spiking("out", 3),
        ),
        **options,
    )


NETWORKS: dict[str, Any] = {
    "conv": lambda **o: convolutional((2, 7, 7), "3C3-AP2-4C5-FC", 3, **o),
    "plain-conv": lambda **o: convolutional(
        (1, 6, 5), "3C7-4C1-AP2-FC", 3, standardised=False, **o
    ),
    "strided": _strided,
    "residual": lambda **o: residual((2, 12, 12), (1, 1), 3, width=3, **o),
    "mixed": _mixed,
    "encoder": _encoder,
}


def make_problem(
    hidden: Sequence[int] | str = (7, 6),
    *,
    dtype: str = "float64",
    static: bool = True,
    samples: int = 4,
    alpha: float = 0.0,
    position: Any = "spike",
    **options: Any,
) -> Problem:
    """Return a problem with 3 classes, active neurons and, with alpha, noise.

    `hidden` is the sizes of a fully connected network of 5 inputs, or a name of `NETWORKS`.
    """
    key, backend = Key(20261124) / "torch", TorchBackend(dtype)
    if isinstance(hidden, str):
        network = NETWORKS[hidden](**options)
    else:
        network = fully_connected(5, hidden, 3, **options)
    draw = (key / "batch").generator()
    shape = (*(() if static else (network.steps,)), samples, network.inputs)
    inputs, targets = draw.normal(0.4, 1.0, shape), draw.integers(0, 3, samples)
    params = initial_params(network, key / "params", 2.0)
    params = params.map(lambda a: backend.asarray(a + draw.normal(0.1, 0.1, a.shape)))
    noise = None
    if alpha:
        model = NoiseModel(alpha, position=position)
        noise = draw_noise(model, network, samples, key / "noise").map(backend.asarray)
    batch = Batch(backend.asarray(inputs), backend.asarray(targets))
    return Problem(backend, network, params, batch, noise)


@pytest.fixture(name="make_problem")
def make_problem_fixture() -> Any:
    return make_problem
