"""Wall times of estimates over the size of a network, as ratios to the first estimator's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gradassay.core.backend import Backend
from gradassay.core.curves import CostPoint
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.neuron import Neuron
from gradassay.cost.measure import timed_estimate
from gradassay.cost.scaling import Sweep, sample
from gradassay.cost.timing import interleaved_seconds, median_interval

TIMED = Sweep("n", (64, 128, 256, 512), outputs=10)
SAMPLES, TIMED_STEPS = 32, 6


def time_points(
    estimators: Mapping[str, Estimator],
    backend: Backend,
    key: Key,
    *,
    rounds: int,
    sweep: Sweep,
) -> list[CostPoint]:
    """Return the time of an estimate over that of the first estimator, at each size.

    Parameters
    ----------
    estimators : mapping from subject to Estimator
        The first one is what the others are compared with.
    backend : Backend
        Any.
    key : Key
        Randomness of weights, input, states and noise.
    rounds : int
        Timed estimates of each at each size; all take turns.
    sweep : Sweep
        Sizes.

    Returns
    -------
    list of CostPoint
        ``time_ratio``: the median over rounds of the ratio within a round, with a 95 % interval
        (`median_interval`; infinite for fewer than six rounds). It holds for this machine and
        backend.
    """
    points = []
    for at in sweep.values:
        network = sweep.network(at, TIMED_STEPS, Neuron())
        params, batch = sample(backend, network, key / at, SAMPLES)
        runs: dict[str, Callable[[int], object]] = {
            subject: timed_estimate(estimator, backend, network, params, batch, key / at / subject)
            for subject, estimator in estimators.items()
        }
        points += _ratios(interleaved_seconds(runs, rounds), sweep, at)
    return points


def _ratios(seconds: Mapping[str, Sequence[float]], sweep: Sweep, at: int) -> list[CostPoint]:
    """Return each subject's ratio to the first, round by round."""
    first, *others = seconds
    family = f"{sweep.family}, batch {SAMPLES}, T={TIMED_STEPS}, over {first}"
    found = []
    for subject in others:
        pairs = zip(seconds[subject], seconds[first], strict=True)
        ratio = median_interval([own / base for own, base in pairs])
        ends = (ratio.value, ratio.low, ratio.high)
        found.append(
            CostPoint(subject, family, sweep.variable, at, "time_ratio", "measured", *ends, "1")
        )
    return found
