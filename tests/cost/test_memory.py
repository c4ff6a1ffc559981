from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gradassay.bench.memory_curves import Growth, memory_points
from gradassay.core.builders import fully_connected
from gradassay.core.claims import Passes
from gradassay.core.curves import CostPoint
from gradassay.core.keys import Key
from gradassay.core.noise import NoiseModel
from gradassay.cost import Declared, FeedbackMatrix, memory, peak_bytes
from gradassay.cost.torch_peaks import torch_peak_bytes
from gradassay.estimators import make_estimator

SMALL = (Growth("T", (2, 6, 12), layers=2),)


def test_memory_is_the_sum_of_its_parts_and_grows_with_the_batch() -> None:
    network = fully_connected(8, (6, 5), 3, steps=10)
    matrix = FeedbackMatrix("lif1", 6, 3, direct=True, learnt=True)
    found = memory(network, Declared(Passes(1, 0), True, NoiseModel(0.2), (matrix,)))
    parameters = 8 * 6 + 6 + 6 * 5 + 5 + 5 * 3 + 3
    assert found.feedback_weight_bytes == 4 * 18
    assert found.gradient_bytes == 4 * (parameters + 18)
    assert found.state_bytes == 4 * 11
    assert found.trace_bytes == 4 * (8 + 6 + 5)
    assert found.buffer_bytes == 4 * (2 * 3 + (6 + 5 + 3) + 11)
    shared = found.feedback_weight_bytes + found.gradient_bytes
    assert found.total(7) - shared == 7 * (found.total(1) - shared)


@pytest.mark.parametrize("online", [True, False])
def test_only_methods_that_are_not_online_grow_with_steps(online: bool) -> None:
    totals = [
        memory(fully_connected(8, (6, 5), 3, steps=steps), Declared(Passes(1, 1), online)).total()
        for steps in (1, 2, 3)
    ]
    first, second = np.diff(totals)
    assert (first == second == 0) if online else (first == second > 0)


def test_perturbed_weights_need_no_trace() -> None:
    network, noise = fully_connected(8, (6,), 3, steps=5), NoiseModel(0.1, position="weights")
    silent = memory(network, Declared(Passes(2, 0), True, noise))
    carrying = memory(network, Declared(Passes(1, 0, tangent=1), True, noise))
    assert (silent.trace_bytes, silent.buffer_bytes) == (0, 4 * 3 * 3)
    assert carrying.trace_bytes == 4 * (8 + 6)


def test_a_second_pass_has_neurons_of_its_own() -> None:
    network = fully_connected(8, (6,), 3, steps=5)
    one, two = (memory(network, Declared(Passes(p, 0), True)).state_bytes for p in (1, 2))
    assert two == 2 * one == 2 * 4 * 6


def of(points: list[CostPoint], subject: str, source: str) -> list[float]:
    found = [p for p in points if (p.subject, p.source) == (subject, source)]
    return [point.value for point in sorted(found, key=lambda point: point.at)]


@pytest.fixture(scope="module")
def points() -> list[CostPoint]:
    names = ("spatial_bp", "bptt", "opzo")
    return memory_points({name: make_estimator(name) for name in names}, Key(1), SMALL)


@pytest.mark.parametrize("subject", ["spatial_bp", "opzo"])
def test_step_by_step_an_online_method_holds_as_much_after_12_steps_as_after_6(
    points: list[CostPoint], subject: str
) -> None:
    _, middle, last = of(points, subject, "measured step by step")
    assert last == pytest.approx(middle, rel=0.02)
    assert len(set(of(points, subject, "closed form"))) == 1


def test_backpropagation_through_time_holds_at_least_what_it_has_to_keep(
    points: list[CostPoint],
) -> None:
    closed, peaks = of(points, "bptt", "closed form"), of(points, "bptt", "measured")
    for had_to, held in zip(closed, peaks, strict=True):
        assert had_to <= held <= 8 * had_to
    assert peaks[2] - peaks[1] >= closed[2] - closed[1] > 0
    assert of(points, "bptt", "measured step by step") == []


@pytest.mark.parametrize("subject", ["spatial_bp", "opzo"])
def test_an_online_method_holds_at_least_what_it_has_to_keep(
    points: list[CostPoint], subject: str
) -> None:
    closed = of(points, subject, "closed form")
    steps = of(points, subject, "measured step by step")
    assert all(had_to <= held <= 8 * had_to for had_to, held in zip(closed, steps, strict=True))


def test_a_network_that_is_too_small_for_a_method_is_left_out() -> None:
    growth = (Growth("N", (1, 2)),)
    points = memory_points({"i": make_estimator("intermediate_global")}, Key(1), growth)
    assert {point.at for point in points} == {2}


def test_a_peak_is_what_was_held_at_once() -> None:
    def work() -> np.ndarray:
        first = np.ones(50_000)
        second = first * 2
        del first
        return second + 1

    assert peak_bytes(work) == pytest.approx(800_000, rel=0.01)


def test_a_peak_of_tensors_is_what_was_held_at_once() -> None:
    before = torch.ones(7)

    def work() -> torch.Tensor:
        first = torch.ones(50_000)
        second = first * 2
        del first
        before.add_(0).view(7)
        return second + 1

    assert torch_peak_bytes(work) == 400_000


def test_what_was_there_before_is_no_part_of_a_peak() -> None:
    before = np.ones(100_000)
    assert peak_bytes(lambda: before.sum()) < 10_000
    assert math.isfinite(before.sum())
