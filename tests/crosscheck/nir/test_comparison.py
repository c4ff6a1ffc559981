"""Recordings, where they part from a run, and the dialects that explain them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gradassay.core.errors import DataError, GradassayError, UsageError
from gradassay.crosscheck.nir import (
    PRESETS,
    Dialect,
    Graph,
    best,
    build_graph,
    compare_runs,
    explain,
    find_dialect,
    prepare_input,
    read_array,
    read_recording,
    recorded_node,
    run_graph,
)
from gradassay.crosscheck.nir.nodes import Affine, Input, Neuron, Node, Output, Scale

Float = NDArray[np.float64]
GENERATOR = np.random.default_rng(3)
N, STEPS = 6, 80
INPUT = np.round(4 * GENERATOR.normal(1.0, 2.0, (STEPS, 3))) / 4
DT = 1e-4


def graph_of_one_layer(tau: float = 4 * DT) -> Graph:
    one = np.ones(N)
    weight = np.round(4 * GENERATOR.normal(0, 2, (N, 3))) / 4
    lif = Neuron("LIF", 2 * one, tau * one, 0 * one, v_threshold=one, v_reset=0.25 * one)
    nodes: dict[str, Node] = {
        "in": Input((3,)),
        "w": Affine(weight, 0 * one),
        "lif": lif,
        "out": Output((N,)),
    }
    return build_graph(nodes, [("in", "w"), ("w", "lif"), ("lif", "out")])


GRAPH = graph_of_one_layer()


def test_the_first_divergence_is_the_earliest_step_then_the_lowest_neuron() -> None:
    run = run_graph(GRAPH, INPUT, find_dialect("reference"))
    recorded = run.spikes["lif"].copy()
    for step, neuron in ((40, 1), (17, 4), (17, 2)):
        recorded[step, neuron] = 1 - recorded[step, neuron]
    count, first = compare_runs(run.spikes["lif"], run.membrane["lif"], recorded)
    assert count == 3
    assert first is not None
    assert (first.step, first.neuron, first.recorded) == (17, 2, recorded[17, 2])
    assert first.ours == 1 - first.recorded
    assert first.membrane == run.membrane["lif"][17, 2]
    assert (first.membrane > 1) == bool(first.ours)


@pytest.mark.parametrize("shift", [-2, -1, 0, 1, 2])
def test_a_shifted_recording_is_found_at_its_shift(shift: int) -> None:
    spikes = run_graph(GRAPH, INPUT, find_dialect("reference")).spikes["lif"]
    recorded = np.zeros_like(spikes)
    for step in range(STEPS):
        if 0 <= step + shift < STEPS:
            recorded[step + shift] = spikes[step]
    found = explain(GRAPH, INPUT, recorded, "lif", dialects=PRESETS[:1], shifts=range(-2, 3))
    assert (found[0].shift, found[0].differing) == (shift, 0)


def test_a_spike_before_the_first_step_has_no_potential() -> None:
    silent, recorded = np.zeros((4, 1)), np.array([[1.0], [0], [0], [0]])
    count, first = compare_runs(silent, silent, recorded, shift=1)
    assert count == 1
    assert first is not None
    assert first.step == -1
    assert math.isnan(first.membrane)


def test_a_shift_beyond_the_end_compares_nothing_or_silence() -> None:
    one = np.ones((1, 1))
    assert compare_runs(one, one, one, shift=-2) == (0, None)
    assert compare_runs(one, one, one, shift=2)[0] == 1


@pytest.mark.parametrize("dt", [0.0, -1e-3, math.nan])
def test_a_time_step_that_is_not_positive_is_refused(tmp_path: Path, dt: float) -> None:
    path = write(tmp_path, "events.csv", "time,neuron\n0.003,0\n")
    with pytest.raises(UsageError, match=r"dt: got .*; expected a number above 0"):
        read_recording(path, (4, 1), dt=dt)


@pytest.mark.parametrize("name", [preset.name for preset in PRESETS])
def test_the_dialect_of_a_recording_explains_it(name: str) -> None:
    truth = find_dialect(name, DT)
    recorded = run_graph(GRAPH, INPUT, truth).spikes["lif"]
    presets = tuple(find_dialect(each.name, DT) for each in PRESETS)
    found = explain(GRAPH, INPUT, recorded, "lif", dialects=presets)
    assert truth in [each.dialect for each in best(found)]
    counts = [each.differing for each in found if each.differing is not None]
    assert counts == sorted(counts)


def test_a_variation_explains_what_no_preset_does() -> None:
    reference = find_dialect("reference")
    late = dataclasses.replace(reference.conventions, lag=1)
    truth = dataclasses.replace(reference, conventions=late)
    recorded = run_graph(GRAPH, INPUT, truth).spikes["lif"]
    found = explain(GRAPH, INPUT, recorded, "lif")
    assert found[0].differing == 0
    assert "reference, reset a step late" in [each.dialect.name for each in best(found)]
    named = {each.dialect.name: each.differing for each in found}
    assert all(named[preset.name] for preset in PRESETS)


def test_a_dialect_that_cannot_run_is_last_and_says_why() -> None:
    graph = graph_of_one_layer(tau=1e-3 * DT)
    dialects = (Dialect("far", integration="euler"), Dialect("near", integration="exact"))
    soft = dataclasses.replace(dialects[0].conventions, reset="none")
    dialects = (dataclasses.replace(dialects[0], conventions=soft), dialects[1])
    inputs = np.repeat(INPUT, 4, axis=0)
    recorded = np.zeros((len(inputs), N))
    found = explain(graph, inputs, recorded, "lif", dialects=dialects)
    assert [each.dialect.name for each in found] == ["near", "far"]
    assert found[1].differing is None
    assert "not finite" in found[1].problem


def test_a_recording_of_another_shape_is_refused() -> None:
    with pytest.raises(DataError, match=r"recording: shape \(80, 5\); expected \(80, 6\)"):
        explain(GRAPH, INPUT, np.zeros((STEPS, 5)), "lif")


def test_the_recorded_node_is_the_one_that_feeds_the_output() -> None:
    assert recorded_node(GRAPH) == "lif"
    assert recorded_node(GRAPH, "lif") == "lif"
    with pytest.raises(UsageError, match="node: got 'w'; expected one of lif"):
        recorded_node(GRAPH, "w")
    nodes = {**GRAPH.nodes, "s": Scale(np.ones(N))}
    edges = [("in", "w"), ("w", "lif"), ("lif", "s"), ("s", "out")]
    with pytest.raises(UsageError, match="--node: the output is not that of one spiking node"):
        recorded_node(build_graph(nodes, edges))


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_tables_and_events_of_the_same_spikes_are_the_same(tmp_path: Path) -> None:
    spikes = np.zeros((4, 3))
    spikes[[0, 2, 3], [1, 0, 2]] = 1
    np.save(tmp_path / "a.npy", spikes)
    np.savetxt(tmp_path / "b.csv", spikes, delimiter=",")
    rows = [f"{t},{n}" for t, n in np.argwhere(spikes)]
    paths = [
        tmp_path / "a.npy",
        tmp_path / "b.csv",
        write(tmp_path, "c.csv", "x,y,z\n" + "\n".join(",".join(map(str, r)) for r in spikes)),
        write(tmp_path, "d.csv", "step,neuron\n" + "\n".join(rows)),
        write(tmp_path, "e.csv", "Time, Neuron\n0.0,1\n0.0019,0\n0.003,2\n0.004,1\n"),
    ]
    for path in paths:
        np.testing.assert_array_equal(read_recording(path, (4, 3), dt=1e-3), spikes)
    table = np.column_stack([np.full(4, 0.5), spikes])
    np.savetxt(tmp_path / "f.csv", table, delimiter=",")
    found = read_recording(tmp_path / "f.csv", (4, 3), columns=(1, 2, 3))
    np.testing.assert_array_equal(found, spikes)


BAD_RECORDINGS = {
    "shape (1, 2); expected (4, 3)": "1,0\n",
    "'x' is not a number": "1,0,0\n1,x,0\n",
    "rows of different lengths": "1,0,0\n1,0\n",
    "not spikes": "0.5,0,0\n0,0,0\n0,0,0\n0,0,0\n",
    "not spikes; expected 0, 1": "-1,0,0\n0,0,0\n0,0,0\n0,0,0\n",
    "not spikes; expected": "nan,0,0\n0,0,0\n0,0,0\n0,0,0\n",
    "neuron 3; expected 0 to 2": "step,neuron\n1,3\n",
    "neuron 0.5; expected 0 to 2": "step,neuron\n1,0.5\n",
    "expected a time and a neuron": "step,neuron\n-1,0\n",
    "expected a time and a": "step,neuron\n1,0,1\n",
    "has times of spikes; give the time of a step": "time,neuron\n1,0\n",
    "shape (0,)": "",
}


@pytest.mark.parametrize("message", BAD_RECORDINGS)
def test_a_recording_that_makes_no_sense_is_refused(message: str, tmp_path: Path) -> None:
    with pytest.raises(GradassayError) as caught:
        read_recording(write(tmp_path, "r.csv", BAD_RECORDINGS[message]), (4, 3))
    assert message in str(caught.value)


def test_columns_that_are_not_there_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "r.csv", "1,0,0\n")
    with pytest.raises(UsageError, match=r"--columns: got \[3\]; r\.csv has 0 to 2"):
        read_recording(path, (1, 1), columns=(3,))


def test_arrays_that_are_not_plain_numbers_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{}], object), allow_pickle=True)
    np.save(tmp_path / "c.npy", np.zeros(2, complex))
    np.save(tmp_path / "t.npy", np.zeros(100))
    data = (tmp_path / "t.npy").read_bytes()
    (tmp_path / "t.npy").write_bytes(data[:-8])
    write(tmp_path, "p.npy", "cos\nsystem\n")
    for name in ("o", "c", "t", "p", "none"):
        with pytest.raises(DataError, match=f"{name}.npy: "):
            read_array(tmp_path / f"{name}.npy")


def test_an_input_of_one_step_is_repeated_and_a_longer_one_is_cut() -> None:
    one, many = INPUT[0], INPUT
    np.testing.assert_array_equal(prepare_input(one, GRAPH, 3), [one] * 3)
    np.testing.assert_array_equal(prepare_input(many, GRAPH, 3), many[:3])
    assert prepare_input(many, GRAPH, None) is not None
    for values, steps, message in (
        (one, None, "has no time"),
        (many, 0, "--steps: got 0"),
        (many, 81, "80 steps; --steps wants 81"),
        (one, 10**12, "too many to record"),
    ):
        with pytest.raises(GradassayError, match=message):
            prepare_input(values, GRAPH, steps)
