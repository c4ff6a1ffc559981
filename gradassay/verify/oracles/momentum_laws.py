"""Mean, variance and direction of momentum feedback, from noise times output.

A linear network has outputs ``o + J x`` where its layer's activity is moved by x. One update of the
feedback averages N independent draws,

    Z = (1/N) sum_n z_n (o_n + alpha J z_n)^T / alpha          M_k = lambda M_{k-1} + (1 - lambda) Z

z_n with d entries, M_0 = 0. Where noise is paired with its opposite, N counts pairs, and the offset
of a pair is half the difference of its two clean outputs: see `paired_offsets`.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from gradassay.core.errors import ConfigurationError, unknown_name
from gradassay.core.noise import Law, Pairing
from gradassay.verify.oracles.zeroth_order_laws import single_point_variance
from gradassay.verify.statistics.moments import Float


def paired_offsets(outputs: Float, pairing: Pairing) -> Float:
    """Return the offset of every independent draw, the part of the output that carries no noise.

    ``(o - o') / 2`` for the two members of a pair: it vanishes where the clean outputs agree, not
    because the signs are opposite (two steps of a spiking network need not agree).

    Parameters
    ----------
    outputs : array, shape (T, B, m)
        Clean outputs.
    pairing : {"none", "time", "batch"}
        Which outputs see opposite noise.

    Returns
    -------
    array, shape (N, m)
        N is T B, or half of that.

    Raises
    ------
    ConfigurationError
        If one member of the last pair is missing: the draws would have unequal weights.

    Examples
    --------
    >>> import numpy as np
    >>> paired_offsets(np.array([[[1.0]], [[4.0]]]), "time").tolist()
    [[-1.5]]
    """
    steps, samples, classes = outputs.shape
    if pairing == "none":
        return outputs.reshape(-1, classes)
    axis = 0 if pairing == "time" else 1
    if outputs.shape[axis] % 2:
        raise ConfigurationError(
            f"outputs: got {steps} steps of {samples} samples with pairing {pairing!r}; expected an"
            " even number of those that are paired."
        )
    if pairing == "time":
        first, second = outputs[0::2], outputs[1::2]
    else:
        first, second = outputs[:, : samples // 2], outputs[:, samples // 2 :]
    offsets: Float = ((first - second) / 2).reshape(-1, classes)
    return offsets


def feedback_variance(
    law: Law, jacobian: Float, error: Float, *, offsets: Float, alpha: float
) -> float:
    """Return V, the variance of ``Z e`` for a fixed error e.

    ``(1/N^2) sum_n [d (o_n . e)^2 / alpha^2 + (d + k4 - 2) |J^T e|^2]``, independent entries.

    Parameters
    ----------
    law : str
        Noise law.
    jacobian : array, shape (m, d)
        J.
    error : array, shape (m,)
        e.
    offsets : array, shape (N, m)
        o_n, one for each independent draw.
    alpha : float
        Noise scale.

    Examples
    --------
    >>> import numpy as np
    >>> feedback_variance(
    ...     "rademacher", np.array([[3.0, 4.0]]), np.ones(1), offsets=np.ones((1, 1)), alpha=0.5
    ... )
    33.0
    """
    signal = jacobian.T @ error
    draws = [
        single_point_variance(law, signal, offset=float(offset @ error), alpha=alpha)
        for offset in offsets
    ]
    return sum(draws) / len(offsets) ** 2


def feedback_total_variance(law: Law, jacobian: Float, *, offsets: Float, alpha: float) -> float:
    """Return v, the sum of the variances of the entries of Z.

    ``(1/N^2) sum_n [d |o_n|^2 / alpha^2 + (d + k4 - 2) |J|_F^2]``: `feedback_variance` summed over
    the errors of one class each.

    Parameters
    ----------
    law, jacobian, offsets, alpha
        As in `feedback_variance`.
    """
    classes = np.eye(len(jacobian))
    return sum(
        feedback_variance(law, jacobian, error, offsets=offsets, alpha=alpha) for error in classes
    )


def momentum_mean(
    jacobian: Float, *, momentum: float, updates: int, corrected: bool = True
) -> Float:
    """Return ``E M_k = (1 - lambda^k) J^T``; with the correction of the start ``J^T``.

    Parameters
    ----------
    jacobian : array, shape (m, d)
        J: the mean of Z, transposed.
    momentum : float
        lambda in [0, 1).
    updates : int
        k, at least 1.
    corrected : bool
        Divide by ``1 - lambda^k``.

    Returns
    -------
    array, shape (d, m)
    """
    mean: Float = jacobian.T if corrected else (1 - momentum**updates) * jacobian.T
    return mean


def momentum_variance(
    draw_variance: float, *, momentum: float, updates: int, corrected: bool = True
) -> float:
    """Return the variance of ``M_k e``, from V, that of ``Z e``.

    ``(1 - lambda)(1 - lambda^2k) / (1 + lambda) V``, over ``(1 - lambda^k)^2`` with the correction.

    Parameters
    ----------
    draw_variance : float
        V of `feedback_variance`; or v of `feedback_total_variance`, for the sum over entries.
    momentum, updates, corrected
        As in `momentum_mean`.

    Examples
    --------
    >>> momentum_variance(6.0, momentum=0.5, updates=1, corrected=False)
    1.5
    >>> momentum_variance(6.0, momentum=0.5, updates=1)
    6.0
    """
    factor = (1 - momentum) * (1 - momentum ** (2 * updates)) / (1 + momentum)
    if corrected:
        factor /= (1 - momentum**updates) ** 2
    return factor * draw_variance


def momentum_squared_cosine(
    total_variance: float, jacobian: Float, *, momentum: float, updates: int
) -> float:
    """Return the squared cosine of M_k and J^T where d is large.

    ``1 / (1 + v (1 - lambda)(1 + lambda^k) / ((1 + lambda)(1 - lambda^k) |J|_F^2))``: exactly,
    ``(E <M, J^T>)^2 / (|J|^2 E |M|^2)``. The mean of the squared cosine is beside it by an order of
    ``1 / d``: where all offsets are the same, ``|M|^2`` is spread like a chi-square of d degrees.

    Parameters
    ----------
    total_variance : float
        v of `feedback_total_variance`.
    jacobian, momentum, updates
        As in `momentum_mean`.

    Examples
    --------
    >>> import numpy as np
    >>> momentum_squared_cosine(1.0, np.ones((1, 1)), momentum=0.0, updates=1)
    0.5
    """
    spread = momentum_variance(total_variance, momentum=momentum, updates=updates)
    return 1 / (1 + spread / float((jacobian**2).sum()))


def single_pass_mean(
    jacobian: Float, output: Float, target: Float, *, momentum: float = 0.0, samples: int = 1
) -> Float:
    """Return the mean of M e, less what M held before, e at the noisy output that is in M.

    ``E[Z e~] = J^T (o - y) + (1/N) J^T o`` for ``e~ = o~ - y``, times ``1 - lambda``. With one draw
    that is ``J^T (2 o - y)``, not ``J^T (o - y)``: the product rule reaches the error too. None of
    this where M is used before its update.

    Parameters
    ----------
    jacobian : array, shape (m, d)
        J, the same for all draws.
    output, target : array, shape (m,)
        o, the clean output of this sample, and y. (MSE over m classes: times ``2 / m``.)
    momentum : float
        lambda.
    samples : int
        N, draws averaged into Z.

    Returns
    -------
    array, shape (d,)
    """
    mean: Float = (1 - momentum) * (jacobian.T @ (output - target + output / samples))
    return mean


def feedback_mean(
    jacobians: Float, *, pairing: Pairing, output: Literal["step", "sequence"] = "step"
) -> Float:
    """Return ``E Z``, to first order in alpha, for Z averaged over the T steps of a sequence.

    With J[s, t] the derivative of the output of step s by the activity at step t: a step without a
    partner adds ``J[t, t] / T``; a pair of opposite noise adds
    ``(J[t, t] + J[t+1, t+1] - J[t+1, t]) / T``, and the lagged term is 0 only where nothing above
    the layer has memory. With the sum of all steps' outputs in place of the step's own, a step adds
    ``sum_s J[s, t] / T``; pairs over time then leave ``sum_s (J[s, t] - J[s, t+1])`` at one step
    and its negative at the other, no signal once both see the same error, and are refused.

    Parameters
    ----------
    jacobians : array, shape (T, T, m, d)
        J[s, t].
    pairing : {"none", "time", "batch"}
        Over the halves of the batch there is no lag: as ``"none"`` for each sample.
    output : {"step", "sequence"}
        Which outputs the noise of a step is multiplied with.

    Returns
    -------
    array, shape (d, m)

    Raises
    ------
    UsageError
        If there is no such output.
    ConfigurationError
        If noise is paired over time with the outputs of the sequence.
    """
    if output not in ("step", "sequence"):
        raise unknown_name("output", output, ("step", "sequence"))
    steps = len(jacobians)
    if output == "sequence":
        _require_independent(pairing)
        total: Float = jacobians.sum(axis=(0, 1)).T / steps
        return total
    own = sum(jacobians[t, t] for t in range(steps))
    if pairing == "time":
        own = own - sum(jacobians[t + 1, t] for t in range(0, steps - 1, 2))
    mean: Float = np.asarray(own).T / steps
    return mean


def _require_independent(pairing: Pairing) -> None:
    if pairing not in get_args(Pairing) or pairing == "time":
        raise ConfigurationError(
            f"pairing: got {pairing!r} with output='sequence'; expected 'none' or 'batch': opposite"
            " noise in a pair of steps cancels."
        )
