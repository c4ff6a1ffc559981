"""An implementation that differs from the reference in one convention is found out, and told."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.records import CheckResult
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.expected import spike
from gradassay.crosscheck.implementation import Answer, Profile, Task
from gradassay.crosscheck.probes import find_conventions, response
from gradassay.crosscheck.suite import crosscheck
from gradassay.crosscheck.torch_implementation import TorchImplementation


@dataclass
class Plain(TorchImplementation):
    """A neuron as the reference has it, with something that can be wrong."""

    reset: str = "soft"
    late: bool = False
    strict: bool = False
    decayed: bool = True
    scale: float = 1.0
    keeps: bool = False
    cut: bool = True
    gain: float = 1.0
    taken: float | None = None
    drift: float = 0.0
    claims: Profile = field(default_factory=Profile)
    name: str = "plain"
    kept: Any = None

    @property
    def profile(self) -> Profile:  # type: ignore[override]
        return self.claims

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Neuron:
        surrogate = Surrogate(neuron.surrogate.kind, neuron.surrogate.scale * self.scale)
        return Neuron(neuron.leak, neuron.threshold, neuron.reset, surrogate)

    def step(self, node: Neuron, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        rest = (torch.zeros_like(current), torch.zeros_like(current), torch.zeros_like(current))
        if state is None and self.keeps and self.kept is not None:
            state = self.kept if self.kept[0].shape == current.shape else None
        u, fired, before = state or rest
        taken = before if self.late else fired
        taken = taken.detach() if self.cut else taken
        if self.reset == "hard":
            u = node.leak * u * (1 - taken) + self.gain * current
        else:
            factor = node.leak if self.decayed else 1.0
            height = node.threshold if self.taken is None else self.taken
            u = node.leak * u - factor * height * taken + self.gain * current + self.drift
        spikes = spike(u, node, Conventions(">" if self.strict else ">="))
        state = (u, spikes, fired)
        self.kept = tuple(array.detach() for array in state)
        return spikes, u, state


def failures(implementation: Plain, *checks: str) -> dict[str, CheckResult]:
    found = [r for r in crosscheck(implementation) if r.verdict == "FAIL"]
    return {r.check: r for r in reversed(found)}


def test_a_right_implementation_passes_everything() -> None:
    results = list(crosscheck(Plain()))
    assert [r for r in results if r.verdict != "PASS"] == []
    assert {r.check for r in results} == {
        "conventions_as_claimed",
        "state_is_reset",
        "surrogate_as_claimed",
        "reset_gradient_as_claimed",
        "spikes_agree",
        "potentials_agree",
        "outputs_agree",
        "bptt_agrees",
    }


@pytest.mark.parametrize(
    ("planted", "check", "told"),
    [
        (Plain(reset="hard"), "conventions_as_claimed", "hard reset, expected soft reset"),
        (Plain(late=True), "conventions_as_claimed", "reset 1 steps late, expected reset 0"),
        (Plain(strict=True), "conventions_as_claimed", "spikes where u > V, expected spikes"),
        (Plain(decayed=False), "conventions_as_claimed", "before the comparison of the next"),
        (Plain(gain=0.5), "conventions_as_claimed", "input current times 0.5, expected 1"),
        (Plain(taken=1.0), "conventions_as_claimed", "explained by no known conventions"),
        (Plain(drift=0.125), "conventions_as_claimed", "0.125 after a step without input"),
        (Plain(scale=2.0), "surrogate_as_claimed", "psi at the threshold 2, expected 1"),
        (Plain(keeps=True), "state_is_reset", "the state is kept"),
        (Plain(cut=False), "reset_gradient_as_claimed", "it is kept"),
        (
            Plain(claims=Profile(reset_gradient=True)),
            "reset_gradient_as_claimed",
            "it is cut",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_planted_mismatch_is_named(planted: Plain, check: str, told: str) -> None:
    found = failures(planted)
    assert told in found[check].detail
    others = {"conventions_as_claimed", "state_is_reset", "surrogate_as_claimed"} - {check}
    if check != "state_is_reset":
        assert not others & set(found)


@pytest.mark.parametrize(
    "claims",
    [
        Profile(Conventions(">", "hard")),
        Profile(Conventions(">=", "soft", "comparison"), reset_gradient=True),
        Profile(Conventions(">=", "soft", lag=1)),
    ],
    ids=lambda profile: str(profile.conventions),
)
def test_an_implementation_passes_under_the_conventions_that_it_has(claims: Profile) -> None:
    conventions = claims.conventions
    subject = Plain(
        reset=conventions.reset,
        strict=conventions.comparison == ">",
        decayed=conventions.reset_before == "leak",
        late=conventions.lag == 1,
        cut=not claims.reset_gradient,
        claims=claims,
    )
    assert failures(subject) == {}


def test_ties_show_on_dyadic_weights_alone() -> None:
    found = [r for r in crosscheck(Plain(strict=True)) if r.check == "spikes_agree"]
    assert {r.problem for r in found if r.verdict == "FAIL"} == {"dyadic, leak 0.5"}


def test_the_first_divergence_is_named() -> None:
    detail = failures(Plain(reset="hard"))["spikes_agree"].detail
    assert "lif1, step" in detail
    assert "sample" in detail
    assert "membrane potential" in detail


class SpikesAlone(Plain):
    def run(self, task: Task) -> Answer:
        return Answer(super().run(task).spikes)


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        (SpikesAlone(reset="hard"), "hard reset, expected soft reset"),
        (SpikesAlone(late=True), "reset 1 steps late, expected reset 0"),
        (SpikesAlone(strict=True), "spikes where u > V, expected spikes"),
        (SpikesAlone(decayed=False), "before the comparison of the next"),
        (SpikesAlone(gain=0.5), "input current times 0.5, expected 1"),
        (SpikesAlone(gain=0.3), "input current times 0.3, expected 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_planted_mismatch_is_named_from_spikes_alone(planted: Plain, told: str) -> None:
    planted.claims = Profile(differentiates=())
    assert told in failures(planted)["conventions_as_claimed"].detail


@pytest.mark.parametrize("leak", [0.9, 0.7, 0.5])
def test_leak_and_gain_are_found_from_spikes_alone(leak: float) -> None:
    found = response(SpikesAlone(gain=0.3), Neuron(leak=leak))
    assert (found.leak, found.input_gain) == (leak, 0.3)


class Raises(Plain):
    def run(self, task: Task) -> Answer:
        raise RuntimeError("no licence")


class WrongShapes(Plain):
    def run(self, task: Task) -> Answer:
        right = super().run(task)
        return Answer({name: array[:-1] for name, array in right.spikes.items()})


def test_what_it_raises_is_told_and_the_others_go_on() -> None:
    results = list(crosscheck(Raises()))
    assert {r.verdict for r in results} == {"FAIL"}
    assert all("RuntimeError: no licence" in r.detail for r in results)


def test_wrong_shapes_are_told() -> None:
    found = failures(WrongShapes())
    assert "spikes of lif1: got shape" in found["spikes_agree"].detail


class PotentialsOfTheLastLayer(Plain):
    def run(self, task: Task) -> Answer:
        right = super().run(task)
        last = right.membrane.get("lif2", right.membrane["lif1"])
        return Answer(right.spikes, dict.fromkeys(right.membrane, last), right.outputs)


class ForgetsTheBias(Plain):
    def run(self, task: Task) -> Answer:
        right = super().run(task)
        bias = task.params.get("readout.bias", 0.0)
        outputs = np.asarray(right.outputs) - bias
        return Answer(right.spikes, right.membrane, outputs, right.gradient)


def test_wrong_potentials_are_told_with_the_place() -> None:
    found = failures(PotentialsOfTheLastLayer())["potentials_agree"]
    assert found.detail.startswith("lif1, step")
    assert "reference" in found.detail


def test_wrong_outputs_are_told_with_the_place() -> None:
    found = failures(ForgetsTheBias())
    assert "outputs_agree" in found
    assert "class" in found["outputs_agree"].detail


def test_a_gradient_that_is_right_for_another_rule_is_told() -> None:
    told = failures(Plain(cut=False))["bptt_agrees"].detail
    assert "hidden1.weight, hidden1.bias, hidden2.weight, hidden2.bias: as of backprop" in told
    assert "with the gradient through the reset kept" in told


class CallsItsGradientOnline(Plain):
    def run(self, task: Task) -> Answer:
        return super().run(dataclasses.replace(task, differentiated="through_time"))


def test_backpropagation_through_time_called_online_is_told() -> None:
    found = failures(CallsItsGradientOnline(claims=Profile(differentiates=("online",))))
    assert "hidden1.weight, hidden1.bias: as of backprop" in found["online_agrees"].detail


class ForgetsAParameter(Plain):
    def run(self, task: Task) -> Answer:
        right = super().run(task)
        kept = {name: g for name, g in right.gradient.items() if name != "hidden2.bias"}
        return Answer(right.spikes, right.membrane, right.outputs, kept)


def test_a_gradient_that_is_missing_is_a_failure() -> None:
    found = failures(ForgetsAParameter())
    assert "hidden2.bias inf" in found["bptt_agrees"].detail


@pytest.mark.parametrize("leak", [0.9, 0.7])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_the_comparison_is_told_where_no_potential_of_the_currents_meets_the_threshold(
    leak: float, strict: bool, gain: float
) -> None:
    found = find_conventions(Plain(strict=strict, gain=gain), Neuron(leak=leak))
    assert found.values("comparison") == (">" if strict else ">=",)
    assert found.tells_comparison
