"""Backpropagation through time: the full surrogate gradient."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from gradassay.core.arrays import Array
from gradassay.core.claims import Claim, Deterministic, Estimand, Passes, UnbiasedFor
from gradassay.core.errors import ConfigurationError
from gradassay.core.network import Linear
from gradassay.core.trace import Presynaptic, Recorded, Trace
from gradassay.estimators.signal import Pass
from gradassay.estimators.spatial_bp import SpatialBP


@dataclass(frozen=True)
class BPTT(SpatialBP):
    """Spatial backpropagation whose delta also goes back through time inside each layer.

    Parameters
    ----------
    reset_gradient : bool
        Keep the gradient through the reset, or cut it.

    Notes
    -----
    Estimand: the surrogate gradient through time, which it is exactly; for smooth neurons with the
    gradient through the reset, the true gradient. Passes: one forward, one backward; memory grows
    with T. No state, no noise, deterministic.
    """

    reset_gradient: bool = False

    def __post_init__(self) -> None:
        if self.reset_gradient not in (True, False):
            raise ConfigurationError(
                f"bptt reset_gradient: got {self.reset_gradient!r}; expected True or False."
            )

    @property
    def name(self) -> str:
        """``bptt``."""
        return "bptt"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Exact and deterministic, not online."""
        reset = "kept" if self.reset_gradient else "cut"
        estimand = Estimand("bptt", f"gradient through the reset {reset}")
        return (UnbiasedFor(estimand), Passes(1, 1), Deterministic())

    @property
    def record(self) -> Set[Recorded]:
        """Membrane potentials and spikes of all steps, and inputs in place of traces."""
        return {"membrane", "spikes", "derivative", "activity"}

    def local_rule(self, observed: Pass, layer: str, signal: Array) -> Array:
        """Return the derivative by the membrane potential through time."""
        return observed.backend.membrane_gradient(
            observed.network.neuron,
            layer,
            observed.trace,
            signal,
            reset_gradient=self.reset_gradient,
        )

    def presynaptic(self, trace: Trace, layer: Linear) -> Presynaptic:
        """Return the input of each step: the recursion through time is in delta."""
        return trace.activity[layer.name]
