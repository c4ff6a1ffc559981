"""Variances of zeroth-order and forward-gradient draws on linear and quadratic losses.

The noise z has d entries of mean 0 and ``E[z z^T] = I``. Its laws are even in each coordinate and
the same in every order of the coordinates, so that five numbers hold all moments up to the sixth:
``E z_i^4``, ``E z_i^2 z_j^2``, ``E z_i^6``, ``E z_i^4 z_j^2`` and ``E z_i^2 z_j^2 z_k^2``. The
forms for all laws at once are derived from these here. On the sphere the entries depend on each
other, and each layer, step and sample has a sphere of its own: there the forms hold for the noise
of one layer alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from gradassay.core.errors import ConfigurationError, unknown_name
from gradassay.core.noise import Law
from gradassay.verify.statistics.moments import Float

Form = Literal["central", "forward", "single"]

# E z^4 and E z^6 of the laws of independent entries of variance 1
_FOURTH_AND_SIXTH: dict[str, tuple[float, float]] = {
    "gaussian": (3.0, 15.0),
    "rademacher": (1.0, 1.0),
    "uniform": (9 / 5, 27 / 7),
    "laplace": (6.0, 90.0),
}


@dataclass(frozen=True)
class EvenMoments:
    """Moments of different coordinates of the noise, named after their powers.

    Parameters
    ----------
    four, two_two : float
        ``E z_i^4``, ``E z_i^2 z_j^2``.
    six, four_two, two_two_two : float
        ``E z_i^6``, ``E z_i^4 z_j^2``, ``E z_i^2 z_j^2 z_k^2``.
    """

    four: float
    two_two: float
    six: float
    four_two: float
    two_two_two: float


def even_moments(law: Law, d: int) -> EvenMoments:
    """Return the moments of a noise law in d dimensions.

    Parameters
    ----------
    law : str
        As `gradassay.core.noise.NoiseModel` has them.
    d : int
        Dimension; only the sphere's moments depend on it.

    Raises
    ------
    UsageError
        If there is no such law.
    ConfigurationError
        If d < 1.
    """
    if law not in get_args(Law):
        raise unknown_name("noise law", law, get_args(Law))
    if d < 1:
        raise ConfigurationError(f"d: got {d}; expected a dimension of at least 1.")
    if law == "sphere":
        pair, triple = d / (d + 2), d**2 / ((d + 2) * (d + 4))
        return EvenMoments(3 * pair, pair, 15 * triple, 3 * triple, triple)
    four, six = _FOURTH_AND_SIXTH[law]
    return EvenMoments(four, 1.0, six, four, 1.0)


def kurtosis(law: Law, d: int) -> float:
    """Return ``k4 = E z_i^4`` of a coordinate of the noise.

    Parameters
    ----------
    law, d
        As in `even_moments`. Sphere of radius sqrt(d): ``3 d / (d + 2)``.

    Examples
    --------
    >>> kurtosis("gaussian", 5), kurtosis("rademacher", 5), kurtosis("sphere", 1)
    (3.0, 1.0, 1.0)
    """
    return even_moments(law, d).four


def two_point_covariance(law: Law, gradient: Float) -> Float:
    """Return the covariance of ``z (z.g)``.

    That is the draw of a forward gradient, of a central or forward difference on a linear loss
    ``c + g . x``, and of a central difference on a quadratic one. For independent entries
    ``|g|^2 I + g g^T + (k4 - 3) diag(g_i^2)``; in general, with ``p = E z_i^2 z_j^2``,
    ``p (|g|^2 I + 2 g g^T) + (k4 - 3 p) diag(g_i^2) - g g^T`` (derived).

    Parameters
    ----------
    law : str
        Noise law.
    gradient : array, shape (d,)
        g.

    Returns
    -------
    array, shape (d, d)

    Examples
    --------
    >>> import numpy as np
    >>> two_point_covariance("rademacher", np.array([2.0, 1.0])).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    moments = even_moments(law, len(gradient))
    outer = np.outer(gradient, gradient)
    isotropic = moments.two_two * (float(gradient @ gradient) * np.eye(len(gradient)) + 2 * outer)
    excess = (moments.four - 3 * moments.two_two) * np.diag(gradient**2)
    covariance: Float = isotropic + excess - outer
    return covariance


def two_point_variance(law: Law, gradient: Float) -> float:
    """Return the trace of `two_point_covariance`.

    ``(d + k4 - 2) |g|^2`` for independent entries, ``(d - 1) |g|^2`` on the sphere.

    Parameters
    ----------
    law : str
        Noise law.
    gradient : array, any shape, d entries
        g.

    Examples
    --------
    >>> import numpy as np
    >>> two_point_variance("gaussian", np.array([3.0, 4.0]))
    75.0
    """
    d, moments = gradient.size, even_moments(law, gradient.size)
    return (moments.four + (d - 1) * moments.two_two - 1) * float((gradient**2).sum())


