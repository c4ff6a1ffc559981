from __future__ import annotations

import dataclasses

import pytest

from gradassay.core.regimes import REGIMES, Regime
from gradassay.cost import Synaptic, energies

PUBLISHED = {
    "horowitz_fp32": (0.9, 3.7),
    "horowitz_fp16": (0.4, 1.1),
    "horowitz_int32": (0.1, 3.1),
    "horowitz_int8": (0.03, 0.2),
    "loihi": (23.6, 0.0),
    "spinnaker2": (10.0, 0.0),
}
PARTS = {
    "forward": Synaptic(dense=1000, effective_macs=30, effective_acs=200),
    "update": Synaptic(dense=500, effective_macs=100, effective_acs=40),
}


def test_regimes_are_the_published_numbers() -> None:
    assert {r.name: (r.add_pj, r.multiply_pj) for r in REGIMES} == PUBLISHED
    assert all(regime.source and regime.title for regime in REGIMES)


def test_regimes_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        REGIMES[0].add_pj = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_energy_is_macs_times_both_and_acs_times_an_addition(regime: Regime) -> None:
    by_hand = 130 * (regime.multiply_pj + regime.add_pj) + 240 * regime.add_pj
    assert energies(PARTS)[regime.name] == pytest.approx(by_hand * 1e-12, rel=1e-12)


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_dense_energy_charges_every_connection_as_a_mac(regime: Regime) -> None:
    by_hand = 1500 * (regime.multiply_pj + regime.add_pj)
    found = energies(PARTS, dense=True)[regime.name]
    assert found == pytest.approx(by_hand * 1e-12, rel=1e-12)
    assert found > energies(PARTS)[regime.name]
