"""Backpropagation through time: the full surrogate gradient."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradassay.core.arrays import Array
from gradassay.core.claims import Claim, Deterministic, Estimand, Passes, UnbiasedFor
from gradassay.core.errors import ConfigurationError
from gradassay.core.layers import Spiking
from gradassay.estimators.passes import Pass
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.temporal import Temporal, by_current


@dataclass(frozen=True)
class BPTT(SpatialBP):
    """Spatial backpropagation whose delta also goes back through time inside each layer.

    Parameters
    ----------
    reset_gradient : bool
        Keep the gradient through the reset, or cut it.
    temporal : {"local_bptt"}
        Cannot be chosen: another rule in time is `SpatialBP`.

    Notes
    -----
    Estimand: the surrogate gradient through time, which it is exactly; for smooth neurons with the
    gradient through the reset, the true gradient. Passes: one forward, one backward; memory grows
    with T. No state, no noise, deterministic.
    """

    reset_gradient: bool = False
    temporal: Temporal = field(default="local_bptt", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reset_gradient not in (True, False):
            raise ConfigurationError(
                f"bptt reset_gradient: got {self.reset_gradient!r}; expected True or False."
            )
        if self.temporal != "local_bptt":
            raise ConfigurationError(
                f"bptt temporal: got {self.temporal!r}; expected 'local_bptt'."
                " For another rule in time use spatial_bp."
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

    def local_rule(self, observed: Pass, layer: Spiking, signal: Array) -> Array:
        """Return the derivative by the membrane potential through time."""
        derivative = self.derivative(observed, layer)
        return by_current(
            observed,
            layer.name,
            signal,
            derivative,
            self.temporal,
            reset_gradient=self.reset_gradient,
        )
