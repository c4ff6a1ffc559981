from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gradassay.core.backend import Backend
from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params, initial_params
from gradassay.datasets import Dataset, load_dataset
from gradassay.estimators import make_estimator
from gradassay.torch_snn import TorchBackend
from gradassay.training import PlacedData, TrainingResult, TrainingSettings, place_data, train


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small products gain nothing from threads and lose much on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="session")
def network() -> Network:
    return network_named("fc-32-24", 64, 10, steps=4)


@pytest.fixture(scope="session")
def params(network: Network) -> Params:
    return initial_params(network, Key(3) / "params", gain=2.0)


@pytest.fixture(scope="session")
def backend() -> TorchBackend:
    return TorchBackend("float32")


@pytest.fixture(scope="session")
def data(backend: TorchBackend, digits: Dataset) -> PlacedData:
    return place_data(backend, digits)


def few_samples(backend: Backend, samples: int = 50, seed: int = 0) -> PlacedData:
    """Random inputs and classes for the fixture network, as many for training as for testing."""
    generator = np.random.default_rng(seed)
    inputs = generator.random((samples, 64))
    targets = generator.integers(0, 10, samples)
    names = ("train_inputs", "train_targets", "test_inputs", "test_targets")
    both = (inputs, targets, inputs, targets)
    return place_data(backend, SimpleNamespace(**dict(zip(names, both, strict=True))))


Train = Callable[..., TrainingResult]


@pytest.fixture
def train_by_name(
    backend: TorchBackend, network: Network, params: Params, data: PlacedData
) -> Train:
    """Train on digits with an estimator of the zoo; keywords are fields of the settings."""

    def run(name: str, **settings: object) -> TrainingResult:
        chosen = TrainingSettings(**settings)  # type: ignore[arg-type]
        return train(make_estimator(name), backend, network, params, data, chosen)

    return run
