"""The exponents that theory has for the variance of a method, from its claims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gradassay.core.claims import Learns
from gradassay.core.estimator import Estimator
from gradassay.verify.checks.case import claims_of_kind
from gradassay.verify.checks.laws.closed_variance import signal_law
from gradassay.verify.checks.options import noise_or_none
from gradassay.verify.oracles.declared import claimed_momentum

SIGNAL = "(d + k4 - 2) |g|^2"
OFFSET = "d c^2 / alpha^2"
MEMORY = "(1 - lambda) / (1 + lambda)"


@dataclass(frozen=True)
class Theory:
    """An exponent, and the formula that it is from.

    Parameters
    ----------
    exponent : float
        NaN where theory has none.
    source : str
        Formula and condition, for people to read.
    """

    exponent: float
    source: str


NONE = Theory(math.nan, "")


def expected_exponent(
    estimator: Estimator, quantity: str, variable: str, values: Sequence[float]
) -> Theory:
    """Return the exponent of a relative variance in one number; asymptotic, of linear outputs.

    Parameters
    ----------
    estimator : Estimator
        Its claims and noise count.
    quantity : str
        ``noise_variance``, ``batch_variance``, ``state_variance``; of others none.
    variable : str
        As in `ScalingRow`.
    values : sequence of float
        Values of the variable; the law in lambda is a power of 1 - lambda near lambda = 1 alone,
        so that its slope over them is returned.

    References
    ----------
    Xiao et al., arXiv 2407.12516, Proposition 4.1, for d, B and alpha of single point and momentum
    feedback. Nesterov and Spokoiny, "Random gradient-free minimization of convex functions", 2017,
    for d of two points. The factor in lambda and T are derived: docs/variance.md.

    Examples
    --------
    >>> from gradassay.estimators import make_estimator
    >>> expected_exponent(make_estimator("zo_single_point"), "noise_variance", "alpha", [1, 2])
    Theory(exponent=-2.0, source='d c^2 / alpha^2, alpha small')
    """
    if quantity == "batch_variance" and variable == "B":
        return NONE if _learns(estimator) else Theory(-1.0, "mean of B samples")
    model = noise_or_none(estimator)
    if model is None:
        return NONE
    if quantity == "state_variance" and claimed_momentum(estimator) is not None:
        return _of_momentum(model.pairing != "none", variable, values)
    if quantity == "noise_variance" and signal_law(estimator):
        single = signal_law(estimator) == "single_point_variance"
        return _of_draw(single, model.position == "weights", variable)
    return NONE


def _learns(estimator: Estimator) -> bool:
    """Whether feedback is learnt on batches of B samples too, and so changes with B."""
    return any(claim.rule != "nothing" for claim in claims_of_kind(estimator, Learns))


def _of_draw(single: bool, in_weights: bool, variable: str) -> Theory:
    """Return that of one zeroth-order draw."""
    if variable == "d":
        return Theory(1.0, f"{OFFSET} + {SIGNAL}" if single else SIGNAL)
    if variable == "alpha":
        small = f"{OFFSET}, alpha small"
        return Theory(-2.0, small) if single else Theory(0.0, f"{SIGNAL}, where nothing jumps")
    if in_weights:
        return NONE
    if variable == "B":
        return Theory(-1.0, "noise of each sample its own")
    return Theory(-1.0, "T independent terms of size 1 / T") if variable == "T" else NONE


def _of_momentum(paired: bool, variable: str, values: Sequence[float]) -> Theory:
    """Return that of a running average of noise times output."""
    if variable == "d":
        return Theory(1.0, "V = (1 / N) [d (o.e)^2 / alpha^2 + (d + k4 - 2) |J^T e|^2]")
    if variable in ("B", "T"):
        return Theory(-1.0, "V ~ 1 / N, N draws of one update")
    if variable == "alpha":
        told = f"{SIGNAL}, as far as pairs cancel offsets" if paired else "d (o.e)^2 / alpha^2"
        return Theory(0.0 if paired else -2.0, told)
    if variable == "1-lambda" and len(values) > 1:
        return Theory(_slope(values), f"{MEMORY} over these values; 1 near lambda = 1")
    return NONE


def _slope(values: Sequence[float]) -> float:
    """Return the slope of log((1 - lambda) / (1 + lambda)) over log(1 - lambda)."""
    xs = [math.log(value) for value in values]
    ys = [math.log(value / (2 - value)) for value in values]
    mean = sum(xs) / len(xs)
    return sum((x - mean) * y for x, y in zip(xs, ys, strict=True)) / sum(
        (x - mean) ** 2 for x in xs
    )
