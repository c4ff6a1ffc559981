"""The nodes of a NIR graph as frozen data; each docstring has the node's equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Shape = tuple[int, ...]
Padding = tuple[int, ...] | Literal["same", "valid"]


@dataclass(frozen=True, eq=False)
class Input:
    """``y = x``, from outside the graph."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Output:
    """``y = x``, to outside the graph."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Identity:
    """``y = x``: the input or output of a graph within the graph."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Affine:
    """``y = W x + b``, over the last axis."""

    weight: Float
    bias: Float


@dataclass(frozen=True, eq=False)
class Linear:
    """``y = W x``, over the last axis."""

    weight: Float


@dataclass(frozen=True, eq=False)
class Conv:
    """``y[o, p] = b[o] + sum over c and k of W[o, c, k] x[c, p stride + k dilation - padding]``.

    In one or two dimensions; the channels c of output channel o are those of its group. ``same``
    pads ``dilation (size - 1)`` zeros, the odd one at the end.
    """

    weight: Float
    bias: Float
    stride: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]
    groups: int
    input_shape: Shape | None


@dataclass(frozen=True, eq=False)
class Pool:
    """``y[c, p] = sum over k of x[c, p stride + k - padding]``, divided by the kernel's size.

    Divided for AvgPool2d (padding counts), not for SumPool2d.
    """

    average: bool
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Flatten:
    """``y = x`` with the axes from `start_dim` to `end_dim` joined; time and batch do not count."""

    start_dim: int
    end_dim: int
    input_shape: Shape | None


@dataclass(frozen=True, eq=False)
class Scale:
    """``y = s x``, element by element."""

    scale: Float


@dataclass(frozen=True, eq=False)
class Threshold:
    """``y = 1 where x > threshold, else 0``; at equality the dialect decides."""

    threshold: Float


@dataclass(frozen=True, eq=False)
class Delay:
    """``y(t) = x(t - delay)``, to the nearest whole step; zero before the first."""

    delay: Float


@dataclass(frozen=True, eq=False)
class Neuron:
    """A neuron with or without leak, synapse and spikes: six kinds of NIR in one.

    ========= ==== ======== ======= ==========================================================
    kind      leak synapse  spikes  equations
    ========= ==== ======== ======= ==========================================================
    I                               ``dv/dt = R I``
    IF                      yes     ``dv/dt = R I``
    LI        yes                   ``tau dv/dt = v_leak - v + R I``
    LIF       yes           yes     ``tau dv/dt = v_leak - v + R I``
    CubaLI    yes  yes              ``tau_syn dI/dt = -I + w_in S``, then as LI with ``tau_mem``
    CubaLIF   yes  yes      yes     ``tau_syn dI/dt = -I + w_in S``, then as LIF with ``tau_mem``
    ========= ==== ======== ======= ==========================================================

    A spike is ``v > v_threshold``, and ``v`` becomes ``v_reset`` after it. How this is cut into
    steps is the dialect's business.
    """

    kind: str
    r: Float
    tau: Float | None = None
    v_leak: Float | None = None
    tau_syn: Float | None = None
    w_in: Float | None = None
    v_threshold: Float | None = None
    v_reset: Float | None = None

    @property
    def shape(self) -> Shape:
        """Shape of the parameters; the empty one takes the shape of what arrives."""
        return self.r.shape


Node = (
    Input
    | Output
    | Identity
    | Affine
    | Linear
    | Conv
    | Pool
    | Flatten
    | Scale
    | Threshold
    | Delay
    | Neuron
)
STATEFUL = (Neuron, Delay)


def is_spiking(node: Node) -> bool:
    """Whether what a node gives are spikes of a neuron with a membrane potential."""
    return isinstance(node, Neuron) and node.v_threshold is not None
