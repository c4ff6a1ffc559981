"""The contract of a backend: everything an estimator does with a network goes through it."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.batch import Batch
from gradassay.core.layers import Affine, Synapse, Weighted
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
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
            If the block is longer than T, or shorter with a loss of the sequence.
        DataError
            If the batch is a sequence of another length than the block.
        """
        ...

    def loss(self, network: Network, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """Return losses (t, R*B) and errors (t, R*B, m) of a block of outputs, as `Trace` has them.

        The outputs may be those of any readout of the network's hidden layers.
        """
        ...

    def weight(self, layer: Affine, params: Params) -> Array:
        """Return the weight that the layer multiplies with: standardised where the layer says so.

        Parameters
        ----------
        layer : Linear or Conv2d
            Gives names and shapes.
        params : Params
            Where the arrays have a leading axis R, so has the result.
        """
        ...

    def weight_tangent(self, layer: Affine, params: Params, tangent: Params) -> Array:
        """Return the derivative of `weight` along a direction of the parameters.

        Parameters
        ----------
        layer, params
            As in `weight`; without a leading axis.
        tangent : Params
            The direction; with or without a leading axis R on every array.
        """
        ...

    def apply(self, layer: Synapse, weight: Array | None, values: Array) -> Array:
        """Return the layer's output for some inputs, without its bias; it may share their memory.

        Parameters
        ----------
        layer : Linear, Conv2d, Gain, AvgPool, Flatten or Scale
            The linear map.
        weight : array or None
            ``layer.weight_shape``, or ``(R, *weight_shape)``: one for each replicate. For a `Gain`
            its factor; None for a layer without weights.
        values : array, shape (t, R*B, inputs)
        """
        ...

    def input_gradient(self, layer: Synapse, weight: Array | None, delta: Array) -> Array:
        """Return the derivative by the layer's input, the transpose of `apply`.

        Parameters
        ----------
        layer, weight
            As in `apply`.
        delta : array, shape (t, R*B, outputs)
            Derivative by the layer's output.

        Returns
        -------
        array, shape (t, R*B, inputs)
        """
        ...

    def weight_gradient(
        self,
        layer: Weighted,
        params: Params,
        delta: Array,
        presynaptic: Presynaptic,
        *,
        replicates: int | None = None,
    ) -> dict[str, Array]:
        """Return the gradient of the batch mean by the parameters of one layer.

        ``dW = (1/B) sum_b sum_t delta[t] a[t]^T`` for a dense layer, and ``db`` the same with the
        bias's a; for a convolution, summed over the positions that share a weight; through the
        standardisation, where there is one, to weight and gain.

        Parameters
        ----------
        layer : Linear, Conv2d or Gain
            Gives names and shapes.
        params : Params
            The parameters, without a leading axis.
        delta : array, shape (t, R*B, outputs)
            Derivative by the layer's output (current), of each sample's loss.
        presynaptic : Presynaptic
            What the trace recorded for this layer.
        replicates : int or None
            R: give each replicate its own gradient, on a leading axis. None: a single gradient
            over the whole batch axis, without that axis.
        """
        ...

    def noise_outer(self, noise: Noise, layer: str, right: Array, replicates: int) -> Array:
        """Return ``(1/B) sum_b sum_t z[t] right[t]^T`` of the noise of one spiking layer.

        Parameters
        ----------
        noise : Noise
            z, (t, R*B, n), as drawn for these steps.
        layer : str
            Name of the spiking layer.
        right : array, shape (t, R*B, m)
        replicates : int
            R.

        Returns
        -------
        array, shape (n, m), or (R, n, m) where R > 1
        """
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

    def membrane_tangent(
        self, neuron: Neuron, layer: str, trace: Trace, currents: Array, *, reset_gradient: bool
    ) -> Array:
        """Return the tangent of the membrane potential through time, for a tangent of the current.

        Forwards over the steps, the transpose of `membrane_gradient` but for psi:

            u'[t] = I'[t] + (du[t]/du[t-1]) u'[t-1] + (du[t]/ds[t-1]) psi(u[t-1]) u'[t-1]

        the last term only with the gradient through the reset. Needs what `membrane_gradient` does.

        Parameters
        ----------
        neuron, layer, trace, reset_gradient
            As in `membrane_gradient`.
        currents : array, shape (T, R*B, n)
            I'[t].
        """
        ...
