"""What planning asks of an estimator: variants, noise, a first state; whatever it raises."""

from __future__ import annotations

import dataclasses

from gradassay.core.errors import GradassayError
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.noise import NoiseModel
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.small_problems import SmallProblem


def with_options(estimator: Estimator, **options: object) -> Estimator | None:
    """Return the estimator with other options; None if it does not have them."""
    if not dataclasses.is_dataclass(estimator) or isinstance(estimator, type):
        return None
    if not set(options) <= {field.name for field in dataclasses.fields(estimator)}:
        return None
    return dataclasses.replace(estimator, **options)


def with_dyadic_signs(estimator: Estimator) -> Estimator:
    """Return the estimator, its noise scaled by 1/4 where it draws signs.

    With weights that are binary fractions, another scale could put a membrane potential within
    rounding of the threshold, where two orders of summation may differ.
    """
    model = noise_or_none(estimator)
    signs = model is not None and model.law == "rademacher"
    return (varied(estimator, alpha=0.25) if signs else None) or estimator


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


def accepts(estimator: Estimator, problem: SmallProblem) -> bool:
    """Whether the estimator can train the problem's network, as far as it says."""
    try:
        estimator.init(ReferenceBackend(), problem.network, Key(0))
    except GradassayError:
        return False
    except Exception:  # a third party's code: the checks find it too, and say so
        return True
    return True
