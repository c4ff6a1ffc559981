"""What an estimator says of itself: the zoo's method behind it, its noise, its local rule."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

from gradassay.core.claims import Estimand, MomentumFeedback, UnbiasedFor
from gradassay.core.estimator import Estimator, State
from gradassay.core.noise import NoiseModel
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.hybrid import Hybrid
from gradassay.estimators.temporal import Temporal, Traces


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


def momentum_claim(estimator: Estimator) -> MomentumFeedback:
    """Return the claim about running averages, which there must be."""
    claim = claimed_momentum(estimator)
    if claim is None:
        raise ValueError(f"{estimator.name} claims no momentum feedback")
    return claim


def noise_model(estimator: Estimator) -> NoiseModel:
    """Return an estimator's noise, which it must have."""
    model = estimator.noise
    if model is None:
        raise ValueError(f"{estimator.name} draws no noise; expected some for what it claims")
    return model


def meets_sequence(estimator: Estimator) -> bool:
    """Whether the options of momentum feedback multiply noise with the outputs of all steps."""
    return getattr(estimator, "output", "step") == "sequence"


def is_frozen(estimator: Estimator, state: State) -> bool:
    """Whether the options of momentum feedback end its updates before this state."""
    after: int | None = getattr(estimator, "freeze_after", None)
    return after is not None and int(state["updates"]) >= after


def is_asleep(estimator: Estimator, state: State) -> bool:
    """Whether the gradient is 0, that of a whole sum too, because M is not warm yet."""
    warm_up: int = getattr(estimator, "warm_up", 0)
    return warm_up > 0 and int(state["updates"]) < warm_up


def warm_ups(estimator: Estimator) -> dict[str, int]:
    """Return how many updates the options let the weights rest for, by the count in the state.

    That of a sum's part stands under the part's name; what does not rest is left out.
    """
    parts = {"": estimator}
    if isinstance(estimator, Hybrid):
        parts = {f"{part.name}/": part for part in estimator.parts}
    resting = {under: getattr(part, "warm_up", 0) for under, part in parts.items()}
    return {f"{under}updates": count for under, count in resting.items() if count}


def local_rule(estimator: Estimator) -> LocalRule:
    """Return the local rule that the options say."""
    return LocalRule(
        getattr(estimator, "temporal", "online"),
        getattr(estimator, "traces", "clean"),
        getattr(estimator, "reset_gradient", False),
    )
