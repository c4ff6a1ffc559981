"""Specification of a spiking network: pure data, no arrays.

The model, for layers l = 1..N of spiking neurons and a readout, at each step t in this order:

    u_l[t] = leak * (u_l[t-1] - V_th * s_l[t-1]) + W_l r_{l-1}[t] + b_l   membrane potential
    s_l[t] = 1 if u_l[t] >= V_th else 0                                    spike
    r_l[t] = s_l[t] + alpha * z_l[t]                                       received activity
    o[t]   = W_{N+1} r_N[t] + b_{N+1}                                      readout, no memory

with u = 0 and s = 0 before the first step. That is the soft reset; with the hard reset the membrane
potential is set to 0 after a spike, ``u_l[t] = leak * u_l[t-1] * (1 - s_l[t-1]) + ...``; with no
reset the ``V_th`` term is absent.

References
----------
Xiao, Meng, Zhang, He, Lin, "Online Pseudo-Zeroth-Order Training of Neuromorphic Spiking Neural
Networks", arXiv 2407.12516. Xiao et al., "Online Training Through Time for Spiking Neural
Networks" (OTTT), 2022.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from typing import Any, Literal

import msgspec

from gradassay.core.errors import ConfigurationError

Reset = Literal["soft", "hard", "none"]


def _require(condition: bool, name: str, got: object, expected: str) -> None:
    if not condition:
        raise ConfigurationError(f"{name}: got {got!r}; expected {expected}.")


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the specifications: frozen, hashable, JSON both ways."""


class Surrogate(Spec, frozen=True):
    """The sigmoid surrogate derivative psi(u) = k sig(x) (1 - sig(x)), x = k (u - V_th).

    Parameters
    ----------
    kind : str
        ``"sigmoid"``.
    scale : float
        k, per unit of membrane potential. At k = 4 the peak is 1. The smooth function whose
        derivative it is, ``sig(x)``, takes the place of the spike in a smooth neuron.
    """

    kind: Literal["sigmoid"] = "sigmoid"
    scale: float = 4.0

    def __post_init__(self) -> None:
        _require(0 < self.scale < math.inf, "surrogate scale", self.scale, "a positive number")


class Neuron(Spec, frozen=True):
    """The leaky integrate-and-fire neuron that all spiking layers share.

    Parameters
    ----------
    leak : float
        Factor on the membrane potential from one step to the next, in [0, 1].
    threshold : float
        V_th, positive; a neuron spikes where its membrane potential is at least this.
    reset : {"soft", "hard", "none"}
        Subtract V_th, set to 0, or leave.
    surrogate : Surrogate
        Derivative used in place of the spike's.
    smooth : bool
        Put the surrogate's smooth function in place of the spike ("smooth neuron"), so that the
        network is differentiable and finite differences apply.
    """

    leak: float = 0.5
    threshold: float = 1.0
    reset: Reset = "soft"
    surrogate: Surrogate = Surrogate()
    smooth: bool = False

    def __post_init__(self) -> None:
        _require(0 <= self.leak <= 1, "leak", self.leak, "a number in [0, 1]")
        _require(0 < self.threshold < math.inf, "threshold", self.threshold, "a positive number")


class Linear(Spec, frozen=True, tag="linear"):
    """A dense layer of weights ``(outputs, inputs)`` and, where wanted, a bias ``(outputs,)``."""

    name: str
    inputs: int
    outputs: int
    bias: bool = True

    def __post_init__(self) -> None:
        _require(self.inputs >= 1, f"{self.name}.inputs", self.inputs, "at least 1")
        _require(self.outputs >= 1, f"{self.name}.outputs", self.outputs, "at least 1")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters by dotted name."""
        weight = {f"{self.name}.weight": (self.outputs, self.inputs)}
        return weight | ({f"{self.name}.bias": (self.outputs,)} if self.bias else {})


class Spiking(Spec, frozen=True, tag="spiking"):
    """A population of neurons; noise is injected on its spikes."""

    name: str
    units: int


Layer = Linear | Spiking


class Loss(Spec, frozen=True):
    """The loss of a step, ``L[t] = ((1 - mu) CE(o[t], y) + mu MSE(o[t], onehot(y))) / T``.

    Parameters
    ----------
    mse_weight : float
        mu in [0, 1]. MSE is the mean over classes of the squared difference.
    over : {"step", "sequence"}
        ``"step"``: the sum of L[t] over steps. ``"sequence"``: the same mixture, once, of the mean
        of o[t] over time.
    """

    mse_weight: float = 0.0
    over: Literal["step", "sequence"] = "step"

    def __post_init__(self) -> None:
        _require(0 <= self.mse_weight <= 1, "mse_weight", self.mse_weight, "a number in [0, 1]")


class Network(Spec, frozen=True):
    """A spiking network: layers in order, the neuron, the number of steps, the loss.

    Parameters
    ----------
    layers : tuple of Layer
        ``Linear`` and ``Spiking`` in turn, at least one spiking layer, a ``Linear`` readout last.
    neuron : Neuron
        Shared by all spiking layers.
    steps : int
        T, at least 1.
    loss : Loss
        Loss of the outputs.

    Raises
    ------
    ConfigurationError
        If sizes do not fit, names repeat, T < 1 or there is no hidden layer.

    Examples
    --------
    >>> from gradassay.core.builders import fully_connected
    >>> network = fully_connected(64, (32,), 10, steps=4)
    >>> [layer.name for layer in network.layers]
    ['hidden1', 'lif1', 'readout']
    >>> Network.from_json(network.to_json()) == network
    True
    """

    layers: tuple[Layer, ...]
    neuron: Neuron = Neuron()
    steps: int = 6
    loss: Loss = Loss()

    def __post_init__(self) -> None:
        _require(self.steps >= 1, "steps", self.steps, "T of at least 1")
        names = [layer.name for layer in self.layers]
        _require(len(set(names)) == len(names), "layer names", names, "no name twice")
        kinds = [type(layer) for layer in self.layers]
        pattern = [Linear, Spiking] * (len(kinds) // 2) + [Linear]
        _require(
            len(kinds) >= 3 and kinds == pattern,
            "layers",
            [kind.__name__ for kind in kinds],
            "Linear and Spiking in turn, at least one Spiking, and a Linear readout last",
        )
        for before, layer in itertools.pairwise(self.layers):
            given = before.outputs if isinstance(before, Linear) else before.units
            wanted = layer.inputs if isinstance(layer, Linear) else layer.units
            _require(given == wanted, f"size of {layer.name}", wanted, f"{given} ({before.name})")

    @property
    def weighted(self) -> tuple[Linear, ...]:
        """The layers that have parameters, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Linear))

    @property
    def spiking(self) -> tuple[Spiking, ...]:
        """The spiking layers, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Spiking))

    @property
    def readout(self) -> Linear:
        """The last layer."""
        return self.weighted[-1]

    @property
    def inputs(self) -> int:
        """Number of input features."""
        return self.weighted[0].inputs

    @property
    def classes(self) -> int:
        """Number of outputs m."""
        return self.readout.outputs

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all parameters by dotted name."""
        return {name: shape for layer in self.weighted for name, shape in layer.shapes.items()}

    def to_json(self) -> str:
        """Return the specification as JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Network:
        """Read a specification from JSON, strictly.

        Raises
        ------
        ConfigurationError
            If a field is unknown, missing, of the wrong type or of an impossible value.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:  # ValidationError is its subclass
            raise ConfigurationError(f"network JSON: {error}.") from error

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name this specification in results."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def replace(self, **changes: Any) -> Network:
        """Return a copy with fields changed."""
        return msgspec.structs.replace(self, **changes)
