"""The conventions in which leaky integrate-and-fire neurons differ, and a neuron that takes any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]

Comparison = Literal[">=", ">"]
Reset = Literal["soft", "hard", "none"]
Moment = Literal["leak", "comparison"]


@dataclass(frozen=True)
class Conventions:
    """How a neuron compares and resets. The defaults are those of the reference.

    With leak a, threshold V, current I and spikes s, the membrane potential before the reset is

    ======== ================= ======================================================
    reset    reset_before      u[t]
    ======== ================= ======================================================
    soft     ``"leak"``        ``a (u[t-1] - V s[t-1-lag]) + I[t]``
    soft     ``"comparison"``  ``a u[t-1] + I[t] - V s[t-1-lag]``
    hard     ``"leak"``        ``a (u[t-1] where not s[t-1-lag], else u_reset) + I[t]``
    hard     ``"comparison"``  ``a u[t-1] + I[t] where not s[t-1-lag], else u_reset``
    none                       ``a u[t-1] + I[t]``
    ======== ================= ======================================================

    Parameters
    ----------
    comparison : {">=", ">"}
        A neuron spikes where ``u >= V``, or ``u > V``.
    reset : {"soft", "hard", "none"}
        Subtract the threshold, set to a value, or leave.
    reset_before : {"leak", "comparison"}
        Whether the reset is applied before the potential leaks and takes in the current of the next
        step, so that what is subtracted is decayed, or after it, so that it is not.
    lag : {0, 1}
        Steps by which the reset comes late.
    several : bool
        A step can have several spikes, ``floor(u / V)``.
    """

    comparison: Comparison = ">="
    reset: Reset = "soft"
    reset_before: Moment = "leak"
    lag: int = 0
    several: bool = False


REFERENCE = Conventions()


def simulate(
    current: Float,
    conventions: Conventions,
    *,
    leak: ArrayLike,
    threshold: ArrayLike = 1.0,
    reset_value: ArrayLike = 0.0,
    initial: ArrayLike = 0.0,
) -> tuple[Float, Float]:
    """Return membrane potentials before the reset, and spikes.

    Parameters
    ----------
    current : array, shape (T, ...)
        I.
    conventions : Conventions
        See there for the equations.
    leak, threshold, reset_value, initial : array, broadcast against ``current[0]``
        a, V, u_reset and u[0].

    Returns
    -------
    membrane, spikes : array, shape (T, ...)

    Examples
    --------
    >>> import numpy as np
    >>> current = np.array([0.5, 0.75, 1.0])
    >>> simulate(current, Conventions(), leak=0.5)[1].tolist()
    [0.0, 1.0, 1.0]
    >>> simulate(current, Conventions(comparison=">"), leak=0.5)[1].tolist()
    [0.0, 0.0, 1.0]
    """
    shape = np.broadcast_shapes(current.shape[1:], np.shape(leak), np.shape(threshold))
    leak, threshold = np.asarray(leak, np.float64), np.asarray(threshold, np.float64)
    u: Float = np.broadcast_to(np.asarray(initial, np.float64), shape)
    quiet = np.zeros(shape)
    membrane, spikes = np.empty((len(current), *shape)), np.empty((len(current), *shape))
    for t, arriving in enumerate(current):
        before = t - 1 - conventions.lag
        fired = spikes[before] if before >= 0 else quiet

        def reset(v: Float, fired: Float = fired) -> Float:
            if conventions.reset == "soft":
                return v - threshold * fired
            return np.where(fired > 0, reset_value, v) if conventions.reset == "hard" else v

        if conventions.reset_before == "leak":
            u = leak * reset(u) + arriving
        else:
            u = reset(leak * u + arriving)
        membrane[t], spikes[t] = u, spikes_of(u, threshold, conventions)
    return membrane, spikes


def after_reset(
    membrane: Float, spikes: Float, conventions: Conventions, threshold: float, reset_value: float
) -> Float:
    """Return membrane potentials after a reset in the same step.

    Parameters
    ----------
    membrane, spikes : array, shape (T, ...)
        Of `simulate`.
    conventions : Conventions
        The kind of reset.
    threshold, reset_value : float
        V and u_reset.
    """
    if conventions.reset == "hard":
        return np.where(spikes > 0, reset_value, membrane)
    return membrane - threshold * spikes if conventions.reset == "soft" else membrane


def spikes_of(u: Float, threshold: Float | float, conventions: Conventions) -> Float:
    """Return the number of spikes of a step.

    Parameters
    ----------
    u : array
        Membrane potentials before the reset.
    threshold : array, broadcast against u
        V.
    conventions : Conventions
        Comparison, and whether there can be several.
    """
    over = u >= threshold if conventions.comparison == ">=" else u > threshold
    if not conventions.several:
        return over.astype(np.float64)
    many: Float = np.floor(u / threshold)
    if conventions.comparison == ">":
        many = np.ceil(u / threshold) - 1
    return np.maximum(many, 0.0)
