"""Subjects of laws about momentum feedback."""

from __future__ import annotations

from gradassay.core.claims import MomentumFeedback
from gradassay.core.estimator import Estimator
from gradassay.verify.checks.case import claims_of_kind
from gradassay.verify.checks.options import noise_or_none, varied


def has_momentum_law(estimator: Estimator) -> bool:
    """Whether momentum feedback with noise on the spikes is claimed."""
    model = noise_or_none(estimator)
    claimed = bool(claims_of_kind(estimator, MomentumFeedback))
    return claimed and model is not None and model.position == "spike"


def unfrozen(estimator: Estimator) -> Estimator:
    """Return the estimator without a warm-up and a freezing, which are no part of any law."""
    return varied(estimator, warm_up=0, freeze_after=None) or estimator
