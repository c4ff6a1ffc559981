"""Comparisons of speed: ratios of one round, floors with the right products, bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from gradassay.bench import steps
from gradassay.bench.compare import compare
from gradassay.bench.draws import draws
from gradassay.bench.floor import WORK, Work, floor_step
from gradassay.bench.peers import peer_steps
from gradassay.bench.steps import training_step
from gradassay.bench.suite import bench_network
from gradassay.cli.main import main
from gradassay.core.errors import ConfigurationError
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.estimators import make_estimator
from gradassay.torch_snn import TorchBackend
from gradassay.training.optimiser import MomentumSGD


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A clock that stands still but for what is added to it."""
    now = {"now": 0.0}
    timing = compare.__globals__["interleaved_seconds"]

    def interleaved(subjects: object, rounds: int, **options: int) -> object:
        return timing(subjects, rounds, **options, clock=lambda: now["now"])

    monkeypatch.setitem(compare.__globals__, "interleaved_seconds", interleaved)
    return now


def takes(clock: dict[str, float], *seconds: float) -> Callable[[int], None]:
    """Return a subject whose steps take some times in turn."""

    def step(number: int) -> None:
        clock["now"] += seconds[number % len(seconds)]

    return step


def test_ratios_are_those_of_one_round(clock: dict[str, float]) -> None:
    # a slow round meets all: ratios do not see it
    subjects = {
        "floor": takes(clock, 1.0, 1.05),
        "ours": takes(clock, 1.5, 1.575),
        "peer": takes(clock, 3.0, 3.15),
        "slower peer": takes(clock, 4.0),
    }
    floors = dict.fromkeys(subjects, "floor")
    found = compare(subjects, floors, ["peer", "slower peer"], rounds=10)
    ours = next(one for one in found.timings if one.name == "ours")
    assert ours.to_floor.value == pytest.approx(1.5)
    assert ours.faster_than["peer"].value == pytest.approx(2.0)
    assert ours.milliseconds.low == pytest.approx(1500)
    assert found.fastest_other == "peer"
    assert not found.disturbed


def test_a_floor_that_varies_is_not_judged(clock: dict[str, float]) -> None:
    subjects = {"floor": takes(clock, 1.0, 2.0, 1.0, 3.0)}
    found = compare(subjects, {"floor": "floor"}, rounds=12)
    assert found.disturbed


@pytest.mark.parametrize(
    ("name", "inputs", "method", "products", "convolutions"),
    [
        ("fc-30-20", "12", "spatial_bp", 8, 0),
        ("fc-30-20", "12", "dfa", 8, 0),
        ("fc-30-20", "12", "opzo", 10, 0),
        ("3C3-AP2-4C3-FC", "1x8x8", "spatial_bp", 3, 5),
        ("3C3-AP2-4C3-FC", "1x8x8", "opzo", 6, 4),
    ],
)
def test_a_floor_has_the_products_of_its_method_and_nothing_else(
    name: str, inputs: str, method: str, products: int, convolutions: int
) -> None:
    network = bench_network(name, inputs, 5, 3)
    step = floor_step(network, 4, WORK[method], torch.float32)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        step()
    counts = {event.key: event.count for event in seen.key_averages()}
    assert counts.get("aten::mm", 0) == products
    forward = counts.get("aten::conv2d", 0)
    assert forward + counts.get("aten::convolution_backward", 0) == convolutions
    copied = set() if convolutions else {"aten::copy_"}  # a convolution may copy inside
    assert not ({"aten::mul", "aten::add", "aten::sum"} | copied) & set(counts)


def test_the_products_of_the_first_layer_are_made_once() -> None:
    network = bench_network("fc-30-20", "12", 5, 7)
    step = floor_step(network, 4, Work(), torch.float32)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        step()
    shapes = [tuple(map(tuple, e.input_shapes[:2])) for e in seen.events() if e.name == "aten::mm"]
    assert ((4, 12), (12, 30)) in shapes
    assert ((28, 30), (30, 20)) in shapes


