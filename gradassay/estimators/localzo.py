"""LocalZO: backpropagation with a random surrogate, a zeroth-order derivative of each spike."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.claims import Claim, Estimand, Passes, UnbiasedFor
from gradassay.core.layers import Spiking
from gradassay.core.noise import Law, NoiseModel
from gradassay.core.trace import Recorded
from gradassay.estimators.feedback import require_positive
from gradassay.estimators.passes import Pass
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.temporal import with_online


@dataclass(frozen=True)
class LocalZO(SpatialBP):
    """Spatial backpropagation where a central difference of each spike stands for psi.

    With one draw z for each neuron and step, of half-width ``delta |z|``::

        psi = |z| / (2 delta)  where |u - V_th| < delta |z|,  else 0

    Parameters
    ----------
    width : float
        delta, in units of the membrane potential, positive.
    law : str
        Law of z; nothing is injected.

    Notes
    -----
    Estimand: spatial backpropagation under the expected surrogate ``E psi``, exact because the
    draws of different layers are independent. At distance ``w = |u - V_th| / delta``: Gaussian z
    ``phi(w) / delta``; uniform ``(3 - w^2)_+ / (4 sqrt(3) delta)``; Laplace, b = 1 / sqrt(2),
    ``(w + b) exp(-w / b) / (2 delta)``; Rademacher a rectangle. Passes: one forward, one backward.
    No state.

    References
    ----------
    Mukhoty et al., "Direct Training of SNN using Local Zeroth Order Method", 2023.
    """

    width: float = 0.5
    law: Law = "gaussian"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("localzo", "width", self.width)
        NoiseModel(self.width, self.law)

    @property
    def name(self) -> str:
        """``localzo``."""
        return "localzo"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Unbiased for backpropagation under the expected surrogate."""
        estimand = Estimand("expected_surrogate", f"{self.law} z, {self.temporal} rule")
        return with_online((UnbiasedFor(estimand), Passes(1, 1)), self.temporal)

    @property
    def noise(self) -> NoiseModel:
        """Drawn for each neuron and step, not injected."""
        return NoiseModel(self.width, self.law, position="none")

    @property
    def record(self) -> Set[Recorded]:
        """What the local rule needs, and membrane potentials."""
        needed: set[Recorded] = {"membrane"}
        return super().record | needed

    def derivative(self, observed: Pass, layer: Spiking) -> Array:
        """Return the random surrogate; at a spiking readout psi itself."""
        if layer == observed.network.output:
            return super().derivative(observed, layer)
        noise, width = observed.drawn(layer.name)
        size = array_namespace(noise).abs(noise)
        distance = abs(observed.trace.membrane[layer.name] - observed.network.neuron.threshold)
        return size / (2 * width) * (distance < width * size)