def single_point_variance(law: Law, gradient: Float, *, offset: float, alpha: float) -> float:
    """Return the variance of ``z (c + alpha g.z) / alpha``, a single point on a linear loss.

    ``two_point_variance + d c^2 / alpha^2``.

    Parameters
    ----------
    law : str
        Noise law.
    gradient : array, any shape, d entries
        g.
    offset : float
        c, the unperturbed loss less a baseline where there is one.
    alpha : float
        Noise scale.

    Examples
    --------
    >>> import numpy as np
    >>> single_point_variance("rademacher", np.array([3.0, 4.0]), offset=1.0, alpha=0.5)
    33.0
    """
    return two_point_variance(law, gradient) + gradient.size * (offset / alpha) ** 2


def curvature_square(law: Law, hessian: Float) -> float:
    """Return ``Q = E[|z|^2 (z^T H z)^2]``.

    With t the trace, F and O the sums of squares of all and of the off-diagonal entries: Gaussian
    ``(d + 4)(2 F + t^2)``, Rademacher ``d (t^2 + 2 O)``, sphere ``d^2 / (d + 2) (2 F + t^2)``. For
    any law, with moments p42 = E z_i^4 z_j^2 and p222 (derived):
    ``(2 p42 + (d - 2) p222)(t^2 + 2 O) + (k6 + (d - 3) p42 - (d - 2) p222) sum_i H_ii^2``.

    Parameters
    ----------
    law : str
        Noise law.
    hessian : array, shape (d, d)
        H, symmetric.

    Examples
    --------
    >>> import numpy as np
    >>> curvature_square("gaussian", np.eye(2))
    48.0
    """
    d, moments = len(hessian), even_moments(law, len(hessian))
    diagonal = float((np.diag(hessian) ** 2).sum())
    apart = float((hessian**2).sum()) - diagonal
    pairs = 2 * moments.four_two + (d - 2) * moments.two_two_two
    single = moments.six + (d - 1) * moments.four_two - pairs
    return pairs * (float(np.trace(hessian)) ** 2 + 2 * apart) + single * diagonal


def curvature_mean(law: Law, hessian: Float) -> float:
    """Return ``R = E[|z|^2 z^T H z] = (k4 + (d - 1) E z_i^2 z_j^2) tr H``.

    Gaussian ``(d + 2) t``; Rademacher and sphere ``d t``.

    Parameters
    ----------
    law, hessian
        As in `curvature_square`.

    Examples
    --------
    >>> import numpy as np
    >>> curvature_mean("gaussian", np.eye(2))
    8.0
    """
    d, moments = len(hessian), even_moments(law, len(hessian))
    return (moments.four + (d - 1) * moments.two_two) * float(np.trace(hessian))


def quadratic_variance(
    law: Law, gradient: Float, hessian: Float, *, form: Form, alpha: float, offset: float = 0.0
) -> float:
    """Return the variance of a zeroth-order draw on ``L = c + g.x + x^T H x / 2`` at x = 0.

    ======= ========================= ==================================================
    form    draw                      variance beyond `two_point_variance`
    ======= ========================= ==================================================
    central ``z (L+ - L-)/(2 alpha)`` 0
    forward ``z (L+ - L0) / alpha``   ``alpha^2 Q / 4``
    single  ``z L+ / alpha``          ``alpha^2 Q / 4 + d c^2 / alpha^2 + c R``
    ======= ========================= ==================================================

    The mean of all three is g.

    Parameters
    ----------
    law : str
        Noise law.
    gradient : array, shape (d,)
        g.
    hessian : array, shape (d, d)
        H, symmetric.
    form : {"central", "forward", "single"}
        The draw.
    alpha : float
        Noise scale.
    offset : float
        c, the unperturbed loss; of the single point alone.

    Raises
    ------
    UsageError
        If there is no such form.

    Examples
    --------
    >>> import numpy as np
    >>> quadratic_variance("gaussian", np.zeros(2), np.eye(2), form="forward", alpha=0.5)
    3.0
    """
    if form not in get_args(Form):
        raise unknown_name("form", form, get_args(Form))
    variance = two_point_variance(law, gradient)
    if form == "central":
        return variance
    variance += alpha**2 / 4 * curvature_square(law, hessian)
    if form == "forward":
        return variance
    return variance + len(gradient) * (offset / alpha) ** 2 + offset * curvature_mean(law, hessian)
