"""The torch backend: the contract's verbs over plain tensors, without autograd."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import torch
from torch import Tensor

from gradassay.core.arrays import mean_outer
from gradassay.core.batch import Batch, block_steps
from gradassay.core.layers import Affine, Synapse, Weighted
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Carry, Presynaptic, Recorded, Trace
from gradassay.torch_snn.block import run_block
from gradassay.torch_snn.checks import (
    require_map,
    require_noise,
    require_outputs,
    require_record,
    require_units,
)
from gradassay.torch_snn.gradients import weight_gradient
from gradassay.torch_snn.loss import losses_and_errors
from gradassay.torch_snn.maps import apply, input_gradient
from gradassay.torch_snn.placement import device_named, dtypes_named, require_placed, to_tensor
from gradassay.torch_snn.recorder import Recorder
from gradassay.torch_snn.spike_products import noise_outer
from gradassay.torch_snn.standardisation import effective_tangent, effective_weight
from gradassay.torch_snn.through_time import membrane_gradient, membrane_tangent


class TorchBackend:
    """The network and its local derivatives in torch; implements `gradassay.core.backend.Backend`.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Precision of all floating arrays.
    device : str
        ``cpu``, ``cuda`` or ``cuda:<number>``.
    fused : bool
        Run neurons in one pass over memory, products with spikes by tables of sums, pools and
        losses in C, where there is a compiler for it (`gradassay.torch_snn.native`); else, and if
        not, in plain tensor operations.

    Raises
    ------
    UsageError
        If the dtype is unknown or the device is not there.

    Notes
    -----
    Every verb runs without autograd and leaves its arguments as they were. Results are the same in
    blocks of any sizes, and for replicates folded or alone, up to the rounding of matrix products,
    whose order of summation depends on their shapes; where all products are exact, bit for bit.
    Arrays of a trace may share memory with each other and with the batch: do not write into them.

    Examples
    --------
    >>> TorchBackend("float64")
    TorchBackend(dtype='float64', device='cpu')
    """

    __slots__ = ("_device", "_dtype", "_fused", "_numpy_dtype")

    def __init__(self, dtype: str = "float32", device: str = "cpu", *, fused: bool = True) -> None:
        self._fused = fused
        self._dtype, self._numpy_dtype = dtypes_named(dtype)
        self._device = device_named(device)

    def __repr__(self) -> str:
        """Return the call that makes it."""
        plain = "" if self._fused else ", fused=False"
        return (
            f"TorchBackend(dtype={self._numpy_dtype.__name__!r}, device={str(self._device)!r}"
            f"{plain})"
        )

    def __eq__(self, other: object) -> bool:
        """Whether dtype and device are the same."""
        return isinstance(other, TorchBackend) and repr(self) == repr(other)

    def __hash__(self) -> int:
        """Hash of dtype and device."""
        return hash(repr(self))

    @property
    def name(self) -> str:
        """``torch``, or ``torch:cuda``."""
        return "torch" if self._device.type == "cpu" else f"torch:{self._device.type}"

    @property
    def dtype(self) -> type[np.floating]:
        """NumPy's name of the dtype that the backend computes in."""
        return self._numpy_dtype

    def asarray(self, array: np.ndarray) -> Tensor:
        """Return a NumPy array as a tensor on the device: floats in its dtype, integers int64.

        Shares memory with the array where nothing has to change and it is writable.
        """
        return to_tensor(array, self._dtype, self._device)

    def to_numpy(self, array: Tensor) -> np.ndarray:
        """Return a tensor as a NumPy array, which shares its memory on the CPU."""
        numpy_array: np.ndarray = array.detach().cpu().numpy()
        return numpy_array

    @torch.no_grad()
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
        """Run a block of steps, as `Backend.forward` says.

        Raises
        ------
        ConfigurationError
            If the block's length is impossible, shorter than T under a loss of the sequence, or if
            a trace is recorded after a block that did not record it.
        DataError
            If parameters, inputs or noise are of another dtype, device or shape.
        UsageError
            If a name in `record` or in the noise does not exist.
        """
        length = block_steps(network, batch, steps)
        require_record(record, carry)
        for name, array in (("inputs", batch.inputs), *params.items()):
            require_placed(name, array, self._dtype, self._device)
        if noise is not None:
            rows = (length, batch.targets.shape[0])
            require_noise(network, noise, rows, self._dtype, self._device)
        recorder = Recorder(network.neuron.leak, length, record, carry)
        return run_block(network, params, batch, noise, recorder, fused=self._fused)

    @torch.no_grad()
    def loss(self, network: Network, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses and errors of a block of outputs.

        The equations stand in `gradassay.torch_snn.loss`.
        """
        require_outputs(network, outputs, targets)
        return losses_and_errors(network.loss, outputs, targets, network.steps, fused=self._fused)

    @torch.no_grad()
    def weight(self, layer: Affine, params: Params) -> Tensor:
        """Return the weight that the layer multiplies with, ([R,] *weight_shape).

        The equations stand in `gradassay.torch_snn.standardisation`.
        """
        return effective_weight(layer, params)

    @torch.no_grad()
    def weight_tangent(self, layer: Affine, params: Params, tangent: Params) -> Tensor:
        """Return the derivative of `weight` along a direction, ([R,] *weight_shape)."""
        return effective_tangent(layer, params, tangent)

    @torch.no_grad()
    def apply(self, layer: Synapse, weight: Tensor | None, values: Tensor) -> Tensor:
        """Return the layer's output without its bias, shape (t, R*B, outputs)."""
        require_map(layer, weight, "values", values)
        return apply(layer, weight, values, fused=self._fused)

    @torch.no_grad()
    def input_gradient(self, layer: Synapse, weight: Tensor | None, delta: Tensor) -> Tensor:
        """Return the derivative by the layer's input, ``W^T delta``, shape (t, R*B, inputs)."""
        require_map(layer, weight, "delta", delta)
        return input_gradient(layer, weight, delta, fused=self._fused)

    @torch.no_grad()
    def weight_gradient(
        self,
        layer: Weighted,
        params: Params,
        delta: Tensor,
        presynaptic: Presynaptic,
        *,
        replicates: int | None = None,
    ) -> dict[str, Tensor]:
        """Return the gradient of the batch mean by one layer's parameters.

        With `replicates` R on a leading axis R, one for each; otherwise a single one without it.
        The equations stand in `gradassay.torch_snn.gradients`.
        """
        require_units("delta", delta, layer.outputs)
        count = 1 if replicates is None else replicates
        gradient = weight_gradient(layer, params, delta, presynaptic, count, fused=self._fused)
        if replicates is None:
            return {name: array[0] for name, array in gradient.items()}
        return gradient

    @torch.no_grad()
    def noise_outer(self, noise: Noise, layer: str, right: Tensor, replicates: int) -> Tensor:
        """Return ``(1/B) sum_b sum_t z[t] right[t]^T``, as `Backend.noise_outer` says."""
        found = None
        if self._fused and self._device.type == "cpu":
            found = noise_outer(noise, layer, right, replicates)
        if found is None:
            product: Tensor = mean_outer(noise.values[layer], right, replicates)
            return product
        return found if replicates > 1 else found[0]

    @torch.no_grad()
    def membrane_gradient(
        self, neuron: Neuron, layer: str, trace: Trace, signal: Tensor, *, reset_gradient: bool
    ) -> Tensor:
        """Return the derivative by the membrane potential through time, shape (T, R*B, n).

        The equations stand in `gradassay.torch_snn.through_time`.
        """
        return membrane_gradient(neuron, layer, trace, signal, reset_gradient=reset_gradient)

    @torch.no_grad()
    def membrane_tangent(
        self, neuron: Neuron, layer: str, trace: Trace, currents: Tensor, *, reset_gradient: bool
    ) -> Tensor:
        """Return the tangent of the membrane potential through time, shape (T, R*B, n).

        The equations stand in `gradassay.torch_snn.through_time`.
        """
        return membrane_tangent(neuron, layer, trace, currents, reset_gradient=reset_gradient)
