"""Level 2: mean and variance of an estimator's own draws, sampled until the question is decided.

The draws are looked at after 2,048 replicates and after every doubling. At a look, with D the
estimate less its estimand, three statistics are taken layer by layer: the bias along the estimand,
the squared norm of the bias (a U-statistic), and the largest t of all entries, which names the
entry. Each has its share of the case's false-alarm rate, and spends of it look by look
(`gradassay.verify.statistics.looks`), so that looking often costs nothing in error rate.

PASS: in every layer the upper end of the bias's norm is within the margin. FAIL: some statistic
proves a bias, and the layer is not within the margin; or the bias along the estimand is proven to
be larger than the margin. INCONCLUSIVE: the budget is spent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.claims import MomentumFeedback
from gradassay.core.estimator import Estimator
from gradassay.core.layers import Linear
from gradassay.core.records import CheckResult, Interval, Verdict
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import Case, Check, Given, Settings, cached_problems, claims_of
from gradassay.verify.checks.control_variates import (
    control_variate,
    momentum_control_variate,
    weight_control_variate,
)
from gradassay.verify.checks.identity_checks import accepts
from gradassay.verify.checks.sampling import BLOCK, BlockMeans, Draws, Vectors, draw_block
from gradassay.verify.oracles.means import momentum_mean, oracle_mean
from gradassay.verify.oracles.sampled_problems import sampled_problems
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.intervals import mean_interval, squared_norm_interval
from gradassay.verify.statistics.looks import Looks, max_t, superblocks
from gradassay.verify.statistics.moments import Float
from gradassay.verify.statistics.norm_law import traces_of_powers
from gradassay.verify.statistics.planning import replicates_for_squared_norm

SUPERBLOCKS = 32
FIRST_LOOK = BLOCK * SUPERBLOCKS
# a layer whose estimand is smaller than this share of all layers' counts as that large
SMALLEST_LAYER = 0.1
# shares of a layer's rate: norm of the bias, along the estimand, largest entry, along without
# control variates
NORM, ALONG, ENTRY, PLAIN = 0.4, 0.2, 0.2, 0.2
# a bias of one entry counts by itself from this share of the margin on: entries that are rarely
# different from 0 have no t distribution
SMALLEST_ENTRY = 0.2
TOGETHER = "all parameters"
Shapes = Mapping[str, Mapping[str, tuple[int, ...]]]
WORST_FIRST: tuple[Verdict, ...] = ("FAIL", "INCONCLUSIVE")


@dataclass(frozen=True)
class LayerLook:
    """What one look says about one layer.

    Parameters
    ----------
    norm : Interval
        Norm of the bias over that of the estimand.
    along, plain : Interval
        Bias along the estimand, relative to it, with and without control variates.
    entry : str
        The entry with a proven bias; empty if none.
    planned : callable
        Replicates that a test of fixed size needs for a margin.
    """

    norm: Interval
    along: Interval
    plain: Interval
    entry: str
    planned: Callable[[float], int]

    def verdict(self, margin: float) -> Verdict:
        """Return the verdict on this layer; see the module."""
        if self.plain.low > margin or self.plain.high < -margin:
            return "FAIL"
        if self.norm.high <= margin:
            return "PASS"
        proven = self.norm.low > 0 or not self.along.covers(0.0) or bool(self.entry)
        return "FAIL" if proven or not self.plain.covers(0.0) else "INCONCLUSIVE"

    def told(self) -> str:
        """Return what is wrong, for people."""
        interval = f"[{1 + self.plain.low:.3g}, {1 + self.plain.high:.3g}]"
        entry = f", largest at {self.entry}" if self.entry else ""
        return f"{1 + self.plain.value:.4g} times the estimand {interval}{entry}"


def sampled_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the checks of an estimator's own draws, where it draws any."""
    try:
        draws = estimator.noise is not None
    except Exception:  # a third party's code: the checks find it too, and say so
        return
    momentum = any(isinstance(claim, MomentumFeedback) for claim in claims_of(estimator))
    for problem in cached_problems(sampled_problems, settings.seed) if draws else ():
        if _decidable(estimator, problem) and accepts(estimator, problem):
            yield Case(name, estimator, problem, UNBIASED, settings)
            if momentum and _shallow(problem, units=3):
                yield Case(name, estimator, problem, MOMENTUM, settings)


