from __future__ import annotations

from collections.abc import Callable, Iterator

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
from gradassay.training.data import Samples


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


@pytest.fixture
def few_samples() -> Callable[[Backend], PlacedData]:
    """Place 50 random inputs and classes for the fixture network, the same for both parts."""

    def place(backend: Backend) -> PlacedData:
        generator = np.random.default_rng(0)
        x, y = generator.random((50, 64)), generator.integers(0, 10, 50)
        part = Samples(backend, x, y)
        return PlacedData(part, part)

    return place


@pytest.fixture
def train_by_name(
    backend: TorchBackend, network: Network, params: Params, data: PlacedData
) -> Callable[..., TrainingResult]:
    """Train on digits with an estimator of the zoo; keywords are fields of the settings."""

    def run(name: str, **settings: object) -> TrainingResult:
        chosen = TrainingSettings(**settings)  # type: ignore[arg-type]
        return train(make_estimator(name), backend, network, params, data, chosen)

    return run
