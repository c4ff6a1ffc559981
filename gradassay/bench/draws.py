"""Draws of an estimate on one batch: replicates folded, one after the other, and their floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

from gradassay.bench.compare import Comparison, compare
from gradassay.bench.floor import WORK, floor_step
from gradassay.bench.steps import placed_batch
from gradassay.bench.suite import OPTIONS, numbered, require_floor
from gradassay.core.estimator import Estimate, Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import initial_params
from gradassay.estimators import make_estimator
from gradassay.torch_snn import TorchBackend

Draw = Callable[[int, range], Estimate]


def run_draws(
    network: Network, samples: int, estimators: Sequence[str], replicates: int, *, rounds: int
) -> Comparison:
    """Time R draws folded and in a plain loop, in turn with the bare products of all of them.

    Parameters
    ----------
    network : Network
        Dense layers.
    samples : int
        B, of the batch that all draws share.
    estimators : sequence of str
        Methods whose products `gradassay.bench.floor` knows.
    replicates : int
        R.
    rounds : int
        Timed rounds of each subject.

    Raises
    ------
    UsageError
        If a method has no floor.
    """
    subjects: dict[str, Callable[[int], object]] = {}
    floors: dict[str, str] = {}
    loops = []
    for name in estimators:
        require_floor(name)
        floor, folded, loop = f"floor of {name}", f"{name}, folded", f"{name}, one by one"
        products = floor_step(network, samples, WORK[name], torch.float32, replicates)
        draw = draws(make_estimator(name, **OPTIONS.get(name, {})), network, samples)
        subjects[floor] = numbered(products)
        subjects[folded] = partial(_folded, draw, replicates)
        subjects[loop] = partial(_one_by_one, draw, replicates)
        floors |= dict.fromkeys((floor, folded, loop), floor)
        loops.append(loop)
    return compare(subjects, floors, loops, rounds=rounds)


def _folded(draw: Draw, replicates: int, number: int) -> Estimate:
    return draw(number, range(replicates))


def _one_by_one(draw: Draw, replicates: int, number: int) -> None:
    for replicate in range(replicates):
        draw(number, range(replicate, replicate + 1))


def draws(estimator: Estimator, network: Network, samples: int) -> Draw:
    """Return a call that makes draws of an estimate, of a number and of some replicates."""
    backend = TorchBackend("float32")
    batch = placed_batch(network, samples, backend)
    params = initial_params(network, Key(2), gain=2.0).map(backend.asarray)
    state = estimator.init(backend, network, Key(1))

    def draw(number: int, replicates: range) -> Estimate:
        key = Key(1) / "draw" / (number % 2**20)
        return estimator.estimate(
            backend, network, params, batch, state, key, replicates=replicates
        )

    return draw
