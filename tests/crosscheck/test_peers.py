"""Other libraries: where they are configured to the reference they agree with it.

Run where they are installed: ``make test-peers``.
"""

from __future__ import annotations

import importlib

import pytest

from gradassay.crosscheck.adapters import LIBRARIES, library
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
        ("norse", "reset", "hard"),
        ("norse", "gradient through the reset", "kept"),
        ("sinabs", "factor on the input current", "0.5"),
        ("sinabs", "several spikes a step", "yes"),
        ("sinabs", "its integral over u - V in [-8, 8]", "2"),
        ("sinabs", "gradient through the reset", "kept"),
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


def test_spikingjellys_ottt_has_a_trace_in_hidden_weights_alone() -> None:
    needs("spikingjelly")
    (ottt,) = library("spikingjelly", "suspects")
    results = list(crosscheck(ottt))
    assert all(r.verdict == "PASS" for r in results if r.check != "online_agrees")
    found = next(r for r in results if r.check == "online_agrees" and "strong" in r.problem)
    errors = {name: float(error) for name, error in (e.split() for e in found.detail.split(", "))}
    exact = {name for name, error in errors.items() if error < 1e-14}
    assert exact == {"hidden2.weight", "readout.bias"}
