"""Bias, variance, mean squared error and cosine of estimators, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.noise import NoiseModel
from gradassay.core.params import Params
from gradassay.core.records import Interval, Measurement
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.draws import BlockResult, by_layer, draw_blocks, nonzero_counts
from gradassay.verify.measuring.further_oracles import FurtherOracles
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.measuring.smoothing import smoothed_loss_means
from gradassay.verify.statistics.intervals import (
    between_interval,
    mean_interval,
    squared_norm_interval,
)
from gradassay.verify.statistics.moments import Float

INTERVAL_METHOD = (
    "Student's t over independent blocks, each with its own feedback state, degrees of freedom"
    " lowered for the observed kurtosis (Satterthwaite); on the logarithm for quantities that"
    " cannot be negative; a score interval of the U-statistic for squared bias"
)


@dataclass(frozen=True)
class LayerBlocks:
    """What all blocks say about one layer, or about all layers together.

    Parameters
    ----------
    scale : float
        Squared norm of the surrogate gradient of this layer: the unit of all squared quantities.
    bias : array, shape (K, K)
        Inner products of the block means of D.
    further : mapping from an oracle's name to array, shape (K, K)
        The same for the differences to other oracles.
    size, zeros : int
        Coordinates of the surrogate gradient, and those that are exactly 0.
    noise, batch, of_mean, squared_error, cosine, agreement : array, shape (K,)
        As in `BlockSummary`.
    """

    scale: float
    bias: Float
    further: Mapping[str, Float]
    size: int
    zeros: int
    noise: Float
    batch: Float
    of_mean: Float
    squared_error: Float
    cosine: Float
    agreement: Float


def surrogate_gradient(problem: Problem) -> Params:
    """Return the online surrogate gradient of the mean loss over the population, exactly."""
    return problem.population_gradient(SpatialBP(), Key(0))


def measure(
    estimators: Mapping[str, Estimator],
    problem: Problem,
    designs: Mapping[str, Design],
    *,
    seed: int,
    level: float = 0.95,
    smoothing: NoiseModel | None = None,
    further: bool = True,
    on_block: Callable[[str], None] = lambda name: None,
) -> list[Measurement]:
    """Measure estimators on a problem, layer by layer and in total.

    Squared quantities are relative to the squared norm of the surrogate gradient of the same layer.
    Per layer and in total:

    - ``squared_bias``: ``|E G - g|^2`` against ``surrogate_bp``, those of `FurtherOracles`, and
      ``smoothed_loss`` where `smoothing` is given; the expectation is over noise, mini-batch and
      feedback state.
    - ``noise_variance``, ``batch_variance``, ``state_variance``: the parts of the trace of the
      covariance, by the law of total variance.
    - ``total_variance``: their sum.
    - ``mean_squared_error``: ``E |G - g|^2``, the sum of squared bias and total variance.
    - ``cosine``: mean cosine of one estimate with g.
    - ``sign_agreement``: mean fraction of coordinates whose sign is that of g; 0 counts as half.
    - ``zero_coordinates``: fraction of g that is exactly 0 and left out of it, exact.
    - ``gradient_norm``: ``|g|``, exact.

    Parameters
    ----------
    estimators : mapping from name to Estimator
        What is measured.
    problem : Problem
        Network, parameters and population.
    designs : mapping from name to Design
        Blocks, mini-batches and draws of each estimator; the same number of blocks for all.
    seed : int
        Seed of all streams.
    level : float
        Nominal coverage of each interval.
    smoothing : NoiseModel or None
        Noise of the smoothed loss.
    further : bool
        Compare with the oracles of `FurtherOracles` too.
    on_block : callable
        Called with the estimator's name after each block.

    Returns
    -------
    list of Measurement
    """
    oracle = surrogate_gradient(problem)
    target = by_layer(problem.network, oracle, folded=False)
    smoothed = _smoothed(problem, oracle, smoothing, next(iter(designs.values())), Key(seed))
    oracles = FurtherOracles(problem)
    rows: list[Measurement] = []
    for name, estimator in estimators.items():
        key = Key(seed) / "measure" / name
        results = []
        for result in draw_blocks(estimator, problem, oracle, designs[name], key):
            results.append(result)
            on_block(name)
        state = estimator.init(problem.backend, problem.network, key)
        stateless = not state
        others = oracles.of(estimator, state) if further else {}
        apart = _apart(problem, others, target) | smoothed
        blocks = {layer: _collect(layer, results, target[layer], apart) for layer in target}
        blocks["total"] = _total(list(blocks.values()), results)
        row = partial(
            Measurement,
            subject=name,
            problem=problem.name,
            replicates=designs[name].replicates,
            seed=seed,
            unit="1",
        )
        rows += _measurements(blocks, stateless, level, row)
    return rows


def _measurements(
    blocks: Mapping[str, LayerBlocks],
    stateless: bool,
    level: float,
    row: Callable[..., Measurement],
) -> Iterator[Measurement]:
    """Yield the rows of one estimator, layer by layer; `row` knows what they share."""
    for layer, of_layer in blocks.items():
        for quantity, against, interval in _quantities(of_layer, stateless, level):
            yield row(
                layer=layer,
                quantity=quantity,
                oracle=against,
                value=interval.value,
                low=interval.low,
                high=interval.high,
                level=interval.level,
            )


def _apart(
    problem: Problem, gradients: Mapping[str, Params], target: Mapping[str, Float]
) -> dict[str, dict[str, Float]]:
    """Return other gradients minus the surrogate gradient, (p,) a layer, by name."""
    found = {}
    for name, gradient in gradients.items():
        vectors = by_layer(problem.network, gradient, folded=False)
        found[name] = {layer: vector - target[layer] for layer, vector in vectors.items()}
    return found


def _smoothed(
    problem: Problem, oracle: Params, model: NoiseModel | None, design: Design, key: Key
) -> dict[str, dict[str, Float]]:
    """Return block means of smoothed-loss gradient minus surrogate gradient, (K, p) a layer."""
    if model is None:
        return {}
    target = by_layer(problem.network, oracle, folded=False)
    means = list(smoothed_loss_means(problem, model, design, key / "smoothed"))
    found = {layer: np.stack([m[layer] for m in means]) - target[layer] for layer in target}
    return {"smoothed_loss": found}


def _collect(
    layer: str,
    results: list[BlockResult],
    target: Float,
    further: Mapping[str, Mapping[str, Float]],
) -> LayerBlocks:
    """Gather the blocks of one layer."""
    blocks = [result.layers[layer] for result in results]
    means = np.stack([block.mean for block in blocks])
    return LayerBlocks(
        scale=float((target**2).sum()),
        bias=_gram(means),
        further={name: _gram(means - apart[layer]) for name, apart in further.items()},
        size=target.size,
        zeros=target.size - nonzero_counts({layer: target})[layer],
        noise=np.array([block.noise for block in blocks]),
        batch=np.array([block.batch for block in blocks]),
        of_mean=np.array([block.of_mean for block in blocks]),
        squared_error=np.array([block.squared_error for block in blocks]),
        cosine=np.array([block.cosine for block in blocks]),
        agreement=np.array([block.agreement for block in blocks]),
    )


def _gram(vectors: Float) -> Float:
    """Return all inner products of the rows."""
    products: Float = vectors @ vectors.T
    return products


def _total(layers: list[LayerBlocks], results: list[BlockResult]) -> LayerBlocks:
    """Add the layers up; cosine and signs over all layers were taken draw by draw."""

    def added(name: str) -> Float:
        total: Float = np.sum([getattr(layer, name) for layer in layers], axis=0)
        return total

    names = layers[0].further
    return LayerBlocks(
        scale=sum(layer.scale for layer in layers),
        bias=added("bias"),
        further={n: np.sum([layer.further[n] for layer in layers], axis=0) for n in names},
        size=sum(layer.size for layer in layers),
        zeros=sum(layer.zeros for layer in layers),
        noise=added("noise"),
        batch=added("batch"),
        of_mean=added("of_mean"),
        squared_error=added("squared_error"),
        cosine=np.array([result.total_cosine for result in results]),
        agreement=np.array([result.total_agreement for result in results]),
    )


def _quantities(
    blocks: LayerBlocks, stateless: bool, level: float
) -> Iterator[tuple[str, str, Interval]]:
    """Yield name, oracle and interval of every quantity of one layer."""
    unit = 1 / blocks.scale if blocks.scale > 0 else float("nan")

    def relative(interval: Interval) -> Interval:
        return Interval(
            interval.value * unit, interval.low * unit, interval.high * unit, interval.level
        )

    bias = squared_norm_interval(blocks.bias, level)
    yield "squared_bias", "surrogate_bp", relative(bias)
    for name, gram in blocks.further.items():
        yield "squared_bias", name, relative(squared_norm_interval(gram, level))
    yield "noise_variance", "", relative(mean_interval(blocks.noise, level, positive=True))
    yield "batch_variance", "", relative(mean_interval(blocks.batch, level))
    state = Interval.exact(0.0)
    if not stateless:
        state = between_interval(blocks.bias, blocks.of_mean, level)
    yield "state_variance", "", relative(state)
    within = blocks.noise + blocks.batch
    variance = mean_interval(within, level, positive=True)
    if not stateless:
        variance = between_interval(blocks.bias, blocks.of_mean - within, level)
    yield "total_variance", "", relative(variance)
    error = mean_interval(blocks.squared_error, level, positive=True)
    yield "mean_squared_error", "surrogate_bp", relative(error)
    yield "cosine", "surrogate_bp", mean_interval(blocks.cosine, level)
    yield "sign_agreement", "surrogate_bp", mean_interval(blocks.agreement, level)
    yield "zero_coordinates", "surrogate_bp", Interval.exact(blocks.zeros / blocks.size)
    yield "gradient_norm", "surrogate_bp", Interval.exact(blocks.scale**0.5)
