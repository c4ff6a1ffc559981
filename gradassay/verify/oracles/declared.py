"""What an estimator says of itself: the zoo's method behind it, its noise, its local rule."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Literal

from gradassay.core.claims import Estimand, MomentumFeedback, UnbiasedFor
from gradassay.core.estimator import Estimator
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.hybrid import Hybrid

Temporal = Literal["online", "spatial", "local_bptt"]
Traces = Literal["clean", "received"]


@dataclass(frozen=True)
class LocalRule:
    """How a signal at the spikes becomes a weight gradient.

    Parameters
    ----------
    temporal : {"online", "spatial", "local_bptt"}
        As `gradassay.estimators.temporal` has it.
    traces : {"clean", "received"}
        Presynaptic activity without or with the noise of the pass.
    reset_gradient : bool
        Keep the gradient through the reset; means something exact in time only.
    """

    temporal: Temporal = "online"
    traces: Traces = "clean"
    reset_gradient: bool = False


def as_declared(estimator: Estimator) -> Estimator:
    """Return the zoo's own method with an estimator's options, where the estimator derives from it.

    A subclass may override anything; an oracle is computed for what the method and its options say.
    An estimator that derives from none of the zoo's is returned as it is.
    """
    kind = next((k for k in type(estimator).__mro__ if k in _zoo()), None)
    if kind is None or kind is type(estimator):
        return estimator
    options = {f.name: getattr(estimator, f.name) for f in dataclasses.fields(kind)}
    declared: Estimator = kind(**options)
    return declared


@functools.cache
def _zoo() -> frozenset[type]:
    """Return the classes of the zoo, and that of sums."""
    return frozenset({*(type(make_estimator(name)) for name in zoo_names()), Hybrid})


def claimed_estimand(estimator: Estimator) -> Estimand | None:
    """Return what the mean of the estimate is said to be, if anything."""
    claims = [claim for claim in estimator.claims if isinstance(claim, UnbiasedFor)]
    return claims[0].estimand if claims else None


def claimed_momentum(estimator: Estimator) -> MomentumFeedback | None:
    """Return the claim about feedback matrices that are running averages, if there is one."""
    return next((c for c in estimator.claims if isinstance(c, MomentumFeedback)), None)


def local_rule(estimator: Estimator) -> LocalRule:
    """Return the local rule that the options say."""
    return LocalRule(
        getattr(estimator, "temporal", "online"),
        getattr(estimator, "traces", "clean"),
        getattr(estimator, "reset_gradient", False),
    )
