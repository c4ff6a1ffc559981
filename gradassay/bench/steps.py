"""A training step of this package, as the training loop takes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import initial_params
from gradassay.torch_snn import TorchBackend
from gradassay.training.optimiser import MomentumSGD

MOMENTUM, LEARNING_RATE = 0.9, 1e-3


def training_step(
    estimator: Estimator, network: Network, samples: int, backend: TorchBackend
) -> Callable[[int], None]:
    """Return a call that makes one update of a network on a random static batch.

    Parameters
    ----------
    estimator : Estimator
        Of the gradient; its state is carried from step to step.
    network : Network
        Trained from its start.
    samples : int
        B.
    backend : TorchBackend
        Precision and device.
    """
    key, batch = Key(1), placed_batch(network, samples, backend)
    placed = initial_params(network, Key(2), gain=2.0).map(backend.asarray)
    optimiser = MomentumSGD(placed, MOMENTUM)
    state = estimator.init(backend, network, key)

    def step(number: int) -> None:
        nonlocal state
        drawn = key / "train" / (number % 2**20)
        estimate = estimator.estimate(backend, network, optimiser.params, batch, state, drawn)
        optimiser.step(estimate.gradient, LEARNING_RATE)
        state = estimate.state

    return step


def placed_batch(network: Network, samples: int, backend: TorchBackend) -> Batch:
    """Return what `random_batch` draws, on a backend."""
    inputs, targets = random_batch(network, samples)
    return Batch(backend.asarray(inputs), backend.asarray(targets))


def random_batch(network: Network, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return static inputs (B, n) and targets (B,), the same for all that is compared."""
    generator = Key(0).generator()
    return (
        generator.random((samples, network.inputs)),
        generator.integers(0, network.classes, samples),
    )
