"""Draws of one estimator in a nested design, reduced block by block to a few numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.estimator import Estimator, State, require_estimate, stack_states, state_of
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.statistics.moments import Float, Moments, merged, to_float64

# numbers in the gradients of one chunk of replicates: fixes the memory, whatever the replicates
CHUNK_ENTRIES = 8_000_000
LARGEST_CHUNK = 256


@dataclass
class LayerTotals:
    """Running totals of one layer in one block."""

    between: Moments | None = None
    noise_scatter: float = 0.0
    squared_error: float = 0.0


@dataclass(frozen=True)
class BlockSummary:
    """What one block says about one layer; D is the estimate minus the oracle.

    Parameters
    ----------
    mean : array, shape (p,)
        Mean of D over the block.
    noise, batch : float
        Unbiased parts of the variance: of the noise given the mini-batch, and of the mini-batch.
    of_mean : float
        Unbiased variance of `mean` given the block's feedback state.
    squared_error : float
        Mean of |D|^2.
    cosine : float
        Mean cosine of one estimate with the oracle; 0 where the estimate is 0.
    agreement : float
        Mean fraction of coordinates whose sign is the oracle's; see `sign_agreements`.
    """

    mean: Float
    noise: float
    batch: float
    of_mean: float
    squared_error: float
    cosine: float
    agreement: float


@dataclass
class BlockAccumulator:
    """Reduces chunks of one block, layer by layer."""

    design: Design
    layers: dict[str, LayerTotals] = field(default_factory=dict)
    cosines: dict[str, float] = field(default_factory=dict)
    agreements: dict[str, float] = field(default_factory=dict)

    def add(self, layer: str, inner: Moments, squared_error: float) -> None:
        """Add some mini-batches, each with all its draws."""
        totals = self.layers.setdefault(layer, LayerTotals())
        totals.noise_scatter += float(inner.scatter.sum())
        totals.between = merged(totals.between, Moments.of(inner.mean))
        totals.squared_error += squared_error

    def add_cosines(self, layer: str, products: Float, norms: Float) -> None:
        """Add the cosines of some draws; the cosine of a zero estimate counts as 0."""
        cosines = products / np.where(norms > 0, norms, 1)
        self.cosines[layer] = self.cosines.get(layer, 0.0) + float(cosines.sum())

    def add_agreements(self, layer: str, agreements: Float) -> None:
        """Add the fractions of coordinates whose sign is right, of some draws."""
        self.agreements[layer] = self.agreements.get(layer, 0.0) + float(agreements.sum())

    def summary(self, layer: str) -> BlockSummary:
        """Return the block's summary of a layer, all mini-batches being in."""
        design, totals = self.design, self.layers[layer]
        if totals.between is None:
            raise ValueError(f"no draws of layer {layer}")
        noise = totals.noise_scatter / (design.batches * max(design.draws - 1, 1))
        between = float(totals.between.variance)
        count = design.batches * design.draws
        return BlockSummary(
            mean=totals.between.mean,
            noise=noise,
            batch=between - noise / design.draws,
            of_mean=between / design.batches,
            squared_error=totals.squared_error / count,
            cosine=self.cosines[layer] / count,
            agreement=self.agreements[layer] / count,
        )

    def total_cosine(self) -> float:
        """Return the mean cosine over all layers together."""
        return self.cosines["total"] / (self.design.batches * self.design.draws)

    def total_agreement(self) -> float:
        """Return the mean fraction of coordinates with the right sign over all layers together."""
        return self.agreements["total"] / (self.design.batches * self.design.draws)


@dataclass(frozen=True)
class BlockResult:
    """All layers' summaries of one block, and what is taken draw by draw over all layers."""

    layers: dict[str, BlockSummary]
    total_cosine: float
    total_agreement: float


def by_layer(network: Network, gradient: Mapping[str, Array], folded: bool) -> dict[str, Array]:
    """Return each weighted layer's gradient as vectors: (R, p), or (p,) where not folded."""
    vectors = {}
    for layer in network.weighted:
        parts = [gradient[name] for name in layer.shapes]
        lead = (parts[0].shape[0],) if folded else ()
        xp = array_namespace(parts[0])
        vectors[layer.name] = xp.concat([xp.reshape(a, (*lead, -1)) for a in parts], axis=-1)
    return vectors


def feedback_states(estimator: Estimator, problem: Problem, design: Design, key: Key) -> State:
    """Return the warmed-up states of all blocks, stacked; empty where there is no state.

    Each block starts from its own draw and sees its own mini-batches and noise, at fixed weights.
    """
    blocks = range(design.blocks)
    states = [estimator.init(problem.backend, problem.network, key / "state" / u) for u in blocks]
    if not states[0]:
        return {}
    state = stack_states(states)
    for step in range(design.warmup):
        here = key / "warmup" / step
        batch = problem.batch(
            [problem.draw_indices(design.batch_size, here / "batch" / u) for u in blocks]
        )
        after = estimator.advance(
            problem.backend, problem.network, problem.params, batch, state, here, replicates=blocks
        )
        if after is state:
            break
        state = after
    return state


