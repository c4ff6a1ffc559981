"""Blocks of steps and folded replicates give what the whole sequence and a loop give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gradassay.core.batch import Batch
from gradassay.core.network import Loss
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise

GRAPHS = ("conv", "strided", "residual", "mixed", "encoder")
INPUTS = ("eligibility", "activity", "received_eligibility", "received_activity")
T = 7  # odd, so that blocks of two leave a rest
BLOCKS = {"ones": (1,) * T, "twos": (2, 2, 2, 1), "uneven": (3, 1, 3), "whole": (T,)}


def close(got: Tensor, wanted: Tensor) -> bool:
    return got.shape == wanted.shape and torch.allclose(got, wanted, rtol=1e-12, atol=1e-13)


def run_blocks(problem: Any, lengths: tuple[int, ...]) -> list[Any]:
    """Return the traces of consecutive blocks."""
    blocks: list[Any] = []
    first, carry = 0, None
    for length in lengths:
        blocks.append(problem.block(first, first + length, carry))
        first, carry = first + length, blocks[-1].carry
    return blocks


def assert_blocks_are_whole(problem: Any, blocks: list[Any]) -> None:
    """All that the traces keep, and the sum of the gradients."""
    whole = problem.forward()
    for kind in ("outputs", "losses", "errors"):
        assert close(torch.cat([getattr(b, kind) for b in blocks]), getattr(whole, kind)), kind
    for kind in ("membrane", "spikes", "received", "derivative"):
        assert list(getattr(whole, kind)) == [p.name for p in problem.network.populations]
        for layer, array in getattr(whole, kind).items():
            assert close(torch.cat([getattr(b, kind)[layer] for b in blocks]), array), (kind, layer)
    for kind in INPUTS:
        assert list(getattr(whole, kind)) == [w.name for w in problem.network.weighted]
        for layer, wanted in getattr(whole, kind).items():
            parts = [getattr(b, kind)[layer] for b in blocks]
            assert torch.equal(torch.cat([p.bias for p in parts]), wanted.bias), (kind, layer)
            if wanted.weights is None:
                assert close(torch.cat([p.values for p in parts]), wanted.values), (kind, layer)
            else:
                assert torch.equal(torch.cat([p.weights for p in parts]), wanted.weights)
                assert all(close(p.values, wanted.values) for p in parts)
        gradients = [problem.online(block, kind=kind) for block in blocks]
        for name, array in problem.online(whole, kind=kind).items():
            assert close(torch.stack([g[name] for g in gradients]).sum(0), array), name


@pytest.mark.parametrize("lengths", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
@pytest.mark.parametrize("smooth", [False, True], ids=["spiking", "smooth"])
@pytest.mark.parametrize("static", [True, False], ids=["static", "sequence"])
def test_blocks_of_any_sizes_give_the_same_trace_and_summed_gradient(
    make_problem: Any, lengths: tuple[int, ...], reset: str, smooth: bool, static: bool
) -> None:
    neuron = Neuron(leak=0.7, reset=reset, smooth=smooth)  # type: ignore[arg-type]
    problem = make_problem(static=static, steps=T, neuron=neuron, loss=Loss(0.2), alpha=0.25)
    assert_blocks_are_whole(problem, run_blocks(problem, lengths))


@pytest.mark.parametrize("lengths", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize("static", [True, False], ids=["static", "sequence"])
@pytest.mark.parametrize("position", ["spike", "membrane"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_blocks_of_a_graph_are_its_whole_sequence(
    make_problem: Any, graph: str, lengths: tuple[int, ...], static: bool, position: str
) -> None:
    problem = make_problem(graph, static=static, steps=T, alpha=0.25, position=position)
    assert_blocks_are_whole(problem, run_blocks(problem, lengths))


def test_traces_stay_apart_after_noise_stops(make_problem: Any) -> None:
    """Clean and received traces differ by what was received while there was noise."""
    problem = make_problem(steps=T, alpha=0.5)
    silent = replace(
        problem,
        noise=problem.noise.map(lambda z: z * (torch.arange(T) < 3)[:, None, None]),
    )
    first = silent.block(0, 3, None)
    rest = replace(silent, noise=None).block(3, T, first.carry)
    whole = silent.forward()
    for kind in ("eligibility", "received_eligibility"):
        got, wanted = (getattr(trace, kind)["hidden2"].values for trace in (rest, whole))
        assert close(got, wanted[3:])
    assert not close(
        rest.eligibility["hidden2"].values, rest.received_eligibility["hidden2"].values
    )


def test_received_records_are_the_clean_ones_without_noise(make_problem: Any) -> None:
    problem = make_problem("residual", steps=3)
    for trace in run_blocks(problem, (2, 1)):
        for kind in ("eligibility", "activity"):
            for layer, clean in getattr(trace, kind).items():
                assert getattr(trace, f"received_{kind}")[layer].values is clean.values


def test_layers_with_one_source_share_its_trace(make_problem: Any) -> None:
    trace = make_problem("residual", steps=3, alpha=0.2).forward()
    for kind in ("eligibility", "received_eligibility"):
        found = getattr(trace, kind)
        assert found["stage2.1.shortcut"].values is found["stage2.1.conv1"].values


def test_static_input_is_a_sequence_that_repeats_it(make_problem: Any) -> None:
    static = make_problem(steps=T)
    repeated = static.batch.inputs.repeat(T, 1, 1)
    sequence = replace(static, batch=Batch(repeated, static.batch.targets))
    a, b = static.forward(), sequence.forward()
    assert close(a.outputs, b.outputs)
    for kind in ("eligibility", "activity"):
        p, q = getattr(a, kind)["hidden1"], getattr(b, kind)["hidden1"]
        assert close(p.weights[:, None, None] * p.values, q.values)
        assert torch.equal(p.bias, q.bias)
    wanted = sequence.online(b)
    assert all(close(g, wanted[n]) for n, g in static.online(a).items())


def folded(problem: Any, replicates: int, *, own_batches: bool) -> tuple[Any, list[Any]]:
    """Return the problem of R replicates folded, and the R problems alone."""
    samples, steps = problem.batch.size, problem.network.steps
    draw = torch.Generator().manual_seed(3)
    z = {
        layer.name: torch.randn(
            (steps, replicates * samples, layer.units), generator=draw, dtype=torch.float64
        )
        for layer in problem.network.spiking
    }
    batch = problem.batch.tiled(replicates)
    if own_batches:
        shift = torch.randn(batch.inputs.shape, generator=draw, dtype=torch.float64)
        batch = Batch(batch.inputs + shift, batch.targets, replicates)
    alone = []
    for r in range(replicates):
        rows = slice(r * samples, (r + 1) * samples)
        mine = Batch(batch.inputs[..., rows, :], batch.targets[rows])
        noise = Noise(0.3, {n: a[:, rows] for n, a in z.items()})
        alone.append(replace(problem, batch=mine, noise=noise))
    return replace(problem, batch=batch, noise=Noise(0.3, z)), alone


@pytest.mark.parametrize("static", [True, False], ids=["static", "sequence"])
@pytest.mark.parametrize("own_batches", [True, False], ids=["own-batches", "shared-batch"])
@pytest.mark.parametrize("replicates", [1, 3])
@pytest.mark.parametrize("over", ["step", "sequence"])
def test_folded_replicates_give_what_each_gives_alone(
    make_problem: Any, static: bool, own_batches: bool, replicates: int, over: str
) -> None:
    problem = make_problem(static=static, steps=3, loss=Loss(0.3, over))  # type: ignore[arg-type]
    together, alone = folded(problem, replicates, own_batches=own_batches)
    trace = together.forward()
    gradient = together.online(trace, replicates)
    separate = [p.online(p.forward()) for p in alone]
    for name, array in gradient.items():
        assert close(array, torch.stack([g[name] for g in separate])), name
    for name, array in together.online(trace).items():
        assert close(array, gradient[name].mean(0)), name


@pytest.mark.parametrize("static", [True, False], ids=["static", "sequence"])
@pytest.mark.parametrize("graph", [*GRAPHS, "plain-conv"])
def test_folded_replicates_of_a_graph_give_what_each_gives_alone(
    make_problem: Any, graph: str, static: bool
) -> None:
    problem = make_problem(graph, static=static, steps=3)
    together, alone = folded(problem, 3, own_batches=True)
    gradient = together.online(together.forward(), 3)
    separate = [p.online(p.forward()) for p in alone]
    for name, array in gradient.items():
        assert close(array, torch.stack([g[name] for g in separate])), name
