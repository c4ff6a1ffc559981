"""Fixed and learnt direct feedback; noise on units against noise on weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from gradassay.core.noise import Law
from gradassay.verify.oracles.zeroth_order_laws import two_point_variance
from gradassay.verify.statistics.moments import Float


def random_feedback_square(units: int, entry_variance: float, error: Float) -> float:
    """Return ``E |B e|^2 = n s^2 |e|^2`` over B with independent entries N(0, s^2).

    Parameters
    ----------
    units : int
        n, rows of B.
    entry_variance : float
        s^2.
    error : array, shape (m,)
        e.

    Examples
    --------
    >>> import numpy as np
    >>> random_feedback_square(10, 0.1, np.array([3.0, 4.0]))
    25.0
    """
    return units * entry_variance * float(error @ error)


def random_feedback_squared_cosine(units: int) -> Any:
    """Return the law of the squared cosine of B e with any fixed vector: Beta(1/2, (n - 1)/2).

    ``B e`` is a normal vector of independent entries of equal variance, so its direction is uniform
    on the sphere; the mean is 1/n.

    Parameters
    ----------
    units : int
        n, at least 2.

    Returns
    -------
    scipy.stats.rv_frozen

    Examples
    --------
    >>> float(random_feedback_squared_cosine(4).mean())
    0.25
    """
    return stats.beta(0.5, (units - 1) / 2)


def kolen_pollack_gap(gap: Float, *, step: float, decay: float, updates: int) -> Float:
    """Return ``B_k - W_k^T = (1 - step decay)^k (B_0 - W_0^T)``.

    The same increment goes to feedback and, transposed, to the weight; the decay of both shrinks
    what is left between them.

    Parameters
    ----------
    gap : array, shape (n, m)
        ``B_0 - W_0^T``.
    step, decay : float
        Learning rate and weight decay of both.
    updates : int
        k.

    References
    ----------
    Kolen and Pollack, "Backpropagation without weight transport", 1994.
    """
    return (1 - step * decay) ** updates * gap


def node_perturbation_variance(law: Law, signals: Float, inputs: Float) -> float:
    """Return the variance of ``(1/B) sum_b z_b (z_b.g_b) x_b^T``, each sample with its own z.

    ``(n + k4 - 2) / B^2 sum_b |g_b|^2 |x_b|^2`` for independent entries.

    Parameters
    ----------
    law : str
        Noise law.
    signals : array, shape (B, n)
        g_b, derivative of the sample's loss by the outputs of the linear layer.
    inputs : array, shape (B, p)
        x_b; a bias counts as an input of 1.

    Examples
    --------
    >>> import numpy as np
    >>> node_perturbation_variance("gaussian", np.array([[1.0, 0.0]]), np.array([[2.0]]))
    12.0
    """
    squares = (inputs**2).sum(axis=1)
    draws = [two_point_variance(law, g) * x for g, x in zip(signals, squares, strict=True)]
    return float(sum(draws)) / len(signals) ** 2


def weight_perturbation_variance(law: Law, signals: Float, inputs: Float) -> float:
    """Return the variance of ``Z <Z, dW>``, one perturbation Z of all weights for the batch.

    ``(n p + k4 - 2) |dW|^2``, with the mean gradient ``dW = (1/B) sum_b g_b x_b^T``.

    Parameters
    ----------
    law, signals, inputs
        As in `node_perturbation_variance`.

    Examples
    --------
    >>> import numpy as np
    >>> weight_perturbation_variance("gaussian", np.array([[1.0, 0.0]]), np.array([[2.0]]))
    12.0
    """
    mean = np.asarray(signals.T @ inputs / len(signals))
    return two_point_variance(law, mean)