def draw_blocks(
    estimator: Estimator, problem: Problem, oracle: Params, design: Design, key: Key
) -> Iterator[BlockResult]:
    """Yield for each block the summary of every layer.

    Parameters
    ----------
    estimator : Estimator
        What is measured.
    problem : Problem
        Network, parameters, population.
    oracle : Params
        The gradient to compare with, NumPy float64.
    design : Design
        Blocks, mini-batches, draws.
    key : Key
        Every state, mini-batch and draw of noise has a stream of its own, keyed by its number.
    """
    states = feedback_states(estimator, problem, design, key)
    target = {
        name: problem.backend.asarray(vector)
        for name, vector in by_layer(problem.network, oracle, folded=False).items()
    }
    for block in range(design.blocks):
        state = state_of(states, block) if states else {}
        accumulator = BlockAccumulator(design)
        for batches in _groups(problem.network, design):
            _add_batches(estimator, problem, target, accumulator, state, key, block, batches)
        yield BlockResult(
            {layer: accumulator.summary(layer) for layer in target},
            accumulator.total_cosine(),
            accumulator.total_agreement(),
        )


def _groups(network: Network, design: Design) -> Iterator[range]:
    """Split a block's mini-batches into groups that are computed at once."""
    group = max(1, chunk_size(network) // design.draws)
    for start in range(0, design.batches, group):
        yield range(start, min(start + group, design.batches))


def chunk_size(network: Network) -> int:
    """Return the number of replicates computed at once; it depends on the network alone."""
    entries = sum(math.prod(shape) for shape in network.shapes.values())
    return max(1, min(LARGEST_CHUNK, CHUNK_ENTRIES // entries))


def _add_batches(
    estimator: Estimator,
    problem: Problem,
    target: Mapping[str, Array],
    accumulator: BlockAccumulator,
    state: State,
    key: Key,
    block: int,
    batches: range,
) -> None:
    """Compute all draws of a group of mini-batches and add them to the block."""
    design = accumulator.design
    indices = [problem.draw_indices(design.batch_size, key / "batch" / block / b) for b in batches]
    inner: dict[str, Moments] = {}
    errors = dict.fromkeys(target, 0.0)
    step = max(1, chunk_size(problem.network) // len(batches))
    first = (block * design.batches + batches.start) * design.draws
    for start in range(0, design.draws, step):
        draws = min(step, design.draws - start)
        folded = problem.batch([chosen for chosen in indices for _ in range(draws)])
        estimate = estimator.estimate(
            problem.backend,
            problem.network,
            problem.params,
            folded,
            state,
            key / "draw",
            replicates=range(first + start, first + start + len(batches) * draws),
        )
        require_estimate(estimator, problem.network, estimate, len(batches) * draws)
        products, squares, signs = {}, {}, {}
        for layer, rows in by_layer(problem.network, estimate.gradient, folded=True).items():
            xp = array_namespace(rows)
            products[layer] = to_float64(xp.matmul(rows, target[layer]))
            squares[layer] = to_float64(xp.sum(rows**2, axis=-1))
            signs[layer] = to_float64(xp.matmul(xp.sign(rows), xp.sign(target[layer])))
            difference = rows - target[layer]
            errors[layer] += float(xp.sum(difference**2))
            grouped = xp.reshape(difference, (len(batches), -1, difference.shape[-1]))
            inner[layer] = merged(inner.get(layer), Moments.of(grouped))
        _add_cosines(accumulator, target, products, squares)
        for layer, agreements in sign_agreements(signs, nonzero_counts(target)).items():
            accumulator.add_agreements(layer, agreements)
    for layer, moments in inner.items():
        accumulator.add(layer, moments, errors[layer])


def nonzero_counts(target: Mapping[str, Array]) -> dict[str, int]:
    """Return how many coordinates of each layer's oracle are not 0."""
    return {layer: int((to_float64(vector) != 0).sum()) for layer, vector in target.items()}


def sign_agreements(products: Mapping[str, Float], counts: Mapping[str, int]) -> dict[str, Float]:
    """Return the fraction of coordinates whose sign is the oracle's, by layer and in total.

    ``(1 + s / n) / 2`` with s the inner product of the signs of estimate and oracle, sign 0 of a 0:
    a coordinate of the estimate that is exactly 0 counts as half. Coordinates in which the oracle
    is exactly 0 have no sign to agree with and are left out.

    Parameters
    ----------
    products : mapping from layer to array, shape (R,)
        s of each draw.
    counts : mapping from layer to int
        n, coordinates in which the oracle is not 0; where there are none the fraction is NaN.
    """
    sums = {**products, "total": np.sum(list(products.values()), axis=0)}
    sizes = {**counts, "total": sum(counts.values())}
    return {
        layer: (1 + own / sizes[layer]) / 2 if sizes[layer] else np.full_like(own, math.nan)
        for layer, own in sums.items()
    }


def _add_cosines(
    accumulator: BlockAccumulator,
    target: Mapping[str, Array],
    products: Mapping[str, Float],
    squares: Mapping[str, Float],
) -> None:
    """Add the cosine of each draw with the oracle, by layer and over all layers together."""
    scales = {layer: float((to_float64(vector) ** 2).sum()) for layer, vector in target.items()}
    for layer, scale in scales.items():
        accumulator.add_cosines(layer, products[layer], np.sqrt(squares[layer] * scale))
    everything = np.sqrt(sum(squares.values()) * sum(scales.values()))
    accumulator.add_cosines("total", np.asarray(sum(products.values())), everything)
