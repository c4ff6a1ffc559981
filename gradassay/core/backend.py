"""The contract of a backend: everything an estimator does with a network goes through it."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.batch import Batch
from gradassay.core.network import Linear, Network, Neuron
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Carry, Presynaptic, Recorded, Trace


class Backend(Protocol):
    """Model and local derivatives on one array library.

    Verbs take blocks of consecutive steps, arrays ``(t, R*B, n)`` with 1 <= t <= T; the whole
    sequence in one block is the default.
    """

    @property
    def name(self) -> str:
        """``numpy`` or ``torch``, with device where it matters."""
        ...

    @property
    def dtype(self) -> type[np.floating]:
        """NumPy's name of the dtype that the backend computes in."""
        ...

    def asarray(self, array: np.ndarray) -> Array:
        """Return a NumPy array as the backend's, floating arrays in its dtype, on its device."""
        ...

    def to_numpy(self, array: Array) -> np.ndarray:
        """Return the backend's array as NumPy's."""
        ...

    def forward(
        self,
        network: Network,
        params: Params,
        batch: Batch,
        *,
        noise: Noise | None = None,
        record: Set[Recorded] = frozenset(),
        carry: Carry | None = None,
        steps: int | None = None,
    ) -> Trace:
        """Run a block of steps.

        Parameters
        ----------
        network, params, batch
            The model, its parameters and the (already tiled) batch. A batch that is a sequence
            holds the steps of this block.
        noise : Noise or None
            Noise of this block, arrays of the backend.
        record : set of str
            What the trace keeps besides outputs, losses and errors.
        carry : Carry or None
            What the block before left; None before the first step.
        steps : int or None
            Length of the block; None for T.

        Raises
        ------
        ConfigurationError
            If the loss is of the sequence and the block is shorter than T.
        """
        ...

    def weight_gradient(
        self,
        layer: Linear,
        delta: Array,
        presynaptic: Presynaptic,
        *,
        replicates: int | None = None,
    ) -> dict[str, Array]:
        """Return the gradient of the batch mean by the parameters of one layer.

        ``dW = (1/B) sum_b sum_t delta[t] a[t]^T`` and ``db`` the same with the bias's a.

        Parameters
        ----------
        layer : Linear
            Gives names and shapes.
        delta : array, shape (t, R*B, outputs)
            Derivative by the layer's output (current), of each sample's loss.
        presynaptic : Presynaptic
            What the trace recorded for this layer.
        replicates : int or None
            R: give each replicate its own gradient, on a leading axis. None: a single gradient
            over the whole batch axis, without that axis.
        """
        ...

    def input_gradient(self, layer: Linear, params: Params, delta: Array) -> Array:
        """Return the derivative by the layer's input, ``W^T delta``, shape (t, R*B, inputs)."""
        ...

    def membrane_gradient(
        self, neuron: Neuron, layer: str, trace: Trace, signal: Array, *, reset_gradient: bool
    ) -> Array:
        """Return the derivative by the membrane potential through time, inside one layer.

        Backwards over the steps, with g the signal at the spikes and ``epsilon`` the derivative by
        u[t] itself:

            epsilon[t] = psi(u[t]) g'[t] + (du[t+1]/du[t]) epsilon[t+1]
            g'[t]      = g[t] + (du[t+1]/ds[t]) epsilon[t+1]   (with the gradient through the reset)

        where du[t+1]/du[t] is the leak (after a hard reset, leak (1 - s[t])), and du[t+1]/ds[t] is
        -leak V_th (soft), -leak u[t] (hard) or 0 (none). Needs ``membrane``, ``spikes`` and
        ``derivative`` in the trace of a whole sequence.

        Parameters
        ----------
        neuron : Neuron
            Leak, threshold and reset.
        layer : str
            Name of the spiking layer.
        trace : Trace
            A whole sequence.
        signal : array, shape (T, R*B, n)
            g[t].
        reset_gradient : bool
            Keep the gradient through the reset, or cut it.
        """
        ...