def test_a_step_updates_the_parameters_that_it_is_timed_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[MomentumSGD] = []

    class Kept(MomentumSGD):
        def __init__(self, params: Params, momentum: float) -> None:
            super().__init__(params, momentum)
            made.append(self)

    monkeypatch.setattr(steps, "MomentumSGD", Kept)
    network = bench_network("fc-30-20", "12", 5, 3)
    for method in WORK:
        step = training_step(make_estimator(method), network, 8, TorchBackend("float32"))
        params = made[-1].params
        for number in range(3):
            before = {name: array.clone() for name, array in params.items()}
            step(number)
            # M of opzo is 0 at first, so that its hidden layers rest at the first step
            moved = [n for n, array in params.items() if not torch.equal(array, before[n])]
            assert moved == list(params) if number else "readout.weight" in moved


def test_layers_without_an_equal_elsewhere_are_refused() -> None:
    network: Network = bench_network("resnet18", "3x32x32", 5, 2)
    with pytest.raises(ConfigurationError, match="floor: got layer"):
        floor_step(network, 2, Work(), torch.float32)


def test_the_command_prints_and_writes_ratios(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bench.json"
    words = [
        "bench",
        "--network",
        "fc-20-20",
        "--inputs",
        "12",
        "--batch-size",
        "4",
        "--rounds",
        "6",
    ]
    assert main([*words, "--no-peers", "--json", str(file)]) in (0, 3)
    printed = capsys.readouterr().out
    assert "floor of opzo" in printed
    assert "noise of opzo" in printed
    written = json.loads(file.read_text())
    assert [one["name"] for one in written["timings"]][:2] == ["floor of spatial_bp", "spatial_bp"]


@pytest.mark.parametrize(
    ("method", "products", "batched"), [("spatial_bp", 5, 3), ("dfa", 5, 3), ("opzo", 5, 5)]
)
def test_the_floor_of_draws_has_a_gradient_for_each(
    method: str, products: int, batched: int
) -> None:
    network = bench_network("fc-30-20", "12", 5, 3)
    step = floor_step(network, 4, WORK[method], torch.float32, 7)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        step()
    counts = {event.key: event.count for event in seen.key_averages()}
    assert counts["aten::mm"] == products
    assert counts["aten::bmm"] == batched
    shapes = [tuple(map(tuple, e.input_shapes[:2])) for e in seen.events() if e.name == "aten::mm"]
    assert ((4, 12), (12, 30)) in shapes  # of the first layer one for all
    assert ((7 * 12, 30), (30, 20)) in shapes


def test_draws_are_timed_against_the_same_draws_one_by_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    network = bench_network("fc-9", "12", 5, 3)
    draw = draws(make_estimator("zo_single_point"), network, 4)
    folded, alone = draw(3, range(5)), draw(3, range(2, 3))
    for name, gradient in folded.gradient.items():
        torch.testing.assert_close(gradient[2], alone.gradient[name][0], rtol=0, atol=1e-5)
    words = ["bench", "--network", "fc-9", "--inputs", "12", "--batch-size", "4", "--rounds", "6"]
    assert main([*words, "--replicates", "5"]) in (0, 3)
    assert "one by one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--replicates", "0"], "--replicates: got 0"),
        (["--network", "4C3-FC", "--inputs", "1x8x8", "--replicates", "2"], "floor: got layer"),
        (["--rounds", "5"], "--rounds: got 5"),
        (["--threads", "0"], "--threads: got 0"),
        (["--inputs", "1x28"], "--inputs: got '1x28'"),
        (["--inputs", "many"], "--inputs: got 'many'"),
        (["--estimators", "opzi"], "estimator with a floor: got 'opzi'"),
        (["--network", "fc"], "network"),
        (["--json", "/no/such/file"], "whose folder does not exist"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--no-peers", *words]) == 2
    printed = capsys.readouterr().err
    assert told in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "inputs"), [("fc-20-20", "12"), ("3C3-AP2-4C3-FC", "1x8x8")], ids=["fc", "conv"]
)
def test_steps_of_other_libraries_run(name: str, inputs: str) -> None:
    for library in ("snntorch", "spikingjelly", "norse", "sinabs"):
        pytest.importorskip(library)
    steps = peer_steps(bench_network(name, inputs, 5, 3), 4)
    assert len(steps) == 7
    for step in steps.values():
        step(0)
        step(1)
