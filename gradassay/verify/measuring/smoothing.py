"""Monte Carlo oracle: the gradient of the noise-smoothed loss."""

from __future__ import annotations

from collections.abc import Iterator

from gradassay.core.arrays import array_namespace
from gradassay.core.keys import Key
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.draws import by_layer, chunk_size
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.statistics.moments import Float, to_float64


def smoothed_loss_means(
    problem: Problem, model: NoiseModel, design: Design, key: Key
) -> Iterator[dict[str, Float]]:
    """Yield, block by block, independent estimates of the gradient of the noise-smoothed loss.

    Each is a mean over mini-batches of single-point estimates at z and -z: under a symmetric law
    the same mean as one of them, without the noise that the loss's offset makes.

    Parameters
    ----------
    problem : Problem
        Network, parameters and population.
    model : NoiseModel
        Law and scale of the smoothing.
    design : Design
        Blocks, mini-batches a block, samples a mini-batch; the draws are not used.
    key : Key
        Streams ``key / "batch" / number`` and ``key / "noise"``.

    Yields
    ------
    dict from layer's name to array, shape (p,), float64
    """
    step = chunk_size(problem.network)
    for block in range(design.blocks):
        total: dict[str, Float] = {}
        for start in range(0, design.batches, step):
            numbers = range(start, min(start + step, design.batches))
            offset = block * design.batches
            replicates = range(offset + numbers.start, offset + numbers.stop)
            for layer, rows in _antithetic_sums(problem, model, design, key, replicates).items():
                share = rows / (2 * design.batches)
                total[layer] = total[layer] + share if layer in total else share
        yield total


def _antithetic_sums(
    problem: Problem, model: NoiseModel, design: Design, key: Key, replicates: range
) -> dict[str, Float]:
    """Return the sum over replicates, and over z and -z, of single-point estimates."""
    backend, network = problem.backend, problem.network
    estimator = ZOSinglePoint(alpha=model.scale, law=model.law)
    batch = problem.batch(
        [problem.draw_indices(design.batch_size, key / "batch" / number) for number in replicates]
    )
    drawn = draw_noise(model, network, design.batch_size, key / "noise", replicates, backend.dtype)
    sums: dict[str, Float] = {}
    for sign in (1, -1):
        noise = Noise(
            model.scale, {name: backend.asarray(sign * z) for name, z in drawn.values.items()}
        )
        estimate = estimator.estimate(
            backend, network, problem.params, batch, {}, key, replicates=replicates, noise=noise
        )
        for layer, rows in by_layer(network, estimate.gradient, folded=True).items():
            added = to_float64(array_namespace(rows).sum(rows, axis=0))
            sums[layer] = sums[layer] + added if layer in sums else added
    return sums
