"""Other libraries: where they are configured to the reference they agree with it.

Run where they are installed: ``make test-peers``.
"""

from __future__ import annotations

import importlib

import pytest

from gradassay.crosscheck.adapters import LIBRARIES, library
from gradassay.crosscheck.defects import default_defects, option_defects, suspect_defects
from gradassay.crosscheck.findings import findings
from gradassay.crosscheck.suite import crosscheck

pytestmark = pytest.mark.peers


def needs(name: str) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    importlib.import_module(f"gradassay.crosscheck.adapters.{name}")


@pytest.mark.parametrize("name", LIBRARIES)
def test_matched_configurations_agree(name: str) -> None:
    needs(name)
    for implementation in library(name, "matched"):
        results = list(crosscheck(implementation))
        assert [r for r in results if r.verdict != "PASS"] == []
        gradients = [r for r in results if r.check in ("bptt_agrees", "spatial_agrees")]
        float64 = [r for r in gradients if "float32" not in r.problem]
        # sinabs' spikes are float32, whatever it is given
        assert all(r.measured < (1e-6 if name == "sinabs" else 1e-10) for r in float64)
        assert float64


@pytest.mark.parametrize(
    ("name", "convention", "found"),
    [
        ("snntorch", "a neuron spikes where", "u > V"),
        ("snntorch", "reset", "soft"),
        (
            "snntorch",
            "reset applied before",
            "the next step's comparison: what is subtracted does not decay",
        ),
        ("snntorch", "gradient through the reset", "cut"),
        ("spikingjelly", "factor on the input current", "0.5"),
        ("spikingjelly", "a neuron spikes where", "u >= V"),
        ("spikingjelly", "reset", "hard"),
        ("spikingjelly", "gradient through the reset", "kept"),
        ("norse", "leak", "0.9"),
        ("norse", "factor on the input current", "0.1"),
        ("norse", "a neuron spikes where", "u > V"),
        ("norse", "leak 0.9 is off by", "1.5e-09"),
        ("norse", "reset", "hard"),
        ("norse", "gradient through the reset", "kept"),
        ("sinabs", "factor on the input current", "0.5"),
        ("sinabs", "several spikes a step", "yes"),
        ("sinabs", "its integral over u - V in [-8, 8]", "2"),
        ("sinabs", "gradient through the reset", "kept"),
        ("sinabs", "spikes of float64 currents are", "float32"),
        ("sinabs", "the next batch, without a reset,", "goes on from the batch before"),
        ("sinabs", "a next batch of another size, without a reset,", "differs from run to run"),
        ("spikingjelly", "the next batch, without a reset,", "goes on from the batch before"),
        ("snntorch", "leak 0.9 is off by", "2.4e-08"),
        ("snntorch", "spikes of float64 currents are", "float32"),
    ],
)
def test_conventions_out_of_the_box(name: str, convention: str, found: str) -> None:
    needs(name)
    rows = {row.convention: row.found for row in findings(library(name, "default")[0])}
    assert rows[convention] == found


def test_snntorchs_reset_without_delay_swallows_spikes_and_is_in_the_gradient() -> None:
    needs("snntorch")
    subtract, zero = (list(crosscheck(one)) for one in library("snntorch", "suspects"))
    failed = {r.check for r in subtract if r.verdict == "FAIL"}
    assert {"conventions_as_claimed", "spikes_agree"} <= failed
    details = [r.detail for r in subtract if r.check == "conventions_as_claimed"]
    assert "no known conventions" in details[0]
    assert {r.check for r in zero if r.verdict == "FAIL"} == {
        "reset_gradient_as_claimed",
        "bptt_agrees",
    }


def test_spikingjellys_ottt_has_traces_at_hidden_weights_and_at_the_readout_alone() -> None:
    needs("spikingjelly")
    (ottt,) = library("spikingjelly", "suspects")
    results = list(crosscheck(ottt))
    assert all(r.verdict == "PASS" for r in results if r.check != "online_agrees")
    found = next(r for r in results if r.check == "online_agrees" and "strong" in r.problem)
    numbers, *rules = found.detail.split("; ")
    errors = {name: float(error) for name, error in (e.split() for e in numbers.split(", "))}
    exact = {name for name, error in errors.items() if error < 1e-14}
    assert exact == {"hidden2.weight", "readout.bias"}
    assert rules == [
        "hidden1.weight, hidden1.bias, hidden2.bias: as of the spatial rule",
        "readout.weight: as of a readout that sees traces",
    ]


def test_snntorchs_swallowed_spike_needs_two_steps() -> None:
    needs("snntorch")
    subtract, zero = (list(suspect_defects(one)) for one in library("snntorch", "suspects"))
    spikes, reset = subtract
    assert spikes.printed == "3: 1 spikes, u = 2\n1: 0 spikes, u = 2"
    assert spikes.expected == "3: 1 spikes, u = 2\n1: 1 spikes, u = 1"
    assert [one.defect for one in zero] == [reset.defect]


def test_snntorchs_reset_mechanism_cannot_be_changed_afterwards() -> None:
    needs("snntorch")
    told = [one.defect for conf in library("snntorch", "matched") for one in option_defects(conf)]
    assert set(told) == {"reset_mechanism has no effect once the module is made"}


def test_sinabs_reset_value_is_added_to_silent_neurons() -> None:
    needs("sinabs")
    (configuration,) = library("sinabs", "suspects")
    (shown,) = suspect_defects(configuration)
    assert shown.printed.splitlines()[0] == "-0.25: 0 spikes, u = 0"
    told = next(r.detail for r in crosscheck(configuration) if r.check == "conventions_as_claimed")
    assert "membrane potential 0.25 after a step without input" in told


def test_spikingjellys_ottt_is_shown_on_one_neuron() -> None:
    needs("spikingjelly")
    (ottt,) = library("spikingjelly", "suspects")
    (shown,) = suspect_defects(ottt)
    assert shown.printed != shown.expected


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_defect_out_of_the_box_is_printed_by_its_script(name: str) -> None:
    needs(name)
    shown = list(default_defects(library(name, "default")[0]))
    assert bool(shown) == (name != "spikingjelly")
    assert all(one.printed != one.expected for one in shown)
