"""What is learnt with one estimate: the rules against numbers by hand, and against the methods."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from gradassay.core.claims import Learns
from gradassay.core.errors import DataError
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.noise import Noise
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.dkp import DKP
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import Settings
from gradassay.verify.oracles.learning import learnt_state
from gradassay.verify.oracles.small_problems import dyadic_problem
from gradassay.verify.runner import run_cases
from gradassay.verify.suite import planned_cases

PROBLEM = dyadic_problem((4, 3), steps=3, seed=1)
STATE = {f"lif{number}": np.ones((units, 3)) for number, units in ((1, 4), (2, 3))}
TRACE = ReferenceBackend().forward(
    PROBLEM.network, PROBLEM.params, PROBLEM.batch, record=frozenset({"spikes"})
)


def test_kolen_pollack_is_the_readouts_own_weight_gradient_in_the_last_hidden_layer() -> None:
    after = learnt_state([Learns("kolen_pollack", step=0.5, decay=0.25)], PROBLEM, STATE, None)
    for name, spikes in TRACE.spikes.items():
        outer = np.einsum("tbn,tbm->nm", spikes, TRACE.errors) / PROBLEM.batch.size
        expected = STATE[name] - 0.5 * (outer + 0.25 * STATE[name])
        np.testing.assert_allclose(after[name], expected, rtol=0, atol=1e-14)


def test_local_loss_is_learnt_down_its_own_gradient() -> None:
    state = {f"readout/{name}": array / 2 for name, array in STATE.items()}
    after = learnt_state([Learns("local_loss", step=0.5)], PROBLEM, state, None)
    backend = ReferenceBackend()
    for name, spikes in TRACE.spikes.items():
        matrix = state[f"readout/{name}"]
        errors = backend.loss(PROBLEM.network, spikes @ matrix, PROBLEM.batch.targets)[1]
        outer = np.einsum("tbn,tbm->nm", spikes, errors) / PROBLEM.batch.size
        np.testing.assert_allclose(after[f"readout/{name}"], matrix - 0.5 * outer, atol=1e-14)


@pytest.mark.parametrize("frozen", [False, True])
def test_momentum_averages_noise_times_output_until_it_is_frozen(frozen: bool) -> None:
    claim = Learns("momentum", momentum=0.75, gain=2.0, freeze_after=3 if frozen else 4)
    z = {n: np.random.default_rng(1).standard_normal(s.shape) for n, s in TRACE.spikes.items()}
    noise = Noise(0.5, z)
    trace = ReferenceBackend().forward(PROBLEM.network, PROBLEM.params, PROBLEM.batch, noise=noise)
    after = learnt_state([claim], PROBLEM, {**STATE, "updates": np.array(3.0)}, noise)
    assert after["updates"] == (3 if frozen else 4)
    for name, before in STATE.items():
        term = np.einsum("tbn,tbm->nm", z[name], trace.outputs) / (0.5 * z[name][..., 0].size)
        expected = before if frozen else 0.75 * before + 0.25 * 2 * term
        np.testing.assert_allclose(after[name], expected, atol=1e-13)


def test_a_rule_is_about_its_part_of_a_sum() -> None:
    claims = [Learns("nothing", under="dfa/"), Learns("kolen_pollack", step=1.0, under="dkp/")]
    state = {f"{part}/{name}": a for part in ("dfa", "dkp") for name, a in STATE.items()}
    after = learnt_state(claims, PROBLEM, state, None)
    assert set(after) == set(state)
    np.testing.assert_array_equal(after["dfa/lif1"], state["dfa/lif1"])
    assert (after["dkp/lif1"] != state["dkp/lif1"]).any()


def test_an_array_that_a_rule_needs_and_the_state_has_not_is_named() -> None:
    with pytest.raises(DataError, match="expected 'readout/lif1' among them"):
        learnt_state([Learns("local_loss", step=0.1)], PROBLEM, STATE, None)
    with pytest.raises(DataError, match="noise: got none"):
        learnt_state([Learns("momentum")], PROBLEM, {**STATE, "updates": np.zeros(())}, None)


def verdicts(estimator: Estimator) -> set[str]:
    cases = planned_cases({"subject": estimator}, Settings(), checks=("learns_as_claimed",))
    return {result.verdict for results in run_cases(cases) for result in results}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dkp", {"decay": 0.5, "step": 0.25}),
        ("opzo", {"use": "after", "inverse_alpha": False}),
        ("opzo", {"freeze_after": 1}),
        ("opzo", {"output": "sequence", "pairing": "none", "start": "random"}),
        ("opzo", {"law": "rademacher", "pairing": "batch", "position": "membrane"}),
        ("intermediate_global", {"momentum": 0.5, "step": 0.5}),
        ("zo_single_point", {"baseline": 0.9}),
        ("opzo+0.01*local_learning+0.1*intermediate_global", {}),
        ("dkp+opzo", {}),
    ],
)
def test_methods_learn_as_they_claim_under_other_options(name: str, options: Any) -> None:
    assert verdicts(make_estimator(name, **options)) == {"PASS"}


def test_a_step_that_is_a_millionth_too_large_is_seen() -> None:
    @dataclasses.dataclass(frozen=True)
    class Hasty(DKP):
        def absorb(self, state: Any, contribution: Any) -> Any:
            grown = {name: (1 + 1e-6) * term for name, term in contribution.items()}
            return super().absorb(state, grown)

    assert "FAIL" in verdicts(Hasty())


def test_every_method_with_a_state_claims_its_rule_and_no_other_does() -> None:
    for name in zoo_names():
        estimator = make_estimator(name)
        state = estimator.init(ReferenceBackend(), PROBLEM.network, Key(0))
        claimed = any(isinstance(claim, Learns) for claim in estimator.claims)
        assert claimed == bool(state), name