def _decidable(estimator: Estimator, problem: SmallProblem) -> bool:
    """Whether the default budget decides the question there, for methods like those of the zoo.

    Noise on the weights needs very few of them. Noise that is not injected has no control variates:
    one dense layer, or two with few units.
    """
    position = estimator.noise.position if estimator.noise else "none"
    few = len(problem.params) == 2 and problem.batch.inputs.shape[-1] == 1
    if position == "weights" or few:
        return position == "weights" and few
    dense = all(isinstance(layer, Linear) for layer in problem.network.weighted)
    return position != "none" or (dense and _shallow(problem, units=4))


def _shallow(problem: SmallProblem, *, units: int) -> bool:
    """Whether there is one hidden layer, or no more than so many units in all of them."""
    layers = problem.network.spiking
    return len(layers) == 1 or sum(layer.units for layer in layers) <= units


def unbiased(case: Case) -> Iterator[CheckResult]:
    """Compare the mean of the estimator's own draws with its estimand."""
    given = Given.of(case, ReferenceBackend())
    oracle = oracle_mean(case.estimator, case.problem, given.state)
    if oracle is None:
        return
    shapes = _groups(case)
    target = _vectors(shapes, oracle.mean, folded=False)
    control, in_weights = control_variate(case, given.state), None
    if TOGETHER in target:
        in_weights = weight_control_variate(case, target[TOGETHER])

    def read(draws: Draws) -> Vectors:
        rows = _vectors(shapes, draws.estimate.gradient, folded=True)
        plain = {name: rows[name] - target[name] for name in target}
        variate = control(draws) if control else {}
        if in_weights:
            variate = {TOGETHER: in_weights(draws)}
        return {
            **{f"{name} plain": array for name, array in plain.items()},
            **{name: array - variate.get(name, 0.0) for name, array in plain.items()},
        }

    yield _decided(case, given, f"mean of its own draws = {oracle.says}", target, shapes, read)


def _groups(case: Case) -> Shapes:
    """Return the parameters that are looked at together: a layer's, or all where z is on all."""
    network, model = case.problem.network, case.estimator.noise
    if model is not None and model.position == "weights":
        return {TOGETHER: network.shapes}
    return {layer.name: layer.shapes for layer in network.weighted}


def _vectors(groups: Shapes, gradient: Mapping[str, Float], *, folded: bool) -> Vectors:
    """Return each group's gradient as vectors: (R, p), or (p,) where not folded."""
    found = {}
    for name, shapes in groups.items():
        parts = [np.asarray(gradient[parameter]) for parameter in shapes]
        lead = (len(parts[0]), -1) if folded else (-1,)
        found[name] = np.concatenate([part.reshape(lead) for part in parts], axis=-1)
    return found


def momentum_unbiased(case: Case) -> Iterator[CheckResult]:
    """Compare the mean of the new term of the feedback matrices with the expected Jacobian."""
    given = Given.of(case, ReferenceBackend())
    after = momentum_mean(case.estimator, case.problem, given.state)
    if after is None:
        return
    claim = next(c for c in case.estimator.claims if isinstance(c, MomentumFeedback))
    kept, share = claim.momentum, 1 - claim.momentum
    before = {name: np.asarray(given.state[name]) for name in after}
    target = {name: np.ravel(m - kept * before[name]) / share for name, m in after.items()}

    frozen = all(np.array_equal(after[name], before[name]) for name in after)
    control = momentum_control_variate(case, 0.0 if frozen else claim.gain)

    def read(draws: Draws) -> Vectors:
        rows: dict[str, Float] = {}
        for name, variate in control(draws).items():
            term = (np.asarray(draws.estimate.state[name]) - kept * before[name]) / share
            rows[f"{name} plain"] = term.reshape(BLOCK, -1) - target[name]
            rows[name] = rows[f"{name} plain"] - variate
        return rows

    shapes = {name: {f"M of {name}": m.shape} for name, m in after.items()}
    claimed = "mean of the new term of M = expected Jacobian, transposed"
    yield _decided(case, given, claimed, target, shapes, read)


