"""A top-down signal and a local rule make a gradient.

Most methods differ only in what stands for the top-down signal ``g_l[t]`` at the spikes of layer l.
A local rule (`gradassay.estimators.temporal`), the same for all of them, turns signals into weight
gradients; the default is the online rule, with the eligibility trace a:

    delta_l[t] = psi(u_l[t]) * g_l[t]            dW_l = (1/B) sum_b sum_t delta_l[t] a_{l-1}[t]^T

The readout's gradient is exact: ``dW_{N+1} = (1/B) sum_b sum_t e[t] s_N[t]^T``.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from gradassay.core.arrays import Array
from gradassay.core.estimator import State
from gradassay.core.layers import Affine, Spiking
from gradassay.estimators.descent import Descent
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.passes import Pass
from gradassay.estimators.temporal import by_current


@dataclass(frozen=True, kw_only=True)
class SignalEstimator(LayerwiseEstimator):
    """Base of the methods that are a signal and a local rule.

    A method overrides `top_down`; see `LayerwiseEstimator` for its state.
    """

    @abstractmethod
    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return the signal g at the spikes of one hidden layer.

        Parameters
        ----------
        state : mapping
            To use for this pass.
        observed : Pass
            The forward pass.
        layer : Spiking
            The layer.
        descent : Descent
            ``descent.output(layer.name)`` is what the layers above send down.

        Returns
        -------
        array, shape (t, R*B, n)
        """

    def weight_down(self, state: State, observed: Pass, layer: Affine) -> Array:
        """Return the weight through which a derivative goes down: the layer's own."""
        return observed.backend.weight(layer, observed.params)

    def derivative(self, observed: Pass, layer: Spiking) -> Array:
        """Return what stands for the derivative of the spikes: psi at what the firing saw."""
        return observed.trace.derivative[layer.name]

    def local_rule(self, observed: Pass, layer: Spiking, signal: Array) -> Array:
        """Return the derivative by the current of a spiking layer."""
        derivative = self.derivative(observed, layer)
        return by_current(observed, layer.name, signal, derivative, self.temporal)

    def deltas(self, state: State, observed: Pass) -> dict[str, Array]:
        """Return the derivative by the output of each weighted layer, by name."""
        return Descent(
            observed,
            lambda layer, descent: self.top_down(state, observed, layer, descent),
            lambda layer, signal: self.local_rule(observed, layer, signal),
            lambda layer: self.weight_down(state, observed, layer),
        ).weighted()
