"""Specification of the leaky integrate-and-fire neuron and of its surrogate derivative."""

from __future__ import annotations

import math
from typing import Literal, get_args

from gradassay.core.errors import unknown_name
from gradassay.core.layers import Spec, require

Reset = Literal["soft", "hard", "none"]
SurrogateKind = Literal["sigmoid", "arctan", "triangle", "rectangle", "superspike", "gaussian"]


class Surrogate(Spec, frozen=True):
    """The surrogate derivative psi of a spike, and the smooth function S whose derivative it is.

    With ``x = u - V_th`` and the scale k per unit of membrane potential:

    ========== ============================================ =====================================
    kind       psi                                          S
    ========== ============================================ =====================================
    sigmoid    ``k sig(k x) (1 - sig(k x))``                ``sig(k x)``
    arctan     ``(k / 2) / (1 + (pi k x / 2)^2)``           ``arctan(pi k x / 2) / pi + 1/2``
    triangle   ``k max(0, 1 - k |x|)``                      ``1/2 + y - y |y| / 2``,
                                                            y = k x limited to [-1, 1]
    rectangle  ``k`` where ``|x| < 1 / (2 k)``, else 0      ``k x + 1/2``, limited to [0, 1]
    superspike ``1 / (1 + k |x|)^2``                        ``x / (1 + k |x|) + 1/2``
    gaussian   ``k exp(-(k x)^2 / 2) / sqrt(2 pi)``         standard normal distribution at k x
    ========== ============================================ =====================================

    Parameters
    ----------
    kind : str
        One of the above.
    scale : float
        k. For the sigmoid at k = 4 the peak is 1.

    References
    ----------
    SuperSpike: Zenke and Ganguli, 2018. Arctan: Fang et al., 2021.
    """

    kind: SurrogateKind = "sigmoid"
    scale: float = 4.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(SurrogateKind):
            raise unknown_name("surrogate", self.kind, get_args(SurrogateKind))
        require(0 < self.scale < math.inf, "surrogate scale", self.scale, "a positive number")


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
        require(0 <= self.leak <= 1, "leak", self.leak, "a number in [0, 1]")
        require(0 < self.threshold < math.inf, "threshold", self.threshold, "a positive number")
        if self.reset not in get_args(Reset):
            raise unknown_name("reset", self.reset, get_args(Reset))