def _decided(
    case: Case,
    given: Given,
    claim: str,
    target: Vectors,
    shapes: Shapes,
    read: Callable[[Draws], Vectors],
) -> CheckResult:
    """Draw and look until the question is decided or the budget is spent."""
    blocks = BlockMeans(read)
    looks = Looks(FIRST_LOOK, max(case.settings.budget, FIRST_LOOK), case.rate / len(target))
    margin, found = case.settings.margin, dict[str, LayerLook]()
    count = look = 0
    for look, until in enumerate(looks.counts):
        for number in range(count // BLOCK, until // BLOCK):
            blocks.add(draw_block(case, given, number))
        count = until
        found = {
            name: _layer_look(
                blocks, target, name, shapes[name], rate=looks.rate(look), margin=margin
            )
            for name in target
        }
        verdicts = {one.verdict(margin) for one in found.values()}
        if "FAIL" in verdicts or verdicts == {"PASS"}:
            break
    claim += _reduction(blocks, target)
    return _result(case, claim, found, count, look + 1)


def _layer_look(
    blocks: BlockMeans,
    target: Vectors,
    name: str,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    rate: float,
    margin: float,
) -> LayerLook:
    """Return the statistics of one layer at one look."""
    means = superblocks(blocks.mean(name), SUPERBLOCKS)
    plain = superblocks(blocks.mean(f"{name} plain"), SUPERBLOCKS)
    everything = math.sqrt(sum(float(g @ g) for g in target.values()))
    direction, norm = target[name], float(np.linalg.norm(target[name]))
    scale = max(norm, SMALLEST_LAYER * everything) or 1.0
    unit = direction / norm if norm else 0 * direction
    gram = means @ means.T / scale**2
    square = squared_norm_interval(gram, 1 - NORM * rate)
    value, low, high = (math.sqrt(max(x, 0.0)) for x in (square.value, square.low, square.high))
    entry = max_t(means, rate=ENTRY * rate, rounding=SMALLEST_ENTRY * margin * scale)
    return LayerLook(
        norm=Interval(value, low, high, square.level),
        along=mean_interval(means @ unit / scale, 1 - ALONG * rate),
        plain=mean_interval(plain @ unit / scale, 1 - PLAIN * rate),
        entry=_entry(shapes, entry.index) if entry.rejected else "",
        planned=_planned(gram, len(blocks.means[name]) * BLOCK, rate),
    )


def _planned(gram: Float, count: int, rate: float) -> Callable[[float], int]:
    """Return what gives the replicates of a test of fixed size for a margin."""
    # S of one replicate is that of a super-block times the replicates in it
    trace = traces_of_powers(gram)[0] * (count / SUPERBLOCKS) ** 2
    return lambda margin: replicates_for_squared_norm(
        trace, margin**2, false_alarm_rate=rate, miss_rate=rate
    )


def _entry(shapes: Mapping[str, tuple[int, ...]], index: int) -> str:
    """Return the name of an entry of a layer's vector."""
    for name, shape in shapes.items():
        size = math.prod(shape)
        if index < size:
            place = ", ".join(str(int(i)) for i in np.unravel_index(index, shape))
            return f"{name}[{place}]"
        index -= size
    raise IndexError(index)


def _reduction(blocks: BlockMeans, target: Vectors) -> str:
    """Say how much control variates cut the variance, if they did."""
    plain = sum(float(blocks.variance(f"{name} plain").mean()) for name in target)
    controlled = sum(float(blocks.variance(name).mean()) for name in target)
    if plain <= 1.05 * controlled:
        return ""
    if controlled < 1e-12 * plain:
        return "; control variates take all the variance"
    return f"; control variates cut the variance {plain / controlled:.3g} times"


def _result(
    case: Case, claim: str, found: Mapping[str, LayerLook], count: int, look: int
) -> CheckResult:
    """Return the row: that of the layer whose bias may be largest."""
    margin = case.settings.margin
    verdicts = {name: one.verdict(margin) for name, one in found.items()}
    verdict: Verdict = next((v for v in WORST_FIRST if v in verdicts.values()), "PASS")
    worst = max(found.values(), key=lambda one: one.norm.high)
    named = [name for name in list(found)[::-1] if verdicts[name] == verdict != "PASS"]
    return CheckResult(
        subject=case.subject,
        problem=case.problem.name,
        check=case.check.name,
        level=case.check.level,
        claim=claim,
        verdict=verdict,
        measured=worst.norm.value,
        low=worst.norm.low,
        high=worst.norm.high,
        bound=margin,
        detail="; ".join(f"{name}: {found[name].told()}" for name in named),
        evaluations=count,
        seed=case.settings.seed,
        quantity="norm of the bias relative to the estimand's",
        false_alarm_rate=case.rate,
        planned=max(one.planned(margin) for one in found.values()),
        budget=case.settings.budget,
        look=look,
    )


UNBIASED = Check("unbiased", 2, unbiased)
MOMENTUM = Check("momentum_unbiased", 2, momentum_unbiased)
