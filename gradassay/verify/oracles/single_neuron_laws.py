"""One spike: noise on its membrane potential, and the random surrogate of LocalZO."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from scipy import special, stats

from gradassay.core.errors import ConfigurationError, unknown_name
from gradassay.core.noise import Law
from gradassay.verify.statistics.moments import Float

SpikeForm = Literal["single", "central"]


def spike_mean(distance: Float, *, alpha: float) -> Float:
    """Return the mean of ``z s / alpha``, Gaussian noise ``alpha z`` on the membrane potential.

    ``phi(q) / alpha``, ``q = (V_th - u) / alpha``: the zeroth-order estimate of one spike is a
    Gaussian surrogate derivative. The central difference ``z (s+ - s-) / (2 alpha)`` has the same.

    Parameters
    ----------
    distance : array
        ``V_th - u``.
    alpha : float
        Noise scale.
    """
    mean: Float = stats.norm.pdf(np.asarray(distance) / alpha) / alpha
    return mean


def spike_variance(distance: Float, *, alpha: float, form: SpikeForm = "single") -> Float:
    """Return the variance of the same draw, Q the upper tail of the normal law.

    ======= ============================================================
    form    variance times alpha^2
    ======= ============================================================
    single  ``Q(q) + q phi(q) - phi(q)^2``
    central ``(Q(|q|) + |q| phi(q)) / 2 - phi(q)^2``
    ======= ============================================================

    Parameters
    ----------
    distance, alpha
        As in `spike_mean`.
    form : {"single", "central"}
        ``z s / alpha`` or ``z (s+ - s-) / (2 alpha)``.

    Raises
    ------
    UsageError
        If there is no such form.
    """
    if form not in get_args(SpikeForm):
        raise unknown_name("form", form, get_args(SpikeForm))
    q = np.asarray(distance) / alpha
    place = q if form == "single" else np.abs(q)
    density = stats.norm.pdf(q)
    second_moment = stats.norm.sf(place) + place * density
    if form == "central":
        second_moment = second_moment / 2
    variance: Float = (second_moment - density**2) / alpha**2
    return variance


def expected_surrogate(
    law: Law, distance: Float, *, width: float, units: int | None = None
) -> Float:
    """Return the mean of LocalZO's surrogate, ``|z| / (2 delta)`` where ``|u - V_th| < delta |z|``.

    ``(1 / delta) int_w^inf z p(z) dz`` with p the density of z, ``w = |u - V_th| / delta``:

    ========== =========================================================
    law        expected surrogate times delta
    ========== =========================================================
    gaussian   ``phi(w)``
    rademacher ``1/2`` where w < 1, else 0
    uniform    ``(3 - w^2)_+ / (4 sqrt 3)``
    laplace    ``(w + b) exp(-w / b) / 2``, b = 1 / sqrt 2
    sphere     ``C n / (n - 1) (1 - w^2 / n)_+^((n - 1) / 2)``,
               C = Gamma(n/2) / (sqrt(pi n) Gamma((n - 1)/2))  (derived)
    ========== =========================================================

    Parameters
    ----------
    law : str
        Law of z.
    distance : array
        ``u - V_th``, of either sign.
    width : float
        delta.
    units : int or None
        n, units of the layer, at least 2; of the sphere alone.

    Raises
    ------
    UsageError
        If there is no such law.
    ConfigurationError
        If the sphere's dimension is missing or less than 2.

    References
    ----------
    Mukhoty et al., "Direct Training of SNN using Local Zeroth Order Method", 2023.

    Examples
    --------
    >>> import numpy as np
    >>> expected_surrogate("rademacher", np.array([0.2, -0.6]), width=0.5).tolist()
    [1.0, 0.0]
    """
    place = np.abs(np.asarray(distance)) / width
    if law == "gaussian":
        scaled = stats.norm.pdf(place)
    elif law == "rademacher":
        scaled = np.where(place < 1, 0.5, 0.0)
    elif law == "uniform":
        scaled = np.clip(3 - place**2, 0, None) / (4 * math.sqrt(3))
    elif law == "laplace":
        scale = math.sqrt(0.5)
        scaled = (place + scale) * np.exp(-place / scale) / 2
    elif law == "sphere":
        scaled = _sphere_tail(place, units)
    else:
        raise unknown_name("noise law", law, get_args(Law))
    surrogate: Float = scaled / width
    return surrogate


def _sphere_tail(place: Float, units: int | None) -> Float:
    """Return ``int_w z p(z) dz`` of one coordinate on the sphere of radius sqrt(n)."""
    if units is None or units < 2:
        raise ConfigurationError(f"units: got {units!r}; expected the sphere's dimension, >= 2.")
    log_constant = special.gammaln(units / 2) - special.gammaln((units - 1) / 2)
    factor = math.exp(log_constant) / math.sqrt(math.pi * units) * units / (units - 1)
    inside: Float = np.clip(1 - place**2 / units, 0, None)
    return factor * inside ** ((units - 1) / 2)
