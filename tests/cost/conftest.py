"""Small problems: three networks, a static and a sequence input, for every estimator of the zoo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params, initial_params
from gradassay.estimators import make_estimator

SAMPLES = 4  # a power of two: means over the batch are exact in binary
INPUTS, CLASSES = 6, 3
SUBJECTS = ("spatial_bp", "bptt", "dfa", "zo_single_point", "opzo")


@dataclass(frozen=True)
class Problem:
    network: Network
    params: Params
    batch: Batch
    key: Key

    def sequence(self) -> Batch:
        """The static batch as an equal input at every step."""
        steps = self.network.steps
        return Batch(np.stack([self.batch.inputs] * steps), self.batch.targets)


def make_problem(name: str, steps: int) -> Problem:
    network = network_named(name, INPUTS, CLASSES, steps=steps)
    generator = (Key(3) / name).generator()
    inputs = generator.uniform(0, 2, (SAMPLES, INPUTS)).round(2)
    inputs[0, 0] = 0.0
    batch = Batch(inputs, generator.integers(0, CLASSES, SAMPLES))
    return Problem(network, initial_params(network, Key(4), gain=2.0), batch, Key(5))


@pytest.fixture(
    params=[("fc-5-4", 1), ("fc-7-6-5", 3), ("fc-9", 4)], ids=lambda p: f"{p[0]}-T{p[1]}"
)
def problem(request: pytest.FixtureRequest) -> Problem:
    return make_problem(*request.param)


@pytest.fixture
def deep() -> Problem:
    return make_problem("fc-7-6-5", 3)


@pytest.fixture(params=SUBJECTS)
def estimator(request: pytest.FixtureRequest) -> Estimator:
    return make_estimator(request.param)


@pytest.fixture
def zoo() -> dict[str, Estimator]:
    return {name: make_estimator(name) for name in SUBJECTS}
