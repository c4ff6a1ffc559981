"""Closed forms that estimators must meet on problems where there are any.

The names that `gradassay.core.claims.VarianceLaw` uses are functions of this module:

==================================== ==============================================================
`zeroth_order_laws`                  variance on linear and quadratic losses
`momentum_laws`                      momentum feedback: mean, variance, direction, pairs over time
`feedback_laws`                      random and learnt feedback; node against weight perturbation
`single_neuron_laws`                 one spike under noise; expected surrogates
==================================== ==============================================================

All are NumPy float64. They are tested against the zoo: exactly, over all signs, where the noise is
Rademacher, and within intervals elsewhere.
"""

from __future__ import annotations

from gradassay.verify.oracles.feedback_laws import (
    kolen_pollack_gap,
    node_perturbation_variance,
    random_feedback_square,
    random_feedback_squared_cosine,
    weight_perturbation_variance,
)
from gradassay.verify.oracles.momentum_laws import (
    feedback_mean,
    feedback_total_variance,
    feedback_variance,
    momentum_mean,
    momentum_squared_cosine,
    momentum_variance,
    paired_offsets,
    single_pass_mean,
)
from gradassay.verify.oracles.single_neuron_laws import (
    expected_surrogate,
    spike_mean,
    spike_variance,
)
from gradassay.verify.oracles.zeroth_order_laws import (
    curvature_mean,
    curvature_square,
    even_moments,
    kurtosis,
    quadratic_variance,
    single_point_variance,
    two_point_covariance,
    two_point_variance,
)

__all__ = [
    "curvature_mean",
    "curvature_square",
    "even_moments",
    "expected_surrogate",
    "feedback_mean",
    "feedback_total_variance",
    "feedback_variance",
    "kolen_pollack_gap",
    "kurtosis",
    "momentum_mean",
    "momentum_squared_cosine",
    "momentum_variance",
    "node_perturbation_variance",
    "paired_offsets",
    "quadratic_variance",
    "random_feedback_square",
    "random_feedback_squared_cosine",
    "single_pass_mean",
    "single_point_variance",
    "spike_mean",
    "spike_variance",
    "two_point_covariance",
    "two_point_variance",
    "weight_perturbation_variance",
]
