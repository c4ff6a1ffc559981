"""Variants and states of an estimator, for planning: whatever it raises, it is then not planned."""

from __future__ import annotations

from gradassay.core.claims import MomentumFeedback
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.noise import NoiseModel
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import claims_of
from gradassay.verify.checks.options import with_options
from gradassay.verify.oracles.small_problems import SmallProblem


def noise_or_none(estimator: Estimator) -> NoiseModel | None:
    """Return an estimator's noise; None where asking for it fails, which other checks report."""
    try:
        return estimator.noise
    except Exception:  # a third party's code
        return None


def varied(estimator: Estimator, **options: object) -> Estimator | None:
    """Return the estimator with other options; None if it does not have or take them."""
    try:
        return with_options(estimator, **options)
    except Exception:  # a third party's code, or an option that does not go with another
        return None


def fresh_state(estimator: Estimator, problem: SmallProblem) -> State | None:
    """Return the state before the first estimate; None where the estimator cannot make one."""
    try:
        return estimator.init(ReferenceBackend(), problem.network, Key(0))
    except Exception:  # a third party's code: the checks find it too, and say so
        return None


def has_momentum_law(estimator: Estimator) -> bool:
    """Whether momentum feedback with noise on the spikes is claimed."""
    model = noise_or_none(estimator)
    claimed = any(isinstance(claim, MomentumFeedback) for claim in claims_of(estimator))
    return claimed and model is not None and model.position == "spike"


def unfrozen(estimator: Estimator) -> Estimator:
    """Return the estimator without a warm-up and a freezing, which are no part of any law."""
    return varied(estimator, warm_up=0, freeze_after=None) or estimator
