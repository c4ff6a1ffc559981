"""Which methods have an oracle where, and what an oracle depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gradassay.core.arrays import Array
from gradassay.core.claims import Claim, Estimand, UnbiasedFor
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.noise import NoiseModel
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.descent import Descent
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.means import mean_momentum_after, oracle_mean
from gradassay.verify.oracles.sampled_problems import sampled_problems

BACKEND = ReferenceBackend()
SUMS = [
    "opzo+0.01*local_learning",
    "spatial_bp+0.01*local_learning",
    "dfa+0.01*local_learning",
    "opzo+0.01*local_learning+0.1*intermediate_global",
]
NOISY = [
    "zo_single_point",
    "zo_two_point",
    "spsa",
    "forward_gradient",
    "pzo_two_point",
    "opzo",
    "localzo",
    "intermediate_global",
]


def has_oracle(name: str, seed: int, **options: Any) -> bool:
    estimator = make_estimator(name, **options)
    for problem in sampled_problems(seed):
        try:
            state = estimator.init(BACKEND, problem.network, Key(seed))
        except ConfigurationError:
            continue
        if oracle_mean(estimator, problem, state) is not None:
            return True
    return False


@pytest.mark.parametrize("name", [*zoo_names(), *SUMS])
def test_every_method_has_an_oracle_with_its_own_options(name: str) -> None:
    assert has_oracle(name, 1)


@pytest.mark.parametrize("law", ["gaussian", "uniform", "laplace", "sphere", "rademacher"])
@pytest.mark.parametrize("name", NOISY)
def test_every_estimand_has_an_oracle_under_every_law_that_the_method_takes(
    name: str, law: str
) -> None:
    if (name, law) == ("spsa", "sphere"):
        with pytest.raises(ConfigurationError, match="law: got 'sphere'"):
            make_estimator(name, law=law)
        return
    assert has_oracle(name, 0, law=law)


@dataclass(frozen=True)
class Faulty(ZOSinglePoint):
    """Everything is overridden."""

    factor: float = 3.0

    @property
    def noise(self) -> NoiseModel:
        return NoiseModel(self.alpha * 2, "uniform")

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        return self.factor * super().top_down(state, observed, layer, descent)


@dataclass(frozen=True)
class FaultyMomentum(OPZO):
    def contribution(self, state: State, observed: Pass) -> State:
        return {name: -z for name, z in super().contribution(state, observed).items()}


def test_what_a_subclass_overrides_does_not_change_the_oracle() -> None:
    problem = sampled_problems(0)[0]
    right = oracle_mean(make_estimator("zo_single_point", alpha=0.1), problem, {})
    found = oracle_mean(Faulty(alpha=0.1), problem, {})
    assert right is not None
    assert found is not None
    assert relative_difference(found.mean, right.mean) == 0
    state = OPZO().init(BACKEND, problem.network, Key(0))
    matrices = mean_momentum_after(OPZO(), problem, state)
    faulty = mean_momentum_after(FaultyMomentum(), problem, state)
    assert matrices is not None
    assert faulty is not None
    assert relative_difference(faulty, matrices) == 0
    mixed = make_estimator("opzo+0.5*local_learning")
    parts = (FaultyMomentum(), mixed.parts[1])  # type: ignore[attr-defined]
    replaced = type(mixed)(parts=parts, coefficients=(1.0, 0.5))  # type: ignore[call-arg]
    state = mixed.init(BACKEND, problem.network, Key(0))
    one, two = (oracle_mean(e, problem, state) for e in (mixed, replaced))
    assert one is not None
    assert two is not None
    assert relative_difference(one.mean, two.mean) == 0


@dataclass(frozen=True)
class OfItsOwn(SpatialBP):
    """An estimand that nobody else knows."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (UnbiasedFor(Estimand("something_else")),)


def test_depth_under_a_density_has_no_oracle_and_sums_need_all_parts() -> None:
    deep = sampled_problems(0)[4]
    assert oracle_mean(make_estimator("zo_single_point"), deep, {}) is None
    estimator = make_estimator("opzo+0.1*dfa")
    state = estimator.init(BACKEND, deep.network, Key(0))
    assert oracle_mean(estimator, deep, state) is None


def test_gradient_above_all_neurons_is_in_a_sum_once() -> None:
    problem = sampled_problems(0)[3]
    estimator = make_estimator("0.5*dfa+0.25*spatial_bp")
    state = estimator.init(BACKEND, problem.network, Key(0))
    oracle = oracle_mean(estimator, problem, state)
    alone = oracle_mean(make_estimator("spatial_bp"), problem, {})
    assert oracle is not None
    assert alone is not None
    for name in ("readout.weight", "readout.bias"):
        np.testing.assert_allclose(oracle.mean[name], alone.mean[name], rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_sampled_problems_have_samples_of_their_own_and_live_layers(seed: int) -> None:
    for problem in sampled_problems(seed):
        assert problem.batch.size in (3, 4)
        record = frozenset({"spikes"})
        trace = BACKEND.forward(problem.network, problem.params, problem.batch, record=record)  # type: ignore[arg-type]
        for spikes in trace.spikes.values():
            assert 0 < spikes.mean() < 1
    flipped = oracle_mean(make_estimator("zo_single_point"), sampled_problems(seed)[2], {})
    assert flipped is not None
    assert abs(flipped.mean["hidden1.weight"]).max() > 1e-3
    assert len({p.name for p in sampled_problems(seed)}) == len(sampled_problems(seed))
